use serde_json::json;

use super::*;
use crate::config::testing::provider;
use crate::http::{HeaderMap, HeaderValue, header};

fn github() -> OAuth2 {
    provider(|table| *table = json!({ "preset": "github", "client_id": "app" })).oauth2.unwrap()
}

fn discord() -> OAuth2 {
    provider(|table| *table = json!({ "preset": "discord", "client_id": "app" })).oauth2.unwrap()
}

fn answer(status: u16, body: &str) -> OutboundResponse {
    let headers =
        HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"))]);
    OutboundResponse { status: StatusCode::from_u16(status).unwrap(), headers, body: body.as_bytes().to_vec() }
}

fn user(body: &str, provider: &OAuth2) -> Result<(String, Value), UserInfoError> {
    let (subject, claims) = OAuth2User::check(&answer(200, body), provider)?.into_parts();
    Ok((subject, claims.into()))
}

#[test]
fn a_person_is_the_id_and_nothing_that_is_given_to_others() {
    // R-388
    let said = json!({
        "id": 583_231, "login": "octocat", "name": "The Octocat", "email": "octocat@github.com", "sub": "root",
        "avatar_url": "https://avatars.githubusercontent.com/u/583231", "roles": ["admin"], "acr": "high",
    });
    let told = json!({
        "name": "The Octocat", "preferred_username": "octocat",
        "picture": "https://avatars.githubusercontent.com/u/583231",
    });
    assert_eq!(user(&said.to_string(), &github()), Ok(("583231".to_owned(), told)));
}

#[test]
fn an_id_that_is_none_ends_the_login() {
    // R-388
    for id in
        ["1e20", "1.0", "-1", "0", "null", "true", "[1]", "{}", "\"\"", "\"a b\"", "\"é\"", "18446744073709551616"]
    {
        assert_eq!(
            user(&format!("{{\"id\":{id},\"login\":\"x\"}}"), &github()),
            Err(UserInfoError::IdMalformed),
            "{id}"
        );
    }
    let long = json!({ "id": "7".repeat(256) }).to_string();
    assert_eq!(user(&long, &github()), Err(UserInfoError::IdMalformed));
    assert_eq!(user(r#"{"login":"x"}"#, &github()), Err(UserInfoError::IdMalformed));
    assert_eq!(user(r#"{"id":1,"id":2}"#, &github()), Err(UserInfoError::NotJson));
    for bad in ["[]", "", "<html>", "1"] {
        assert_eq!(user(bad, &github()), Err(UserInfoError::NotJson), "{bad}");
    }
    for status in [201, 204, 301, 401, 403, 404] {
        let refused = OAuth2User::check(&answer(status, r#"{"id":1}"#), &github()).map(OAuth2User::into_parts);
        assert_eq!(refused.unwrap_err(), UserInfoError::Refused(StatusCode::from_u16(status).unwrap()));
    }
    let typed = |kind| OutboundResponse {
        headers: HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(kind))]),
        ..answer(200, r#"{"id":1}"#)
    };
    for kind in ["text/html", "application/jwt"] {
        let refused = OAuth2User::check(&typed(kind), &github()).map(OAuth2User::into_parts);
        assert_eq!(refused.unwrap_err(), UserInfoError::ContentType, "{kind}");
    }
}

#[test]
fn an_address_counts_only_where_it_is_verified() {
    // R-387
    let told = |verified: &str| {
        let said = format!(r#"{{"id":"80351110224678912","username":"nelly","email":"nelly@example.com"{verified}}}"#);
        user(&said, &discord()).unwrap().1
    };
    let verified = told(r#","verified":true"#);
    assert_eq!((&verified["email"], &verified["email_verified"]), (&json!("nelly@example.com"), &json!(true)));
    for unverified in ["", r#","verified":false"#, r#","verified":null"#, r#","verified":1"#, r#","verified":"yes""#] {
        let claims = told(unverified);
        assert!(claims.get("email").is_none() && claims.get("email_verified").is_none(), "{unverified}");
    }
}

#[test]
fn of_a_list_of_addresses_the_primary_one_counts_if_it_is_verified() {
    // R-387
    let email = |status, list: &str| {
        let user = OAuth2User::check(&answer(200, r#"{"id":1}"#), &github()).unwrap();
        user.with_emails(&answer(status, list)).map(|user| user.into_parts().1.get("email").cloned())
    };
    let list = json!([
        { "email": "old@example.com", "primary": false, "verified": true },
        { "email": "octocat@example.com", "primary": true, "verified": true },
    ]);
    assert_eq!(email(200, &list.to_string()), Ok(Some(json!("octocat@example.com"))));
    for none in [
        json!([{ "email": "a@example.com", "primary": true, "verified": false }]),
        json!([{ "email": "a@example.com", "primary": false, "verified": true }]),
        json!([{ "email": ["a@example.com"], "primary": true, "verified": true }]),
        json!(["a@example.com"]),
        json!([]),
    ] {
        assert_eq!(email(200, &none.to_string()), Ok(None), "{none}");
    }
    assert_eq!((email(404, ""), email(403, "")), (Ok(None), Ok(None)));
    assert_eq!(email(401, ""), Err(UserInfoError::Refused(StatusCode::UNAUTHORIZED)));
    for bad in ["{}", "", "[1", r#"[{"email":"a","email":"b"}]"#] {
        assert_eq!(email(200, bad), Err(UserInfoError::NotJson), "{bad}");
    }
    let long = format!("[{}]", vec!["1"; MAX_EMAILS_BYTES].join(","));
    assert_eq!(email(200, &long), Err(UserInfoError::NotJson));
}
