use serde_json::{Value, json};

use crate::config::tests::{problems, small, with};

/// What is wrong with this in a provider's table.
fn refused(key: &str, value: Value) -> String {
    problems(&with(small(), &["PROVIDERS", "corp", key], value)).join("\n")
}

#[test]
fn no_parameter_of_our_own_is_for_anybody_else_to_set() {
    // each of them said a second time.
    let read_first = ["acr_values", "login_hint", "max_age", "prompt"];
    let ours = "client_assertion client_assertion_type client_id client_secret code_challenge code_challenge_method \
                id_token_hint nonce redirect_uri request request_uri resource response_mode response_type scope state";
    for name in ours.split(' ').chain(read_first) {
        let line = refused("authorization_params", json!({ name: "x" }));
        assert_eq!(line, format!("PROVIDERS.corp.authorization_params.{name}: is Postern's own to send, take it out"));
    }
    let of_links = "fragment iss provider return_to target_link_uri claims";
    for name in ours.split(' ').chain(of_links.split(' ')) {
        let line = refused("pass_through", json!([name]));
        assert!(line.contains("is not for a login link to set"), "{name}: {line}");
    }
    for name in "client_id id_token_hint post_logout_redirect_uri state".split(' ') {
        let line = refused("logout_params", json!({ name: "x" }));
        assert_eq!(line, format!("PROVIDERS.corp.logout_params.{name}: is Postern's own to send, take it out"));
    }
}
