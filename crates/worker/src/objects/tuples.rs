//! The Durable Object that keeps tuples.

use std::cell::Cell;
use std::rc::Rc;

use js_sys::Promise;
use serde::Deserialize;
use wasm_bindgen::prelude::wasm_bindgen;
use worker::worker_sys::DurableObjectState;
use worker::{Env, SqlStorageValue, State, Storage};

use crate::objects::sql;
use crate::objects::{self, ObjectError};
use postern::relation::message::{self, PAGE, kinds_as_json, row, statement};
use postern::relation::{
    Change, ChangeOutcome, Changed, MAX_FOUND, Name, Object, Page, Read, Subject, Tuple, TupleFilter, TupleQuery,
    TupleReply, Userset,
};

/// One shard of the tuples.
#[wasm_bindgen]
pub struct TupleObject {
    shard: Rc<Shard>,
}

struct Shard {
    storage: Storage,
    is_made: Cell<bool>,
}

#[derive(Deserialize)]
struct Found {
    subject: String,
}

#[derive(Deserialize)]
struct Dumped {
    object: String,
    relation: String,
    subject: String,
}

#[derive(Deserialize)]
struct Listed {
    relation: String,
    subject: String,
}

#[wasm_bindgen]
impl TupleObject {
    /// The object over its storage.
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new(state: DurableObjectState, _env: Env) -> Self {
        Self { shard: Rc::new(Shard { storage: State::from(state).storage(), is_made: Cell::new(false) }) }
    }

    /// The answer to a message: a status as in HTTP, and a text.
    pub fn answer(&self, message: String) -> Promise {
        let shard = Rc::clone(&self.shard);
        objects::answered(message, move |message| async move { shard.answer(&message) })
    }
}

impl Shard {
    /// Without a wait from beginning to end: nothing comes between two reads of one message.
    fn answer(&self, message: &str) -> Result<String, ObjectError> {
        let request = message::TupleRequest::parse(message);
        let request = request.ok_or_else(|| ObjectError::Malformed("expected a request about tuples".to_owned()))?;
        if !self.is_made.get() {
            sql::execute(&self.storage.sql(), statement::CREATE, Vec::new())?;
            sql::execute(&self.storage.sql(), statement::INDEX, Vec::new())?;
            self.is_made.set(true);
        }
        let response = match request {
            message::TupleRequest::Read(reads) => {
                message::TupleResponse::Answers(reads.iter().map(|read| self.read(read)).collect::<Result<_, _>>()?)
            }
            message::TupleRequest::Change(change) => message::TupleResponse::Changed(self.change(&change)?),
            message::TupleRequest::Dump(after, filter) => {
                message::TupleResponse::Page(self.dump(after.as_ref(), &filter)?)
            }
            message::TupleRequest::Remove(subject, kinds) => {
                message::TupleResponse::Page(self.remove(&subject, kinds.as_deref())?)
            }
            message::TupleRequest::List(object, after) => {
                message::TupleResponse::Page(self.list(&object, after.as_ref())?)
            }
        };
        Ok(response.to_json())
    }

    fn read(&self, read: &Read) -> Result<TupleReply, ObjectError> {
        let usersets = match &read.wanted {
            TupleQuery::Objects => false,
            TupleQuery::Subjects { exactly, usersets } => {
                for subject in exactly {
                    if self.is_there(&read.userset, subject)? {
                        return Ok(TupleReply { is_there: true, ..TupleReply::default() });
                    }
                }
                if !usersets {
                    return Ok(TupleReply::default());
                }
                true
            }
        };
        let Userset { object, relation } = &read.userset;
        let most = i64::try_from(MAX_FOUND + 1).unwrap_or(i64::MAX);
        let bindings =
            vec![object.to_string().into(), relation.as_str().into(), i64::from(usersets).into(), most.into()];
        let found: Vec<Found> = self.query(statement::FIND, bindings)?;
        let more = found.len() > MAX_FOUND;
        let subjects = found.iter().take(MAX_FOUND).map(|found| Subject::parse(&found.subject));
        let found = subjects.collect::<Option<_>>().ok_or_else(unreadable)?;
        Ok(TupleReply { is_there: false, found, more })
    }

    fn is_there(&self, userset: &Userset, subject: &Subject) -> Result<bool, ObjectError> {
        let found: Vec<Found> = self.query(statement::IS_THERE, key(userset, subject))?;
        Ok(!found.is_empty())
    }

    /// All of it or nothing. What is removed goes first. Nothing comes between what is looked at and what is done: there is no
    /// wait.
    fn change(&self, change: &Change) -> Result<ChangeOutcome, ObjectError> {
        let unmet = change.expect.unmet(|tuple| self.is_there(&tuple.userset, &tuple.subject))?;
        if !unmet.is_empty() {
            return Ok(ChangeOutcome::Unmet(unmet));
        }
        let crowded = change.crowded(|read| self.read(read))?;
        if !crowded.is_empty() {
            return Ok(ChangeOutcome::Crowded(crowded));
        }
        let statements = |statement: &'static str, tuples: &[Tuple]| {
            tuples.iter().map(move |tuple| (statement, key(&tuple.userset, &tuple.subject))).collect::<Vec<_>>()
        };
        let all = [statements(statement::REMOVE, &change.remove), statements(statement::ADD, &change.add)].concat();
        let rows: Vec<Vec<Found>> = sql::transaction(&self.storage, all)?;
        let mut changed = rows.iter().map(|rows| !rows.is_empty());
        let removed = changed.by_ref().take(change.remove.len()).collect();
        Ok(ChangeOutcome::Made(Changed { removed, added: changed.collect() }))
    }

    /// The first of one subject's, until none is left.
    fn remove(&self, subject: &Subject, kinds: Option<&[Name]>) -> Result<Page, ObjectError> {
        let page = self.of_subject(None, subject, kinds)?;
        let all = page.tuples.iter().map(|tuple| (statement::REMOVE, key(&tuple.userset, &tuple.subject))).collect();
        sql::transaction::<Found>(&self.storage, all)?;
        Ok(page)
    }

    fn list(&self, object: &Object, after: Option<&Tuple>) -> Result<Page, ObjectError> {
        let (relation, is_set, subject) = match after {
            None => (String::new(), false, String::new()),
            Some(Tuple { userset, subject }) => {
                (userset.relation.to_string(), subject.is_userset(), subject.to_string())
            }
        };
        let most = i64::try_from(PAGE + 1).unwrap_or(i64::MAX);
        let bindings =
            vec![object.to_string().into(), relation.into(), i64::from(is_set).into(), subject.into(), most.into()];
        let found: Vec<Listed> = self.query(statement::LIST, bindings)?;
        let more = found.len() > PAGE;
        let tuples = found.iter().take(PAGE).map(|found| row(object, &found.relation, &found.subject));
        Ok(Page { tuples: tuples.collect::<Option<_>>().ok_or_else(unreadable)?, more })
    }

    /// Of every object.
    fn dump(&self, after: Option<&Tuple>, filter: &TupleFilter) -> Result<Page, ObjectError> {
        if let Some(subject) = &filter.subject {
            return self.of_subject(after, subject, filter.kinds.as_deref());
        }
        let nothing = || vec![String::new().into(), String::new().into(), 0.into(), String::new().into()];
        let mut bindings = after.map_or_else(nothing, |Tuple { userset, subject }| key(userset, subject));
        bindings.push(bound(filter.kinds.as_deref()));
        self.page(statement::DUMP, bindings)
    }

    /// Of every object, those of one subject.
    fn of_subject(
        &self,
        after: Option<&Tuple>,
        subject: &Subject,
        kinds: Option<&[Name]>,
    ) -> Result<Page, ObjectError> {
        let behind = after.map(|after| (after.userset.object.to_string(), after.userset.relation.to_string()));
        let (object, relation) = behind.unwrap_or_default();
        self.page(statement::OF_SUBJECT, vec![subject.to_string().into(), object.into(), relation.into(), bound(kinds)])
    }

    /// The last that is bound is how many.
    fn page(&self, statement: &str, mut bindings: Vec<SqlStorageValue>) -> Result<Page, ObjectError> {
        bindings.push(i64::try_from(PAGE + 1).unwrap_or(i64::MAX).into());
        let found: Vec<Dumped> = self.query(statement, bindings)?;
        let more = found.len() > PAGE;
        let tuple = |found: &Dumped| row(&Object::parse(&found.object)?, &found.relation, &found.subject);
        let tuples = found.iter().take(PAGE).map(tuple).collect::<Option<_>>().ok_or_else(unreadable)?;
        Ok(Page { tuples, more })
    }

    fn query<T: serde::de::DeserializeOwned>(
        &self,
        statement: &str,
        bindings: Vec<SqlStorageValue>,
    ) -> Result<Vec<T>, ObjectError> {
        sql::query(&self.storage.sql(), statement, bindings)
    }
}

fn key(userset: &Userset, subject: &Subject) -> Vec<SqlStorageValue> {
    let (object, relation) = (userset.object.to_string(), userset.relation.as_str());
    vec![object.into(), relation.into(), i64::from(subject.is_userset()).into(), subject.to_string().into()]
}

/// Types, or all of them.
fn bound(kinds: Option<&[Name]>) -> SqlStorageValue {
    kinds.map_or(SqlStorageValue::Null, |kinds| kinds_as_json(kinds).to_string().into())
}

fn unreadable() -> ObjectError {
    ObjectError::Failed("a tuple cannot be read".to_owned())
}
