use base64ct::{Base64UrlUnpadded, Encoding};
use futures::executor::block_on;
use serde_json::{Value, json};

use super::*;
use crate::jose::Portable;

#[path = "../../../tests/support/encrypt.rs"]
mod encrypt;
use encrypt::encrypted;

const SIGNED: &str = "eyJhbGciOiJFUzI1NiJ9.e30.c2lnbmF0dXJl";
const ALGS: [&str; 3] = ["RSA-OAEP-256", "ECDH-ES", "ECDH-ES+A256KW"];
const ENCS: [&str; 2] = ["A128GCM", "A256GCM"];

fn rsa() -> DecryptionKey {
    DecryptionKey::from_text(&Secret::new(include_str!("../../../fixtures/jwk/rsa_private.json").to_owned())).unwrap()
}

fn p256(number: u8) -> DecryptionKey {
    let jwk = p256::SecretKey::from_slice(&[number; 32]).unwrap().to_jwk_string();
    DecryptionKey::from_text(&Secret::new(jwk.to_string())).unwrap()
}

fn key(alg: &str) -> DecryptionKey {
    if alg.starts_with("RSA") { rsa() } else { p256(7) }
}

fn open(text: &str, keys: &[DecryptionKey]) -> Result<String, JweError> {
    let opened = block_on(EncryptedJwt::parse(text)?.open(keys, &Portable))?;
    Ok(opened.expose().clone())
}

#[test]
fn a_signed_token_comes_out_by_every_algorithm() {
    //
    for alg in ALGS {
        for enc in ENCS {
            let key = key(alg);
            let text = encrypted(&key.public_jwk(), (alg, enc), SIGNED, &json!({}));
            assert!(is_encrypted(&text) && !is_encrypted(SIGNED));
            assert_eq!(open(&text, &[key]).as_deref(), Ok(SIGNED), "{alg} {enc}");
        }
    }
}

#[test]
fn nothing_opens_once_a_bit_of_it_is_another() {
    for alg in ALGS {
        let key = key(alg);
        let text = encrypted(&key.public_jwk(), (alg, "A256GCM"), SIGNED, &json!({}));
        let parts: Vec<&str> = text.split('.').collect();
        for part in 1..5 {
            let mut bytes = Base64UrlUnpadded::decode_vec(parts[part]).unwrap();
            for at in 0..bytes.len().min(64) {
                bytes[at] ^= 1;
                let bent = Base64UrlUnpadded::encode_string(&bytes);
                let mut all = parts.clone();
                all[part] = &bent;
                assert_eq!(
                    open(&all.join("."), std::slice::from_ref(&key)),
                    Err(JweError::Undecryptable),
                    "{alg} {part} {at}"
                );
                bytes[at] ^= 1;
            }
        }
        // The header is authenticated too, whitespace and all.
        let other =
            Base64UrlUnpadded::encode_string(&[&Base64UrlUnpadded::decode_vec(parts[0]).unwrap()[..], b" "].concat());
        let mut all = parts.clone();
        all[0] = &other;
        assert_eq!(open(&all.join("."), &[key]), Err(JweError::Undecryptable), "{alg}");
    }
}

#[test]
fn what_is_not_understood_or_not_wanted_is_refused() {
    //
    let key = p256(7);
    let bent = |header: Value| {
        open(&encrypted(&key.public_jwk(), ("ECDH-ES", "A128GCM"), SIGNED, &header), std::slice::from_ref(&key))
    };
    for (header, fault) in [
        (json!({ "alg": "RSA1_5" }), JweError::AlgRefused),
        (json!({ "alg": "RSA-OAEP" }), JweError::AlgRefused),
        (json!({ "alg": "dir" }), JweError::AlgRefused),
        (json!({ "alg": "ECDH-ES+A128KW" }), JweError::AlgRefused),
        (json!({ "alg": "PBES2-HS256+A128KW" }), JweError::AlgRefused),
        (json!({ "alg": 7 }), JweError::AlgRefused),
        (json!({ "alg": null }), JweError::AlgRefused),
        (json!({ "enc": "A128CBC-HS256" }), JweError::EncRefused),
        (json!({ "enc": "A192GCM" }), JweError::EncRefused),
        (json!({ "zip": "DEF" }), JweError::Compressed),
        (json!({ "zip": "" }), JweError::Compressed),
        (json!({ "crit": ["exp"], "exp": 1 }), JweError::Crit),
        (json!({ "crit": [] }), JweError::Crit),
        (json!({ "cty": null }), JweError::ContentRefused),
        (json!({ "cty": "text/plain" }), JweError::ContentRefused),
        (json!({ "kid": "another" }), JweError::KeyUnknown),
        (json!({ "kid": 7 }), JweError::Malformed),
        (json!({ "epk": null }), JweError::Malformed),
        (json!({ "epk": { "kty": "EC", "crv": "P-256", "x": "AA", "y": "AA" } }), JweError::Malformed),
        (json!({ "apu": 7 }), JweError::Malformed),
        (json!({ "apv": "not base64url!" }), JweError::Malformed),
        (json!({ "apv": "QQ" }), JweError::Undecryptable),
    ] {
        assert_eq!(bent(header.clone()), Err(fault), "{header}");
    }
    assert_eq!(bent(json!({ "kid": key.kid(), "cty": "application/jwt" })).as_deref(), Ok(SIGNED));
}

#[test]
fn a_point_that_is_not_on_the_curve_agrees_on_nothing() {
    // The invalid curve attack: whoever could choose any point would learn the key bit by bit.
    let key = p256(7);
    let off = json!({ "kty": "EC", "crv": "P-256", "x": Base64UrlUnpadded::encode_string(&[1; 32]), "y": Base64UrlUnpadded::encode_string(&[2; 32]) });
    for alg in ["ECDH-ES", "ECDH-ES+A256KW"] {
        let text = encrypted(&key.public_jwk(), (alg, "A128GCM"), SIGNED, &json!({ "epk": off }));
        let fault = open(&text, std::slice::from_ref(&key)).unwrap_err();
        assert!([JweError::Malformed, JweError::Undecryptable].contains(&fault), "{fault:?}");
    }
}

#[test]
fn no_encrypted_token_is_in_another() {
    // nested no deeper than a signed token in an encrypted one
    let key = p256(7);
    let inner = encrypted(&key.public_jwk(), ("ECDH-ES", "A128GCM"), SIGNED, &json!({}));
    let outer = encrypted(&key.public_jwk(), ("ECDH-ES", "A128GCM"), &inner, &json!({}));
    assert_eq!(open(&outer, &[key]), Err(JweError::ContentRefused));
}

#[test]
fn either_of_two_keys_opens_what_is_for_it() {
    let (old, new) = (p256(7), p256(8));
    for (key, named) in [(&old, true), (&new, true), (&old, false), (&new, false)] {
        let header = if named { json!({ "kid": key.kid() }) } else { json!({}) };
        let text = encrypted(&key.public_jwk(), ("ECDH-ES", "A256GCM"), SIGNED, &header);
        assert_eq!(open(&text, &[new.clone(), old.clone()]).as_deref(), Ok(SIGNED));
        assert!(open(&text, &[p256(9), rsa()]).is_err());
    }
}

#[test]
fn parts_have_the_lengths_of_their_algorithms() {
    let key = p256(7);
    let direct = encrypted(&key.public_jwk(), ("ECDH-ES", "A128GCM"), SIGNED, &json!({}));
    let parts: Vec<&str> = direct.split('.').collect();
    for (part, value) in [(1, "AAAA"), (2, "AAAA"), (2, ""), (4, "AAAA"), (4, ""), (3, "A"), (3, "====")] {
        let mut bent = parts.clone();
        bent[part] = value;
        assert_eq!(open(&bent.join("."), std::slice::from_ref(&key)), Err(JweError::Malformed), "{part} {value}");
    }
    let wrapped = encrypted(&key.public_jwk(), ("ECDH-ES+A256KW", "A128GCM"), SIGNED, &json!({ "enc": "A256GCM" }));
    assert_eq!(
        open(&wrapped, std::slice::from_ref(&key)),
        Err(JweError::Malformed),
        "the wrapped key is for the other"
    );
    for bad in ["", ".", "....", "a.b.c.d", "a.b.c.d.e.f", &"a".repeat(MAX_JWE_BYTES + 1)] {
        assert_eq!(open(bad, std::slice::from_ref(&key)), Err(JweError::Malformed));
    }
}

#[test]
fn a_key_is_derived_as_in_rfc_7518_appendix_c() {
    let header = json!({
        "alg": "ECDH-ES", "enc": "A128GCM", "apu": "QWxpY2U", "apv": "Qm9i",
        "epk": { "kty": "EC", "crv": "P-256", "x": "gI0GAILBdu7T53akrFmMyGcsF3n5dO7MmwNBHKW5SV0", "y": "SLW_xSffzlPWrHEVI30DHM_4egVwt3NQqeUD7nMFpps" },
    });
    let (_, info) = agreement(header.as_object().unwrap(), KeyManagement::EcdhEs, ContentEncryption::A128Gcm).unwrap();
    let z = [
        158_u8, 86, 217, 29, 129, 113, 53, 211, 114, 131, 66, 131, 191, 132, 38, 156, 251, 49, 110, 163, 218, 128, 106,
        72, 246, 218, 167, 121, 140, 254, 144, 196,
    ];
    let digest = crate::jose::Hash::Sha256.digest(&[&[0, 0, 0, 1][..], &z, &info].concat());
    assert_eq!(Base64UrlUnpadded::encode_string(&digest[..16]), "VqqN6vgjbSBcIijNcacQGg");
}
