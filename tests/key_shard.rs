//! The rules of an object that keeps API keys, over its tables in memory, and over SQLite with the object's own
//! statements, also with rows in memory.
#![cfg(not(target_arch = "wasm32"))]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    unreachable_pub,
    reason = "a test stops where it meets what it did not expect; the lints know #[test] functions only"
)]

#[path = "key_shard/cached_keys.rs"]
mod cached_keys;
#[path = "support/key_table.rs"]
mod key_table;
#[path = "key_shard/sqlite.rs"]
mod sqlite;

use std::cell::Cell;

use base64ct::{Base64UrlUnpadded, Encoding};
use postern::api_key::table::KeyTable;
use postern::api_key::{
    ApiKeyId, ApiKeyText, CachedKeys, CheckKey, HolderKey, KeyCommand, KeyEnding, KeyHolder, KeyRefusal, KeyReply,
    KeyShard, KeyUse, ListedKey, LiveKey, MakeKey, OwnerStanding, RevokeShownKey, RotateKey,
};
use postern::keyring::KeyRing;
use postern::ports::Random;
use postern::time::{Seconds, Timestamp};

use key_table::MemoryKeys;
use sqlite::SqliteKeys;

const DAY: i64 = 86_400;
const NOON: i64 = 1_800_000_000;

/// SplitMix64: every run sees the same values, and no value twice.
struct Counting(Cell<u64>);

impl Random for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        for byte in bytes {
            let seed = self.0.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
            self.0.set(seed);
            let mixed = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            *byte = mixed.to_be_bytes()[0];
        }
    }
}

/// An object, at a time that the test sets.
struct Object<'a> {
    table: &'a dyn KeyTable,
    now: Cell<i64>,
    random: Counting,
    keys: KeyRing,
}

/// A `dyn` table as a table.
struct Through<'a>(&'a dyn KeyTable);

fn each(test: impl Fn(&Object<'_>)) {
    let (memory, sqlite, cached) = (MemoryKeys::default(), SqliteKeys::new(), CachedKeys::new(SqliteKeys::new()));
    for (seed, table) in [(1, &memory as &dyn KeyTable), (2, &sqlite), (3, &cached)] {
        let keys = KeyRing::parse(&format!("a:{}", Base64UrlUnpadded::encode_string(&[1; 32]))).unwrap();
        test(&Object { table, now: Cell::new(NOON), random: Counting(Cell::new(seed)), keys });
    }
}

fn service(name: &str) -> KeyHolder {
    KeyHolder::Service(name.to_owned())
}

fn person(subject: &str) -> KeyHolder {
    use postern::ids::identifiers::{IssuerIdentifier, SubjectIdentifier};
    let issuer = IssuerIdentifier::new("https://op.example");
    let owner =
        postern::api_key::KeyOwner { provider: "corp".to_owned(), issuer, subject: SubjectIdentifier::new(subject) };
    KeyHolder::Person(owner)
}

fn standing(role: &str, at: i64) -> OwnerStanding {
    OwnerStanding { roles: vec![role.to_owned()], at: Timestamp::from_unix(at), ..OwnerStanding::default() }
}

impl Object<'_> {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix(self.now.get())
    }

    fn wait(&self, seconds: i64) {
        self.now.set(self.now.get() + seconds);
    }

    fn tell(&self, command: &KeyCommand) -> KeyReply {
        KeyShard { table: &Through(self.table) }.handle(command, self.now()).unwrap()
    }

    /// What the alarm would tell the log: the id, and how many days are left.
    fn sweep(&self) -> Vec<(ApiKeyId, Option<u32>)> {
        let notices = KeyShard { table: &Through(self.table) }.sweep(self.now()).unwrap();
        notices.into_iter().map(|notice| (notice.key.id, notice.days_left)).collect()
    }

    fn text(&self, holder: &KeyHolder) -> ApiKeyText {
        ApiKeyText::generate(ApiKeyId::generate(&HolderKey::of(holder), &self.random), &self.keys, &self.random)
    }

    fn make(&self, text: &ApiKeyText, holder: &KeyHolder, days: u32) -> KeyReply {
        self.tell(&KeyCommand::Make(Box::new(MakeKey {
            id: text.id(),
            digest: text.digest(),
            holder: holder.clone(),
            name: "ci'); DROP TABLE api_key; --".to_owned(),
            scopes: vec!["read".to_owned()],
            life: Seconds::hours(24 * days),
            most: 3,
            standing: holder.owner().map(|_| standing("developer", NOON)),
        })))
    }

    fn made(&self, holder: &KeyHolder, days: u32) -> ApiKeyText {
        let text = self.text(holder);
        assert!(matches!(self.make(&text, holder, days), KeyReply::Made(_)));
        text
    }

    fn check(&self, text: &ApiKeyText) -> Result<LiveKey, KeyRefusal> {
        match self.tell(&KeyCommand::Check(CheckKey { id: text.id(), digest: text.digest() })) {
            KeyReply::Live(live) => Ok(*live),
            KeyReply::Refused(refusal) => Err(refusal),
            other => panic!("{other:?}"),
        }
    }

    fn rotate(&self, old: &ApiKeyText, holder: &KeyHolder, hours: u32) -> (ApiKeyText, KeyReply) {
        let new = ApiKeyText::generate(old.id(), &self.keys, &self.random);
        let (overlap, max_life) = (Seconds::hours(hours), Seconds::hours(365 * 24));
        let rotate = RotateKey { id: old.id(), of: HolderKey::of(holder), digest: new.digest(), overlap, max_life };
        let reply = self.tell(&KeyCommand::Rotate(rotate));
        (new, reply)
    }

    fn list(&self, holder: &KeyHolder) -> Vec<ListedKey> {
        let KeyReply::Keys { keys } = self.tell(&KeyCommand::List { of: HolderKey::of(holder) }) else { panic!() };
        keys
    }
}

#[test]
fn a_key_lives_until_the_second_in_which_it_expires() {
    // R-156, R-265
    each(|object| {
        let key = object.made(&service("ci"), 90);
        assert_eq!(object.check(&key).unwrap().scopes, ["read"]);
        object.wait(90 * DAY - 1);
        assert!(object.check(&key).is_ok());
        object.wait(1);
        assert_eq!(object.check(&key), Err(KeyRefusal::Expired));
    });
}

#[test]
fn only_the_whole_secret_of_a_known_key_is_good() {
    // R-261
    each(|object| {
        let key = object.made(&service("ci"), 90);
        let other = ApiKeyText::generate(key.id(), &object.keys, &object.random);
        assert_eq!(object.check(&other), Err(KeyRefusal::WrongSecret));
        assert_eq!(object.check(&object.text(&service("ci"))), Err(KeyRefusal::Unknown));
        assert!(matches!(object.make(&key, &service("ci"), 1), KeyReply::Taken));
        assert!(object.check(&key).is_ok());
    });
}

#[test]
fn a_holder_has_so_many_keys_and_those_that_count_no_more_do_not_count() {
    each(|object| {
        let (ci, other) = (service("ci"), service("other"));
        let first = object.made(&ci, 1);
        object.made(&ci, 90);
        object.made(&ci, 90);
        assert!(matches!(object.make(&object.text(&ci), &ci, 1), KeyReply::TooMany));
        object.made(&other, 1);
        object.wait(DAY);
        let fourth = object.made(&ci, 90);
        assert!(matches!(object.make(&object.text(&ci), &ci, 1), KeyReply::TooMany));
        let revoke = KeyCommand::Revoke { id: fourth.id(), of: None, why: KeyEnding::Administrator };
        assert!(matches!(object.tell(&revoke), KeyReply::Revoked(_)));
        for _ in 0..40 {
            let text = object.made(&ci, 90);
            object.tell(&KeyCommand::Revoke { id: text.id(), of: None, why: KeyEnding::Owner });
        }
        // What a holder can make an object keep has an end.
        assert!(object.list(&ci).len() < 30 && object.check(&first).is_err());
    });
}

#[test]
fn both_secrets_are_good_until_the_overlap_ends() {
    // R-266
    each(|object| {
        let ci = service("ci");
        let old = object.made(&ci, 90);
        object.wait(10 * DAY);
        let (new, reply) = object.rotate(&old, &ci, 24);
        let KeyReply::Rotated(listed) = reply else { panic!("{reply:?}") };
        assert_eq!(listed.expires_at, Timestamp::from_unix(object.now.get() + 90 * DAY));
        assert_eq!(object.check(&old).unwrap().expires_at, Timestamp::from_unix(object.now.get() + DAY));
        assert!(!object.check(&old).unwrap().superseded);
        assert!(!object.check(&new).unwrap().superseded);
        assert!(object.check(&old).unwrap().superseded);
        object.wait(DAY - 1);
        assert!(object.check(&old).is_ok());
        object.wait(1);
        assert_eq!(object.check(&old), Err(KeyRefusal::OldSecret));
        assert!(object.check(&new).is_ok());
        object.sweep();
        assert_eq!((object.check(&old), object.list(&ci)[0].old_until), (Err(KeyRefusal::WrongSecret), None));
        // Without an overlap there is no old secret.
        let (newer, _) = object.rotate(&new, &ci, 0);
        assert!(object.check(&newer).is_ok() && object.check(&new).is_err());
        // Of another holder's, nothing happens.
        assert!(matches!(object.rotate(&newer, &service("other"), 24).1, KeyReply::Gone));
        assert!(object.check(&newer).is_ok());
    });
}

#[test]
fn a_rotation_whose_answer_was_lost_costs_nobody_the_secret_in_use() {
    // R-266
    each(|object| {
        let ci = service("ci");
        let used = object.made(&ci, 90);
        let (lost, _) = object.rotate(&used, &ci, 24);
        let (got, _) = object.rotate(&used, &ci, 24);
        assert!(object.check(&used).is_ok());
        assert_eq!(object.check(&lost), Err(KeyRefusal::WrongSecret));
        assert!(object.check(&got).is_ok());
        // Once the new one is in use, it is the one that the next rotation keeps.
        let (next, _) = object.rotate(&got, &ci, 24);
        assert!(object.check(&got).is_ok() && object.check(&next).is_ok());
        assert_eq!(object.check(&used), Err(KeyRefusal::WrongSecret));
    });
}

#[test]
fn the_old_secret_is_ended_by_itself_and_only_where_there_is_one() {
    // R-266
    each(|object| {
        let ci = service("ci");
        let old = object.made(&ci, 90);
        let end =
            |of: Option<&KeyHolder>| object.tell(&KeyCommand::EndOldSecret { id: old.id(), of: of.map(HolderKey::of) });
        assert!(matches!(end(Some(&ci)), KeyReply::Gone), "never rotated");
        let (new, _) = object.rotate(&old, &ci, 24);
        assert!(matches!(end(Some(&service("other"))), KeyReply::Gone));
        assert!(object.check(&old).is_ok());
        let reply = end(Some(&ci));
        let KeyReply::OldSecretEnded(listed) = &reply else { panic!("{reply:?}") };
        assert!(listed.old_until.is_none() && listed.ended.is_none() && reply.changes_what_is_due());
        assert!(object.check(&old).is_err() && object.check(&new).is_ok());
        assert!(matches!(end(None), KeyReply::Gone));
        // An administrator names nobody; after its time there is nothing to end, nor of a key that has ended.
        let (newer, _) = object.rotate(&new, &ci, 24);
        assert!(matches!(end(None), KeyReply::OldSecretEnded(_)));
        let (newest, _) = object.rotate(&newer, &ci, 24);
        object.wait(DAY);
        assert!(matches!(end(None), KeyReply::Gone));
        let (_, reply) = object.rotate(&newest, &ci, 24);
        assert!(matches!(reply, KeyReply::Rotated(_)));
        object.tell(&KeyCommand::Revoke { id: old.id(), of: None, why: KeyEnding::Owner });
        assert!(matches!(end(None), KeyReply::Gone));
    });
}

#[test]
fn a_key_is_ended_by_its_owner_or_by_whoever_shows_it_whole() {
    // R-156
    each(|object| {
        let ci = service("ci");
        let key = object.made(&ci, 90);
        let by =
            |of: &KeyHolder| KeyCommand::Revoke { id: key.id(), of: Some(HolderKey::of(of)), why: KeyEnding::Owner };
        assert!(matches!(object.tell(&by(&service("other"))), KeyReply::Gone));
        assert!(matches!(object.tell(&by(&ci)), KeyReply::Revoked(_)));
        assert_eq!(object.check(&key), Err(KeyRefusal::Revoked));
        assert!(matches!(object.tell(&by(&ci)), KeyReply::Gone));
        let shown = |text: &ApiKeyText| {
            let command = RevokeShownKey { id: text.id(), digest: text.digest(), why: KeyEnding::Leaked };
            object.tell(&KeyCommand::RevokeShown(command))
        };
        let old = object.made(&ci, 90);
        let (new, _) = object.rotate(&old, &ci, 24);
        let guessed = ApiKeyText::generate(old.id(), &object.keys, &object.random);
        assert!(matches!(shown(&guessed), KeyReply::Gone));
        assert!(object.check(&new).is_ok());
        assert!(matches!(shown(&old), KeyReply::OldSecretEnded(_)));
        assert!(object.check(&old).is_err() && object.check(&new).is_ok());
        assert!(matches!(shown(&old), KeyReply::Gone));
        let KeyReply::Revoked(listed) = shown(&new) else { panic!("not revoked") };
        assert_eq!(listed.ended.unwrap().why, KeyEnding::Leaked);
        assert_eq!(object.check(&new), Err(KeyRefusal::Revoked));
    });
}

#[test]
fn notices_come_before_the_end_once_each_and_the_row_goes_after_it() {
    // R-265
    each(|object| {
        let ci = service("ci");
        let key = object.made(&ci, 90);
        let day = |at: i64| object.now.set(NOON + at * DAY);
        let mut told = Vec::new();
        for at in 0..=121 {
            day(at);
            if object.table.next_due().unwrap().is_some_and(|due| due <= object.now()) {
                told.extend(object.sweep().into_iter().map(|(id, left)| (at, id == key.id(), left)));
            }
        }
        assert_eq!(told, [(76, true, Some(14)), (89, true, Some(1)), (90, true, None)]);
        assert_eq!((object.list(&ci).len(), object.table.next_due().unwrap()), (0, None));
        // A key that never lives so long is no news.
        day(0);
        let short = object.made(&ci, 10);
        day(9);
        assert_eq!(object.sweep(), [(short.id(), Some(1))]);
        // Nor is one that was ended.
        let ended = object.made(&ci, 1);
        object.tell(&KeyCommand::Revoke { id: ended.id(), of: None, why: KeyEnding::Owner });
        day(10);
        assert_eq!(object.sweep(), [(short.id(), None)]);
        day(41);
        object.sweep();
        assert!(object.list(&ci).is_empty());
    });
}

#[test]
fn what_an_owner_may_is_remembered_of_those_with_keys_and_never_goes_back() {
    // R-264
    each(|object| {
        let (alice, bob) = (person("alice"), person("bob"));
        let key = object.made(&alice, 1);
        let update = |holder: &KeyHolder, standing: OwnerStanding| {
            object.tell(&KeyCommand::Update { of: HolderKey::of(holder), standing });
            object.table.standing(&HolderKey::of(holder)).unwrap()
        };
        assert_eq!(object.check(&key).unwrap().standing.unwrap().roles, ["developer"]);
        assert!(update(&alice, standing("guest", NOON + 5)).is_some());
        assert_eq!(object.check(&key).unwrap().standing.unwrap().roles, ["guest"]);
        // What was said before comes late.
        update(&alice, standing("developer", NOON + 4));
        assert_eq!(object.check(&key).unwrap().standing.unwrap().roles, ["guest"]);
        assert_eq!(update(&bob, standing("developer", NOON)), None);
        // With the last key it goes.
        object.wait(31 * DAY);
        object.sweep();
        assert_eq!(object.table.standing(&HolderKey::of(&alice)).unwrap(), None);
    });
}

#[test]
fn a_use_is_noted_once_a_minute_and_only_where_it_is_another() {
    // R-271
    each(|object| {
        let key = object.made(&service("ci"), 90);
        let note = |route: &str| {
            let usage = KeyUse::new(object.now(), route, Some("PT"));
            let reply = object.tell(&KeyCommand::NoteUse { id: key.id(), usage });
            let KeyReply::Done { count } = reply else { panic!("{reply:?}") };
            count
        };
        assert_eq!((note("/a"), note("/a"), note("/b")), (1, 0, 0));
        object.wait(59);
        assert_eq!(note("/b"), 0);
        object.wait(1);
        assert_eq!((note("/a"), note("/b"), note("/a")), (0, 1, 0));
        let listed = object.list(&service("ci"));
        let usage = listed[0].last_use.as_ref().unwrap();
        assert_eq!((usage.route.as_str(), usage.country.as_deref()), ("/b", Some("PT")));
        assert_eq!(usage.day.as_unix() % DAY, 0);
        object.tell(&KeyCommand::Revoke { id: key.id(), of: None, why: KeyEnding::Owner });
        object.wait(60);
        assert_eq!(note("/c"), 0);
    });
}

#[test]
fn what_is_stored_and_sent_holds_no_secret() {
    // R-261
    each(|object| {
        let key = object.made(&person("alice"), 90);
        let prefix = postern::api_key::KeyPrefix::default();
        let text = key.expose(&prefix).expose().clone();
        let body = text.split('_').nth(1).unwrap();
        let row = object.table.find(key.id()).unwrap().unwrap();
        let live =
            serde_json::to_string(&object.tell(&KeyCommand::Check(CheckKey { id: key.id(), digest: key.digest() })));
        let shown = format!("{row:?} {} {:?}", live.unwrap(), object.list(&person("alice")));
        assert!(!shown.contains(body) && !shown.contains(&text));
    });
}

#[test]
fn a_record_of_this_release_is_read_for_ever() {
    // What an object of this release stored.
    let stored = r#"{"holder":{"person":{"provider":"corp","issuer":"https://op.example","subject":"alice"}},"name":"ci",
        "scopes":["read"],"digest":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","created_at":1,"expires_at":99,"life":98}"#;
    let record: postern::api_key::ApiKeyRecord = postern::json::from_text(stored).unwrap();
    assert_eq!((record.holder, record.notices, record.ended), (person("alice"), 0, None));
}

#[test]
fn all_live_keys_of_a_holder_end_at_once_and_nothing_a_stranger_shows_makes_anything_due() {
    each(|object| {
        let (alice, bob) = (person("alice"), person("bob"));
        let mine = [object.text(&alice), object.text(&alice)];
        for text in &mine {
            assert!(object.make(text, &alice, 90).changes_what_is_due());
        }
        let other = object.text(&bob);
        object.make(&other, &bob, 90);
        let all = KeyCommand::RevokeAll { of: HolderKey::of(&alice), why: KeyEnding::Administrator };
        assert_eq!(all.shard(), HolderKey::of(&alice).shard());
        let KeyReply::AllRevoked { ids } = object.tell(&all) else { panic!() };
        assert_eq!(ids.len(), 2);
        let check =
            |text: &ApiKeyText| object.tell(&KeyCommand::Check(CheckKey { id: text.id(), digest: text.digest() }));
        assert!(mine.iter().all(|text| matches!(check(text), KeyReply::Refused(KeyRefusal::Revoked))));
        assert!(matches!(check(&other), KeyReply::Live(_)));
        let KeyReply::AllRevoked { ids } = object.tell(&all) else { panic!() };
        assert!(ids.is_empty());
        // Nobody's.
        let unknown = object.text(&bob);
        let shown = RevokeShownKey { id: unknown.id(), digest: unknown.digest(), why: KeyEnding::Leaked };
        assert!(!object.tell(&KeyCommand::RevokeShown(shown)).changes_what_is_due());
        assert!(!check(&unknown).changes_what_is_due());
    });
}

#[test]
fn a_rotation_without_an_overlap_ends_every_secret_so_far() {
    // R-266
    each(|object| {
        let alice = person("alice");
        let texts = [object.text(&alice), object.text(&alice), object.text(&alice)];
        let id = texts[0].id();
        object.make(&texts[0], &alice, 90);
        for (text, overlap) in [(&texts[1], 24), (&texts[2], 0)] {
            let rotate = RotateKey {
                id,
                of: HolderKey::of(&alice),
                digest: text.digest(),
                overlap: Seconds::hours(overlap),
                max_life: Seconds::hours(24 * 365),
            };
            assert!(matches!(object.tell(&KeyCommand::Rotate(rotate)), KeyReply::Rotated(_)));
        }
        let check = |text: &ApiKeyText| object.tell(&KeyCommand::Check(CheckKey { id, digest: text.digest() }));
        assert!(matches!(check(&texts[2]), KeyReply::Live(_)));
        for text in &texts[..2] {
            assert!(matches!(check(text), KeyReply::Refused(_)));
        }
    });
}
