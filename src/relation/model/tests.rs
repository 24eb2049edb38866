use super::*;
use crate::relation::testing::{definitions, model};

fn problems(types: &[(&str, &[(&str, &str)])]) -> Vec<String> {
    let problems = Model::new(definitions(types)).unwrap_err();
    let place = |problem: &ModelProblem| match &problem.relation {
        Some(relation) => format!("{}.{relation}", problem.kind),
        None => problem.kind.clone(),
    };
    problems.iter().map(|problem| format!("{}: {}", place(problem), problem.message)).collect()
}

#[test]
fn what_is_not_there_is_named_with_what_was_likely_meant() {
    let types: &[(&str, &[(&str, &str)])] = &[
        ("user", &[]),
        ("group", &[("member", "[user, group#members, usr]")]),
        ("folder", &[("viewer", "[user:*]")]),
        (
            "document",
            &[
                ("parent", "[folder, user:*]"),
                ("owner", "[user] or editr"),
                ("editor", "user"),
                ("viewer", "viewer from parent"),
                ("reader", "viewer from parnet"),
                ("home", "[folder]"),
                ("watcher", "vewer from home"),
            ],
        ),
    ];
    assert_eq!(
        problems(types),
        [
            "document.editor: there is no relation of `document` called `user`, for the type write `[user]`",
            "document.owner: there is no relation of `document` called `editr`, did you mean `editor`?",
            "document.reader: there is no relation of `document` called `parnet`, did you mean `parent`?",
            "document.viewer: `from parent` needs `parent` to be types alone, such as `[folder]`",
            "document.watcher: there is no relation of what is `home` called `vewer`, did you mean `viewer`?",
            "group.member: there is no relation of `group` called `members`, did you mean `member`?",
        ]
    );
}

#[test]
fn a_relation_in_which_nobody_can_ever_stand_is_refused() {
    for (a, b) in [("b", "a"), ("a", "[user]"), ("[document#a]", "[user]"), ("[user] and b", "b")] {
        let types: &[(&str, &[(&str, &str)])] = &[("user", &[]), ("document", &[("a", a), ("b", b)])];
        assert!(problems(types).iter().any(|problem| problem.contains("nobody can ever stand in it")), "{a}, {b}");
    }
}

#[test]
fn a_model_is_bounded() {
    let many: Vec<String> = (0..=MAX_ENTRIES).map(|at| format!("r{at}")).collect();
    let relations: Vec<(&str, &str)> = many.iter().map(|name| (name.as_str(), "[user]")).collect();
    assert!(problems(&[("user", &[]), ("document", &relations)])[0].contains("at most 100"));
}

#[test]
fn a_relation_depends_on_every_type_that_it_leads_to() {
    let model = model(&[
        ("user", &[]),
        ("group", &[("member", "[user, group#member]")]),
        ("folder", &[("parent", "[folder]"), ("viewer", "[group#member] or viewer from parent")]),
        ("document", &[("parent", "[folder]"), ("owner", "[user]"), ("viewer", "owner or viewer from parent")]),
    ]);
    for (kind, relation, on) in [
        ("document", "viewer", &["document", "folder", "group"][..]),
        ("document", "owner", &["document"]),
        ("folder", "viewer", &["folder", "group"]),
        ("group", "member", &["group"]),
        ("group", "owner", &[]),
        ("paper", "owner", &[]),
    ] {
        let name = |text: &str| Name::parse(text).unwrap();
        let (kind, relation) = (name(kind), name(relation));
        let found: Vec<&str> = model.depends_on(&kind, &relation).into_iter().map(Name::as_str).collect();
        assert_eq!(found, on, "{kind} {relation}");
    }
}

#[test]
fn a_tuple_says_what_the_model_admits_and_nothing_else() {
    let model = model(&[
        ("user", &[]),
        ("group", &[("member", "[user, group#member]")]),
        ("document", &[("owner", "[user]"), ("viewer", "([user:*, group#member] or owner) but not owner")]),
    ]);
    let admit = |text: &str| model.admit(&Tuple::parse(text).unwrap());
    for good in ["document:7#owner@user:a", "document:7#viewer@user:*", "document:7#viewer@group:b#member"] {
        assert_eq!(admit(good), Ok(()), "{good}");
    }
    for (bad, why) in [
        ("paper:7#owner@user:a", Inadmissible::Type),
        ("document:7#editor@user:a", Inadmissible::Relation),
        ("user:a#owner@user:a", Inadmissible::Relation),
        ("document:7#viewer@user:a", Inadmissible::Subject),
        ("document:7#owner@user:*", Inadmissible::Subject),
        ("document:7#viewer@group:b", Inadmissible::Subject),
        ("document:7#viewer@group:b#owner", Inadmissible::Subject),
        ("document:7#viewer@group:*", Inadmissible::Subject),
        ("document:7#owner@paper:7", Inadmissible::Subject),
    ] {
        assert_eq!(admit(bad), Err(why), "{bad}");
    }
}
