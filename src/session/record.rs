//! One session as stored, and its timeouts.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::device::DeviceBinding;
use super::grant::Grant;
use super::refresh::{Due, RefreshState, TokenLife};
use super::second::SecondProof;
use crate::claims::is_believed;
use crate::ids::identifiers::{IssuerIdentifier, SubjectIdentifier};
use crate::oidc::email::MailAddress;
use crate::time::{Seconds, Timestamp};

/// A session record. Its JSON is a stored format: fields are added with `#[serde(default)]`, never renamed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// The issuer of the ID token.
    pub issuer: IssuerIdentifier,
    /// Its `sub`.
    pub subject: SubjectIdentifier,
    /// The provider's id in the configuration.
    pub provider: String,
    /// The claims of the ID token, or of UserInfo, that the configuration keeps.
    #[serde(default)]
    pub claims: Map<String, Value>,
    /// The scopes the access token has.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// What the provider says the person is, by where the configuration looked at sign-in.
    #[serde(default)]
    pub roles: Vec<String>,
    /// What it says that the person may do, likewise.
    #[serde(default)]
    pub permissions: Vec<String>,
    /// The tenant that it says the person belongs to, likewise.
    #[serde(default)]
    pub tenant: Option<String>,
    /// `auth_time`: when the person last proved themselves to the provider.
    #[serde(default)]
    pub auth_time: Option<Timestamp>,
    /// `acr` of the ID token.
    #[serde(default)]
    pub acr: Option<String>,
    /// `amr` of the ID token.
    #[serde(default)]
    pub amr: Vec<String>,
    /// `sid`: the provider's name for its own session, for logout.
    #[serde(default)]
    pub sid: Option<String>,
    /// When it began.
    pub created_at: Timestamp,
    /// The last request that counted, give or take [`touch_granularity`].
    pub last_seen: Timestamp,
    /// When the access token ends.
    #[serde(default)]
    pub access_token_expires_at: Option<Timestamp>,
    /// When the access token was issued.
    #[serde(default)]
    pub access_token_issued_at: Timestamp,
    /// What is known about refreshing it.
    #[serde(default)]
    pub refresh: RefreshState,
    /// When its provider's `session_max`, as it was at sign-in, ends it. Only the release before goes by it: this one works
    /// it out ([`SessionTerms`](super::SessionTerms)).
    #[serde(default)]
    pub ceiling: Option<Timestamp>,
    /// When the provider's own session ends, where it said so at sign-in (SAML): this one ends no later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Where it was begun, in words for its owner.
    #[serde(default)]
    pub origin: Origin,
    /// Claims that the configuration looks at and that the provider left out, though it has them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
    /// That the person proved a second factor of ours in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second: Option<SecondProof>,
    /// What binds it to the device on which it was begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<Box<DeviceBinding>>,
    /// What it was called in lists under its ids before, the latest last: whoever saw one of those means this session.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub listed_before: Vec<String>,
    /// What makes it a grant to an agent: it is nobody's session then, and its clocks are the grant's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<Box<Grant>>,
}

/// Whom a record is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonNamed {
    /// The issuer.
    pub issuer: IssuerIdentifier,
    /// What it calls them.
    pub subject: SubjectIdentifier,
    /// The provider's id in the configuration.
    pub provider: String,
}

/// Where a session was begun, for its owner to recognise it by.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The browser and system, in words.
    #[serde(default)]
    pub device: String,
    /// The place, as far as the platform knows it.
    #[serde(default)]
    pub place: Option<String>,
}

/// Why a session that is still stored counts no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expired {
    /// Nobody used it for the idle time.
    Idle,
    /// It is as old as a session may get.
    Absolute,
}

impl Session {
    /// A grant of this person's, of whom no more is said: the session in which they consent says it.
    #[must_use]
    pub fn of_grant(person: PersonNamed, grant: Grant, now: Timestamp) -> Self {
        Self {
            issuer: person.issuer,
            subject: person.subject,
            provider: person.provider,
            claims: Map::new(),
            scopes: Vec::new(),
            roles: Vec::new(),
            permissions: Vec::new(),
            tenant: None,
            auth_time: None,
            acr: None,
            amr: Vec::new(),
            sid: None,
            created_at: now,
            last_seen: now,
            access_token_expires_at: None,
            access_token_issued_at: Timestamp::EPOCH,
            refresh: RefreshState::default(),
            ceiling: None,
            until: None,
            origin: Origin::default(),
            left_out: Vec::new(),
            second: None,
            device: None,
            listed_before: Vec::new(),
            grant: Some(Box::new(grant)),
        }
    }

    /// The person's address, as far as the provider verified it.
    #[must_use]
    pub fn email(&self) -> Option<MailAddress> {
        let said = self.claims.get("email").and_then(Value::as_str);
        said.filter(|_| is_believed(&self.claims, "email")).and_then(MailAddress::parse)
    }

    /// When it ends if nobody uses it any more.
    #[must_use]
    pub fn idle_expires_at(&self, clocks: SessionTimeouts) -> Timestamp {
        let end = self.expires_at(clocks);
        if self.grant.is_some() { end } else { self.last_seen.plus(clocks.idle()).min(end) }
    }

    /// When it ends in any case.
    #[must_use]
    pub fn expires_at(&self, clocks: SessionTimeouts) -> Timestamp {
        let end = self.grant.as_ref().map_or_else(|| self.created_at.plus(clocks.absolute()), |grant| grant.ends_at());
        self.until.map_or(end, |until| until.min(end))
    }

    /// What to do about the access token.
    #[must_use]
    pub fn refresh_due(&self, now: Timestamp) -> Due {
        let life = TokenLife { issued_at: self.access_token_issued_at, expires_at: self.access_token_expires_at };
        self.refresh.due(life, now)
    }

    /// Whether a clock has run out.
    ///
    /// # Errors
    /// Which one.
    pub fn check_clocks(&self, clocks: SessionTimeouts, now: Timestamp) -> Result<(), Expired> {
        if now >= self.expires_at(clocks) {
            return Err(Expired::Absolute);
        }
        if now >= self.idle_expires_at(clocks) {
            return Err(Expired::Idle);
        }
        Ok(())
    }

    /// The record after a request that counts; `None` while the stored one is recent enough, so
    /// that not every request is a write.
    #[must_use]
    pub fn touched(&self, clocks: SessionTimeouts, now: Timestamp) -> Option<Self> {
        let unseen_for = now.since(self.last_seen);
        (unseen_for >= touch_granularity(clocks.idle())).then(|| Self { last_seen: now, ..self.clone() })
    }
}

/// How exact the idle clock is: a sixtieth of the idle time, from one second to one minute. A session
/// ends at most this much too early, never too late.
#[must_use]
pub fn touch_granularity(idle: Seconds) -> Seconds {
    Seconds::new((idle.get() / 60).clamp(1, 60))
}

/// The two timeouts of a session, in seconds: without a request, and in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionTimeouts {
    idle: Seconds,
    absolute: Seconds,
}

impl SessionTimeouts {
    /// From the configuration.
    #[must_use]
    pub const fn new(idle: Seconds, absolute: Seconds) -> Self {
        Self { idle, absolute }
    }

    /// How long without a request.
    #[must_use]
    pub const fn idle(self) -> Seconds {
        self.idle
    }

    /// How long at most.
    #[must_use]
    pub const fn absolute(self) -> Seconds {
        self.absolute
    }
}
