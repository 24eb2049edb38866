//! Whatever a service sends about tuples: an order does what its answer says and it is trusted with, or nothing; and pages of
//! what there is of a subject end, with each tuple once at most, whatever they are begun with.

use std::collections::BTreeSet;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use postern::gateway::Gateway;
use postern::relation::message::SHARDS;
use postern::relation::{MemoryTuples, Tuple, TupleFilter};
use serde_json::{Value, json};

use crate::support::{Answered, Asked, Browser, PARTNER, World, gateway, variables};

const HERE: &str = "/auth/relations";
const TRUSTED: &str = "document";
/// What is there before each order.
const TUPLES: [&str; 4] = [
    "document:7#viewer@user:https://login.corp.example/t1|alice",
    "document:8#viewer@user:https://login.corp.example/t1|alice",
    "document:8#parent@document:7",
    "note:7#viewer@user:https://login.corp.example/t1|alice",
];

struct Deployment {
    world: World,
    gateway: Gateway,
    token: String,
}

thread_local! {
    static DEPLOYMENT: Deployment = Deployment::new();
}

pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    DEPLOYMENT.with(|deployment| {
        deployment.order(text);
        deployment.pages(text);
    });
}

impl Deployment {
    fn new() -> Self {
        let mut variables = variables();
        variables["ISSUERS"] =
            json!({ "machines": { "issuer": PARTNER, "audience": "urn:api", "algs": ["ES256"], "kind": "service" } });
        variables["RELATIONS"] = json!({
            "note": { "viewer": "[user]" },
            "document": { "parent": "[document]", "viewer": "[user, document#viewer] or viewer from parent" },
        });
        let types =
            json!({ "document": { "require": { "scopes": ["share"] } }, "note": { "require": { "scopes": ["x"] } } });
        variables["SHARING"] = json!({ "require": { "issuers": ["machines"] }, "types": types });
        let world = World::new();
        let now = world.now.get();
        let claims = json!({
            "iss": PARTNER, "aud": "urn:api", "sub": "editor", "client_id": "editor", "jti": "one", "scope": "share",
            "iat": now, "exp": now + 3600,
        });
        let token = world.partner.key.borrow().sign(Some("at+jwt"), claims.as_object().expect("an object"));
        Self { gateway: gateway(&variables), world, token }
    }

    fn send(&self, asked: Asked) -> Answered {
        let asked = asked.with("authorization", &format!("Bearer {}", self.token));
        let answered = Browser::new(&self.world, &self.gateway).send(&asked);
        self.world.lines.borrow_mut().clear();
        let status = answered.reply().status.as_u16();
        assert!(matches!(status, 200 | 400 | 403 | 404 | 409 | 422), "{status} {}", answered.event);
        answered
    }

    fn reset(&self) {
        let tuples = TUPLES.into_iter().map(|text| Tuple::parse(text).expect("a tuple"));
        self.world.tuples.replace(tuples.collect::<MemoryTuples>());
    }

    fn all(&self) -> BTreeSet<String> {
        let (tuples, every) = (self.world.tuples.borrow(), TupleFilter { subject: None, kinds: None });
        let mut all = BTreeSet::new();
        for place in 0..SHARDS {
            let mut after = None;
            loop {
                let page = tuples.dump(place, after.as_ref(), &every);
                all.extend(page.tuples.iter().map(ToString::to_string));
                after = page.tuples.last().cloned();
                if !page.more {
                    break;
                }
            }
        }
        all
    }

    fn order(&self, body: &str) {
        self.reset();
        let before = self.all();
        let asked = Asked::new("POST", HERE).with("content-type", "application/json").with_body(Ok(body));
        let answered = self.send(asked);
        let after = self.all();
        let told = |name: &str| {
            let list = answered.json()[name].as_array().cloned().unwrap_or_default();
            list.iter().filter_map(Value::as_str).map(str::to_owned).collect::<BTreeSet<_>>()
        };
        let added: BTreeSet<_> = after.difference(&before).cloned().collect();
        let removed: BTreeSet<_> = before.difference(&after).cloned().collect();
        if matches!(answered.reply().status.as_u16(), 200 | 409) {
            assert_eq!((&added, &removed), (&told("added"), &told("removed")), "{body}");
        } else {
            assert!(added.is_empty() && removed.is_empty(), "{body}");
        }
        let trusted = |text: &String| text.starts_with(&format!("{TRUSTED}:"));
        assert!(added.iter().chain(&removed).all(trusted), "{body}");
        let ordered: Value = serde_json::from_str(body).unwrap_or_default();
        let count = |name: &str| ordered[name].as_array().map_or(0, Vec::len);
        assert!(added.len() <= count("add") && removed.len() <= count("remove"), "{body}");
    }

    fn pages(&self, after: &str) {
        self.reset();
        let subject = utf8_percent_encode("user:corp|alice", NON_ALPHANUMERIC);
        let (mut seen, mut after) = (BTreeSet::new(), after.to_owned());
        for turn in 0.. {
            assert!(turn <= usize::from(SHARDS), "no end");
            let cursor = utf8_percent_encode(&after, NON_ALPHANUMERIC);
            let answered = self.send(Asked::new("GET", &format!("{HERE}?subject={subject}&after={cursor}")));
            if answered.reply().status.as_u16() != 200 {
                assert!(turn == 0, "a cursor of ours is none: {after}");
                break;
            }
            let page = answered.json();
            for tuple in page["tuples"].as_array().expect("a page has tuples") {
                let tuple = tuple.as_str().expect("a tuple is a text").to_owned();
                assert!(TUPLES[..2].contains(&tuple.as_str()), "{tuple}");
                assert!(seen.insert(tuple), "a tuple came twice");
            }
            match page["next"].as_str() {
                Some(next) => after = next.to_owned(),
                None => break,
            }
        }
    }
}
