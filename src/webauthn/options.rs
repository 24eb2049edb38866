//! What browsers are asked (`PublicKeyCredentialCreationOptionsJSON`, `PublicKeyCredentialRequestOptionsJSON`, §5.1.8 to §5.1.10).

use base64ct::{Base64UrlUnpadded, Encoding};
use serde_json::{Value, json};

use super::ALGORITHMS;
use crate::ports::Random;

/// How long a person has, in milliseconds: as long as the challenge is kept (§15.1).
const TIMEOUT_MS: u32 = 300_000;
const CHALLENGE_BYTES: usize = 32;
/// The longest name that goes to an authenticator, in bytes: it may cut off more (§6.4.1).
const MAX_NAME_BYTES: usize = 64;

/// A credential that browsers are told of.
#[derive(Clone, Copy, Debug)]
pub struct CredentialDescriptor<'a> {
    /// The credential id, in base64url.
    pub id: &'a str,
    /// How its authenticator is reached.
    pub transports: &'a [String],
}

/// What a new passkey is for.
#[derive(Clone, Copy, Debug)]
pub struct CreationRequest<'a> {
    /// The RP ID.
    pub rp_id: &'a str,
    /// What people call this place.
    pub rp_name: &'a str,
    /// The user handle, in base64url: nothing can be learned from it (§14.6.1).
    pub user_handle: &'a str,
    /// What the person goes by, to tell their passkeys apart.
    pub user_name: &'a str,
    /// The challenge, in base64url.
    pub challenge: &'a str,
    /// The passkeys that the person has.
    pub known: &'a [CredentialDescriptor<'a>],
}

/// A new challenge, in base64url.
#[must_use]
pub fn new_challenge(random: &impl Random) -> String {
    let mut challenge = [0; CHALLENGE_BYTES];
    random.fill(&mut challenge);
    Base64UrlUnpadded::encode_string(&challenge)
}

/// What a person's user handle is made of, to be authenticated by a key of ours: whoever sees it does not learn who they are, and
/// cannot try whether it is this person.
#[must_use]
pub fn user_handle_message(issuer: &str, subject: &str) -> Vec<u8> {
    [b"passkey user\0", issuer.as_bytes(), b"\0", subject.as_bytes()].concat()
}

/// For `navigator.credentials.create`.
#[must_use]
pub fn creation(request: &CreationRequest<'_>) -> Value {
    let user_name = cut(request.user_name);
    let algorithms: Vec<Value> =
        ALGORITHMS.iter().map(|(number, _)| json!({ "type": "public-key", "alg": number })).collect();
    json!({
        "rp": { "id": request.rp_id, "name": cut(request.rp_name) },
        "user": { "id": request.user_handle, "name": user_name, "displayName": user_name },
        "challenge": request.challenge,
        "pubKeyCredParams": algorithms,
        "timeout": TIMEOUT_MS,
        "excludeCredentials": descriptors(request.known),
        "authenticatorSelection": {
            "residentKey": "preferred",
            "requireResidentKey": false,
            "userVerification": "required",
        },
        "attestation": "none",
    })
}

/// For `navigator.credentials.get`.
#[must_use]
pub fn request(rp_id: &str, challenge: &str, known: &[CredentialDescriptor<'_>]) -> Value {
    json!({
        "challenge": challenge,
        "timeout": TIMEOUT_MS,
        "rpId": rp_id,
        "allowCredentials": descriptors(known),
        "userVerification": "required",
    })
}

fn descriptors(known: &[CredentialDescriptor<'_>]) -> Vec<Value> {
    let one = |known: &CredentialDescriptor<'_>| json!({ "type": "public-key", "id": known.id, "transports": known.transports });
    known.iter().map(one).collect()
}

/// As much of a name as an authenticator is sure to keep.
fn cut(name: &str) -> &str {
    let end = (0..=MAX_NAME_BYTES.min(name.len())).rev().find(|end| name.is_char_boundary(*end));
    name.get(..end.unwrap_or(0)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed;

    impl Random for Fixed {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(0xff);
        }
    }

    //
    #[test]
    fn a_challenge_has_32_bytes_of_chance() {
        assert_eq!(Base64UrlUnpadded::decode_vec(&new_challenge(&Fixed)).unwrap(), [0xff; 32]);
    }

    #[test]
    fn the_user_handle_tells_issuer_and_subject_apart() {
        assert_ne!(user_handle_message("https://a", "b"), user_handle_message("https://ab", ""));
        assert_ne!(user_handle_message("https://a", "b"), user_handle_message("https://a", "c"));
    }

    //
    #[test]
    fn a_new_passkey_is_asked_for_as_it_will_be_checked() {
        let transports = ["internal".to_owned()];
        let known = [CredentialDescriptor { id: "AQID", transports: &transports }];
        let long = "ü".repeat(40);
        let options = creation(&CreationRequest {
            rp_id: "app.example",
            rp_name: "App",
            user_handle: "aGFuZGxl",
            user_name: &long,
            challenge: "AAEC",
            known: &known,
        });
        assert_eq!(options["rp"], json!({ "id": "app.example", "name": "App" }));
        assert_eq!(options["user"]["id"], "aGFuZGxl");
        assert_eq!(options["user"]["name"].as_str().map(str::len), Some(64));
        let algorithms: Vec<_> =
            options["pubKeyCredParams"].as_array().unwrap().iter().map(|one| &one["alg"]).collect();
        assert_eq!(algorithms, [-7, -8, -257]);
        assert_eq!(
            options["excludeCredentials"][0],
            json!({"type": "public-key", "id": "AQID", "transports": ["internal"]})
        );
        assert_eq!(options["authenticatorSelection"]["userVerification"], "required");
        assert_eq!((&options["attestation"], &options["challenge"]), (&json!("none"), &json!("AAEC")));
        let options = request("app.example", "AAEC", &known);
        assert_eq!((&options["rpId"], &options["userVerification"]), (&json!("app.example"), &json!("required")));
        assert_eq!(options["allowCredentials"][0]["id"], "AQID");
    }
}
