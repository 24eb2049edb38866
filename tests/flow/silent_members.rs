//! A member that says nothing is not there: `null`, an empty list and an empty text, in every member that is read of every
//! document, and beside them something of the wrong type. What comes of each is written out.

use postern::gateway::Gateway;
use serde_json::{Value, json};

use super::bearer::with_issuers;
use crate::support::{Asked, Browser, CORP, Endpoint, PARTNER, World, answer, gateway, variables};

const IN: &str = "login.succeeded";
const OPEN: &str = "authz.requirements_met";

/// A member; what comes of it when it says nothing; a value of the wrong type, and what comes of that.
type Row = (&'static str, &'static str, Value, &'static str);

/// Holds each row for each way to say nothing.
#[track_caller]
fn hold(document: &str, rows: &[Row], outcome: impl Fn(&str, &Value) -> String) {
    for (name, silent, wrong, refused) in rows {
        for nothing in [Value::Null, json!([]), json!("")] {
            assert_eq!(outcome(name, &nothing), *silent, "{document}: {name} {nothing}");
        }
        assert_eq!(outcome(name, wrong), *refused, "{document}: {name} {wrong}");
    }
}

fn reason(event: &Value) -> String {
    event["reason"].as_str().unwrap().to_owned()
}

/// What comes of a login with the provider prepared so.
fn login(variables: &Value, prepare: impl Fn(&World)) -> String {
    let (world, gateway) = (World::new(), gateway(variables));
    prepare(&world);
    let browser = Browser::new(&world, &gateway);
    let begun = browser.go("/auth/login?provider=corp");
    if begun.event["reason"] != "login.started" {
        return reason(&begun.event);
    }
    reason(&browser.come_back(&world.corp.authorize(&begun.location())).event)
}

#[test]
fn in_id_tokens() {
    hold(
        "ID token",
        &[
            ("azp", IN, json!(7), "id_token.azp_mismatch"),
            ("auth_time", IN, json!("soon"), "id_token.auth_time_malformed"),
            ("sid", IN, json!(7), "id_token.sid_malformed"),
            ("at_hash", IN, json!(7), "id_token.at_hash_mismatch"),
            ("nbf", IN, json!("soon"), "id_token.nbf_malformed"),
            ("events", IN, json!(7), "id_token.events_present"),
            // Nobody asked for these.
            ("acr", IN, json!(7), IN),
            ("amr", IN, json!(7), IN),
            ("name", IN, json!(7), IN),
            ("groups", IN, json!(7), IN),
            // These have to be there.
            ("iss", "id_token.iss_mismatch", json!(7), "id_token.iss_mismatch"),
            ("sub", "id_token.sub_malformed", json!(7), "id_token.sub_malformed"),
            ("exp", "id_token.exp_malformed", json!("soon"), "id_token.exp_malformed"),
            ("iat", "id_token.iat_malformed", json!("now"), "id_token.iat_malformed"),
        ],
        |name, value| {
            let mut variables = variables();
            variables["PROVIDERS"]["corp"]["roles"] = json!(["groups"]);
            let (name, value) = (name.to_owned(), value.clone());
            login(&variables, move |world| {
                let (name, value) = (name.clone(), value.clone());
                world.corp.bend_claims(move |claims| claims[&name] = value.clone());
            })
        },
    );
    for name in ["nonce", "aud"] {
        for nothing in [Value::Null, json!([]), json!("")] {
            let found = login(&variables(), |world| {
                let nothing = nothing.clone();
                world.corp.bend_claims(move |claims| claims[name] = nothing.clone());
            });
            assert!(found.starts_with(&format!("id_token.{name}_")), "{name} {nothing}: {found}");
        }
    }
}

#[test]
fn in_what_was_asked_for_of_id_tokens() {
    // what is required has to be said.
    let mut variables = variables();
    variables["PROVIDERS"]["corp"]["acr_values"] = json!(["gold"]);
    variables["PROVIDERS"]["corp"]["max_age"] = json!("10m");
    hold(
        "ID token",
        &[
            ("acr", "id_token.acr_unsatisfied", json!(["gold"]), "id_token.acr_unsatisfied"),
            ("auth_time", "id_token.auth_time_missing", json!("1800000000"), "id_token.auth_time_malformed"),
        ],
        |name, value| {
            let (name, value) = (name.to_owned(), value.clone());
            login(&variables, move |world| {
                let (name, value) = (name.clone(), value.clone());
                world.corp.bend_claims(move |claims| {
                    claims["acr"] = "gold".into();
                    claims[&name] = value.clone();
                });
            })
        },
    );
}

#[test]
fn in_token_responses() {
    hold(
        "token response",
        &[
            ("access_token", IN, json!(7), "token.member_missing"),
            ("refresh_token", IN, json!(7), IN),
            ("expires_in", IN, json!({}), IN),
            ("scope", IN, json!(7), IN),
            ("error", IN, json!(7), "token.refused"),
            ("error_description", IN, json!(7), IN),
            ("session_state", IN, json!(7), IN),
            ("id_token", "token.member_missing", json!(7), "token.member_missing"),
            ("token_type", "token.type_unknown", json!(7), "token.type_unknown"),
        ],
        |name, value| {
            let (name, value) = (name.to_owned(), value.clone());
            login(&variables(), move |world| {
                let (name, value) = (name.clone(), value.clone());
                world.corp.bend_tokens(move |tokens| tokens[&name] = value.clone());
            })
        },
    );
}

#[test]
fn in_metadata() {
    hold(
        "metadata",
        &[
            ("userinfo_endpoint", IN, json!(7), IN),
            ("end_session_endpoint", IN, json!(7), IN),
            ("revocation_endpoint", IN, json!(false), IN),
            ("introspection_endpoint", IN, json!(7), IN),
            ("code_challenge_methods_supported", IN, json!(7), "metadata.no_s256"),
            ("authorization_endpoint", "metadata.member_missing", json!(7), "metadata.endpoint_refused"),
            ("token_endpoint", "metadata.member_missing", json!(7), "metadata.endpoint_refused"),
            ("jwks_uri", "metadata.member_missing", json!(7), "metadata.endpoint_refused"),
            ("issuer", "metadata.issuer_mismatch", json!(7), "metadata.issuer_mismatch"),
            // What is not announced is not asked for; an `iss` that comes all the same is compared.
            ("authorization_response_iss_parameter_supported", IN, json!(7), IN),
        ],
        |name, value| login(&variables(), |world| world.corp.metadata.borrow_mut()[name] = value.clone()),
    );
}

#[test]
fn in_keys() {
    const UNKNOWN: &str = "jwt.key_unknown";
    hold(
        "key",
        &[
            ("use", IN, json!(7), UNKNOWN),
            ("key_ops", IN, json!(7), UNKNOWN),
            ("alg", IN, json!(7), UNKNOWN),
            ("x5c", IN, json!(7), IN),
            ("x5t#S256", IN, json!(7), IN),
            ("d", IN, json!(7), UNKNOWN),
            ("k", IN, json!(7), UNKNOWN),
            ("oth", IN, json!(7), UNKNOWN),
            // No key of that name any more, but the token names it.
            ("kid", UNKNOWN, json!(7), UNKNOWN),
            ("kty", UNKNOWN, json!(7), UNKNOWN),
            ("crv", UNKNOWN, json!(7), UNKNOWN),
            ("x", UNKNOWN, json!(7), UNKNOWN),
            ("y", UNKNOWN, json!(7), UNKNOWN),
        ],
        |name, value| login(&variables(), |world| world.corp.published.borrow_mut()[0][name] = value.clone()),
    );
}

#[test]
fn in_userinfo() {
    let mut variables = variables();
    variables["PROVIDERS"]["corp"]["userinfo"] = true.into();
    variables["PROVIDERS"]["corp"]["roles"] = json!(["groups"]);
    hold(
        "UserInfo",
        &[
            ("email", IN, json!(7), IN),
            ("email_verified", IN, json!(7), IN),
            ("groups", IN, json!(7), IN),
            ("sub", "userinfo.sub_mismatch", json!(7), "userinfo.sub_mismatch"),
        ],
        |name, value| login(&variables, |world| world.corp.user.borrow_mut()[name] = value.clone()),
    );
    hold(
        "signed UserInfo",
        &[
            ("exp", IN, json!("soon"), "userinfo.exp_malformed"),
            ("events", IN, json!(7), "userinfo.events_present"),
            ("iss", "userinfo.iss_mismatch", json!(7), "userinfo.iss_mismatch"),
            ("aud", "userinfo.aud_mismatch", json!(7), "userinfo.aud_mismatch"),
            ("sub", "userinfo.sub_mismatch", json!(7), "userinfo.sub_mismatch"),
        ],
        |name, value| {
            login(&variables, |world| {
                let mut claims = json!({ "iss": CORP, "aud": "app", "sub": "alice", "email": "signed@example.com" });
                claims[name] = value.clone();
                let token = world.corp.key.borrow().sign(None, claims.as_object().unwrap());
                let mut signed = answer(200, &Value::Null);
                signed.headers.insert("content-type", "application/jwt".parse().unwrap());
                signed.body = token.into_bytes();
                world.corp.script(Endpoint::UserInfo, Ok(signed));
            })
        },
    );
}

#[test]
fn what_the_id_token_says_nothing_of_is_asked_at_userinfo() {
    let mut variables = variables();
    variables["PROVIDERS"]["corp"]["userinfo"] = true.into();
    for nothing in [Value::Null, json!([]), json!("")] {
        let (world, gateway) = (World::new(), gateway(&variables));
        world.corp.bend_claims(move |claims| claims["name"] = nothing.clone());
        let me = Browser::new(&world, &gateway).signed_in().send(&Asked::script("GET", "/auth/me")).json();
        assert_eq!(me["claims"]["name"], "Alice at UserInfo");
    }
}

/// What comes of a logout token with this claim, for alice's session `a-1`; and whether it is still alive.
fn logout(variables: &Value, name: &str, value: &Value) -> (String, bool) {
    let (world, gateway) = (World::new(), gateway(variables));
    let browser = Browser::new(&world, &gateway).signed_in_as("alice", "a-1");
    let now = world.now.get();
    let mut claims = json!({
        "iss": CORP, "aud": "app", "iat": now, "exp": now + 120, "jti": "j", "sub": "alice", "sid": "a-1",
        "events": { "http://schemas.openid.net/event/backchannel-logout": {} },
    });
    claims[name] = value.clone();
    let token = world.corp.key.borrow().sign(Some("logout+jwt"), claims.as_object().unwrap());
    let asked = Asked::new("POST", "/auth/backchannel-logout/corp")
        .with("content-type", "application/x-www-form-urlencoded")
        .with_body(Ok(&format!("logout_token={token}")));
    let told = reason(&Browser::new(&world, &gateway).send(&asked).event);
    (told, browser.is_in())
}

#[test]
fn in_logout_tokens() {
    const ENDED: &str = "logout.sessions_ended";
    let mut legacy = variables();
    legacy["PROVIDERS"]["corp"]["logout_tokens"] = json!("legacy");
    let rows: [Row; 10] = [
        ("sub", ENDED, json!(7), "logout_token.sub_malformed"),
        ("sid", ENDED, json!(7), "logout_token.sid_malformed"),
        ("nbf", ENDED, json!("soon"), "logout_token.nbf_malformed"),
        ("nonce", ENDED, json!(7), "logout_token.nonce_present"),
        ("azp", ENDED, json!(7), ENDED),
        ("iss", "logout_token.iss_mismatch", json!(7), "logout_token.iss_mismatch"),
        ("iat", "logout_token.iat_malformed", json!("now"), "logout_token.iat_malformed"),
        ("jti", "logout_token.jti_malformed", json!(7), "logout_token.jti_malformed"),
        ("events", "logout_token.events_malformed", json!(7), "logout_token.events_malformed"),
        ("exp", "logout_token.exp_malformed", json!("soon"), "logout_token.exp_malformed"),
    ];
    hold("logout token", &rows, |name, value| {
        let (told, alive) = logout(&variables(), name, value);
        assert_eq!(told == ENDED, !alive, "{name} {value}");
        told
    });
    // A provider whose logout tokens need not end.
    let exp: Row = ("exp", ENDED, json!("soon"), "logout_token.exp_malformed");
    hold("legacy logout token", &[exp], |name, value| logout(&legacy, name, value).0);
}

/// What comes of a token of `partner`'s with this claim.
fn bearing(gateway: &Gateway, world: &World, typ: Option<&str>, name: &str, value: &Value) -> String {
    let now = world.now.get();
    let mut claims = json!({
        "iss": PARTNER, "aud": "https://api.example.com", "sub": "alice", "client_id": "reporter", "jti": "j",
        "iat": now, "exp": now + 300, "scope": "read",
    });
    claims[name] = value.clone();
    let token = world.partner.key.borrow().sign(typ, claims.as_object().unwrap());
    reason(&Browser::new(world, gateway).send(&Asked::bearing("/v1/a", &token)).event)
}

#[test]
fn in_access_tokens() {
    let common = || {
        vec![
            ("nbf", OPEN, json!("soon"), "access_token.nbf_malformed"),
            ("auth_time", OPEN, json!("soon"), "access_token.auth_time_malformed"),
            ("act", OPEN, json!(7), "access_token.act_malformed"),
            ("scope", OPEN, json!(7), OPEN),
            ("events", OPEN, json!(7), "access_token.kind_refused"),
            ("acr", OPEN, json!(7), OPEN),
            ("amr", OPEN, json!(7), OPEN),
            ("exp", "access_token.exp_malformed", json!("soon"), "access_token.exp_malformed"),
            ("sub", "access_token.sub_malformed", json!(7), "access_token.sub_malformed"),
        ]
    };
    let refused = |name, code| (name, code, json!({}), code);
    let open = |name, code| (name, OPEN, json!({}), code);
    let (world, strict) = (World::new(), gateway(&with_issuers()));
    let rows = [
        refused("client_id", "access_token.client_id_malformed"),
        refused("jti", "access_token.jti_malformed"),
        refused("iat", "access_token.iat_malformed"),
    ];
    let rows = [common(), rows.to_vec()].concat();
    hold("access token", &rows, |name, value| bearing(&strict, &world, Some("at+jwt"), name, value));
    let mut legacy = with_issuers();
    legacy["ISSUERS"]["machines"]["tokens"] = json!("legacy");
    let legacy = gateway(&legacy);
    let rows = [
        open("client_id", "access_token.client_id_malformed"),
        open("azp", OPEN),
        open("jti", "access_token.jti_malformed"),
        open("iat", "access_token.iat_malformed"),
        open("nonce", "access_token.kind_refused"),
        open("at_hash", "access_token.kind_refused"),
        open("token_use", "access_token.kind_refused"),
        open("typ", "access_token.kind_refused"),
    ];
    let rows = [common(), rows.to_vec()].concat();
    hold("legacy access token", &rows, |name, value| bearing(&legacy, &world, None, name, value));
    // Whatever else stands there might have been meant to bind it.
    let bound = |value: Value| bearing(&strict, &world, Some("at+jwt"), "cnf", &value);
    assert_eq!(bound(Value::Null), OPEN);
    for other in [json!([]), json!(""), json!(7), json!({})] {
        assert_ne!(bound(other.clone()), OPEN, "{other}");
    }
}

/// What comes of an opaque token of which this is said too.
fn introspected(variables: &Value, name: &str, value: &Value) -> String {
    let (world, gateway) = (World::new(), gateway(variables));
    let now = world.now.get();
    let mut said = json!({
        "active": true, "iss": PARTNER, "aud": "https://api.example.com", "sub": "alice", "client_id": "reporter",
        "scope": "read", "token_type": "Bearer", "iat": now, "exp": now + 300,
    });
    said[name] = value.clone();
    world.partner.opaque.borrow_mut().insert("opaque".to_owned(), said);
    reason(&Browser::new(&world, &gateway).send(&Asked::bearing("/v1/a", "opaque")).event)
}

#[test]
fn in_introspection() {
    let mut opaque = variables();
    opaque["ISSUERS"]["partner"] =
        json!({ "issuer": PARTNER, "audience": "https://api.example.com", "tokens": "opaque", "client_id": "api" });
    opaque["ROUTES"]["/v1/{*rest}"] = json!({ "upstream": "service:API", "authenticate": ["bearer"] });
    let rows: [Row; 12] = [
        ("iss", OPEN, json!(7), "introspection.iss_mismatch"),
        ("token_type", OPEN, json!(7), "introspection.token_type_refused"),
        ("exp", OPEN, json!("soon"), "introspection.exp_malformed"),
        ("nbf", OPEN, json!("soon"), "introspection.nbf_malformed"),
        ("iat", OPEN, json!("now"), "introspection.iat_malformed"),
        ("client_id", OPEN, json!(7), "introspection.client_id_malformed"),
        // A client's own token need have none.
        ("sub", OPEN, json!(7), "introspection.sub_malformed"),
        ("username", OPEN, json!(7), OPEN),
        ("scope", OPEN, json!(7), OPEN),
        ("act", OPEN, json!(7), "access_token.act_malformed"),
        ("aud", "introspection.aud_missing", json!(7), "introspection.aud_malformed"),
        ("active", "introspection.active_malformed", json!("true"), "introspection.active_malformed"),
    ];
    hold("introspection", &rows, |name, value| introspected(&opaque, name, value));
    let with = |require_token_type: bool| {
        let mut opaque = opaque.clone();
        opaque["ISSUERS"]["partner"]["require_aud"] = false.into();
        opaque["ISSUERS"]["partner"]["require_token_type"] = require_token_type.into();
        opaque["ISSUERS"]["partner"]["audience"] = json!("https://api.example.com");
        opaque
    };
    let (kind, neither) = (with(true), with(false));
    let aud: [Row; 1] = [("aud", OPEN, json!(["other"]), "introspection.aud_mismatch")];
    hold("introspection without audience", &aud, |name, value| introspected(&kind, name, value));
    hold("introspection without audience and kind", &aud, |name, value| introspected(&neither, name, value));
}
