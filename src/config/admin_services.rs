//! `ADMIN.services`: programs that may do some things of administration.

use super::admin::is_subject;
use super::require::Known;
use super::table::Table;
use super::value::{flag, list, one_of, parsed, scope, word};
use crate::ids::IssuerId;
use crate::route::{
    Access, Authentication, BrowserCache, Guard, Methods, Paths, Pattern, RequestHeaders, Requirements, Route, Token,
};

/// The door of administration, as a rule that takes credentials of programs.
const PATTERN: &str = "/auth/admin/{*rest}";

/// What can be done under `/auth/admin`, as `actions` names it.
pub const ADMIN_ACTIONS: [&str; 20] = [
    "management.list",
    "management.health",
    "sessions.list",
    "sessions.revoke",
    "blocks.list",
    "blocks.add",
    "blocks.lift",
    "not_before.read",
    "not_before.set",
    "decisions.read",
    "decisions.explain",
    "decisions.suppose",
    "relations.list",
    "relations.dump",
    "relations.change",
    "relations.check",
    "policies.list",
    "policies.read",
    "policies.publish",
    "policies.point",
];

/// The programs of `ADMIN.services`; at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminServices {
    all: Vec<AdminService>,
    /// The rule of the door: which credentials are looked at there. It leads nowhere.
    pub route: Route,
}

/// One of them. Everything that it names must be so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminService {
    /// What the configuration calls it.
    pub name: String,
    /// The issuer of its access tokens.
    pub issuer: IssuerId,
    /// `sub` of its tokens.
    pub subject: Option<String>,
    /// `client_id` of its tokens.
    pub client_id: Option<String>,
    /// A scope that its tokens have.
    pub scope: Option<String>,
    /// What it may do.
    pub actions: Vec<&'static str>,
    /// Whether a token suffices that anybody could send who has it.
    pub bearer: bool,
}

impl AdminServices {
    /// All of them, by name.
    #[must_use]
    pub fn all(&self) -> &[AdminService] {
        &self.all
    }
}

/// Reads `ADMIN.services`. `None` where there is none without a problem, which is reported.
pub(super) fn read(table: &Table<'_>, known: &Known<'_>) -> Option<AdminServices> {
    let all: Vec<AdminService> =
        table.tables().into_iter().filter_map(|(name, table)| one(name, table, known)).collect();
    if table.entries().next().is_none() {
        table.problem_here("expected at least one service, or no `services`");
    }
    let route = door(&all)?;
    (!all.is_empty()).then_some(AdminServices { all, route })
}

fn one(name: &str, mut table: Table<'_>, known: &Known<'_>) -> Option<AdminService> {
    let ids = &known.issuers.ids;
    let words: Vec<(&str, ())> = ids.iter().map(|id| (id.as_str(), ())).collect();
    let what = if words.is_empty() {
        "the id of an issuer in `ISSUERS`, and there are none".to_owned()
    } else {
        format!("the id of an issuer in `ISSUERS`, {}", one_of(&words))
    };
    let find = |text: &str| ids.iter().find(|id| id.as_str() == text).cloned();
    let issuer = table.required("issuer", &what, parsed(&what, find));
    let subject = table.optional("subject", parsed("a `sub`", |text| is_subject(text).then(|| text.to_owned())));
    let client_id = table.optional("client_id", parsed("a `client_id`", word));
    let scope = table.optional("scope", parsed("a scope", scope));
    let names = ["subject", "client_id", "scope"];
    if !names.iter().any(|name| table.has(name)) {
        table.problem_here("expected `subject`, `client_id` or `scope`: any service of the issuer would be meant");
    }
    let action = |text: &str| ADMIN_ACTIONS.into_iter().find(|action| *action == text);
    let actions = "a list of actions under `/auth/admin`, such as `sessions.revoke`";
    let actions = table.required("actions", actions, list("an action under `/auth/admin`", action));
    if actions.as_ref().is_some_and(Vec::is_empty) {
        table.problem("actions", "expected at least one action");
    }
    let bearer = table.optional("bearer", flag).unwrap_or_default();
    table.finish();
    Some(AdminService { name: name.to_owned(), issuer: issuer?, subject, client_id, scope, actions: actions?, bearer })
}

/// The door takes tokens of the issuers that are named, and nobody comes through by it alone.
fn door(all: &[AdminService]) -> Option<Route> {
    let mut issuers: Vec<IssuerId> = Vec::new();
    for service in all {
        if !issuers.contains(&service.issuer) {
            issuers.push(service.issuer.clone());
        }
    }
    let guard = Guard {
        authenticate: vec![Authentication::Bearer],
        requirements: Requirements { issuers, ..Requirements::default() },
        policy: false,
        facts: Vec::new(),
        token: Token::None,
        headers: Vec::new(),
        touch: true,
        revocation: None,
        cache: BrowserCache::None,
    };
    Some(Route {
        name: "ADMIN".to_owned(),
        pattern: Pattern::parse(PATTERN).ok()?,
        methods: Methods::parse(["GET", "POST"]).ok()?,
        upstream: None,
        strip_prefix: None,
        access: Access::Guarded(Box::new(guard)),
        cors: None,
        security_headers: None,
        limits: crate::limit::RouteLimits::default(),
        paths: Paths::Exact,
        request_headers: RequestHeaders::default(),
        websocket_buffer: 8,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::tests::{parse, problems, small, with};

    fn config(services: &Value) -> Value {
        let issuers = json!({
            "machines": { "issuer": "https://m.example", "audience": "https://app.example.com", "algs": ["ES256"] },
        });
        with(with(small(), &["ISSUERS"], issuers), &["ADMIN"], json!({ "services": services }))
    }

    fn service(change: impl FnOnce(&mut Value)) -> Value {
        let mut service = json!({ "issuer": "machines", "subject": "offboarding", "actions": ["sessions.revoke"] });
        change(&mut service);
        json!({ "offboarding": service })
    }

    #[test]
    fn services_alone_may_administer() {
        //
        let admin = parse(&config(&service(|_| ()))).unwrap().admin.unwrap();
        assert!(admin.all().is_empty() && !admin.contains("", "") && !admin.blocks);
        let services = admin.services().unwrap();
        let [one] = services.all() else { panic!("{services:?}") };
        assert_eq!((one.name.as_str(), one.issuer.as_str(), one.bearer), ("offboarding", "machines", false));
        assert_eq!(one.actions, ["sessions.revoke"]);
        let guard = services.route.guard().unwrap();
        assert!(guard.takes_tokens() && !guard.takes_sessions() && guard.admits(&one.issuer));
    }

    #[test]
    fn a_service_that_is_not_named_is_refused() {
        //
        for (change, place) in [
            (json!({ "subject": null }), "ADMIN.services.offboarding: expected `subject`, `client_id` or `scope`"),
            (json!({ "issuer": "corp" }), "ADMIN.services.offboarding.issuer: expected the id of an issuer"),
            (json!({ "actions": [] }), "ADMIN.services.offboarding.actions: expected at least one"),
            (json!({ "actions": ["sessions.*"] }), "ADMIN.services.offboarding.actions: expected an action"),
            (json!({ "everything": true }), "ADMIN.services.offboarding.everything: unknown key"),
        ] {
            let services = service(|service| {
                for (key, value) in change.as_object().unwrap() {
                    service[key] = value.clone();
                    if value.is_null() {
                        service.as_object_mut().unwrap().remove(key);
                    }
                }
            });
            let lines = problems(&config(&services));
            assert!(lines.iter().any(|line| line.starts_with(place)), "{change}: {lines:?}");
        }
        let lines = problems(&config(&json!({})));
        assert!(lines[0].starts_with("ADMIN.services: expected at least one service"), "{lines:?}");
    }
}
