//! `ADMIN.services`: programs that may do some things of administration.

use std::fmt::Display;

use super::admin::is_subject;
use super::require::Known;
use super::table::Table;
use super::value::{flag, list, one_of, parsed, scope, word};
use super::workload::WorkloadProfile;
use crate::ids::{CertificateId, IssuerId};
use crate::limit::RouteLimits;
use crate::route::{Access, Authentication, Guard, Requirements, Route};

/// The door of administration, as a rule that takes credentials of programs.
const PATTERN: &str = "/auth/admin/{*rest}";

/// What programs can do under `/auth/admin`, as `actions` names it: everything but to make and rotate keys.
pub const ADMIN_ACTIONS: [&str; 28] = [
    "agents.list",
    "agents.revoke",
    "management.list",
    "management.health",
    "sessions.list",
    "sessions.revoke",
    "factors.list",
    "factors.reset",
    "keys.list",
    "keys.revoke",
    "blocks.list",
    "blocks.add",
    "blocks.lift",
    "not_before.read",
    "not_before.set",
    "not_before.clear",
    "decisions.read",
    "decisions.explain",
    "decisions.suppose",
    "relations.list",
    "relations.dump",
    "relations.change",
    "relations.remove",
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
    /// What it comes with.
    pub by: AdminCredential,
    /// A scope that it has by that.
    pub scope: Option<String>,
    /// What it may do.
    pub actions: Vec<&'static str>,
    /// Whether a credential suffices that anybody could send who has it: a plain token, or an API key.
    pub bearer: bool,
}

/// What a service that administers comes with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AdminCredential {
    /// An access token.
    Token {
        /// Its issuer.
        issuer: IssuerId,
        /// Its `sub`.
        subject: Option<String>,
        /// Its `client_id`.
        client_id: Option<String>,
    },
    /// A client certificate that this entry of `CERTIFICATES` takes.
    Certificate(CertificateId),
    /// An API key of the service of this name, that belongs to nobody.
    Key(String),
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
    let route = door(&all, &known.issuers.workload_ids)?;
    (!all.is_empty()).then_some(AdminServices { all, route })
}

/// The id that a text is, of those in this table.
fn named<'a, I: Display + Clone>(table: &str, ids: &'a [I]) -> (String, impl Fn(&str) -> Option<I> + use<'a, I>) {
    let names: Vec<String> = ids.iter().map(ToString::to_string).collect();
    let words: Vec<(&str, ())> = names.iter().map(|name| (name.as_str(), ())).collect();
    let what = if words.is_empty() {
        format!("the id of an entry in `{table}`, and there are none")
    } else {
        format!("the id of an entry in `{table}`, {}", one_of(&words))
    };
    (what, move |text: &str| ids.iter().find(|id| id.to_string() == text).cloned())
}

/// What it comes with: of `issuer`, `certificate` and `key` exactly one. What others could send if they saw it needs `bearer`.
fn credential(table: &mut Table<'_>, known: &Known<'_>, bearer: bool) -> Option<AdminCredential> {
    let (what, find) = named("ISSUERS", &known.issuers.ids);
    let issuer = table.optional("issuer", parsed(&what, find));
    let (what, find) = named("CERTIFICATES", &known.certificates.ids);
    let certificate = table.optional("certificate", parsed(&what, find));
    let key = table.optional("key", parsed("the name of a service that has API keys", word));
    let subject = table.optional("subject", parsed("a `sub`", |text| is_subject(text).then(|| text.to_owned())));
    let client_id = table.optional("client_id", parsed("a `client_id`", word));
    let given = ["issuer", "certificate", "key"].into_iter().filter(|name| table.has(name)).count();
    if given != 1 {
        table.problem_here("expected one of `issuer`, `certificate` and `key`: what the service comes with");
        return None;
    }
    if table.has("issuer") {
        if !["subject", "client_id", "scope"].iter().any(|name| table.has(name)) {
            table.problem_here("expected `subject`, `client_id` or `scope`: any service of the issuer would be meant");
        }
        let issuer = issuer?;
        if known.issuers.workload_ids.contains(&issuer) && !bearer {
            table.problem("issuer", "expected `bearer = true` beside it: tokens of a platform are bound to nothing");
        }
        if let Some(workload) = known.issuers.workloads.iter().find(|workload| workload.id == issuer) {
            if workload.profile == WorkloadProfile::CloudflareAccess {
                table.problem("issuer", "expected another one: what Cloudflare Access lets through is no service here");
            }
            if table.has("client_id") {
                table.problem("client_id", "tokens of a platform have none: name the `subject`");
            }
        }
        return Some(AdminCredential::Token { issuer, subject, client_id });
    }
    for name in ["subject", "client_id"].into_iter().filter(|name| table.has(name)) {
        table.problem(name, "is about tokens, and there is no `issuer`");
    }
    if table.has("key") && !bearer {
        table.problem("key", "expected `bearer = true` beside it: a person or program that sees a key can use it");
    }
    certificate.map(AdminCredential::Certificate).or(key.map(AdminCredential::Key))
}

fn one(name: &str, mut table: Table<'_>, known: &Known<'_>) -> Option<AdminService> {
    let bearer = table.optional("bearer", flag).unwrap_or_default();
    let by = credential(&mut table, known, bearer);
    let scope = table.optional("scope", parsed("a scope", scope));
    let action = |text: &str| ADMIN_ACTIONS.into_iter().find(|action| *action == text);
    let actions = "a list of actions under `/auth/admin`, such as `sessions.revoke`";
    let actions = table.required("actions", actions, list("an action under `/auth/admin`", action));
    if actions.as_ref().is_some_and(Vec::is_empty) {
        table.problem("actions", "expected at least one action");
    }
    table.finish();
    Some(AdminService { name: name.to_owned(), by: by?, scope, actions: actions?, bearer })
}

/// The door takes what the services come with, of tokens those of the issuers that are named; and nobody comes through by it
/// alone.
fn door(all: &[AdminService], workloads: &[IssuerId]) -> Option<Route> {
    let (mut issuers, mut authenticate): (Vec<IssuerId>, Vec<Authentication>) = (Vec::new(), Vec::new());
    for service in all {
        let way = match &service.by {
            AdminCredential::Token { issuer, .. } => {
                if !issuers.contains(issuer) {
                    issuers.push(issuer.clone());
                }
                if workloads.contains(issuer) { Authentication::Workload } else { Authentication::Bearer }
            }
            AdminCredential::Certificate(_) => Authentication::Certificate,
            AdminCredential::Key(_) => Authentication::Key,
        };
        if !authenticate.contains(&way) {
            authenticate.push(way);
        }
    }
    let guard = Guard::new(authenticate, Requirements { issuers, ..Requirements::default() });
    let access = Access::Guarded(Box::new(guard));
    Route::door("ADMIN".to_owned(), (PATTERN, &["GET", "POST"]), access, RouteLimits::default())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::tests::{parse, problems, small, with};
    use super::AdminCredential;

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
        let AdminCredential::Token { issuer, subject, client_id: None } = &one.by else { panic!("{one:?}") };
        let named = (one.name.as_str(), issuer.as_str(), subject.as_deref(), one.bearer);
        assert_eq!(named, ("offboarding", "machines", Some("offboarding"), false));
        assert_eq!(one.actions, ["sessions.revoke"]);
        let guard = services.route.guard().unwrap();
        assert!(guard.takes_tokens() && !guard.takes_sessions() && guard.admits(issuer));
    }

    #[test]
    fn a_platform_that_never_could_be_let_in_is_refused() {
        //
        let issuers = json!({
            "ci": { "preset": "github-actions", "audience": "https://app.example.com", "trust": [{ "repository_id": 1 }] },
            "access": { "preset": "cloudflare-access", "team_domain": "example.cloudflareaccess.com",
                "audience": "4714c1", "algs": ["ES256"], "jwks_uri": "https://keys.example/jwks",
                "trust": [{ "common_name": "e367826f93b8d71185e03fe518aff3b4.access", "scopes": ["deploy"] }] },
        });
        let refused = |issuer: &str, key: &str| {
            let service = json!({ "issuer": issuer, key: "x", "bearer": true, "actions": ["sessions.list"] });
            let variables =
                with(with(small(), &["ISSUERS"], issuers.clone()), &["ADMIN"], json!({ "services": { "s": service } }));
            problems(&variables)
        };
        let lines = refused("ci", "client_id");
        assert!(
            lines.iter().any(|line| line.starts_with("ADMIN.services.s.client_id: tokens of a platform")),
            "{lines:?}"
        );
        let lines = refused("access", "subject");
        assert!(lines.iter().any(|line| line.starts_with("ADMIN.services.s.issuer: expected another")), "{lines:?}");
    }

    #[test]
    fn a_service_that_is_not_named_is_refused() {
        //
        for (change, place) in [
            (json!({ "subject": null }), "ADMIN.services.offboarding: expected `subject`, `client_id` or `scope`"),
            (
                json!({ "issuer": "corp" }),
                "ADMIN.services.offboarding.issuer: expected the id of an entry in `ISSUERS`",
            ),
            (
                json!({ "key": "billing" }),
                "ADMIN.services.offboarding: expected one of `issuer`, `certificate` and `key`",
            ),
            (
                json!({ "issuer": null }),
                "ADMIN.services.offboarding: expected one of `issuer`, `certificate` and `key`",
            ),
            (json!({ "issuer": null, "key": "billing" }), "ADMIN.services.offboarding.subject: is about tokens"),
            (json!({ "issuer": null, "key": "billing" }), "ADMIN.services.offboarding.key: expected `bearer = true`"),
            (json!({ "issuer": null, "certificate": "x" }), "ADMIN.services.offboarding.certificate: expected the id"),
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
