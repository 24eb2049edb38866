//! The form that a client posts → what is known of it.

use std::borrow::Cow;

use base64ct::{Base64UrlUnpadded, Encoding};
use sha2::{Digest, Sha256};

use super::error::TokenEndpointError;
use crate::secret::Secret;

/// The longest form: a token of somebody's, an assertion, and what goes with them.
pub const MAX_BYTES: usize = 48 * 1024;
const MAX_PARAMETERS: usize = 40;
/// RFC 7636 §4.1
const VERIFIER_CHARACTERS: std::ops::RangeInclusive<usize> = 43..=128;

/// The parameters that are known at the token endpoint and at the endpoint for revocation, each at most once. Prints none.
#[derive(Default)]
pub struct TokenParameters<'a> {
    known: Vec<(&'static str, Cow<'a, str>)>,
}

/// All that any grant knows. Others are ignored (RFC 6749 §3.2).
const NAMES: [&str; 23] = [
    "grant_type",
    "code",
    "redirect_uri",
    "client_id",
    "code_verifier",
    "refresh_token",
    "scope",
    "resource",
    "client_assertion",
    "client_assertion_type",
    "client_secret",
    "token",
    "token_type_hint",
    "assertion",
    "subject_token",
    "subject_token_type",
    "actor_token",
    "actor_token_type",
    "audience",
    "requested_token_type",
    "task",
    "uses",
    "expires",
];

impl std::fmt::Debug for TokenParameters<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.known.iter().map(|(name, _)| *name).collect();
        f.debug_tuple("TokenParameters").field(&names).finish()
    }
}

impl<'a> TokenParameters<'a> {
    /// Reads a form.
    ///
    /// # Errors
    /// When a known parameter stands twice, or there are more than any client sends.
    pub fn parse(form: &'a str) -> Result<Self, TokenEndpointError> {
        let mut all = Self::default();
        for (index, (name, value)) in form_urlencoded::parse(form.as_bytes()).enumerate() {
            if index >= MAX_PARAMETERS {
                return Err(TokenEndpointError::InvalidRequest("body"));
            }
            let Some(name) = NAMES.into_iter().find(|known| *known == name) else { continue };
            if all.get(name).is_some() {
                // RFC 8707 §2.2 knows several resources; here a token is for one.
                let is_resource = name == "resource";
                return Err(if is_resource {
                    TokenEndpointError::InvalidTarget
                } else {
                    TokenEndpointError::InvalidRequest(name)
                });
            }
            all.known.push((name, value));
        }
        // An empty value is as good as none (RFC 6749 §3.2).
        all.known.retain(|(_, value)| !value.is_empty());
        Ok(all)
    }

    /// The parameter of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.known.iter().find(|(known, _)| *known == name).map(|(_, value)| &**value)
    }

    /// The same, where there must be one.
    ///
    /// # Errors
    /// When there is none.
    pub fn wanted(&self, name: &'static str) -> Result<&str, TokenEndpointError> {
        self.get(name).ok_or(TokenEndpointError::InvalidRequest(name))
    }

    /// The challenge that the client's verifier answers (RFC 7636 §4.6).
    ///
    /// # Errors
    /// When there is no verifier of the right form.
    pub fn challenge(&self) -> Result<String, TokenEndpointError> {
        const NAME: &str = "code_verifier";
        let is_unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        let verifier = self.wanted(NAME)?;
        if !VERIFIER_CHARACTERS.contains(&verifier.len()) || !verifier.bytes().all(is_unreserved) {
            return Err(TokenEndpointError::InvalidRequest(NAME));
        }
        Ok(Base64UrlUnpadded::encode_string(&Sha256::digest(verifier)))
    }

    /// The scopes that are asked for, each once. `None`: nothing is said.
    #[must_use]
    pub fn scopes(&self) -> Option<Vec<String>> {
        let mut scopes: Vec<String> = Vec::new();
        for scope in self.get("scope")?.split(' ').filter(|scope| !scope.is_empty() && *scope != "offline_access") {
            if !scopes.iter().any(|one| one == scope) {
                scopes.push(scope.to_owned());
            }
        }
        (!scopes.is_empty()).then_some(scopes)
    }

    /// A token of the client's, to be handled with care.
    #[must_use]
    pub fn secret(&self, name: &str) -> Option<Secret<String>> {
        self.get(name).map(|text| Secret::new(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_known_parameter_stands_once_and_others_do_not_count() {
        let form = "grant_type=authorization_code&code=a%26b&x=1&x=2&scope=&code_verifier=v";
        let all = TokenParameters::parse(form).unwrap();
        assert_eq!((all.get("grant_type"), all.get("code")), (Some("authorization_code"), Some("a&b")));
        assert_eq!((all.get("x"), all.get("scope"), all.get("refresh_token")), (None, None, None));
        assert_eq!(all.wanted("refresh_token"), Err(TokenEndpointError::InvalidRequest("refresh_token")));
        assert!(!format!("{all:?}").contains("a&b"));
        for (form, error) in [
            ("code=a&code=a", TokenEndpointError::InvalidRequest("code")),
            ("scope=&scope=b", TokenEndpointError::InvalidRequest("scope")),
            ("resource=a&resource=b", TokenEndpointError::InvalidTarget),
        ] {
            assert_eq!(TokenParameters::parse(form).unwrap_err(), error, "{form}");
        }
        assert!(TokenParameters::parse(&"x=1&".repeat(40)).is_ok());
        assert!(TokenParameters::parse(&"x=1&".repeat(41)).is_err());
    }

    //
    #[test]
    fn the_verifier_answers_the_challenge() {
        // RFC 7636, appendix B
        let form = "code_verifier=dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        let challenge = TokenParameters::parse(form).unwrap().challenge();
        assert_eq!(challenge.as_deref(), Ok("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"));
        for odd in ["".to_owned(), "a".repeat(42), "a".repeat(129), format!("{}%20", "a".repeat(43))] {
            let form = format!("code_verifier={odd}");
            assert!(TokenParameters::parse(&form).unwrap().challenge().is_err(), "{odd}");
        }
    }

    #[test]
    fn scopes_stand_once() {
        let scopes = |form: &str| TokenParameters::parse(form).unwrap().scopes();
        assert_eq!(scopes("scope=a+b++a+offline_access"), Some(vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!((scopes("scope=+"), scopes("scope=offline_access"), scopes("x=1")), (None, None, None));
    }
}
