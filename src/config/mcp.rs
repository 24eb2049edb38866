//! `mcp` of a route: that a server of the Model Context Protocol is behind it.

use std::rc::Rc;

use serde_json::Value;

use super::table::Table;
use super::value::{choice, flag, found, label, list, parsed, scope, text};
use crate::mcp::{McpRules, OperationPattern, ScopeRule};
use crate::route::{Access, Methods, Token, Upstream};

/// Which is a client's wish, and no right at any resource (MCP, "Refresh Tokens").
const OFFLINE_ACCESS: &str = "offline_access";
const KIB: usize = 1024;
const DEFAULT_BODY: usize = 256 * KIB;
const LARGEST_BODY: usize = 4 * 1024 * KIB;
const MAX_RULES: usize = 256;
const SCOPE: &str = "a scope without spaces, quotes or backslashes";

/// `list`.
const LISTS: [(&str, bool); 2] = [("filter", true), ("whole", false)];

/// Whether the route says that there is such a server behind it: right or wrong.
pub(super) fn is_meant(route: &mut Table<'_>) -> bool {
    route.peek("mcp").is_some_and(|value| *value != Value::Bool(false))
}

/// Reads `mcp`.
pub(super) fn of_route(route: &mut Table<'_>) -> Option<Rc<McpRules>> {
    match route.peek("mcp")? {
        Value::Bool(false) => None,
        Value::Bool(true) => Some(Rc::new(usual())),
        Value::Object(_) => route.section("mcp", |table| Rc::new(read(table))),
        other => {
            route.problem("mcp", format!("expected `true` or a table, found {}", found(other)));
            None
        }
    }
}

/// The methods of such a route, of those that it names itself.
pub(super) fn methods(route: &Table<'_>, rules: &McpRules, named: Option<Methods>) -> Option<Methods> {
    let words: &[&str] = if rules.legacy { &["GET", "POST", "DELETE"] } else { &["POST"] };
    let own = Methods::parse(words.iter().copied()).ok()?;
    let own = if rules.legacy { own.without_head() } else { own };
    match named {
        Some(named) if named != own && named != Methods::all() => {
            route.problem("mcp", format!("is for {} and no other methods", own.allow_header()));
            None
        }
        _ => Some(own),
    }
}

/// Without a table.
const fn usual() -> McpRules {
    McpRules {
        scopes: Vec::new(),
        approve: Vec::new(),
        approvers: None,
        filters_lists: true,
        legacy: false,
        max_body: DEFAULT_BODY,
    }
}

fn read(mut table: Table<'_>) -> McpRules {
    let scopes = table.table("scopes").map(|table| scope_rules(&table)).unwrap_or_default();
    let operations = list(OperationPattern::EXPECTED, OperationPattern::parse);
    let approve: Vec<OperationPattern> = table.optional("approve", operations).unwrap_or_default();
    let approvers = table.optional("approvers", approvers).flatten();
    if table.has("approvers") && !table.has("approve") {
        table.problem("approvers", "say who approves, and without `approve` nothing is to be approved");
    }
    let rules = McpRules {
        scopes,
        approve,
        approvers,
        filters_lists: table.optional("list", choice(&LISTS)).unwrap_or(true),
        legacy: table.optional("legacy", flag).unwrap_or(false),
        max_body: table.optional("max_body", size).unwrap_or(DEFAULT_BODY),
    };
    table.finish();
    rules
}

fn scope_rules(table: &Table<'_>) -> Vec<ScopeRule> {
    let mut rules: Vec<ScopeRule> = Vec::new();
    for (operation, value) in table.entries() {
        let scopes = match value {
            Value::String(_) => parsed(SCOPE, scope)(value).map(|scope| vec![scope]),
            _ => list(SCOPE, scope)(value),
        };
        match (OperationPattern::parse(operation), scopes) {
            (None, _) => table.problem(operation, format!("expected {}", OperationPattern::EXPECTED)),
            (_, Err(message)) => table.problem(operation, message),
            (_, Ok(scopes)) if scopes.iter().any(|scope| scope == OFFLINE_ACCESS) => {
                table.problem(operation, offline_access());
            }
            (Some(one), Ok(_)) if rules.iter().any(|rule| rule.operation.means_same(&one)) => {
                table.problem(operation, "means the same operations as another entry");
            }
            (Some(operation), Ok(scopes)) => rules.push(ScopeRule { operation, scopes }),
        }
    }
    if table.entries().next().is_none() {
        table.problem_here("expected at least one operation, or no `scopes`");
    }
    if rules.len() > MAX_RULES {
        table.problem_here(format!("expected at most {MAX_RULES} operations, found {}", rules.len()));
    }
    rules
}

fn offline_access() -> String {
    format!("`{OFFLINE_ACCESS}` is a client's wish for a refresh token, and no right at a route")
}

fn approvers(value: &Value) -> Result<Option<Vec<String>>, String> {
    if value == "self" {
        return Ok(None);
    }
    let roles = list("a role of 1 to 80 characters", label)(value)
        .map_err(|_| format!("expected `self` or a list of roles, found {}", found(value)))?;
    if roles.is_empty() { Err("expected at least one role, or `self`".to_owned()) } else { Ok(Some(roles)) }
}

/// A size such as `256KiB` or `1MiB`.
fn size(value: &Value) -> Result<usize, String> {
    let written = text(value)?;
    let units = [("KiB", KIB), ("MiB", KIB * KIB)];
    let size = units.iter().find_map(|(unit, bytes)| {
        let digits = written.strip_suffix(unit).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
        digits.parse::<usize>().ok()?.checked_mul(*bytes)
    });
    let size = size.filter(|size| (KIB..=LARGEST_BODY).contains(size));
    size.ok_or_else(|| {
        format!("expected a size such as `256KiB` or `1MiB`, from `1KiB` to `4MiB`, found {}", found(value))
    })
}

/// Refuses what such a route cannot be, or must not do.
pub(super) fn refuse_contradictions(route: &Table<'_>, access: &Access, upstream: Option<&Upstream>) {
    match upstream {
        Some(Upstream::Assets) => route.problem("mcp", "static assets are no server of the protocol"),
        None => route.problem("mcp", "is decided by the body of a request, and that is seen only where it is sent on"),
        Some(Upstream::Service(_) | Upstream::Url { .. }) => {}
    }
    // `public` refuses it itself.
    let Access::Guarded(guard) = access else { return };
    //
    if guard.token == Token::Relay {
        route.problem(
            "token",
            "`relay` passes on the caller's token, which the protocol forbids, expected `assertion` or `service:ID`",
        );
    }
    //
    let scopes = guard.requirements.scopes.iter().chain(&guard.requirements.any_scope);
    if scopes.into_iter().any(|scope| scope == OFFLINE_ACCESS) {
        route.problem("require", offline_access());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::{parse, problems, small, with};
    use super::*;
    use crate::route::{Authentication, Route};

    fn vars(route: &Value) -> Value {
        let mut route = route.clone();
        route["upstream"] = route.get("upstream").cloned().unwrap_or_else(|| json!("service:MCP"));
        with(small(), &["ROUTES"], json!({ "/mcp": route }))
    }

    fn route(route: &Value) -> Route {
        parse(&vars(route)).unwrap().routes.routes()[0].clone()
    }

    #[test]
    fn one_word_says_all_that_such_a_route_needs() {
        let route = route(&json!({ "mcp": true }));
        let guard = route.guard().unwrap();
        assert_eq!(guard.authenticate, [Authentication::Agent]);
        assert_eq!((&guard.token, route.methods.allow_header().as_str()), (&Token::Assertion, "POST"));
        assert_eq!(route.mcp.as_deref(), Some(&usual()));
        assert_eq!(route.resource(), Some("/mcp"));
    }

    #[test]
    fn what_the_table_says_counts() {
        let route = route(&json!({
            "authenticate": ["agent", "session"], "token": "none",
            "mcp": {
                "scopes": { "tools/call:search": "docs:read", "tools/call:delete_*": ["docs:read", "docs:write"] },
                "approve": ["tools/call:delete_*"], "approvers": ["editor"], "list": "whole", "legacy": true,
                "max_body": "1MiB",
            },
        }));
        let rules = route.mcp.as_deref().unwrap();
        assert_eq!((rules.scopes.len(), rules.approve.len(), rules.max_body), (2, 1, 1024 * 1024));
        assert!(rules.legacy && !rules.filters_lists);
        assert_eq!(rules.approvers.as_deref(), Some(&["editor".to_owned()][..]));
        assert_eq!(route.methods.allow_header(), "GET, POST, DELETE");
        assert_eq!(route.guard().unwrap().token, Token::None);
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        //
        for (route, place) in [
            (json!({ "mcp": "yes" }), "ROUTES./mcp.mcp: expected `true` or a table"),
            (json!({ "mcp": true, "public": true }), "ROUTES./mcp.mcp: contradicts `public = true`"),
            (json!({ "mcp": true, "token": "relay" }), "ROUTES./mcp.token: `relay` passes on the caller's token"),
            (json!({ "mcp": true, "upstream": "assets", "token": "none" }), "ROUTES./mcp.mcp: static assets"),
            (json!({ "mcp": true, "methods": ["GET"] }), "ROUTES./mcp.mcp: is for POST and no other methods"),
            (
                json!({ "mcp": true, "require": { "scopes": ["offline_access"] } }),
                "ROUTES./mcp.require: `offline_access`",
            ),
            (json!({ "mcp": { "scopes": { "*": "offline_access" } } }), "ROUTES./mcp.mcp.scopes.*: `offline_access`"),
            (json!({ "mcp": { "scopes": {} } }), "ROUTES./mcp.mcp.scopes: expected at least one operation"),
            (
                json!({ "mcp": { "scopes": { "tools/*": "a" } } }),
                "ROUTES./mcp.mcp.scopes.tools/*: expected an operation",
            ),
            (
                json!({ "mcp": { "scopes": { "tools/call": "write", "tools/call:*": "read" } } }),
                "ROUTES./mcp.mcp.scopes.tools/call:*: means the same operations",
            ),
            (json!({ "mcp": { "scopes": { "tools/list": "a b" } } }), "ROUTES./mcp.mcp.scopes.tools/list: expected"),
            (json!({ "mcp": { "approve": ["delete*all"] } }), "ROUTES./mcp.mcp.approve: expected an operation"),
            (json!({ "mcp": { "approvers": "self" } }), "ROUTES./mcp.mcp.approvers: say who approves"),
            (
                json!({ "mcp": { "approve": ["*"], "approvers": [] } }),
                "ROUTES./mcp.mcp.approvers: expected at least one",
            ),
            (json!({ "mcp": { "list": "none" } }), "ROUTES./mcp.mcp.list: expected"),
            (json!({ "mcp": { "max_body": "5MiB" } }), "ROUTES./mcp.mcp.max_body: expected a size"),
            (json!({ "mcp": { "max_body": "1023" } }), "ROUTES./mcp.mcp.max_body: expected a size"),
            (json!({ "mcp": { "tools": [] } }), "ROUTES./mcp.mcp.tools: unknown key"),
        ] {
            let lines = problems(&vars(&route));
            assert!(lines.iter().any(|line| line.replace('"', "").starts_with(place)), "{route}: {lines:?}");
        }
        assert_eq!(route(&json!({ "mcp": false, "authenticate": ["session"] })).mcp, None);
    }
}
