//! The code of every request, run once before there is one.
//!
//! An isolate compiles a function when it is first called. What is called here, while the isolate starts, is ready for the first
//! request.

use super::Gateway;
use super::guard;
use super::request::Request;
use super::response_parts::ResponseParts;
use crate::audit::Event;
use crate::authz::{self, Decision};
use crate::http::header_edits::HeaderEdits;
use crate::http::{HeaderMap, RequestHead, StatusCode};
use crate::route::{Access, CanonicalPath, Matched, Route, Upstream};
use crate::time::Timestamp;
use crate::upstream::{ForwardPlan, StreamLifetime, UpstreamIdentity};

/// The id of the made-up request, as long as those of others.
const ID: &str = "00000000000000000000";

/// What a made-up request comes to. It cannot be sent on.
#[derive(Debug)]
pub struct WarmUp<'a> {
    /// The headers that an upstream would get.
    pub headers: HeaderMap,
    /// The changes to the headers of its answer.
    pub edits: HeaderEdits<'a>,
}

impl Gateway {
    /// Handles a made-up request, and the headers of a made-up answer, as if the first route were public. Nothing is sent on,
    /// written or kept. `None` without routes.
    #[must_use]
    pub fn warm_up<'a>(&self, head: &RequestHead, answer: &'a HeaderMap) -> Option<WarmUp<'a>> {
        let request = Request::new(head, Timestamp::EPOCH, ID.to_owned());
        let mut event = Event::about(ID, head.method.as_str(), request.target.path, &head.peer, request.now);
        event.decided_by(&self.config);
        let mut parts = ResponseParts::new(event);
        let path = CanonicalPath::parse(request.target.path).ok()?;
        let _ = self.config.routes.find(&head.method, &path);
        let route = &Route { access: Access::Public, ..self.config.routes.routes().first()?.clone() };
        let matched = Matched { route, params: Vec::new(), call: None };
        let Decision::Allow(permit) = authz::authorize(None, &matched, request.now) else { return None };
        let told = (UpstreamIdentity::default(), StreamLifetime::Unlimited);
        let forwarding = guard::forwarding((self, &request), (&path, route), told);
        let plan = ForwardPlan::new(route.upstream.clone().unwrap_or(Upstream::Assets), forwarding, permit);
        parts.event.removed(&plan.removed);
        let plan = parts.complete(plan);
        let _ = plan.event()?.line.closed(StatusCode::OK.as_u16(), Some(StatusCode::OK.as_u16()));
        let edits = plan.answer_edits(StatusCode::OK, answer);
        Some(WarmUp { headers: plan.headers, edits })
    }
}

#[cfg(test)]
mod tests;
