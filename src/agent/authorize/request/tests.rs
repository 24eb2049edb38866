use super::*;

const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const RESOURCE: &str = "https://app.example.com/mcp";

fn query(changes: &[(&str, Option<&str>)]) -> String {
    let mut all = vec![
        ("response_type", "code"),
        ("client_id", "https://client.example/c"),
        ("redirect_uri", "https://client.example/cb"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
        ("resource", RESOURCE),
        ("scope", "docs:read"),
        ("state", "s"),
    ];
    for (name, value) in changes {
        all.retain(|(known, _)| known != name);
        all.extend(value.map(|value| (*name, value)));
    }
    form_urlencoded::Serializer::new(String::new()).extend_pairs(all).finish()
}

fn offer(resource: &str) -> Option<Offer> {
    let scopes = ["docs:read", "docs:write"].map(str::to_owned).to_vec();
    let elsewhere = vec!["mail:read".to_owned()];
    (resource == RESOURCE).then(|| Offer { resource: RESOURCE.to_owned(), scopes, elsewhere })
}

fn accept(query: &str) -> Result<AuthorizationRequest, AuthorizationError> {
    Parameters::parse(query).accept(offer)
}

#[test]
fn a_request_says_what_for_and_what_of() {
    let query = query(&[]);
    let parameters = Parameters::parse(&query);
    assert_eq!(parameters.client_id(), Ok("https://client.example/c"));
    assert_eq!(parameters.redirect_uri(), Ok("https://client.example/cb"));
    assert_eq!(parameters.state(), Some("s"));
    let request = parameters.accept(offer).unwrap();
    assert_eq!((request.resource.as_str(), request.challenge.as_str()), (RESOURCE, CHALLENGE));
    assert_eq!(request.scopes, ["docs:read"]);
    assert_eq!((request.acr_values.len(), request.max_age), (0, None));
}

//
#[test]
fn what_does_not_say_whose_it_is_once_is_for_a_page() {
    for (changed, expected) in [
        (query(&[("client_id", None)]), Err(UnanswerableRequest::ClientId)),
        (query(&[("client_id", Some(""))]), Err(UnanswerableRequest::ClientId)),
        (format!("{}&client_id=https%3A%2F%2Fclient.example%2Fc", query(&[])), Err(UnanswerableRequest::ClientId)),
        (format!("{}&state=t&client_id=x", query(&[])), Err(UnanswerableRequest::ClientId)),
        (format!("{}&x={}", query(&[]), "a".repeat(MAX_QUERY_BYTES)), Err(UnanswerableRequest::TooLarge)),
        (format!("{}{}", query(&[]), "&x".repeat(40)), Err(UnanswerableRequest::TooLarge)),
    ] {
        assert_eq!(Parameters::parse(&changed).client_id().map(drop), expected.map(|(): ()| ()), "{changed}");
    }
    let twice = format!("{}&redirect_uri=https%3A%2F%2Fevil.example", query(&[]));
    assert_eq!(Parameters::parse(&twice).redirect_uri(), Err(UnanswerableRequest::RedirectUri));
    assert_eq!(
        Parameters::parse(&query(&[("redirect_uri", None)])).redirect_uri(),
        Err(UnanswerableRequest::RedirectUri)
    );
}

//
#[test]
fn what_is_wrong_is_told_in_the_words_of_the_specification() {
    use AuthorizationError as Wrong;
    for (changed, expected) in [
        (query(&[("response_type", None)]), Wrong::InvalidRequest("response_type")),
        (query(&[("response_type", Some("token"))]), Wrong::ResponseType),
        (query(&[("response_type", Some("code id_token"))]), Wrong::ResponseType),
        (query(&[("response_mode", Some("fragment"))]), Wrong::InvalidRequest("response_mode")),
        (query(&[("code_challenge", None)]), Wrong::InvalidRequest("code_challenge")),
        (query(&[("code_challenge", Some("short"))]), Wrong::InvalidRequest("code_challenge")),
        (query(&[("code_challenge", Some(&CHALLENGE.replace('-', "+")))]), Wrong::InvalidRequest("code_challenge")),
        (query(&[("code_challenge_method", None)]), Wrong::InvalidRequest("code_challenge_method")),
        (query(&[("code_challenge_method", Some("plain"))]), Wrong::InvalidRequest("code_challenge_method")),
        (query(&[("state", Some(&"s".repeat(2049)))]), Wrong::InvalidRequest("state")),
        (query(&[("max_age", Some("-1"))]), Wrong::InvalidRequest("max_age")),
        (query(&[("max_age", Some("99999999999"))]), Wrong::InvalidRequest("max_age")),
        (query(&[("acr_values", Some("a\nb"))]), Wrong::InvalidRequest("acr_values")),
        (query(&[("request", Some("x"))]), Wrong::RequestObject("request")),
        (query(&[("request_uri", Some("x"))]), Wrong::RequestObject("request_uri")),
        (query(&[("prompt", Some("none"))]), Wrong::ConsentRequired),
        (query(&[("scope", Some("docs:read admin"))]), Wrong::Scope),
        (query(&[("scope", Some("mail:read"))]), Wrong::Scope),
        (format!("{}&scope=docs%3Aread", query(&[])), Wrong::InvalidRequest("scope")),
        (format!("{}&state=t", query(&[])), Wrong::InvalidRequest("state")),
    ] {
        assert_eq!(accept(&changed), Err(expected), "{changed}");
    }
}

//
#[test]
fn one_resource_of_ours_is_named() {
    for changed in [
        query(&[("resource", None)]),
        query(&[("resource", Some(""))]),
        query(&[("resource", Some("https://app.example.com/mcp/other"))]),
        query(&[("resource", Some("https://app.example.com/MCP"))]),
        query(&[("resource", Some("https://other.example.com/mcp"))]),
        format!("{}&resource=https%3A%2F%2Fapp.example.com%2Fmcp", query(&[])),
    ] {
        assert_eq!(accept(&changed), Err(AuthorizationError::Target), "{changed}");
    }
}

#[test]
fn without_a_scope_all_are_asked_for_and_offline_access_is_none() {
    for (scope, expected) in [
        (None, &["docs:read", "docs:write"][..]),
        (Some(""), &["docs:read", "docs:write"]),
        (Some("offline_access"), &["docs:read", "docs:write"]),
        (Some("docs:write  offline_access docs:write"), &["docs:write"]),
        (Some("mail:read docs:write"), &["docs:write"]),
    ] {
        assert_eq!(accept(&query(&[("scope", scope)])).unwrap().scopes, expected, "{scope:?}");
    }
}
