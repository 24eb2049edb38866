//! What the Worker and a person's object say to each other about second factors. As with sessions, a field is only ever added
//! with a default, and an operation only ever added.

use serde::{Deserialize, Serialize};

use super::changes::FactorChange;
use super::recovery::RecoveryCodes;
use super::totp::TotpSecret;
use super::{Passkey, SecondMethod};
use crate::secret::{self, Secret};
use crate::session::handle::SessionDigest;
use crate::session::subject::Rotation;
use crate::time::{Seconds, Timestamp};

/// What an object is asked about the second factors of its person.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecondCommand {
    /// Which are there? With a session, only if that is there. → [`SecondReply::Factors`]
    Read {
        /// Which session asks; `None` for an administrator.
        session: Option<SessionDigest>,
    },
    /// Remember a challenge for some minutes. → [`SecondReply::Kept`]
    KeepChallenge(CeremonyChallenge),
    /// Was this challenge made for this session and purpose? It is not any more, whatever the answer. → [`SecondReply::Taken`]
    TakeChallenge(CeremonyChallenge),
    /// Add a factor. → [`SecondReply::Enrolled`]
    Enrol(Box<Enrol>),
    /// Is what is presented good? → [`SecondReply::Proven`]
    Prove(Box<Prove>),
    /// Take a factor away. → [`SecondReply::Removed`]
    Remove {
        /// Which session asks.
        session: SessionDigest,
        /// [`ListedFactor::id`]
        id: String,
        /// How old what the session proved may be.
        within: Seconds,
    },
    /// Call a factor otherwise. → [`SecondReply::Renamed`]
    Rename {
        /// Which session asks.
        session: SessionDigest,
        /// [`ListedFactor::id`]
        id: String,
        /// The new name; [`factor_name`](super::factor_name) makes it fit.
        name: String,
    },
    /// Make new recovery codes in the place of those there are. → [`SecondReply::Codes`]
    NewRecoveryCodes {
        /// Which session asks.
        session: SessionDigest,
        /// How old what the session proved may be.
        within: Seconds,
    },
    /// Take away all there is: an administrator says so. → [`SecondReply::Reset`]
    Reset,
}

impl SecondCommand {
    /// Whether it changes nothing.
    #[must_use]
    pub const fn only_reads(&self) -> bool {
        matches!(self, Self::Read { .. })
    }

    /// The session that it moves to another id, if all is well.
    #[must_use]
    pub fn rotates(&self) -> Option<&SessionDigest> {
        match self {
            Self::Enrol(enrol) => Some(&enrol.rotation.from),
            Self::Prove(prove) => Some(&prove.rotation.from),
            _ => None,
        }
    }
}

/// A challenge of a ceremony: good once, for one session and one purpose.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CeremonyChallenge {
    /// For which session.
    pub session: SessionDigest,
    /// For what.
    pub purpose: ChallengePurpose,
    /// What is to be signed, in base64url as `clientDataJSON` has it: at least 16 random bytes.
    pub challenge: String,
    /// The user handle that goes with it, where a passkey is to be made.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub user_handle: String,
}

/// What a challenge is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChallengePurpose {
    /// Adding a passkey.
    Enrol,
    /// Proving with one that is there.
    Prove,
}

/// A factor to be added.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Enrol {
    /// The session that asks, and the id that it goes on under.
    pub rotation: Rotation,
    /// What is added.
    pub factor: NewFactor,
    /// What the person calls it; [`factor_name`](super::factor_name) makes it fit.
    pub name: String,
    /// How long after a sign-in, or after a proof by another factor, one may be added.
    pub enrol_within: Seconds,
}

/// What is added.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NewFactor {
    /// An app that makes codes. The object compares the code itself: it counts as used from then on.
    Totp {
        /// The secret.
        secret: TotpSecret,
        /// The code by which the person shows that the app has it.
        #[serde(with = "secret::stored")]
        code: Secret<String>,
    },
    /// A passkey whose ceremony was verified, by a challenge that was taken.
    Passkey(Passkey),
}

/// A proof by a factor that is there.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Prove {
    /// The session that asks, and the id that it goes on under.
    pub rotation: Rotation,
    /// What is presented.
    pub presented: Presented,
}

/// What is presented.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Presented {
    /// A code from an app, as the person typed it.
    Totp {
        /// The code.
        #[serde(with = "secret::stored")]
        code: Secret<String>,
    },
    /// An assertion that was verified with the key of this passkey, by a challenge that was taken.
    Passkey {
        /// [`Passkey::id`]
        credential: String,
        /// `signCount` of the authenticator data.
        sign_count: u32,
        /// Its flag BE.
        backup_eligible: bool,
        /// Its flag BS.
        backed_up: bool,
    },
    /// A recovery code, as the person typed it.
    Recovery {
        /// The code.
        #[serde(with = "secret::stored")]
        code: Secret<String>,
    },
}

/// What an object answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecondReply {
    /// There is no such session, or no such challenge (any more): nothing was changed.
    Gone,
    /// These are there.
    Factors(FactorList),
    /// The challenge is remembered.
    Kept,
    /// The challenge was made for this, and is used up.
    Taken {
        /// The passkeys that the person has.
        passkeys: Vec<Passkey>,
        /// The user handle that went with the challenge.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        user_handle: String,
    },
    /// The factor is there, and the session goes on under its new id with a proof by it.
    Enrolled(Box<Enrolled>),
    /// It is good: the session goes on under its new id with a proof.
    Proven(Box<Proven>),
    /// The code is not good. The session goes on as it was.
    Wrong {
        /// Until when no code of this kind is looked at, if this was one too many.
        locked_until: Option<Timestamp>,
    },
    /// No code of this kind is looked at: too many were wrong. This one was not.
    Locked {
        /// Until when.
        until: Timestamp,
    },
    /// It is not done, and nothing was changed.
    Refused(SecondRefusal),
    /// The factor is not there any more; this was it.
    Removed(Box<ListedFactor>),
    /// It is called so.
    Renamed,
    /// The new recovery codes: nobody can read them again.
    Codes(RecoveryCodes),
    /// Nothing is there any more; this was.
    Reset(FactorList),
}

/// Why something is not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecondRefusal {
    /// The person has to sign in at the provider again.
    SignInNeeded,
    /// The person has to prove a factor that is there.
    ProofNeeded,
    /// The same, with another one than that which is to go.
    OtherProofNeeded,
    /// The person has as many as one may have.
    TooMany,
    /// The passkey is there already.
    AlreadyThere,
    /// There is none of this name, or no passkey with this credential id.
    NotThere,
    /// The passkey's count of signatures did not grow: it may have been copied.
    CountWentBack,
    /// The passkey says otherwise than before whether it may be copied, or says what cannot be.
    BackupChanged,
    /// What is to be added cannot be read.
    Malformed,
}

/// What an enrolment did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolled {
    /// The factor.
    pub factor: ListedFactor,
    /// Recovery codes, if there were none: nobody can read them again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery: Option<RecoveryCodes>,
    /// The factor in whose place it is, where a recovery code had to make room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced: Option<ListedFactor>,
}

/// What a proof did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proven {
    /// How it was proven.
    pub by: SecondMethod,
    /// By which factor; `None` by a recovery code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub factor: Option<ListedFactor>,
    /// How many recovery codes are left.
    #[serde(default)]
    pub recovery_left: u32,
    /// How many other sessions and grants were ended, as a recovery code does.
    #[serde(default)]
    pub ended: u32,
}

/// The second factors of a person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FactorList {
    /// In the order in which they were added.
    #[serde(default)]
    pub factors: Vec<ListedFactor>,
    /// How many recovery codes are left.
    #[serde(default)]
    pub recovery_left: u32,
    /// When they were made.
    #[serde(default)]
    pub recovery_made_at: Option<Timestamp>,
    /// Until when no code from an app is looked at.
    #[serde(default)]
    pub totp_locked_until: Option<Timestamp>,
    /// Until when no recovery code is looked at.
    #[serde(default)]
    pub recovery_locked_until: Option<Timestamp>,
    /// What was changed in the last thirty days, the newest last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<FactorChange>,
    /// How many more there were, of sorts that are among them.
    #[serde(default, skip_serializing_if = "none")]
    pub changes_left_out: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
const fn none(count: &u32) -> bool {
    *count == 0
}

impl FactorList {
    /// Whether the person has one of this kind that can be used.
    #[must_use]
    pub fn has(&self, kind: FactorKind) -> bool {
        self.factors.iter().any(|factor| factor.kind == kind && factor.usable)
    }
}

/// A factor as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedFactor {
    /// Its name in addresses: 16 hexadecimal digits.
    pub id: String,
    /// Of which kind it is.
    pub kind: FactorKind,
    /// What the person calls it.
    pub name: String,
    /// When it was added.
    pub made_at: Timestamp,
    /// When it last proved something.
    #[serde(default)]
    pub used_at: Option<Timestamp>,
    /// Whether it can prove anything: no key opens the secret of one that cannot, or a later release made it.
    pub usable: bool,
    /// What it is, if it is a passkey.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passkey: Option<Passkey>,
}

/// The kinds of factors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FactorKind {
    /// A passkey.
    Passkey,
    /// An app that makes codes.
    Totp,
    /// One that only a later release knows.
    Unknown,
}
