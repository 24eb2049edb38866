//! Every kind of token, held against every validator (R-106, RFC 8725 §3.12): all by one key of one issuer, about one
//! subject, for one audience, and alive, so that only their kind tells them apart.

use std::rc::Rc;

use base64ct::{Base64UrlUnpadded, Encoding};
use futures::executor::block_on;
use p256::ecdsa::SigningKey;
use p256::ecdsa::signature::Signer;
use serde_json::{Value, json};

use crate::agent::client::assertion::{AssertionError, AssertionExpectations, ShownClientAssertion};
use crate::agent::enterprise::{self, IdJag, IdJagError, IdJagExpectations};
use crate::api_key::{ApiKeyId, ApiKeyText, KeyMark, KeyPrefix};
use crate::authn::access_token::{self, AccessTokenClaims};
use crate::authn::dpop::{self, DpopProof, NonceRule, TargetUri};
use crate::authn::workload::{self as authn_workload, WorkloadError};
use crate::claims::OwnAudience;
use crate::config::testing::{public_url, token_issuer, workload_issuer};
use crate::config::{LogoutTokens, RevocationTyp, TokenIssuer};
use crate::http::{HeaderMap, HeaderValue, alt_names};
use crate::jose::testing::{KID, jwk, key_set, sign, verify};
use crate::jose::{Portable, PublicKey, VerifiedJwt};
use crate::keyring::KeyRing;
use crate::oidc::id_token::{self, IdToken, RefreshedIdTokenExpectations};
use crate::oidc::login_values::Nonce;
use crate::oidc::logout_token::{self, LogoutToken};
use crate::oidc::revocation_token::{self, RevocationToken};
use crate::oidc::userinfo::{self, UserInfo};
use crate::ports::Random;
use crate::route::CanonicalPath;
use crate::session::device::DeviceChallenge;
use crate::session::device::proof::{self, ProofTerms};
use crate::session::{SessionDigest, SessionId, SubjectKey};
use crate::time::Timestamp;

const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);
const ISSUER: &str = "https://as.example.com/t1";
const CLIENT: &str = "app";
const API: &str = "https://api.example.com";
const REVOCATION: &str = "https://app.example.com/auth/revocation/corp";
const JOBS: &str = "https://jobs.example.com";

/// Each kind as its specification has it; those without a `typ` of their own also as one that is said to be some JWT.
fn tokens() -> Vec<(&'static str, String)> {
    let event = |uri: &str| json!({ "events": { uri: {} } });
    let logout = event("http://schemas.openid.net/event/backchannel-logout");
    let revoked = event("https://schemas.openid.net/secevent/caep/event-type/session-revoked");
    let revocation = json!({ "aud": REVOCATION, "sub": CLIENT, "client_id": null });
    let own = json!({ "iss": CLIENT, "sub": CLIENT, "aud": ISSUER });
    let request = json!({ "iss": CLIENT, "aud": ISSUER, "response_type": "code", "nonce": "n", "scope": "openid" });
    let word =
        json!({ "kind": "human", "sub_id": { "format": "iss_sub", "iss": ISSUER, "sub": "alice" }, "scope": "a" });
    let proof = json!({ "htm": "GET", "htu": "https://app.example.com/a", "ath": ath() });
    vec![
        ("ID token", token(Some("JWT"), &json!({ "nonce": "n", "at_hash": at_hash() }))),
        ("refreshed ID token", token(None, &json!({}))),
        ("access token", token(Some("at+jwt"), &json!({ "scope": "a" }))),
        ("legacy access token", token(Some("JWT"), &json!({ "scope": "a", "aud": API }))),
        ("logout token", token(Some("logout+jwt"), &logout)),
        ("legacy logout token", token(None, &logout)),
        ("revocation token", token(Some("global-token-revocation+jwt"), &revocation)),
        ("legacy revocation token", token(Some("JWT"), &revocation)),
        ("security event token", token(Some("secevent+jwt"), &revoked)),
        ("untyped security event", token(None, &revoked)),
        ("client assertion", token(Some("client-authentication+jwt"), &own)),
        ("untyped client assertion", token(Some("JWT"), &own)),
        ("request object", token(Some("oauth-authz-req+jwt"), &request)),
        ("untyped request object", token(None, &request)),
        ("DPoP proof", token(Some("dpop+jwt"), &proof)),
        // By another algorithm, as it is here, it would be no proof of a device in any case.
        (
            "device proof",
            token(Some("dbsc+jwt"), &json!({ "jti": challenge(), "authorization": session().public_id() })),
        ),
        // Those of platforms have an audience that no client has: the configuration keeps them apart.
        (
            "job token",
            token(Some("JWT"), &json!({ "aud": JOBS, "client_id": null, "repository_id": "1", "event_name": "push" })),
        ),
        ("SVID", svid()),
        (
            "Access assertion",
            token(
                Some("JWT"),
                &json!({ "aud": JOBS, "sub": "", "common_name": "a367826f93b8d71185e03fe518aff3b4.access", "client_id": null }),
            ),
        ),
        // What a provider lets a client do for a person.
        ("ID-JAG", token(Some("oauth-id-jag+jwt"), &json!({ "scope": "a" }))),
        ("API key", api_key()),
        // What Postern itself tells upstreams, as if it were from that issuer: it opens nothing here again.
        ("our assertion", token(Some("postern-assertion+jwt"), &word)),
        ("our assertion for an API", token(Some("postern-assertion+jwt"), &merged(&word, &json!({ "aud": API })))),
    ]
}

type Validator = (&'static str, fn(&str) -> Result<(), &'static str>);

const VALIDATORS: [Validator; 17] = [
    ("ID token", |token| {
        let nonce = Nonce::new("n".to_owned());
        let expected = id_token::IdTokenExpectations {
            issuer: ISSUER,
            audience: OwnAudience::of(CLIENT),
            nonce: &nonce,
            access_token: Some("opaque"),
            max_age: None,
            acr_values: &[],
            now: NOW,
        };
        IdToken::check(verified(token)?, &expected).map(|_| ()).map_err(id_token::IdTokenError::code)
    }),
    ("refreshed ID token", |token| {
        let expected = RefreshedIdTokenExpectations {
            issuer: ISSUER,
            audience: OwnAudience::of(CLIENT),
            subject: "alice",
            nonce: None,
            access_token: "opaque",
            now: NOW,
        };
        IdToken::check_refreshed(&verified(token)?, &expected).map_err(id_token::IdTokenError::code)
    }),
    ("UserInfo", |token| {
        let expected = userinfo::UserInfoExpectations { issuer: ISSUER, client_id: CLIENT, subject: "alice", now: NOW };
        UserInfo::check_signed(verified(token)?, &expected).map(|_| ()).map_err(userinfo::UserInfoError::code)
    }),
    ("logout token", |token| logout(token, LogoutTokens::Strict)),
    ("standard logout token", |token| logout(token, LogoutTokens::Standard)),
    ("legacy logout token", |token| logout(token, LogoutTokens::Legacy)),
    ("revocation token", |token| revocation(token, RevocationTyp::Strict)),
    ("legacy revocation token", |token| revocation(token, RevocationTyp::Legacy)),
    ("access token", |token| access(token, &token_issuer(|table| table["audience"] = CLIENT.into()))),
    ("legacy access token", |token| access(token, &token_issuer(|table| table["tokens"] = "legacy".into()))),
    ("job token", |token| {
        workload(
            token,
            json!({ "preset": "github-actions", "issuer": ISSUER, "trust": [{ "repository_id": 1, "event_name": "push" }] }),
        )
    }),
    ("SVID", |token| {
        let trust = json!([{ "sub": "spiffe://prod.example.com/a" }]);
        workload(
            token,
            json!({ "preset": "spiffe", "trust_domain": "prod.example.com", "jwks_uri": "https://b.example/", "trust": trust }),
        )
    }),
    ("Access assertion", |token| {
        let trust = json!([{ "common_name": "a367826f93b8d71185e03fe518aff3b4.access" }]);
        workload(
            token,
            json!({ "preset": "cloudflare-access", "issuer": ISSUER, "jwks_uri": "https://b.example/", "trust": trust }),
        )
    }),
    ("ID-JAG", |token| {
        let expected = IdJagExpectations {
            issuer: ISSUER,
            audience: CLIENT,
            client_id: CLIENT,
            longest_life: enterprise::LONGEST_LIFE,
            now: NOW,
        };
        IdJag::check(verified(token)?, &expected).map(|_| ()).map_err(IdJagError::code)
    }),
    ("client assertion", |token| {
        let expected = AssertionExpectations { client_id: CLIENT, audience: [ISSUER, API], now: NOW };
        ShownClientAssertion::check(&verified(token)?, &expected).map(|_| ()).map_err(AssertionError::code)
    }),
    ("API key", |token| {
        let prefix = KeyPrefix::default();
        let key = ApiKeyText::parse(token, &prefix).ok_or("key.malformed")?;
        if key.mark(&ring()) == KeyMark::Ours { Ok(()) } else { Err("key.forged") }
    }),
    ("DPoP proof", |token| {
        let headers = HeaderMap::from_iter([("dpop".parse().unwrap(), HeaderValue::try_from(token).unwrap())]);
        let uri = TargetUri::of(&public_url(), &CanonicalPath::parse("/a").unwrap());
        let key = PublicKey::from_jwk(jwk().as_object().unwrap()).unwrap();
        let expected = dpop::ProofExpectations {
            method: "GET",
            uri: &uri,
            access_token: "opaque",
            jkt: key.thumbprint(),
            nonce: NonceRule::Unasked,
            now: NOW,
        };
        block_on(DpopProof::check(&headers, &expected, &Portable)).map(|_| ()).map_err(|error| error.code())
    }),
];

/// By a platform with these keys in its table, of the same issuer and key.
fn workload(token: &str, table: Value) -> Result<(), &'static str> {
    let own = json!({ "audience": JOBS, "algs": ["EdDSA"] });
    let platform = workload_issuer(merged(&own, &table));
    let claims = authn_workload::check(verified(token)?, &platform, NOW).map_err(WorkloadError::code)?;
    authn_workload::principal(&platform, &Rc::new(claims)).map(|_| ()).map_err(|_| WorkloadError::Untrusted.code())
}

/// One that was made here.
fn api_key() -> String {
    let id = ApiKeyId::parse("0011223344556677").unwrap();
    ApiKeyText::generate(id, &ring(), &Sevens).expose(&KeyPrefix::default()).expose().clone()
}

struct Sevens;

impl Random for Sevens {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

fn svid() -> String {
    let claims = json!({ "sub": "spiffe://prod.example.com/a", "aud": [JOBS], "exp": NOW.as_unix() + 100 });
    sign(&json!({ "alg": "EdDSA", "kid": KID }).to_string(), &claims.to_string())
}

fn merged(one: &Value, more: &Value) -> Value {
    let members = one.as_object().unwrap().clone().into_iter().chain(more.as_object().unwrap().clone());
    Value::Object(members.collect())
}

fn token(typ: Option<&str>, changes: &Value) -> String {
    let (iat, exp) = (NOW.as_unix(), NOW.as_unix() + 100);
    let mut claims = json!({ "iss": ISSUER, "sub": "alice", "aud": CLIENT, "client_id": CLIENT, "jti": "j", "iat": iat, "exp": exp });
    claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    // A proof brings its key along; to the others that is one header more.
    let mut header = json!({ "alg": "EdDSA", "kid": KID, "jwk": jwk() });
    if let Some(typ) = typ {
        header["typ"] = typ.into();
    }
    sign(&header.to_string(), &claims.to_string())
}

fn verified(token: &str) -> Result<VerifiedJwt, &'static str> {
    verify(token, &key_set(&[jwk()])).map_err(|error| error.code())
}

fn logout(token: &str, kind: LogoutTokens) -> Result<(), &'static str> {
    let expected =
        logout_token::LogoutTokenExpectations { issuer: ISSUER, audience: OwnAudience::of(CLIENT), kind, now: NOW };
    LogoutToken::check(&verified(token)?, &expected).map(|_| ()).map_err(logout_token::LogoutTokenError::code)
}

fn revocation(token: &str, typ: RevocationTyp) -> Result<(), &'static str> {
    let expected = revocation_token::RevocationTokenExpectations {
        issuer: ISSUER,
        audience: REVOCATION,
        client_id: CLIENT,
        typ,
        now: NOW,
    };
    let checked = RevocationToken::check(&verified(token)?, &expected);
    checked.map(|_| ()).map_err(revocation_token::RevocationTokenError::code)
}

fn access(token: &str, issuer: &TokenIssuer) -> Result<(), &'static str> {
    let expected =
        access_token::AccessTokenExpectations { issuer, profile: issuer.signed().unwrap().profile, now: NOW };
    AccessTokenClaims::check(verified(token)?, &expected).map(|_| ()).map_err(access_token::AccessTokenError::code)
}

/// SHA-256 of `opaque` (RFC 9449 §4.2).
fn ath() -> String {
    digest(crate::jose::Hash::Sha256, 32)
}

/// The left half of SHA-512 of `opaque` (OpenID Connect Core §3.1.3.6).
fn at_hash() -> String {
    digest(crate::jose::Hash::Sha512, 32)
}

fn digest(hash: crate::jose::Hash, bytes: usize) -> String {
    crate::jose::testing::encode(&hash.digest(b"opaque")[..bytes])
}

#[test]
fn every_validator_refuses_every_other_kind() {
    //
    for (validator, check) in VALIDATORS {
        for (kind, token) in tokens() {
            let verdict = check(&token);
            let also = match validator {
                // What a refresh brings is one of the same kind.
                "refreshed ID token" => kind == "ID token",
                // Comes over the provider's own connection, in the place of UserInfo, and is not told from an ID token
                // of this client's: it says the same.
                "UserInfo" => ["ID token", "refreshed ID token"].contains(&kind),
                // Legacy is what is accepted beside the standard.
                "legacy logout token" => kind == "logout token",
                "legacy revocation token" => kind == "revocation token",
                // A client may leave out what kind it is: then its own name stands where those of others have a person's.
                "client assertion" => kind == "untyped client assertion",
                // `typ` is recommended only.
                "standard logout token" => ["logout token", "legacy logout token"].contains(&kind),
                _ => false,
            };
            let accepts = kind == validator || also;
            assert_eq!(verdict.is_ok(), accepts, "{validator} ← {kind}: {verdict:?}");
        }
    }
}

/// What a proof of a device has to sign.
fn challenge() -> String {
    DeviceChallenge::Register(&SubjectKey::of(ISSUER, "alice"), &session()).issue(&ring(), NOW)
}

fn session() -> SessionDigest {
    SessionId::of_bytes([1; 16]).digest()
}

fn ring() -> KeyRing {
    KeyRing::parse(&format!("k1:{}", "E".repeat(43))).unwrap()
}

#[test]
fn no_other_kind_is_a_proof_of_a_device_and_such_a_proof_is_no_other_kind() {
    // all by one key of the only algorithm that such proofs have.
    let key = SigningKey::from_slice(&[3; 32]).unwrap();
    let encode = crate::jose::testing::encode;
    let point = key.verifying_key().to_encoded_point(false);
    let jwk = json!({ "kty": "EC", "crv": "P-256", "x": encode(point.x().unwrap()), "y": encode(point.y().unwrap()) });
    let signed = |typ: Option<&Value>, claims: &Value| {
        let mut header = json!({ "alg": "ES256", "jwk": jwk });
        if let Some(typ) = typ {
            header["typ"] = typ.clone();
        }
        let input = format!("{}.{}", encode(header.to_string().as_bytes()), encode(claims.to_string().as_bytes()));
        let signature: p256::ecdsa::Signature = key.sign(input.as_bytes());
        format!("{input}.{}", encode(&signature.to_bytes()))
    };
    let keys = ring();
    let terms = ProofTerms { keys: &keys, origin: "https://app.example.com", now: NOW };
    let registers = |proof: &str| block_on(proof::register(proof, terms, &Portable));
    let claims = json!({ "jti": challenge(), "authorization": session().public_id() });
    assert!(registers(&signed(Some(&json!("dbsc+jwt")), &claims)).is_ok());
    for (kind, token) in tokens() {
        let Some(header) = token.split('.').next().filter(|_| token.matches('.').count() == 2) else { continue };
        let header: Value = serde_json::from_slice(&Base64UrlUnpadded::decode_vec(header).unwrap()).unwrap();
        if kind == "device proof" {
            continue;
        }
        // What any of them is called, even where it says all that such a proof says.
        assert!(registers(&signed(header.get("typ"), &claims)).is_err(), "{kind}");
    }
    for (validator, check) in VALIDATORS {
        assert!(check(&signed(Some(&json!("dbsc+jwt")), &claims)).is_err(), "{validator}");
    }
}

#[test]
fn a_legacy_access_token_is_told_from_others_by_more_than_its_audience() {
    // also where an API goes by the same name as a client.
    let issuer = token_issuer(|table| {
        table["tokens"] = "legacy".into();
        table["audience"] = CLIENT.into();
    });
    for (kind, token) in tokens() {
        let verdict = access(&token, &issuer);
        // The refreshed ID token has nothing left to be known by: the configuration keeps the two names apart.
        let accepts = ["access token", "refreshed ID token"].contains(&kind);
        assert_eq!(verdict.is_ok(), accepts, "{kind}: {verdict:?}");
    }
}

#[test]
fn a_certificate_is_no_token_and_no_token_is_a_certificate() {
    //
    let pem = include_str!("../../../fixtures/certificates/partner.pem");
    let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    for (validator, check) in VALIDATORS {
        for shown in [body.clone(), format!(":{body}:"), format!("{body}.{body}.{body}")] {
            assert!(check(&shown).is_err(), "{validator}");
        }
    }
    let read = |text: &str| alt_names::der(text).is_some_and(|der| alt_names::alt_names(&der).is_some());
    assert!(read(&format!(":{body}:")));
    for (kind, token) in tokens() {
        for shown in [token.clone(), format!(":{token}:"), format!(":{}:", token.replace('.', ""))] {
            assert!(!read(&shown), "{kind}");
        }
    }
}
