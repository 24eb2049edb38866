//! Encrypts tokens as providers do (RFC 7516 §5.1), written apart from what opens them.

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes128Gcm, Aes256Gcm, KeyInit};
use base64ct::{Base64UrlUnpadded, Encoding};
use rsa::traits::PublicKeyParts as _;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Always the same bytes: nothing here is secret.
pub(crate) struct Fixed;

impl rsa::rand_core::RngCore for Fixed {
    fn next_u32(&mut self) -> u32 {
        7
    }
    fn next_u64(&mut self) -> u64 {
        7
    }
    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rsa::rand_core::Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

impl rsa::rand_core::CryptoRng for Fixed {}

fn encode(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
}

fn number(jwk: &Value, name: &str) -> Vec<u8> {
    Base64UrlUnpadded::decode_vec(jwk[name].as_str().unwrap()).unwrap()
}

/// Encrypts `content` for a public JWK. `header`: members beside `alg` and `enc`, which may be put over them.
pub(crate) fn encrypted(jwk: &Value, (alg, enc): (&str, &str), content: &str, header: &Value) -> String {
    let bytes = if enc == "A128GCM" { 16 } else { 32 };
    let mut head = json!({ "alg": alg, "enc": enc, "cty": "JWT" });
    let chosen = vec![9_u8; bytes];
    let (content_key, wrapped) = if jwk["kty"] == "RSA" {
        let n = rsa::BigUint::from_bytes_be(&number(jwk, "n"));
        let key = rsa::RsaPublicKey::new(n, rsa::BigUint::from_bytes_be(&number(jwk, "e"))).unwrap();
        assert!(key.size() >= 256);
        let wrapped = key.encrypt(&mut Fixed, rsa::Oaep::new::<Sha256>(), &chosen).unwrap();
        (chosen, wrapped)
    } else {
        let ephemeral = p256::SecretKey::from_slice(&[5; 32]).unwrap();
        head["epk"] = serde_json::from_str(&ephemeral.public_key().to_jwk_string()).unwrap();
        let theirs = p256::PublicKey::from_jwk_str(
            &json!({ "kty": "EC", "crv": "P-256", "x": jwk["x"], "y": jwk["y"] }).to_string(),
        )
        .unwrap();
        let z = p256::ecdh::diffie_hellman(ephemeral.to_nonzero_scalar(), theirs.as_affine());
        let (name, length) = if alg == "ECDH-ES" { (enc, bytes) } else { (alg, 32) };
        let mut input = vec![0, 0, 0, 1];
        input.extend(z.raw_secret_bytes());
        for part in [name.as_bytes(), &[], &[]] {
            input.extend(u32::try_from(part.len()).unwrap().to_be_bytes());
            input.extend(part);
        }
        input.extend((u32::try_from(length).unwrap() * 8).to_be_bytes());
        let agreed = Sha256::digest(input);
        if alg == "ECDH-ES" {
            (agreed[..bytes].to_vec(), Vec::new())
        } else {
            let mut wrapped = vec![0; bytes + 8];
            aes_kw::KekAes256::from(<[u8; 32]>::from(agreed)).wrap(&chosen, &mut wrapped).unwrap();
            (chosen, wrapped)
        }
    };
    for (name, value) in header.as_object().unwrap() {
        head[name] = value.clone();
    }
    head.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    let protected = encode(head.to_string().as_bytes());
    let iv = [3_u8; 12];
    let payload = Payload { msg: content.as_bytes(), aad: protected.as_bytes() };
    let sealed = match bytes {
        16 => Aes128Gcm::new_from_slice(&content_key).unwrap().encrypt(&iv.into(), payload).unwrap(),
        _ => Aes256Gcm::new_from_slice(&content_key).unwrap().encrypt(&iv.into(), payload).unwrap(),
    };
    let (ciphertext, tag) = sealed.split_at(sealed.len() - 16);
    [protected, encode(&wrapped), encode(&iv), encode(ciphertext), encode(tag)].join(".")
}
