//! An assertion signed with the client's own secret (`client_secret_jwt`, OpenID Connect Core §9): HS256, for servers that take
//! nothing better. Only we sign so; what others send is never verified by a secret.

use base64ct::{Base64UrlUnpadded, Encoding};
use hmac::{Hmac, Mac};
use serde_json::{Map, Value, json};
use sha2::Sha256;

use crate::secret::Secret;

/// A key is as long as the hash or longer (RFC 7518 §3.2).
pub const MIN_SECRET_BYTES: usize = 32;

/// The compact JWS over `claims`. `None` when the secret is shorter than [`MIN_SECRET_BYTES`].
#[must_use]
pub fn sign_by_secret(secret: &Secret<String>, typ: &str, claims: &Map<String, Value>) -> Option<Secret<String>> {
    let key = secret.expose().as_bytes();
    if key.len() < MIN_SECRET_BYTES {
        return None;
    }
    let encode = |bytes: &[u8]| Base64UrlUnpadded::encode_string(bytes);
    let header = json!({ "alg": "HS256", "typ": typ }).to_string();
    let claims = Value::from(claims.clone()).to_string();
    let input = format!("{}.{}", encode(header.as_bytes()), encode(claims.as_bytes()));
    let mac = <Hmac<Sha256> as Mac>::new_from_slice(key).ok()?.chain_update(input.as_bytes()).finalize();
    Some(Secret::new(format!("{input}.{}", encode(&mac.into_bytes()))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_the_mac_of_header_and_claims() {
        //
        let secret = Secret::new("a".repeat(MIN_SECRET_BYTES));
        let claims = json!({ "iss": "app" });
        let token = sign_by_secret(&secret, "JWT", claims.as_object().unwrap()).unwrap();
        let (input, mac) = token.expose().rsplit_once('.').unwrap();
        let expected = <Hmac<Sha256> as Mac>::new_from_slice(secret.expose().as_bytes()).unwrap();
        let mac = Base64UrlUnpadded::decode_vec(mac).unwrap();
        assert!(expected.chain_update(input).verify_slice(&mac).is_ok());
        let header = Base64UrlUnpadded::decode_vec(input.split_once('.').unwrap().0).unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&header).unwrap(), json!({ "alg": "HS256", "typ": "JWT" }));
    }

    #[test]
    fn a_short_secret_signs_nothing() {
        //
        let secret = Secret::new("a".repeat(MIN_SECRET_BYTES - 1));
        assert!(sign_by_secret(&secret, "JWT", &Map::new()).is_none());
    }
}
