use std::cell::{Cell, RefCell};

use serde_json::{Value, json};

use super::*;
use crate::config::testing::{ISSUER, provider};
use crate::http::HeaderMap;
use crate::jose::testing::{jwk, key_set, verified};
use crate::oidc::documents::{self, Stored};
use crate::ports::FetchError;
use crate::refusal::Document;
use crate::time::{Seconds, Timestamp};

const URL: &str = "https://login.example.com/jwks";

/// All that is needed where nobody waits: the time, and tasks that are noted.
struct Here {
    now: Cell<Timestamp>,
    sent_for: RefCell<Vec<String>>,
}

impl Spawn for Here {
    fn spawn(&self, task: BackgroundTask) {
        match task.0 {
            Work::Document(published, _) => self.sent_for.borrow_mut().push(published.name().to_owned()),
            Work::Policies | Work::Revoke(_) | Work::KeyUse(_) | Work::FactorNotice(_) => panic!("no document"),
        }
    }
}

impl Here {
    fn new() -> Self {
        Self { now: Cell::new(Timestamp::from_unix(1_000_000)), sent_for: RefCell::default() }
    }

    fn now(&self) -> Timestamp {
        self.now.get()
    }

    fn wait(&self, span: Seconds) {
        self.now.set(self.now.get().plus(span));
    }

    /// What was sent for since this was last asked.
    fn sent_for(&self) -> Vec<String> {
        self.sent_for.take()
    }

    /// Puts a document there that was fetched now.
    fn put<T>(&self, cache: &DocumentCache<T>, name: &str, parsed: T) {
        let stored = Stored::new(String::new(), &HeaderMap::new(), documents::KEYS, self.now());
        cache.with(name, |entry| {
            entry.end_fetch();
            entry.store(Rc::new(stored), Rc::new(parsed));
        });
    }
}

fn nothing_known() -> IssuerDocuments {
    IssuerDocuments::new(&Rc::new(KeyRing::parse(&format!("a:{}", "E".repeat(43))).unwrap()))
}

fn stamp() -> KeyStamp {
    verified(None, &json!({})).key()
}

fn keys(name: &str) -> KeySet {
    let mut jwk: Value = jwk();
    jwk["kid"] = name.into();
    key_set(&[jwk])
}

fn own_keys() -> KeySet {
    key_set(&[jwk()])
}

//
#[test]
fn a_stamp_holds_while_its_key_is_in_a_set_that_may_be_used_without_asking() {
    let (here, known) = (Here::new(), nothing_known());
    let still_holds = || known.still_holds(here.now(), &here, KeySource::Uri(URL), &stamp());
    assert!(!still_holds(), "there are no keys");
    assert_eq!(here.sent_for(), [URL]);
    here.put(&known.keys, URL, own_keys());
    assert!(still_holds());
    assert_eq!(here.sent_for(), [""; 0]);
    here.wait(Seconds::minutes(6));
    assert!(still_holds(), "of an age");
    assert_eq!(here.sent_for(), [URL]);
    here.wait(Seconds::minutes(5));
    assert!(!still_holds(), "the issuer is to be asked first");
    known
        .keys
        .with(URL, |entry| entry.fail(Reason::ProviderUnreachable(Document::Keys, FetchError::Network), here.now()));
    assert!(still_holds(), "it was asked and gave no answer");
    here.wait(Seconds::hours(24));
    assert!(!still_holds(), "nobody knows any more");
    here.put(&known.keys, URL, keys("another"));
    assert!(!still_holds(), "the key has gone");
}

#[test]
fn the_keys_that_count_are_those_where_the_metadata_says_now() {
    let (here, known) = (Here::new(), nothing_known());
    let issuer = provider(|_| ()).issuer;
    let still_holds = || known.still_holds(here.now(), &here, KeySource::Discovery(&issuer), &stamp());
    here.put(&known.keys, URL, own_keys());
    assert!(!still_holds(), "where they are is not known");
    assert_eq!(here.sent_for(), [ISSUER]);
    here.put(&known.keys_uris, issuer.as_str(), URL.to_owned());
    assert!(still_holds());
    here.put(&known.keys_uris, issuer.as_str(), "https://login.example.com/moved".to_owned());
    assert!(!still_holds(), "they are elsewhere now");
    assert_eq!(here.sent_for(), ["https://login.example.com/moved"]);
}
