//! What is stored and sent, byte for byte: the release before this one reads it, and so does the one after.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::message::Envelope;
use super::{Command, Reply, Session, Tokens};

/// Reads each line, and writes it again.
fn written_as_read<T: DeserializeOwned + Serialize>(lines: &str) {
    for line in lines.lines() {
        let read: T = serde_json::from_str(line).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), line);
    }
}

#[test]
fn a_record_is_stored_as_the_first_release_did() {
    written_as_read::<Session>(include_str!("../../fixtures/session/record_v1_whole.json"));
}

#[test]
fn commands_and_answers_are_sent_as_by_the_first_release() {
    written_as_read::<Envelope<Command>>(include_str!("../../fixtures/session/commands_v1.jsonl"));
    written_as_read::<Reply>(include_str!("../../fixtures/session/answers_v1.jsonl"));
}

#[test]
fn what_is_said_of_grants_is_sent_as_by_the_first_release_that_has_them() {
    written_as_read::<Envelope<Command>>(include_str!("../../fixtures/session/grants_v1.jsonl"));
    written_as_read::<Reply>(r#"{"refused":"refresh_reused"}"#);
    let nobody = r#"{"grants_to":{"person":null,"grants":[],"ended":0}}"#;
    let person = r#"{"issuer":"https://op.example","subject":"248289761001","provider":"corp"}"#;
    written_as_read::<Reply>(nobody);
    written_as_read::<Reply>(&nobody.replace("null", person).replace("\"ended\":0", "\"ended\":2"));
}

#[test]
fn what_is_said_of_bound_tokens_is_sent_as_by_the_first_release_that_has_them() {
    written_as_read::<Envelope<Command>>(include_str!("../../fixtures/session/bound_commands_v1.jsonl"));
    written_as_read::<Reply>(include_str!("../../fixtures/session/bound_answers_v1.jsonl"));
}

#[test]
fn what_may_have_been_done_is_asked_again_only_where_that_changes_nothing() {
    // R-326
    let spends = r#"{"check_grant":{"digest":"d","spend":true,"clocks":{"idle":3600,"absolute":28800}}}"#;
    let others = [
        ("looks", spends.replace("true", "false"), true),
        ("spends", spends.to_owned(), false),
        ("lists", r#"{"approval":"list"}"#.to_owned(), true),
        ("unblocks", r#""unblock""#.to_owned(), true),
        ("lists factors", r#"{"second":{"read":{"session":null}}}"#.to_owned(), true),
        ("takes factors away", r#"{"second":"reset"}"#.to_owned(), false),
    ];
    for (name, text, may_be_repeated) in others {
        let command: Command = serde_json::from_str(&text).unwrap();
        assert_eq!(command.may_be_repeated(), may_be_repeated, "{name}");
    }
    let [first, grants] = [
        include_str!("../../fixtures/session/commands_v1.jsonl"),
        include_str!("../../fixtures/session/grants_v1.jsonl"),
    ];
    for line in first.lines().chain(grants.lines()) {
        let Envelope { command, .. } = serde_json::from_str::<Envelope<Command>>(line).unwrap();
        let only_asks = ["check", "list", "list_grants_to"].iter().any(|name| line.contains(&format!("{{\"{name}\":")));
        assert_eq!(command.may_be_repeated(), only_asks, "{line}");
    }
}

const BOUND_RECORD: &str = include_str!("../../fixtures/session/record_v1_bound.json");
const OF_DEVICES: &str = include_str!("../../fixtures/session/device_v1.jsonl");

/// The commands, and the answers.
fn of_devices() -> (String, String) {
    let (commands, answers): (Vec<&str>, Vec<&str>) = OF_DEVICES.lines().partition(|line| line.contains("\"command\""));
    assert_eq!((commands.len(), answers.len()), (6, 8));
    (commands.join("\n"), answers.join("\n"))
}

/// With a member in each part that a later release has added.
fn of_a_later_release(text: &str) -> String {
    ["\"digest\":", "\"jwk\":", "\"cookie\":", "\"issuer\":"]
        .iter()
        .fold(text.to_owned(), |text, first| text.replace(first, &format!("\"later\":[1],{first}")))
}

#[test]
fn what_is_said_of_devices_is_sent_as_by_the_first_release_that_has_them() {
    let (commands, answers) = of_devices();
    written_as_read::<Envelope<Command>>(&commands);
    written_as_read::<Reply>(&answers);
    written_as_read::<Session>(BOUND_RECORD);
    let read: Session = serde_json::from_str(BOUND_RECORD).unwrap();
    let device = read.device.unwrap();
    assert_eq!((device.id.as_str(), device.generation, device.place.as_deref()), ("old", 2, Some("PT 64500")));
}

#[test]
fn what_a_later_release_says_of_devices_besides_is_left_out() {
    let (commands, answers) = of_devices();
    let written = |read: &dyn Fn(&str) -> String, lines: &str| {
        for line in lines.lines() {
            let later = of_a_later_release(line);
            assert_eq!(read(&later), line, "{later}");
        }
    };
    let again = |value: serde_json::Result<String>| value.unwrap();
    written(&|line| again(serde_json::to_string(&serde_json::from_str::<Envelope<Command>>(line).unwrap())), &commands);
    written(&|line| again(serde_json::to_string(&serde_json::from_str::<Reply>(line).unwrap())), &answers);
    written(&|line| again(serde_json::to_string(&serde_json::from_str::<Session>(line).unwrap())), BOUND_RECORD);
    assert_ne!(of_a_later_release(BOUND_RECORD), BOUND_RECORD);
}

#[test]
fn a_release_that_knows_no_devices_is_understood_and_understands() {
    let record: Session = serde_json::from_str(include_str!("../../fixtures/session/record_v1_whole.json")).unwrap();
    assert!(record.device.is_none());
    let asked: Envelope<Command> = serde_json::from_str(include_str!("../../fixtures/session/check_v1.json")).unwrap();
    assert!(matches!(asked.command, Command::Check(check) if check.shown.is_none()));
    // What it does not know of a record is all that is there besides.
    let mut bound: serde_json::Value = serde_json::from_str(BOUND_RECORD).unwrap();
    bound.as_object_mut().unwrap().remove("device").unwrap();
    let plain: Session = serde_json::from_str(&bound.to_string()).unwrap();
    let read: Session = serde_json::from_str(BOUND_RECORD).unwrap();
    assert_eq!(Session { device: None, ..read }, plain);
}

#[test]
fn tokens_print_redacted() {
    let text = r#"{"access_token":"s-access","refresh_token":"s-refresh","id_token":"s-id","nonce":"s-nonce"}"#;
    let tokens: Tokens = serde_json::from_str(text).unwrap();
    let (access, ended) = (tokens.access_token.clone(), format!("{tokens:?}"));
    let relayed = format!("{:?}", super::message::AccessToken::new(access));
    assert!(!ended.contains("s-") && !relayed.contains("s-"), "{ended} {relayed}");
}
