//! Tokens for the tests: signed by an Ed25519 key of theirs, with whatever header and payload.

use base64ct::{Base64UrlUnpadded, Encoding};
use ed25519_dalek::{Signer, SigningKey};
use futures::executor::block_on;
use serde_json::{Value, json};

use super::{Algorithm, JwtError, KeySet, Portable, UnverifiedJwt, VerifiedJwt};

pub(crate) const KID: &str = "k1";

fn key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

/// The public half as a JWK.
pub(crate) fn jwk() -> Value {
    let x = Base64UrlUnpadded::encode_string(key().verifying_key().as_bytes());
    json!({"kty": "OKP", "crv": "Ed25519", "x": x, "kid": KID})
}

pub(crate) fn key_set(keys: &[Value]) -> KeySet {
    KeySet::parse(json!({"keys": keys}).to_string().as_bytes()).unwrap()
}

pub(crate) fn encode(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
}

/// The compact JWS over exactly these two texts.
pub(crate) fn sign(header: &str, payload: &str) -> String {
    let input = format!("{}.{}", encode(header.as_bytes()), encode(payload.as_bytes()));
    let signature = key().sign(input.as_bytes());
    format!("{input}.{}", encode(&signature.to_bytes()))
}

pub(crate) fn verify(token: &str, keys: &KeySet) -> Result<VerifiedJwt, JwtError> {
    block_on(UnverifiedJwt::parse(token)?.verify(keys, &Algorithm::ALL, &Portable))
}

/// A verified token with these members, `alg` and `kid` added to the header.
pub(crate) fn verified(typ: Option<&str>, claims: &Value) -> VerifiedJwt {
    let mut header = json!({"alg": "EdDSA", "kid": KID});
    if let Some(typ) = typ {
        header["typ"] = typ.into();
    }
    verify(&sign(&header.to_string(), &claims.to_string()), &key_set(&[jwk()])).unwrap()
}
