//! Policies: which are published, and publishing others.
//!
//! The store is only consistent after a while: two who publish at once may not see each other, and the later writing
//! counts. `expect` refuses what would undo something that has been seen since.

use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::{Value, json};

use super::endpoints::PolicyTask;
use super::request::{MAX_BYTES, Order};
use super::{Change, Done};
use crate::gateway::Platform;
use crate::gateway::context::RequestContext;
use crate::policy::{Bundle, CompiledPolicies, Pointer, Policies, VERSIONS, Version, pointer_key, version_key};
use crate::ports::{PolicyPublisher, PolicyStore, RequestBody, StoreError};
use crate::refusal::Reason;

/// `parameter`: the version, where the path names one.
pub(super) async fn carry_out<P: Platform>(
    ctx: &RequestContext<'_, P>,
    task: PolicyTask,
    parameter: &str,
    body: impl RequestBody,
) -> Result<Done, Reason> {
    // Without an engine none of this is found.
    let policies = ctx.site.policies.as_ref().ok_or(Reason::NoRoute)?;
    match task {
        PolicyTask::List => list(ctx, policies).await,
        PolicyTask::Read => read(ctx, parameter).await,
        PolicyTask::Publish => publish(ctx, policies, body).await,
        PolicyTask::Point => repoint(ctx, policies, body).await,
    }
}

/// `GET /auth/admin/policies`: what the store names, and what this isolate goes by.
async fn list<P: Platform>(ctx: &RequestContext<'_, P>, policies: &Policies) -> Result<Done, Reason> {
    let published = published(ctx).await?;
    let keys = ctx.platform.policy_publisher().keys(VERSIONS).await.map_err(Reason::Store)?;
    let versions = keys.iter().filter_map(|key| Version::parse(key.strip_prefix(VERSIONS)?));
    let here = policies.known().map(|(pointer, read_at)| {
        json!({
            "pointer": pointer, "age": ctx.request.now.since(read_at).get(),
        })
    });
    Ok(Done::read(&json!({ "pointer": published, "versions": versions.collect::<Vec<_>>(), "here": here })))
}

/// `GET /auth/admin/policies/{version}`: its files.
async fn read<P: Platform>(ctx: &RequestContext<'_, P>, version: &str) -> Result<Done, Reason> {
    let version = Version::parse(version).ok_or(Reason::NoSuchVersion)?;
    let bundle = stored(ctx, &version).await?.ok_or(Reason::NoSuchVersion)?;
    let files: BTreeMap<&str, &str> = bundle.files().collect();
    Ok(Done::read(&json!({ "version": version, "files": files })))
}

/// `POST /auth/admin/policies`: `{ "files": { "a.cedar": "…" }, "as": "live", "expect": 7 }`.
async fn publish<P: Platform>(
    ctx: &RequestContext<'_, P>,
    policies: &Policies,
    body: impl RequestBody,
) -> Result<Done, Reason> {
    let order = Order::of_body(ctx, body, &["files", "as", "expect"], Bundle::MAX_TEXT_BYTES).await?;
    let files = order.get("files").cloned().ok_or(Reason::BadInput("files"))?;
    let files = serde_json::from_value(files).map_err(|_| Reason::BadInput("files"))?;
    let role = order.text("as").ok_or(Reason::BadInput("as"))?;
    let before = expected(ctx, &order).await?;
    let bundle = match Bundle::new(files) {
        Ok(bundle) => bundle,
        Err(problem) => return Ok(Done::unacceptable(ctx, &[problem.to_string()])),
    };
    let set = match policies.engine().parse(&bundle) {
        Ok(set) => set,
        Err(problems) => {
            let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
            return Ok(Done::unacceptable(ctx, &problems));
        }
    };
    let version = bundle.version();
    let (live, shadow) = match (role, &before) {
        ("live", _) => (version.clone(), None),
        ("shadow", Some(before)) => (before.live.clone(), Some(version.clone())),
        ("shadow", None) => return Ok(nothing_is_live(ctx)),
        _ => return Err(Reason::BadInput("as")),
    };
    // A pointer is never to name what is not there.
    ctx.platform.policy_publisher().publish(&version_key(&version), bundle.to_text()).await.map_err(Reason::Store)?;
    point(ctx, policies, before, (live, shadow), &[set]).await
}

/// `POST /auth/admin/policies/pointer`: `{ "live": "…", "shadow": "…", "expect": 7 }`, forward or back. What is left out
/// stays; `"shadow": null` ends a trial.
async fn repoint<P: Platform>(
    ctx: &RequestContext<'_, P>,
    policies: &Policies,
    body: impl RequestBody,
) -> Result<Done, Reason> {
    let order = Order::of_body(ctx, body, &["live", "shadow", "expect"], MAX_BYTES).await?;
    let before = expected(ctx, &order).await?;
    let named = |name: &'static str| match order.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value.as_str().and_then(Version::parse).map(Some).ok_or(Reason::BadInput(name)),
    };
    let (live, shadow) = (named("live")?, named("shadow")?);
    if order.get("live").is_none() && order.get("shadow").is_none() {
        return Err(Reason::BadInput("live"));
    }
    let mut sets = Vec::new();
    for version in live.iter().chain(&shadow) {
        let bundle = stored(ctx, version).await?.ok_or(Reason::NoSuchVersion)?;
        match policies.engine().parse(&bundle) {
            Ok(set) => sets.push(set),
            Err(problems) => {
                // It held up when it was published, by another release.
                let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
                return Ok(Done::unacceptable(ctx, &problems));
            }
        }
    }
    let shadow =
        if order.get("shadow").is_some() { shadow } else { before.as_ref().and_then(|one| one.shadow.clone()) };
    match live.or_else(|| before.as_ref().map(|before| before.live.clone())) {
        Some(live) => {
            let shadow = shadow.filter(|shadow| *shadow != live);
            point(ctx, policies, before, (live, shadow), &sets).await
        }
        None => Ok(nothing_is_live(ctx)),
    }
}

/// Writes the pointer. Its serial grows even where the store showed us an old one, for nobody follows one that is lower
/// than what they know.
async fn point<P: Platform>(
    ctx: &RequestContext<'_, P>,
    policies: &Policies,
    before: Option<Pointer>,
    (live, shadow): (Version, Option<Version>),
    checked: &[Rc<dyn CompiledPolicies>],
) -> Result<Done, Reason> {
    let known = policies.known().map(|(pointer, _)| pointer.serial);
    let newest =
        known.map_or(0, |serial| serial.saturating_add(1)).max(ctx.request.now.as_unix().try_into().unwrap_or(0));
    let pointer = Pointer::after(before.as_ref(), live, shadow).at_least(newest);
    let pointer = pointer.vouching(policies.engine(), before.as_ref(), checked);
    ctx.platform.policy_publisher().publish(pointer_key(), pointer.to_text()).await.map_err(Reason::Store)?;
    let change = Change { before: before.as_ref().map_or_else(|| "nothing".to_owned(), told), after: told(&pointer) };
    Ok(Done::changed(&json!({ "pointer": pointer }), change))
}

/// The pointer in a few words.
fn told(pointer: &Pointer) -> String {
    let shadow = pointer.shadow.as_ref().map_or_else(String::new, |shadow| format!(", on trial {shadow}"));
    format!("{} live{shadow}, serial {}", pointer.live, pointer.serial)
}

fn nothing_is_live<P>(ctx: &RequestContext<'_, P>) -> Done {
    Done::unacceptable(ctx, &["nothing is live, beside which it could be tried".to_owned()])
}

/// What the store names now, as the order expects it to.
///
/// # Errors
/// When the store names something else.
async fn expected<P: Platform>(ctx: &RequestContext<'_, P>, order: &Order) -> Result<Option<Pointer>, Reason> {
    let pointer = published(ctx).await?;
    match order.get("expect") {
        None => Ok(pointer),
        Some(expect) => match expect.as_u64() {
            Some(serial) if pointer.as_ref().map_or(0, |pointer| pointer.serial) == serial => Ok(pointer),
            Some(_) => Err(Reason::Outdated),
            None => Err(Reason::BadInput("expect")),
        },
    }
}

async fn published<P: Platform>(ctx: &RequestContext<'_, P>) -> Result<Option<Pointer>, Reason> {
    let text = ctx.platform.policy_store().published(pointer_key()).await.map_err(Reason::Store)?;
    // One that cannot be read is none: whoever publishes mends it.
    Ok(text.as_deref().and_then(Pointer::from_text))
}

async fn stored<P: Platform>(ctx: &RequestContext<'_, P>, version: &Version) -> Result<Option<Bundle>, Reason> {
    let text = ctx.platform.policy_store().published(&version_key(version)).await.map_err(Reason::Store)?;
    let bundle = text.map(|text| Bundle::from_text(&text).map_err(|_| Reason::Store(StoreError::Malformed)));
    Ok(bundle.transpose()?.filter(|bundle| bundle.version() == *version))
}
