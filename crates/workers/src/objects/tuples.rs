//! [`TupleStore`] by sharded Durable Objects.

use std::collections::BTreeMap;

use crate::bindings::Bindings;
use postern::config::bindings;
use postern::ports::StoreError;
use postern::relation::message::{TupleRequest, TupleResponse, shard, shard_name};
use postern::relation::{
    Change, ChangeOutcome, Name, Object, Page, Read, Subject, Tuple, TupleFilter, TupleReply, TupleStore,
};

/// The binding of the namespace.
pub const BINDING: &str = bindings::TUPLES;

/// Asks the `TupleObject` that keeps the tuples of an object.
async fn ask(bindings: &Bindings, object: &Object, request: TupleRequest) -> Result<TupleResponse, StoreError> {
    let answer = bindings.objects().call(BINDING, &shard(object), &request.to_json()).await?;
    TupleResponse::parse(&answer).ok_or(StoreError::Malformed)
}

impl TupleStore for Bindings {
    /// One message for each object that is asked, all at once.
    async fn read_tuples(&self, reads: &[Read]) -> Result<Vec<TupleReply>, StoreError> {
        let mut shards: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (place, read) in reads.iter().enumerate() {
            shards.entry(shard(read.object())).or_default().push(place);
        }
        let of = |places: &Vec<usize>| places.iter().filter_map(|place| reads.get(*place).cloned()).collect();
        let messages: Vec<(&str, String)> =
            shards.iter().map(|(name, places)| (name.as_str(), TupleRequest::Read(of(places)).to_json())).collect();
        let replies = self.objects().read_all(BINDING, &messages).await?;
        let mut answers = BTreeMap::new();
        for (places, reply) in shards.values().zip(replies) {
            let Some(TupleResponse::Answers(found)) = TupleResponse::parse(&reply) else {
                return Err(StoreError::Malformed);
            };
            if found.len() != places.len() {
                return Err(StoreError::Malformed);
            }
            answers.extend(places.iter().zip(found));
        }
        if answers.len() == reads.len() { Ok(answers.into_values().collect()) } else { Err(StoreError::Malformed) }
    }

    async fn change_tuples(&self, change: &Change) -> Result<ChangeOutcome, StoreError> {
        self.background().note_effect();
        match ask(self, &change.object, TupleRequest::Change(change.clone())).await? {
            TupleResponse::Changed(changed) => Ok(changed),
            _ => Err(StoreError::Malformed),
        }
    }

    async fn dump_tuples(&self, place: u8, after: Option<&Tuple>, filter: &TupleFilter) -> Result<Page, StoreError> {
        let request = TupleRequest::Dump(after.cloned(), filter.clone());
        let answer = self.objects().read(BINDING, &shard_name(place), &request.to_json()).await?;
        match TupleResponse::parse(&answer).ok_or(StoreError::Malformed)? {
            TupleResponse::Page(page) => Ok(page),
            _ => Err(StoreError::Malformed),
        }
    }

    async fn remove_subject(&self, place: u8, subject: &Subject, kinds: Option<&[Name]>) -> Result<Page, StoreError> {
        self.background().note_effect();
        let request = TupleRequest::Remove(subject.clone(), kinds.map(<[Name]>::to_vec));
        let answer = self.objects().call(BINDING, &shard_name(place), &request.to_json()).await?;
        match TupleResponse::parse(&answer).ok_or(StoreError::Malformed)? {
            TupleResponse::Page(page) => Ok(page),
            _ => Err(StoreError::Malformed),
        }
    }

    async fn list_tuples(&self, object: &Object, after: Option<&Tuple>) -> Result<Page, StoreError> {
        let request = TupleRequest::List(object.clone(), after.cloned());
        let answer = self.objects().read(BINDING, &shard(object), &request.to_json()).await?;
        match TupleResponse::parse(&answer).ok_or(StoreError::Malformed)? {
            TupleResponse::Page(page) => Ok(page),
            _ => Err(StoreError::Malformed),
        }
    }
}
