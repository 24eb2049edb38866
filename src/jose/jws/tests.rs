use futures::executor::block_on;
use serde_json::json;

use super::*;
use crate::jose::testing::{KID, encode, jwk, key_set, sign, verify};
use crate::jose::{Portable, PublicKey};

const HEADER: &str = r#"{"alg":"EdDSA","kid":"k1"}"#;
const CLAIMS: &str = r#"{"iss":"https://op.example","sub":"alice"}"#;

fn error_of(token: &str) -> JwtError {
    verify(token, &key_set(&[jwk()])).unwrap_err()
}

#[test]
fn a_signed_token_yields_its_header_and_claims() {
    let jwt = verify(&sign(r#"{"alg":"Ed25519","kid":"k1","typ":"JWT"}"#, CLAIMS), &key_set(&[jwk()])).unwrap();
    let header = Header { algorithm: Algorithm::EdDsa, kid: Some(KID.into()), typ: Some("JWT".into()), is_bare: true };
    assert_eq!(jwt.header(), &header);
    assert_eq!(jwt.claims()["sub"], "alice");
    assert_eq!(Value::Object(jwt.into_claims()), serde_json::from_str::<Value>(CLAIMS).unwrap());
}

// R-013, R-089, R-097, R-098, R-101, R-102: the signature is right in each, so the header alone decides.
#[test]
fn a_header_out_of_order_is_refused() {
    let long = |name: &str, length| format!(r#"{{"alg":"EdDSA","{name}":"{}"}}"#, "x".repeat(length));
    let cases: &[(&str, JwtError)] = &[
        (r#"{"alg":"EdDSA","kid":"k1","crit":["exp"],"exp":1}"#, JwtError::Critical),
        (r#"{"alg":"EdDSA","kid":"k1","crit":[]}"#, JwtError::Critical),
        (r#"{"alg":"EdDSA","kid":"k1","crit":["alg"]}"#, JwtError::Critical),
        (r#"{"alg":"EdDSA","kid":"k1","crit":null}"#, JwtError::Critical),
        (r#"{"alg":"EdDSA","kid":"k1","crit":["b64"],"b64":false}"#, JwtError::Critical),
        (r#"{"alg":"EdDSA","kid":"k1","b64":false}"#, JwtError::UnencodedPayload),
        (r#"{"alg":"EdDSA","kid":"k1","b64":true}"#, JwtError::UnencodedPayload),
        (r#"{"alg":"EdDSA","kid":"k1","zip":"DEF"}"#, JwtError::Compressed),
        (r#"{"kid":"k1"}"#, JwtError::AlgorithmMissing),
        (r#"{"alg":null,"kid":"k1"}"#, JwtError::AlgorithmMissing),
        (r#"{"alg":["EdDSA"],"kid":"k1"}"#, JwtError::AlgorithmMissing),
        (r#"{"alg":"none","kid":"k1"}"#, JwtError::AlgorithmUnsupported),
        (r#"{"alg":"nonE","kid":"k1"}"#, JwtError::AlgorithmUnsupported),
        (r#"{"alg":"none ","kid":"k1"}"#, JwtError::AlgorithmUnsupported),
        (r#"{"alg":"HS256","kid":"k1"}"#, JwtError::AlgorithmUnsupported),
        (r#"{"alg":"eddsa","kid":"k1"}"#, JwtError::AlgorithmUnsupported),
        (r#"{"alg":"EdDSA","alg":"none"}"#, JwtError::HeaderJson(JsonError::DuplicateMember)),
        (r#"{"alg":"EdDSA","\u0061lg":"none"}"#, JwtError::HeaderJson(JsonError::DuplicateMember)),
        (r#"["EdDSA"]"#, JwtError::HeaderJson(JsonError::NotAnObject)),
        (r#"{"alg":"EdDSA"} x"#, JwtError::HeaderJson(JsonError::Syntax)),
        ("\u{feff}{\"alg\":\"EdDSA\"}", JwtError::HeaderJson(JsonError::Syntax)),
        (r#"{"alg":"EdDSA","kid":1}"#, JwtError::KidMalformed),
        (r#"{"alg":"EdDSA","kid":{}}"#, JwtError::KidMalformed),
        (&long("kid", MAX_KID_BYTES + 1), JwtError::KidMalformed),
        (&long("kid", MAX_KID_BYTES), JwtError::KeyUnknown),
        (r#"{"alg":"EdDSA","kid":"k1","typ":["JWT"]}"#, JwtError::TypMalformed),
        (&long("typ", MAX_TYP_BYTES + 1), JwtError::TypMalformed),
        (r#"{"alg":"EdDSA","kid":"../../etc/passwd"}"#, JwtError::KeyUnknown),
        (r#"{"alg":"EdDSA","kid":"' OR 1=1"}"#, JwtError::KeyUnknown),
        (r#"{"alg":"EdDSA","kid":"k1\u0000"}"#, JwtError::KeyUnknown),
        (r#"{"alg":"EdDSA","kid":"http://attacker.example/"}"#, JwtError::KeyUnknown),
    ];
    for (header, expected) in cases {
        assert_eq!(error_of(&sign(header, CLAIMS)), *expected, "{header}");
    }
}

#[test]
fn a_header_member_that_says_nothing_is_not_there() {
    for nothing in ["null", "\"\"", "[]"] {
        let header = format!(r#"{{"alg":"EdDSA","kid":{nothing},"typ":{nothing}}}"#);
        let jwt = verify(&sign(&header, CLAIMS), &key_set(&[jwk()])).unwrap();
        assert_eq!((jwt.header().kid(), jwt.header().typ()), (None, None), "{header}");
    }
}

#[test]
fn a_token_may_be_longer_where_it_was_delivered() {
    // R-100
    let of = |length: usize| sign(HEADER, &format!(r#"{{"x":"{}"}}"#, "x".repeat(length)));
    let (long, too_long) = (of(20_000), of(100_000));
    assert_eq!(UnverifiedJwt::parse(&long).unwrap_err(), JwtError::TooLarge);
    let jwt = UnverifiedJwt::parse_delivered(&long).unwrap();
    let verified = block_on(jwt.verify(&key_set(&[jwk()]), &Algorithm::ALL, &Portable)).unwrap();
    assert_eq!(verified.claims()["x"].as_str().unwrap().len(), 20_000);
    assert_eq!(UnverifiedJwt::parse_delivered(&too_long).unwrap_err(), JwtError::TooLarge);
}

// R-013: the token brings its own key, in every way there is; it is not even looked at.
#[test]
fn a_key_from_the_header_is_never_used() {
    let own = jwk();
    let other = key_set(&[
        json!({"kty": "OKP", "crv": "Ed25519", "kid": KID, "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}),
    ]);
    for (name, value) in [
        ("jwk", own),
        ("jku", "https://attacker.example/jwks".into()),
        ("x5u", "https://attacker.example/cert".into()),
        ("x5c", json!(["MIIB"])),
    ] {
        let header = json!({"alg": "EdDSA", "kid": KID, name: value}).to_string();
        let token = sign(&header, CLAIMS);
        assert_eq!(verify(&token, &other).unwrap_err(), JwtError::BadSignature, "{name}");
        assert!(verify(&token, &key_set(&[jwk()])).is_ok(), "{name}");
    }
}

// R-058, R-095, R-096
#[test]
fn what_is_not_three_parts_of_strict_base64url_is_refused() {
    let token = sign(HEADER, CLAIMS);
    let parts: Vec<&str> = token.split('.').collect();
    let (header, payload, signature) = (parts[0], parts[1], parts[2]);
    let join = |parts: &[&str]| parts.join(".");
    let json_form = json!({"payload": payload, "protected": header, "signature": signature}).to_string();
    let cases = [
        (String::new(), JwtError::Malformed),
        (".".into(), JwtError::Malformed),
        ("..".into(), JwtError::Malformed),
        (header.into(), JwtError::Malformed),
        (join(&[header, payload]), JwtError::Malformed),
        (join(&[header, payload, ""]), JwtError::Malformed),
        (join(&[header, "", signature]), JwtError::Malformed),
        (join(&["", payload, signature]), JwtError::Malformed),
        (join(&[header, payload, signature, ""]), JwtError::Malformed),
        (join(&[header, payload, signature, "x"]), JwtError::Malformed),
        (join(&[header, payload, signature, "x", "y", "z"]), JwtError::Malformed),
        (join(&[header, payload, signature, "x", "y"]), JwtError::Encrypted),
        (join(&[header, "", "", payload, signature]), JwtError::Encrypted),
        (json_form, JwtError::Malformed),
        (format!("{token}="), JwtError::Encoding),
        (format!("{token}=="), JwtError::Encoding),
        (format!("{token} "), JwtError::Encoding),
        (format!(" {token}"), JwtError::Encoding),
        (format!("{token}\n"), JwtError::Encoding),
        (format!("{token}A"), JwtError::BadSignature),
        (join(&[header, &format!("{payload}="), signature]), JwtError::Encoding),
        (join(&[header, payload, &format!("+{signature}")]), JwtError::Encoding),
        (join(&[header, payload, &format!("/{signature}")]), JwtError::Encoding),
        (join(&[header, payload, &format!("é{signature}")]), JwtError::Encoding),
        ("a".repeat(MAX_TOKEN_BYTES + 1), JwtError::TooLarge),
        ("a".repeat(MAX_TOKEN_BYTES), JwtError::Malformed),
    ];
    for (token, expected) in cases {
        assert_eq!(error_of(&token), expected, "{token}");
    }
}

// R-095: 64 bytes leave four bits over, which must be zero.
#[test]
fn a_signature_has_one_spelling_only() {
    let token = sign(HEADER, CLAIMS);
    let (rest, last) = token.split_at(token.len() - 1);
    let others: Vec<char> = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        .chars()
        .filter(|other| *other != last.chars().next().unwrap())
        .collect();
    let accepted = others.iter().filter(|other| verify(&format!("{rest}{other}"), &key_set(&[jwk()])).is_ok());
    assert_eq!(accepted.count(), 0);
}

// R-045, R-088
#[test]
fn an_algorithm_that_is_not_allowed_is_refused_whatever_the_signature() {
    let token = sign(HEADER, CLAIMS);
    let keys = key_set(&[jwk()]);
    let with = |allowed: &[Algorithm]| {
        futures::executor::block_on(UnverifiedJwt::parse(&token).unwrap().verify(
            &keys,
            allowed,
            &crate::jose::Portable,
        ))
    };
    let others: Vec<Algorithm> = Algorithm::ALL.into_iter().filter(|other| *other != Algorithm::EdDsa).collect();
    assert_eq!(with(&others).unwrap_err(), JwtError::AlgorithmNotAllowed);
    assert_eq!(with(&[]).unwrap_err(), JwtError::AlgorithmNotAllowed);
    assert!(with(&[Algorithm::EdDsa]).is_ok());
}

// R-088, R-090: header and key of every pair of algorithms; only the pair that belongs together gets to a signature.
#[test]
fn a_key_is_used_with_its_own_algorithm_only() {
    for header in Algorithm::ALL {
        for key in Algorithm::ALL {
            let file = format!("fixtures/jws/{}.json", key.name().to_lowercase());
            let text = std::fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
            let fixture: Value = serde_json::from_str(&text).unwrap();
            let keys = KeySet::parse(fixture["input"]["jwks"].to_string().as_bytes()).unwrap();
            let token = fixture["input"]["token"].as_str().unwrap();
            let (_, rest) = token.split_once('.').unwrap();
            let swapped =
                format!("{}.{rest}", encode(json!({"alg": header.name(), "kid": KID}).to_string().as_bytes()));
            assert!(verify(token, &keys).is_ok(), "{key:?}");
            let expected = if header == key { JwtError::BadSignature } else { JwtError::KeyUnsuitable };
            assert_eq!(verify(&swapped, &keys).unwrap_err(), expected, "{header:?} {key:?}");
        }
    }
}

// R-044, R-008
#[test]
fn a_signature_by_another_key_is_refused_and_says_whether_fresh_keys_may_help() {
    let other = json!({"kty": "OKP", "crv": "Ed25519", "kid": KID, "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
    let keys = key_set(&[other]);
    let cases = [
        (HEADER, JwtError::BadSignature, false),
        (r#"{"alg":"EdDSA"}"#, JwtError::BadSignatureUnnamedKey, true),
        (r#"{"alg":"EdDSA","kid":"new"}"#, JwtError::KeyUnknown, true),
        (r#"{"alg":"RS256","kid":"k1"}"#, JwtError::KeyUnsuitable, false),
    ];
    for (header, expected, stale) in cases {
        let error = verify(&sign(header, CLAIMS), &keys).unwrap_err();
        assert_eq!((error, error.keys_may_be_stale()), (expected, stale), "{header}");
    }
    let two = key_set(&[jwk(), jwk()]);
    let error = verify(&sign(r#"{"alg":"EdDSA"}"#, CLAIMS), &two).unwrap_err();
    assert_eq!((error, error.keys_may_be_stale()), (JwtError::KeyAmbiguous, false));
}

// R-011
#[test]
fn of_several_keys_with_one_kid_the_right_one_is_found() {
    let decoy = json!({"kty": "OKP", "crv": "Ed25519", "kid": KID, "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
    assert!(verify(&sign(HEADER, CLAIMS), &key_set(&[decoy.clone(), jwk()])).is_ok());
    let beyond_the_bound = [vec![decoy; 4], vec![jwk()]].concat();
    assert_eq!(verify(&sign(HEADER, CLAIMS), &key_set(&beyond_the_bound)).unwrap_err(), JwtError::BadSignature);
}

/// A backend that believes everything.
struct Gullible;

impl Signatures for Gullible {
    async fn verify(&self, _: &PublicKey, _: Algorithm, _: &[u8], _: &[u8]) -> bool {
        true
    }
}

// R-091, R-092: the length is settled before any backend is asked.
#[test]
fn a_signature_of_another_length_never_reaches_the_backend() {
    let token = sign(HEADER, CLAIMS);
    let (input, _) = token.rsplit_once('.').unwrap();
    for (length, accepted) in [(1, false), (63, false), (64, true), (65, false), (72, false), (256, false)] {
        let token = format!("{input}.{}", encode(&vec![1; length]));
        let jwt = UnverifiedJwt::parse(&token).unwrap();
        let verdict = futures::executor::block_on(jwt.verify(&key_set(&[jwk()]), &Algorithm::ALL, &Gullible));
        assert_eq!(verdict.is_ok(), accepted, "{length}");
    }
}

// R-098, R-099
#[test]
fn signed_claims_that_are_no_strict_object_are_refused() {
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(16), "]".repeat(16));
    for (claims, expected) in [
        (r#"{"aud":"a","aud":"b"}"#, JsonError::DuplicateMember),
        (r#"{"aud":"a","\u0061ud":"b"}"#, JsonError::DuplicateMember),
        (r#"["a"]"#, JsonError::NotAnObject),
        ("foo", JsonError::Syntax),
        (r#"{"exp":1e400}"#, JsonError::Syntax),
        (deep.as_str(), JsonError::TooDeep),
    ] {
        assert_eq!(error_of(&sign(HEADER, claims)), JwtError::ClaimsJson(expected), "{claims}");
    }
}

#[test]
fn claims_are_not_read_before_the_signature_is_right() {
    let token = sign(HEADER, "foo");
    let (input, _) = token.rsplit_once('.').unwrap();
    assert_eq!(error_of(&format!("{input}.{}", encode(&[0; 64]))), JwtError::BadSignature);
}

#[test]
fn a_printed_token_shows_neither_itself_nor_its_claims() {
    let token = sign(HEADER, CLAIMS);
    let printed = [format!("{:?}", UnverifiedJwt::parse(&token)), format!("{:?}", verify(&token, &key_set(&[jwk()])))];
    for text in printed {
        assert!(text.contains("EdDsa") && !text.contains("alice") && !text.contains("eyJ"), "{text}");
    }
}

#[test]
fn every_error_has_a_code_of_its_own_or_shares_it_knowingly() {
    let errors = [
        JwtError::TooLarge,
        JwtError::Malformed,
        JwtError::Encrypted,
        JwtError::Encoding,
        JwtError::HeaderJson(JsonError::Syntax),
        JwtError::Critical,
        JwtError::UnencodedPayload,
        JwtError::Compressed,
        JwtError::AlgorithmMissing,
        JwtError::AlgorithmUnsupported,
        JwtError::AlgorithmNotAllowed,
        JwtError::KidMalformed,
        JwtError::TypMalformed,
        JwtError::KeyUnknown,
        JwtError::KeyUnsuitable,
        JwtError::KeyAmbiguous,
        JwtError::BadSignature,
        JwtError::ClaimsJson(JsonError::Syntax),
    ];
    let codes: std::collections::BTreeSet<_> = errors.iter().map(|error| error.code()).collect();
    assert_eq!(codes.len(), errors.len());
    assert_eq!(JwtError::BadSignatureUnnamedKey.to_string(), JwtError::BadSignature.code());
}

mod properties {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,200}") {
            let _ = UnverifiedJwt::parse(&text);
        }

        #[test]
        fn no_three_parts_make_it_panic(header in "\\PC{0,50}", tail in "[A-Za-z0-9_=.-]{0,60}") {
            let _ = UnverifiedJwt::parse(&format!("{}.{tail}", encode(header.as_bytes())));
        }

        // R-044
        #[test]
        fn any_byte_changed_makes_a_token_invalid(at in 0_usize..1000, to in 0_u8..128) {
            let token = sign(HEADER, CLAIMS);
            let mut bytes = token.clone().into_bytes();
            let at = at % bytes.len();
            prop_assume!(bytes[at] != to);
            bytes[at] = to;
            prop_assert!(verify(&String::from_utf8(bytes).unwrap(), &key_set(&[jwk()])).is_err());
        }

        #[test]
        fn any_token_cut_short_or_lengthened_is_invalid(length in 0_usize..200, more in "[A-Za-z0-9_.=-]{1,8}") {
            let token = sign(HEADER, CLAIMS);
            let cut = token.get(..length.min(token.len() - 1)).unwrap();
            prop_assert!(verify(cut, &key_set(&[jwk()])).is_err());
            let longer = token + &more;
            prop_assert!(verify(&longer, &key_set(&[jwk()])).is_err());
        }
    }
}

// R-014
#[test]
fn a_stamp_tells_whether_the_key_of_a_token_is_still_there() {
    let decoy = json!({"kty": "OKP", "crv": "Ed25519", "x": encode(&[9; 32]), "kid": KID});
    let with = |name: &str, value: &str| {
        let mut jwk = jwk();
        jwk[name] = value.into();
        key_set(&[jwk])
    };
    let named = verify(&sign(HEADER, CLAIMS), &key_set(&[jwk()])).unwrap().key();
    assert!(key_set(&[decoy.clone(), jwk()]).holds(&named));
    for gone in [KeySet::default(), key_set(&[decoy]), with("kid", "k2"), with("use", "enc")] {
        assert!(!gone.holds(&named), "{gone:?}");
    }
    // A token that named no key does not mind its name.
    let unnamed = verify(&sign(r#"{"alg":"EdDSA"}"#, CLAIMS), &key_set(&[jwk()])).unwrap().key();
    assert!(with("kid", "k2").holds(&unnamed));
    assert!(!KeySet::default().holds(&unnamed));
}
