use base64ct::{Base64, Encoding};
use futures::executor::block_on;
use serde_json::{Value, json};

use super::*;
use crate::jose::Portable;

fn told() -> Value {
    json!({
        "encrypted_key": Base64::encode_string(&[1; 256]), "oaep_hash": "SHA-256", "aes_bits": 256,
        "iv": Base64::encode_string(&[2; 12]), "ciphertext": Base64::encode_string(&[3; 40]),
    })
}

#[test]
fn what_the_saml_worker_tells_has_the_lengths_of_its_algorithms() {
    // R-363
    let read = |told: &Value| sealed(told.as_object().unwrap());
    let good = read(&told()).unwrap();
    assert_eq!((good.alg, good.enc, good.aad.as_str()), (KeyManagement::RsaOaep256, ContentEncryption::A256Gcm, ""));
    let bytes = |count| Value::from(Base64::encode_string(&vec![1; count]));
    for (name, value) in [
        ("oaep_hash", json!("SHA-512")),
        ("oaep_hash", json!("ECDH-ES")),
        ("oaep_hash", Value::Null),
        ("aes_bits", json!(192)),
        ("aes_bits", json!("256")),
        ("iv", bytes(16)),
        ("iv", bytes(0)),
        ("ciphertext", bytes(16)),
        ("encrypted_key", bytes(0)),
        ("encrypted_key", bytes(1025)),
        ("encrypted_key", json!("====")),
    ] {
        let mut bent = told();
        bent[name] = value.clone();
        assert!(read(&bent).is_none(), "{name} {value}");
    }
    for name in ["oaep_hash", "aes_bits", "iv", "ciphertext", "encrypted_key"] {
        let mut bent = told();
        bent.as_object_mut().unwrap().remove(name);
        assert!(read(&bent).is_none(), "{name}");
    }
}

#[test]
fn nothing_opens_without_a_key_or_with_one_of_another_kind() {
    let p256 = p256::SecretKey::from_slice(&[7; 32]).unwrap().to_jwk_string();
    let key = DecryptionKey::from_text(&Secret::new(p256.to_string())).unwrap();
    let told = told();
    for keys in [&[][..], &[key]] {
        assert!(block_on(opened(told.as_object().unwrap(), keys, &Portable)).is_none());
    }
}

/// Encrypted by SimpleSAMLphp's library, xmlseclibs 3.1 over OpenSSL, for the certificate `other`.
const ELSEWHERE: [&str; 3] = [
    "b5/ZYl4ieWNWUG8Lv6xXq97laLhRI0cIssVBmn4AY9ppbWwkfnUMMiO8hejqpPS2BpWEdiV0ZxgZ5M54RpPZ60M+vdPBJGMrcRGg0PGlXDCccsolJfnLA1LLHWkJlt3ekJblLEDsfgy0j6OOSziEnSLFaFUFBf+cO6O0eLPqlfUlSgNqAf5j3M0Tk9TDwyN3lEaP73UdD7eXrFwJHyJOXDwzLW1jihKpAJ6NM53QyryNU2E8Y4HXhZo84e0aQxoXut3kr7ahh9hYKsvZB4EviDfF9YNVGgHVUJok4GU60CR89mG+xsbDKdDVSReE5nDaKKMtDpliTSFWdDBItTTEGA==",
    "b0B250cJzv2R6Z6N",
    "I/8mGbBJRXS0mFi03WLDQjVuSHoxZX9d4jWvkdkGZ/VAGdVcQbnZ8t2QizL3sft7ybP28lkZxTIqI/xOuDStnBLT5CoYtpk2zuBDv59mMu1mg145LfRjTB6eXCE=",
];

#[test]
fn what_another_implementation_encrypted_opens_and_no_more_once_a_bit_is_another() {
    // R-363
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/crates/saml/tests/keys/other.key");
    let keys = [DecryptionKey::from_text(&Secret::new(std::fs::read_to_string(path).unwrap())).unwrap()];
    let [key, iv, ciphertext] = ELSEWHERE;
    let told = json!({
        "encrypted_key": key, "oaep_hash": "SHA-1", "aes_bits": 256, "iv": iv, "ciphertext": ciphertext,
    });
    let open = |told: &Value| block_on(opened(told.as_object().unwrap(), &keys, &Portable));
    let expected = r#"<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_a"/>"#;
    assert_eq!(open(&told).unwrap().expose(), expected);
    for name in ["encrypted_key", "iv", "ciphertext"] {
        let mut bytes = Base64::decode_vec(told[name].as_str().unwrap()).unwrap();
        for at in [0, bytes.len() - 1] {
            bytes[at] ^= 1;
            let mut bent = told.clone();
            bent[name] = Base64::encode_string(&bytes).into();
            assert!(open(&bent).is_none(), "{name} {at}");
            bytes[at] ^= 1;
        }
    }
    let mut bent = told;
    bent["oaep_hash"] = "SHA-256".into();
    assert!(open(&bent).is_none());
}
