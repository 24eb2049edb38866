//! The messages and statements of the objects that keep tuples.

use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{
    Change, Changed, MAX_CHANGES, MAX_FOUND, MAX_READS, Name, Object, Page, Read, Subject, Tuple, TupleQuery,
    TupleReply, Userset,
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
    /// Binds object, relation, whether it is a userset, subject, a subject or nothing, how many. The tuples behind that one, of
    /// every object: all, or those of the subject.
    pub const DUMP: &str = "SELECT object, relation, subject FROM tuple \
        WHERE (object, relation, is_set, subject) > (?1, ?2, ?3, ?4) AND (?5 = '' OR subject = ?5) \
        ORDER BY object, relation, is_set, subject LIMIT ?6";
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
    /// List those of every object that is kept there, behind a tuple or from the first; of one subject, or of all.
    Dump(Option<Tuple>, Option<Subject>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sent {
    v: u8,
    read: Option<Vec<SentRead>>,
    change: Option<SentChange>,
    list: Option<SentList>,
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
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SentList {
    /// Without it, every object's are meant.
    object: Option<String>,
    after: Option<String>,
    subject: Option<String>,
}

impl TupleRequest {
    /// Reads it out of a message. `None` when it is something else.
    #[must_use]
    pub fn parse(json: &str) -> Option<Self> {
        let sent: Sent = json::from_text(json).ok()?;
        match (sent.v, sent.read, sent.change, sent.list) {
            (VERSION, Some(reads), None, None) if reads.len() <= MAX_READS => {
                reads.into_iter().map(SentRead::parse).collect::<Option<_>>().map(Self::Read)
            }
            (VERSION, None, Some(change), None) => change.parse().map(Self::Change),
            (VERSION, None, None, Some(list)) => list.parse(),
            _ => None,
        }
    }

    /// The message.
    #[must_use]
    pub fn to_json(&self) -> String {
        let texts = |tuples: &[Tuple]| tuples.iter().map(ToString::to_string).collect::<Vec<_>>();
        let body = match self {
            Self::Read(reads) => json!({ "v": VERSION, "read": reads.iter().map(sent).collect::<Vec<_>>() }),
            Self::Change(Change { object, add, remove }) => {
                let change = json!({ "object": object.to_string(), "add": texts(add), "remove": texts(remove) });
                json!({ "v": VERSION, "change": change })
            }
            Self::List(object, after) => {
                let after = after.as_ref().map(ToString::to_string);
                json!({ "v": VERSION, "list": { "object": object.to_string(), "after": after } })
            }
            Self::Dump(after, subject) => {
                let after = after.as_ref().map(ToString::to_string);
                let subject = subject.as_ref().map(ToString::to_string);
                json!({ "v": VERSION, "list": { "after": after, "subject": subject } })
            }
        };
        body.to_string()
    }
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
        match (self.object, self.subject) {
            (Some(object), None) => Some(TupleRequest::List(Object::parse(&object)?, after)),
            (None, None) => Some(TupleRequest::Dump(after, None)),
            (None, Some(subject)) => Some(TupleRequest::Dump(after, Some(Subject::parse(&subject)?))),
            (Some(_), Some(_)) => None,
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
        (add.len() + remove.len() <= MAX_CHANGES).then_some(Change { object, add, remove })
    }
}

/// The object's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TupleResponse {
    /// In the order of the reads.
    Answers(Vec<TupleReply>),
    /// What a change did.
    Changed(Changed),
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
            Self::Changed(Changed { added, removed }) => {
                answered.changed = Some(SentChanged { added: added.clone(), removed: removed.clone() });
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
        let answered: Answered = json::from_text(json).ok()?;
        match (answered.v, answered.answers, answered.changed, answered.page) {
            (VERSION, Some(answers), None, None) => {
                answers.into_iter().map(SentAnswer::parse).collect::<Option<_>>().map(Self::Answers)
            }
            (VERSION, None, Some(SentChanged { added, removed }), None) => {
                Some(Self::Changed(Changed { added, removed }))
            }
            (VERSION, None, None, Some(SentPage { tuples, more })) => {
                let tuples = tuples.iter().map(|text| Tuple::parse(text)).collect::<Option<_>>()?;
                Some(Self::Page(Page { tuples, more }))
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
mod tests {
    use super::*;

    fn tuple(text: &str) -> Tuple {
        Tuple::parse(text).unwrap()
    }

    #[test]
    fn messages_arrive_as_they_were_sent() {
        let read = |of: &str, wanted| Read { userset: Userset::parse(of).unwrap(), wanted };
        let exactly = vec![Subject::parse("user:a").unwrap(), Subject::parse("user:*").unwrap()];
        let object = Object::parse("document:7").unwrap();
        for request in [
            TupleRequest::Read(vec![
                read("document:7#viewer", TupleQuery::Subjects { exactly, usersets: true }),
                read("document:7#parent", TupleQuery::Objects),
            ]),
            TupleRequest::Change(Change {
                object: object.clone(),
                add: vec![tuple("document:7#viewer@user:a")],
                remove: vec![tuple("document:7#viewer@group:b#member")],
            }),
            TupleRequest::List(object.clone(), None),
            TupleRequest::List(object, Some(tuple("document:7#viewer@user:a"))),
            TupleRequest::Dump(None, None),
            TupleRequest::Dump(Some(tuple("document:7#viewer@user:a")), Some(Subject::parse("user:a").unwrap())),
        ] {
            assert_eq!(TupleRequest::parse(&request.to_json()), Some(request));
        }
        let found = vec![Subject::parse("group:b#member").unwrap()];
        for response in [
            TupleResponse::Answers(vec![
                TupleReply { is_there: true, ..TupleReply::default() },
                TupleReply { is_there: false, found, more: true },
            ]),
            TupleResponse::Changed(Changed { added: vec![true], removed: vec![false, true] }),
            TupleResponse::Page(Page { tuples: vec![tuple("document:7#viewer@user:a")], more: true }),
        ] {
            assert_eq!(TupleResponse::parse(&response.to_json()), Some(response));
        }
    }

    #[test]
    fn what_is_no_message_is_refused() {
        let change = |add: &[&str]| {
            json!({ "v": 1, "change": { "object": "document:7", "add": add, "remove": [] } }).to_string()
        };
        assert!(TupleRequest::parse(&change(&["document:7#viewer@user:a"])).is_some());
        for json in [
            String::new(),
            "{}".to_owned(),
            r#"{"v":1}"#.to_owned(),
            r#"{"v":2,"read":[]}"#.to_owned(),
            r#"{"v":1,"read":[{"of":"document"}]}"#.to_owned(),
            r#"{"v":1,"read":[{"of":"document:7#viewer","exactly":["x"]}]}"#.to_owned(),
            r#"{"v":1,"read":[],"list":{"object":"a:b"}}"#.to_owned(),
            r#"{"v":1,"read":[],"list":{}}"#.to_owned(),
            r#"{"v":1,"list":{"after":"document:7"}}"#.to_owned(),
            r#"{"v":1,"list":{"subject":"alice"}}"#.to_owned(),
            r#"{"v":1,"list":{"object":"document:7","subject":"user:a"}}"#.to_owned(),
            change(&["document:8#viewer@user:a"]),
            change(&["document:7#viewer"]),
            change(&vec!["document:7#viewer@user:a"; MAX_CHANGES + 1]),
        ] {
            assert_eq!(TupleRequest::parse(&json), None, "{json}");
        }
        for json in ["", "{}", r#"{"v":1}"#, r#"{"v":2,"answers":[]}"#, r#"{"v":1,"answers":[{"is_there":true}]}"#] {
            assert_eq!(TupleResponse::parse(json), None, "{json}");
        }
    }

    #[test]
    fn an_object_is_always_kept_in_the_same_place() {
        let shard = |text: &str| shard(&Object::parse(text).unwrap());
        assert_eq!((shard("document:1"), shard("group:eng")), ("tuples-26".to_owned(), "tuples-36".to_owned()));
        let all: std::collections::BTreeSet<String> = (0..2000).map(|at| shard(&format!("document:{at}"))).collect();
        assert_eq!(all.len(), usize::from(SHARDS));
    }
}
