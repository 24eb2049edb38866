//! Policies that anybody may publish: what is read is asked, what is asked has one answer, and that is the one which all of
//! the policies give who know everything. Nothing permits what no policy permits, or what one forbids.
//!
//! The input is the stored form of a version, or else its files: one of policies and, after a line `---`, one of schemas.

use std::sync::LazyLock;

use postern::authn::{Actor, AuthenticationFacts, Means};
use postern::http::{ClientCertificate, Method, Peer, Tls};
use postern::kind::Kind;
use postern::policy::{
    Bundle, Cause, ContextFacts, Pointer, PolicyInput, PolicySet, PrincipalFacts, ResourceFacts, Verdict,
};
use postern::time::Timestamp;
use serde_json::{Map, Value, json};

/// 2026-11-23T10:00:00Z.
const NOW: i64 = 1_795_428_000;
/// Those of the examples, which the seeds are about.
const ROUTES: [&str; 5] = [
    "/api/orders/{*rest}",
    "/api/departments/{department}/orders/{id}",
    "/api/customers/{id}",
    "/api/documents/{id}",
    "/api/news",
];
const METHODS: [Method; 2] = [Method::GET, Method::DELETE];
const FORBID_ALL: &str = "forbid(principal, action, resource);";

pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Some(pointer) = Pointer::from_text(text) {
        assert_eq!(Pointer::from_text(&pointer.to_text()), Some(pointer));
    }
    let Some(bundle) = bundle(text) else { return };
    assert_eq!(Bundle::from_text(&bundle.to_text()), Ok(bundle.clone()), "stored otherwise");
    match PolicySet::parse(&bundle) {
        Ok(set) => decides(&bundle, &set),
        Err(problems) => assert!(!problems.is_empty() && problems.iter().all(|problem| !problem.message.is_empty())),
    }
}

fn bundle(text: &str) -> Option<Bundle> {
    if text.starts_with('{') {
        return Bundle::from_text(text).ok();
    }
    let (policies, schema) = text.split_once("\n---\n").unwrap_or((text, ""));
    let files = [("a.cedar", policies), ("a.cedarschema", schema)];
    let files = files.into_iter().filter(|(_, text)| !text.is_empty());
    Bundle::new(files.map(|(name, text)| (name.to_owned(), text.to_owned())).collect()).ok()
}

fn decides(bundle: &Bundle, set: &PolicySet) {
    let forbidden = without_a_way(bundle);
    for input in ASKING.iter().flat_map(Asking::inputs) {
        decides_one(bundle, set, &input);
        let Some(forbidden) = &forbidden else { continue };
        let verdict = forbidden.decide(&input).verdict;
        assert!(
            matches!(verdict, Verdict::Deny(Cause::Forbidden | Cause::Failed | Cause::Unanswerable)),
            "what is forbidden: {verdict:?}"
        );
    }
}

fn decides_one(bundle: &Bundle, set: &PolicySet, input: &PolicyInput<'_>) {
    let decision = set.decide(input);
    assert_eq!(decision, set.decide(input), "two answers");
    assert_eq!(decision, set.decide_whole(input), "a part of the policies or of the facts was missing");
    if decision.allows() {
        assert!(!decision.policies.is_empty() && decision.failures.is_empty());
        assert!(bundle.files().any(|(_, text)| text.contains("permit")), "permitted by nobody");
    }
}

/// The same with a policy that forbids everything, where there is room for one more.
fn without_a_way(bundle: &Bundle) -> Option<PolicySet> {
    let files = bundle.files().map(|(name, text)| (name.to_owned(), text.to_owned()));
    let more = Bundle::new(files.chain([("forbid-all.cedar".to_owned(), FORBID_ALL.to_owned())]).collect()).ok()?;
    PolicySet::parse(&more).ok()
}

/// Everything a question is made of, owned.
struct Asking {
    kind: Kind,
    words: Vec<String>,
    claims: Map<String, Value>,
    actor: Option<Actor>,
    authentication: AuthenticationFacts,
    params: Vec<(String, String)>,
    peer: Peer,
}

/// Of whom all is known, and of whom nothing is.
static ASKING: LazyLock<[Asking; 2]> = LazyLock::new(|| [Asking::in_full(), Asking::bare()]);

impl Asking {
    fn bare() -> Self {
        Self {
            kind: Kind::Service,
            words: Vec::new(),
            claims: Map::new(),
            actor: None,
            authentication: AuthenticationFacts {
                means: Means::Session,
                key: None,
                time: None,
                acr: None,
                amr: Vec::new(),
            },
            params: Vec::new(),
            peer: Peer::default(),
        }
    }

    fn in_full() -> Self {
        let claims =
            json!({ "department": "sales", "clearance": 3, "groups": ["a", "b"], "address": { "country": "DE" } });
        Self {
            kind: Kind::Human,
            words: ["editor", "support"].map(str::to_owned).to_vec(),
            claims: claims.as_object().cloned().unwrap_or_default(),
            actor: Some(Actor { issuer: None, subject: "robot".to_owned() }),
            authentication: AuthenticationFacts {
                means: Means::Dpop,
                key: Some("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs".to_owned()),
                time: Some(Timestamp::from_unix(NOW - 60)),
                acr: Some("urn:example:mfa".to_owned()),
                amr: vec!["pwd".to_owned()],
            },
            params: [("id", "7"), ("department", "sales")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .to_vec(),
            peer: Peer {
                address: Some("203.0.113.7".to_owned()),
                country: Some("DE".to_owned()),
                user_agent: Some("Example/1.0".to_owned()),
                tls: Some(Tls { version: "TLSv1.3".to_owned(), cipher: "AEAD-AES128-GCM-SHA256".to_owned() }),
                certificate: Some(ClientCertificate {
                    presented: Some("1".to_owned()),
                    verified: Some("SUCCESS".to_owned()),
                    revoked: Some("0".to_owned()),
                    fingerprint_sha256: Some("ab".repeat(32)),
                    subject: Some("CN=laptop-7,O=Acme".to_owned()),
                    issuer: Some("CN=Devices,O=Acme".to_owned()),
                    serial: Some("1A2B".to_owned()),
                }),
                ..Peer::default()
            },
        }
    }

    /// They ask for everything there is.
    fn inputs(&self) -> impl Iterator<Item = PolicyInput<'_>> {
        ROUTES.iter().flat_map(move |route| METHODS.iter().map(move |method| self.input(route, method)))
    }

    fn input<'a>(&'a self, route: &'a str, method: &'a Method) -> PolicyInput<'a> {
        let known = |word: &'static str| (!self.words.is_empty()).then_some(word);
        PolicyInput {
            principal: PrincipalFacts {
                kind: self.kind,
                issuer: "https://op.example",
                subject: "alice",
                client: known("app"),
                tenant: known("acme"),
                roles: &self.words,
                scopes: &self.words,
                claims: &self.claims,
                actor: self.actor.as_ref(),
                authentication: &self.authentication,
            },
            method,
            resource: ResourceFacts { route, path: "/api/orders/7", params: &self.params, tenant: known("acme") },
            context: ContextFacts { now: Timestamp::from_unix(NOW), peer: &self.peer, relations: &self.words },
        }
    }
}
