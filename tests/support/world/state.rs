//! The stores that answer consistently: what may be used once, counters, tuples, decisions, sessions.

use postern::api_key::{ApiKeys, KeyCommand, KeyReply, KeyShard};
use postern::limit::{Allowance, Bucket, BucketKey, Counters, Drawn};
use postern::outward::{Next, ServiceTokenReply, ServiceTokenRequest, ServiceTokens};
use postern::ports::{Claimed, Clock, ReplayGuard, StoreError};
use postern::relation::{
    Change, ChangeOutcome, MemoryTuples, Name, Object, Page, Read, Subject, Tuple, TupleFilter, TupleReply as Answers,
    TupleStore,
};
use postern::session::sid_index::{self, SidRequest};
use postern::session::{Command, Reply, Sessions, SidEntry, SidIndex, SidKey, SidPage, Step, SubjectKey};
use postern::store::block_list::{BlockReply, BlockRequest, BlockRules, Blocks};
use postern::store::decision_log::{self, DecisionLog};
use postern::time::Timestamp;
use std::cell::RefMut;
use std::collections::HashMap;
use std::rc::Rc;

use super::{Fault, Sid, World, breath};

impl ReplayGuard for World {
    async fn claim(&self, key: &[u8; 32], until: Timestamp) -> Result<bool, StoreError> {
        self.spend(1, 0, 0);
        breath().await;
        if self.fault.get() == Fault::Once {
            return Err(StoreError::unavailable("the object broke"));
        }
        let mut claimed = self.claimed.borrow_mut();
        let free = claimed.get(key).is_none_or(|until| *until <= self.now.get());
        if free {
            self.spend(0, 1, 0);
            claimed.insert(*key, until.as_unix());
        }
        Ok(free)
    }

    async fn claim_for(&self, key: &[u8; 32], owner: &[u8; 32], until: Timestamp) -> Result<Claimed, StoreError> {
        let is_first = self.claim(key, until).await?;
        let mut claimed = self.claimed.borrow_mut();
        if is_first {
            self.spend(0, 1, 0);
            claimed.insert(*owner, until.as_unix());
            return Ok(Claimed::First);
        }
        let is_owner = claimed.get(owner).is_some_and(|until| *until > self.now.get());
        Ok(if is_owner { Claimed::Again } else { Claimed::ByAnother })
    }

    async fn is_claimed(&self, key: &[u8; 32]) -> Result<bool, StoreError> {
        self.spend(1, 0, 0);
        breath().await;
        if self.fault.get() == Fault::Once {
            return Err(StoreError::unavailable("the object broke"));
        }
        Ok(self.claimed.borrow().get(key).is_some_and(|until| *until > self.now.get()))
    }

    async fn release(&self, key: &[u8; 32]) -> Result<(), StoreError> {
        if matches!(self.fault.get(), Fault::Once | Fault::Killed) {
            return Err(StoreError::unavailable("it does not answer"));
        }
        self.spend(1, 1, 0);
        self.claimed.borrow_mut().remove(key);
        Ok(())
    }
}

impl Counters for World {
    async fn draw(&self, key: &BucketKey, allowance: &Allowance) -> Result<Drawn, StoreError> {
        breath().await;
        self.spend(1, 1, 0);
        self.draws.set(self.draws.get() + 1);
        if self.fault.get() == Fault::Counters {
            return Err(StoreError::unavailable("the object broke"));
        }
        let now = self.now();
        Ok(self.buckets.borrow_mut().entry(*key).or_insert(Bucket::full(now)).draw(allowance, now))
    }

    async fn is_within(&self, binding: &str, key: &BucketKey) -> Result<bool, StoreError> {
        breath().await;
        if self.fault.get() == Fault::Counters {
            return Err(StoreError::unavailable("there is no such binding"));
        }
        let asked = (binding.to_owned(), key.to_hex());
        let mut before = self.platform_limits.borrow_mut();
        before.push(asked.clone());
        Ok(before.iter().filter(|other| **other == asked).count() <= self.platform_limit.get())
    }
}

impl TupleStore for World {
    async fn read_tuples(&self, reads: &[Read]) -> Result<Vec<Answers>, StoreError> {
        self.spend(reads.len(), 0, 0);
        self.tuple_rounds.set(self.tuple_rounds.get() + 1);
        let tuples = self.tuples_reached().await?;
        Ok(reads.iter().map(|read| tuples.answer(read)).collect())
    }

    async fn change_tuples(&self, change: &Change) -> Result<ChangeOutcome, StoreError> {
        if let Some(left) = self.tuple_changes.get() {
            let left = left.checked_sub(1).ok_or_else(|| StoreError::unavailable("tuples"))?;
            self.tuple_changes.set(Some(left));
        }
        Ok(self.tuples_reached().await?.change(change))
    }

    async fn list_tuples(&self, object: &Object, after: Option<&Tuple>) -> Result<Page, StoreError> {
        Ok(self.tuples_reached().await?.list(object, after))
    }

    async fn dump_tuples(&self, place: u8, after: Option<&Tuple>, filter: &TupleFilter) -> Result<Page, StoreError> {
        Ok(self.tuples_reached().await?.dump(place, after, filter))
    }

    async fn remove_subject(&self, place: u8, subject: &Subject, kinds: Option<&[Name]>) -> Result<Page, StoreError> {
        Ok(self.tuples_reached().await?.remove_subject(place, subject, kinds))
    }
}

impl ApiKeys for World {
    async fn ask(&self, shard: u8, command: &KeyCommand) -> Result<KeyReply, StoreError> {
        self.spend(1, 0, 0);
        self.key_calls.set(self.key_calls.get() + 1);
        breath().await;
        if self.fault.get() == Fault::Keys {
            return Err(StoreError::unavailable("the object broke"));
        }
        let table = Rc::clone(self.keys.borrow_mut().entry(shard).or_default());
        // As it is sent.
        let text = serde_json::to_string(command).map_err(|_| StoreError::Malformed)?;
        let command = postern::json::from_text(&text).map_err(|_| StoreError::Malformed)?;
        KeyShard { table: &*table }.handle(&command, self.now())
    }
}

impl DecisionLog for World {
    fn keep(&self, decision: decision_log::LoggedDecision) {
        self.spend(1, 1, 0);
        self.decisions.borrow_mut().entry(decision.id.clone()).or_insert(decision);
    }

    async fn kept(&self, id: &str) -> Result<Option<String>, StoreError> {
        breath().await;
        let decisions = self.decisions.borrow();
        Ok(decisions.get(id).filter(|one| one.until() > self.now()).map(|one| one.event.clone()))
    }
}

impl Blocks for World {
    async fn ask_blocks(&self, request: &BlockRequest) -> Result<BlockReply, StoreError> {
        self.spend(1, usize::from(!request.only_reads()), 0);
        self.block_calls.set(self.block_calls.get() + 1);
        breath().await;
        if self.fault.get() == Fault::Blocks {
            return Err(StoreError::unavailable("the object broke"));
        }
        // What goes over the wire comes out of it.
        let request = BlockRequest::parse(&request.to_json()).ok_or(StoreError::Malformed)?;
        let reply = BlockRules { table: &self.blocks }.answer(&request, self.now())?;
        BlockReply::parse(&reply.to_json()).ok_or(StoreError::Malformed)
    }
}

impl SidIndex for World {
    async fn enter_sid(&self, key: &SidKey, entry: &SidEntry) -> Result<bool, StoreError> {
        let mut sids = self.sids_reached().await?;
        let sid = sids.entry(*key).or_default();
        let now = self.now();
        if sid.ended_at.is_some_and(|(at, until)| entry.login_started_at <= at && until > now) {
            return Ok(false);
        }
        let until = sid.subjects.entry(entry.subject.object_name()).or_default();
        if entry.suffices.is_none_or(|suffices| *until < suffices) {
            self.spend(0, 1, 0);
            *until = entry.until.max(*until);
        }
        Ok(true)
    }

    async fn find_sid(&self, key: &SidKey) -> Result<Vec<SubjectKey>, StoreError> {
        let sids = self.sids_reached().await?;
        Ok(sids.get(key).map(|sid| sid.subjects_at(self.now())).unwrap_or_default())
    }

    async fn end_sid(&self, key: &SidKey) -> Result<Vec<SubjectKey>, StoreError> {
        let mut sids = self.sids_reached().await?;
        let sid = sids.entry(*key).or_default();
        self.spend(0, 1, 0);
        sid.ended_at = Some((self.now(), sid_index::remembered_until(self.now())));
        Ok(sid.subjects_at(self.now()))
    }

    async fn page_sid(&self, key: &SidKey, page: &SidPage) -> Result<Vec<SubjectKey>, StoreError> {
        // What goes over the wire comes out of it.
        SidRequest::parse(&SidRequest::page(key, page).to_json(), self.now()).ok_or(StoreError::Malformed)?;
        let mut sids = self.sids_reached().await?;
        let sid = sids.entry(*key).or_default();
        if page.ends {
            self.spend(0, 1, 0);
            sid.ended_at = Some((self.now(), sid_index::agent_remembered_until(self.now())));
        }
        let after = page.after.map(|subject| subject.object_name()).unwrap_or_default();
        let rest = sid.subjects_at(self.now()).into_iter().filter(|subject| subject.object_name() > after);
        Ok(rest.take(page.limit as usize).collect())
    }
}

impl Sid {
    /// Those that are not forgotten by then.
    fn subjects_at(&self, now: Timestamp) -> Vec<SubjectKey> {
        let kept = self.subjects.iter().filter(|(_, until)| **until > now);
        kept.map(|(name, _)| SubjectKey::from_object_name(name).unwrap()).collect()
    }
}

/// What the object of an entry does.
impl ServiceTokens for World {
    async fn service_token(&self, wanted: &ServiceTokenRequest) -> Result<ServiceTokenReply, StoreError> {
        self.spend(1, 0, 0);
        breath().await;
        if self.fault.get() == Fault::ServiceTokens {
            return Err(StoreError::unavailable("the object broke"));
        }
        // As it is sent.
        let wanted = ServiceTokenRequest::parse(&wanted.to_json()).ok_or(StoreError::Malformed)?;
        let gateway = self.object_gateway.borrow().clone().ok_or(StoreError::Malformed)?;
        let (config, terms) = (gateway.config(), wanted.terms);
        let client = config.service(&wanted.service).filter(|client| client.terms(&config.keys) == terms);
        let Some(client) = client else { return Ok(ServiceTokenReply::OtherConfiguration) };
        let keeper = || RefMut::map(self.keepers.borrow_mut(), |all| all.entry(terms.clone()).or_default());
        if let Some(refused) = &wanted.refused {
            keeper().drop_refused(refused, self.now());
        }
        let next = keeper().next(self.now());
        match next {
            Next::Use(token) => return Ok(ServiceTokenReply::Token(token)),
            Next::Pause => return Ok(ServiceTokenReply::Unavailable),
            Next::UseAndRenew(_) | Next::Wait => {}
        }
        match self.beside(&gateway, gateway.fetch_service_token(self, client)).await {
            Some(token) => keeper().fetched(token),
            None => keeper().failed(self.now()),
        }
        let at_hand = keeper().at_hand(self.now()).cloned();
        Ok(at_hand.map_or(ServiceTokenReply::Unavailable, ServiceTokenReply::Token))
    }

    async fn reach(&self) -> Result<(), StoreError> {
        breath().await;
        if self.fault.get() == Fault::ServiceTokens {
            return Err(StoreError::unavailable("the object broke"));
        }
        Ok(())
    }
}

impl Sessions for World {
    async fn call(&self, subject: &SubjectKey, command: &Command) -> Result<Reply, StoreError> {
        self.spend(1, 0, 0);
        self.session_calls.set(self.session_calls.get() + 1);
        breath().await;
        match (self.fault.get(), command) {
            (Fault::Sessions | Fault::Killed, _) => return Err(StoreError::unavailable("the object broke")),
            (Fault::Ends, Command::End { .. }) => return Err(StoreError::unavailable("the object broke")),
            (Fault::OddAnswers, Command::Begin(_)) => return Ok(Reply::Gone),
            (Fault::OddAnswers, _) => return Ok(Reply::Begun),
            _ => {}
        }
        let table = Rc::clone(self.objects.borrow_mut().entry(*subject).or_default());
        let object = self.object(&table);
        let gateway = self.object_gateway.borrow().clone();
        let in_flight = |command: &Command| match command {
            Command::Check(check) => self.flights.borrow().contains(&check.digest),
            _ => false,
        };
        while command.rotates().is_some_and(|digest| self.flights.borrow().contains(digest)) {
            breath().await;
        }
        let may_refresh = gateway.is_some() && !in_flight(command);
        if self.fault.get() == Fault::EndAnswers && command.ends() {
            let _done = object.handle(command, self.now(), false)?;
            return Err(StoreError::unavailable("the answer is lost"));
        }
        match (object.handle(command, self.now(), may_refresh)?, gateway) {
            (Step::Refresh(job), Some(gateway)) => self.fly(&gateway, &table, &job).await?,
            (Step::Refresh(_), None) => return Err(StoreError::Malformed),
            (Step::Answer(answer), _) if !in_flight(command) => return Ok(answer),
            (Step::Answer(_), _) => {
                while in_flight(command) {
                    breath().await;
                }
            }
        }
        object.handle(command, self.now(), false)?.into_answer().ok_or(StoreError::Malformed)
    }
}

impl World {
    async fn tuples_reached(&self) -> Result<RefMut<'_, MemoryTuples>, StoreError> {
        breath().await;
        if self.fault.get() == Fault::Tuples {
            return Err(StoreError::unavailable("the object broke"));
        }
        Ok(self.tuples.borrow_mut())
    }

    async fn sids_reached(&self) -> Result<RefMut<'_, HashMap<SidKey, Sid>>, StoreError> {
        self.spend(1, 0, 0);
        breath().await;
        if self.fault.get() == Fault::SidIndex {
            return Err(StoreError::unavailable("the object broke"));
        }
        Ok(self.sids.borrow_mut())
    }
}
