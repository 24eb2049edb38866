//! Claims that a provider did sign: whatever they are, a validator takes only those of its own kind, for us, in time.
//!
//! The input is a header's members and a payload, in two lines; the key in here is the provider's.

use std::sync::LazyLock;

use base64ct::{Base64UrlUnpadded, Encoding};
use ed25519_dalek::{Signer, SigningKey};
use futures::executor::block_on;
use postern::claims::OwnAudience;
use postern::config::LogoutTokens;
use postern::jose::{Algorithm, KeySet, Portable, UnverifiedJwt, VerifiedJwt};
use postern::oidc::id_token::{self, IdToken};
use postern::oidc::login_values::Nonce;
use postern::oidc::logout_token::{self, LogoutToken};
use postern::oidc::userinfo::{self, UserInfo};
use postern::time::{Seconds, Timestamp};
use serde_json::{Map, Value, json};

use crate::fixed::{CLIENT_ID, ISSUER, lines};

pub(crate) const NOW: i64 = 1_700_000_000;
const LEEWAY: f64 = 60.0;
const SUBJECT: &str = "alice";
const NONCE: &str = "nonce-of-this-login";

static KEY: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::from_bytes(&[7; 32]));
static KEYS: LazyLock<KeySet> = LazyLock::new(|| {
    let x = Base64UrlUnpadded::encode_string(KEY.verifying_key().as_bytes());
    KeySet::parse(json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": x}]}).to_string().as_bytes()).unwrap()
});

pub fn check(data: &[u8]) {
    let lines = lines(data);
    let [header, payload, ..] = lines.as_slice() else { return };
    let Some(jwt) = signed(header, payload) else { return };
    let claims = jwt.claims().clone();
    let typ = jwt.header().typ().map(str::to_ascii_lowercase);
    let strict = logs_out(&jwt, LogoutTokens::Strict);
    let standard = logs_out(&jwt, LogoutTokens::Standard);
    let legacy = logs_out(&jwt, LogoutTokens::Legacy);
    let renewed = renews(&jwt);
    let tells = tells(jwt.clone());
    let signs_in = signs_in(jwt);

    assert!((!strict || standard) && (!standard || legacy), "strict means less");
    assert!(!(signs_in || renewed || tells) || !legacy, "one token of two kinds");
    if signs_in || renewed || tells || legacy {
        assert_eq!(claims["iss"], ISSUER);
        assert!(audiences(&claims).contains(&CLIENT_ID), "not for us");
        assert!(is_in_time(&claims, None), "not in time");
    }
    if signs_in || renewed || legacy {
        assert!(is_in_time(&claims, Some(600.0)), "not in time");
        let alone = audiences(&claims).iter().all(|audience| *audience == CLIENT_ID);
        assert!(alone || claims.get("azp").is_some_and(|azp| azp == CLIENT_ID), "for others as well");
    }
    if signs_in || renewed || tells {
        let typ = typ.as_deref();
        assert!(matches!(typ, None | Some("jwt" | "application/jwt")) && !says(&claims, "events"), "another kind");
    }
    if signs_in || renewed || standard {
        assert!(claims.contains_key("exp"));
    }
    if signs_in {
        assert_eq!(claims["nonce"], NONCE);
    }
    if renewed || tells {
        assert_eq!(claims["sub"], SUBJECT);
    }
    if legacy {
        assert!(claims["events"].is_object() && !says(&claims, "nonce"));
        assert!(says(&claims, "sub") || says(&claims, "sid"));
    }
    let is_named = matches!(typ.as_deref(), Some("logout+jwt" | "application/logout+jwt"));
    assert!((!strict || is_named) && (!standard || is_named || typ.is_none()));
}

/// Whether a member is there and says something.
pub(crate) fn says(claims: &Map<String, Value>, name: &str) -> bool {
    claims.get(name).is_some_and(|value| !matches!(value.to_string().as_str(), "null" | "\"\"" | "[]"))
}

/// The token over this payload, with `alg` added to the header's members.
pub(crate) fn signed(header: &[u8], payload: &[u8]) -> Option<VerifiedJwt> {
    let mut header: Map<String, Value> = serde_json::from_slice(header).ok()?;
    header.insert("alg".to_owned(), "EdDSA".into());
    let encode = Base64UrlUnpadded::encode_string;
    let input = format!("{}.{}", encode(Value::Object(header).to_string().as_bytes()), encode(payload));
    let token = format!("{input}.{}", encode(&KEY.sign(input.as_bytes()).to_bytes()));
    let jwt = UnverifiedJwt::parse(&token).ok()?;
    block_on(jwt.verify(&KEYS, &[Algorithm::EdDsa], &Portable)).ok()
}

fn signs_in(jwt: VerifiedJwt) -> bool {
    let expected = id_token::IdTokenExpectations {
        issuer: ISSUER,
        audience: OwnAudience::of(CLIENT_ID),
        nonce: &Nonce::new(NONCE.to_owned()),
        access_token: Some("access-token"),
        max_age: Some(Seconds::minutes(60)),
        acr_values: &[],
        now: Timestamp::from_unix(NOW),
    };
    IdToken::check(jwt, &expected).is_ok_and(|token| {
        // What is made of claims later must not fail either.
        assert!(!token.subject().is_empty() && token.issuer() == ISSUER && token.auth_time().is_some());
        let _ = (token.acr(), token.amr().count(), token.sid());
        true
    })
}

fn renews(jwt: &VerifiedJwt) -> bool {
    let expected = id_token::RefreshedIdTokenExpectations {
        issuer: ISSUER,
        audience: OwnAudience::of(CLIENT_ID),
        subject: SUBJECT,
        nonce: Some(&Nonce::new(NONCE.to_owned())),
        access_token: "access-token",
        now: Timestamp::from_unix(NOW),
    };
    IdToken::check_refreshed(jwt, &expected).is_ok()
}

fn logs_out(jwt: &VerifiedJwt, kind: LogoutTokens) -> bool {
    let now = Timestamp::from_unix(NOW);
    let expected =
        logout_token::LogoutTokenExpectations { issuer: ISSUER, audience: OwnAudience::of(CLIENT_ID), kind, now };
    LogoutToken::check(jwt, &expected).is_ok()
}

fn tells(jwt: VerifiedJwt) -> bool {
    let now = Timestamp::from_unix(NOW);
    let expected = userinfo::UserInfoExpectations { issuer: ISSUER, client_id: CLIENT_ID, subject: SUBJECT, now };
    UserInfo::check_signed(jwt, &expected).is_ok()
}

/// Whether it passes for a token of another kind than an access token.
pub(crate) fn is_other_kind(jwt: &VerifiedJwt) -> bool {
    signs_in(jwt.clone()) || renews(jwt) || logs_out(jwt, LogoutTokens::Legacy)
}

pub(crate) fn audiences(claims: &Map<String, Value>) -> Vec<&str> {
    match &claims["aud"] {
        Value::Array(several) => several.iter().map(|one| one.as_str().unwrap()).collect(),
        one => vec![one.as_str().unwrap()],
    }
}

/// By floating-point numbers, where Postern has whole ones: `exp` not past; `iat` not ahead, and not older than that.
pub(crate) fn is_in_time(claims: &Map<String, Value>, oldest: Option<f64>) -> bool {
    let now = NOW as f64;
    let time = |name: &str| claims.get(name).filter(|_| says(claims, name)).map(|value| value.as_f64().unwrap());
    let fresh = oldest.is_none_or(|oldest| {
        time("iat").is_some_and(|iat| iat < now + LEEWAY + 1.0 && now - iat <= oldest)
            && time("nbf").is_none_or(|nbf| nbf < now + LEEWAY + 1.0)
    });
    fresh && time("exp").is_none_or(|exp| now < exp + LEEWAY)
}
