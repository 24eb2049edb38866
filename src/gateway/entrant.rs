//! Who stands between the doors, and what the upstream is told of them.

use super::Platform;
use super::bearer::Bearer;
use super::turn::Turn;
use crate::audit::Event;
use crate::authn::{Authenticated, Principal};
use crate::refusal::Reason;
use crate::route::{Guard, Route, Token};
use crate::secret::Secret;
use crate::session::record::touch_granularity;
use crate::time::{Seconds, Timestamp};
use crate::upstream::claim_headers::{Told, tell};
use crate::upstream::{Identity, Introduction, Stay, Tenure};

/// A session this young that lacks what a route needs will lack it after another login too.
const JUST_SIGNED_IN: Seconds = Seconds::minutes(1);

/// Whom door 1 let through.
pub(super) enum Entrant {
    Session(Box<Authenticated>),
    Token(Box<Bearer>),
}

impl Entrant {
    pub(super) const fn principal(&self) -> &Principal {
        match self {
            Self::Session(authenticated) => &authenticated.principal,
            Self::Token(bearer) => &bearer.principal,
        }
    }

    /// The name of their session in lists of sessions.
    fn session_name(&self) -> Option<String> {
        match self {
            Self::Session(authenticated) => Some(authenticated.handle.id.digest().public_id()),
            Self::Token(_) => None,
        }
    }
}

impl<P: Platform> Turn<'_, P> {
    /// Where a request moves the idle clock, so does what comes from the browser on a WebSocket.
    pub(super) fn tenure(&self, guard: &Guard, entrant: &Entrant) -> Tenure {
        match entrant {
            Entrant::Token(bearer) => Tenure::Until(bearer.principal.expires_at()),
            Entrant::Session(authenticated) => Tenure::Session(Stay {
                subject: authenticated.handle.subject,
                digest: authenticated.handle.id.digest(),
                touch_every: guard.touch.then(|| touch_granularity(self.config.session.idle)),
            }),
        }
    }

    /// What the route tells its upstream of whom both doors let through.
    ///
    /// # Errors
    /// Why it cannot be told, and whether another login would help.
    pub(super) async fn introduce(
        &self,
        entrant: Entrant,
        (route, guard): (&Route, &Guard),
        event: &mut Event,
    ) -> Result<Introduction, (Reason, bool)> {
        let session = entrant.session_name();
        let who = Identity { principal: entrant.principal(), session: session.as_deref() };
        let Told { headers, withheld } = tell(&guard.headers, &who);
        event.withheld = withheld.iter().map(ToString::to_string).collect();
        let assertion = match guard.token {
            Token::None | Token::Relay => None,
            Token::Assertion => {
                let by = (self.platform, self.now);
                let made = self.assertions.about(&who, &route.upstream, &self.config.public_url, by).await;
                Some(made.ok_or((Reason::Internal("internal.assertion_unsigned"), false))?)
            }
        };
        let access_token = match (guard.token, entrant) {
            (Token::None | Token::Assertion, _) => None,
            (Token::Relay, Entrant::Token(bearer)) => Some(bearer.token),
            (Token::Relay, Entrant::Session(authenticated)) => Some(self.relayed(*authenticated)?),
        };
        Ok(Introduction { access_token, assertion, claims: headers })
    }

    /// The session's access token; or why there is none, and whether another login would help.
    fn relayed(&self, authenticated: Authenticated) -> Result<Secret<String>, (Reason, bool)> {
        match authenticated.access_token {
            Some(token) => Ok(token.into_secret()),
            None if authenticated.provider_down => Err((Reason::RenewalPaused, false)),
            None if self.just_signed_in(authenticated.created_at) => Err((Reason::AccessTokenExpired, false)),
            None => Err((Reason::AccessTokenExpired, true)),
        }
    }

    fn just_signed_in(&self, created_at: i64) -> bool {
        self.now.since(Timestamp::from_unix(created_at)) < JUST_SIGNED_IN
    }
}
