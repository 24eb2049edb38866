//! Examples of the RFCs: the cookbook (RFC 7520 and what was added to it), and what others print.

use base64ct::{Base64UrlUnpadded, Encoding};
use futures::executor::block_on;
use postern::claims::OwnAudience;
use postern::ids::ProviderId;
use postern::jose::{Algorithm, JwtError, KeySet, PublicKey, UnverifiedJwt};
use postern::oidc::id_token::{IdToken, IdTokenExpectations};
use postern::oidc::login_values::Nonce;
use postern::oidc::transaction::{Intent, Transaction};
use postern::ports::{Random, Signatures};
use postern::time::Timestamp;
use serde_json::{Value, json};

use crate::published::{COOKBOOK_COMPACT, cookbook, cookbook_token, key_set};
use crate::{ProofInput, dpop, published, signature_is_accepted, verify};

/// Why a compact example of the cookbook is refused; `None` where it is not.
fn cookbook_refusal(name: &str) -> Option<JwtError> {
    match name {
        "jws/4_4.hmac-sha2_integrity_protection" => Some(JwtError::AlgorithmUnsupported),
        "jws/4_5.signature_with_detached_content" => Some(JwtError::Malformed),
        _ => None,
    }
}

// RFC 7520 §4, RFC 8037 §A
#[test]
fn cookbook_signatures() {
    for name in COOKBOOK_COMPACT {
        let Some(example) = published(&cookbook(name)) else { return };
        let (token, keys) = cookbook_token(&example);
        match cookbook_refusal(name) {
            None => assert!(signature_is_accepted(&token, &keys), "{name}"),
            Some(error) => assert_eq!(verify(&token, &keys).unwrap_err(), error, "{name}"),
        }
    }
}

//
#[test]
fn cookbook_json_forms_are_refused() {
    const NAMES: [&str; 6] = [
        "jws/4_1.rsa_v15_signature",
        "jws/4_6.protecting_specific_header_fields",
        "jws/4_7.protecting_content_only",
        "jws/4_8.multiple_signatures",
        "rfc7797/4.2.hmac-sha2_b64_false",
        "rfc7797/hmac-sha2_b64_false",
    ];
    for name in NAMES {
        let Some(example) = published(&cookbook(name)) else { return };
        let forms: Vec<_> = ["json", "json_flat"].iter().filter_map(|form| example["output"].get(form)).collect();
        assert!(!forms.is_empty(), "{name}");
        for form in forms {
            assert!(UnverifiedJwt::parse(&form.to_string()).is_err(), "{name}");
        }
    }
}

// R-097, RFC 7797 §4.2 and §7
#[test]
fn unencoded_payloads_are_refused() {
    let Some(example) = published(&cookbook("rfc7797/hmac-sha2_b64_false")) else { return };
    let (token, keys) = cookbook_token(&example);
    // White space and `!` are no base64url, but the header is looked at first.
    assert_eq!(verify(&token, &keys).unwrap_err(), JwtError::Critical);
    let Some(example) = published(&cookbook("rfc7797/4.2.hmac-sha2_b64_false")) else { return };
    // Its payload has a dot in it, which is why the RFC prints no compact form.
    let protected = &example["output"]["json_flat"];
    let part = |name: &str| protected[name].as_str().unwrap();
    let token = format!("{}.{}.{}", part("protected"), part("payload"), part("signature"));
    assert_eq!(verify(&token, &KeySet::default()).unwrap_err(), JwtError::Malformed);
    let token = format!("{}.{}.{}", part("protected"), Base64UrlUnpadded::encode_string(b"$.02"), part("signature"));
    assert_eq!(verify(&token, &KeySet::default()).unwrap_err(), JwtError::UnencodedPayload);
}

// RFC 7638 §3.1
#[test]
fn examples_printed_in_the_rfcs() {
    let Some(examples) = published("rfc-inline/rfc-examples.json") else { return };
    let example = &examples["rfc7638_sec3.1_thumbprint"];
    let key = PublicKey::from_jwk(example["jwk"].as_object().unwrap()).unwrap();
    assert_eq!(key.thumbprint(), example["thumbprint_sha256"]);
}

/// "Random" bytes that are those of an example.
struct Fixed(Vec<u8>);

impl Random for Fixed {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.copy_from_slice(&self.0);
    }
}

// R-018, RFC 7636 §B
#[test]
fn the_challenge_printed_in_rfc_7636() {
    let Some(examples) = published("rfc-inline/rfc-examples.json") else { return };
    let example = &examples["rfc7636_appB_pkce"];
    let verifier = Base64UrlUnpadded::decode_vec(example["code_verifier"].as_str().unwrap()).unwrap();
    let intent = Intent {
        provider: &ProviderId::parse("op").unwrap(),
        return_to: "/".to_owned(),
        acr_values: Vec::new(),
        silent: false,
        max_age: None,
        previous_session: None,
    };
    let transaction = Transaction::begin(intent, Timestamp::from_unix(0), &Fixed(verifier));
    assert_eq!(transaction.code_challenge(), example["code_challenge_S256"]);
}

/// Takes any signature: for examples of what is claimed, whose keys nobody printed.
struct Trusting;

impl Signatures for Trusting {
    async fn verify(&self, _: &PublicKey, _: Algorithm, _: &[u8], _: &[u8]) -> bool {
        true
    }
}

// R-050, OpenID Connect Core §A.3
#[test]
fn the_at_hash_printed_in_openid_connect_core() {
    let Some(examples) = published("rfc-inline/rfc-examples.json") else { return };
    let example = &examples["oidc_core_appA_hashes"]["at_hash"];
    let keys = key_set(&examples["rfc7638_sec3.1_thumbprint"]["jwk"]);
    let part = |value: &Value| Base64UrlUnpadded::encode_string(value.to_string().as_bytes());
    let header = part(&json!({"alg": example["alg"], "kid": "2011-04-29"}));
    let check = |at_hash: &Value, access_token: &str| {
        let claims = json!({
            "iss": "https://op.example", "sub": "alice", "aud": "app", "nonce": "n", "iat": 1, "exp": 2, "at_hash": at_hash,
        });
        let token = format!("{header}.{}.{}", part(&claims), Base64UrlUnpadded::encode_string(&[1; 256]));
        let expected = IdTokenExpectations {
            issuer: "https://op.example",
            audience: OwnAudience::of("app"),
            nonce: &Nonce::new("n".to_owned()),
            access_token: Some(access_token),
            max_age: None,
            acr_values: &[],
            now: Timestamp::from_unix(1),
        };
        let jwt = block_on(UnverifiedJwt::parse(&token).unwrap().verify(&keys, &Algorithm::ALL, &Trusting)).unwrap();
        IdToken::check(jwt, &expected).map_or_else(|error| error.code(), |_| "ok")
    };
    let access_token = example["access_token"].as_str().unwrap();
    assert_eq!(check(&example["value"], access_token), "ok");
    assert_eq!(check(&example["value"], "another"), "id_token.at_hash_mismatch");
    let c_hash = &examples["oidc_core_appA_hashes"]["c_hash"]["value"];
    assert_eq!(check(c_hash, access_token), "id_token.at_hash_mismatch");
}

// No other example of that file is left aside by oversight.
#[test]
fn every_example_printed_in_an_rfc_has_its_place() {
    const CHECKED: [&str; 4] =
        ["rfc7636_appB_pkce", "rfc7638_sec3.1_thumbprint", "oidc_core_appA_hashes", "rfc9449_examples"];
    // One-time passwords are the provider's to ask for.
    const NOT_OURS: [&str; 2] = ["rfc4226_appD_hotp", "rfc6238_appB_totp"];
    let Some(examples) = published("rfc-inline/rfc-examples.json") else { return };
    for name in examples.as_object().unwrap().keys().filter(|name| *name != "_note") {
        assert!(CHECKED.contains(&name.as_str()) || NOT_OURS.contains(&name.as_str()), "{name}");
    }
}

// RFC 9449 §4.1, §5 and §7.1
#[test]
fn proofs_printed_in_rfc_9449() {
    let Some(examples) = published("rfc-inline/rfc-examples.json") else { return };
    let examples = &examples["rfc9449_examples"];
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let input = |name: &str| ProofInput {
        proof: text(&examples[name]["proof"]),
        method: text(&examples[name]["htm"]),
        uri: text(&examples[name]["htu"]),
        access_token: text(&examples["resource_request"]["access_token"]),
        jkt: text(&examples["jkt"]),
    };
    let (resource, at) = (input("resource_request"), examples["resource_request"]["iat"].as_i64().unwrap());
    assert_eq!(dpop(&resource, at), "ok");
    assert_eq!(dpop(&resource, at + 61), "dpop.iat_too_old");
    assert_eq!(dpop(&ProofInput { method: "POST".to_owned(), ..input("resource_request") }, at), "dpop.htm_mismatch");
    let other = ProofInput { access_token: "another".to_owned(), ..input("resource_request") };
    assert_eq!(dpop(&other, at), "dpop.ath_mismatch");
    let other = ProofInput { jkt: "A".repeat(43), ..input("resource_request") };
    assert_eq!(dpop(&other, at), "dpop.key_mismatch");
    // Good at the token endpoint, where there is no token yet; not here.
    for name in ["token_request", "refresh_request"] {
        let at = examples[name]["iat"].as_i64().unwrap();
        assert_eq!(dpop(&input(name), at), "dpop.ath_malformed", "{name}");
    }
}

// no proof is a token, whatever keys are trusted.
#[test]
fn a_proof_printed_in_rfc_9449_is_no_token() {
    let Some(examples) = published("rfc-inline/rfc-examples.json") else { return };
    let proof = examples["rfc9449_examples"]["resource_request"]["proof"].as_str().unwrap();
    assert_eq!(verify(proof, &KeySet::default()).unwrap_err(), JwtError::KeyUnknown);
}
