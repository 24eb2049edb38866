//! Proving a factor: by codes, passkeys and recovery codes.

use super::*;

#[test]
fn one_code_is_good_for_one_of_fifty_who_send_it_at_once() {
    //
    let world = World::new();
    let (secret, _) = world.person(START).enrols_app(3, START);
    let now = START + 60;
    let code = code_at(&secret, now);
    let mut people: Vec<_> = (0..50).map(|_| world.person(now)).collect();
    let answers: Vec<_> = people.iter_mut().map(|person| person.prove(totp(&code), now)).collect();
    assert_eq!(answers.iter().filter(|answer| matches!(answer, SecondReply::Proven(_))).count(), 1);
    assert!(matches!(answers[0], SecondReply::Proven(_)));
    let proven = people.iter().filter(|person| person.session(now).second.is_some()).count();
    assert_eq!(proven, 1);
}

#[test]
fn one_session_sends_a_code_fifty_times_and_moves_once() {
    //
    let world = World::new();
    let mut person = world.person(START);
    let (secret, _) = person.enrols_app(3, START);
    let code = code_at(&secret, START + 60);
    let digest = person.digest.clone();
    let proves = |_| Person { world: &world, digest: digest.clone() }.prove(totp(&code), START + 60);
    let answers: Vec<_> = (0..50).map(proves).collect();
    assert!(matches!(answers[0], SecondReply::Proven(_)));
    assert!(answers[1..].iter().all(|answer| *answer == SecondReply::Gone));
    assert_eq!(world.factors(START + 60).totp_locked_until, None);
}

#[test]
fn wrong_codes_lock_their_kind_and_nothing_else() {
    //
    let world = World::new();
    let mut person = world.person(START);
    let (secret, enrolled) = person.enrols_app(3, START);
    person.enrols_passkey("a", START);
    let now = START + 60;
    for wrong in 1..=5 {
        let locked_until = (wrong == 5).then_some(Timestamp::from_unix(now + 60));
        assert_eq!(person.prove(totp("000000"), now), SecondReply::Wrong { locked_until }, "{wrong}");
    }
    // Not even the right one is looked at, and looking does not make it longer.
    let right = code_at(&secret, now + 30);
    for _ in 0..3 {
        let until = Timestamp::from_unix(now + 60);
        assert_eq!(person.prove(totp(&right), now + 59), SecondReply::Locked { until });
        assert_eq!(person.prove(totp("000000"), now + 59), SecondReply::Locked { until });
    }
    // A lock is the person's, not a session's.
    let mut other = world.person(now);
    assert!(matches!(other.prove(totp(&right), now), SecondReply::Locked { .. }));
    assert!(matches!(other.prove(assertion("a", 8), now), SecondReply::Proven(_)));
    assert!(matches!(other.prove(recovery("0000-0000-0000-0000"), now), SecondReply::Wrong { locked_until: None }));
    let (_, signs_in) = world.try_begin(now, None);
    assert!(matches!(signs_in, Reply::Begun), "the sign-in at the provider is not locked");
    // Afterwards the next wrong one costs twice as much, and a good one ends it.
    let after = now + 60;
    let doubled = Some(Timestamp::from_unix(after + 120));
    assert_eq!(other.prove(totp("000000"), after), SecondReply::Wrong { locked_until: doubled });
    let (right, then) = (code_at(&secret, after + 120), after + 120);
    assert!(matches!(other.prove(totp(&right), then), SecondReply::Proven(_)));
    assert!(matches!(other.prove(totp("000000"), then), SecondReply::Wrong { locked_until: None }));
    // A recovery code is looked at all the same, and what was guessed of the app before it holds nothing up.
    for _ in 0..4 {
        other.prove(totp("000000"), then);
    }
    assert!(matches!(other.prove(totp("000000"), then), SecondReply::Locked { .. }));
    assert!(matches!(other.prove(recovery(&codes(&enrolled)[0]), then), SecondReply::Proven(_)));
    assert!(matches!(other.prove(totp("000000"), then), SecondReply::Wrong { locked_until: None }));
}

#[test]
fn what_is_no_code_by_its_form_is_no_guess() {
    //
    let world = World::new();
    let mut person = world.person(START);
    person.enrols_app(3, START);
    let notes = world.table.notes.borrow().clone();
    for _ in 0..20 {
        for odd in ["", "12345", "٠٠٥٩٢٤", "-1", "1e5"] {
            assert_eq!(person.prove(totp(odd), START), SecondReply::Wrong { locked_until: None });
        }
        assert_eq!(person.prove(recovery("nothing"), START), SecondReply::Wrong { locked_until: None });
    }
    assert_eq!(*world.table.notes.borrow(), notes, "nothing was written");
}

#[test]
fn guesses_stay_few_however_many_are_sent() {
    //
    let world = World::new();
    let mut person = world.person(START);
    person.enrols_app(3, START);
    let (rotation, mut looked_at) = (person.rotation(), 0);
    for now in START..START + 10_000 {
        assert!(world.check(&person.digest, now, true).is_some());
        let prove = Prove { rotation: rotation.clone(), presented: totp("000000") };
        let answer = world.second(SecondCommand::Prove(Box::new(prove)), now);
        looked_at += u32::from(matches!(answer, SecondReply::Wrong { .. }));
    }
    // Five, and after pauses of 1, 2, 4, 8, 16, 32 and 60 minutes one more each.
    assert_eq!(looked_at, 5 + 7);
}

#[test]
fn a_recovery_code_is_good_once_and_ends_every_other_session() {
    //
    let world = World::new();
    let mut person = world.person(START);
    let (_, enrolled) = person.enrols_app(3, START);
    let all = codes(&enrolled);
    let others = [world.person(START), world.person(START)];
    let mut recovering = world.person(START + 1);
    let proven = recovering.proves(recovery(&all[4]), START + 2);
    assert_eq!((proven.by, proven.factor, proven.recovery_left), (SecondMethod::Recovery, None, 9));
    assert_eq!(proven.ended, 3);
    assert!(others.iter().chain([&person]).all(|other| world.check(&other.digest, START + 2, true).is_none()));
    let expected = SecondProof::new(Timestamp::from_unix(START + 2), SecondMethod::Recovery);
    assert_eq!(recovering.session(START + 2).second, Some(expected));
    assert!(matches!(recovering.prove(recovery(&all[4]), START + 3), SecondReply::Wrong { .. }));
    assert_eq!(recovering.proves(recovery(&all[5]), START + 3).recovery_left, 8);
}

#[test]
fn a_recovery_code_is_good_for_new_factors_for_15_minutes_and_for_nothing_else() {
    //
    let world = World::new();
    let lost = world.person(START).enrols_passkey("lost", START);
    let mut person = world.person(START);
    person.proves(assertion("lost", 8), START);
    let SecondReply::Codes(new) = person.new_codes(START) else { panic!("no codes") };
    let new: Vec<String> = new.expose().map(str::to_owned).collect();
    let recovered = START + 10_000;
    let mut person = world.person(recovered);
    person.proves(recovery(&new[0]), recovered);
    assert_eq!(person.remove(&lost, recovered), refused(SecondRefusal::ProofNeeded));
    assert_eq!(person.new_codes(recovered), refused(SecondRefusal::ProofNeeded));
    let too_late = recovered + 15 * 60 + 1;
    assert_eq!(person.enrol(NewFactor::Passkey(passkey("new")), too_late), refused(SecondRefusal::ProofNeeded));
    // With the new factor, the lost one can go.
    person.enrols_passkey("new", too_late - 1);
    assert!(matches!(person.remove(&lost, too_late), SecondReply::Removed(_)));
}

#[test]
fn new_recovery_codes_take_the_place_of_the_old() {
    //
    let world = World::new();
    let mut person = world.person(START);
    let (_, enrolled) = person.enrols_app(3, START);
    let old = codes(&enrolled);
    for _ in 0..5 {
        person.prove(recovery("0000-0000-0000-0000"), START);
    }
    assert!(world.factors(START).recovery_locked_until.is_some());
    assert!(matches!(person.new_codes(START), SecondReply::Codes(_)));
    assert_eq!(world.factors(START).recovery_locked_until, None);
    assert!(matches!(person.prove(recovery(&old[0]), START), SecondReply::Wrong { .. }));
    let mut nobody = World::new();
    nobody.keys = KeyRing::parse(&format!("k:{}", Base64UrlUnpadded::encode_string(&[9; 32]))).unwrap();
    assert_eq!(nobody.person(START).new_codes(START), refused(SecondRefusal::NotThere));
}

#[test]
fn a_passkey_has_to_count_on() {
    //
    let world = World::new();
    let mut person = world.person(START);
    person.enrols_passkey("a", START);
    for (count, answer) in [
        (0, Some(SecondRefusal::CountWentBack)),
        (6, Some(SecondRefusal::CountWentBack)),
        (7, Some(SecondRefusal::CountWentBack)),
        (8, None),
        (8, Some(SecondRefusal::CountWentBack)),
        (u32::MAX, None),
        (0, Some(SecondRefusal::CountWentBack)),
    ] {
        match (person.prove(assertion("a", count), START), answer) {
            (SecondReply::Proven(_), None) => {}
            (SecondReply::Refused(refusal), Some(expected)) => assert_eq!(refusal, expected, "{count}"),
            (other, _) => panic!("{count}: {other:?}"),
        }
    }
    let reports = world.reports.borrow();
    assert_eq!(reports.len(), 5);
    assert!(reports.iter().all(|report| report.starts_with("second_factor_count_went_back ")));
    drop(reports);
    // One that never counts says 0 each time.
    person.enrols(NewFactor::Passkey(Passkey { sign_count: 0, ..passkey("zero") }), START);
    person.proves(assertion("zero", 0), START);
    person.proves(assertion("zero", 0), START);
    person.proves(assertion("zero", 1), START);
    assert_eq!(person.prove(assertion("zero", 0), START), refused(SecondRefusal::CountWentBack));
}

#[test]
fn a_passkey_says_of_its_copies_what_it_said_before() {
    //
    let world = World::new();
    let mut person = world.person(START);
    person.enrols_passkey("synced", START);
    person.enrols(NewFactor::Passkey(Passkey { backup_eligible: false, ..passkey("fixed") }), START);
    let asserted = |credential: &str, backup_eligible, backed_up| Presented::Passkey {
        credential: credential.into(),
        sign_count: 8,
        backup_eligible,
        backed_up,
    };
    for odd in [asserted("synced", false, false), asserted("fixed", true, false), asserted("fixed", false, true)] {
        assert_eq!(person.prove(odd, START), refused(SecondRefusal::BackupChanged));
    }
    assert_eq!(person.proves(asserted("synced", true, true), START).by, SecondMethod::Passkey { synced: true });
    assert_eq!(person.proves(asserted("fixed", false, false), START).by, SecondMethod::Passkey { synced: false });
    let list = world.factors(START);
    assert!(list.factors[0].passkey.as_ref().unwrap().backed_up);
    assert_eq!(list.factors[1].used_at, Some(Timestamp::from_unix(START)));
}

#[test]
fn nobody_proves_with_what_they_do_not_have() {
    //
    let (world, other) = (World::new(), World::new());
    let mut person = world.person(START);
    let mut stranger = other.person(START);
    person.enrols_passkey("a", START);
    assert_eq!(person.prove(assertion("b", 8), START), refused(SecondRefusal::NotThere));
    assert_eq!(person.prove(totp("123456"), START), refused(SecondRefusal::NotThere));
    assert_eq!(stranger.prove(assertion("a", 8), START), refused(SecondRefusal::NotThere));
    assert_eq!(stranger.prove(recovery("0000-0000-0000-0000"), START), refused(SecondRefusal::NotThere));
    // No session of one person is found at another's.
    let digest = person.digest.clone();
    stranger.enrols_passkey("a", START);
    let mut confused = Person { world: &other, digest };
    assert_eq!(confused.prove(assertion("a", 8), START), SecondReply::Gone);
}

#[test]
fn a_session_that_is_over_proves_nothing() {
    let world = World::new();
    let mut person = world.person(START);
    person.enrols_passkey("a", START);
    let idle = i64::from(timeouts().idle().get());
    assert_eq!(person.prove(assertion("a", 8), START + idle), SecondReply::Gone);
    let mut person = world.person(START);
    world.terms.set(SessionTerms { lapse: Some(Lapse::TooOld), longest: None });
    assert_eq!(person.prove(assertion("a", 8), START), SecondReply::Gone);
    world.terms.set(SessionTerms::default());
    assert!(matches!(world.run(&Command::End { digest: person.digest.clone() }, START), Reply::Ended(_)));
    assert_eq!(person.prove(assertion("a", 8), START), SecondReply::Gone);
    assert_eq!(world.factors(START).factors[0].passkey.as_ref().unwrap().sign_count, 7);
}

#[test]
fn a_challenge_is_good_once_for_its_session_and_purpose_and_five_minutes() {
    //
    let world = World::new();
    let (mut one, other) = (world.person(START), world.person(START));
    one.enrols_passkey("a", START);
    let text = "c".repeat(43);
    let challenge = |person: &Person<'_>, purpose, challenge: &str| CeremonyChallenge {
        session: person.digest.clone(),
        purpose,
        challenge: challenge.into(),
        user_handle: String::new(),
    };
    let keep = |made, now| world.second(SecondCommand::KeepChallenge(made), now);
    let take = |taken, now| world.second(SecondCommand::TakeChallenge(taken), now);
    let prove = |text: &str| challenge(&one, ChallengePurpose::Prove, text);
    assert_eq!(take(prove(&text), START), SecondReply::Gone);
    assert_eq!(keep(prove(&text), START), SecondReply::Kept);
    assert_eq!(take(challenge(&other, ChallengePurpose::Prove, &text), START), SecondReply::Gone);
    assert_eq!(take(challenge(&one, ChallengePurpose::Enrol, &text), START), SecondReply::Gone);
    assert_eq!(take(prove(&"d".repeat(43)), START), SecondReply::Gone);
    let SecondReply::Taken { passkeys, .. } = take(prove(&text), START + 299) else { panic!("not taken") };
    assert_eq!(passkeys.iter().map(|passkey| passkey.id.as_str()).collect::<Vec<_>>(), ["a"]);
    assert_eq!(take(prove(&text), START + 299), SecondReply::Gone);
    assert_eq!(keep(prove(&text), START), SecondReply::Kept);
    assert_eq!(take(prove(&text), START + 300), SecondReply::Gone);
    // Of a session that is not there, nothing is kept.
    let nobody = Person { world: &world, digest: SessionDigest::of_tag("nobody".into()) };
    assert_eq!(keep(challenge(&nobody, ChallengePurpose::Prove, &text), START), SecondReply::Gone);
    let (long, short) = ("c".repeat(129), "c".repeat(21));
    for odd in ["", &short, &long, &"c\n".repeat(20)] {
        assert_eq!(keep(prove(odd), START), refused(SecondRefusal::Malformed));
    }
    // Four wait, the oldest makes room.
    let texts: Vec<String> = ('a'..='e').map(|c| c.to_string().repeat(43)).collect();
    texts.iter().for_each(|text| assert_eq!(keep(prove(text), START), SecondReply::Kept));
    assert_eq!(take(prove(&texts[0]), START), SecondReply::Gone);
    assert!(texts[1..].iter().all(|text| matches!(take(prove(text), START), SecondReply::Taken { .. })));
}
