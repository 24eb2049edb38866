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
}

#[test]
fn what_is_said_of_bound_tokens_is_sent_as_by_the_first_release_that_has_them() {
    written_as_read::<Envelope<Command>>(include_str!("../../fixtures/session/bound_commands_v1.jsonl"));
    written_as_read::<Reply>(include_str!("../../fixtures/session/bound_answers_v1.jsonl"));
}

#[test]
fn tokens_print_redacted() {
    let text = r#"{"access_token":"s-access","refresh_token":"s-refresh","id_token":"s-id","nonce":"s-nonce"}"#;
    let tokens: Tokens = serde_json::from_str(text).unwrap();
    let (access, ended) = (tokens.access_token.clone(), format!("{tokens:?}"));
    let relayed = format!("{:?}", super::message::AccessToken::new(access));
    assert!(!ended.contains("s-") && !relayed.contains("s-"), "{ended} {relayed}");
}
