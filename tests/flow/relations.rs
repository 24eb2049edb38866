//! Routes that ask for relations: who gets through, by tuples that administrators write.

use postern::gateway::Gateway;
use postern::relation::Tuple;
use serde_json::{Value, json};

use super::bearer::{token, with_issuers};
use crate::support::{Answered, Asked, Browser, CORP, Fault, PARTNER, World, gateway};

/// Documents in folders, shared with people and groups; `partner` issues tokens of services.
fn sharing() -> Value {
    let mut variables = with_issuers();
    variables["ISSUERS"]["machines"]["kind"] = json!("service");
    variables["ADMIN"] = json!({ "principals": ["corp|root"] });
    variables["RELATIONS"] = json!({
        "group": { "member": "[user, service, group#member]" },
        "folder": { "parent": "[folder]", "viewer": "[user, group#member] or viewer from parent" },
        "document": {
            "parent": "[folder]",
            "banned": "[user]",
            "owner": "[user]",
            "viewer": "([user, user:*, service, group#member] or owner or viewer from parent) but not banned",
        },
    });
    for (path, require) in [
        ("GET /documents/{id}", json!({ "relations": ["document:{id}#viewer"] })),
        ("PUT /documents/{id}", json!({ "relations": ["document:{id}#viewer", "document:{id}#owner"] })),
        ("/fresh/{id}", json!({ "relations": ["document:{id}#viewer"], "max_age": "1m" })),
        ("/strict/{id}", json!({ "relations": ["document:{id}#viewer"], "scopes": ["admin"] })),
    ] {
        variables["ROUTES"][path] =
            json!({ "upstream": "service:API", "authenticate": ["session", "bearer"], "require": require });
    }
    variables
}

pub fn write(world: &World, tuples: &[&str]) {
    for text in tuples {
        let text = text.replace("corp|", &format!("{CORP}|")).replace("machines|", &format!("{PARTNER}|"));
        world.tuples.borrow_mut().add(Tuple::parse(&text).unwrap());
    }
}

fn get(path: &str) -> Asked {
    Asked::script("GET", path)
}

fn order(path: &str, order: &Value) -> Asked {
    Asked::script("POST", path).with("content-type", "application/json").with_body(Ok(&order.to_string()))
}

fn change(add: &[&str], remove: &[&str]) -> Asked {
    order("/auth/admin/relations", &json!({ "add": add, "remove": remove }))
}

fn root<'w>(world: &'w World, gateway: &'w Gateway) -> Browser<'w> {
    Browser::new(world, gateway).signed_in_as("root", "s-root")
}

#[test]
fn who_stands_in_the_relation_gets_through_and_nobody_else() {
    //
    let (world, gateway) = (World::new(), gateway(&sharing()));
    write(
        &world,
        &[
            "document:plan#parent@folder:q4",
            "folder:q4#viewer@group:staff#member",
            "group:staff#member@group:eng#member",
            "group:eng#member@user:corp|alice",
            "document:plan#owner@user:corp|bob",
            "group:staff#member@user:corp|eve",
            "document:plan#banned@user:corp|eve",
        ],
    );
    let [alice, bob, eve] = ["alice", "bob", "eve"].map(|name| Browser::new(&world, &gateway).signed_in_as(name, name));
    let allowed = alice.send(&get("/documents/plan"));
    allowed.forwarded();
    assert_eq!((&allowed.event["relation_rounds"], &allowed.event["relation_reads"]), (&json!(4), &json!(8)));
    bob.send(&get("/documents/plan")).forwarded();
    bob.send(&Asked::script("PUT", "/documents/plan")).forwarded();
    for refused in [
        alice.send(&get("/documents/other")),
        alice.send(&Asked::script("PUT", "/documents/plan")),
        eve.send(&get("/documents/plan")),
    ] {
        refused.assert_refused(403, "authz.relation_missing");
        assert!(!refused.json().to_string().contains("document"), "{}", refused.json());
    }
    let refused = alice.send(&Asked::script("PUT", "/documents/plan"));
    assert_eq!(refused.event["detail"], "document:{id}#owner");
    Browser::new(&world, &gateway).send(&get("/documents/plan")).assert_refused(401, "authn.no_credential");
}

#[test]
fn the_same_name_at_another_issuer_or_of_another_kind_is_somebody_else() {
    //
    let (world, gateway) = (World::new(), gateway(&sharing()));
    let machine = token(&world, Some("at+jwt"), &json!({ "sub": "alice" }));
    let by_token = || Browser::new(&world, &gateway).send(&Asked::bearing("/documents/plan", &machine));
    write(&world, &["document:plan#viewer@user:corp|alice", "document:plan#viewer@user:machines|alice"]);
    Browser::new(&world, &gateway).signed_in_as("alice", "s").send(&get("/documents/plan")).forwarded();
    by_token().assert_refused(403, "authz.relation_missing");
    // Everyone is everyone of a type.
    write(&world, &["document:plan#viewer@user:*"]);
    by_token().assert_refused(403, "authz.relation_missing");
    write(&world, &["document:plan#viewer@service:machines|alice"]);
    by_token().forwarded();
}

#[test]
fn what_is_taken_away_is_gone_on_the_next_request() {
    //
    let (world, gateway) = (World::new(), gateway(&sharing()));
    let (root, alice) = (root(&world, &gateway), Browser::new(&world, &gateway).signed_in_as("alice", "s"));
    let tuple = "document:plan#viewer@user:corp|alice";
    for _ in 0..3 {
        alice.send(&get("/documents/plan")).assert_refused(403, "authz.relation_missing");
        assert_eq!(root.send(&change(&[tuple], &[])).reply().status, 200);
        alice.send(&get("/documents/plan")).forwarded();
        assert_eq!(root.send(&change(&[], &[tuple])).reply().status, 200);
    }
    alice.send(&get("/documents/plan")).assert_refused(403, "authz.relation_missing");
}

#[test]
fn a_store_that_does_not_answer_lets_nobody_through() {
    //
    let (world, gateway) = (World::new(), gateway(&sharing()));
    write(&world, &["document:plan#viewer@user:corp|alice"]);
    let alice = Browser::new(&world, &gateway).signed_in_as("alice", "s");
    world.fault.set(Fault::Tuples);
    alice.send(&get("/documents/plan")).assert_refused(503, "store.unavailable");
    // Who is refused anyway costs no question.
    let before = world.tuple_rounds.get();
    alice.send(&get("/strict/plan")).assert_refused(403, "authz.insufficient_scope");
    alice.send(&get("/api/a")).forwarded();
    assert_eq!(world.tuple_rounds.get(), before);
}

#[test]
fn nobody_is_sent_to_sign_in_again_where_that_would_not_help() {
    //
    let (world, gateway) = (World::new(), gateway(&sharing()));
    let alice = Browser::new(&world, &gateway).signed_in_as("alice", "s");
    world.wait(300);
    alice.send(&get("/fresh/plan")).assert_refused(403, "authz.relation_missing");
    write(&world, &["document:plan#viewer@user:corp|alice"]);
    let wanted = alice.send(&get("/fresh/plan"));
    assert_eq!(
        (wanted.reply().status.as_u16(), wanted.event["reason"].as_str().unwrap().split('.').next()),
        (401, Some("authz"))
    );
}

#[test]
fn a_path_that_names_nothing_finds_nothing() {
    //
    let (world, gateway) = (World::new(), gateway(&sharing()));
    write(&world, &["document:x#viewer@user:*", "document:x:y#viewer@user:*"]);
    let alice = Browser::new(&world, &gateway).signed_in_as("alice", "s");
    alice.send(&get("/documents/x")).forwarded();
    alice.send(&get("/documents/x:y")).forwarded();
    for path in ["*", "%2A", "x%23viewer", "x%20", "x%C2%A0", &"x".repeat(1025)] {
        alice.send(&get(&format!("/documents/{path}"))).assert_refused(403, "relation.no_object");
    }
    for path in ["X", "x@user", "x:", "document:x", "x:y:z", "y"] {
        alice.send(&get(&format!("/documents/{path}"))).assert_refused(403, "authz.relation_missing");
    }
}

#[test]
fn circles_and_depths_end_in_a_refusal() {
    //
    let (world, gateway) = (World::new(), gateway(&sharing()));
    let chain: Vec<String> = (0..40).map(|at| format!("group:g{at}#member@group:g{}#member", at + 1)).collect();
    let mut tuples: Vec<&str> = chain.iter().map(String::as_str).collect();
    tuples.extend(["document:deep#viewer@group:g0#member", "group:g40#member@user:corp|alice"]);
    tuples.extend(["document:round#parent@folder:a", "folder:a#parent@folder:b", "folder:b#parent@folder:a"]);
    write(&world, &tuples);
    let alice = Browser::new(&world, &gateway).signed_in_as("alice", "s");
    alice.send(&get("/documents/deep")).assert_refused(403, "relation.too_deep");
    alice.send(&get("/documents/round")).assert_refused(403, "authz.relation_missing");
    let many: Vec<String> = (0..300).map(|at| format!("document:wide#viewer@group:w{at}#member")).collect();
    write(&world, &many.iter().map(String::as_str).collect::<Vec<_>>());
    alice.send(&get("/documents/wide")).assert_refused(403, "relation.too_much");
}

fn problems(answered: &Answered) -> Vec<String> {
    assert_eq!(answered.reply().status, 422, "{}", answered.event);
    answered.json()["problems"].as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_change_that_would_take_the_answer_from_others_is_refused() {
    //
    let (world, gateway) = (World::new(), gateway(&sharing()));
    let root = root(&world, &gateway);
    let alice = Browser::new(&world, &gateway).signed_in_as("alice", "s");
    let groups = |from: usize, to: usize| -> Vec<String> {
        (from..to).map(|at| format!("document:full#viewer@group:g{at}#member")).collect()
    };
    let parents = |from: usize, to: usize| -> Vec<String> {
        (from..to).map(|at| format!("document:full#parent@folder:f{at}")).collect()
    };
    fn texts(all: &[String]) -> Vec<&str> {
        all.iter().map(String::as_str).collect()
    }
    let done = |answered: &Answered| answered.reply().status.as_u16() == 200;
    for kind in [&groups as &dyn Fn(usize, usize) -> Vec<String>, &parents] {
        for from in [0, 100] {
            assert!(done(&root.send(&change(&texts(&kind(from, from + 100)), &[]))));
        }
        let before = world.tuples.borrow().clone();
        let refused = root.send(&change(&texts(&kind(200, 251)), &[]));
        let relation = kind(0, 1)[0].split('@').next().unwrap().to_owned();
        assert_eq!(problems(&refused), [format!("expected at most 250 groups or parents in `{relation}`")]);
        assert_eq!(format!("{before:?}"), format!("{:?}", world.tuples.borrow()), "all or nothing");
        assert!(done(&root.send(&change(&texts(&kind(200, 250)), &[]))));
        // What is there already is none more; one goes, and another may come in its place.
        assert!(done(&root.send(&change(&texts(&kind(0, 10)), &[]))));
        assert!(!problems(&root.send(&change(&texts(&kind(250, 251)), &[]))).is_empty());
        assert!(done(&root.send(&change(&texts(&kind(250, 251)), &texts(&kind(0, 1))))));
    }
    // People are not counted: of those there may be a million.
    assert!(done(&root.send(&change(&["document:full#viewer@user:corp|alice"], &[]))));
    alice.send(&get("/documents/full")).forwarded();
    let people: Vec<String> = (0..300).map(|at| format!("group:g9#member@user:corp|p{at}")).collect();
    for some in people.chunks(100) {
        assert!(done(&root.send(&change(&texts(some), &[]))));
    }
    // A relation that is too full from before can be emptied, and not filled.
    let many: Vec<String> = (0..300).map(|at| format!("document:wide#viewer@group:w{at}#member")).collect();
    write(&world, &texts(&many));
    assert!(done(&root.send(&change(&[], &["document:wide#viewer@group:w0#member"]))));
    assert!(!problems(&root.send(&change(&["document:wide#viewer@group:x#member"], &[]))).is_empty());
    let (one, other) = ("document:wide#viewer@group:w1#member", "document:wide#viewer@group:x#member");
    assert!(done(&root.send(&change(&[one], &[]))), "it is there already");
    assert!(!problems(&root.send(&change(&[other], &[one]))).is_empty(), "nobody knows how many more there are");
    // Nobody knows how many there are while the store does not say.
    world.fault.set(crate::support::Fault::Tuples);
    root.send(&change(&["document:other#viewer@group:x#member"], &[])).assert_refused(503, "store.unavailable");
}

#[test]
fn a_change_says_what_it_changed_and_is_noted() {
    //
    let (world, gateway) = (World::new(), gateway(&sharing()));
    let root = root(&world, &gateway);
    let alice = format!("document:plan#viewer@user:{CORP}|alice");
    let first = root.send(&change(&["document:plan#viewer@user:corp|alice", "document:plan#parent@folder:q4"], &[]));
    assert_eq!(first.json(), json!({ "added": [alice, "document:plan#parent@folder:q4"], "removed": [] }));
    let again =
        root.send(&change(&["document:plan#viewer@group:eng#member", "document:plan#parent@folder:q4"], &[&alice]));
    assert_eq!(again.json(), json!({ "added": ["document:plan#viewer@group:eng#member"], "removed": [alice] }));
    let event = &again.event;
    assert_eq!((&event["action"], &event["subject"]), (&json!("relations.change"), &json!("root")));
    assert_eq!((&event["target"], &event["before"]), (&json!("document:plan"), &json!(alice)));
    assert_eq!(event["after"], "document:plan#viewer@group:eng#member");
    assert_eq!((&event["tuples_removed"], &event["tuples_added"]), (&json!([alice]), &json!([event["after"]])));
    let listed = root.send(&get("/auth/admin/relations?object=document:plan"));
    let tuples = json!(["document:plan#parent@folder:q4", "document:plan#viewer@group:eng#member"]);
    assert_eq!(listed.json(), json!({ "tuples": tuples, "next": null }));
}

#[test]
fn a_long_list_comes_page_by_page() {
    let (world, gateway) = (World::new(), gateway(&sharing()));
    let root = root(&world, &gateway);
    let many: Vec<String> = (0..250).map(|at| format!("group:all#member@user:corp|u{at}")).collect();
    write(&world, &many.iter().map(String::as_str).collect::<Vec<_>>());
    let (mut found, mut path) = (Vec::new(), "/auth/admin/relations?object=group:all".to_owned());
    loop {
        let page = root.send(&get(&path)).json();
        found.extend(page["tuples"].as_array().unwrap().clone());
        let Some(next) = page["next"].as_str() else { break };
        let next: String = form_urlencoded::byte_serialize(next.as_bytes()).collect();
        path = format!("/auth/admin/relations?object=group:all&after={next}");
    }
    assert_eq!(found.len(), 250);
}

#[test]
fn what_cannot_be_written_is_told_and_nothing_is_written() {
    let (world, gateway) = (World::new(), gateway(&sharing()));
    let root = root(&world, &gateway);
    let good = "document:plan#owner@user:corp|alice";
    for (bad, problem) in [
        ("document:plan#editor@user:corp|alice", "`RELATIONS.document` has no `editor`"),
        ("document:plan#ownr@user:corp|alice", "`RELATIONS.document` has no `ownr`, did you mean `owner`?"),
        ("documnt:plan#owner@user:corp|alice", "`RELATIONS` has no type `documnt`, did you mean `document`?"),
        (
            "document:plan#owner@user:alice",
            "`document:plan#owner@user:alice`: people are named by the id of a provider or issuer, as in `user:corp|alice`",
        ),
        (
            "document:plan#owner@user:crop|alice",
            "`document:plan#owner@user:crop|alice`: people are named by the id of a provider or issuer, as in `user:corp|alice`",
        ),
        ("document:plan#owner@user:*", "`user:*` cannot stand in `RELATIONS.document.owner` by a tuple"),
        (
            "document:plan#owner@group:eng#member",
            "`group:eng#member` cannot stand in `RELATIONS.document.owner` by a tuple",
        ),
        ("document:plan", "expected a tuple such as `document:7#viewer@user:corp|alice`, found `document:plan`"),
    ] {
        assert_eq!(problems(&root.send(&change(&[good, bad], &[]))), [problem]);
    }
    let twice = problems(&root.send(&change(&[good], &[good])));
    assert!(twice.len() == 1 && twice[0].ends_with("stands twice"), "{twice:?}");
    assert_eq!(problems(&root.send(&change(&[], &[]))), ["expected at least one tuple in `add` or `remove`"]);
    let many: Vec<String> = (0..101).map(|at| format!("document:plan#owner@user:corp|u{at}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(problems(&root.send(&change(&many, &[]))), ["expected at most 100 tuples, found 101"]);
    for body in [json!({ "add": good }), json!({ "add": [1] }), json!({ "ad": [good] })] {
        root.send(&order("/auth/admin/relations", &body)).assert_refused(400, "request.bad_input");
    }
    assert_eq!(root.send(&get("/auth/admin/relations?object=document:plan")).json()["tuples"], json!([]));
    // What the model admits no longer can still be taken away.
    write(&world, &["document:plan#owner@user:*"]);
    assert_eq!(root.send(&change(&[], &["document:plan#owner@user:*"])).reply().status, 200);
}

#[test]
fn an_administrator_may_ask_who_stands_where_and_what_would_be_decided() {
    let (world, gateway) = (World::new(), gateway(&sharing()));
    let root = root(&world, &gateway);
    write(&world, &["document:plan#viewer@group:eng#member", "group:eng#member@user:corp|alice"]);
    let check = |tuple: &str| root.send(&order("/auth/admin/relations/check", &json!({ "tuple": tuple })));
    let expected = json!({ "holds": true, "reason": null, "rounds": 2, "reads": 5 });
    assert_eq!(check("document:plan#viewer@user:corp|alice").json(), expected);
    assert_eq!(check("document:plan#viewer@user:corp|bob").json()["holds"], false);
    assert_eq!(check("document:plan#viewer@group:eng#member").json()["holds"], true);
    assert!(problems(&check("document:plan#vewer@user:corp|bob"))[0].contains("did you mean `viewer`?"));
    let explain = |who: &str| {
        let who = json!({ "provider": "corp", "claims": { "sub": who } });
        root.send(&order("/auth/admin/explain", &json!({ "who": who, "request": "GET /documents/plan" }))).json()
    };
    assert_eq!(explain("alice")["outcome"], "allow");
    let refused = explain("bob");
    assert_eq!((&refused["outcome"], &refused["reason"]), (&json!("deny"), &json!("authz.relation_missing")));
    assert_eq!(refused["detail"], "document:{id}#viewer");
    world.fault.set(Fault::Tuples);
    assert_eq!(explain("alice")["reason"], "store.unavailable");
    check("document:plan#viewer@user:corp|alice").assert_refused(503, "store.unavailable");
}

#[test]
fn without_a_model_there_are_no_relations() {
    let mut variables = with_issuers();
    variables["ADMIN"] = json!({ "principals": ["corp|root"] });
    let (world, gateway) = (World::new(), gateway(&variables));
    let root = root(&world, &gateway);
    root.send(&get("/auth/admin/relations?object=document:plan")).assert_refused(404, "route.none");
    root.send(&change(&["document:plan#owner@user:corp|alice"], &[])).assert_refused(404, "route.none");
}

#[test]
fn policies_are_told_of_the_relations_that_the_route_names() {
    //
    let mut variables = sharing();
    variables["ROUTES"]["/judged/{id}"] = json!({
        "upstream": "service:API", "policy": true, "facts": ["document:{id}#owner", "document:{id}#viewer"],
    });
    let (world, gateway) = (World::new(), gateway(&variables));
    let rule = "@id(\"see\") permit(principal, action, resource) when { context.relations.contains(\"document:{id}#viewer\") }; \
        @id(\"own\") forbid(principal, action in Action::\"write\", resource) unless { context.relations.contains(\"document:{id}#owner\") };";
    super::policies::publish(&world, 1, rule, None);
    write(&world, &["document:plan#viewer@user:corp|alice", "document:plan#owner@user:corp|bob"]);
    let [alice, bob, eve] = ["alice", "bob", "eve"].map(|name| Browser::new(&world, &gateway).signed_in_as(name, name));
    alice.send(&get("/judged/plan")).forwarded();
    bob.send(&Asked::script("PUT", "/judged/plan")).forwarded();
    alice.send(&Asked::script("PUT", "/judged/plan")).assert_refused(403, "policy.forbidden");
    eve.send(&get("/judged/plan")).assert_refused(403, "policy.nothing_permits");
    // What nobody can tell is not taken for a no: a policy may forbid by it.
    eve.send(&get("/judged/*")).assert_refused(403, "relation.no_object");
    world.fault.set(Fault::Tuples);
    alice.send(&get("/judged/plan")).assert_refused(503, "store.unavailable");
}

/// Every page of what is listed there.
pub fn all_pages(browser: &Browser<'_>, query: &str) -> Vec<String> {
    let (mut found, mut next) = (Vec::new(), String::new());
    for _ in 0..1000 {
        let answered = browser.send(&get(&format!("/auth/admin/relations/all?{query}{next}")));
        assert_eq!(answered.reply().status.as_u16(), 200, "{}", answered.event);
        assert_eq!(answered.event["action"], "relations.dump");
        let page = answered.json();
        let tuples = page["tuples"].as_array().unwrap();
        assert!(tuples.len() <= 100);
        found.extend(tuples.iter().map(|tuple| tuple.as_str().unwrap().to_owned()));
        let Some(text) = page["next"].as_str() else { return found };
        let text = text.replace(' ', "%20").replace('#', "%23").replace('|', "%7C");
        next = format!("&after={text}");
    }
    panic!("there is no end");
}

#[test]
fn every_tuple_is_in_the_dump_once_and_those_of_a_person_can_be_had_alone() {
    //
    let (world, gateway) = (World::new(), gateway(&sharing()));
    let root = root(&world, &gateway);
    assert_eq!(all_pages(&root, ""), Vec::<String>::new());
    let mut written: Vec<String> = (0..150).map(|at| format!("document:{at}#viewer@user:{CORP}|u{}", at % 3)).collect();
    written.extend((0..250).map(|at| format!("document:many#viewer@user:{CORP}|m{at:03}")));
    written.push("document:many#viewer@group:eng#member".to_owned());
    for tuple in &written {
        world.tuples.borrow_mut().add(Tuple::parse(tuple).unwrap());
    }
    let sorted = |mut all: Vec<String>| {
        all.sort();
        all
    };
    assert_eq!(sorted(all_pages(&root, "")), sorted(written.clone()));
    for subject in ["user:corp%7Cu1", &format!("user:{CORP}%7Cu1")] {
        let found = all_pages(&root, &format!("subject={subject}"));
        assert_eq!(found.len(), 50);
        assert!(found.iter().all(|tuple| tuple.ends_with("|u1")), "{found:?}");
    }
    assert_eq!(all_pages(&root, "subject=group:eng%23member"), ["document:many#viewer@group:eng#member"]);
}

#[test]
fn a_dump_is_for_administrators_and_what_cannot_be_read_is_refused() {
    //
    let (world, gateway) = (World::new(), gateway(&sharing()));
    let root = root(&world, &gateway);
    for query in [
        "after=",
        "after=40",
        "after=00%20x",
        "subject=alice",
        "subject=user:alice",
        "object=document:7",
        "after=00&after=00",
    ] {
        root.send(&get(&format!("/auth/admin/relations/all?{query}"))).assert_refused(400, "request.bad_input");
    }
    world.fault.set(Fault::Tuples);
    root.send(&get("/auth/admin/relations/all")).assert_refused(503, "store.unavailable");
    world.fault.set(Fault::None);
    let alice = Browser::new(&world, &gateway).signed_in_as("alice", "s-alice");
    alice.send(&get("/auth/admin/relations/all")).assert_refused(403, "admin.not_an_administrator");
}
