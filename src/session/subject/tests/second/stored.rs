//! What is stored of second factors, and for how long.

use super::*;

fn ring(ids: &[u8]) -> KeyRing {
    let entry = |id: &u8| format!("{}:{}", char::from(*id), Base64UrlUnpadded::encode_string(&[*id; 32]));
    KeyRing::parse(&ids.iter().map(entry).collect::<Vec<_>>().join(" ")).unwrap()
}

impl World {
    fn book(&self) -> Option<Note> {
        self.table.note(NoteKind::Ended, "second").unwrap()
    }

    fn put_book(&self, value: &str) {
        let at = Timestamp::from_unix(253_402_214_400);
        self.table.put_note(&Note { kind: NoteKind::Ended, key: "second".into(), value: value.into(), at }).unwrap();
    }
}

#[test]
fn nothing_stored_tells_a_secret_or_a_code() {
    // R-221, R-342
    let world = World::new();
    let mut person = world.person(START);
    let (secret, enrolled) = person.enrols_app(0x41, START);
    let stored = format!("{:?} {:?}", world.table.notes.borrow(), world.table.rows.borrow());
    let plain = Base64UrlUnpadded::encode_string(secret.bytes());
    let mut told = vec![plain, secret.to_base32().expose().clone(), "A".repeat(20), code_at(&secret, START)];
    told.extend(codes(&enrolled));
    for text in told {
        assert!(!stored.contains(&text), "{text}");
    }
    assert!(stored.contains("last_step"));
}

#[test]
fn a_secret_is_sealed_again_under_the_newest_key_when_it_is_used() {
    let mut world = World::new();
    world.keys = ring(b"a");
    let (secret, _) = world.person(START).enrols_app(3, START);
    world.keys = ring(b"ba");
    world.person(START).proves(totp(&code_at(&secret, START + 60)), START + 60);
    world.keys = ring(b"b");
    world.person(START).proves(totp(&code_at(&secret, START + 120)), START + 120);
}

#[test]
fn a_secret_is_sealed_again_under_the_newest_key_when_its_person_signs_in() {
    // R-221
    let mut world = World::new();
    world.keys = ring(b"a");
    let (secret, _) = world.person(START).enrols_app(3, START);
    let before = world.book();
    world.person(START + 1);
    assert_eq!(world.book(), before, "nothing is written without need");
    world.keys = ring(b"ba");
    world.person(START + 60);
    world.keys = ring(b"b");
    world.person(START + 61).proves(totp(&code_at(&secret, START + 120)), START + 120);
}

#[test]
fn an_app_whose_key_is_gone_is_there_and_proves_nothing() {
    let mut world = World::new();
    world.keys = ring(b"a");
    let (secret, enrolled) = world.person(START).enrols_app(3, START);
    world.keys = ring(b"b");
    let list = world.factors(START);
    assert_eq!(list.factors.len(), 1);
    assert!(!list.factors[0].usable && !list.has(FactorKind::Totp));
    let mut person = world.person(START);
    let now = START + 60;
    assert_eq!(person.prove(totp(&code_at(&secret, now)), now), refused(SecondRefusal::NotThere));
    // It keeps whoever comes from being the first, and a recovery code still helps.
    assert_eq!(person.enrol(NewFactor::Passkey(passkey("a")), now), refused(SecondRefusal::ProofNeeded));
    person.proves(recovery(&codes(&enrolled)[0]), now);
    person.enrols_passkey("a", now);
    assert!(matches!(person.remove(&enrolled.factor.id, now), SecondReply::Removed(gone) if !gone.usable));
}

#[test]
fn a_book_of_an_earlier_release_is_read_and_what_a_later_one_adds_is_kept() {
    let world = World::new();
    let mut person = world.person(START);
    world.put_book(r#"{"factors":[{"id":"00","passkey":{"id":"a","jwk":"{}"}}]}"#);
    let list = world.factors(START);
    assert_eq!((list.factors[0].id.as_str(), list.factors[0].kind, list.recovery_left), ("00", FactorKind::Passkey, 0));
    let asserted =
        Presented::Passkey { credential: "a".into(), sign_count: 0, backup_eligible: false, backed_up: false };
    person.proves(asserted, START);
    world.put_book(
        r#"{"factors":[{"id":"00","passkey":{"id":"a","jwk":"{}","colour":1},"colour":{}},{"id":"01","push":{"to":"x"}}],
            "recovery":{"salt":"s","digests":["d"],"made_at":5,"more":1},"wrong_totp":{"count":4,"of":[]},"more":[1]}"#,
    );
    let list = world.factors(START);
    assert_eq!(list.recovery_left, 1);
    // A factor of a kind that this release does not know is there, too.
    assert_eq!((list.factors[1].kind, list.factors[1].usable), (FactorKind::Unknown, false));
    // This release writes it back as it was.
    let mut person = world.person(START);
    let asserted =
        Presented::Passkey { credential: "a".into(), sign_count: 1, backup_eligible: false, backed_up: false };
    person.proves(asserted, START);
    let stored: serde_json::Value = serde_json::from_str(&world.book().unwrap().value).unwrap();
    let (book, factors) = (&stored["more"], &stored["factors"]);
    assert_eq!((book, &factors[0]["colour"]), (&serde_json::json!([1]), &serde_json::json!({})));
    assert_eq!(factors[1]["push"], serde_json::json!({ "to": "x" }));
    world.put_book(r#"{"factors":[{"id":"01","push":{"to":"x"}}]}"#);
    assert_eq!(world.person(START).enrol(NewFactor::Passkey(passkey("a")), START), refused(SecondRefusal::ProofNeeded));
}

#[test]
fn a_book_that_cannot_be_read_opens_nothing_until_an_administrator_takes_it_away() {
    let world = World::new();
    let mut person = world.person(START);
    person.enrols_passkey("a", START);
    for odd in ["", "{", "[]", r#"{"factors":[{}]}"#, r#"{"factors":[{"id":"0","totp":{}}]}"#, r#"{"factors":1}"#] {
        world.put_book(odd);
        let enrol = |rotation| Enrol {
            rotation,
            factor: NewFactor::Passkey(passkey("b")),
            name: String::new(),
            enrol_within: WITHIN,
        };
        let prove = |rotation| Prove { rotation, presented: assertion("a", 8) };
        let session = person.digest.clone();
        let commands = [
            SecondCommand::Read { session: None },
            SecondCommand::Enrol(Box::new(enrol(person.rotation()))),
            SecondCommand::Prove(Box::new(prove(person.rotation()))),
            SecondCommand::Remove { session: session.clone(), id: "0".into(), within: WITHIN },
            SecondCommand::NewRecoveryCodes { session, within: WITHIN },
        ];
        for command in commands {
            let command = Command::Second(Box::new(command));
            let answer = world.with(|subject| subject.handle(&command, Timestamp::from_unix(START), false));
            assert!(matches!(answer, Err(StoreError::Malformed)), "{odd} {command:?}");
        }
    }
    assert!(world.check(&person.digest, START, true).is_some(), "the session itself is not touched");
    assert_eq!(world.second(SecondCommand::Reset, START), SecondReply::Reset(FactorList::default()));
    assert_eq!(world.factors(START), FactorList::default());
}

#[test]
fn an_administrator_takes_all_away_and_what_was_proven_by_it() {
    let world = World::new();
    let mut person = world.person(START);
    let (secret, enrolled) = person.enrols_app(3, START);
    person.enrols_passkey("a", START);
    let SecondReply::Reset(before) = world.second(SecondCommand::Reset, START) else { panic!("not reset") };
    assert_eq!((before.factors.len(), before.recovery_left), (2, 10));
    assert_eq!(world.factors(START), FactorList::default());
    assert_eq!(person.session(START).second, None);
    let now = START + 60;
    for gone in [totp(&code_at(&secret, now)), assertion("a", 8), recovery(&codes(&enrolled)[0])] {
        assert_eq!(person.prove(gone, now), refused(SecondRefusal::NotThere));
    }
}

#[test]
fn factors_stay_when_all_sessions_are_over_and_challenges_do_not() {
    let world = World::new();
    let mut person = world.person(START);
    person.enrols_passkey("a", START);
    let challenge = "c".repeat(43);
    let made = CeremonyChallenge {
        session: person.digest.clone(),
        purpose: ChallengePurpose::Prove,
        challenge,
        user_handle: String::new(),
    };
    assert_eq!(world.second(SecondCommand::KeepChallenge(made), START), SecondReply::Kept);
    assert!(matches!(world.run(&Command::EndAll { before: None }, START), Reply::EndedMany { count: 1 }));
    let sweep = |at| world.with(|subject| subject.sweep(Timestamp::from_unix(at))).unwrap();
    sweep(START + 100_000);
    let keys: Vec<String> = world.table.notes(NoteKind::Ended).unwrap().into_iter().map(|note| note.key).collect();
    assert_eq!(keys, ["second", "second/changes"]);
    assert_eq!(world.factors(START + 100_000).factors.len(), 1);
    // With them, and with what was told of them, the last that is stored of a person goes.
    world.second(SecondCommand::Reset, START + 100_000);
    assert_eq!(world.book(), None);
    sweep(START + 100_000 + 31 * 86_400);
    for note in world.table.notes(NoteKind::Revoke).unwrap() {
        world.table.delete_note(NoteKind::Revoke, &note.key).unwrap();
    }
    assert_eq!(world.table.next_event().unwrap(), None);
}

#[test]
fn the_last_factor_takes_codes_and_locks_with_it() {
    let world = World::new();
    let mut person = world.person(START);
    let (_, enrolled) = person.enrols_app(3, START);
    for _ in 0..5 {
        person.prove(totp("000000"), START);
    }
    assert!(matches!(person.remove(&enrolled.factor.id, START), SecondReply::Removed(_)));
    assert_eq!(world.book(), None);
    assert_eq!(person.prove(recovery(&codes(&enrolled)[0]), START), refused(SecondRefusal::NotThere));
}

#[test]
fn commands_and_answers_are_sent_as_by_the_first_release_that_has_them() {
    use crate::session::message::Envelope;
    let lines = include_str!("../../../../../fixtures/session/second_v1.jsonl");
    for line in lines.lines().filter(|line| line.contains("\"command\"")) {
        let read: Envelope<Command> = serde_json::from_str(line).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), line);
    }
    for line in lines.lines().filter(|line| !line.contains("\"command\"")) {
        let read: Reply = serde_json::from_str(line).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), line);
    }
    assert!(lines.lines().count() > 20, "{}", lines.lines().count());
}
