//! Sessions: the opaque handle in the cookie, the record in the subject's object, and the rules between them.
//!
//! Everything that must be consistent about one subject lives in one object ([`subject::SubjectSessions`]),
//! named by [`SubjectKey`]. The object loads, calls the rules here, and stores.

pub mod approval;
pub mod cache;
mod cached_table;
pub mod device;
pub mod grant;
pub mod grant_handle;
pub mod handle;
mod known_answers;
pub mod message;
mod origin;
pub mod record;
pub mod refresh;
pub mod second;
pub mod sid_index;
pub mod subject;
pub mod table;
pub mod terms;

pub use cache::LiveCache;
pub use cached_table::CachedTable;
pub use grant::{Grant, GrantRefusal, PendingCode};
pub use grant_handle::{GrantHandle, HandleKind};
pub use handle::{SessionDigest, SessionHandle, SessionId, SubjectKey};
pub use known_answers::KnownAnswers;
pub use message::{
    Begin, BeginGrant, BoundToken, Check, CheckGrant, Command, Exchange, Granted, GrantsTo, Listed, ListedGrant, Live,
    RedeemCode, RefreshGrant, Reply, Tokens,
};
pub use record::{Origin, PersonNamed, Session, SessionTimeouts};
pub use sid_index::{SidEntry, SidIndex, SidKey, SidPage};
pub use subject::{MAX_WATCHERS, RefreshJob, RefreshOutcome, Revocation, Step, SubjectSessions, USED, WatchRequest};
pub use table::SessionTable;
pub use terms::{Lapse, SessionTerms, Terms};

use crate::ports::StoreError;

/// The way to a subject's object.
#[expect(async_fn_in_trait, reason = "a Worker is single-threaded: no future of ours is ever Send")]
pub trait Sessions {
    /// Hands one command to the object of `subject` and waits for its answer.
    ///
    /// # Errors
    /// When the object does not answer in time, or with an error: the caller refuses.
    async fn call(&self, subject: &SubjectKey, command: &Command) -> Result<Reply, StoreError>;
}

#[cfg(test)]
mod tests;
