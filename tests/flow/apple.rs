//! Sign in with Apple: a client secret that is signed, and a name that comes once, by way of the browser.

use serde_json::{Value, json};

use crate::support::{Asked, AuthorizationResponse, Browser, World, gateway, variables};

const USER: &str = r#"{"name":{"firstName":"Jane","lastName":"Appleseed"},"email":"jane@example.com"}"#;

fn apple() -> Value {
    let mut variables = variables();
    let corp = &mut variables["PROVIDERS"]["corp"];
    for (key, value) in [("preset", "apple"), ("team_id", "A1B2C3D4E5"), ("key_id", "F6G7H8I9J0"), ("client_id", "app")]
    {
        corp[key] = value.into();
    }
    variables["SESSION"] = json!({ "claims": ["name", "email", "unverified_name"] });
    variables
}

/// Signs in, with this `user` in the form that comes back.
fn claims(variables: &Value, user: Option<&str>) -> (World, Value) {
    let (world, gateway) = (World::new(), gateway(variables));
    world.corp.bend_claims(|claims| drop(claims.as_object_mut().unwrap().remove("name")));
    let browser = Browser::new(&world, &gateway);
    let mut response: AuthorizationResponse = world.corp.authorize(&browser.begin("provider=corp"));
    if let Some(user) = user {
        response.add("user", user);
    }
    let answered = browser.send(&Asked::form_from_elsewhere(response.path(), &response.encoded()));
    assert_eq!(answered.event["reason"], "login.succeeded", "{}", answered.event);
    let me = browser.send(&Asked::script("GET", "/auth/me")).json();
    (world, me["claims"].clone())
}

#[test]
fn the_name_that_came_along_is_kept_as_what_it_is() {
    // R-391
    assert_eq!(claims(&apple(), Some(USER)).1, json!({ "unverified_name": "Jane Appleseed" }));
    assert_eq!(claims(&apple(), None).1, json!({}));
}

#[test]
fn a_name_that_is_odd_or_is_not_apples_is_ignored() {
    // R-391
    let long = format!(r#"{{"name":{{"firstName":"Jane"}},"x":"{}"}}"#, "x".repeat(4096));
    for odd in ["", "{", "[]", r#"{"name":"Jane"}"#, r#"{"email":"root@example.com","sub":"root"}"#, &long] {
        assert_eq!(claims(&apple(), Some(odd)).1, json!({}), "{odd}");
    }
    let mut other = apple();
    other["PROVIDERS"]["corp"] = variables()["PROVIDERS"]["corp"].clone();
    other["PROVIDERS"]["corp"]["response_mode"] = "form_post".into();
    assert_eq!(claims(&other, Some(USER)).1, json!({}));
}

#[test]
fn the_client_secret_is_signed_for_five_minutes_and_for_the_issuer() {
    // R-391
    let (world, _) = claims(&apple(), None);
    let sent = world.sent.borrow();
    let request = sent.iter().find(|request| request.url.ends_with("/token")).unwrap();
    let form: std::collections::BTreeMap<String, String> =
        form_urlencoded::parse(request.body.as_bytes()).into_owned().collect();
    assert!(!request.headers.contains_key("authorization") && form["client_id"] == "app");
    let part = |at: usize| {
        use base64ct::{Base64UrlUnpadded, Encoding};
        let part = form["client_secret"].split('.').nth(at).unwrap().to_owned();
        serde_json::from_slice::<Value>(&Base64UrlUnpadded::decode_vec(&part).unwrap()).unwrap()
    };
    assert_eq!(part(0), json!({ "alg": "ES256", "kid": "F6G7H8I9J0", "typ": "JWT" }));
    let now = world.now.get();
    let expected =
        json!({ "iss": "A1B2C3D4E5", "sub": "app", "aud": crate::support::CORP, "iat": now, "exp": now + 300 });
    assert_eq!(part(1), expected);
}
