//! Services write and read tuples, of the types that they are trusted with: an application offers to share.

use futures::executor::block_on;
use postern::api_key::{
    ApiKeyId, ApiKeyText, HolderKey, KeyCommand, KeyHolder, KeyOwner, KeyReply, MakeKey, OwnerStanding, ask,
};
use postern::gateway::Gateway;
use postern::http::header;
use postern::ids::identifiers::{IssuerIdentifier, SubjectIdentifier};
use postern::relation::Tuple;
use postern::time::Seconds;
use serde_json::{Value, json};

use super::bearer::{token, with_issuers};
use super::relations::write;
use crate::support::{Answered, Asked, Browser, CORP, Fault, PARTNER, World, gateway};

const HERE: &str = "/auth/relations";
const CHECK: &str = "/auth/relations/check";
const REMOVE: &str = "/auth/relations/remove-subject";

/// Documents and notes can be shared by services with a scope for each; groups by none.
fn sharing() -> Value {
    let mut variables = with_issuers();
    variables["ISSUERS"]["machines"]["kind"] = json!("service");
    variables["ADMIN"] = json!({ "principals": ["corp|root"] });
    variables["RELATIONS"] = json!({
        "group": { "member": "[user, group#member]" },
        "note": { "reader": "[user]" },
        "document": {
            "parent": "[document]",
            "owner": "[user]",
            "viewer": "[user, service, group#member] or owner or viewer from parent",
        },
    });
    variables["SHARING"] = json!({
        "require": { "issuers": ["machines"] },
        "types": {
            "document": { "require": { "scopes": ["documents:share"] } },
            "note": { "require": { "scopes": ["notes:share"] } },
        },
    });
    variables["ROUTES"]["/documents/{id}"] =
        json!({ "upstream": "service:API", "require": { "relations": ["document:{id}#viewer"] } });
    variables
}

/// The request of the service `editor`, with these scopes.
fn by(world: &World, scope: &str, asked: Asked) -> Asked {
    let token = token(world, Some("at+jwt"), &json!({ "sub": "editor", "scope": scope }));
    asked.with("authorization", &format!("Bearer {token}"))
}

fn get(query: &str) -> Asked {
    let query = query.replace('#', "%23").replace('|', "%7C").replace(' ', "%20");
    Asked::new("GET", &format!("{HERE}?{query}"))
}

fn post(path: &str, order: &Value) -> Asked {
    Asked::new("POST", path).with("content-type", "application/json").with_body(Ok(&order.to_string()))
}

/// By a service that may share documents.
fn send(world: &World, gateway: &Gateway, asked: Asked) -> Answered {
    Browser::new(world, gateway).send(&by(world, "documents:share", asked))
}

fn change(world: &World, gateway: &Gateway, order: &Value) -> Answered {
    send(world, gateway, post(HERE, order))
}

fn all(world: &World) -> String {
    format!("{:?}", world.tuples.borrow())
}

fn problems(answered: &Answered) -> Vec<String> {
    assert_eq!(answered.reply().status, 422, "{}", answered.event);
    answered.json()["problems"].as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_document_is_shared_and_is_there_on_the_next_request_and_gone_when_it_is_not_shared_any_more() {
    //
    let (world, gateway) = (World::new(), gateway(&sharing()));
    let bob = Browser::new(&world, &gateway).signed_in_as("bob", "s-bob");
    let eve = Browser::new(&world, &gateway).signed_in_as("eve", "s-eve");
    let document = Asked::script("GET", "/documents/7");
    let tuple = format!("document:7#viewer@user:{CORP}|bob");
    for _ in 0..3 {
        bob.send(&document).assert_refused(403, "authz.relation_missing");
        let shared = change(&world, &gateway, &json!({ "add": ["document:7#viewer@user:corp|bob"] }));
        assert_eq!(shared.json(), json!({ "added": [tuple], "removed": [] }));
        bob.send(&document).forwarded();
        eve.send(&document).assert_refused(403, "authz.relation_missing");
        let gone = change(&world, &gateway, &json!({ "remove": [tuple] }));
        assert_eq!(gone.json(), json!({ "added": [], "removed": [tuple] }));
    }
    bob.send(&document).assert_refused(403, "authz.relation_missing");
}

#[test]
fn a_service_is_trusted_with_the_types_of_its_scopes_alone() {
    //
    let (world, gateway) = (World::new(), gateway(&sharing()));
    write(&world, &["note:1#reader@user:corp|alice", "group:eng#member@user:corp|alice"]);
    let before = all(&world);
    for (tuple, reason) in [
        ("note:1#reader@user:corp|bob", "authz.insufficient_scope"),
        ("group:eng#member@user:corp|bob", "sharing.type_not_trusted"),
        ("user:corp|alice#manager@user:corp|bob", "sharing.type_not_trusted"),
        // One that is not there is not told from one that is.
        ("nothing:1#x@user:corp|bob", "sharing.type_not_trusted"),
    ] {
        let object = tuple.split('#').next().unwrap();
        for order in [
            post(HERE, &json!({ "add": [tuple] })),
            post(HERE, &json!({ "remove": [tuple] })),
            post(HERE, &json!({ "add": ["document:1#viewer@user:corp|bob", tuple] })),
            post(HERE, &json!({ "add": ["document:1#viewer@user:corp|bob"], "expect": [tuple] })),
            post(HERE, &json!({ "add": ["document:1#viewer@user:corp|bob"], "expect_not": [tuple] })),
            post(CHECK, &json!({ "tuple": tuple })),
            get(&format!("object={object}")),
        ] {
            send(&world, &gateway, order).assert_refused(403, reason);
        }
    }
    assert_eq!(all(&world), before);
    // With the other scope it is the other way round, and the answer says which scope would do.
    let notes = |order: &Value| Browser::new(&world, &gateway).send(&by(&world, "notes:share", post(HERE, order)));
    assert_eq!(notes(&json!({ "add": ["note:1#reader@user:corp|bob"] })).reply().status, 200);
    let refused = notes(&json!({ "add": ["document:1#viewer@user:corp|bob"] }));
    let challenge = refused.reply().headers[header::WWW_AUTHENTICATE].to_str().unwrap().to_owned();
    assert!(challenge.contains("insufficient_scope") && challenge.contains("scope=\"documents:share\""), "{challenge}");
}

#[test]
fn services_alone_come_in() {
    //
    let mut variables = sharing();
    variables["SHARING"].as_object_mut().unwrap().remove("require");
    variables["ISSUERS"]["corp"]["kind"] = json!("human");
    let (world, gateway_) = (World::new(), gateway(&variables));
    let order = json!({ "add": ["document:7#viewer@user:corp|bob"] });
    let asked = || post(HERE, &order);
    Browser::new(&world, &gateway_).send(&asked()).assert_refused(401, "authn.no_token");
    let signed_in = Browser::new(&world, &gateway_).signed_in_as("root", "s");
    let by_cookie =
        Asked::script("POST", HERE).with("content-type", "application/json").with_body(Ok(&order.to_string()));
    signed_in.send(&by_cookie).assert_refused(401, "authn.no_token");
    for (kind, reason) in [("human", "authz.kind_not_accepted"), ("agent", "authz.kind_not_accepted")] {
        variables["ISSUERS"]["machines"]["kind"] = json!(kind);
        let gateway = gateway(&variables);
        for path in [HERE, CHECK, REMOVE] {
            send(&world, &gateway, post(path, &order)).assert_refused(403, reason);
        }
    }
    assert_eq!(all(&world), all(&World::new()));
    assert_eq!(change(&world, &gateway_, &order).reply().status, 200);
    // And without the table nothing is there.
    variables.as_object_mut().unwrap().remove("SHARING");
    change(&world, &gateway(&variables), &order).assert_refused(404, "route.none");
}

#[test]
fn what_it_takes_is_told_to_clients_and_other_methods_and_paths_are_refused() {
    let (world, gateway) = (World::new(), gateway(&sharing()));
    let metadata = "/.well-known/oauth-protected-resource/auth/relations";
    let told = Browser::new(&world, &gateway).send(&Asked::new("GET", metadata)).json();
    assert_eq!(told["scopes_supported"], json!(["documents:share", "notes:share"]));
    for (method, path) in [("PUT", HERE), ("DELETE", HERE), ("GET", CHECK), ("GET", REMOVE), ("HEAD", REMOVE)] {
        send(&world, &gateway, Asked::new(method, path)).assert_refused(405, "route.method_not_allowed");
    }
    for path in ["/auth/relations/", "/auth/relations/x", "/auth/relations/check/x"] {
        send(&world, &gateway, Asked::new("POST", path)).assert_refused(404, "route.none");
    }
}

#[test]
fn what_is_expected_is_so_or_nothing_is_changed() {
    //
    let (world, gateway) = (World::new(), gateway(&sharing()));
    write(&world, &["document:7#owner@user:corp|alice"]);
    let (alice, bob) = (format!("document:7#owner@user:{CORP}|alice"), format!("document:7#owner@user:{CORP}|bob"));
    let hand_over = json!({ "expect": [alice], "expect_not": [bob], "remove": [alice], "add": [bob] });
    let done = change(&world, &gateway, &hand_over);
    assert_eq!(done.json(), json!({ "added": [bob], "removed": [alice] }));
    let before = all(&world);
    // Once more: it is not so any more.
    let unmet = change(&world, &gateway, &hand_over);
    assert_eq!((unmet.reply().status.as_u16(), &unmet.event["reason"]), (409, &json!("sharing.unmet")));
    let body = unmet.json();
    assert_eq!(body["type"], "urn:postern:problem:conflict");
    assert_eq!((&body["unmet"], &body["added"], &body["removed"]), (&json!([alice, bob]), &json!([]), &json!([])));
    assert_eq!(all(&world), before);
    for (order, unmet) in [
        (json!({ "expect": [bob], "add": ["document:7#viewer@user:corp|eve"] }), json!(null)),
        (json!({ "expect_not": [bob], "remove": [bob] }), json!([bob])),
    ] {
        let answered = change(&world, &gateway, &order);
        assert_eq!(answered.json().get("unmet").unwrap_or(&Value::Null), &unmet, "{order}");
    }
}

#[test]
fn of_several_objects_nothing_is_changed_unless_everything_expected_is_so() {
    //
    let (world, gateway) = (World::new(), gateway(&sharing()));
    write(&world, &["document:1#owner@user:corp|alice", "document:2#owner@user:corp|bob"]);
    let before = all(&world);
    let tuple = |id: usize, relation: &str, who: &str| format!("document:{id}#{relation}@user:{CORP}|{who}");
    let order = |owner: &str| {
        json!({
            "expect": [tuple(1, "owner", "alice"), tuple(2, "owner", owner)],
            "add": [tuple(1, "viewer", "eve"), tuple(3, "viewer", "eve")],
            "remove": [tuple(2, "owner", owner)],
        })
    };
    let unmet = change(&world, &gateway, &order("alice"));
    assert_eq!((unmet.reply().status.as_u16(), &unmet.json()["unmet"]), (409, &json!([tuple(2, "owner", "alice")])));
    assert!(unmet.event.get("tuples_added").is_none() && unmet.event.get("tuples_removed").is_none());
    assert_eq!(all(&world), before);
    let done = change(&world, &gateway, &order("bob"));
    let (added, removed) = ([tuple(1, "viewer", "eve"), tuple(3, "viewer", "eve")], [tuple(2, "owner", "bob")]);
    assert_eq!(done.json(), json!({ "added": added, "removed": removed }));
    // What is taken away goes first.
    assert_eq!(done.event["target"], "document:2 document:1 document:3");
    let again = json!({ "add": added, "remove": removed });
    assert_eq!(change(&world, &gateway, &again).json(), json!({ "added": [], "removed": [] }));
}

#[test]
fn an_order_that_the_store_ends_half_way_has_taken_away_before_it_gave_and_notes_what_it_did() {
    //
    let (world, gateway) = (World::new(), gateway(&sharing()));
    write(&world, &["document:2#viewer@user:corp|bob"]);
    world.tuple_changes.set(Some(1));
    let (gone, new) = (format!("document:2#viewer@user:{CORP}|bob"), format!("document:1#viewer@user:{CORP}|bob"));
    let order = json!({ "add": [new], "remove": [gone] });
    let broken = change(&world, &gateway, &order);
    broken.assert_refused(503, "store.unavailable");
    assert_eq!((&broken.event["tuples_removed"], broken.event.get("tuples_added")), (&json!([gone]), None));
    // It can be given once more.
    world.tuple_changes.set(None);
    assert_eq!(change(&world, &gateway, &order).json(), json!({ "added": [new], "removed": [] }));
}

#[test]
fn a_change_is_an_event_that_says_who_for_whom_and_what() {
    //
    let (world, gateway) = (World::new(), gateway(&sharing()));
    let tuple = format!("document:7#viewer@user:{CORP}|bob");
    let order = json!({ "add": [tuple], "on_behalf_of": "user:corp|alice" });
    let event = change(&world, &gateway, &order).event;
    for (field, expected) in [
        ("event", json!("sharing")),
        ("outcome", json!("allow")),
        ("reason", json!("sharing.done")),
        ("action", json!("relations.change")),
        ("route", json!("SHARING")),
        ("issuer", json!(PARTNER)),
        ("subject", json!("editor")),
        ("kind", json!("service")),
        ("on_behalf_of", json!(format!("user:{CORP}|alice"))),
        ("target", json!("document:7")),
        ("tuples_added", json!([tuple])),
    ] {
        assert_eq!(event[field], expected, "{field}");
    }
    for wrong in ["alice", "user:alice", "user:*", "group:eng", "group:eng#member", "document:7"] {
        let order = json!({ "add": [tuple], "on_behalf_of": wrong });
        change(&world, &gateway, &order).assert_refused(400, "request.bad_input");
    }
    // It gives the service nothing: it is not that person.
    let order = json!({ "add": ["note:1#reader@user:corp|bob"], "on_behalf_of": "user:corp|root" });
    change(&world, &gateway, &order).assert_refused(403, "authz.insufficient_scope");
}

/// Every page of what is listed, and how many there were.
fn pages(world: &World, gateway: &Gateway, query: &str) -> (Vec<String>, usize) {
    let (mut found, mut next, mut count) = (Vec::new(), String::new(), 0);
    while count < 100 {
        let answered = send(world, gateway, get(&format!("{query}{next}")));
        assert_eq!(answered.reply().status, 200, "{}", answered.event);
        let page = answered.json();
        found.extend(page["tuples"].as_array().unwrap().iter().map(|tuple| tuple.as_str().unwrap().to_owned()));
        count += 1;
        let Some(text) = page["next"].as_str() else { return (found, count) };
        next = format!("&after={text}");
    }
    panic!("there is no end");
}

/// Many documents that bob sees, and one note.
fn spread(world: &World) -> Vec<String> {
    write(world, &["note:1#reader@user:corp|bob", "group:eng#member@user:corp|bob", "document:x#viewer@user:corp|bo"]);
    let mut documents: Vec<String> = (0..300).map(|at| format!("document:{at}#viewer@user:{CORP}|bob")).collect();
    for tuple in &documents {
        world.tuples.borrow_mut().add(Tuple::parse(tuple).unwrap());
    }
    documents.sort();
    documents
}

#[test]
fn what_is_shared_with_somebody_is_listed_as_far_as_the_service_is_trusted() {
    //
    let (world, gateway) = (World::new(), gateway(&sharing()));
    let documents = spread(&world);
    let (mut found, count) = pages(&world, &gateway, "subject=user:corp|bob");
    found.sort();
    assert!(found == documents && count <= 8, "{} {count}", found.len());
    assert_eq!(pages(&world, &gateway, "object=document:7").0, [format!("document:7#viewer@user:{CORP}|bob")]);
    for bad in ["", "subject=bob", "subject=user:bob", "object=", "object=document:7&subject=user:corp|bob", "x=1"] {
        send(&world, &gateway, get(bad)).assert_refused(400, "request.bad_input");
    }
    send(&world, &gateway, get("subject=user:corp|bob&after=zz")).assert_refused(400, "request.bad_input");
    // Who is trusted with nothing sees nothing.
    let stranger = by(&world, "read", get("subject=user:corp|bob"));
    Browser::new(&world, &gateway).send(&stranger).assert_refused(403, "authz.insufficient_scope");
}

#[test]
fn what_is_shared_with_somebody_is_removed_as_far_as_the_service_is_trusted() {
    //
    let (world, gateway) = (World::new(), gateway(&sharing()));
    let mut documents = spread(&world);
    let (mut removed, mut after) = (Vec::new(), json!(null));
    for turn in 0..100 {
        assert!(turn < 99, "there is no end");
        let order = json!({ "subject": "user:corp|bob", "after": after, "on_behalf_of": "user:corp|root" });
        let answered = send(&world, &gateway, post(REMOVE, &order));
        let event = &answered.event;
        assert_eq!(
            (&event["action"], &event["on_behalf_of"]),
            (&json!("relations.remove"), &json!(format!("user:{CORP}|root")))
        );
        let page = answered.json();
        let tuples = page["removed"].as_array().unwrap();
        assert_eq!(event.get("tuples_removed").map_or(0, |all| all.as_array().unwrap().len()), tuples.len());
        removed.extend(tuples.iter().map(|tuple| tuple.as_str().unwrap().to_owned()));
        after = page["next"].clone();
        if after.is_null() {
            break;
        }
    }
    removed.sort();
    documents.sort();
    assert_eq!(removed, documents);
    let left = all(&world);
    for kept in ["note", "eng", "|bo\""] {
        assert!(left.contains(kept), "{kept}: {left}");
    }
    let nothing = by(&world, "read", post(REMOVE, &json!({ "subject": "user:corp|bob" })));
    Browser::new(&world, &gateway).send(&nothing).assert_refused(403, "authz.insufficient_scope");
    for order in [json!({}), json!({ "subject": "bob" }), json!({ "subject": "user:corp|bob", "after": 7 })] {
        send(&world, &gateway, post(REMOVE, &order)).assert_refused(400, "request.bad_input");
    }
    assert_eq!(all(&world), left);
}

#[test]
fn an_administrator_removes_all_there_is_of_somebody() {
    //
    let (world, gateway) = (World::new(), gateway(&sharing()));
    spread(&world);
    let root = Browser::new(&world, &gateway).signed_in_as("root", "s-root");
    let remove = |after: &Value| {
        let order = json!({ "subject": "user:corp|bob", "after": after }).to_string();
        let asked = Asked::script("POST", "/auth/admin/relations/remove-subject");
        root.send(&asked.with("content-type", "application/json").with_body(Ok(&order)))
    };
    let (mut after, mut count) = (json!(null), 0);
    for _ in 0..100 {
        let answered = remove(&after);
        assert_eq!(answered.event["action"], "relations.remove");
        count += answered.json()["removed"].as_array().unwrap().len();
        after = answered.json()["next"].clone();
        if after.is_null() {
            break;
        }
    }
    assert_eq!((count, after), (302, json!(null)));
    let left = all(&world);
    assert!(!left.contains("|bob\"") && left.contains("|bo\""), "{left}");
}

#[test]
fn a_service_asks_whether_a_relation_holds() {
    let (world, gateway) = (World::new(), gateway(&sharing()));
    write(&world, &["document:7#viewer@group:eng#member", "group:eng#member@user:corp|bob"]);
    let holds = |who: &str| {
        let asked = post(CHECK, &json!({ "tuple": format!("document:7#viewer@user:corp|{who}") }));
        send(&world, &gateway, asked).json()["holds"].clone()
    };
    assert_eq!((holds("bob"), holds("eve")), (json!(true), json!(false)));
    let unknown = send(&world, &gateway, post(CHECK, &json!({ "tuple": "document:7#vewer@user:corp|bob" })));
    assert!(problems(&unknown)[0].contains("did you mean `viewer`?"));
    world.fault.set(Fault::Tuples);
    let asked = post(CHECK, &json!({ "tuple": "document:7#viewer@user:corp|bob" }));
    send(&world, &gateway, asked).assert_refused(503, "store.unavailable");
}

#[test]
fn orders_have_bounds_and_what_cannot_be_is_told() {
    //
    let (world, gateway) = (World::new(), gateway(&sharing()));
    let viewers =
        |count: usize| -> Vec<String> { (0..count).map(|at| format!("document:7#viewer@user:corp|u{at}")).collect() };
    let objects =
        |count: usize| -> Vec<String> { (0..count).map(|at| format!("document:{at}#viewer@user:corp|bob")).collect() };
    for (order, problem) in [
        (json!({ "add": viewers(101) }), "expected at most 100 tuples, found 101"),
        (json!({ "add": objects(21) }), "expected tuples of at most 20 objects, found 21"),
        (json!({ "add": objects(1), "expect_not": viewers(101) }), "expected at most 100 tuples, found 101"),
        (json!({ "expect": objects(1) }), "expected at least one tuple in `add` or `remove`"),
        (
            json!({ "add": ["document:7#viewer@user:*"] }),
            "`user:*` cannot stand in `RELATIONS.document.viewer` by a tuple",
        ),
        (json!({ "add": ["document:7#editor@user:corp|bob"] }), "`RELATIONS.document` has no `editor`"),
    ] {
        assert_eq!(problems(&change(&world, &gateway, &order)), [problem]);
    }
    // They are counted before any of them is read.
    let worthless = json!({ "add": vec!["x"; 50_000], "expect": ["y"] });
    assert_eq!(problems(&change(&world, &gateway, &worthless)), ["expected at most 100 tuples, found 50000"]);
    let elsewhere =
        json!({ "add": ["document:1#viewer@user:corp|bob"], "expect": ["document:2#viewer@user:corp|bob"] });
    let found = problems(&change(&world, &gateway, &elsewhere));
    assert!(found[0].ends_with("is expected of an object that is not changed"), "{found:?}");
    let twice = json!({ "add": objects(1), "expect": objects(1), "expect_not": objects(1) });
    assert!(problems(&change(&world, &gateway, &twice))[0].ends_with("stands twice"));
    let long = format!("{{\"add\": [\"{}\"]}}", "x".repeat(256 * 1024));
    for body in [long.as_str(), "[]", "{\"add\": 1}", "{\"add\": [], \"add\": []}", "{\"ad\": []}", ""] {
        let asked = Asked::new("POST", HERE).with("content-type", "application/json").with_body(Ok(body));
        send(&world, &gateway, asked).assert_refused(400, "request.bad_input");
    }
    send(&world, &gateway, Asked::new("POST", HERE).with_body(Ok("{}"))).assert_refused(400, "request.bad_input");
    assert_eq!(all(&world), all(&World::new()));
    assert_eq!(change(&world, &gateway, &json!({ "add": objects(20) })).reply().status, 200);
    // And they are counted, by their own limit.
    let mut variables = sharing();
    variables["SHARING"]["limits"] = json!({ "subject": { "rate": "2/1m" } });
    let limited = crate::support::gateway(&variables);
    let statuses: Vec<u16> =
        (0..3).map(|_| change(&world, &limited, &json!({ "add": objects(1) })).reply().status.as_u16()).collect();
    assert_eq!(statuses, [200, 200, 429]);
}

/// The text of a key that is stored, with the scope for documents.
fn key(world: &World, gateway: &Gateway, holder: &KeyHolder) -> String {
    let (id, config) = (ApiKeyId::generate(&HolderKey::of(holder), world), gateway.config());
    let text = ApiKeyText::generate(id, &config.keys, world);
    let make = MakeKey {
        id,
        digest: text.digest(),
        holder: holder.clone(),
        name: "notes".to_owned(),
        scopes: vec!["documents:share".to_owned()],
        life: Seconds::hours(24),
        most: 10,
        standing: holder.owner().map(|_| OwnerStanding::default()),
    };
    assert!(matches!(block_on(ask(world, &KeyCommand::Make(Box::new(make)))).unwrap(), KeyReply::Made(_)));
    text.expose(&config.api_keys.as_ref().unwrap().prefix).expose().clone()
}

#[test]
fn a_service_shares_by_its_key_and_a_persons_key_never_does() {
    //
    let mut variables = sharing();
    variables["KEYS"] = json!({ "self_service": { "scopes": ["documents:share"] } });
    variables["SHARING"].as_object_mut().unwrap().remove("require");
    variables["SHARING"]["authenticate"] = json!(["key"]);
    let (world, gateway) = (World::new(), gateway(&variables));
    let order = |tuple: &str| post(HERE, &json!({ "add": [tuple] }));
    let by_key = |key: &str, asked: Asked| {
        Browser::new(&world, &gateway).send(&asked.with("authorization", &format!("Bearer {key}")))
    };
    let (issuer, subject) = (IssuerIdentifier::new(CORP), SubjectIdentifier::new("alice"));
    let of_alice = key(&world, &gateway, &KeyHolder::Person(KeyOwner { provider: "corp".to_owned(), issuer, subject }));
    by_key(&of_alice, order("document:7#viewer@user:corp|bob")).assert_refused(403, "sharing.key_of_a_person");
    let of_service = key(&world, &gateway, &KeyHolder::Service("notes".to_owned()));
    by_key(&of_service, order("note:7#reader@user:corp|bob")).assert_refused(403, "authz.insufficient_scope");
    assert_eq!(all(&world), all(&World::new()));
    let done = by_key(&of_service, order("document:7#viewer@user:corp|bob"));
    assert_eq!((done.reply().status.as_u16(), &done.event["subject"]), (200, &json!("service:notes")));
    assert_eq!(done.event["means"], "key");
    // An access token is none of the ways here.
    change(&world, &gateway, &json!({ "add": ["document:7#viewer@user:corp|eve"] }))
        .assert_refused(401, "key.malformed");
}
