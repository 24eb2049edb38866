use serde_json::{Value, json};

use super::*;
use crate::config::testing::workload_issuer;
use crate::http::HeaderValue;
use crate::jose::testing::{KID, jwk, key_set, sign, verify};
use crate::jose::{KeySet, VerifiedJwt};

const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

fn domain() -> WorkloadIssuer {
    workload_issuer(json!({
        "preset": "spiffe", "trust_domain": "prod.example.com", "audience": "urn:a", "algs": ["EdDSA"],
        "jwks_uri": "https://bundle.example/", "trust": [{ "sub": "spiffe://prod.example.com/a" }],
    }))
}

fn verified(header: &Value, claims: &Value, keys: &KeySet) -> VerifiedJwt {
    verify(&sign(&header.to_string(), &claims.to_string()), keys).unwrap()
}

#[test]
fn the_header_of_an_svid_has_three_members_and_no_more() {
    //
    let claims = json!({ "sub": "spiffe://prod.example.com/a", "aud": "urn:a", "exp": NOW.as_unix() + 60 });
    let verdict = |more: Value| {
        let mut header = json!({ "alg": "EdDSA", "kid": KID });
        header.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        check(verified(&header, &claims, &key_set(&[jwk()])), &domain(), NOW).map(|_| ())
    };
    for good in [json!({}), json!({ "typ": "JWT" }), json!({ "typ": "JOSE" })] {
        assert_eq!(verdict(good.clone()), Ok(()), "{good}");
    }
    for bad in
        [json!({ "x5c": [] }), json!({ "jku": "https://a.example" }), json!({ "jwk": {} }), json!({ "cty": null })]
    {
        assert_eq!(verdict(bad.clone()), Err(WorkloadError::HeaderRefused), "{bad}");
    }
    for bad in ["jwt", "application/JWT", "at+jwt"] {
        assert_eq!(verdict(json!({ "typ": bad })), Err(WorkloadError::TypRefused), "{bad}");
    }
}

#[test]
fn a_key_for_another_issuer_of_the_same_set_verifies_nothing() {
    //
    let platform = workload_issuer(json!({
        "preset": "azure-managed-identity", "tenant_id": "6f1d2c1e-8a55-4a3e-9d3c-0b9b5e3c1f10", "audience": "urn:a",
        "algs": ["EdDSA"], "trust": [{ "oid": "1" }],
    }));
    let claims = json!({ "iss": platform.issuer, "sub": "1", "oid": "1", "aud": "urn:a", "exp": NOW.as_unix() + 60 });
    for (issuer, good) in [(platform.issuer.as_str(), true), ("https://login.microsoftonline.com/other/v2.0", false)] {
        let mut key = jwk();
        key["issuer"] = issuer.into();
        let jwt = verified(&json!({ "alg": "EdDSA", "kid": KID }), &claims, &key_set(&[key]));
        assert_eq!(check(jwt, &platform, NOW).is_ok(), good, "{issuer}");
    }
}

#[test]
fn access_says_it_once_and_within_bounds() {
    //
    let headers = |values: &[&str]| {
        let values = values.iter().map(|value| (ACCESS_HEADER, HeaderValue::try_from(*value).unwrap()));
        let mut headers = HeaderMap::new();
        for (name, value) in values {
            headers.append(name, value);
        }
        headers
    };
    let read =
        |values: &[&str]| access_assertion(&headers(values)).map(|found| found.map(|found| found.expose().clone()));
    assert_eq!(read(&[]), Ok(None));
    assert_eq!(read(&["a.b.c"]), Ok(Some("a.b.c".to_owned())));
    assert_eq!(read(&["a.b.c", "a.b.c"]), Err(PresentationError::Repeated));
    assert_eq!(read(&[&"a".repeat(MAX_TOKEN_BYTES + 1)]), Err(PresentationError::TooLarge));
}
