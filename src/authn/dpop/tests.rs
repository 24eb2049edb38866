use std::collections::BTreeSet;

use futures::executor::block_on;
use serde_json::json;

use super::*;
use crate::config::PublicUrl;
use crate::http::HeaderValue;
use crate::jose::testing::{jwk, sign};
use crate::jose::{JwtError, Portable, PublicKey};
use crate::json::JsonError;
use crate::route::CanonicalPath;

const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);
const TOKEN: &str = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";
const ATH: &str = "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo";

fn ring() -> KeyRing {
    KeyRing::parse(&format!("k1:{}", "E".repeat(43))).unwrap()
}

fn uri() -> TargetUri {
    TargetUri::of(&PublicUrl::parse("https://api.example.com").unwrap(), &CanonicalPath::parse("/orders/~7").unwrap())
}

/// The thumbprint of the tests' key.
fn jkt() -> String {
    PublicKey::from_jwk(jwk().as_object().unwrap()).unwrap().thumbprint().to_owned()
}

fn header() -> Value {
    json!({"typ": "dpop+jwt", "alg": "EdDSA", "jwk": jwk()})
}

fn claims() -> Value {
    json!({
        "jti": "-BwC3ESc6acc2lTc",
        "htm": "GET",
        "htu": "https://api.example.com/orders/~7",
        "iat": NOW.as_unix(),
        "ath": ATH,
    })
}

/// An object with members changed, or taken out where the change is `null`.
fn with(mut object: Value, changes: Value) -> Value {
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            object.as_object_mut().unwrap().remove(name);
        } else {
            object[name] = value.clone();
        }
    }
    object
}

fn proof(header: &Value, claims: &Value) -> String {
    sign(&header.to_string(), &claims.to_string())
}

fn headers(values: &[&str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append("dpop", HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    headers
}

struct Asked<'a> {
    method: &'a str,
    token: &'a str,
    jkt: &'a str,
    nonce: NonceRule<'a>,
    now: Timestamp,
}

fn asked(jkt: &str) -> Asked<'_> {
    Asked { method: "GET", token: TOKEN, jkt, nonce: NonceRule::Unasked, now: NOW }
}

fn check(values: &[&str], asked: &Asked<'_>) -> Result<DpopProof, DpopError> {
    let expected = ProofExpectations {
        method: asked.method,
        uri: &uri(),
        access_token: asked.token,
        jkt: asked.jkt,
        nonce: asked.nonce,
        now: asked.now,
    };
    block_on(DpopProof::check(&headers(values), &expected, &Portable))
}

fn verdict(header: &Value, claims: &Value) -> Result<(), DpopError> {
    check(&[&proof(header, claims)], &asked(&jkt())).map(drop)
}

#[test]
fn a_proof_of_the_right_key_for_this_request_is_good_until_it_is_too_old() {
    let proof = check(&[&proof(&header(), &claims())], &asked(&jkt())).unwrap();
    assert!(proof.usable_until() >= NOW.plus(MAX_AGE).plus(MAX_AHEAD));
}

// R-125
#[test]
fn there_is_exactly_one_header_with_one_proof() {
    let good = proof(&header(), &claims());
    let other = proof(&header(), &with(claims(), json!({"jti": "other"})));
    let joined = format!("{good}, {other}");
    let joined_tight = format!("{good},{good}");
    let long = "a".repeat(MAX_PROOF_BYTES + 1);
    let malformed = DpopError::Jwt(JwtError::Malformed);
    let cases: &[(&[&str], DpopError)] = &[
        (&[], DpopError::Missing),
        (&[&good, &good], DpopError::Repeated),
        (&[&good, &other], DpopError::Repeated),
        (&["", &good], DpopError::Repeated),
        (&[&joined], DpopError::Repeated),
        (&[&joined_tight], DpopError::Repeated),
        (&[&long], DpopError::TooLarge),
        (&[""], malformed),
        (&["a.b"], malformed),
        (&["null"], malformed),
        (&["dpop+jwt"], malformed),
        (&["é.é.é"], DpopError::NotText),
        (&["a.b.c.d.e"], DpopError::Jwt(JwtError::Encrypted)),
        (&["a b.c.d"], DpopError::Jwt(JwtError::Encoding)),
    ];
    for (values, expected) in cases {
        assert_eq!(check(values, &asked(&jkt())).unwrap_err(), *expected, "{values:?}");
    }
    assert!(check(&[&good], &asked(&jkt())).is_ok());
}

// R-126
#[test]
fn the_header_is_that_of_a_proof() {
    let jwt = DpopError::Jwt;
    let cases = [
        (json!({"typ": null}), DpopError::TypRefused),
        (json!({"typ": "JWT"}), DpopError::TypRefused),
        (json!({"typ": "at+jwt"}), DpopError::TypRefused),
        (json!({"typ": "dpop"}), DpopError::TypRefused),
        (json!({"typ": "application/dpop+jwt"}), DpopError::TypRefused),
        (json!({"typ": ["dpop+jwt"]}), jwt(JwtError::TypMalformed)),
        (json!({"alg": null}), jwt(JwtError::AlgorithmMissing)),
        (json!({"alg": "none"}), jwt(JwtError::AlgorithmUnsupported)),
        (json!({"alg": "HS256"}), jwt(JwtError::AlgorithmUnsupported)),
        (json!({"alg": "RS256"}), jwt(JwtError::AlgorithmNotAllowed)),
        (json!({"alg": "ES256"}), jwt(JwtError::KeyUnsuitable)),
        (json!({"jwk": null}), DpopError::KeyMissing),
        (json!({"jwk": null, "kid": "k1"}), DpopError::KeyMissing),
        (json!({"jwk": null, "jku": "https://attacker.example/jwks"}), DpopError::KeyMissing),
        (json!({"jwk": {"kty": "oct"}}), DpopError::KeyUnusable),
        (json!({"jwk": with(jwk(), json!({"d": "AAAA"}))}), DpopError::KeyPrivate),
        (json!({"jwk": {"kty": "oct", "k": "AAAA"}}), DpopError::KeyPrivate),
        (
            json!({"jwk": with(jwk(), json!({"x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}))}),
            DpopError::KeyMismatch,
        ),
        (json!({"crit": ["typ"]}), jwt(JwtError::Critical)),
    ];
    for (change, expected) in cases {
        assert_eq!(verdict(&with(header(), change.clone()), &claims()), Err(expected), "{change}");
    }
    for change in [json!({"typ": "DPoP+JWT"}), json!({"alg": "Ed25519"}), json!({"kid": "anything"})] {
        assert_eq!(verdict(&with(header(), change.clone()), &claims()), Ok(()), "{change}");
    }
}

// R-125, R-127, R-128, R-129
#[test]
fn each_member_has_to_be_right() {
    let cases = [
        ("jti", DpopError::JtiMalformed, vec![json!(null), json!(""), json!(1), json!("j".repeat(257)), json!(["a"])]),
        ("htm", DpopError::HtmMalformed, vec![json!(null), json!(""), json!(1), json!("G".repeat(33))]),
        ("htm", DpopError::HtmMismatch, vec![json!("POST"), json!("get"), json!("GET "), json!("*")]),
        (
            "htu",
            DpopError::HtuMalformed,
            vec![json!(null), json!(""), json!(1), json!("/orders/~7"), json!("https://u@api.example.com/orders/~7")],
        ),
        (
            "htu",
            DpopError::HtuMismatch,
            vec![
                json!("https://api.example.com/orders/~8"),
                json!("https://api.example.com/"),
                json!("https://other.example.com/orders/~7"),
                json!("http://api.example.com/orders/~7"),
                json!("https://api.example.com:8443/orders/~7"),
            ],
        ),
        (
            "iat",
            DpopError::IatMalformed,
            vec![json!(null), json!("1800000000"), json!(true), json!(-1), json!(1e308), json!({"$": 1})],
        ),
        ("iat", DpopError::IatTooOld, vec![json!(NOW.as_unix() - 61), json!(0)]),
        ("iat", DpopError::IatInFuture, vec![json!(NOW.as_unix() + 11), json!(253_402_300_799_i64)]),
        ("ath", DpopError::AthMalformed, vec![json!(null), json!(1), json!([ATH])]),
        (
            "ath",
            DpopError::AthMismatch,
            vec![json!(""), json!(ATH.replace('f', "g")), json!(format!("{ATH}=")), json!(TOKEN)],
        ),
    ];
    for (name, expected, values) in cases {
        for value in values {
            assert_eq!(verdict(&header(), &with(claims(), json!({name: value}))), Err(expected), "{name}: {value}");
        }
    }
}

// R-127, R-128, R-103
#[test]
fn what_comes_to_the_same_is_accepted() {
    for change in [
        json!({"htu": "HTTPS://API.example.com:443/orders/%7E7?page=2#top"}),
        json!({"iat": NOW.as_unix() - 60}),
        json!({"iat": NOW.as_unix() + 10}),
        json!({"iat": NOW.as_unix() as f64 - 0.5}),
        json!({"jti": "j".repeat(256)}),
        json!({"nonce": "that-of-another-server"}),
        json!({"nonce": 1, "exp": 1, "more": {"a": []}}),
    ] {
        assert_eq!(verdict(&header(), &with(claims(), change.clone())), Ok(()), "{change}");
    }
}

// R-127, R-129
#[test]
fn a_proof_is_for_one_method_token_and_key() {
    let (good, jkt) = (proof(&header(), &claims()), jkt());
    let other = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";
    for (asked, expected) in [
        (Asked { method: "POST", ..asked(&jkt) }, DpopError::HtmMismatch),
        (Asked { method: "get", ..asked(&jkt) }, DpopError::HtmMismatch),
        (Asked { token: "another", ..asked(&jkt) }, DpopError::AthMismatch),
        (asked(other), DpopError::KeyMismatch),
        (Asked { now: NOW.plus(Seconds::new(61)), ..asked(&jkt) }, DpopError::IatTooOld),
        (Asked { now: NOW.minus(Seconds::new(11)), ..asked(&jkt) }, DpopError::IatInFuture),
    ] {
        assert_eq!(check(&[&good], &asked).unwrap_err(), expected);
    }
}

// R-131
#[test]
fn a_nonce_that_is_asked_for_has_to_be_ours_and_fresh() {
    let (keys, jkt) = (ring(), jkt());
    let asked = Asked { nonce: NonceRule::Required(&keys), ..asked(&jkt) };
    let holding =
        |nonce: Value| check(&[&proof(&header(), &with(claims(), json!({"nonce": nonce})))], &asked).map(drop);
    assert_eq!(holding(Value::Null), Err(DpopError::NonceMissing));
    let stale = nonce::current(&keys, NOW.minus(nonce::SPAN).minus(nonce::SPAN));
    for refused in [json!(""), json!(1), json!("eyJ7S_zG.eyJH0-Z.HX4w-7v"), json!(stale), json!([])] {
        assert_eq!(holding(refused.clone()), Err(DpopError::NonceRefused), "{refused}");
    }
    assert_eq!(holding(json!(nonce::current(&keys, NOW))), Ok(()));
    assert_eq!(holding(json!(nonce::current(&keys, NOW.minus(nonce::SPAN)))), Ok(()));
}

// R-126: a signature by a key that nobody asked for is not even looked at.
#[test]
fn only_the_bound_key_reaches_the_backend() {
    struct Never;
    impl Signatures for Never {
        async fn verify(&self, _: &PublicKey, _: Algorithm, _: &[u8], _: &[u8]) -> bool {
            panic!("asked")
        }
    }
    let expected = ProofExpectations {
        method: "GET",
        uri: &uri(),
        access_token: TOKEN,
        jkt: "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I",
        nonce: NonceRule::Unasked,
        now: NOW,
    };
    let verdict = block_on(DpopProof::check(&headers(&[&proof(&header(), &claims())]), &expected, &Never));
    assert_eq!(verdict.unwrap_err(), DpopError::KeyMismatch);
}

// R-126
#[test]
fn a_proof_signed_by_another_than_its_key_is_refused() {
    let (rest, _) = proof(&header(), &claims()).rsplit_once('.').map(|(rest, _)| (rest.to_owned(), ())).unwrap();
    let (_, other) = proof(&header(), &with(claims(), json!({"jti": "x"})))
        .rsplit_once('.')
        .map(|(_, it)| ((), it.to_owned()))
        .unwrap();
    let forged = format!("{rest}.{other}");
    assert_eq!(check(&[&forged], &asked(&jkt())).unwrap_err(), DpopError::Jwt(JwtError::BadSignature));
}

// R-098
#[test]
fn doubled_members_are_refused() {
    let doubled = claims().to_string().replace("{", r#"{"jti":"a","#);
    let text = sign(&header().to_string(), &doubled);
    let expected = DpopError::Jwt(JwtError::ClaimsJson(JsonError::DuplicateMember));
    assert_eq!(check(&[&text], &asked(&jkt())).unwrap_err(), expected);
}

// R-128, RFC 9449 §11.1
#[test]
fn what_is_remembered_of_a_proof_is_its_key_uri_and_jti() {
    let key = |change: Value| *check(&[&proof(&header(), &with(claims(), change))], &asked(&jkt())).unwrap().once_key();
    let first = key(json!({}));
    assert_eq!(key(json!({"iat": NOW.as_unix() - 5, "htu": "https://API.example.com:443/orders/%7E7?x"})), first);
    assert_ne!(key(json!({"jti": "another"})), first);
    let keys: BTreeSet<[u8; 32]> =
        [("https://a.example/", "jkt", "1"), ("https://a.example/1", "jkt", ""), ("https://a.example/", "jkt2", "1")]
            .map(|(uri, jkt, jti)| {
                let uri = TargetUri::parse(uri).unwrap();
                once_key(jkt, &uri, jti)
            })
            .into();
    assert_eq!(keys.len(), 3);
}

// R-128: as long as any isolate would accept it, it is remembered.
#[test]
fn a_proof_is_remembered_for_as_long_as_it_could_be_used() {
    for age in [-10, 0, 60] {
        let issued_at = NOW.as_unix() - age;
        let text = proof(&header(), &with(claims(), json!({"iat": issued_at})));
        let until = check(&[&text], &asked(&jkt())).unwrap().usable_until();
        let late = Asked { now: until, ..asked(&jkt()) }.now;
        assert_eq!(check(&[&text], &Asked { now: late, ..asked(&jkt()) }).unwrap_err(), DpopError::IatTooOld);
        // The store, whose clock may be ahead, takes no claim that is over already.
        assert!(until >= NOW.plus(CLOCKS_APART), "{age}");
    }
}

#[test]
fn every_failure_has_a_code_of_its_own_and_few_are_not_the_proofs_fault() {
    let all = [
        DpopError::Missing,
        DpopError::Repeated,
        DpopError::TooLarge,
        DpopError::NotText,
        DpopError::Jwt(JwtError::Malformed),
        DpopError::KeyMissing,
        DpopError::KeyPrivate,
        DpopError::KeyUnusable,
        DpopError::TypRefused,
        DpopError::KeyMismatch,
        DpopError::JtiMalformed,
        DpopError::HtmMalformed,
        DpopError::HtmMismatch,
        DpopError::HtuMalformed,
        DpopError::HtuMismatch,
        DpopError::NonceMissing,
        DpopError::NonceRefused,
        DpopError::IatMalformed,
        DpopError::IatInFuture,
        DpopError::IatTooOld,
        DpopError::AthMalformed,
        DpopError::AthMismatch,
        DpopError::Replayed,
    ];
    let codes: BTreeSet<_> = all.iter().map(|error| error.code()).collect();
    assert_eq!(codes.len(), all.len());
    let blamed = |blame| all.iter().filter(|error| error.blame() == blame).count();
    assert_eq!((blamed(Blame::Token), blamed(Blame::Nonce)), (2, 2));
    assert_eq!(DpopError::Jwt(JwtError::BadSignature).detail(), Some("jwt.bad_signature"));
}

mod properties {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn no_header_makes_it_panic_or_pass(text in "[ -~]{0,200}") {
            prop_assert!(check(&[&text], &asked(&jkt())).is_err());
        }

        #[test]
        fn no_member_of_another_type_passes(name in "jti|htm|htu|iat|ath", value in "\\PC{0,40}") {
            let change = json!({name.as_str(): [value]});
            prop_assert!(verdict(&header(), &with(claims(), change)).is_err());
        }

        #[test]
        fn any_byte_changed_makes_a_proof_no_good(at in 0_usize..2000, to in 33_u8..127) {
            let mut bytes = proof(&header(), &claims()).into_bytes();
            let at = at % bytes.len();
            prop_assume!(bytes[at] != to);
            bytes[at] = to;
            prop_assert!(check(&[&String::from_utf8(bytes).unwrap()], &asked(&jkt())).is_err());
        }

        // R-128
        #[test]
        fn the_window_is_what_it_says(offset in -200_i64..200) {
            let verdict = verdict(&header(), &with(claims(), json!({"iat": NOW.as_unix() + offset})));
            prop_assert_eq!(verdict.is_ok(), (-60..=10).contains(&offset));
        }
    }
}
