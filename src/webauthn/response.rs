//! What browsers hand over (`PublicKeyCredential.toJSON`, §5.1) → its parts.

use base64ct::{Base64UrlUnpadded, Encoding};
use serde_json::{Map, Value};

use super::error::CeremonyError;
use crate::jose::{Algorithm, PublicKey, Signatures, es256_from_der};

/// The most ways to reach an authenticator that are kept.
const MAX_TRANSPORTS: usize = 8;
const MAX_TRANSPORT_BYTES: usize = 32;

/// The credential that an answer is about, and the member `response`.
pub(super) fn parts(credential: &Map<String, Value>) -> Result<(Vec<u8>, &Map<String, Value>), CeremonyError> {
    if credential.get("type").and_then(Value::as_str) != Some("public-key") {
        return Err(CeremonyError::Response("type"));
    }
    let raw_id = bytes(credential, "rawId")?;
    // Two names of one thing: both say the same.
    if credential.get("id") != credential.get("rawId") {
        return Err(CeremonyError::Response("id"));
    }
    let response = credential.get("response").and_then(Value::as_object).ok_or(CeremonyError::Response("response"))?;
    Ok((raw_id, response))
}

/// A member that is bytes, in base64url without padding.
pub(super) fn bytes(members: &Map<String, Value>, name: &'static str) -> Result<Vec<u8>, CeremonyError> {
    let text = members.get(name).and_then(Value::as_str);
    text.and_then(|text| Base64UrlUnpadded::decode_vec(text).ok()).ok_or(CeremonyError::Response(name))
}

/// How the authenticator is reached. A hint, so what is odd is left out.
pub(super) fn transports(response: &Map<String, Value>) -> Vec<String> {
    let listed = response.get("transports").and_then(Value::as_array).into_iter().flatten();
    let is_name = |text: &&str| {
        let letters = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        !text.is_empty() && text.len() <= MAX_TRANSPORT_BYTES && letters
    };
    let mut found: Vec<String> = Vec::new();
    for text in listed.filter_map(Value::as_str).filter(is_name) {
        if found.len() < MAX_TRANSPORTS && found.iter().all(|known| known != text) {
            found.push(text.to_owned());
        }
    }
    found
}

/// Whether an authenticator's signature over `message` is good. Those by ECDSA are in DER (§6.5.5).
pub(super) async fn signature_verifies(
    key: &PublicKey,
    algorithm: Algorithm,
    message: &[u8],
    signature: &[u8],
    signatures: &impl Signatures,
) -> bool {
    let raw = if algorithm == Algorithm::Es256 { es256_from_der(signature) } else { Some(signature.to_vec()) };
    let Some(raw) = raw.filter(|_| key.suits(algorithm)) else { return false };
    signatures.verify(key, algorithm, message, &raw).await
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_answer_names_its_credential_in_one_way() {
        let good =
            json!({"id": "AQID", "rawId": "AQID", "type": "public-key", "response": {}, "clientExtensionResults": {}});
        let parts_of = |value: &Value| parts(value.as_object().unwrap()).map(|(id, _)| id);
        assert_eq!(parts_of(&good), Ok(vec![1, 2, 3]));
        let cases = [
            ("type", json!("password")),
            ("type", Value::Null),
            ("rawId", json!("AQID=")),
            ("rawId", json!("AQI/")),
            ("rawId", json!([1, 2, 3])),
            ("id", json!("AQIE")),
            ("id", Value::Null),
            ("response", json!("{}")),
        ];
        for (member, value) in cases {
            let mut bent = good.clone();
            bent[member] = value;
            assert_eq!(parts_of(&bent), Err(CeremonyError::Response(member)), "{bent}");
        }
    }

    #[test]
    fn what_is_odd_among_the_transports_is_left_out() {
        let of = |value: Value| transports(json!({ "transports": value }).as_object().unwrap());
        assert_eq!(of(json!(["internal", "hybrid", "internal", "smart-card"])), ["internal", "hybrid", "smart-card"]);
        assert_eq!(of(json!(["USB", "", "a b", 1, null, "x".repeat(33), "nfc"])), ["nfc"]);
        assert_eq!(of(json!((0..20).map(|n| format!("t{n}")).collect::<Vec<_>>())).len(), MAX_TRANSPORTS);
        assert!(of(json!("usb")).is_empty() && transports(&Map::new()).is_empty());
    }
}
