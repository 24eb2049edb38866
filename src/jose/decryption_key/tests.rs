use serde_json::json;

use super::*;

fn jwk() -> Value {
    serde_json::from_str(&p256::SecretKey::from_slice(&[7; 32]).unwrap().to_jwk_string()).unwrap()
}

fn read(jwk: &Value) -> Result<DecryptionKey, SignerError> {
    DecryptionKey::from_text(&Secret::new(jwk.to_string()))
}

#[test]
fn a_key_is_published_for_encryption_and_without_its_private_half() {
    let rsa: Value = serde_json::from_str(include_str!("../../../fixtures/jwk/rsa_private.json")).unwrap();
    for (key, members) in [(jwk(), 6), (rsa, 6)] {
        let public = read(&key).unwrap().public_jwk();
        assert_eq!(public["use"], "enc");
        assert!(["d", "p", "q", "dp", "dq", "qi"].iter().all(|name| public.get(name).is_none()), "{public}");
        assert!(public.as_object().unwrap().len() <= members, "{public}");
    }
}

#[test]
fn a_key_in_pem_is_called_by_its_thumbprint() {
    let pem = include_str!("../../../fixtures/jwk/p256_private.p8");
    let key = DecryptionKey::from_text(&Secret::new(pem.to_owned())).unwrap();
    assert_eq!(key.kid(), key.public.thumbprint());
}

#[test]
fn a_key_that_is_for_something_else_is_refused() {
    for (name, value) in [
        ("use", json!("sig")),
        ("alg", json!("ES256")),
        ("alg", json!("RSA-OAEP-256")),
        ("alg", json!("RSA1_5")),
        ("key_ops", json!(["sign"])),
        ("key_ops", json!(["encrypt"])),
        ("kid", json!(7)),
        ("d", json!("AAAA")),
        ("crv", json!("P-384")),
        ("kty", json!("oct")),
    ] {
        let mut bent = jwk();
        bent[name] = value.clone();
        assert!(read(&bent).is_err(), "{name} {value}");
    }
    let mut others = jwk();
    others["d"] = Base64UrlUnpadded::encode_string(&[8; 32]).into();
    assert!(read(&others).is_err(), "the halves do not belong together");
    let public = json!({ "kty": "EC", "crv": "P-256", "x": jwk()["x"], "y": jwk()["y"] });
    assert!(read(&public).is_err());
}

#[test]
fn a_key_that_names_its_algorithm_serves_no_other() {
    let mut only = jwk();
    only["alg"] = "ECDH-ES".into();
    only["use"] = "enc".into();
    only["key_ops"] = json!(["deriveBits"]);
    let key = read(&only).unwrap();
    assert!(key.serves(KeyManagement::EcdhEs) && !key.serves(KeyManagement::EcdhEsA256Kw));
    assert_eq!(key.public_jwk()["alg"], "ECDH-ES");
    let any = read(&jwk()).unwrap();
    assert!(any.serves(KeyManagement::EcdhEs) && any.serves(KeyManagement::EcdhEsA256Kw));
    assert!(!any.serves(KeyManagement::RsaOaep256) && any.public_jwk().get("alg").is_none());
}
