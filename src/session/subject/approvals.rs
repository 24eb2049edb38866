//! Approvals of single calls: asked for, decided and used up in the object of the person for whom they are made. One call after
//! the other is answered here, so that of any number of calls one alone uses an approval.

use super::SubjectSessions;
use super::grants::root_of;
use crate::json;
use crate::keyring::KeyPurpose;
use crate::ordered;
use crate::ports::{Random, StoreError};
use crate::session::approval::{
    Approval, ApprovalCommand, ApprovalReply, ApprovalStanding, ApprovalState, ApprovalVerdict, Decided, LIFE,
    MAX_KEPT, UseApproval, standing,
};
use crate::session::grant::Grant;
use crate::session::message::Reply;
use crate::session::table::{Note, NoteKind, SessionTable};
use crate::time::Timestamp;

/// Notes about approvals are called so. They are notes about ends: the release before forgets them in time, too.
const PREFIX: &str = "approval/";

impl<Table: SessionTable, Rng: Random> SubjectSessions<'_, Table, Rng> {
    pub(super) fn approval(&self, command: &ApprovalCommand, now: Timestamp) -> Result<Reply, StoreError> {
        let reply = match command {
            ApprovalCommand::Use(wanted) => self.use_approval(wanted, now)?,
            ApprovalCommand::Read { id } => {
                self.find_approval(id, now)?.map_or(ApprovalReply::Gone, |found| ApprovalReply::Found(Box::new(found)))
            }
            ApprovalCommand::List => {
                let all = self.approvals(now)?;
                ApprovalReply::All(ordered::by_key(all, |one| std::cmp::Reverse(one.asked_at)))
            }
            ApprovalCommand::Decide { id, verdict, decided } => self.decide(id, *verdict, decided, now)?,
        };
        Ok(Reply::Approval(Box::new(reply)))
    }

    /// Uses up the word that allows this call, before anybody carries it out; or asks for one.
    fn use_approval(&self, wanted: &UseApproval, now: Timestamp) -> Result<ApprovalReply, StoreError> {
        let Some((grant, root)) = self.grant_called(&wanted.grant)? else { return Ok(ApprovalReply::Gone) };
        let all = self.approvals(now)?;
        match standing(&all, (&wanted.grant, &root), &wanted.call, (now, &wanted.request)) {
            ApprovalStanding::Use(used) => {
                self.put_approval(&used)?;
                Ok(ApprovalReply::Used(used))
            }
            ApprovalStanding::Waits(waits) => Ok(ApprovalReply::Pending(waits)),
            ApprovalStanding::Denied(denied) => Ok(ApprovalReply::Denied(denied)),
            ApprovalStanding::TooMany => Ok(ApprovalReply::TooMany),
            ApprovalStanding::Ask if !self.make_room_for_approval(&all)? => Ok(ApprovalReply::TooMany),
            ApprovalStanding::Ask => {
                let asked = asked(wanted, (grant, root), now);
                self.put_approval(&asked)?;
                Ok(ApprovalReply::Asked(Box::new(asked)))
            }
        }
    }

    fn decide(
        &self,
        id: &str,
        verdict: ApprovalVerdict,
        decided: &Decided,
        now: Timestamp,
    ) -> Result<ApprovalReply, StoreError> {
        let Some(found) = self.find_approval(id, now)? else { return Ok(ApprovalReply::Gone) };
        // The object's own clock counts: by it the answer ends.
        let Some(after) = found.decided(verdict, Decided { at: now, ..decided.clone() }) else {
            return Ok(ApprovalReply::Found(Box::new(found)));
        };
        self.put_approval(&after)?;
        Ok(ApprovalReply::Decided(Box::new(after)))
    }

    /// The approvals that count, or whose receipt can still be had. What waits for a grant that has ended does neither.
    fn approvals(&self, now: Timestamp) -> Result<Vec<Approval>, StoreError> {
        let grants = self.table.all()?.iter().map(|row| row.digest.public_id()).collect::<Vec<_>>();
        let notes = self.table.notes(NoteKind::Ended)?;
        let known = notes.iter().filter_map(|note| self.open_approval(note));
        let counts = |one: &Approval| !one.is_over(now) && (!one.is_pending() || grants.contains(&one.grant));
        Ok(known.filter(counts).collect())
    }

    fn find_approval(&self, id: &str, now: Timestamp) -> Result<Option<Approval>, StoreError> {
        Ok(self.approvals(now)?.into_iter().find(|one| one.id == id))
    }

    /// A grant by its name, and the name of the one that it was exchanged for, however often.
    fn grant_called(&self, name: &str) -> Result<Option<(Grant, String)>, StoreError> {
        let grants = self.grants()?;
        let called = grants.iter().find(|(row, _, grant)| row.digest.public_id() == name && grant.code.is_none());
        Ok(called.map(|(row, _, grant)| (grant.clone(), root_of(&grants, &row.digest).public_id())))
    }

    /// Whether there is room for one more; the oldest that was used makes some.
    fn make_room_for_approval(&self, all: &[Approval]) -> Result<bool, StoreError> {
        if all.len() < MAX_KEPT {
            return Ok(true);
        }
        let used = all.iter().filter(|one| matches!(one.state, ApprovalState::Used { .. }));
        let Some(oldest) = used.min_by_key(|one| one.until) else { return Ok(false) };
        self.table.delete_note(NoteKind::Ended, &key(&oldest.id))?;
        Ok(true)
    }

    /// Sealed: arguments may hold anything.
    pub(super) fn put_approval(&self, approval: &Approval) -> Result<(), StoreError> {
        let key = key(&approval.id);
        let plain = serde_json::to_vec(approval).map_err(|_| StoreError::Malformed)?;
        let value = self.keys.seal(KeyPurpose::StoredTokens, key.as_bytes(), &plain, self.random);
        let value = value.map_err(|_| StoreError::Malformed)?;
        self.table.put_note(&Note { kind: NoteKind::Ended, key, value, at: approval.until })
    }

    /// `None` for other notes, and where its key has left the ring.
    fn open_approval(&self, note: &Note) -> Option<Approval> {
        note.key.strip_prefix(PREFIX)?;
        let plain = self.keys.open(KeyPurpose::StoredTokens, note.key.as_bytes(), &note.value).ok()?;
        json::from_bytes(plain.expose()).ok()
    }
}

fn key(id: &str) -> String {
    format!("{PREFIX}{id}")
}

fn asked(wanted: &UseApproval, (grant, root): (Grant, String), now: Timestamp) -> Approval {
    let UseApproval { call, id, link, approvers, person, .. } = wanted.clone();
    let actors = grant.actors.into_iter().map(|actor| actor.subject).collect();
    Approval {
        id,
        link,
        grant: wanted.grant.clone(),
        root,
        client: grant.client,
        client_name: grant.client_name,
        person,
        actors,
        call,
        approvers,
        asked_at: now,
        until: now.plus(LIFE),
        state: ApprovalState::Pending,
    }
}
