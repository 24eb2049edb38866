//! The messages and statements of the objects that keep tuples.

use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{
    Change, ChangeOutcome, Changed, Expectation, MAX_CHANGES, MAX_FOUND, MAX_READS, Name, Object, Page, Read, Subject,
    Tuple, TupleFilter, TupleQuery, TupleReply, Userset,
};
use crate::json;

const VERSION: u8 = 1;
/// How many objects the tuples of a site are spread over. It can never be another: tuples would not be found again.
pub const SHARDS: u8 = 64;
/// How many tuples stand on a page.
pub const PAGE: usize = 100;

/// The statements. The key holds whether the subject is a userset: so all usersets of a relation stand together.
pub mod statement {
    /// The table.
    pub const CREATE: &str = "CREATE TABLE IF NOT EXISTS tuple (object TEXT NOT NULL, relation TEXT NOT NULL, \
        is_set INTEGER NOT NULL, subject TEXT NOT NULL, PRIMARY KEY (object, relation, is_set, subject)) WITHOUT ROWID";
    /// By subject, for what is listed and removed of one. Objects that are older than it make it when they wake up.
    pub const INDEX: &str = "CREATE INDEX IF NOT EXISTS tuple_by_subject ON tuple (subject, object, relation, is_set)";
    /// Binds object, relation, whether it is a userset, subject.
    pub const IS_THERE: &str =
        "SELECT subject FROM tuple WHERE object = ? AND relation = ? AND is_set = ? AND subject = ?";
    /// Binds object, relation, whether usersets or others, how many.
    pub const FIND: &str =
        "SELECT subject FROM tuple WHERE object = ? AND relation = ? AND is_set = ? ORDER BY subject LIMIT ?";
    /// Binds object, relation, whether it is a userset, subject. A row where there was none.
    pub const ADD: &str = "INSERT INTO tuple (object, relation, is_set, subject) VALUES (?, ?, ?, ?) \
        ON CONFLICT DO NOTHING RETURNING subject";
    /// Binds object, relation, whether it is a userset, subject. A row where there was one.
    pub const REMOVE: &str =
        "DELETE FROM tuple WHERE object = ? AND relation = ? AND is_set = ? AND subject = ? RETURNING subject";
    /// Binds object, relation, whether it is a userset, subject, types as a list in JSON or NULL, how many. The tuples behind
    /// that one, of every object or of those of these types.
    pub const DUMP: &str = "SELECT object, relation, subject FROM tuple \
        WHERE (object, relation, is_set, subject) > (?1, ?2, ?3, ?4) \
        AND (?5 IS NULL OR substr(object, 1, instr(object, ':') - 1) IN (SELECT value FROM json_each(?5))) \
        ORDER BY object, relation, is_set, subject LIMIT ?6";
    /// Binds subject, object, relation, types as a list in JSON or NULL, how many. The tuples of the subject behind that one,
    /// of every object or of those of these types.
    pub const OF_SUBJECT: &str = "SELECT object, relation, subject FROM tuple \
        WHERE subject = ?1 AND (object, relation) > (?2, ?3) \
        AND (?4 IS NULL OR substr(object, 1, instr(object, ':') - 1) IN (SELECT value FROM json_each(?4))) \
        ORDER BY object, relation LIMIT ?5";
    /// Binds object, relation, whether it is a userset, subject, how many. The tuples behind that one.
    pub const LIST: &str = "SELECT relation, subject FROM tuple WHERE object = ? AND (relation, is_set, subject) > (?, ?, ?) \
        ORDER BY relation, is_set, subject LIMIT ?";
}

/// The name of the object that keeps the tuples of this one.
#[must_use]
pub fn shard(object: &Object) -> String {
    let first = Sha256::digest(object.to_string()).first().copied().unwrap_or_default();
    shard_name(first)
}

/// The name of the object with this number.
#[must_use]
pub fn shard_name(number: u8) -> String {
    format!("tuples-{:02x}", number % SHARDS)
}

/// What the object is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TupleRequest {
    /// Answer these.
    Read(Vec<Read>),
    /// Change these, of one object.
    Change(Change),
    /// List those of an object, behind a tuple or from the first.
    List(Object, Option<Tuple>),
    /// List those of every object that is kept there, behind a tuple or from the first.
    Dump(Option<Tuple>, TupleFilter),
    /// Remove the first of one subject, of objects of these types or of all.
    Remove(Subject, Option<Vec<Name>>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sent {
    v: u8,
    read: Option<Vec<SentRead>>,
    change: Option<SentChange>,
    list: Option<SentList>,
    remove: Option<SentRemoval>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SentRead {
    of: String,
    exactly: Option<Vec<String>>,
    #[serde(default)]
    usersets: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SentChange {
    object: String,
    add: Vec<String>,
    remove: Vec<String>,
    /// Those that have to be there …
    #[serde(default)]
    present: Vec<String>,
    /// … and those that must not.
    #[serde(default)]
    absent: Vec<String>,
    #[serde(default)]
    parents: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SentRemoval {
    subject: String,
    kinds: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SentList {
    /// Without it, every object's are meant.
    object: Option<String>,
    after: Option<String>,
    subject: Option<String>,
    kinds: Option<Vec<String>>,
}

impl TupleRequest {
    /// Reads it out of a message. `None` when it is something else.
    #[must_use]
    pub fn parse(json: &str) -> Option<Self> {
        let sent: Sent = json::exactly_from_text(json).ok()?;
        match (sent.v, sent.read, sent.change, sent.list, sent.remove) {
            (VERSION, Some(reads), None, None, None) if reads.len() <= MAX_READS => {
                reads.into_iter().map(SentRead::parse).collect::<Option<_>>().map(Self::Read)
            }
            (VERSION, None, Some(change), None, None) => change.parse().map(Self::Change),
            (VERSION, None, None, Some(list), None) => list.parse(),
            (VERSION, None, None, None, Some(SentRemoval { subject, kinds })) => {
                Some(Self::Remove(Subject::parse(&subject)?, names(kinds)?))
            }
            _ => None,
        }
    }

    /// The message.
    #[must_use]
    pub fn to_json(&self) -> String {
        let texts = |tuples: &[Tuple]| tuples.iter().map(ToString::to_string).collect::<Vec<_>>();
        let body = match self {
            Self::Read(reads) => json!({ "v": VERSION, "read": reads.iter().map(sent).collect::<Vec<_>>() }),
            Self::Change(Change { object, expect, parents, add, remove }) => {
                let mut change = json!({ "object": object.to_string(), "add": texts(add), "remove": texts(remove) });
                // An object of an earlier release knows nothing of these, and refuses them.
                if let (false, Some(change)) = (expect.is_empty(), change.as_object_mut()) {
                    change.insert("present".to_owned(), texts(&expect.present).into());
                    change.insert("absent".to_owned(), texts(&expect.absent).into());
                }
                if let (false, Some(change)) = (parents.is_empty(), change.as_object_mut()) {
                    change.insert("parents".to_owned(), kinds_as_json(parents));
                }
                json!({ "v": VERSION, "change": change })
            }
            Self::List(object, after) => {
                let after = after.as_ref().map(ToString::to_string);
                json!({ "v": VERSION, "list": { "object": object.to_string(), "after": after } })
            }
            Self::Dump(after, TupleFilter { subject, kinds }) => {
                let after = after.as_ref().map(ToString::to_string);
                let subject = subject.as_ref().map(ToString::to_string);
                let mut list = json!({ "after": after, "subject": subject });
                if let (Some(kinds), Some(list)) = (kinds, list.as_object_mut()) {
                    list.insert("kinds".to_owned(), kinds_as_json(kinds));
                }
                json!({ "v": VERSION, "list": list })
            }
            Self::Remove(subject, kinds) => {
                let kinds = kinds.as_deref().map(kinds_as_json);
                json!({ "v": VERSION, "remove": { "subject": subject.to_string(), "kinds": kinds } })
            }
        };
        body.to_string()
    }
}

/// Names as a list in JSON: in messages, and bound to [`statement::DUMP`] and [`statement::OF_SUBJECT`].
#[must_use]
pub fn kinds_as_json(kinds: &[Name]) -> serde_json::Value {
    kinds.iter().map(Name::as_str).collect::<Vec<_>>().into()
}

/// `None` when one of them is no name.
fn names(kinds: Option<Vec<String>>) -> Option<Option<Vec<Name>>> {
    kinds
        .map(|kinds| kinds.iter().map(|kind| Name::parse(kind)).collect::<Option<Vec<_>>>())
        .map_or(Some(None), |all| all.map(Some))
}

fn sent(read: &Read) -> serde_json::Value {
    match &read.wanted {
        TupleQuery::Objects => json!({ "of": read.userset.to_string() }),
        TupleQuery::Subjects { exactly, usersets } => {
            let exactly: Vec<String> = exactly.iter().map(ToString::to_string).collect();
            json!({ "of": read.userset.to_string(), "exactly": exactly, "usersets": usersets })
        }
    }
}

impl SentRead {
    fn parse(self) -> Option<Read> {
        let wanted = match self.exactly {
            None => TupleQuery::Objects,
            Some(exactly) => {
                let exactly = exactly.iter().map(|text| Subject::parse(text)).collect::<Option<_>>()?;
                TupleQuery::Subjects { exactly, usersets: self.usersets }
            }
        };
        Some(Read { userset: Userset::parse(&self.of)?, wanted })
    }
}

impl SentList {
    fn parse(self) -> Option<TupleRequest> {
        let after = match self.after {
            Some(after) => Some(Tuple::parse(&after)?),
            None => None,
        };
        match (self.object, self.subject, names(self.kinds)?) {
            (Some(object), None, None) => Some(TupleRequest::List(Object::parse(&object)?, after)),
            (None, None, kinds) => Some(TupleRequest::Dump(after, TupleFilter { subject: None, kinds })),
            (None, Some(subject), kinds) => {
                let subject = Some(Subject::parse(&subject)?);
                Some(TupleRequest::Dump(after, TupleFilter { subject, kinds }))
            }
            (Some(_), ..) => None,
        }
    }
}

impl SentChange {
    /// All of one object, or the transaction would not be one.
    fn parse(self) -> Option<Change> {
        let object = Object::parse(&self.object)?;
        let own = |text: &String| Tuple::parse(text).filter(|tuple| tuple.userset.object == object);
        let read = |texts: &[String]| texts.iter().map(own).collect::<Option<Vec<_>>>();
        let (add, remove) = (read(&self.add)?, read(&self.remove)?);
        let expect = Expectation { present: read(&self.present)?, absent: read(&self.absent)? };
        let parents: Vec<Name> = self.parents.iter().map(|name| Name::parse(name)).collect::<Option<_>>()?;
        let fits = add.len() + remove.len() <= MAX_CHANGES && expect.all().count() <= MAX_CHANGES;
        (fits && parents.len() <= MAX_CHANGES).then_some(Change { object, expect, parents, add, remove })
    }
}

/// The object's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TupleResponse {
    /// In the order of the reads.
    Answers(Vec<TupleReply>),
    /// What became of a change.
    Changed(ChangeOutcome),
    /// A page.
    Page(Page),
}

#[derive(Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Answered {
    v: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    answers: Option<Vec<SentAnswer>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    changed: Option<SentChanged>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unmet: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    crowded: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    page: Option<SentPage>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SentAnswer {
    is_there: bool,
    found: Vec<String>,
    more: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SentChanged {
    added: Vec<bool>,
    removed: Vec<bool>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SentPage {
    tuples: Vec<String>,
    more: bool,
}

impl TupleResponse {
    /// The message.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut answered = Answered { v: VERSION, ..Answered::default() };
        match self {
            Self::Answers(answers) => answered.answers = Some(answers.iter().map(SentAnswer::of).collect()),
            Self::Changed(ChangeOutcome::Made(Changed { added, removed })) => {
                answered.changed = Some(SentChanged { added: added.clone(), removed: removed.clone() });
            }
            Self::Changed(ChangeOutcome::Unmet(tuples)) => {
                answered.unmet = Some(tuples.iter().map(ToString::to_string).collect());
            }
            Self::Changed(ChangeOutcome::Crowded(relations)) => {
                answered.crowded = Some(relations.iter().map(ToString::to_string).collect());
            }
            Self::Page(Page { tuples, more }) => {
                let tuples = tuples.iter().map(ToString::to_string).collect();
                answered.page = Some(SentPage { tuples, more: *more });
            }
        }
        serde_json::to_string(&answered).unwrap_or_default()
    }

    /// Reads an answer; `None` when it is none.
    #[must_use]
    pub fn parse(json: &str) -> Option<Self> {
        let answered: Answered = json::exactly_from_text(json).ok()?;
        let tuples = |texts: &[String]| texts.iter().map(|text| Tuple::parse(text)).collect::<Option<Vec<_>>>();
        if let Some(relations) = answered.crowded {
            let alone = answered.answers.is_none() && answered.changed.is_none() && answered.unmet.is_none();
            let crowded = relations.iter().map(|text| Userset::parse(text)).collect::<Option<_>>()?;
            return (answered.v == VERSION && alone && answered.page.is_none())
                .then_some(Self::Changed(ChangeOutcome::Crowded(crowded)));
        }
        match (answered.v, answered.answers, answered.changed, answered.unmet, answered.page) {
            (VERSION, Some(answers), None, None, None) => {
                answers.into_iter().map(SentAnswer::parse).collect::<Option<_>>().map(Self::Answers)
            }
            (VERSION, None, Some(SentChanged { added, removed }), None, None) => {
                Some(Self::Changed(ChangeOutcome::Made(Changed { added, removed })))
            }
            (VERSION, None, None, Some(unmet), None) => Some(Self::Changed(ChangeOutcome::Unmet(tuples(&unmet)?))),
            (VERSION, None, None, None, Some(page)) => {
                Some(Self::Page(Page { tuples: tuples(&page.tuples)?, more: page.more }))
            }
            _ => None,
        }
    }
}

impl SentAnswer {
    fn of(answer: &TupleReply) -> Self {
        let found = answer.found.iter().map(ToString::to_string).collect();
        Self { is_there: answer.is_there, found, more: answer.more }
    }

    fn parse(self) -> Option<TupleReply> {
        let found: Vec<Subject> = self.found.iter().map(|text| Subject::parse(text)).collect::<Option<_>>()?;
        (found.len() <= MAX_FOUND).then_some(TupleReply { is_there: self.is_there, found, more: self.more })
    }
}

/// A row of a page as a tuple; `None` when it is none.
#[must_use]
pub fn row(object: &Object, relation: &str, subject: &str) -> Option<Tuple> {
    let userset = Userset { object: object.clone(), relation: Name::parse(relation)? };
    Some(Tuple { userset, subject: Subject::parse(subject)? })
}

#[cfg(test)]
mod tests;
