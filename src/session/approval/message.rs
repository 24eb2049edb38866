//! What the Worker and a subject's object say to each other about approvals.

use serde::{Deserialize, Serialize};

use super::{ApprovableCall, Approval, ApprovalVerdict, Decided, Party};

/// What an object is asked about approvals.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalCommand {
    /// May this call go on? Where one has said so, their word is used up by it; else somebody is asked.
    Use(Box<UseApproval>),
    /// Which is called so?
    Read {
        /// [`Approval::id`]
        id: String,
    },
    /// Which are there?
    List,
    /// Take somebody's word.
    Decide {
        /// [`Approval::id`]
        id: String,
        /// Their word.
        verdict: ApprovalVerdict,
        /// Who they are, and when they said so.
        decided: Decided,
    },
}

impl ApprovalCommand {
    /// Whether a second one like it changes nothing more: whoever uses an approval is known by the request.
    #[must_use]
    pub const fn may_be_repeated(&self) -> bool {
        match self {
            Self::Use(_) | Self::Read { .. } | Self::List => true,
            Self::Decide { .. } => false,
        }
    }
}

/// A call that is made, and all that is asked with it where nobody has decided.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct UseApproval {
    /// The grant by which it is made, by its name in lists.
    pub grant: String,
    /// The call.
    pub call: ApprovableCall,
    /// The id of the request that makes it.
    pub request: String,
    /// [`Approval::id`] of a new one …
    pub id: String,
    /// … and [`Approval::link`].
    pub link: String,
    /// [`Approval::approvers`]
    #[serde(default)]
    pub approvers: Option<Vec<String>>,
    /// For whom the call is made.
    pub person: Party,
}

/// What an object answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalReply {
    /// The call goes on; this is used up.
    Used(Box<Approval>),
    /// Somebody is asked, since now.
    Asked(Box<Approval>),
    /// Somebody was asked before.
    Pending(Box<Approval>),
    /// Somebody said no a moment ago.
    Denied(Box<Approval>),
    /// So many wait that no more are asked.
    TooMany,
    /// There is none of this name, or no such grant.
    Gone,
    /// This is it.
    Found(Box<Approval>),
    /// These are, the newest first.
    All(Vec<Approval>),
    /// It is decided, now.
    Decided(Box<Approval>),
}
