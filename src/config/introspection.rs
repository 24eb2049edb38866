//! `ISSUERS` with `tokens = "opaque"`: how an issuer is asked what its tokens mean (RFC 7662).

use super::address::Issuer;
use super::client_auth::{self, ClientAuth};
use super::problem::expected;
use super::secrets::{SecretOwner, Secrets};
use super::table::Table;
use super::value::{duration, flag, parsed, text, word};
use crate::ids::IssuerId;
use crate::time::Seconds;

/// The keys that say something of asking.
pub(super) const KEYS: [&str; 8] = [
    "client_id",
    "client_auth",
    "client_assertion",
    "mtls_certificate",
    "introspection_endpoint",
    "cache",
    "require_aud",
    "require_token_type",
];

/// A revoked token is let in no longer than that.
const LONGEST_CACHE: Seconds = Seconds::hours(1);
const DEFAULT_CACHE: Seconds = Seconds::minutes(1);

/// How an issuer is asked about its tokens.
#[derive(Clone, Debug)]
pub struct Introspection {
    /// `client_id`: who asks.
    pub client_id: String,
    /// `client_auth`, with its secret.
    pub client_auth: ClientAuth,
    /// `introspection_endpoint`: where to ask; the issuer's metadata says when absent.
    pub endpoint: Option<String>,
    /// `cache`: for how long what was said of a token is good without asking again, and so for how long a revoked one
    /// may still be let in. Default one minute; zero asks every time.
    pub cache: Seconds,
    /// `require_aud` and `require_token_type`: what an answer without `aud` is worth. Default nothing.
    pub without_audience: WithoutAudience,
}

/// What an answer without `aud` is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WithoutAudience {
    /// Nothing: the token may be meant for another API.
    Refuse,
    /// The endpoint calls a token active only where it is meant for the one who asks (RFC 7662 §4); the operator says so.
    /// `token_type` still has to say that it is an access token.
    TrustEndpoint,
    /// The same, and that it calls no other kind of token active either: `token_type` may be missing too.
    TrustEndpointForKind,
}

/// Reads what is said of asking in the table of an issuer.
pub(super) fn read(
    table: &mut Table<'_>,
    secrets: &Secrets<'_>,
    id: &IssuerId,
    issuer: Option<&Issuer>,
) -> Option<Introspection> {
    let client_id =
        table.required("client_id", "the client id that the issuer gave", parsed("visible ASCII characters", word));
    let client_auth = client_auth::read(table, secrets, &SecretOwner::Issuer(id));
    let endpoint = table.optional("introspection_endpoint", |value| endpoint(text(value)?, issuer));
    let cache = table.optional("cache", duration(Seconds::new(0), LONGEST_CACHE));
    let without_audience = without_audience(table);
    Some(Introspection {
        client_id: client_id?,
        client_auth: client_auth?,
        endpoint,
        cache: cache.unwrap_or(DEFAULT_CACHE),
        without_audience,
    })
}

fn without_audience(table: &mut Table<'_>) -> WithoutAudience {
    let audience = table.optional("require_aud", flag).unwrap_or(true);
    let kind = table.optional("require_token_type", flag);
    match (audience, kind) {
        (false, Some(false)) => WithoutAudience::TrustEndpointForKind,
        (false, _) => WithoutAudience::TrustEndpoint,
        (true, None) => WithoutAudience::Refuse,
        (true, Some(_)) => {
            table.problem("require_token_type", "is about answers without `aud`, and `require_aud` is not `false`");
            WithoutAudience::Refuse
        }
    }
}

/// R-005: an address that this issuer's own metadata could name.
fn endpoint(url: &str, issuer: Option<&Issuer>) -> Result<String, String> {
    match issuer {
        Some(issuer) if !issuer.allows_endpoint(url) => {
            Err(expected("the https URL of an introspection endpoint", url))
        }
        _ => Ok(url.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::tests::{parse, problems, small, with};
    use super::super::{Config, is_secret};
    use super::*;

    /// An issuer of opaque tokens with these keys besides.
    fn opaque(more: &Value) -> Value {
        let mut table =
            json!({ "issuer": "https://as.example", "audience": "urn:api", "tokens": "opaque", "client_id": "api" });
        table.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        table
    }

    fn with_issuers(issuers: &Value) -> Value {
        with(small(), &["ISSUERS"], issuers.clone())
    }

    fn read(more: &Value) -> Introspection {
        let config = parse(&with_issuers(&json!({ "a-b": opaque(more) }))).unwrap();
        config.issuers[0].introspection().unwrap().clone()
    }

    fn problem(more: &Value) -> String {
        let lines = problems(&with_issuers(&json!({ "a-b": opaque(more) })));
        assert_eq!(lines.len(), 1, "{lines:?}");
        lines[0].clone()
    }

    #[test]
    fn an_issuer_of_opaque_tokens_is_asked_by_a_client_of_its() {
        // R-119, R-120
        let least = read(&json!({}));
        assert!(least.client_id == "api" && matches!(&least.client_auth, ClientAuth::Basic(_)));
        assert_eq!((least.endpoint, least.cache), (None, Seconds::minutes(1)));
        assert_eq!(least.without_audience, WithoutAudience::Refuse);
        let all = read(&json!({
            "client_auth": "client_secret_post", "introspection_endpoint": "https://as.example/introspect",
            "cache": "0s", "require_aud": false,
        }));
        assert!(matches!(&all.client_auth, ClientAuth::Post(_)));
        assert_eq!((all.endpoint.as_deref(), all.cache), (Some("https://as.example/introspect"), Seconds::new(0)));
        assert_eq!(all.without_audience, WithoutAudience::TrustEndpoint);
        let kinds = |required: bool| read(&json!({ "require_aud": false, "require_token_type": required }));
        assert_eq!(kinds(true).without_audience, WithoutAudience::TrustEndpoint);
        assert_eq!(kinds(false).without_audience, WithoutAudience::TrustEndpointForKind);
    }

    #[test]
    fn its_secret_has_a_name_of_its_own() {
        let vars = with_issuers(&json!({ "a-b": opaque(&json!({})), "c": opaque(&json!({
            "issuer": "https://other.example", "client_auth": "private_key_jwt",
        })) }));
        let asked = std::cell::RefCell::new(Vec::new());
        let lookup = |name: &str| {
            asked.borrow_mut().push(name.to_owned());
            None
        };
        assert!(Config::parse(vars.as_object().unwrap(), &lookup).is_err());
        let asked = asked.into_inner();
        assert!(asked.iter().any(|name| name == "ISSUER_A_B_CLIENT_SECRET"), "{asked:?}");
        assert!(asked.iter().any(|name| name == "ISSUER_C_PRIVATE_KEY"), "{asked:?}");
        assert!(
            asked.len() >= 4 && asked.iter().all(|name| is_secret(name)),
            "the Worker hands on no other: {asked:?}"
        );
        for other in ["ISSUERS", "ISSUER", "ISSUER_C", "ISSUERSX_CLIENT_SECRET", "OTHER_CLIENT_SECRET", "SUBJECTS"] {
            assert!(!is_secret(other), "{other}");
        }
    }

    #[test]
    fn what_would_ask_wrongly_or_too_seldom_is_refused() {
        // R-005, R-120
        let without = problems(&with_issuers(&json!({ "a": {
            "issuer": "https://as.example", "audience": "urn:api", "tokens": "opaque",
        } })));
        assert!(without[0].starts_with("ISSUERS.a.client_id: expected the client id"), "{without:?}");
        for bad in ["http://as.example/i", "https://127.0.0.1/i", "https://10.0.0.1/", "/introspect", "file:///x"] {
            let line = problem(&json!({ "introspection_endpoint": bad }));
            assert!(line.contains("https URL of an introspection endpoint"), "{line}");
        }
        for bad in [json!("61m"), json!("1d"), json!(60), json!("")] {
            assert!(problem(&json!({ "cache": bad })).contains("from `0s` to `1h`"), "{bad}");
        }
        assert!(problem(&json!({ "require_aud": "no" })).contains("`true` or `false`"));
        for without in
            [json!({ "require_token_type": false }), json!({ "require_aud": true, "require_token_type": true })]
        {
            let line = problem(&without);
            assert!(line.ends_with("is about answers without `aud`, and `require_aud` is not `false`"), "{line}");
        }
        assert!(problem(&json!({ "client_auth": "none" })).contains("client_secret_basic"));
        for key in ["algs", "jwks_uri"] {
            assert!(problem(&json!({ key: ["ES256"] })).ends_with("is about signed tokens, and `tokens` is `opaque`"));
        }
    }

    #[test]
    fn a_route_takes_opaque_tokens_of_one_issuer_only() {
        let route =
            |require: Value| json!({ "upstream": "service:API", "authenticate": ["bearer"], "require": require });
        let issuers = json!({
            "a": opaque(&json!({})), "b": opaque(&json!({ "issuer": "https://other.example" })),
            "c": { "issuer": "https://signs.example", "audience": "urn:api" },
        });
        let routes = |routes: Value| with(with_issuers(&issuers), &["ROUTES"], routes);
        let lines =
            problems(&routes(json!({ "/a": route(json!({})), "/b": route(json!({ "issuers": ["b", "a", "c"] })) })));
        let message = "takes opaque tokens of `a` and `b`, expected `issuers` with one of them";
        assert_eq!(lines, [format!(r#"ROUTES."/a".require: {message}"#), format!(r#"ROUTES."/b".require: {message}"#)]);
        let config = parse(&routes(json!({
            "/a": route(json!({ "issuers": ["a", "c"] })), "/c": route(json!({ "issuers": ["c"] })),
            "/session": { "upstream": "service:API" },
        })));
        let config = config.unwrap();
        let opaque_issuer = |issuers: &[&str]| {
            let issuers = issuers.iter().filter_map(|id| IssuerId::parse(id)).collect();
            let required = crate::route::Requirements { issuers, ..Default::default() };
            config.opaque_issuer(&required).map(|issuer| issuer.id.to_string())
        };
        assert_eq!(opaque_issuer(&["c", "a"]).as_deref(), Some("a"));
        assert_eq!(opaque_issuer(&["c"]), None);
    }
}
