//! A token and how it came → whether its presenter may use it (RFC 7800, RFC 9449 §7, RFC 8705 §3).
//!
//! A token that is bound to a key or a certificate is worth nothing without it. Which proofs are understood is
//! decided here and nowhere else: what is bound in a way not listed here is refused, never taken for plain (R-136).

use serde::{Deserialize, Serialize};

use super::access_token::AccessTokenClaims;
use super::bearer::{PresentedToken, Scheme};
use super::confirmation::Confirmation;
use super::dpop::{DpopError, DpopProof, NonceRule, ProofExpectations, TargetUri};
use super::mtls;

use super::error::{SenderError, SenderFailure};
use crate::config::{Constraint, TokenIssuer};
use crate::http::RequestHead;
use crate::keyring::KeyRing;
use crate::ports::{ReplayGuard, Signatures};
use crate::time::Timestamp;

/// That whoever presents a token may. Only [`check`] makes one, and no principal comes of a token without it.
///
/// ```compile_fail,E0451
/// # use postern::authn::{Means, sender_constraint::Sender};
/// let forged = Sender { means: Means::Bearer, jkt: None };
/// ```
#[derive(Debug)]
pub struct Sender {
    means: Means,
    jkt: Option<String>,
}

impl Sender {
    /// How the token was shown to be the sender's.
    #[must_use]
    pub const fn means(&self) -> Means {
        self.means
    }

    /// The thumbprint of the key that was proven, for [`Means::Dpop`].
    #[must_use]
    pub fn jkt(&self) -> Option<&str> {
        self.jkt.as_deref()
    }

    /// Whoever presents a plain token.
    pub(super) const fn plain() -> Self {
        Self::by(Means::Bearer)
    }

    const fn by(means: Means) -> Self {
        Self { means, jkt: None }
    }
}

/// How a token came. Every field is given.
#[derive(Debug)]
pub struct TokenRequest<'a> {
    /// The token and its scheme.
    pub presented: &'a PresentedToken,
    /// The request it came with.
    pub head: &'a RequestHead,
    /// Its address, as the outside knows it.
    pub uri: &'a TargetUri,
    /// Whether the route passes the token on.
    pub relays: bool,
    /// The keys that our nonces are made with.
    pub keys: &'a KeyRing,
    /// Whether a proof is used up by it: not where the request is not let through in any case.
    pub uses_up: bool,
    /// Now.
    pub now: Timestamp,
}

/// What is to be shown before a token may be used.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    Nothing,
    Key(String),
    Certificate([u8; 32]),
}

/// Checks how a token came against what it is bound to, and what its issuer's entry asks for. The proof of a key is used
/// up only when nothing else is wrong (R-128).
///
/// # Errors
/// When the sender has not shown to have what the token is bound to.
pub async fn check(
    request: &TokenRequest<'_>,
    claims: &AccessTokenClaims,
    issuer: &TokenIssuer,
    signatures: &impl Signatures,
    once: &impl ReplayGuard,
) -> Result<Sender, SenderFailure> {
    let confirmation = Confirmation::parse(claims.confirmation()).map_err(SenderError::Confirmation)?;
    let rule = BindingRule { constraint: issuer.sender, nonce: issuer.dpop_nonce };
    check_binding(request, confirmation, rule, signatures, once).await
}

/// What is asked of how tokens are bound.
#[derive(Clone, Copy, Debug)]
pub struct BindingRule {
    /// To what.
    pub constraint: Constraint,
    /// Whether a proof must hold a nonce of ours.
    pub nonce: bool,
}

impl BindingRule {
    /// No more than what the token is bound to.
    pub const ANY: Self = Self { constraint: Constraint::Any, nonce: false };
}

/// The same for a token of which it is known what it is bound to.
///
/// # Errors
/// When the sender has not shown to have that.
pub async fn check_binding(
    request: &TokenRequest<'_>,
    confirmation: Confirmation,
    rule: BindingRule,
    signatures: &impl Signatures,
    once: &impl ReplayGuard,
) -> Result<Sender, SenderFailure> {
    let asked = asked(request.presented.scheme, confirmation, rule.constraint)?;
    if request.relays && asked != Asked::Nothing {
        return Err(SenderError::NotRelayed.into());
    }
    match asked {
        Asked::Nothing => Ok(Sender::by(Means::Bearer)),
        Asked::Certificate(hash) => {
            mtls::check(&request.head.peer, &hash).map_err(SenderError::Certificate)?;
            Ok(Sender::by(Means::Mtls))
        }
        Asked::Key(jkt) => {
            prove_key(request, &jkt, rule.nonce, signatures, once).await?;
            Ok(Sender { jkt: Some(jkt), ..Sender::by(Means::Dpop) })
        }
    }
}

/// The table of scheme, binding and rule. What stands in no row is refused.
fn asked(scheme: Scheme, confirmation: Confirmation, rule: Constraint) -> Result<Asked, SenderError> {
    match (scheme, confirmation, rule) {
        (Scheme::Bearer, Confirmation::None, Constraint::Any) => Ok(Asked::Nothing),
        (_, Confirmation::None, _) => Err(SenderError::NotBound),
        (Scheme::Dpop, Confirmation::Jkt(jkt), Constraint::Any | Constraint::Dpop) => Ok(Asked::Key(jkt)),
        (Scheme::Bearer, Confirmation::Jkt(_), _) => Err(SenderError::BoundTokenAsBearer),
        (Scheme::Bearer, Confirmation::X5tS256(hash), Constraint::Any | Constraint::Mtls) => {
            Ok(Asked::Certificate(hash))
        }
        (Scheme::Dpop, Confirmation::Jkt(_), Constraint::Mtls) | (_, Confirmation::X5tS256(_), _) => {
            Err(SenderError::BoundOtherwise)
        }
    }
}

async fn prove_key(
    request: &TokenRequest<'_>,
    jkt: &str,
    nonce: bool,
    signatures: &impl Signatures,
    once: &impl ReplayGuard,
) -> Result<(), SenderFailure> {
    let expected = ProofExpectations {
        method: request.head.method.as_str(),
        uri: request.uri,
        access_token: request.presented.token.expose(),
        jkt,
        nonce: if nonce { NonceRule::Required(request.keys) } else { NonceRule::Unasked },
        now: request.now,
    };
    let proof = DpopProof::check(&request.head.headers, &expected, signatures).await.map_err(SenderError::Dpop)?;
    if !request.uses_up {
        return Ok(());
    }
    match once.claim(proof.once_key(), proof.usable_until()).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(SenderError::Dpop(DpopError::Replayed).into()),
        Err(error) => Err(SenderFailure::Store(error)),
    }
}

/// How an identity was proven to Postern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Means {
    /// By a session cookie.
    Session,
    /// By an access token that whoever has it may use.
    Bearer,
    /// By an access token and proof of the key it is bound to.
    Dpop,
    /// By an access token and the client certificate it is bound to.
    Mtls,
    /// By an API key of ours.
    Key,
    /// By a client certificate alone.
    Certificate,
    /// By a token that a platform gave to a program that runs there.
    Workload,
    /// By a token of ours, for a program that acts for a person.
    Agent,
}

impl Means {
    /// As logs write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Bearer => "bearer",
            Self::Dpop => "dpop",
            Self::Mtls => "mtls",
            Self::Key => "key",
            Self::Certificate => "certificate",
            Self::Workload => "workload",
            Self::Agent => "agent",
        }
    }

    /// Whether a person may have come this way.
    #[must_use]
    pub const fn can_be_a_persons(self) -> bool {
        match self {
            Self::Session | Self::Bearer | Self::Dpop | Self::Mtls => true,
            Self::Key | Self::Certificate | Self::Workload | Self::Agent => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // R-129, R-130, R-136
    #[test]
    fn scheme_binding_and_rule_have_to_agree() {
        let (key, certificate) = (Confirmation::Jkt("k".to_owned()), Confirmation::X5tS256([7; 32]));
        let (wants_key, wants_certificate) = (Ok(Asked::Key("k".to_owned())), Ok(Asked::Certificate([7; 32])));
        let not_bound = || Err(SenderError::NotBound);
        let (as_bearer, otherwise) = (Err(SenderError::BoundTokenAsBearer), Err(SenderError::BoundOtherwise));
        for (scheme, confirmation, any, dpop, mtls) in [
            (Scheme::Bearer, &Confirmation::None, Ok(Asked::Nothing), not_bound(), not_bound()),
            (Scheme::Dpop, &Confirmation::None, not_bound(), not_bound(), not_bound()),
            (
                Scheme::Bearer,
                &key,
                as_bearer,
                Err(SenderError::BoundTokenAsBearer),
                Err(SenderError::BoundTokenAsBearer),
            ),
            (Scheme::Dpop, &key, wants_key, Ok(Asked::Key("k".to_owned())), Err(SenderError::BoundOtherwise)),
            (Scheme::Bearer, &certificate, wants_certificate, otherwise, Ok(Asked::Certificate([7; 32]))),
            (
                Scheme::Dpop,
                &certificate,
                Err(SenderError::BoundOtherwise),
                Err(SenderError::BoundOtherwise),
                Err(SenderError::BoundOtherwise),
            ),
        ] {
            for (rule, expected) in [(Constraint::Any, any), (Constraint::Dpop, dpop), (Constraint::Mtls, mtls)] {
                assert_eq!(asked(scheme, confirmation.clone(), rule), expected, "{scheme:?} {confirmation:?} {rule:?}");
            }
        }
    }
}
