//! What of a deployment works: bindings, stores and issuers, each asked for itself, all at once.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use serde::Serialize;

use crate::api_key::{HolderKey, KeyCommand, ask};
use crate::audit::short;
use crate::config::{BindingUse, NeededBinding, bindings};
use crate::gateway::context::RequestContext;
use crate::gateway::issuer_documents::document::{Condition, Published};
use crate::gateway::{Platform, response};
use crate::http::{Response, StatusCode};
use crate::ids::site::SiteId;
use crate::outward::ServiceTokens;
use crate::policy::pointer_key;
use crate::ports::{PolicyStore, Probe, ReplayGuard, StoreError};
use crate::refusal::Reason;
use crate::relation::{Object, TupleStore};
use crate::session::{Command, Sessions, SidIndex, SidKey, SubjectKey};
use crate::store::block_list::{BlockRequest, Blocks};
use crate::store::decision_log::DecisionLog;
use crate::time::{Seconds, Timestamp};

/// A name that no issuer has: an issuer is a URL.
const NOBODY: &str = "health";
/// An id that no request has.
const NO_REQUEST: &str = "00000000000000000000";

/// How things are.
#[derive(Serialize)]
pub(in crate::gateway) struct HealthReport<'a> {
    status: Status,
    version: &'static str,
    config: &'a str,
    site: Option<&'a str>,
    time: Timestamp,
    bindings: Vec<Part>,
    issuers: Vec<Part>,
}

/// Each is worse than the one before.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Ok,
    /// Requests go on, some of them with less.
    Degraded,
    /// Requests are refused for it.
    Failing,
}

/// Something that was looked at.
#[derive(Serialize)]
struct Part {
    name: String,
    status: Status,
    /// Since when it is here, in seconds.
    age: Option<Seconds>,
    reason: Option<&'static str>,
    detail: Option<String>,
    #[serde(skip)]
    is_issuer: bool,
}

impl HealthReport<'_> {
    /// 503 where requests fail: so a monitor need not read it.
    pub(in crate::gateway) fn to_response(&self) -> Response {
        let status = if self.status == Status::Failing { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
        response::json_text(status, serde_json::to_string(self).unwrap_or_default())
    }
}

type Work<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// Asks everything. Nothing that is asked writes a row or ends anything.
pub(in crate::gateway) async fn of<'a, P: Platform>(ctx: &RequestContext<'a, P>) -> HealthReport<'a> {
    let config = &ctx.site.config;
    let mut work: Vec<Work<'_, Part>> = Vec::new();
    for one in config.needed_bindings() {
        work.push(Box::pin(of_binding(ctx, one)));
    }
    for one in ctx.site.published() {
        work.push(Box::pin(of_issuer(ctx, one)));
    }
    let (issuers, bindings): (Vec<Part>, Vec<Part>) = all(work).await.into_iter().partition(|part| part.is_issuer);
    let of_all = if super::can_serve(config, ctx.platform.probe()) { Status::Ok } else { Status::Failing };
    HealthReport {
        status: bindings.iter().chain(&issuers).fold(of_all, |worst, part| worst.max(part.status)),
        version: crate::VERSION,
        config: &config.stamp,
        site: config.site.id().map(SiteId::as_str),
        time: ctx.request.now,
        bindings,
        issuers,
    }
}

/// What each comes to, all at once.
async fn all<T>(mut work: Vec<Work<'_, T>>) -> Vec<T> {
    let mut done: Vec<Option<T>> = work.iter().map(|_| None).collect();
    poll_fn(|context| {
        for (one, slot) in work.iter_mut().zip(&mut done).filter(|(_, slot)| slot.is_none()) {
            if let Poll::Ready(value) = one.as_mut().poll(context) {
                *slot = Some(value);
            }
        }
        if done.iter().all(Option::is_some) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    done.into_iter().flatten().collect()
}

/// Those who are signed in stay so without their issuer.
async fn of_issuer<P: Platform>(ctx: &RequestContext<'_, P>, published: Published) -> Part {
    let Condition { name, age, failure } = ctx.site.condition(ctx.platform, published).await;
    let status = if failure.is_none() { Status::Ok } else { Status::Degraded };
    let reason = failure.as_ref().map(Reason::code);
    let detail = failure.and_then(|failure| failure.detail()).map(|detail| short(&detail));
    Part { name, status, age, reason, detail, is_issuer: true }
}

/// Whether it is bound; of a store, whether it also answers. What only costs requests to issuers, or counts, or is one of
/// several upstreams, leaves the rest at work.
async fn of_binding<P: Platform>(ctx: &RequestContext<'_, P>, NeededBinding { name, used_as }: NeededBinding) -> Part {
    let outcome = if ctx.platform.probe().is_bound(&name) {
        asked(ctx, &name).await.map_err(|error| match error {
            StoreError::Unavailable(why) => ("store.unavailable", Some(short(&why.0))),
            StoreError::Malformed => ("store.malformed", None),
        })
    } else {
        Err(("binding.missing", None))
    };
    let (status, reason, detail) = match outcome {
        Ok(()) => (Status::Ok, None, None),
        Err((reason, detail)) => {
            let is_needed = matches!(used_as, BindingUse::Store | BindingUse::Certificate);
            let status = if is_needed { Status::Failing } else { Status::Degraded };
            (status, Some(reason), detail)
        }
    };
    Part { name, status, age: None, reason, detail, is_issuer: false }
}

/// A question to the store that changes nothing.
fn asked<'a, P: Platform>(ctx: &'a RequestContext<'_, P>, name: &str) -> Work<'a, Result<(), StoreError>> {
    let platform = ctx.platform;
    match name {
        bindings::SUBJECTS => Box::pin(async move {
            let command = Command::List { clocks: ctx.timeouts() };
            platform.sessions().call(&SubjectKey::of(NOBODY, NOBODY), &command).await.map(drop)
        }),
        bindings::ONCE => Box::pin(async move { platform.replay_guard().release(&[0; 32]).await }),
        bindings::SID_INDEX => {
            Box::pin(async move { platform.sid_index().find_sid(&SidKey::of(NOBODY, NOBODY)).await.map(drop) })
        }
        bindings::TUPLES => Box::pin(async move {
            let Some(object) = Object::parse("health:health") else { return Ok(()) };
            platform.tuples().list_tuples(&object, None).await.map(drop)
        }),
        bindings::DECISION_LOG => Box::pin(async move { platform.decisions().kept(NO_REQUEST).await.map(drop) }),
        bindings::API_KEYS => Box::pin(async move {
            let of = HolderKey::of_person(NOBODY, NOBODY);
            ask(platform.api_keys(), &KeyCommand::List { of }).await.map(drop)
        }),
        bindings::BLOCKS => Box::pin(async move {
            let newest = BlockRequest::Read { known: None };
            platform.blocks().ask_blocks(&newest).await.map(drop)
        }),
        bindings::SERVICE_TOKENS => Box::pin(async move { platform.service_tokens().reach().await }),
        bindings::POLICIES => Box::pin(async move { platform.policy_store().published(pointer_key()).await.map(drop) }),
        bindings::DOCUMENTS => Box::pin(async move { platform.probe().read_cache().await }),
        // What counts would count, and what lies behind an upstream is its own affair.
        _ => Box::pin(async { Ok(()) }),
    }
}
