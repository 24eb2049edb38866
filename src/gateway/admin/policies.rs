//! Policies: which are published, and publishing others.
//!
//! The store is only consistent after a while: two who publish at once may not see each other, and the later writing
//! counts. `expect` refuses what would undo something that has been seen since, and from a pointer that is older than what
//! is known here nothing is kept.

use std::collections::BTreeSet;
use std::rc::Rc;

use serde_json::{Value, json};

use super::authorize::Manager;
use super::endpoints::PolicyTask;
use super::request::{MAX_BYTES, Order};
use super::{Change, Done};
use crate::explain::words;
use crate::gateway::Platform;
use crate::gateway::context::RequestContext;
use crate::gateway::response_parts::ResponseParts;
use crate::json;
use crate::policy::{
    Bundle, CompiledPolicies, Pointer, Policies, PolicyProblem, VERSIONS, Version, pointer_key, unknown_names,
    version_key,
};
use crate::ports::{PolicyPublisher, PolicyStore, RequestBody, StoreError};
use crate::refusal::{OrderError, Reason};

/// `parameter`: the version, where the path names one.
pub(super) async fn carry_out<P: Platform>(
    ctx: &RequestContext<'_, P>,
    (task, manager): (PolicyTask, &Manager),
    parameter: &str,
    body: impl RequestBody,
    parts: &mut ResponseParts,
) -> Result<Done, Reason> {
    // Without an engine none of this is found.
    let policies = ctx.site.policies.as_ref().ok_or(Reason::NoRoute)?;
    match task {
        PolicyTask::List => list(ctx, policies).await,
        PolicyTask::Read => read(ctx, parameter, parts).await,
        PolicyTask::Publish => publish(ctx, (policies, manager), body).await,
        PolicyTask::Point => repoint(ctx, (policies, manager), body).await,
    }
}

/// `GET /auth/admin/policies`: what the store names, and what this isolate goes by.
async fn list<P: Platform>(ctx: &RequestContext<'_, P>, policies: &Policies) -> Result<Done, Reason> {
    let published = published(ctx).await?;
    if let Some(pointer) = &published {
        policies.saw(pointer);
    }
    let keys = ctx.platform.policy_publisher().keys(VERSIONS).await.map_err(Reason::Store)?;
    let versions = keys.iter().filter_map(|key| Version::parse(key.strip_prefix(VERSIONS)?));
    let here = policies.known().map(|(pointer, read_at)| {
        json!({
            "pointer": pointer, "age": ctx.request.now.since(read_at).get(),
        })
    });
    let idle = policies.not_in_force(published.as_ref(), ctx.request.now);
    let idle = idle.map(|(what, why)| json!({ "what": what, "reason": why, "because": words::of(why) }));
    let versions = versions.collect::<Vec<_>>();
    Ok(Done::read(&json!({ "pointer": published, "versions": versions, "here": here, "not_in_force": idle })))
}

/// `GET /auth/admin/policies/{version}`: its files.
async fn read<P: Platform>(
    ctx: &RequestContext<'_, P>,
    version: &str,
    parts: &mut ResponseParts,
) -> Result<Done, Reason> {
    let version = Version::parse(version).ok_or(Reason::Order(OrderError::NoSuchVersion))?;
    parts.event.target = Some(version.to_string());
    let bundle = stored(ctx, &version).await?.ok_or(Reason::Order(OrderError::NoSuchVersion))?;
    let files = json::object(bundle.files().map(|(name, text)| (name.to_owned(), text.into())));
    Ok(Done::read(&json!({ "version": version, "files": files })))
}

/// `POST /auth/admin/policies`: `{ "files": { "a.cedar": "…" }, "as": "live", "expect": 7 }`.
async fn publish<P: Platform>(
    ctx: &RequestContext<'_, P>,
    (policies, manager): (&Policies, &Manager),
    body: impl RequestBody,
) -> Result<Done, Reason> {
    let order = Order::of_body(ctx, body, &["files", "as", "expect"], Bundle::MAX_TEXT_BYTES).await?;
    let files = order.get("files").cloned().ok_or(Reason::BadInput("files"))?;
    let files = json::from_value(files).map_err(|_| Reason::BadInput("files"))?;
    let is_live = match order.text("as") {
        Some("live") => true,
        Some("shadow") => false,
        _ => return Err(Reason::BadInput("as")),
    };
    let before = Before::read(ctx, policies, &order).await?;
    let bundle = match Bundle::new(files) {
        Ok(bundle) => bundle,
        Err(problem) => return Ok(Done::unacceptable(ctx, &[problem.to_string()])),
    };
    let set = match policies.engine().await.parse(&bundle) {
        Ok(set) => set,
        Err(problems) => return Ok(unacceptable(ctx, &problems)),
    };
    let strangers = unknown_names(policies.engine().await, &bundle, Some(&ctx.site.config));
    if !strangers.is_empty() {
        return Ok(unacceptable(ctx, &strangers));
    }
    let version = bundle.version();
    let (live, shadow) = if is_live {
        (version.clone(), None)
    } else {
        let Some(current) = before.current()? else { return Ok(nothing_is_live(ctx)) };
        (current.live.clone(), Some(version.clone()))
    };
    let sets = [set];
    if !may_manage_so(ctx, (policies, manager), &before, &sets).await? {
        return Ok(not_theirs(ctx));
    }
    // A pointer is never to name what is not there.
    ctx.platform.policy_publisher().publish(&version_key(&version), bundle.to_text()).await.map_err(Reason::Store)?;
    point(ctx, policies, &before, (live, shadow), &sets).await
}

/// `POST /auth/admin/policies/pointer`: `{ "live": "…", "shadow": "…", "expect": 7 }`, forward or back. What is left out
/// stays; `"shadow": null` ends a trial.
async fn repoint<P: Platform>(
    ctx: &RequestContext<'_, P>,
    (policies, manager): (&Policies, &Manager),
    body: impl RequestBody,
) -> Result<Done, Reason> {
    let order = Order::of_body(ctx, body, &["live", "shadow", "expect"], MAX_BYTES).await?;
    let before = Before::read(ctx, policies, &order).await?;
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
        let bundle = stored(ctx, version).await?.ok_or(Reason::Order(OrderError::NoSuchVersion))?;
        match policies.engine().await.parse(&bundle) {
            Ok(set) => sets.push(set),
            // It held up when it was published, by another release.
            Err(problems) => return Ok(unacceptable(ctx, &problems)),
        }
    }
    let stays = |of: fn(&Pointer) -> Option<Version>| before.current().map(|current| current.and_then(of));
    let shadow = if order.get("shadow").is_some() { shadow } else { stays(|current| current.shadow.clone())? };
    let live = if live.is_some() { live } else { stays(|current| Some(current.live.clone()))? };
    let Some(live) = live else { return Ok(nothing_is_live(ctx)) };
    if !may_manage_so(ctx, (policies, manager), &before, &sets).await? {
        return Ok(not_theirs(ctx));
    }
    let shadow = shadow.filter(|shadow| *shadow != live);
    point(ctx, policies, &before, (live, shadow), &sets).await
}

/// Writes the pointer. Its serial is the time, or higher where that was there before: nobody follows one that is lower
/// than what they know.
async fn point<P: Platform>(
    ctx: &RequestContext<'_, P>,
    policies: &Policies,
    before: &Before,
    (live, shadow): (Version, Option<Version>),
    checked: &[Rc<dyn CompiledPolicies>],
) -> Result<Done, Reason> {
    let before = before.newest.as_ref();
    let pointer = Pointer::after(before, live, shadow).at_least(Pointer::serial_at(ctx.request.now));
    let pointer = pointer.vouching(policies.engine().await, before, checked);
    ctx.platform.policy_publisher().publish(pointer_key(), pointer.to_text()).await.map_err(Reason::Store)?;
    policies.saw(&pointer);
    let change = Change { before: before.map_or_else(|| "nothing".to_owned(), told), after: told(&pointer) };
    Ok(Done::changed(&json!({ "pointer": pointer }), change))
}

/// Who may publish may not by that hand out management: policies about it stay as they are in what is live, unless who
/// publishes is named by the configuration.
async fn may_manage_so<P: Platform>(
    ctx: &RequestContext<'_, P>,
    (policies, manager): (&Policies, &Manager),
    before: &Before,
    sets: &[Rc<dyn CompiledPolicies>],
) -> Result<bool, Reason> {
    if manager.is_named(ctx) {
        return Ok(true);
    }
    let managing = match before.current()? {
        None => Some(BTreeSet::new()),
        Some(current) => {
            let bundle = stored(ctx, &current.live).await?.ok_or(Reason::Order(OrderError::NoSuchVersion))?;
            let live = policies.engine().await.parse_checked(&bundle);
            live.map_err(|_| Reason::Store(StoreError::Malformed))?.managing()
        }
    };
    // Without an answer nobody knows.
    Ok(managing.is_some() && sets.iter().all(|set| set.managing() == managing))
}

fn not_theirs<P>(ctx: &RequestContext<'_, P>) -> Done {
    let problem = "policies about management are other ones than those that are live: only whoever the configuration \
                   names publishes such";
    Done::unacceptable(ctx, &[problem.to_owned()])
}

fn unacceptable<P>(ctx: &RequestContext<'_, P>, problems: &[PolicyProblem]) -> Done {
    let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
    Done::unacceptable(ctx, &problems)
}

/// The pointer in a few words.
fn told(pointer: &Pointer) -> String {
    let shadow = pointer.shadow.as_ref().map_or_else(String::new, |shadow| format!(", on trial {shadow}"));
    format!("{} live{shadow}, serial {}", pointer.live, pointer.serial)
}

fn nothing_is_live<P>(ctx: &RequestContext<'_, P>) -> Done {
    Done::unacceptable(ctx, &["nothing is live, beside which it could be tried".to_owned()])
}

/// What there was before an order.
struct Before {
    /// The newest pointer that is known.
    newest: Option<Pointer>,
    /// Whether the store showed an older one: then nobody knows whether there is a newer one still.
    is_stale: bool,
}

impl Before {
    /// What the store names now, as the order expects it to.
    ///
    /// # Errors
    /// When something else is known to be named.
    async fn read<P: Platform>(
        ctx: &RequestContext<'_, P>,
        policies: &Policies,
        order: &Order,
    ) -> Result<Self, Reason> {
        let published = published(ctx).await?;
        if let Some(pointer) = &published {
            policies.saw(pointer);
        }
        let newest = policies.newest();
        let is_stale = serial(newest.as_ref()) > serial(published.as_ref());
        let before = Self { newest: if is_stale { newest } else { published }, is_stale };
        match order.get("expect") {
            None => Ok(before),
            Some(expect) => match expect.as_u64() {
                Some(expected) if serial(before.newest.as_ref()) == expected => Ok(before),
                Some(_) => Err(Reason::Order(OrderError::Outdated)),
                None => Err(Reason::BadInput("expect")),
            },
        }
    }

    /// The pointer from which something may be kept: what is taken out of an old one would undo what came after it.
    ///
    /// # Errors
    /// When the store showed an old one.
    fn current(&self) -> Result<Option<&Pointer>, Reason> {
        if self.is_stale { Err(Reason::Order(OrderError::StaleCopy)) } else { Ok(self.newest.as_ref()) }
    }
}

fn serial(pointer: Option<&Pointer>) -> u64 {
    pointer.map_or(0, |pointer| pointer.serial)
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
