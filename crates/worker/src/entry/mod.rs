//! Where the runtime comes in: one request, one site's [`Gateway`], one answer, whatever happens.

pub mod stepper;

use std::rc::Rc;

use wasm_bindgen::prelude::wasm_bindgen;
use web_sys::{Request, Response};
use worker::{Context, Env, ScheduleContext, ScheduledEvent, event};

use crate::entry::stepper::Stepper;
use crate::fault;
use crate::http::forward::{self, ForwardError};
use crate::js;
use crate::policies;
use postern::audit::PendingEvent;
use postern::authn::Rejection;
use postern::gateway::{Disposition, SiteMatch};
use postern::http::{RequestHead, StatusCode};
use postern::ids::site::Site;
use postern::refusal::Reason;
use postern_workers::background::Background;
use postern_workers::http::request::{self, IncomingBody};
use postern_workers::http::response;
use postern_workers::isolate;
use postern_workers::js::Exception;
use postern_workers::log;
use postern_workers::pending_request::PendingRequest;
use postern_workers::platform::Workers;
use postern_workers::warm_up;

/// Runs before the first request, where nobody waits.
#[event(start)]
fn start() {
    isolate::set_policy_engine(policies::engine());
    isolate::set_configuration(|| js::configuration().map_err(Exception::from));
    isolate::set_languages(js::load_language);
}

/// Reads the configuration from these bindings before there is a request, and runs the code of every request with a made-up one.
#[wasm_bindgen(js_name = readAhead)]
pub fn read_ahead(env: &Env, request: &Request, answer: &Response) {
    if let Some(deployment) = isolate::read_ahead(env) {
        drop(warm_up::run(&deployment, request, answer));
    }
}

/// Takes a request in; `entry.js` steps it through.
#[wasm_bindgen]
#[must_use]
pub fn enter(incoming: Request, env: Env, context: worker::worker_sys::Context, pending: PendingRequest) -> Stepper {
    let background = Background::PendingRequest(Rc::new(Context::new(context)), pending.clone());
    let work = async move {
        let head = request::head(&incoming).ok();
        let answered = answer(incoming, env, background, head.as_ref()).await;
        answered.unwrap_or_else(|failure| response::broken(head.as_ref(), &failure.to_string()))
    };
    Stepper::new(work, pending)
}

/// Answers a request that ended the instance that it was handed to.
#[wasm_bindgen]
#[must_use]
pub fn broken(incoming: &Request, reason: &str) -> Response {
    response::broken(request::head(incoming).ok().as_ref(), reason)
}

/// Answers a request whose instance was ended by something else.
#[wasm_bindgen]
#[must_use]
pub fn interrupted(incoming: &Request) -> Response {
    response::interrupted(request::head(incoming).ok().as_ref())
}

/// The timed refresh of what issuers publish (`[triggers]` in `wrangler.toml`), for every site that works.
#[event(scheduled)]
async fn scheduled(_event: ScheduledEvent, env: Env, context: ScheduleContext) {
    let deployment = match isolate::deployment(&env) {
        Ok(deployment) => deployment,
        Err(failure) => return log::failure("failed", None, &failure.to_string()),
    };
    if let SiteMatch::Unusable(why) = deployment.of(&Site::SOLE) {
        log::failure("failed", None, &why.to_string());
    }
    let background = Background::Schedule(context);
    for gateway in deployment.gateways() {
        // Every fetch is a task of its own: whatever becomes of it, the others go on.
        gateway.refresh_documents(&Workers::new(&env, gateway, background.clone()));
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
    if let Some(reply) = fault::provoke(&env, &head.url, &background).await {
        return response::build(&reply);
    }
    let deployment = isolate::deployment(&env)?;
    let gateway = match deployment.at(head) {
        SiteMatch::Site(gateway) => gateway,
        SiteMatch::Unusable(why) => return Ok(response::unusable(head, &deployment, why)),
        SiteMatch::Nowhere => return Ok(response::misdirected(head)),
    };
    let platform = Workers::new(&env, gateway, background.clone());
    // The handle, not the request: `Request.clone()` would buffer the body.
    let body = IncomingBody::of(Clone::clone(&incoming));
    match gateway.handle(&platform, head, body).await {
        Disposition::Respond(reply) => response::build(&reply),
        Disposition::Forward(mut plan) => {
            // Should this instance end or the client go away before the upstream answers, the log tells all the same.
            background.hold(plan.event().map(PendingEvent::to_line).unwrap_or_default());
            fault::at("before-upstream", head);
            background.note_effect();
            let answered = match forward::send(&env, (gateway, &platform), &mut plan, &incoming).await {
                Ok(response) => {
                    let status = StatusCode::from_u16(response.status()).unwrap_or(StatusCode::OK);
                    gateway.forwarded(&platform, &plan, Ok(status));
                    Ok(response)
                }
                Err(error) => {
                    let reason = reason(&error);
                    if matches!(error, ForwardError::Abandoned) {
                        gateway.abandoned(&platform, &plan);
                    } else {
                        log::failure("upstream_failed", Some(&plan.request_id), &error.to_string());
                        gateway.forwarded(&platform, &plan, Err(&reason));
                    }
                    response::build(&gateway.upstream_failed(head, &plan.request_id, &reason))
                }
            };
            background.release();
            answered
        }
    }
}

/// Why the upstream's answer did not come, as the caller and the log learn it.
fn reason(error: &ForwardError) -> Reason {
    match error {
        ForwardError::Timeout => Reason::UpstreamTimeout,
        ForwardError::NoFile => Reason::NoFile,
        ForwardError::UnreadableList => Reason::UpstreamList,
        ForwardError::Ended => Reason::Rejected(Rejection::SessionGone),
        ForwardError::Unwatched(store) => Reason::Store(store.clone()),
        ForwardError::Binding(_) | ForwardError::Unsendable(_) | ForwardError::Network(_) | ForwardError::Abandoned => {
            Reason::UpstreamUnreachable
        }
    }
}
