//! The block list, as requests ask it: the object's own word for those who come without a session, and a copy of a few
//! seconds ago for sessions. A person's block is in their own object too, which each request asks.

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use super::context::RequestContext;
use super::{Gateway, Platform};
use crate::authn::{Standing, Verdict};
use crate::ports::{Clock, StoreError};
use crate::refusal::Reason;
use crate::store::block_list::{BlockList, BlockReply, BlockRequest, Blocks};
use crate::time::{Seconds, Timestamp};

/// How old a copy may be by which sessions are decided.
const FOR_SESSIONS: Seconds = Seconds::new(5);

/// What this isolate knows of the list.
#[derive(Debug, Default)]
pub(super) struct BlockMemory(RefCell<Option<(Rc<BlockList>, Timestamp)>>);

impl BlockMemory {
    fn latest(&self) -> Option<(Rc<BlockList>, Timestamp)> {
        self.0.borrow().clone()
    }

    /// A copy that is younger than that.
    fn within(&self, staleness: Seconds, now: Timestamp) -> Option<Rc<BlockList>> {
        let (list, asked_at) = self.latest()?;
        (asked_at <= now && now.since(asked_at) < staleness).then_some(list)
    }

    /// An answer that comes late never replaces a later version.
    fn keep(&self, list: &Rc<BlockList>, asked_at: Timestamp) {
        let is_newer = self.0.borrow().as_ref().is_none_or(|(known, before)| {
            if known.version() == list.version() || !known.is_of_epoch_of(list) {
                *before <= asked_at
            } else {
                known.version() < list.version()
            }
        });
        if is_newer {
            self.0.replace(Some((Rc::clone(list), asked_at)));
        }
    }
}

impl Gateway {
    fn has_block_list(&self) -> bool {
        self.config.admin.as_ref().is_some_and(|admin| admin.blocks)
    }

    /// Whether what a stream depends on still stands, by a copy of the list that may be five seconds old.
    ///
    /// # Errors
    /// When the list's object does not answer.
    pub async fn still_stands<P: Platform>(&self, platform: &P, standing: &Standing) -> Result<bool, StoreError> {
        let list = self.block_list(platform, Some(FOR_SESSIONS)).await?;
        Ok(list.is_none_or(|list| standing.check(&list, platform.clock().now()).is_ok()))
    }

    /// The list, not older than that; `None` where the site has none.
    async fn block_list<P: Platform>(
        &self,
        platform: &P,
        staleness: Option<Seconds>,
    ) -> Result<Option<Rc<BlockList>>, StoreError> {
        if !self.has_block_list() {
            return Ok(None);
        }
        let now = platform.clock().now();
        match staleness.and_then(|staleness| self.blocks.within(staleness, now)) {
            Some(list) => Ok(Some(list)),
            None => self.ask_for_list(platform, now).await.map(Some),
        }
    }

    async fn ask_for_list<P: Platform>(&self, platform: &P, now: Timestamp) -> Result<Rc<BlockList>, StoreError> {
        let known = self.blocks.latest().map(|(list, _)| list);
        let request = BlockRequest::Read { known: known.as_ref().map(|list| list.version()) };
        let list = match (platform.blocks().ask_blocks(&request).await?, known) {
            (BlockReply::Copy(copy), _) => Rc::new(BlockList::of(copy)),
            (BlockReply::Unchanged, Some(list)) => list,
            _ => return Err(StoreError::Malformed),
        };
        self.blocks.keep(&list, now);
        Ok(list)
    }
}

impl<P: Platform> RequestContext<'_, P> {
    pub(super) fn has_block_list(&self) -> bool {
        self.site.has_block_list()
    }

    /// The list, not older than that; `None` where the site has none.
    ///
    /// # Errors
    /// When its object does not answer: nobody is let in on a guess.
    pub(super) async fn block_list(&self, staleness: Option<Seconds>) -> Result<Option<Rc<BlockList>>, Reason> {
        self.site.block_list(self.platform, staleness).await.map_err(Reason::Store)
    }

    /// Refuses a caller without a session who is blocked. `staleness`: how old the list may be that says so.
    ///
    /// # Errors
    /// When they are, or nobody knows.
    pub(super) async fn refuse_blocked(&self, standing: &Standing, staleness: Option<Seconds>) -> Result<(), Reason> {
        let Some(list) = self.block_list(staleness).await? else { return Ok(()) };
        standing.check(&list, self.request.now).map_err(Reason::Blocked)
    }

    /// Waits for something about the session that the request names, and for the list by which it is decided; for both at
    /// once, where the list has to be asked for. What names no session of ours is not worth the question.
    pub(super) async fn with_list_for_session(
        &self,
        session: impl Future<Output = Verdict>,
    ) -> (Verdict, Result<Option<Rc<BlockList>>, Reason>) {
        let is_at_hand =
            !self.has_block_list() || self.site.blocks.within(FOR_SESSIONS, self.platform.clock().now()).is_some();
        if is_at_hand || self.named_session().is_none() {
            let verdict = session.await;
            // Only whoever is let in can be refused by it: strangers neither ask nor wait.
            let list = match verdict {
                Verdict::Authenticated(_) => self.block_list_for_session().await,
                Verdict::Abstain | Verdict::Reject(_) | Verdict::Unproven(..) => Ok(None),
            };
            return (verdict, list);
        }
        both(session, self.block_list_for_session()).await
    }

    /// The list by which sessions are decided.
    ///
    /// # Errors
    /// When its object does not answer.
    pub(super) async fn block_list_for_session(&self) -> Result<Option<Rc<BlockList>>, Reason> {
        self.block_list(Some(FOR_SESSIONS)).await
    }
}

/// Waits for two answers at once.
async fn both<A, B>(one: impl Future<Output = A>, other: impl Future<Output = B>) -> (A, B) {
    let (mut one, mut other) = (pin!(one), pin!(other));
    let (mut first, mut second) = (None, None);
    poll_fn(move |context| {
        if first.is_none()
            && let Poll::Ready(answer) = one.as_mut().poll(context)
        {
            first = Some(answer);
        }
        if second.is_none()
            && let Poll::Ready(answer) = other.as_mut().poll(context)
        {
            second = Some(answer);
        }
        match (first.take(), second.take()) {
            (Some(first), Some(second)) => Poll::Ready((first, second)),
            (waiting, also) => {
                (first, second) = (waiting, also);
                Poll::Pending
            }
        }
    })
    .await
}
