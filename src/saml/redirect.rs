//! A message by redirect (SAML Bindings §3.4): the address that the browser is sent to, signed where we have a key.

use base64ct::{Base64, Encoding};
use serde_json::Value;

use super::error::SamlError;
use crate::config::SamlSigning;
use crate::jose::{Algorithm, AssertionKey, Signing};
use crate::json;

/// As the SAML Worker makes it.
const MAX_KEY_BYTES: usize = 16 * 1024;

/// What is sent, and where.
#[derive(Clone, Copy, Debug)]
pub struct RedirectMessage<'a> {
    /// The address of the provider.
    pub destination: &'a str,
    /// `SAMLRequest` or `SAMLResponse`.
    pub parameter: &'a str,
    /// The message: deflated, then Base64.
    pub deflated: &'a str,
    /// `RelayState`
    pub relay_state: Option<&'a str>,
}

impl RedirectMessage<'_> {
    /// The address.
    ///
    /// # Errors
    /// When our key does not sign.
    pub async fn url(&self, signing: Option<&SamlSigning>, backend: &impl Signing) -> Result<String, SamlError> {
        // Bindings §3.4.4.1: signed as it is written, in this order.
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair(self.parameter, self.deflated);
        if let Some(state) = self.relay_state {
            query.append_pair("RelayState", state);
        }
        if let Some(signing) = signing {
            query.append_pair("SigAlg", identifier(signing.algorithm));
        }
        let mut query = query.finish();
        if let Some(SamlSigning { key, algorithm }) = signing {
            let key = AssertionKey::from_jwk(key, *algorithm).map_err(|_| SamlError::Key)?;
            let signature = key.signature(query.as_bytes(), backend).await.ok_or(SamlError::Key)?;
            let signature = Base64::encode_string(&signature);
            let pair = form_urlencoded::Serializer::new(String::new()).append_pair("Signature", &signature).finish();
            query = format!("{query}&{pair}");
        }
        let joint = if self.destination.contains('?') { '&' } else { '?' };
        Ok(format!("{}{joint}{query}", self.destination))
    }
}

/// RFC 9231 §2.3.2, §2.3.6.
const fn identifier(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Es256 => "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
        _ => "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
    }
}

/// The certificate of our key, where it brings one along (RFC 7517 §4.7): DER in Base64.
#[must_use]
pub fn certificate(signing: &SamlSigning) -> Option<String> {
    let members = json::parse_object(signing.key.expose().as_bytes(), MAX_KEY_BYTES).ok()?;
    json::said(&members, "x5c")?.as_array()?.first().and_then(Value::as_str).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use serde_json::json;

    use super::*;
    use crate::jose::{Portable, PublicKey, Signatures};
    use crate::secret::Secret;

    fn key() -> (SamlSigning, PublicKey) {
        let jwk = p256::SecretKey::from_slice(&[7; 32]).unwrap().to_jwk_string().to_string();
        let mut members = json::parse_object(jwk.as_bytes(), jwk.len()).unwrap();
        members.insert("x5c".to_owned(), json!(["MIIB"]));
        let key = Secret::new(Value::Object(members.clone()).to_string());
        members.retain(|name, _| name != "d" && name != "x5c");
        (SamlSigning { key, algorithm: Algorithm::Es256 }, PublicKey::from_jwk(&members).unwrap())
    }

    #[test]
    fn what_is_signed_is_the_query_as_it_is_written() {
        let (signing, public) = key();
        assert_eq!(certificate(&signing).as_deref(), Some("MIIB"));
        let message = RedirectMessage {
            destination: "https://idp.example.com/sso?a=b",
            parameter: "SAMLRequest",
            deflated: "a+b/c=",
            relay_state: Some("state"),
        };
        let url = block_on(message.url(Some(&signing), &Portable)).unwrap();
        let (_, query) = url.split_once("?a=b&").unwrap();
        let (signed, signature) = query.split_once("&Signature=").unwrap();
        assert_eq!(
            signed,
            "SAMLRequest=a%2Bb%2Fc%3D&RelayState=state&SigAlg=http%3A%2F%2Fwww.w3.org%2F2001%2F04%2Fxmldsig-more%23ecdsa-sha256"
        );
        let signature = form_urlencoded::parse(format!("s={signature}").as_bytes()).next().unwrap().1.into_owned();
        let signature = Base64::decode_vec(&signature).unwrap();
        let verify = |text: &str| block_on(Portable.verify(&public, Algorithm::Es256, text.as_bytes(), &signature));
        assert!(verify(signed));
        assert!(!verify(&signed.replace("state", "statf")));
    }

    #[test]
    fn without_a_key_nothing_is_signed() {
        let message = RedirectMessage {
            destination: "https://idp.example.com/sso",
            parameter: "SAMLResponse",
            deflated: "a",
            relay_state: None,
        };
        let url = block_on(message.url(None, &Portable)).unwrap();
        assert_eq!(url, "https://idp.example.com/sso?SAMLResponse=a");
    }
}
