//! What a token that was refused says in the place that it was refused for, and what was expected there: for the log alone,
//! after the decision. Nothing here is verified, and nothing depends on it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::jose::Algorithm;
use crate::json;
use crate::oidc::error_response::printable_name;
use crate::oidc::introspection::TOKEN_TYPES;
use crate::time::Timestamp;

/// Of a token that was delivered to us.
const MAX_PART_BYTES: usize = crate::jose::jws::MAX_DELIVERED_BYTES;
const MAX_VALUE_CHARACTERS: usize = 80;
/// The claims by which tokens are told apart or tied to a login: that they are wrong is all the log may know.
const SECRETS: [&str; 7] = ["nonce", "at_hash", "jti", "sid", "sub", "events", "state"];

/// The reasons that are a token's.
const FAMILIES: [&str; 8] =
    ["jwt", "id_token", "logout_token", "access_token", "userinfo", "bearer", "workload", "response"];

/// What was expected of a token.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// `iss`
    pub issuer: &'a str,
    /// One of which `aud` must hold, and `azp` must be.
    pub audience: &'a [String],
    /// Of which `alg` must be one.
    pub algorithms: &'a [Algorithm],
    /// Of which `acr` must be one.
    pub acr_values: &'a [String],
    /// When it was looked at.
    pub now: Timestamp,
}

/// The same of a token by this reason.
#[must_use]
pub fn of_token(code: &str, token: &str, expected: &Expected<'_>) -> Option<String> {
    let (family, check) = code.split_once('.').filter(|(family, _)| FAMILIES.contains(family))?;
    let mut parts = token.split('.').map(part);
    let (header, claims) = (parts.next()??, parts.next()??);
    if family == "jwt" {
        return of_header(check, &header, expected);
    }
    Some(of_claims(check, (&header, &claims), expected))
}

/// The same of an opaque token, of which its issuer said this.
#[must_use]
pub fn of_answer(code: &str, said: &Map<String, Value>, expected: &Expected<'_>) -> Option<String> {
    match code.split_once('.')? {
        ("introspection", "inactive") => None,
        ("introspection", "token_type_refused") => {
            Some(found("token_type", Some(listed(TOKEN_TYPES)), said.get("token_type")))
        }
        ("introspection", "dpop_key_missing") => Some(found("cnf", Some("a `jkt`".to_owned()), said.get("cnf"))),
        ("introspection" | "access_token", check) => Some(of_claims(check, (&Map::new(), said), expected)),
        _ => None,
    }
}

fn of_claims(
    check: &str,
    (header, claims): (&Map<String, Value>, &Map<String, Value>),
    expected: &Expected<'_>,
) -> String {
    let (claim, wanted) = match check.rsplit_once('_').map_or(check, |(claim, _)| claim) {
        "typ" => return found("typ", None, header.get("typ")),
        "iss" => ("iss", Some(listed([expected.issuer]))),
        "issuer" => ("iss", None),
        "aud" => ("aud", Some(listed(expected.audience.iter().map(String::as_str)))),
        "azp" => ("azp", Some(listed(expected.audience.iter().map(String::as_str)))),
        "acr" => ("acr", Some(listed(expected.acr_values.iter().map(String::as_str)))),
        "expired" | "exp" => ("exp", Some(later_than(expected.now))),
        "iat" | "iat_in" | "iat_too" => ("iat", Some(near(expected.now))),
        "nbf" | "not_yet" => ("nbf", Some(near(expected.now))),
        "auth_time" | "auth_time_in" | "auth_time_too" => ("auth_time", Some(near(expected.now))),
        claim if SECRETS.contains(&claim) || claim == "parameter" => return claim.to_owned(),
        claim => (claim, None),
    };
    found(claim, wanted, claims.get(claim))
}

fn of_header(check: &str, header: &Map<String, Value>, expected: &Expected<'_>) -> Option<String> {
    let algorithms = listed(expected.algorithms.iter().map(|algorithm| algorithm.name()));
    match check {
        "alg_missing" | "alg_unsupported" | "alg_not_allowed" => {
            Some(found("alg", Some(algorithms), header.get("alg")))
        }
        "key_unknown" | "key_unsuitable" | "key_ambiguous" | "bad_signature" | "kid_malformed" => {
            // What a token calls its key is its sender's word alone, and goes nowhere.
            let kid = if header.contains_key("kid") { "a kid" } else { "no kid" };
            Some(format!("found {kid}, {}", found("alg", None, header.get("alg"))))
        }
        "typ_malformed" => Some(found("typ", None, header.get("typ"))),
        other => Some(other.to_owned()),
    }
}

fn found(name: &str, wanted: Option<String>, value: Option<&Value>) -> String {
    let value = value.filter(|value| !value.is_null()).map_or_else(|| "nothing".to_owned(), shown);
    match wanted {
        Some(wanted) => format!("{name}: expected {wanted}, found {value}"),
        None => format!("{name}: found {value}"),
    }
}

fn listed<'a>(values: impl IntoIterator<Item = &'a str>) -> String {
    let values: Vec<String> = values.into_iter().map(text).collect();
    if values.is_empty() { "nothing".to_owned() } else { values.join(" or ") }
}

fn later_than(now: Timestamp) -> String {
    format!("a time after {now}")
}

fn near(now: Timestamp) -> String {
    format!("a time near {now}")
}

fn shown(value: &Value) -> String {
    let told = match value {
        Value::String(value) => value.clone(),
        Value::Array(values) if values.iter().all(Value::is_string) => {
            values.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ")
        }
        other => other.to_string(),
    };
    // Whoever wrote the token wrote this: it may be a credential.
    text(&printable_name(&told))
}

fn text(value: &str) -> String {
    let plain = value.chars().map(|c| if c.is_ascii_graphic() || matches!(c, ' ' | '…') { c } else { '?' });
    format!("`{}`", plain.take(MAX_VALUE_CHARACTERS).collect::<String>())
}

fn part(part: &str) -> Option<Map<String, Value>> {
    json::parse_object(&URL_SAFE_NO_PAD.decode(part).ok()?, MAX_PART_BYTES).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn token(header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.AAAA", part(header), part(claims))
    }

    fn told(code: &str, header: &Value, claims: &Value) -> Option<String> {
        let (audience, acr_values) = (["app".to_owned()], ["mfa".to_owned()]);
        let expected = Expected {
            issuer: "https://op.example",
            audience: &audience,
            algorithms: &[Algorithm::Rs256],
            acr_values: &acr_values,
            now: Timestamp::from_unix(1000),
        };
        of_token(code, &token(header, claims), &expected)
    }

    #[test]
    fn what_was_expected_stands_beside_what_was_found() {
        let claims = json!({
            "iss": "https://other.example", "aud": ["app", "api"], "azp": "api", "acr": "pwd", "exp": 900, "iat": 5000,
        });
        for (code, expected) in [
            ("id_token.iss_mismatch", "iss: expected `https://op.example`, found `https://other.example`"),
            ("bearer.issuer_unknown", "iss: found `https://other.example`"),
            ("access_token.aud_mismatch", "aud: expected `app`, found `app api`"),
            ("id_token.aud_untrusted", "aud: expected `app`, found `app api`"),
            ("id_token.azp_mismatch", "azp: expected `app`, found `api`"),
            ("id_token.acr_unsatisfied", "acr: expected `mfa`, found `pwd`"),
            ("logout_token.expired", "exp: expected a time after 1000, found `900`"),
            ("id_token.iat_in_future", "iat: expected a time near 1000, found `5000`"),
            ("id_token.nbf_malformed", "nbf: expected a time near 1000, found nothing"),
            ("id_token.typ_refused", "typ: found `JWT`"),
            ("jwt.alg_not_allowed", "alg: expected `RS256`, found `ES256`"),
            ("jwt.alg_unsupported", "alg: expected `RS256`, found `ES256`"),
            ("jwt.key_unknown", "found a kid, alg: found `ES256`"),
        ] {
            let header = json!({ "alg": "ES256", "kid": "k1", "typ": "JWT" });
            assert_eq!(told(code, &header, &claims).as_deref(), Some(expected), "{code}");
        }
    }

    #[test]
    fn what_an_issuer_says_of_an_opaque_token_is_told_in_the_same_way() {
        let said = json!({
            "iss": "https://other.example", "aud": ["api"], "token_type": "N_A", "client_id": 7, "sub": "planted",
            "exp": 900, "iat": 5000, "nbf": "soon", "cnf": {}, "auth_time": "x", "act": "x",
        });
        let audience = ["app".to_owned(), "urn:app".to_owned()];
        let (issuer, now) = ("https://op.example", Timestamp::from_unix(1000));
        let expected = Expected { issuer, audience: &audience, algorithms: &[], acr_values: &[], now };
        for (code, told) in [
            ("introspection.iss_mismatch", Some("iss: expected `https://op.example`, found `https://other.example`")),
            ("introspection.aud_mismatch", Some("aud: expected `app` or `urn:app`, found `api`")),
            ("introspection.aud_malformed", Some("aud: expected `app` or `urn:app`, found `api`")),
            ("introspection.token_type_refused", Some("token_type: expected `bearer` or `dpop`, found `N_A`")),
            ("introspection.dpop_key_missing", Some("cnf: expected a `jkt`, found `{}`")),
            ("introspection.expired", Some("exp: expected a time after 1000, found `900`")),
            ("introspection.iat_in_future", Some("iat: expected a time near 1000, found `5000`")),
            ("introspection.nbf_malformed", Some("nbf: expected a time near 1000, found `soon`")),
            ("introspection.sub_malformed", Some("sub")),
            ("introspection.client_id_malformed", Some("client_id: found `7`")),
            ("access_token.auth_time_malformed", Some("auth_time: expected a time near 1000, found `x`")),
            ("access_token.act_malformed", Some("act: found `x`")),
            ("introspection.inactive", None),
            ("authz.role_missing", None),
        ] {
            assert_eq!(of_answer(code, said.as_object().unwrap(), &expected).as_deref(), told, "{code}");
        }
        let nothing = of_answer("introspection.aud_missing", &Map::new(), &expected);
        assert_eq!(nothing.as_deref(), Some("aud: expected `app` or `urn:app`, found nothing"));
    }

    #[test]
    fn what_ties_a_token_to_a_login_is_named_and_not_told() {
        let claims = json!({ "nonce": "planted", "at_hash": "planted", "jti": "planted", "sid": "planted", "sub": 1 });
        for (code, name) in [
            ("id_token.nonce_mismatch", "nonce"),
            ("id_token.at_hash_mismatch", "at_hash"),
            ("logout_token.jti_malformed", "jti"),
            ("id_token.sub_mismatch", "sub"),
        ] {
            assert_eq!(told(code, &json!({ "alg": "RS256" }), &claims).as_deref(), Some(name), "{code}");
        }
    }

    #[test]
    fn what_may_be_a_credential_is_not_told_wherever_it_stands() {
        //
        let claims = json!({ "iss": "SplxlOBeZQQYbYS6WxSbIA", "aud": ["eyJhbGciOiJSUzI1NiJ9.e30", "app"] });
        let told = |code| told(code, &json!({}), &claims).unwrap();
        assert_eq!(told("id_token.iss_mismatch"), "iss: expected `https://op.example`, found `…`");
        assert_eq!(told("id_token.aud_mismatch"), "aud: expected `app`, found `….e30 app`");
    }

    #[test]
    fn it_is_short_and_plain_whatever_stands_there() {
        //
        let claims = json!({ "iss": format!("a\r\nb\u{2028}{}", "x".repeat(10_000)) });
        let told = told("id_token.iss_mismatch", &json!({}), &claims).unwrap();
        assert!(told.len() < 200 && !told.contains('\n'), "{told}");
        for odd in ["", ".", "a.b.c", "e30.e30"] {
            let expected =
                Expected { issuer: "", audience: &[], algorithms: &[], acr_values: &[], now: Timestamp::EPOCH };
            let _nothing_happens = of_token("id_token.iss_mismatch", odd, &expected);
        }
    }
}
