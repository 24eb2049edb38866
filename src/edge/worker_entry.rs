//! Where the runtime comes in: one request, one site's [`Gateway`], one answer, whatever happens.

use std::rc::Rc;

use wasm_bindgen::prelude::wasm_bindgen;
use web_sys::{Request, Response};
use worker::{Context, Env, ScheduleContext, ScheduledEvent, event};

use super::background::Background;
use super::crossing::Crossing;
use super::forward::{self, ForwardError};
use super::js::Exception;
use super::log;
use super::platform::Workers;
use super::request::{self, IncomingBody};
use super::{isolate, response};
use crate::authn::Rejection;
use crate::gateway::{Gateway, Outcome, Place};
use crate::http::{Reply, RequestHead};
use crate::refusal::Reason;
use crate::site::Site;
use crate::upstream::ForwardPlan;

/// Takes a request in; `entry.js` steps it through.
#[wasm_bindgen]
#[must_use]
pub fn enter(incoming: Request, env: Env, context: worker::worker_sys::Context) -> Crossing {
    let head = Rc::new(request::head(&incoming).ok());
    let background = Background::Request(Rc::new(Context::new(context)));
    let shown = Rc::clone(&head);
    let work = async move {
        let answered = answer(incoming, env, background, (*head).as_ref()).await;
        answered.unwrap_or_else(|failure| response::broken((*head).as_ref(), &failure.to_string()))
    };
    Crossing::new(work, move |crash| response::broken((*shown).as_ref(), &crash.to_string()))
}

/// Answers in the place of a crossing that an exception of the runtime has passed through.
#[wasm_bindgen]
#[must_use]
pub fn broken(incoming: &Request, exception: &str) -> Response {
    response::broken(request::head(incoming).ok().as_ref(), exception)
}

/// The timed refresh of what issuers publish (`[triggers]` in `wrangler.toml`), for every site that works.
#[event(scheduled)]
async fn scheduled(_event: ScheduledEvent, env: Env, context: ScheduleContext) {
    let deployment = match isolate::deployment(&env) {
        Ok(deployment) => deployment,
        Err(failure) => return log::failure("failed", None, &failure.to_string()),
    };
    if let Place::Unusable(why) = deployment.of(&Site::SOLE) {
        log::failure("failed", None, &why.to_string());
    }
    let background = Background::Schedule(context);
    for gateway in deployment.gateways() {
        // Every fetch is an errand of its own: whatever becomes of it, the others go on.
        gateway.refresh(&Workers::new(&env, gateway, background.clone()));
    }
}

async fn answer(
    incoming: Request,
    env: Env,
    background: Background,
    head: Option<&RequestHead>,
) -> Result<Response, Exception> {
    let Some(head) = head else {
        return Ok(response::unreadable());
    };
    #[cfg(feature = "fault-injection")]
    if let Some(reply) = super::fault::provoke(&env, &path_of(&head.url)).await {
        return response::build(&reply);
    }
    let deployment = isolate::deployment(&env)?;
    let gateway = match deployment.at(head) {
        Place::Site(gateway) => gateway,
        Place::Unusable(why) => return Err(Exception::new(&why.to_string())),
        Place::Nowhere => return Ok(response::misdirected(head)),
    };
    let platform = Workers::new(&env, gateway, background);
    // The handle, not the request: `Request.clone()` would buffer the body.
    let body = IncomingBody::of(Clone::clone(&incoming));
    match gateway.handle(&platform, head, body).await {
        Outcome::Reply(reply) => response::build(&reply),
        Outcome::Forward(plan) => match forward::send(&env, gateway.config(), &plan, &incoming).await {
            Ok(response) => Ok(response),
            Err(error) => response::build(&not_forwarded(gateway, head, &plan, &error)),
        },
    }
}

fn not_forwarded(gateway: &Gateway, head: &RequestHead, plan: &ForwardPlan, error: &ForwardError) -> Reply {
    log::failure("upstream_failed", Some(&plan.request_id), &error.to_string());
    let reason = match error {
        ForwardError::Timeout => Reason::UpstreamTimeout,
        ForwardError::NoFile => Reason::NoFile,
        ForwardError::Ended => Reason::Rejected(Rejection::SessionGone),
        ForwardError::Unwatched(store) => Reason::Store(store.clone()),
        ForwardError::Binding(_) | ForwardError::Unsendable(_) | ForwardError::Network(_) => {
            Reason::UpstreamUnreachable
        }
    };
    gateway.upstream_failed(head, &plan.request_id, &reason)
}

#[cfg(feature = "fault-injection")]
fn path_of(url: &str) -> String {
    let path = url.split_once("://").and_then(|(_, rest)| rest.find('/').and_then(|start| rest.get(start..)));
    path.unwrap_or_default().split('?').next().unwrap_or_default().to_owned()
}
