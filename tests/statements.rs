//! The statements of the objects, run by SQLite itself: at the last second that counts, and at the first that does not.
#![cfg(not(target_arch = "wasm32"))]
#![expect(clippy::unwrap_used, unreachable_pub, reason = "a test fails by panicking; what several share is public")]

#[path = "statements/sessions.rs"]
mod sessions;
#[path = "support/stores.rs"]
mod stores;

use postern::limit::message::statement as bucket;
use postern::outward::message::statement as service;
use postern::relation::message::statement as tuple;
use postern::session::sid_index::statement as sid;
use postern::store::block_list::statement as block;
use postern::store::decision_log::statement as decision;
use postern::store::replay::statement as once;
use rusqlite::types::{FromSql, Value};
use rusqlite::{Connection, params_from_iter};

/// One object's table.
struct Table(Connection);

impl Table {
    fn new(create: &str) -> Self {
        let connection = Connection::open_in_memory().unwrap();
        // An object that wakes up finds its table: that is no mistake.
        (0..2).for_each(|_| assert_eq!(connection.execute(create, ()).unwrap(), 0));
        Self(connection)
    }

    /// The first column of each row.
    fn rows<T: FromSql>(&self, statement: &str, bound: impl IntoIterator<Item = Value>) -> Vec<T> {
        let mut prepared = self.0.prepare(statement).unwrap();
        let rows = prepared.query_map(params_from_iter(bound), |row| row.get(0)).unwrap();
        rows.map(Result::unwrap).collect()
    }

    fn run(&self, statement: &str, bound: impl IntoIterator<Item = Value>) {
        self.0.execute(statement, params_from_iter(bound)).unwrap();
    }

    fn next(&self, statement: &str) -> Option<i64> {
        self.rows::<Option<i64>>(statement, []).remove(0)
    }
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn number(number: i64) -> Value {
    Value::Integer(number)
}

#[test]
fn an_object_sees_whether_it_has_a_table_before_it_makes_one() {
    // R-702
    for (is_made, create) in [
        (once::IS_MADE, once::CREATE),
        (sid::IS_MADE, sid::CREATE),
        (decision::IS_MADE, decision::CREATE),
        (bucket::IS_MADE, bucket::CREATE),
        (service::IS_MADE, service::CREATE),
    ] {
        let nothing = Table(Connection::open_in_memory().unwrap());
        assert_eq!(nothing.rows::<String>(is_made, []).len(), 0, "{is_made}");
        assert_eq!(Table::new(create).rows::<String>(is_made, []).len(), 1, "{is_made}");
    }
}

#[test]
fn what_may_be_used_once_is_claimed_once_until_the_second_in_which_it_expires() {
    let table = Table::new(once::CREATE);
    let claims = |key: &str, until: i64, now: i64| {
        !table.rows::<i64>(once::CLAIM, [text(key), number(until), number(now)]).is_empty()
    };
    assert!(claims("a", 100, 50) && claims("b", 100, 50));
    for now in [50, 99] {
        assert!(!claims("a", 200, now), "{now}");
    }
    // A claim that was refused has changed nothing.
    assert_eq!(table.next(once::NEXT), Some(100));
    assert!(claims("a", 200, 100) && !claims("a", 300, 199));
    table.run(once::RELEASE, [text("a")]);
    assert!(claims("a", 200, 150));
    table.run(once::SWEEP, [number(99)]);
    assert!(!claims("b", 300, 99));
    table.run(once::SWEEP, [number(100)]);
    assert_eq!(table.next(once::NEXT), Some(200));
    table.run(once::SWEEP, [number(200)]);
    assert_eq!(table.next(once::NEXT), None);
}

#[test]
fn a_token_of_our_own_is_read_until_the_second_in_which_it_ends() {
    // R-272
    let table = Table::new(service::CREATE);
    let write = |terms: &str, sealed: &str, until| {
        table.run(service::WRITE, [text(terms), text(sealed), number(until)]);
    };
    let read = |terms: &str, now| table.rows::<String>(service::READ, [text(terms), number(now)]);
    write("a", "one", 100);
    write("a", "two", 200);
    write("b", "three", 150);
    assert_eq!((read("a", 199), read("a", 200), read("c", 1)), (vec!["two".to_owned()], vec![], vec![]));
    assert_eq!(table.next(service::NEXT), Some(150));
    table.run(service::SWEEP, [number(150)]);
    assert_eq!((read("b", 1).len(), read("a", 1).len()), (0, 1));
    table.run(service::DROP, [text("a")]);
    assert_eq!(table.next(service::NEXT), None);
}

/// The index by which a provider's name of a session leads to its subjects.
struct Index(Table);

impl Index {
    fn new() -> Self {
        Self(Table::new(sid::CREATE))
    }

    fn put(&self, subject: &str, until: i64) {
        self.0.run(sid::PUT, [text("s"), text(subject), number(until)]);
    }

    fn find(&self, now: i64) -> Vec<String> {
        let mut found = self.0.rows(sid::FIND, [text("s"), number(now)]);
        found.sort();
        found
    }

    fn note(&self, now: i64, until: i64) {
        self.0.run(sid::NOTE, [text("s"), number(now), number(until)]);
    }

    fn page(&self, after: &str, now: i64, limit: i64) -> Vec<String> {
        self.0.rows(sid::PAGE, [text("s"), text(after), number(now), number(limit)])
    }

    fn is_kept(&self, subject: &str, until: i64) -> bool {
        !self.0.rows::<i64>(sid::IS_KEPT, [text("s"), text(subject), number(until)]).is_empty()
    }

    fn is_overtaken(&self, login_started_at: i64, now: i64) -> bool {
        !self.0.rows::<i64>(sid::OVERTAKEN, [text("s"), number(login_started_at), number(now)]).is_empty()
    }
}

#[test]
fn a_session_is_found_by_its_name_until_the_second_in_which_its_entry_ends() {
    let index = Index::new();
    index.put("alice", 100);
    assert_eq!((index.find(99), index.find(100)), (vec!["alice".to_owned()], vec![]));
    assert!(index.0.rows::<String>(sid::FIND, [text("t"), number(1)]).is_empty());
}

#[test]
fn an_entry_that_is_made_again_never_ends_sooner() {
    let index = Index::new();
    index.put("alice", 100);
    index.put("alice", 50);
    assert_eq!(index.find(99), ["alice"]);
    index.put("alice", 200);
    assert_eq!(index.find(199), ["alice"]);
    // Another subject's is another entry.
    index.put("bob", 120);
    assert_eq!(
        (index.find(119), index.find(120)),
        (vec!["alice".to_owned(), "bob".to_owned()], vec!["alice".to_owned()])
    );
}

#[test]
fn people_of_a_client_are_read_page_by_page_each_once() {
    // R-418
    let index = Index::new();
    for (subject, until) in [("dora", 300), ("bob", 200), ("alice", 300), ("carl", 300)] {
        index.put(subject, until);
    }
    index.note(100, 1000);
    index.0.run(sid::PUT, [text("t"), text("eve"), number(300)]);
    assert_eq!(index.page("", 199, 2), ["alice", "bob"]);
    assert_eq!(index.page("bob", 199, 2), ["carl", "dora"]);
    assert!(index.page("dora", 199, 2).is_empty());
    assert_eq!(index.page("", 200, 9), ["alice", "carl", "dora"]);
    // Where the one at the end of a page is gone, the next page goes on all the same.
    assert_eq!(index.page("bob", 200, 1), ["carl"]);
    // Read where it begins, in the order in which it is stored: nothing is sorted, and nothing before it is read.
    index.0.run(sid::INDEX, []);
    let mut prepared = index.0.0.prepare(&format!("EXPLAIN QUERY PLAN {}", sid::PAGE)).unwrap();
    let bound = [text("s"), text(""), number(1), number(2)];
    let plan = prepared.query_map(params_from_iter(bound), |row| row.get::<_, String>("detail")).unwrap();
    let plan: Vec<String> = plan.map(Result::unwrap).collect();
    assert_eq!(plan, ["SEARCH sid USING PRIMARY KEY (key=? AND subject>?)"]);
}

#[test]
fn an_entry_that_lasts_long_enough_is_known() {
    // R-418
    let index = Index::new();
    index.put("alice", 100);
    assert_eq!([99, 100, 101].map(|until| index.is_kept("alice", until)), [true, true, false]);
    assert!(!index.is_kept("bob", 1));
}

#[test]
fn a_logout_overtakes_every_login_that_began_before_it_and_in_the_same_second() {
    let index = Index::new();
    assert!(!index.is_overtaken(0, 0));
    index.note(100, 1000);
    for (login_started_at, overtaken) in [(0, true), (99, true), (100, true), (101, false)] {
        assert_eq!(index.is_overtaken(login_started_at, 150), overtaken, "{login_started_at}");
    }
    // It is remembered for so long, and is nobody's session.
    assert!(index.is_overtaken(50, 999) && !index.is_overtaken(50, 1000));
    assert!(index.find(150).is_empty());
    // The last logout counts, and what was entered stays.
    index.put("alice", 5000);
    index.note(200, 1100);
    assert!(index.is_overtaken(150, 1099) && !index.is_overtaken(201, 300));
    assert_eq!(index.find(300), ["alice"]);
    // An entry is no logout.
    assert!(!Index::new().is_overtaken(0, 1));
}

#[test]
fn an_index_forgets_what_has_expired_and_nothing_else() {
    let index = Index::new();
    index.put("alice", 100);
    index.note(50, 200);
    assert_eq!(index.0.next(sid::NEXT), Some(100));
    index.0.run(sid::SWEEP, [number(99)]);
    assert_eq!(index.find(50), ["alice"]);
    index.0.run(sid::SWEEP, [number(100)]);
    assert_eq!((index.0.next(sid::NEXT), index.is_overtaken(50, 199)), (Some(200), true));
}

#[test]
fn a_decision_stays_as_it_was_made_until_it_is_forgotten() {
    let table = Table::new(decision::CREATE);
    let keep = |event: &str, until: i64| table.run(decision::KEEP, [text("a"), text(event), number(until)]);
    let find = |now: i64| table.rows::<String>(decision::FIND, [text("a"), number(now)]);
    keep("first", 100);
    keep("second", 900);
    assert_eq!((find(99), find(100)), (vec!["first".to_owned()], vec![]));
    table.run(decision::SWEEP, [number(99)]);
    assert_eq!(table.next(decision::NEXT), Some(100));
    table.run(decision::SWEEP, [number(100)]);
    assert_eq!(table.next(decision::NEXT), None);
}

/// Rows that strangers cause expire by the thousand: to find those that have must not read the others.
#[test]
fn what_has_expired_is_found_by_an_index() {
    for (create, index, sweep, next) in [
        (once::CREATE, once::INDEX, once::SWEEP, once::NEXT),
        (sid::CREATE, sid::INDEX, sid::SWEEP, sid::NEXT),
        (decision::CREATE, decision::INDEX, decision::SWEEP, decision::NEXT),
    ] {
        let table = Table::new(create);
        (0..2).for_each(|_| table.run(index, []));
        for (statement, bound) in [(sweep, vec![number(1)]), (next, vec![])] {
            let mut prepared = table.0.prepare(&format!("EXPLAIN QUERY PLAN {statement}")).unwrap();
            let plan = prepared.query_map(params_from_iter(bound), |row| row.get::<_, String>(3)).unwrap();
            let plan: Vec<String> = plan.map(Result::unwrap).collect();
            assert!(plan.iter().all(|step| step.starts_with("SEARCH") && step.contains("INDEX")), "{plan:?}");
        }
    }
}

#[test]
fn the_next_to_expire_is_the_first_of_several() {
    let once = Table::new(once::CREATE);
    let index = Index::new();
    let decisions = Table::new(decision::CREATE);
    let buckets = Table::new(bucket::CREATE);
    for (key, until) in [("a", 200), ("b", 100), ("c", 300)] {
        assert_eq!(once.rows::<i64>(once::CLAIM, [text(key), number(until), number(1)]), [until]);
        index.put(key, until);
        decisions.run(decision::KEEP, [text(key), text("event"), number(until)]);
        buckets.run(bucket::WRITE, [text(key), number(1), number(1), number(until)]);
    }
    let next =
        [once.next(once::NEXT), index.0.next(sid::NEXT), decisions.next(decision::NEXT), buckets.next(bucket::NEXT)];
    assert_eq!(next, [Some(100); 4]);
}

#[test]
fn who_cleans_up_reads_by_the_index_and_not_the_whole_table() {
    for (create, index, statements) in [
        (once::CREATE, once::INDEX, [once::SWEEP, once::NEXT]),
        (sid::CREATE, sid::INDEX, [sid::SWEEP, sid::NEXT]),
        (decision::CREATE, decision::INDEX, [decision::SWEEP, decision::NEXT]),
    ] {
        let table = Table::new(create);
        (0..2).for_each(|_| table.run(index, []));
        for statement in statements {
            let mut prepared = table.0.prepare(&format!("EXPLAIN QUERY PLAN {statement}")).unwrap();
            let bound = vec![number(100); prepared.parameter_count()];
            let steps = prepared.query_map(params_from_iter(bound), |row| row.get::<_, String>("detail")).unwrap();
            let steps: Vec<String> = steps.map(Result::unwrap).collect();
            assert!(!steps.is_empty() && steps.iter().all(|step| step.contains("_until")), "{statement}: {steps:?}");
        }
    }
}

#[test]
fn a_bucket_is_what_was_written_last_until_it_is_full() {
    let table = Table::new(bucket::CREATE);
    let write = |debt: i64, full_at: i64| {
        table.run(bucket::WRITE, [text("a"), number(debt), number(7), number(full_at)]);
    };
    write(3, 100);
    write(5, 200);
    assert_eq!(table.rows::<i64>(bucket::READ, [text("a")]), [5]);
    assert!(table.rows::<i64>(bucket::READ, [text("b")]).is_empty());
    table.run(bucket::SWEEP, [number(199)]);
    assert_eq!(table.next(bucket::NEXT), Some(200));
    table.run(bucket::SWEEP, [number(200)]);
    assert!(table.rows::<i64>(bucket::READ, [text("a")]).is_empty());
}

/// The tuples of one relation of `document:7`.
fn key(is_set: bool, subject: &str) -> [Value; 4] {
    [text("document:7"), text("viewer"), number(is_set.into()), text(subject)]
}

#[test]
fn a_tuple_is_added_once_and_removed_once() {
    let table = Table::new(tuple::CREATE);
    let does = |statement: &str, is_set: bool, subject: &str| {
        !table.rows::<String>(statement, key(is_set, subject)).is_empty()
    };
    assert!(does(tuple::ADD, false, "user:a") && !does(tuple::ADD, false, "user:a"));
    assert!(does(tuple::ADD, true, "group:g#member"));
    assert!(does(tuple::IS_THERE, false, "user:a") && !does(tuple::IS_THERE, true, "user:a"));
    assert!(!does(tuple::IS_THERE, false, "user:A") && !does(tuple::IS_THERE, false, "user"));
    assert!(does(tuple::REMOVE, false, "user:a") && !does(tuple::REMOVE, false, "user:a"));
    assert!(!does(tuple::IS_THERE, false, "user:a") && does(tuple::IS_THERE, true, "group:g#member"));
}

#[test]
fn tuples_are_found_by_kind_and_listed_page_by_page_without_a_gap() {
    let table = Table::new(tuple::CREATE);
    for (is_set, subject) in [(false, "user:b"), (true, "group:g#member"), (false, "user:a"), (true, "group:f#member")]
    {
        assert_eq!(table.rows::<String>(tuple::ADD, key(is_set, subject)), [subject]);
    }
    let find = |is_set: bool, most: i64| {
        let bound = [text("document:7"), text("viewer"), number(is_set.into()), number(most)];
        table.rows::<String>(tuple::FIND, bound)
    };
    assert_eq!(
        (find(false, 9), find(true, 1)),
        (vec!["user:a".to_owned(), "user:b".to_owned()], vec!["group:f#member".to_owned()])
    );
    let list = |after: [Value; 3]| {
        let bound = [text("document:7")].into_iter().chain(after).chain([number(1)]);
        let mut prepared = table.0.prepare(tuple::LIST).unwrap();
        let mut rows = prepared.query_map(params_from_iter(bound), |row| row.get::<_, String>(1)).unwrap();
        rows.next().map(Result::unwrap)
    };
    let mut after = [text(""), number(0), text("")];
    let mut listed = Vec::new();
    while let Some(subject) = list(after.clone()) {
        after = [text("viewer"), number(subject.contains('#').into()), text(&subject)];
        listed.push(subject);
    }
    assert_eq!(listed, ["user:a", "user:b", "group:f#member", "group:g#member"]);
}

/// Tuples of two types, put into a table with its index.
const TUPLES: [(&str, &str, i64, &str); 6] = [
    ("document:7", "banned", 0, "user:b"),
    ("document:7", "viewer", 0, "user:a"),
    ("document:7", "viewer", 1, "group:g#member"),
    ("document:8", "viewer", 0, "user:a"),
    ("documents:8", "viewer", 0, "user:a"),
    ("group:g", "member", 0, "user:a"),
];

fn all_tuples() -> Table {
    let table = Table::new(tuple::CREATE);
    (0..2).for_each(|_| table.run(tuple::INDEX, []));
    for (object, relation, is_set, subject) in TUPLES.iter().rev() {
        let bound = [text(object), text(relation), number(*is_set), text(subject)];
        assert_eq!(table.rows::<String>(tuple::ADD, bound).len(), 1);
    }
    table
}

/// Types as they are bound, and whether an object is of one of them.
type OfKind = (Option<&'static str>, fn(&str) -> bool);

const KINDS: [OfKind; 4] = [
    (None, |_| true),
    (Some("[]"), |_| false),
    (Some(r#"["document"]"#), |object| object.starts_with("document:")),
    (Some(r#"["document","group"]"#), |object| !object.starts_with("documents:")),
];

/// Every row, one at a time: each is asked for behind the one before.
fn one_by_one(mut ask: impl FnMut(Option<&[String; 3]>) -> Option<[String; 3]>) -> Vec<[String; 3]> {
    let mut found: Vec<[String; 3]> = Vec::new();
    while let Some(row) = ask(found.last()) {
        found.push(row);
    }
    found
}

fn first(table: &Table, statement: &str, bound: Vec<Value>) -> Option<[String; 3]> {
    let mut prepared = table.0.prepare(statement).unwrap();
    let one = |row: &rusqlite::Row<'_>| Ok([row.get(0)?, row.get(1)?, row.get(2)?]);
    prepared.query_map(params_from_iter(bound), one).unwrap().next().map(Result::unwrap)
}

fn meant(is_meant: impl Fn(&str, &str) -> bool) -> Vec<[String; 3]> {
    let meant = TUPLES.iter().filter(|(object, _, _, subject)| is_meant(object, subject));
    meant.map(|(object, relation, _, subject)| [object, relation, subject].map(|text| (*text).to_owned())).collect()
}

#[test]
fn tuples_of_all_objects_come_in_the_order_of_the_key_each_once_or_those_of_some_types() {
    let table = all_tuples();
    for (kinds, is_of) in KINDS {
        let found = one_by_one(|after| {
            let [object, relation, subject] = after.cloned().unwrap_or_default();
            let kinds = kinds.map_or(Value::Null, text);
            let is_set = number(subject.contains('#').into());
            first(&table, tuple::DUMP, vec![text(&object), text(&relation), is_set, text(&subject), kinds, number(1)])
        });
        assert_eq!(found, meant(|object, _| is_of(object)), "{kinds:?}");
    }
}

#[test]
fn tuples_of_one_subject_come_each_once_and_by_the_index() {
    let table = all_tuples();
    for subject in ["user:a", "group:g#member", "user:nobody", "user:A", ""] {
        for (kinds, is_of) in KINDS {
            let found = one_by_one(|after| {
                let [object, relation, _] = after.cloned().unwrap_or_default();
                let kinds = kinds.map_or(Value::Null, text);
                first(&table, tuple::OF_SUBJECT, vec![text(subject), text(&object), text(&relation), kinds, number(1)])
            });
            assert_eq!(found, meant(|object, other| other == subject && is_of(object)), "{subject} {kinds:?}");
        }
    }
    let plan: Vec<String> = {
        let mut prepared = table.0.prepare(&format!("EXPLAIN QUERY PLAN {}", tuple::OF_SUBJECT)).unwrap();
        let bound = [text("user:a"), text(""), text(""), Value::Null, number(1)];
        let rows = prepared.query_map(params_from_iter(bound), |row| row.get(3)).unwrap();
        rows.map(Result::unwrap).collect()
    };
    let plan = plan.join("; ");
    assert!(
        plan.contains("tuple_by_subject (subject=? AND (object,relation)>(?,?))") && !plan.contains("TEMP B-TREE"),
        "{plan}"
    );
}

#[test]
fn a_block_is_there_until_the_second_in_which_it_ends_and_each_change_is_another_version() {
    // R-436
    let table = Table::new(block::CREATE[0]);
    table.0.execute(block::CREATE[1], ()).unwrap();
    table.0.execute(block::CREATE[1], ()).unwrap();
    let put = |key: &str, kind: &str, until: Option<i64>| {
        let until = until.map_or(Value::Null, number);
        table.run(block::PUT, [text(key), text(kind), text("{}"), Value::Null, Value::Null, until]);
        table.run(block::NEXT_VERSION, []);
    };
    let version = || table.rows::<i64>(block::VERSION, []);
    let list =
        |kind: &str, after: &str, most: i64| table.rows::<String>(block::LIST, [text(kind), text(after), number(most)]);
    assert!(version().is_empty());
    put("b", "block", Some(100));
    put("a", "block", None);
    put("c", "not_before", None);
    // The first is that of a random epoch.
    assert_eq!(
        version().iter().map(|number| (number / 1_000_000 > 0, number % 1_000_000)).collect::<Vec<_>>(),
        [(true, 2)]
    );
    assert_eq!(
        (list("block", "", 9), list("block", "a", 9), list("block", "", 1)),
        (vec!["a".to_owned(), "b".to_owned()], vec!["b".to_owned()], vec!["a".to_owned()],)
    );
    assert_eq!(list("not_before", "", 9), ["c"]);
    let count = |now: i64| table.rows::<i64>(block::COUNT, [text("block"), number(now)]);
    assert_eq!((count(99), count(100)), (vec![2], vec![1]));
    table.run(block::SWEEP, [number(99)]);
    assert_eq!(table.rows::<String>(block::FIND, [text("b")]), ["b"]);
    table.run(block::SWEEP, [number(100)]);
    assert!(table.rows::<String>(block::FIND, [text("b")]).is_empty());
    put("a", "block", Some(300));
    assert_eq!(list("block", "", 9), ["a"]);
    table.run(block::DELETE, [text("a")]);
    assert!(list("block", "", 9).is_empty());
}
