//! What the 31 modules of the OpenID Foundation's conformance tests ask of clients of FAPI 2.0
//! (`fapi2-security-profile-final-client-test-…`, the eight about JARM among them): the same behaviours of the provider, and
//! what Postern does. `docs/guides/fapi.md` has the verdicts.

use base64ct::{Base64UrlUnpadded, Encoding};
use serde_json::{Value, json};

use crate::support::{Answered, AuthorizationResponse, Browser, CORP, Endpoint, World, gateway, variables};

const PREFIX: &str = "fapi2-security-profile-final-client-test-";

/// What a module does, and the reason that the log then has.
struct Module {
    name: &'static str,
    /// What the provider is told before anybody comes.
    prepare: fn(&World),
    /// What it does to its response.
    bend: fn(&mut AuthorizationResponse),
    /// What it changes in a signed response; `None`: responses are not signed.
    jarm: Option<Value>,
    reason: &'static str,
    /// The last that the provider may then be asked.
    last: Last,
}

/// How far a sign-in goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Last {
    Metadata,
    Request,
    Token,
    End,
}

fn module(name: &'static str, reason: &'static str, last: Last) -> Module {
    Module { name, prepare: |_| (), bend: |_| (), jarm: None, reason, last }
}

/// One whose ID token is bent.
fn id_token(name: &'static str, reason: &'static str, prepare: fn(&World)) -> Module {
    Module { prepare, ..module(name, reason, Last::Token) }
}

/// One whose response is bent.
fn response(name: &'static str, reason: &'static str, bend: fn(&mut AuthorizationResponse)) -> Module {
    Module { bend, ..module(name, reason, Last::Request) }
}

/// One after which the person is signed in.
fn good(name: &'static str, prepare: fn(&World)) -> Module {
    Module { prepare, ..module(name, "login.succeeded", Last::End) }
}

fn signed(name: &'static str, reason: &'static str, changes: Value) -> Module {
    Module { jarm: Some(changes), ..module(name, reason, Last::Request) }
}

fn without(world: &World, claim: &'static str) {
    world.corp.bend_claims(move |claims| drop(claims.as_object_mut().unwrap().remove(claim)));
}

fn with(world: &World, claim: &'static str, value: Value) {
    world.corp.bend_claims(move |claims| claims[claim] = value.clone());
}

/// An ID token with this `alg` in its header, whatever its signature.
fn with_algorithm(world: &World, header: &'static str) {
    world.corp.bend_tokens(move |tokens| {
        let token = tokens["id_token"].as_str().unwrap();
        let (_, rest) = token.split_once('.').unwrap();
        tokens["id_token"] = format!("{}.{rest}", Base64UrlUnpadded::encode_string(header.as_bytes())).into();
    });
}

fn of_id_tokens() -> Vec<Module> {
    vec![
        id_token("invalid-iss", "id_token.iss_mismatch", |world| with(world, "iss", json!(format!("{CORP}1")))),
        id_token("invalid-aud", "id_token.aud_mismatch", |world| with(world, "aud", json!("app1"))),
        id_token("invalid-secondary-aud", "id_token.azp_missing", |world| with(world, "aud", json!(["app", "app1"]))),
        id_token("invalid-null-alg", "jwt.alg_unsupported", |world| with_algorithm(world, r#"{"alg":"none"}"#)),
        id_token("invalid-alternate-alg", "jwt.alg_not_allowed", |world| with_algorithm(world, r#"{"alg":"RS256"}"#)),
        id_token("invalid-expired-exp", "id_token.expired", |world| with(world, "exp", json!(world.now.get() - 300))),
        id_token("invalid-missing-exp", "id_token.exp_malformed", |world| without(world, "exp")),
        id_token("invalid-missing-aud", "id_token.aud_malformed", |world| without(world, "aud")),
        id_token("invalid-missing-iss", "id_token.iss_mismatch", |world| without(world, "iss")),
        good("valid-aud-as-array", |world| with(world, "aud", json!(["app"]))),
        id_token("invalid-nonce", "id_token.nonce_mismatch", |world| with(world, "nonce", json!("another"))),
        id_token("invalid-missing-nonce", "id_token.nonce_missing", |world| without(world, "nonce")),
    ]
}

fn of_responses() -> Vec<Module> {
    vec![
        response("invalid-authorization-response-iss", "callback.iss_mismatch", |response| {
            response.set("iss", &format!("{CORP}1"));
        }),
        response("remove-authorization-response-iss", "callback.iss_missing", |response| response.remove("iss")),
        response("ensure-authorization-response-with-invalid-state-fails", "callback.no_transaction", |response| {
            let state = format!("{}1", response.get("state"));
            response.set("state", &state);
        }),
        response(
            "ensure-authorization-response-with-invalid-missing-state-fails",
            "callback.state_missing",
            |response| {
                response.remove("state");
            },
        ),
        signed("ensure-jarm-without-iss-fails", "response.iss_mismatch", json!({ "iss": null })),
        signed("ensure-jarm-with-invalid-iss-fails", "response.iss_mismatch", json!({ "iss": format!("{CORP}1") })),
        signed("ensure-jarm-without-aud-fails", "response.aud_mismatch", json!({ "aud": null })),
        signed("ensure-jarm-with-invalid-aud-fails", "response.aud_mismatch", json!({ "aud": "app1" })),
        signed("ensure-jarm-without-exp-fails", "response.exp_malformed", json!({ "exp": null })),
        signed("ensure-jarm-with-expired-exp-fails", "response.expired", json!({ "exp": 1_799_999_700 })),
        Module {
            bend: |response| {
                let (input, _) = response.get("response").rsplit_once('.').unwrap();
                let forged = format!("{input}.{}", Base64UrlUnpadded::encode_string(&[1; 64]));
                response.set("response", &forged);
            },
            ..signed("ensure-jarm-with-invalid-sig-fails", "jwt.bad_signature", json!({}))
        },
        Module {
            bend: |response| {
                let (_, rest) = response.get("response").split_once('.').unwrap();
                let (payload, _) = rest.split_once('.').unwrap();
                let header = Base64UrlUnpadded::encode_string(br#"{"alg":"none"}"#);
                let hollow = format!("{header}.{payload}.{}", Base64UrlUnpadded::encode_string(b"none"));
                response.set("response", &hollow);
            },
            ..signed("ensure-jarm-signature-is-not-none", "jwt.alg_unsupported", json!({}))
        },
    ]
}

fn of_flows() -> Vec<Module> {
    vec![
        good("happy-path", |_| ()),
        Module {
            prepare: |world| world.corp.metadata.borrow_mut()["issuer"] = format!("{CORP}/invalid").into(),
            ..module("discovery-issuer-mismatch", "metadata.issuer_mismatch", Last::Metadata)
        },
        good("token-endpoint-response-without-expires_in", |world| {
            world.corp.bend_tokens(|tokens| drop(tokens.as_object_mut().unwrap().remove("expires_in")));
        }),
        good("token-type-case-insensitivity", |world| {
            world.corp.bend_tokens(|tokens| {
                let kind = tokens["token_type"].as_str().unwrap().to_ascii_lowercase();
                tokens["token_type"] = kind.replacen('o', "O", 1).replacen('e', "E", 1).into();
            });
        }),
        good("rs-dpop-auth-scheme-case-insensitivity", |world| {
            *world.corp.dpop.resource_nonce.borrow_mut() = Some("of-the-resource".to_owned());
            world.corp.dpop.odd_case.set(true);
        }),
        good("happy-path-no-dpop-nonce", |world| *world.corp.dpop.nonce.borrow_mut() = None),
        good("happy-path-no-mtls-endpoint-aliases", |world| {
            assert!(world.corp.metadata.borrow().get("mtls_endpoint_aliases").is_none());
        }),
    ]
}

/// A sign-in by the whole profile: the answer that the person gets in the end.
fn run(world: &World, module: &Module) -> Answered {
    let mut variables = variables();
    let table = &mut variables["PROVIDERS"]["corp"];
    table.as_object_mut().unwrap().extend([("profile".to_owned(), json!("fapi2"))]);
    if module.jarm.is_some() {
        table["response_mode"] = "jwt".into();
    }
    // So that UserInfo is asked for.
    table["userinfo"] = true.into();
    variables["SESSION"] = json!({ "claims": ["name", "email"] });
    // Nothing here relays tokens.
    variables["ROUTES"]["/api/{*rest}"].as_object_mut().unwrap().remove("token");
    world.corp.offer_pushed();
    // Tokens are bound, and by nonces, unless a module says otherwise.
    world.corp.dpop.on.set(true);
    *world.corp.dpop.nonce.borrow_mut() = Some("of-the-server".to_owned());
    // R-143: whether it is announced or not.
    world.corp.metadata.borrow_mut()["authorization_response_iss_parameter_supported"] = true.into();
    (module.prepare)(world);
    let gateway = gateway(&variables);
    let browser = Browser::new(world, &gateway);
    let begun = browser.go("/auth/login?return_to=%2Fapp%2Fa");
    if begun.event["reason"] != "login.started" {
        return begun;
    }
    // R-143: from here on nobody knows whether `iss` is announced, and it is wanted all the same.
    let mut response = world.corp.authorize(&begun.location());
    if let Some(changes) = &module.jarm {
        response = world.corp.signed(&response, world.now.get(), changes);
    }
    (module.bend)(&mut response);
    let finished = browser.come_back(&response);
    assert_eq!(browser.is_in(), module.last == Last::End, "{}", module.name);
    finished
}

fn modules() -> Vec<Module> {
    [of_flows(), of_id_tokens(), of_responses()].into_iter().flatten().collect()
}

#[test]
fn each_module_of_the_suite_ends_as_it_has_to() {
    // R-137, R-139, R-141, R-142, R-143, R-146, R-378
    for module in modules() {
        let world = World::new();
        let answered = run(&world, &module);
        assert_eq!(answered.event["reason"], module.reason, "{}: {}", module.name, answered.event);
        let asked =
            |endpoint, from| assert_eq!(world.asked(endpoint) > 0, module.last as u8 >= from as u8, "{}", module.name);
        asked(Endpoint::Pushed, Last::Request);
        asked(Endpoint::Token, Last::Token);
        // After an ID token that is not believed nothing is done with the access token.
        asked(Endpoint::UserInfo, Last::End);
    }
}

#[test]
fn every_module_has_its_verdict_in_the_guide() {
    let page = include_str!("../../docs/guides/fapi.md");
    let rows: Vec<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` | "))
        .filter(|(_, rest)| ["Passes. ", "Refuses. "].iter().any(|verdict| rest.starts_with(verdict)))
        .map(|(name, _)| name)
        .collect();
    let names: Vec<&str> = modules().iter().map(|module| module.name).collect();
    let missing: Vec<&&str> = names.iter().filter(|name| !rows.contains(name)).collect();
    assert!(missing.is_empty(), "no verdict in docs/guides/fapi.md: {missing:?}");
    assert_eq!((rows.len(), names.len()), (names.len(), 31));
    assert!(page.contains(PREFIX));
}
