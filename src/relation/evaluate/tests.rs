use proptest::prelude::*;

use super::*;
use crate::relation::testing::{Types, decide, definitions, model, tuples};
use crate::relation::{Allowed, MAX_WORK, MemoryTuples, Tuple};

const SHARING: Types<'_> = &[
    ("user", &[]),
    ("group", &[("member", "[user, user:*, group#member]")]),
    ("folder", &[("parent", "[folder]"), ("viewer", "[user, user:*, group#member] or viewer from parent")]),
    (
        "document",
        &[
            ("parent", "[folder]"),
            ("banned", "[user, group#member]"),
            ("owner", "[user]"),
            ("editor", "[user, group#member] or owner"),
            ("viewer", "[user, user:*, group#member] or editor or viewer from parent"),
            ("reader", "viewer but not banned"),
            ("publisher", "editor and [user, group#member]"),
        ],
    ),
];

#[track_caller]
fn outcome(texts: &[&str], userset: &str, subject: &str) -> CheckResult {
    decide(&model(SHARING), &tuples(texts), userset, subject).0
}

#[test]
fn a_document_is_shared_through_groups_and_folders() {
    //
    let facts = [
        "document:plan#parent@folder:q4",
        "folder:q4#parent@folder:all",
        "folder:all#viewer@group:staff#member",
        "group:staff#member@group:eng#member",
        "group:eng#member@user:anne",
        "document:plan#owner@user:bob",
        "document:plan#banned@user:eve",
        "group:staff#member@user:eve",
    ];
    for (userset, subject, expected) in [
        ("document:plan#viewer", "user:anne", CheckResult::Yes),
        ("document:plan#viewer", "user:bob", CheckResult::Yes),
        ("document:plan#viewer", "user:mallory", CheckResult::No),
        ("document:plan#editor", "user:anne", CheckResult::No),
        ("document:plan#editor", "user:bob", CheckResult::Yes),
        ("document:plan#viewer", "user:eve", CheckResult::Yes),
        ("document:plan#reader", "user:eve", CheckResult::No),
        ("document:plan#reader", "user:anne", CheckResult::Yes),
        ("document:plan#viewer", "group:eng#member", CheckResult::Yes),
        ("document:plan#viewer", "group:sales#member", CheckResult::No),
        ("document:other#viewer", "user:bob", CheckResult::No),
        ("document:plan#nothing", "user:bob", CheckResult::No),
        ("paper:plan#viewer", "user:bob", CheckResult::No),
        ("document:plan#viewer", "document:plan#viewer", CheckResult::Yes),
        ("document:plan#viewer", "document:plan#owner", CheckResult::Yes),
    ] {
        assert_eq!(outcome(&facts, userset, subject), expected, "{userset}@{subject}");
    }
}

#[test]
fn everyone_is_everyone_of_the_type_and_nobody_else() {
    //
    let facts = ["document:a#viewer@user:*", "document:b#owner@user:*", "document:b#parent@user:x"];
    assert_eq!(outcome(&facts, "document:a#viewer", "user:x"), CheckResult::Yes);
    assert_eq!(outcome(&facts, "document:a#viewer", "group:x"), CheckResult::No);
    // What the model does not admit says nothing, however it came there.
    assert_eq!(outcome(&facts, "document:b#owner", "user:x"), CheckResult::No);
    assert_eq!(outcome(&facts, "document:b#viewer", "user:x"), CheckResult::No);
}

#[test]
fn circles_add_nobody_and_hide_nobody() {
    //
    let facts = [
        "group:a#member@group:b#member",
        "group:b#member@group:c#member",
        "group:c#member@group:a#member",
        "group:b#member@group:b#member",
        "group:c#member@user:anne",
        "folder:x#parent@folder:y",
        "folder:y#parent@folder:x",
        "folder:y#viewer@group:a#member",
    ];
    for (userset, subject, expected) in [
        ("group:a#member", "user:anne", CheckResult::Yes),
        ("group:b#member", "user:anne", CheckResult::Yes),
        ("folder:x#viewer", "user:anne", CheckResult::Yes),
        ("folder:x#viewer", "user:eve", CheckResult::No),
    ] {
        assert_eq!(outcome(&facts, userset, subject), expected, "{userset}@{subject}");
    }
}

#[test]
fn what_leads_too_far_has_no_answer_unless_something_near_has() {
    //
    let chain = |length: usize| -> Vec<String> {
        (0..length).map(|at| format!("group:g{at}#member@group:g{}#member", at + 1)).collect()
    };
    for (length, expected) in
        [(MAX_DEPTH, CheckResult::Yes), (MAX_DEPTH + 1, CheckResult::Unanswerable(Unanswerable::TooDeep))]
    {
        let mut facts = chain(length);
        facts.push(format!("group:g{length}#member@user:anne"));
        facts.push("group:g3#member@user:bob".to_owned());
        let facts: Vec<&str> = facts.iter().map(String::as_str).collect();
        assert_eq!(outcome(&facts, "group:g0#member", "user:anne"), expected);
        assert_eq!(outcome(&facts, "group:g0#member", "user:bob"), CheckResult::Yes);
    }
}

#[test]
fn what_would_cost_too_much_has_no_answer() {
    //
    let many: Vec<String> = (0..300).map(|at| format!("document:a#viewer@group:g{at}#member")).collect();
    let mut facts: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(outcome(&facts, "document:a#viewer", "user:x"), CheckResult::Unanswerable(Unanswerable::TooMuch));
    facts.push("document:a#viewer@user:x");
    assert_eq!(outcome(&facts, "document:a#viewer", "user:x"), CheckResult::Yes);
    let wide: Vec<String> = (0..30)
        .flat_map(|at| {
            let inner = (0..30).map(move |inner| format!("group:g{at}#member@group:g{at}-{inner}#member"));
            std::iter::once(format!("document:a#viewer@group:g{at}#member")).chain(inner)
        })
        .collect();
    let facts: Vec<&str> = wide.iter().map(String::as_str).collect();
    let (outcome, _, reads) = decide(&model(SHARING), &tuples(&facts), "document:a#viewer", "user:x");
    assert_eq!((outcome, reads), (CheckResult::Unanswerable(Unanswerable::TooMuch), MAX_READS));
}

#[test]
fn each_relation_that_a_question_leads_to_is_a_step_before_anything_is_read() {
    //
    let (userset, subject) = (Userset::parse("document:a#viewer").unwrap(), Subject::parse("user:x").unwrap());
    let known = KnownTuples::default();
    let CheckResult::Wants(reads) = evaluate(&model(SHARING), &known, &userset, &subject) else { panic!("read first") };
    assert!(known.work() >= 3 && !reads.is_empty(), "{}", known.work());
}

/// What the store says of groups that have each other as members, as many as may be read.
fn dense(read: &Read) -> TupleReply {
    let groups = MAX_READS - 2;
    let name = read.userset.to_string();
    let at: usize = name.strip_prefix("group:g").unwrap().strip_suffix("#member").unwrap().parse().unwrap();
    let others = (at + 1..=at + crate::relation::MAX_FOUND).map(|other| other % groups);
    let found = others.map(|other| Subject::parse(&format!("group:g{other}#member")).unwrap()).collect();
    TupleReply { is_there: false, found, more: false }
}

#[test]
fn what_takes_too_many_steps_has_no_answer_however_little_is_to_be_read() {
    //
    let model = model(SHARING);
    let (userset, subject) = (Userset::parse("group:g0#member").unwrap(), Subject::parse("user:x").unwrap());
    let mut known = KnownTuples::default();
    let outcome = loop {
        match evaluate(&model, &known, &userset, &subject) {
            CheckResult::Wants(reads) => reads.into_iter().for_each(|read| {
                let answer = dense(&read);
                known.learn(read, answer);
            }),
            outcome => break outcome,
        }
    };
    assert_eq!(outcome, CheckResult::Unanswerable(Unanswerable::TooMuch));
    assert_eq!(known.work(), MAX_WORK + 1);
    // Whoever asks more of the same request gets no answer, and costs nothing more.
    let other = Userset::parse("group:other#member").unwrap();
    assert_eq!(evaluate(&model, &known, &other, &subject), CheckResult::Unanswerable(Unanswerable::TooMuch));
    // In a request of its own it is answered.
    assert!(matches!(evaluate(&model, &KnownTuples::default(), &other, &subject), CheckResult::Wants(_)));
}

#[test]
fn what_people_share_takes_a_small_part_of_the_steps() {
    //
    let many = (0..crate::relation::MAX_FOUND).map(|at| format!("document:a#viewer@group:g{at}#member"));
    let tuples: MemoryTuples = many
        .chain(["group:g7#member@group:inner#member".to_owned(), "group:inner#member@user:x".to_owned()])
        .map(|text| Tuple::parse(&text).unwrap())
        .collect();
    let (userset, subject) = (Userset::parse("document:a#viewer").unwrap(), Subject::parse("user:x").unwrap());
    let mut known = KnownTuples::default();
    while let CheckResult::Wants(reads) = evaluate(&model(SHARING), &known, &userset, &subject) {
        for read in reads {
            let answer = tuples.answer(&read);
            known.learn(read, answer);
        }
    }
    assert_eq!(evaluate(&model(SHARING), &known, &userset, &subject), CheckResult::Yes);
    assert!(known.work() < MAX_WORK / 20, "{}", known.work());
}

#[test]
fn what_makes_no_difference_is_not_read() {
    let facts = ["document:a#owner@user:anne", "document:a#viewer@group:g#member", "document:a#banned@group:g#member"];
    let read = |userset: &str, subject: &str| {
        let (outcome, rounds, reads) = decide(&model(SHARING), &tuples(&facts), userset, subject);
        (outcome, rounds, reads)
    };
    assert_eq!(read("document:a#owner", "user:anne"), (CheckResult::Yes, 1, 1));
    assert_eq!(read("document:a#owner", "group:g"), (CheckResult::No, 0, 0));
    // The owner is found in the first round: nobody looks into the group.
    assert_eq!(read("document:a#viewer", "user:anne"), (CheckResult::Yes, 1, 4));
    // Who is no viewer is no reader, banned or not.
    assert_eq!(read("document:a#reader", "user:eve"), (CheckResult::No, 2, 6));
}

/// The same once more, as plainly as can be: somebody stands in a relation if there is a way there that passes no
/// relation twice.
struct Naive<'a> {
    model: &'a Model,
    tuples: &'a [Tuple],
    subject: &'a Subject,
}

impl Naive<'_> {
    fn holds(&self, userset: &Userset, path: &[Userset]) -> bool {
        if matches!(self.subject, Subject::Userset(own) if own == userset) {
            return true;
        }
        let Some(relation) = self.model.relation(userset.object.kind(), &userset.relation) else { return false };
        if path.contains(userset) {
            return false;
        }
        self.follows(userset, relation, &[path, std::slice::from_ref(userset)].concat())
    }

    fn subjects<'s>(&'s self, userset: &'s Userset, allowed: &'s [Allowed]) -> impl Iterator<Item = &'s Subject> {
        let of = self.tuples.iter().filter(move |tuple| tuple.userset == *userset).map(|tuple| &tuple.subject);
        of.filter(|subject| allowed.iter().any(|one| one.admits(subject)))
    }

    fn follows(&self, userset: &Userset, rewrite: &Rewrite, path: &[Userset]) -> bool {
        let beside = |relation: &Name| Userset { object: userset.object.clone(), relation: relation.clone() };
        match rewrite {
            Rewrite::Direct(allowed) => self.subjects(userset, allowed).any(|subject| match subject {
                subject if subject == self.subject => true,
                Subject::Everyone(kind) => matches!(self.subject, Subject::Object(object) if object.kind() == kind),
                Subject::Userset(set) => self.holds(set, path),
                Subject::Object(_) => false,
            }),
            Rewrite::Computed(relation) => self.holds(&beside(relation), path),
            Rewrite::From { relation, parent } => {
                let parents = self.model.relation(userset.object.kind(), parent);
                let allowed: Vec<Allowed> = parents.into_iter().flat_map(Rewrite::allowed).cloned().collect();
                let tupleset = beside(parent);
                let found: Vec<&Subject> = self.subjects(&tupleset, &allowed).collect();
                found.into_iter().any(|subject| match subject {
                    Subject::Object(object) => {
                        self.holds(&Userset { object: object.clone(), relation: relation.clone() }, path)
                    }
                    _ => false,
                })
            }
            Rewrite::Any(all) => all.iter().any(|one| self.follows(userset, one, path)),
            Rewrite::All(all) => all.iter().all(|one| self.follows(userset, one, path)),
            Rewrite::Except(base, except) => self.follows(userset, base, path) && !self.follows(userset, except, path),
        }
    }
}

/// For each relation how many exclusions lie below it at most; `None` when one excludes what depends on itself. There
/// the plain reading has no end.
fn is_layered(model: &Model) -> bool {
    let kinds = ["a", "b"].map(|kind| Name::parse(kind).unwrap());
    let names = ["up", "r0", "r1", "r2"].map(|name| Name::parse(name).unwrap());
    let mut layers: BTreeMap<(&Name, &Name), usize> = BTreeMap::new();
    for _ in 0..=10 {
        let before = layers.clone();
        for kind in &kinds {
            for name in &names {
                let least = layer(&before, kind, model.relation(kind, name).unwrap());
                layers.insert((kind, name), least);
            }
        }
        if layers == before {
            return true;
        }
    }
    false
}

fn layer(layers: &BTreeMap<(&Name, &Name), usize>, kind: &Name, rewrite: &Rewrite) -> usize {
    let of = |kind: &Name, name: &Name| layers.get(&(kind, name)).copied().unwrap_or(0);
    match rewrite {
        Rewrite::Any(all) | Rewrite::All(all) => all.iter().map(|one| layer(layers, kind, one)).max().unwrap(),
        Rewrite::Except(base, except) => layer(layers, kind, base).max(layer(layers, kind, except) + 1),
        Rewrite::Computed(name) => of(kind, name),
        Rewrite::From { relation, .. } => {
            ["a", "b"].map(|kind| of(&Name::parse(kind).unwrap(), relation)).into_iter().max().unwrap()
        }
        Rewrite::Direct(allowed) => {
            let usersets = allowed.iter().filter_map(|one| match one {
                Allowed::Userset(kind, name) => Some(of(kind, name)),
                _ => None,
            });
            usersets.max().unwrap_or(0)
        }
    }
}

#[test]
fn an_exclusion_may_lead_back_and_only_what_hangs_on_its_opposite_has_no_answer() {
    //
    let model = model(&[
        ("user", &[]),
        ("group", &[("blocked", "[user, group#member]"), ("member", "[user, group#member] but not blocked")]),
    ]);
    let facts = [
        "group:a#member@user:anne",
        "group:a#member@user:eve",
        "group:a#blocked@group:b#member",
        "group:b#member@user:eve",
        "group:b#blocked@group:c#member",
        "group:round#member@user:anne",
        "group:round#blocked@group:back#member",
        "group:back#member@group:round#member",
        "group:even#member@user:anne",
        "group:even#blocked@group:odd#member",
        "group:odd#member@user:anne",
        "group:odd#blocked@group:even#member",
    ];
    let ask = |userset: &str, subject: &str| decide(&model, &tuples(&facts), userset, subject).0;
    assert_eq!(ask("group:a#member", "user:anne"), CheckResult::Yes);
    assert_eq!(ask("group:a#member", "user:eve"), CheckResult::No);
    // Whoever is in is blocked, and whoever is blocked is out: neither is so.
    assert_eq!(ask("group:round#member", "user:anne"), CheckResult::Unanswerable(Unanswerable::Circular));
    assert_eq!(ask("group:round#member", "user:bob"), CheckResult::No);
    // One of the two is out, and nothing says which.
    assert_eq!(ask("group:even#member", "user:anne"), CheckResult::Unanswerable(Unanswerable::Circular));
}

/// Two types with the same few relations, so that everything may lead to everything.
fn a_definition() -> impl Strategy<Value = String> {
    let direct = prop::collection::vec(
        prop::sample::select(vec!["u", "u:*", "a#r0", "a#r1", "b#r0", "b#r2", "a#r2", "b#r1"]),
        1..4,
    )
    .prop_map(|all| format!("[{}]", all.join(", ")));
    let leaf = prop_oneof![
        3 => direct,
        1 => prop::sample::select(vec!["r0", "r1", "r2"]).prop_map(str::to_owned),
        1 => prop::sample::select(vec!["r0 from up", "r1 from up", "r2 from up"]).prop_map(str::to_owned),
    ];
    leaf.prop_recursive(2, 6, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} or {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} and {b})")),
            (inner.clone(), inner).prop_map(|(a, b)| format!("({a} but not {b})")),
        ]
    })
}

fn a_model() -> impl Strategy<Value = Model> {
    prop::collection::vec(a_definition(), 6).prop_filter_map("no model", |all| {
        let kind = |from: usize| {
            let mut relations = vec![("up", "[a, b]")];
            relations.extend(["r0", "r1", "r2"].into_iter().zip(all[from..from + 3].iter().map(String::as_str)));
            relations
        };
        Model::new(definitions(&[("u", &[]), ("a", &kind(0)), ("b", &kind(3))])).ok()
    })
}

fn some_tuples() -> impl Strategy<Value = Vec<Tuple>> {
    let object = prop::sample::select(vec!["a:1", "a:2", "b:1", "b:2"]);
    let relation = prop::sample::select(vec!["r0", "r1", "r2"]);
    let subject = prop_oneof![
        2 => Just("u:x".to_owned()),
        1 => prop::sample::select(vec!["u:y", "u:*"]).prop_map(str::to_owned),
        4 => (object.clone(), relation.clone()).prop_map(|(object, relation)| format!("{object}#{relation}")),
    ];
    let fact = (object.clone(), relation, subject).prop_map(|(of, relation, by)| format!("{of}#{relation}@{by}"));
    let up = (object.clone(), object).prop_map(|(of, by)| format!("{of}#up@{by}"));
    prop::collection::vec(prop_oneof![4 => fact, 1 => up], 0..14)
        .prop_map(|all| all.iter().map(|text| Tuple::parse(text).unwrap()).collect())
}

fn every_question() -> impl Iterator<Item = (String, &'static str)> {
    ["a:1", "b:2"].into_iter().flat_map(|object| {
        let relations = ["r0", "r1", "r2"].into_iter();
        relations.flat_map(move |relation| ["u:x", "u:*", "b:1#r1"].map(|by| (format!("{object}#{relation}"), by)))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn the_answer_is_that_of_a_plain_reading(model in a_model().prop_filter("circular", is_layered), facts in some_tuples()) {
        //
        let store: MemoryTuples = facts.iter().cloned().collect();
        for (userset, by) in every_question() {
            let subject = Subject::parse(by).unwrap();
            let naive = Naive { model: &model, tuples: &facts, subject: &subject };
            let expected = if naive.holds(&Userset::parse(&userset).unwrap(), &[]) { CheckResult::Yes } else { CheckResult::No };
            prop_assert_eq!(decide(&model, &store, &userset, by).0, expected, "{}@{}", userset, by);
        }
    }

    #[test]
    fn a_tuple_about_something_else_changes_nothing(
        model in a_model(), facts in some_tuples(), of in "[ab]", relation in "r[0-2]", by in "(u:x|u:[*]|a:1#r0|b:2#r1)",
    ) {
        //
        let before: MemoryTuples = facts.iter().cloned().collect();
        let mut after = before.clone();
        after.add(Tuple::parse(&format!("{of}:elsewhere#{relation}@{by}")).unwrap());
        for (userset, by) in every_question() {
            prop_assert_eq!(decide(&model, &before, &userset, by), decide(&model, &after, &userset, by));
        }
    }

    #[test]
    fn whatever_is_answered_a_question_ends(model in a_model(), answers in prop::collection::vec(any::<u8>(), 1..40)) {
        let (userset, subject) = (Userset::parse("a:1#r0").unwrap(), Subject::parse("u:x").unwrap());
        let mut known = KnownTuples::default();
        let mut chance = answers.iter().cycle();
        let mut rounds = 0;
        while let CheckResult::Wants(reads) = evaluate(&model, &known, &userset, &subject) {
            prop_assert!(!reads.is_empty());
            for read in reads {
                let at = *chance.next().unwrap();
                let found = match (&read.wanted, at % 4) {
                    (TupleQuery::Objects, 1..) => vec![Subject::parse(&format!("a:{at}")).unwrap()],
                    (TupleQuery::Subjects { .. }, 1..) => vec![Subject::parse(&format!("b:{at}#r1")).unwrap()],
                    _ => Vec::new(),
                };
                known.learn(read, TupleReply { is_there: at % 8 == 0, found, more: at % 16 == 1 });
            }
            rounds += 1;
            prop_assert!(rounds <= MAX_READS && known.len() <= MAX_READS);
        }
    }
}
