//! Routes: where they lead, and who gets through.

use super::counted;
use postern::config::spelled;
use postern::mcp::{McpRules, ScopeRule};
use postern::route::{
    Access, BrowserCache, ClaimHeader, ClaimRule, ClaimTest, DeviceRequirement, Guard, HeaderEncoding, Operand, Paths,
    Permission, Requirements, Route, Token, Upstream, WEBSOCKET_BUFFER,
};

/// Aligned columns: methods, path, upstream, who.
pub(super) fn routes(routes: &[Route]) -> String {
    let rows: Vec<[String; 4]> = routes.iter().map(row).collect();
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(String::len).max().unwrap_or(0);
    let (methods_width, path_width, upstream_width) = (width(0), width(1), width(2));
    rows.iter()
        .map(|[methods, path, upstream, who]| {
            format!("  {methods:methods_width$}  {path:path_width$}  {upstream:upstream_width$}  {who}\n")
        })
        .collect()
}

fn row(route: &Route) -> [String; 4] {
    let mut who = match &route.access {
        Access::Public => "everyone".to_owned(),
        Access::Guarded(guard) => guarded(guard),
    };
    if let Some(cors) = &route.cors {
        let cookies = if cors.credentials { ", cookies included" } else { "" };
        who.push_str(&format!(", from pages of {} too{cookies}", cors.origins.join(" and ")));
    }
    if route.security_headers.is_some() {
        who.push_str(", adds security headers");
    }
    if let Some(prefix) = &route.strip_prefix {
        who.push_str(&format!(", takes {prefix} off the path"));
    }
    if route.paths == Paths::Exact {
        who.push_str(", paths exact");
    }
    if let Some(rules) = &route.mcp {
        who.push_str(&messages(rules));
    }
    if route.websocket_buffer != WEBSOCKET_BUFFER {
        who.push_str(&format!(", holds {} MiB in each direction of a WebSocket", route.websocket_buffer));
    }
    who.extend(headers_of_callers(route));
    for (kind, limit) in route.limits.all().filter(|_| !route.limits.shared) {
        who.push_str(&format!("; {}", counted(kind, limit)));
    }
    let upstream = route.upstream.as_ref().map_or_else(|| "none".to_owned(), Upstream::to_string);
    let methods: Vec<&str> = route.methods.iter().map(postern::http::Method::as_str).collect();
    [methods.join(" "), route.pattern.as_str().to_owned(), upstream, who]
}

/// What is let through of the messages of a protocol.
fn messages(rules: &McpRules) -> String {
    let mut text = ", by messages of MCP".to_owned();
    if rules.legacy {
        text.push_str(" and of its earlier revisions");
    }
    for ScopeRule { operation, scopes } in &rules.scopes {
        let needs = if scopes.is_empty() { "nothing more".to_owned() } else { scopes.join(" ") };
        text.push_str(&format!("; {} needs {needs}", operation.as_str()));
    }
    if !rules.scopes.is_empty() {
        text.push_str(if rules.filters_lists { "; lists have what they may use" } else { "; lists are whole" });
    }
    for operation in &rules.approve {
        let by = rules.approvers.as_ref().map_or_else(|| "the person".to_owned(), |roles| roles.join(" or "));
        text.push_str(&format!("; {} after approval by {by}", operation.as_str()));
    }
    text
}

/// What the route does with a caller's headers that others do not.
fn headers_of_callers(route: &Route) -> Vec<String> {
    let settings = &route.request_headers;
    let removed: Vec<String> = settings.remove.iter().map(ToString::to_string).collect();
    let kept: Vec<&str> = settings.keep.iter().map(postern::http::HeaderName::as_str).collect();
    let lists = [("removes", removed.join(" ")), ("keeps", kept.join(" "))];
    lists.into_iter().filter(|(_, names)| !names.is_empty()).map(|(word, names)| format!(", {word} {names}")).collect()
}

pub(super) fn guarded(guard: &Guard) -> String {
    let requirements = &guard.requirements;
    let mut ways = Vec::new();
    if guard.takes_sessions() {
        ways.push(format!("signed in{}", one_of(" at ", &requirements.providers)));
    }
    if guard.takes_tokens() {
        ways.push(format!("with an access token{}", one_of(" of ", &requirements.issuers)));
    }
    if guard.takes_workloads() {
        ways.push(format!("as a program on a platform{}", one_of(" of ", &requirements.issuers)));
    }
    if guard.takes_keys() {
        ways.push("with an API key".to_owned());
    }
    if guard.takes_agents() {
        ways.push(format!("as an agent for somebody{}", one_of(" at ", &requirements.providers)));
    }
    if guard.takes_certificates() {
        ways.push(format!("with a client certificate{}", one_of(" of ", &requirements.certificates)));
    }
    let mut who = ways.join(" or ");
    who.extend(required(requirements));
    if guard.policy {
        who.push_str(", if the policies permit it");
    }
    if !guard.facts.is_empty() {
        let facts: Vec<String> = guard.facts.iter().map(ToString::to_string).collect();
        who.push_str(&format!(" (told of {})", facts.join(" ")));
    }
    match &guard.token {
        Token::None => {}
        Token::Relay => who.push_str(", gets the access token"),
        Token::Assertion => who.push_str(", gets an assertion"),
        Token::Dpop => who.push_str(", gets the access token with a proof of its key"),
        Token::Txn => who.push_str(", gets a transaction token"),
        Token::Service(id) => who.push_str(&format!(", gets Postern's own token by SERVICES.{id}")),
    }
    if !guard.headers.is_empty() {
        let shown = |header: &ClaimHeader| match header.encoding {
            HeaderEncoding::Plain => header.name.to_string(),
            HeaderEncoding::Percent => format!("{} (percent-encoded)", header.name),
        };
        let names: Vec<String> = guard.headers.iter().map(shown).collect();
        who.push_str(&format!(", tells {}", names.join(" ")));
    }
    if !guard.touch {
        who.push_str(", extends no session");
    }
    if let Some(staleness) = guard.revocation {
        who.push_str(&format!(", may notice the end of a session {} late", spelled(staleness)));
    }
    if let BrowserCache::Unchecked(longest) = guard.cache {
        who.push_str(&format!(", stays in browsers for {} without a look at the session", spelled(longest)));
    }
    who
}

/// What is required beyond being from somewhere, each with a comma before it.
fn required(requirements: &Requirements) -> Vec<String> {
    let kinds: Vec<&str> = requirements.kinds.iter().map(|kind| kind.as_str()).collect();
    let permissions: Vec<String> = requirements.permissions.iter().map(permission).collect();
    let claims: Vec<String> = requirements.claims.iter().map(claim).collect();
    let relations: Vec<String> = requirements.relations.iter().map(ToString::to_string).collect();
    let lists = [
        (", ", kinds.join(" or "), " only"),
        (", ", if requirements.in_person { "in person" } else { "" }.to_owned(), ""),
        (", tenant ", requirements.tenant.as_ref().map(operand).unwrap_or_default(), ""),
        (", role ", requirements.roles.join(" or "), ""),
        (", may ", permissions.join(" and "), ""),
        (", scopes ", requirements.scopes.join(" "), ""),
        (", scope ", requirements.any_scope.join(" or "), ""),
        (", claim ", claims.join(" and "), ""),
        (", is ", relations.join(" and "), ""),
        (", e-mail at ", requirements.email_domain.join(" or "), ""),
        (", acr ", requirements.acr.join(" or "), ""),
        (", amr ", requirements.amr.join(" and "), ""),
        (", signed in at most ", requirements.max_age.map(spelled).unwrap_or_default(), " ago"),
        (", second factor proven at most ", requirements.second.map(spelled).unwrap_or_default(), " ago"),
        (", device ", requirements.device.map(device).unwrap_or_default(), ""),
    ];
    let named = lists.into_iter().filter(|(_, names, _)| !names.is_empty());
    named.map(|(before, names, after)| format!("{before}{names}{after}")).collect()
}

fn device(required: DeviceRequirement) -> String {
    match required {
        DeviceRequirement::Bound => "bound".to_owned(),
        DeviceRequirement::Now => "proven now".to_owned(),
    }
}

/// With the roles that grant it: what the table of roles comes to.
fn permission(permission: &Permission) -> String {
    let roles = one_of(" as ", &permission.roles);
    format!("{}{roles}", permission.name)
}

fn claim(rule: &ClaimRule) -> String {
    let (word, other) = match &rule.test {
        ClaimTest::Equals(other) => ("=", other),
        ClaimTest::Contains(other) => ("has", other),
    };
    format!("{} {word} {}", rule.path.as_str(), operand(other))
}

fn operand(operand: &Operand) -> String {
    match operand {
        Operand::Value(value) => value.to_string(),
        Operand::Parameter(name) => format!("{{{name}}}"),
    }
}

/// `prefix` and the names, if there are any.
fn one_of<T: std::fmt::Display>(prefix: &str, names: &[T]) -> String {
    let names: Vec<String> = names.iter().map(T::to_string).collect();
    if names.is_empty() { String::new() } else { format!("{prefix}{}", names.join(" or ")) }
}
