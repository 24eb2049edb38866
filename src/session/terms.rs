//! What the configuration in force says of one session, besides the two timeouts. It is worked out each time a session is
//! looked at, and never stored: so it holds for sessions that were there before it.

use super::record::{Session, SessionTimeouts};
use crate::config::Config;
use crate::time::{Seconds, Timestamp};

/// What the configuration says of one session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SessionTerms {
    /// Why it counts no more, whatever its clocks say; `None` while it does.
    pub lapse: Option<Lapse>,
    /// `session_max` of its provider.
    pub longest: Option<Seconds>,
}

/// Why a session that is stored counts no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lapse {
    /// Its provider is not configured any more, or the provider's id belongs to another issuer now.
    ProviderGone,
    /// It began before the configured `not_before`.
    TooOld,
    /// A clock has run out.
    Expired,
}

/// Whoever knows the terms of sessions.
pub trait Terms {
    /// The terms of this session, now.
    fn terms(&self, session: &Session, now: Timestamp) -> SessionTerms;
}

impl Terms for Config {
    fn terms(&self, session: &Session, now: Timestamp) -> SessionTerms {
        let Some(provider) = self.provider_of(&session.provider, &session.issuer) else {
            return SessionTerms { lapse: Some(Lapse::ProviderGone), longest: None };
        };
        let not_before = self.not_before(&session.provider, now);
        let too_old = not_before.is_some_and(|moment| session.created_at < moment);
        // A grant has a clock of its own.
        let longest = provider.session_max.filter(|_| session.grant.is_none());
        SessionTerms { lapse: too_old.then_some(Lapse::TooOld), longest }
    }
}

impl SessionTerms {
    /// The timeouts of the session, of those in force for all.
    #[must_use]
    pub fn timeouts(&self, all: SessionTimeouts) -> SessionTimeouts {
        self.longest.map_or(all, |longest| SessionTimeouts::new(all.idle(), all.absolute().min(longest)))
    }

    /// Whether the session counts, by its timeouts too.
    ///
    /// # Errors
    /// Why it does not.
    pub fn check(&self, session: &Session, all: SessionTimeouts, now: Timestamp) -> Result<(), Lapse> {
        match self.lapse {
            Some(lapse) => Err(lapse),
            None => session.check_clocks(self.timeouts(all), now).map_err(|_| Lapse::Expired),
        }
    }

    /// Whether it is over, also where nobody says which timeouts are in force.
    pub(super) fn have_ended(&self, session: &Session, now: Timestamp) -> bool {
        self.lapse.is_some() || self.longest.is_some_and(|longest| session.created_at.plus(longest) <= now)
    }
}
