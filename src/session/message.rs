//! What the Worker and a subject's object say to each other.
//!
//! Worker and object may run different releases for a while, so the form is versioned: a field is
//! only ever added with a default, an operation only ever added.

use serde::{Deserialize, Serialize};

use super::approval::{ApprovalCommand, ApprovalReply};
use super::device::{DeviceCommand, DeviceReply, ShownDevice};
use super::grant::{Grant, GrantRefusal};
use super::handle::SessionDigest;
use super::record::{PersonNamed, Session, SessionTimeouts};
use super::second::{SecondCommand, SecondReply};
use crate::oidc::email::MailAddress;
use crate::oidc::login_values::Nonce;
use crate::oidc::proof_key::ProofKey;
use crate::secret::{self, Secret};
use crate::time::{Seconds, Timestamp};

/// The version of the form below.
pub const VERSION: u8 = 1;

/// One command, wrapped with its version.
#[derive(Debug, Serialize, Deserialize)]
pub struct Envelope<T> {
    /// [`VERSION`].
    pub v: u8,
    /// The command.
    pub command: T,
}

/// What a subject's object is asked.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Store a new session.
    Begin(Box<Begin>),
    /// Is this session alive, and what does it hold?
    Check(Check),
    /// End this session.
    End {
        /// Which.
        digest: SessionDigest,
    },
    /// Which sessions are there?
    List {
        /// The clocks in force.
        clocks: SessionTimeouts,
    },
    /// End the session that the list calls so.
    EndListed {
        /// [`Listed::id`].
        id: String,
    },
    /// End all sessions but this one.
    EndOthers {
        /// The one to keep.
        keep: SessionDigest,
    },
    /// End the sessions that belong to the provider's session of this name (Back-Channel Logout §2.7).
    EndSid {
        /// `sid`, as the provider names it.
        sid: String,
        /// Whether nothing proves that the provider says so: then it is remembered only where it ends a session.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        unproven: bool,
    },
    /// End the sessions and grants of whoever signed in with this verified address.
    EndEmail {
        /// The address.
        email: MailAddress,
        /// Only what began by then, where it is said.
        before: Option<Timestamp>,
    },
    /// End every session that began at or before a time, and every login that was begun by then.
    EndAll {
        /// The object's own now when absent.
        before: Option<Timestamp>,
    },
    /// End every session, and let none begin until this is lifted.
    Block {
        /// Until when at the latest; `None`: until it is lifted.
        until: Option<Timestamp>,
    },
    /// Let sessions begin again.
    Unblock,
    /// Store a new grant.
    BeginGrant(Box<BeginGrant>),
    /// Take a code for the grant that it begins.
    RedeemCode(Box<RedeemCode>),
    /// Take a refresh token for its successor.
    RefreshGrant(Box<RefreshGrant>),
    /// Is this grant alive, and what does it hold?
    CheckGrant(CheckGrant),
    /// Store a grant that is narrower than one that is there (RFC 8693).
    Exchange(Box<Exchange>),
    /// End this grant, and those that were exchanged for it (RFC 7009).
    EndGrant {
        /// Which.
        digest: SessionDigest,
        /// The client that it has to belong to.
        client: String,
    },
    /// End grants to agents: that one, those to that client, or all.
    EndGrants {
        /// [`Listed::id`]
        id: Option<String>,
        /// The client's id.
        client: Option<String>,
    },
    /// Which grants to that client are there, also those that were exchanged?
    ListGrantsTo {
        /// The client's id.
        client: String,
        /// The clocks in force.
        clocks: SessionTimeouts,
    },
    /// End all grants to that client, and let none begin that was asked for by now.
    EndGrantsTo {
        /// The client's id.
        client: String,
    },
    /// Something about approvals of single calls.
    Approval(Box<ApprovalCommand>),
    /// Something about second factors.
    Second(Box<SecondCommand>),
    /// Something about the device that a session is bound to.
    Device(Box<DeviceCommand>),
}

impl Command {
    /// Whether it may end a session, or the id of one.
    #[must_use]
    pub fn ends(&self) -> bool {
        match self {
            Self::Check(_)
            | Self::List { .. }
            | Self::Unblock
            | Self::CheckGrant(_)
            | Self::Exchange(_)
            | Self::ListGrantsTo { .. }
            | Self::Approval(_) => false,
            Self::Second(command) => !command.only_reads(),
            _ => true,
        }
    }

    /// Whether it may be asked once more where nobody knows whether it was done: it changes nothing, or nothing that a second one
    /// like it would not.
    #[must_use]
    pub fn may_be_repeated(&self) -> bool {
        match self {
            Self::Check(_) | Self::List { .. } | Self::Unblock | Self::ListGrantsTo { .. } => true,
            Self::CheckGrant(check) => !check.spend,
            Self::Approval(command) => command.may_be_repeated(),
            Self::Second(command) => command.only_reads(),
            Self::Begin(_)
            | Self::End { .. }
            | Self::EndListed { .. }
            | Self::EndOthers { .. }
            | Self::EndSid { .. }
            | Self::EndEmail { .. }
            | Self::EndAll { .. }
            | Self::Block { .. }
            | Self::BeginGrant(_)
            | Self::RedeemCode(_)
            | Self::RefreshGrant(_)
            | Self::Exchange(_)
            | Self::EndGrant { .. }
            | Self::EndGrants { .. }
            | Self::EndGrantsTo { .. }
            | Self::Device(_) => false,
        }
    }

    /// The session that it moves to another id, if all is well. Nothing may be refreshing its tokens meanwhile.
    #[must_use]
    pub fn rotates(&self) -> Option<&SessionDigest> {
        match self {
            Self::Second(command) => command.rotates(),
            _ => None,
        }
    }
}

/// A new session, its tokens, and the one it takes the place of.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Begin {
    /// The new session's digest.
    pub digest: SessionDigest,
    /// Its record.
    pub session: Session,
    /// Its tokens, sealed before they are stored.
    pub tokens: Tokens,
    /// The same browser's session until now: dead at once.
    pub replaces: Option<SessionDigest>,
    /// When the login began: a logout since then wins.
    #[serde(default)]
    pub login_started_at: Timestamp,
    /// How many sessions a subject may have; the oldest end.
    pub max_sessions: u32,
    /// The clocks in force, by which expired rows are cleaned.
    pub clocks: SessionTimeouts,
}

/// A question about one session.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Check {
    /// Which.
    pub digest: SessionDigest,
    /// Whether this request keeps it alive.
    pub touch: bool,
    /// Whether the access token is wanted.
    pub access_token: bool,
    /// What came along of the device that the session may be bound to. What does not prove it neither keeps the session alive
    /// nor gets its token. `None`: it is not asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shown: Option<Box<ShownDevice>>,
    /// The clocks in force now: a shortened clock holds for sessions that are already there.
    pub clocks: SessionTimeouts,
}

/// A new grant, and what it rests on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BeginGrant {
    /// The new grant's digest.
    pub digest: SessionDigest,
    /// Its record, with a grant in it. What the person is and may is taken from the session that consents, where there is one.
    pub session: Session,
    /// The session in which the person consented; `None` where a provider vouches for it.
    pub begun_by: Option<SessionDigest>,
    /// When the consent was asked for, or the provider vouched for it: a logout since then wins.
    pub asked_at: Timestamp,
    /// How many grants a person may have.
    pub max_grants: u32,
    /// The clocks in force.
    pub clocks: SessionTimeouts,
}

/// A code as it is presented. Every field is given.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RedeemCode {
    /// The digest of the grant.
    pub digest: SessionDigest,
    /// The client, authenticated as far as it can be.
    pub client: String,
    /// `redirect_uri`
    pub redirect_uri: String,
    /// The S256 challenge of `code_verifier`.
    pub challenge: String,
    /// `resource`, where it is said.
    pub resource: Option<String>,
    /// The thumbprint of the key that was proven with it.
    pub jkt: Option<String>,
    /// The clocks in force.
    pub clocks: SessionTimeouts,
}

/// A refresh token as it is presented. Every field is given.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RefreshGrant {
    /// The digest of the grant.
    pub digest: SessionDigest,
    /// The client, authenticated as far as it can be.
    pub client: String,
    /// Which of the grant's refresh tokens it is.
    pub generation: u64,
    /// `resource`, where it is said.
    pub resource: Option<String>,
    /// `scope`, where it is said.
    pub scopes: Option<Vec<String>>,
    /// The thumbprint of the key that was proven with it.
    pub jkt: Option<String>,
    /// How lately the person must have been seen; `None`: however long ago.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen_within: Option<Seconds>,
    /// The clocks in force.
    pub clocks: SessionTimeouts,
}

/// A question about one grant.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CheckGrant {
    /// Which.
    pub digest: SessionDigest,
    /// Whether one of its uses is spent, where they are counted.
    pub spend: bool,
    /// The clocks in force: those of the session that it may end with.
    pub clocks: SessionTimeouts,
}

/// A grant that is narrower than one that is there.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Exchange {
    /// The digest of the one that is there.
    pub parent: SessionDigest,
    /// The new one's digest.
    pub digest: SessionDigest,
    /// The new one. Its `parent`, `with_session` and times of rotation are set by the object.
    pub grant: Grant,
    /// When it was asked for: an end of all grants to the client since then wins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_at: Option<Timestamp>,
    /// The clocks in force.
    pub clocks: SessionTimeouts,
}

/// What a token endpoint answers from.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Granted {
    /// The record, with its grant.
    pub session: Session,
    /// Whether a refresh token was used a second time, within its grace.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub repeated: bool,
}

/// What the provider issued.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tokens {
    /// `access_token`
    #[serde(with = "secret::stored")]
    pub access_token: Secret<String>,
    /// `refresh_token`
    #[serde(default, with = "secret::stored::option")]
    pub refresh_token: Option<Secret<String>>,
    /// `id_token`, kept for `id_token_hint` and to compare a refreshed one with
    #[serde(with = "secret::stored")]
    pub id_token: Secret<String>,
    /// The `nonce` of the login: a refreshed ID token repeats it or has none
    #[serde(default)]
    pub nonce: Option<Nonce>,
    /// The key that they are bound to, if they are
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof_key: Option<ProofKey>,
}

/// What a subject's object answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// The session is stored.
    Begun,
    /// The session is alive.
    Live(Box<Live>),
    /// There is no such session (any more).
    Gone,
    /// The session was there and is ended.
    Ended(Box<Ended>),
    /// A logout came first: nothing was stored.
    Overtaken,
    /// The subject is blocked: nothing was stored.
    Blocked,
    /// Sessions may begin again.
    Unblocked,
    /// The sessions there are, newest first.
    Sessions(Vec<Listed>),
    /// So many sessions were ended.
    EndedMany {
        /// How many.
        count: u32,
    },
    /// The grants to a client.
    GrantsTo(Box<GrantsTo>),
    /// The code or token is good.
    Granted(Box<Granted>),
    /// The code or token is not good.
    Refused(GrantRefusal),
    /// The grant is alive; its record.
    LiveGrant(Box<Session>),
    /// Something about approvals.
    Approval(Box<ApprovalReply>),
    /// Something about second factors.
    Second(Box<SecondReply>),
    /// Something about the device that a session is bound to.
    Device(Box<DeviceReply>),
}

/// What somebody granted to a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantsTo {
    /// Whose they are; `None`: there are none.
    pub person: Option<PersonNamed>,
    /// Those that there are, newest first; none, where they were ended.
    #[serde(default)]
    pub grants: Vec<Listed>,
    /// How many were ended.
    #[serde(default)]
    pub ended: u32,
}

/// One session as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// Its name in the list: tells nothing that would let anyone use it.
    pub id: String,
    /// Browser and system, in words.
    pub device: String,
    /// The place, as far as known.
    pub place: Option<String>,
    /// When it began.
    pub created_at: Timestamp,
    /// The last request that counted.
    pub last_seen: Timestamp,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
    /// The id of its provider; the release before does not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// What it is, if it is a grant to an agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<ListedGrant>,
    /// Since when it is bound to its device, if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bound_at: Option<Timestamp>,
}

/// A grant as the person who gave it sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedGrant {
    /// The client's id.
    pub client: String,
    /// What the client calls itself.
    pub client_name: String,
    /// Where the client was answered.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub redirect_uri: String,
    /// What it is for.
    pub resource: String,
    /// What it may do there.
    pub scopes: Vec<String>,
    /// Whether it ends with the session in which it was given.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub with_session: bool,
    /// [`Listed::id`] of the grant that it was exchanged for, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
}

/// A live session.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Live {
    /// Its record.
    pub session: Session,
    /// The access token, when it was asked for and is not expired.
    #[serde(default)]
    pub access_token: Option<AccessToken>,
    /// The same with its key, where it is bound to one: by itself nobody gets it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bound_token: Option<BoundToken>,
    /// Whether it is missing only because the provider does not answer just now.
    #[serde(default)]
    pub provider_down: bool,
}

/// An access token that is of use only with proofs by its key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoundToken {
    /// The token.
    #[serde(with = "secret::stored")]
    pub access_token: Secret<String>,
    /// The key.
    pub proof_key: ProofKey,
}

/// A session's last words: what logout at the provider needs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ended {
    /// Its record.
    pub session: Session,
    /// Its tokens; none when they no longer open.
    #[serde(default)]
    pub tokens: Option<Tokens>,
}

/// An access token on its way to an upstream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AccessToken(#[serde(with = "secret::stored")] Secret<String>);

impl AccessToken {
    pub(super) const fn new(token: Secret<String>) -> Self {
        Self(token)
    }

    /// The token itself: for the `Authorization` header of the upstream request, nothing else.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// The token itself, taken out.
    #[must_use]
    pub fn into_secret(self) -> Secret<String> {
        self.0
    }
}
