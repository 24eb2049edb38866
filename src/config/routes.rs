//! `ROUTES`: one table per rule → the [`Router`].

use super::browser_cache;
use super::certificates;
use super::claim_headers;
use super::cors;
use super::groups::Groups;
use super::issuer::Issuers;
use super::limits;
use super::mcp;
use super::problem::{expected, shown};
use super::relations::{self, Relations};
use super::request_headers;
use super::require::{self, Known};
use super::security_headers;
use super::sender_constrained;
use super::table::Table;
use super::upstream;
use super::value::{choice, duration, flag, list, one_of, text, whole_number};
use super::workload::WorkloadProfile;
use super::{Build, Purpose};
use crate::http::public_url::PublicUrl;
use crate::ids::{IssuerId, ServiceId};
use crate::limit::RouteLimits;
use crate::relation::Template;
use crate::route::{
    Access, Authentication, Conflict, Guard, HeaderMask, Methods, OWN_PREFIX, Paths, Pattern, Route, Router, Token,
    Upstream, WEBSOCKET_BUFFER,
};
use crate::time::Seconds;

/// No rule may claim what lies here; a wildcard may still match it, except where Postern itself answers.
const WELL_KNOWN: &str = "/.well-known";

/// An ended session is never let in for longer than this.
const LONGEST_REVOCATION: Seconds = Seconds::minutes(1);

/// In MiB. An isolate has 128 for all that it does.
const LARGEST_WEBSOCKET_BUFFER: u32 = 32;

/// What the rules are read against.
pub(super) struct Surroundings<'a> {
    /// `None` when it is wrong itself.
    pub(super) public_url: Option<&'a PublicUrl>,
    /// Whether upstreams on loopback hosts are allowed.
    pub(super) development: bool,
    /// Whether somebody else, a proxy or this Worker's own code, may take care of what is let through.
    pub(super) asked: bool,
    /// Whether that code always does, and whether there are policies to ask.
    pub(super) build: Build,
    /// Whether people can sign in at all.
    pub(super) sessions: bool,
    /// Whether sessions may be bound to devices.
    pub(super) devices: bool,
    /// The entries of `SERVICES`.
    pub(super) services: &'a [ServiceId],
    /// Whether services may ask for decisions: then their paths are Postern's own.
    pub(super) authzen: bool,
    /// Whether there are API keys.
    pub(super) keys: bool,
    /// Whether there is a block list: then an earlier answer of its may be relied on too.
    pub(super) blocks: bool,
    /// What requirements may speak of.
    pub(super) known: Known<'a>,
    /// What answers of upstreams have besides their own.
    pub(super) security_headers: &'a security_headers::Defaults,
    /// The limits of routes that have none of their own.
    pub(super) limits: &'a RouteLimits,
    /// What routes may have in common.
    pub(super) groups: Groups<'a>,
    /// How upstreams read paths, unless their route says otherwise.
    pub(super) paths: Paths,
    /// Which of a caller's headers no upstream gets.
    pub(super) remove: Vec<HeaderMask>,
}

/// What `methods` has in it.
const METHODS: &str = "one of GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

/// `PATHS`, and `paths` of a route.
const PATHS: [(&str, Paths); 2] = [("loose", Paths::Loose), ("exact", Paths::Exact)];

/// How an upstream reads paths.
pub(super) fn paths(value: &serde_json::Value) -> Result<Paths, String> {
    choice(&PATHS)(value)
}

/// Reads `ROUTES`.
pub(super) fn read_all<'a>(table: &Table<'a>, surroundings: &Surroundings<'a>) -> Option<Router> {
    let tables = table.tables();
    surroundings.groups.refuse_unused(&tables);
    if tables.is_empty() {
        table.problem_here("expected at least one route");
    }
    let routes = tables.into_iter().filter_map(|(name, inner)| read(name, inner, surroundings)).collect();
    let conflicts = match Router::new(routes) {
        Ok(router) => {
            request_headers::refuse_kept_in_vain(table, &surroundings.groups, &router);
            return Some(router);
        }
        Err(conflicts) => conflicts,
    };
    for Conflict { route, with, method } in conflicts {
        let message = match method {
            Some(method) => format!("`{method}` falls under `{with}` already"),
            None => format!(
                "is for the same paths as `{with}`: give the parameters the same names, and each rule its own methods"
            ),
        };
        table.problem(&route, message);
    }
    None
}

fn read<'a>(name: &str, mut table: Table<'a>, surroundings: &Surroundings<'a>) -> Option<Route> {
    surroundings.groups.join(name, &mut table)?;
    let (prefix, pattern) = match name.split_once(' ') {
        Some((methods, pattern)) => (Some(methods), pattern),
        None => (None, name),
    };
    let pattern = pattern_of(&table, pattern, surroundings);
    let mcp = mcp::of_route(&mut table);
    let methods = methods(&mut table, prefix);
    let methods = match &mcp {
        Some(rules) => mcp::methods(&table, rules, methods),
        None => methods,
    };
    let upstream = upstream::of_route(&mut table, surroundings);
    let is_sent_on = upstream != Some(None);
    let strip_prefix = upstream::strip_prefix(&mut table, pattern.as_ref(), is_sent_on);
    let to_assets = upstream == Some(Some(Upstream::Assets));
    let access = access(&mut table, pattern.as_ref(), to_assets, surroundings);
    if let (Some(_), Some(access), Some(upstream)) = (&mcp, &access, &upstream) {
        mcp::refuse_contradictions(&table, access, upstream.as_ref());
    }
    let signed = access.as_ref().and_then(Access::token).filter(|token| token.is_signed());
    if let Some(Access::Guarded(guard)) = access.as_ref().filter(|_| !is_sent_on) {
        refuse_what_no_proxy_tells(&table, guard, surroundings);
    }
    if let Some(token) = signed.filter(|_| !is_sent_on) {
        table.problem("token", format!("`{token}` is made for an upstream, and here none is named"));
    }
    // it goes where we send the request ourselves, and to nobody who asks about it.
    if !is_sent_on && matches!(&access, Some(Access::Guarded(guard)) if guard.token.service().is_some()) {
        table.problem("token", "a token of ours goes to an upstream, and here none is named");
    }
    let cors = cors::read(&mut table, access.as_ref(), surroundings.public_url, surroundings.development);
    let security_headers = surroundings.security_headers.of_route(&mut table);
    let limits = limits::of_route(&mut table, access.as_ref(), surroundings.limits);
    let paths = table.optional("paths", paths).unwrap_or(surroundings.paths);
    let request_headers = request_headers::of_route(&mut table, &surroundings.remove);
    let buffer = table.optional("websocket_buffer", whole_number(1, LARGEST_WEBSOCKET_BUFFER));
    if buffer.is_some() && matches!(access, Some(Access::Public)) {
        table.problem("websocket_buffer", "is about guarded routes: with `public = true` nothing is held back here");
    }
    table.finish();
    Some(Route {
        name: name.to_owned(),
        pattern: pattern?,
        methods: methods?,
        upstream: upstream?,
        strip_prefix,
        access: access?,
        cors,
        security_headers,
        limits,
        paths,
        request_headers,
        websocket_buffer: buffer.unwrap_or(WEBSOCKET_BUFFER),
        mcp,
    })
}

/// Where another proxy asks about a request, what is said of its connection is about the proxy.
fn refuse_what_no_proxy_tells(table: &Table<'_>, guard: &Guard, surroundings: &Surroundings<'_>) {
    if surroundings.build.purpose != Purpose::Gateway {
        return;
    }
    if guard.takes_certificates() {
        table.problem(
            "authenticate",
            "`certificate` is about the caller's own connection, and of that another proxy tells nothing",
        );
    }
    let issuers = surroundings.known.issuers;
    let mut admitted = issuers.workloads.iter().filter(|issuer| guard.admits(&issuer.id)).peekable();
    let is_known = guard.takes_workloads() && issuers.workloads_are_known() && admitted.peek().is_some();
    //
    if is_known && admitted.all(|issuer| issuer.profile == WorkloadProfile::CloudflareAccess) {
        table.problem(
            "authenticate",
            "`workload` would take the word of Cloudflare Access alone, and where another proxy asks, that is about the proxy",
        );
    }
}

fn pattern_of(table: &Table<'_>, text: &str, surroundings: &Surroundings<'_>) -> Option<Pattern> {
    match Pattern::parse(text) {
        Ok(pattern) if pattern.is_within(OWN_PREFIX) || pattern.is_within(WELL_KNOWN) => {
            table.problem_here(format!("`{OWN_PREFIX}` and `{WELL_KNOWN}` are Postern's own"));
            None
        }
        Ok(pattern) if surroundings.authzen && pattern.is_within(AUTHZEN_PREFIX) => {
            table.problem_here(format!("`{}` is Postern's own where there is `AUTHZEN`", AUTHZEN_PREFIX));
            None
        }
        Ok(pattern) => Some(pattern),
        Err(error) => {
            table.problem_here(format!(
                "expected a path pattern such as `/api/orders/{{id}}` or `/app/{{*rest}}`: {error}"
            ));
            None
        }
    }
}

/// From the key or from `methods`, not from both.
fn methods(table: &mut Table<'_>, prefix: Option<&str>) -> Option<Methods> {
    let known = |name: &str| Methods::parse([name]).is_ok().then(|| name.to_owned());
    // Those in the key are the route's own.
    let replaces_groups = prefix.is_some() && table.is_of_group("methods");
    let given = table.optional("methods", list(METHODS, known)).filter(|_| !replaces_groups);
    match (given, prefix) {
        (None, None) if table.has("methods") => None,
        (None, None) => Some(Methods::all()),
        (Some(names), None) if names.is_empty() => {
            table.problem("methods", "expected at least one method");
            None
        }
        (Some(names), None) => Methods::parse(names.iter().map(String::as_str)).ok(),
        (None, Some(prefix)) => Methods::parse(prefix.split(','))
            .map_err(|wrong| {
                table.problem_here(format!(
                    "expected methods before the path such as `GET,POST`, found {}",
                    shown(wrong)
                ));
            })
            .ok(),
        (Some(_), Some(_)) => {
            table.problem("methods", "the methods stand in the key already");
            None
        }
    }
}

fn access(
    table: &mut Table<'_>,
    pattern: Option<&Pattern>,
    to_assets: bool,
    surroundings: &Surroundings<'_>,
) -> Option<Access> {
    let known = &surroundings.known;
    let public = table.optional("public", flag);
    let ways = table.optional("authenticate", |value| authenticate(value, known.issuers));
    let ways_are_known = ways.is_some() || !table.has("authenticate");
    let (way, usual_token) = match mcp::is_meant(table) {
        true => (Authentication::Agent, Token::Assertion),
        false => (Authentication::Session, Token::None),
    };
    let guard = Guard {
        authenticate: ways.unwrap_or_else(|| vec![way]),
        requirements: require::read(table, pattern, known),
        policy: policy(table, surroundings.build),
        facts: facts(table, pattern, known.relations),
        token: table.optional("token", |value| token(value, surroundings.services)).unwrap_or(usual_token),
        headers: claim_headers::read(table, known.claims),
        touch: table.optional("touch", flag).unwrap_or(true),
        revocation: table.optional("revocation", duration(Seconds::new(1), LONGEST_REVOCATION)),
        cache: browser_cache::of_route(table, to_assets),
    };
    match public {
        Some(true) => {
            const GUARDS: [&str; 9] =
                ["authenticate", "require", "policy", "facts", "token", "headers", "touch", "revocation", "mcp"];
            for key in GUARDS.into_iter().filter(|key| table.has(key)) {
                table.problem(key, contradicts_public(table));
            }
            if table.has("cache") {
                table.problem("cache", "is about guarded routes: with `public = true` the upstream says it itself");
            }
            Some(Access::Public)
        }
        // Wrong, and reported: no guess is made at what was meant.
        None if table.has("public") => None,
        _ => {
            if ways_are_known {
                refuse_contradictions(table, &guard, surroundings);
            }
            if to_assets {
                refuse_telling_nobody(table, &guard);
            }
            Some(Access::Guarded(Box::new(guard)))
        }
    }
}

/// `token`: what the upstream gets to know the caller by, or us.
fn token(value: &serde_json::Value, services: &[ServiceId]) -> Result<Token, String> {
    const EXPECTED: &str = "`none` or `relay` or `dpop` or `assertion` or `txn` or `service:ID`";
    match text(value)? {
        "none" => Ok(Token::None),
        "relay" => Ok(Token::Relay),
        "dpop" => Ok(Token::Dpop),
        "assertion" => Ok(Token::Assertion),
        "txn" => Ok(Token::Txn),
        other => {
            let id = other.strip_prefix("service:").and_then(ServiceId::parse);
            let id = id.ok_or_else(|| expected(EXPECTED, other))?;
            if services.contains(&id) { Ok(Token::Service(id)) } else { Err(format!("there is no `SERVICES.{id}`")) }
        }
    }
}

/// What is said of a key that asks who the caller is, where the route is public.
pub(super) fn contradicts_public(route: &Table<'_>) -> &'static str {
    if route.is_of_group("public") {
        "contradicts `public = true` of the route's group: there nobody is asked who they are"
    } else {
        "contradicts `public = true`: there nobody is asked who they are"
    }
}

/// Static files read no headers.
fn refuse_telling_nobody(table: &Table<'_>, guard: &Guard) {
    if guard.token != Token::None {
        table.problem("token", format!("`{}` is not for static assets: they take no token", guard.token));
    }
    if !guard.headers.is_empty() {
        table.problem("headers", "are not for static assets: they read none");
    }
}

/// What is said of a way to authenticate that the route does not take.
pub(super) fn refuse_contradictions(table: &Table<'_>, guard: &Guard, surroundings: &Surroundings<'_>) {
    if guard.takes_sessions() && !surroundings.sessions {
        table.problem("authenticate", "expected `[\"bearer\"]`: without `PROVIDERS` nobody can sign in");
    }
    if table.has("touch") && !guard.takes_sessions() {
        table.problem("touch", "is about sessions, and `authenticate` has no `session`");
    }
    let is_asked_about = guard.takes_sessions() || guard.takes_keys() || guard.takes_agents();
    if table.has("revocation") && !is_asked_about && !surroundings.blocks {
        table.problem(
            "revocation",
            "is about sessions, keys, agents and the block list, and `authenticate` has no `session`, `key` or `agent`",
        );
    }
    if guard.takes_agents() && !surroundings.sessions {
        table.problem(
            "authenticate",
            "`agent` takes programs that act for people, and without `PROVIDERS` nobody can sign in",
        );
    }
    if guard.takes_agents() && guard.token == Token::Relay {
        table.problem("token", "`relay` has nothing to pass on of an agent, expected `assertion`");
    }
    if guard.takes_keys() && !surroundings.keys {
        table.problem("authenticate", "`key` takes API keys by the rules of `KEYS`, and there is no such table");
    }
    if guard.takes_keys() && guard.token == Token::Relay {
        table.problem("token", "`relay` has nothing to pass on of a caller with an API key, expected `assertion`");
    }
    if guard.requirements.device.is_some() && !surroundings.devices {
        table.problem("require", "`device` needs `SESSION.device`, which is `off`: no session is bound to a device");
    }
    let known = &surroundings.known;
    certificates::refuse_contradictions(table, guard, surroundings);
    require::refuse_contradictions(table, guard, known);
    require::refuse_ambiguity(table, guard, known.issuers);
    refuse_bound_relay(table, guard, &known.issuers.bound());
    sender_constrained::refuse_contradictions(table, guard, (known.providers, surroundings.asked));
    if guard.token == Token::Relay && guard.takes_workloads() {
        table.problem("token", "`relay` passes on access tokens, and those of `workload` are for Postern alone");
    }
    claim_headers::refuse_contradictions(table, guard, known);
}

/// The upstream would get a token without the proof that it is bound to, and has to refuse it: or, worse, does not.
fn refuse_bound_relay(table: &Table<'_>, guard: &Guard, bound: &[IssuerId]) {
    let relays = guard.token == Token::Relay && guard.takes_tokens();
    if let Some(id) = bound.iter().find(|id| guard.admits(id)).filter(|_| relays) {
        table
            .problem("token", format!("`relay` cannot pass on the tokens of `{id}`: they are bound to their `sender`"));
    }
}

/// A deployment without policies would have nobody to ask: there the route is refused, not opened.
fn policy(table: &mut Table<'_>, build: Build) -> bool {
    let policy = table.optional("policy", flag).unwrap_or(false);
    if policy && !build.policies {
        table.problem(
            "policy",
            "there are no policies here: they are in the KV namespace `POSTERN_POLICIES`, which is not bound",
        );
    }
    policy
}

/// A deployment without policies has said so already.
fn facts(table: &mut Table<'_>, pattern: Option<&Pattern>, known: &Relations) -> Vec<Template> {
    if table.has("facts") && table.peek("policy") != Some(&serde_json::Value::Bool(true)) {
        table.problem("facts", "are told to policies, and `policy` is not `true`");
    }
    relations::asked(table, "facts", pattern, known)
}

/// `authenticate`: the ways to prove an identity.
pub(super) fn authenticate(value: &serde_json::Value, issuers: &Issuers) -> Result<Vec<Authentication>, String> {
    const WAYS: [(&str, Authentication); 6] = [
        ("session", Authentication::Session),
        ("bearer", Authentication::Bearer),
        ("workload", Authentication::Workload),
        ("key", Authentication::Key),
        ("certificate", Authentication::Certificate),
        ("agent", Authentication::Agent),
    ];
    const LATER: [&str; 4] = ["basic", "dpop", "mtls", "passkey"];
    let items = value.as_array().into_iter().flatten();
    if let Some(later) = items.filter_map(|item| item.as_str()).find(|item| LATER.contains(item)) {
        return Err(format!("{} is not supported yet, expected {}", shown(later), one_of(&WAYS)));
    }
    let known = |word: &str| WAYS.iter().find(|(name, _)| *name == word).map(|(_, way)| *way);
    let ways = list(&one_of(&WAYS), known)(value)?;
    if ways.is_empty() {
        return Err("expected at least one way to authenticate (`public = true` asks for none)".to_owned());
    }
    if ways.contains(&Authentication::Bearer) && !issuers.issue_access_tokens() {
        let preset = if issuers.ids.is_empty() { "" } else { " without a `preset`: those are for `workload`" };
        return Err(format!("`bearer` takes tokens of the issuers in `ISSUERS`, and there are none{preset}"));
    }
    if ways.contains(&Authentication::Workload) && issuers.workload_ids.is_empty() {
        return Err(
            "`workload` takes tokens of the issuers in `ISSUERS` with a `preset`, and there are none".to_owned()
        );
    }
    Ok(ways)
}

/// What lies here is Postern's own where services may ask.
pub(super) const AUTHZEN_PREFIX: &str = "/access/v1";

#[cfg(test)]
mod tests;
