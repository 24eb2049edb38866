//! Who has signed in, whatever the provider says it by.

use serde_json::{Map, Value};

use super::id_token::IdToken;
use super::oauth2_user::OAuth2User;
use crate::config::Issuer;
use crate::saml::assertion::SamlAssertion;
use crate::time::Timestamp;

/// Who has signed in with this login. Made of what has been checked alone:
///
/// ```compile_fail,E0451
/// # fn forge(real: postern::oidc::signed_in::SignedIn) -> postern::oidc::signed_in::SignedIn {
/// postern::oidc::signed_in::SignedIn { subject: "somebody else".to_owned(), ..real }
/// # }
/// ```
pub struct SignedIn {
    /// The issuer, byte for byte.
    issuer: String,
    /// Names a person together with the issuer only (R-057).
    subject: String,
    auth_time: Option<Timestamp>,
    acr: Option<String>,
    amr: Vec<String>,
    sid: Option<String>,
    /// By which the provider ends the session: that of the index.
    logout_name: Option<String>,
    /// When the provider's own session ends.
    until: Option<Timestamp>,
    claims: Map<String, Value>,
}

impl From<IdToken> for SignedIn {
    fn from(token: IdToken) -> Self {
        Self {
            issuer: token.issuer().to_owned(),
            subject: token.subject().to_owned(),
            auth_time: token.auth_time(),
            acr: token.acr().map(str::to_owned),
            amr: token.amr().map(str::to_owned).collect(),
            sid: token.sid().map(str::to_owned),
            logout_name: token.sid().map(str::to_owned),
            until: None,
            claims: token.into_claims(),
        }
    }
}

impl SignedIn {
    /// Somebody who signed in at a provider without OpenID Connect. Nothing says how, when, or in which session there (R-390).
    #[must_use]
    pub fn by_oauth2(issuer: &Issuer, user: OAuth2User) -> Self {
        let (subject, claims) = user.into_parts();
        let issuer = issuer.as_str().to_owned();
        let (sid, logout_name) = (None, None);
        Self { issuer, subject, auth_time: None, acr: None, amr: Vec::new(), sid, logout_name, until: None, claims }
    }

    /// Somebody who signed in at a provider of SAML.
    #[must_use]
    pub fn by_saml(issuer: &Issuer, assertion: SamlAssertion) -> Self {
        Self {
            issuer: issuer.as_str().to_owned(),
            subject: assertion.subject,
            auth_time: Some(assertion.auth_time),
            acr: assertion.acr,
            amr: Vec::new(),
            sid: assertion.sid,
            logout_name: Some(assertion.index_key),
            until: assertion.until,
            claims: assertion.claims,
        }
    }

    /// With something more that is kept of the person, where the provider does not say it.
    #[must_use]
    pub fn with_claim(mut self, name: &str, value: Option<Value>) -> Self {
        if let Some(value) = value {
            self.claims.insert(name.to_owned(), value);
        }
        self
    }

    /// The issuer.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// What the issuer calls the person.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// When the person signed in at the provider.
    #[must_use]
    pub const fn auth_time(&self) -> Option<Timestamp> {
        self.auth_time
    }

    /// Of which class the sign-in was.
    #[must_use]
    pub fn acr(&self) -> Option<&str> {
        self.acr.as_deref()
    }

    /// By which methods.
    #[must_use]
    pub fn amr(&self) -> &[String] {
        &self.amr
    }

    /// The session at the provider, for its logout.
    #[must_use]
    pub fn sid(&self) -> Option<&str> {
        self.sid.as_deref()
    }

    /// What the provider names when it ends the session without naming the person as we do.
    #[must_use]
    pub fn logout_name(&self) -> Option<&str> {
        self.logout_name.as_deref()
    }

    /// When the session at the provider ends, where it says so beforehand.
    #[must_use]
    pub const fn until(&self) -> Option<Timestamp> {
        self.until
    }

    /// What the provider says of the person.
    #[must_use]
    pub const fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }
}
