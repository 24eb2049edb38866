//! An access token, as presented → a principal: the issuer from the configuration, its keys, the claims, the sender.

use super::Platform;
use super::documents::KeySource;
use super::turn::{Ledger, Turn};
use crate::authn::access_token::{AccessTokenClaims, Expectations};
use crate::authn::bearer::{Presented, presented};
use crate::authn::dpop::TargetUri;
use crate::authn::sender::{self, Arrival, SenderFailure};
use crate::authn::{Principal, TokenRejection};
use crate::config::TokenIssuer;
use crate::jose::UnverifiedJwt;
use crate::refusal::Reason;
use crate::route::{CanonicalPath, Guard, Token};
use crate::secret::Secret;

/// Whoever came by a token, and the token.
#[derive(Debug)]
pub(super) struct Bearer {
    pub(super) principal: Principal,
    pub(super) token: Secret<String>,
}

impl<P: Platform> Turn<'_, P> {
    /// The token that this request presents, if any. Asked only where tokens are accepted.
    ///
    /// # Errors
    /// When it presents one in a way that has more than one reading.
    pub(super) fn presented_token(&self) -> Result<Option<Presented>, Reason> {
        presented(&self.head.headers, self.query).map_err(Reason::Presentation)
    }

    /// Door 1 for a token: no cookie is looked at, and so no page of another site can abuse one.
    ///
    /// # Errors
    /// When nobody came through.
    pub(super) async fn authenticate_token(
        &self,
        presented: Presented,
        (guard, path): (&Guard, &CanonicalPath),
        ledger: &mut Ledger,
    ) -> Result<Bearer, Reason> {
        let token = presented.token.expose();
        let issuer = issuer_of(self, token).map_err(Reason::TokenRejected)?;
        ledger.event.token_issuer = Some(issuer.id.to_string());
        let claims = verify(self, issuer, token).await?;
        let arrival = Arrival {
            presented: &presented,
            head: self.head,
            uri: &TargetUri::of(&self.config.public_url, path),
            relays: guard.token == Token::Relay,
            keys: &self.config.keys,
            now: self.now,
        };
        let sender = sender::check(&arrival, &claims, issuer, self.platform).await.map_err(reason)?;
        ledger.event.jkt = sender.jkt().map(str::to_owned);
        let principal = Principal::by_token(issuer, &claims, &sender);
        ledger.event.who(&principal);
        ledger.event.token(claims.jti());
        Ok(Bearer { principal, token: presented.token })
    }
}

fn reason(failure: SenderFailure) -> Reason {
    match failure {
        SenderFailure::Rejected(rejection) => Reason::TokenRejected(rejection),
        SenderFailure::Store(error) => Reason::Store(error),
    }
}

/// The issuer that a token says it is from: a key into the configuration, and nothing more. What is not
/// found there costs no question to anybody.
fn issuer_of<'a, P>(turn: &Turn<'a, P>, token: &str) -> Result<&'a TokenIssuer, TokenRejection> {
    let claimed = UnverifiedJwt::parse(token).and_then(|jwt| jwt.claimed_issuer()).map_err(TokenRejection::Jwt)?;
    claimed.and_then(|issuer| turn.config.token_issuer(&issuer)).ok_or(TokenRejection::IssuerUnknown)
}

/// The signature by the issuer's keys, then the claims by its rules.
async fn verify<P: Platform>(
    turn: &Turn<'_, P>,
    issuer: &TokenIssuer,
    token: &str,
) -> Result<AccessTokenClaims, Reason> {
    let keys = issuer.jwks_uri.as_deref().map_or(KeySource::Discovery(&issuer.issuer), KeySource::Uri);
    let verified = turn.documents.verify(turn.platform, keys, &issuer.algs, token).await;
    let verified = verified.map_err(|error| error.reason(|error| Reason::TokenRejected(TokenRejection::Jwt(error))))?;
    let expected = Expectations { issuer, now: turn.now };
    AccessTokenClaims::check(verified, &expected).map_err(|error| Reason::TokenRejected(TokenRejection::Claims(error)))
}
