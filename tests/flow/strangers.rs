//! What strangers cost: nothing that somebody sends who proves nothing asks an object, writes a row, or reads or writes KV.
//! The exceptions are those of `docs/reference/rate-limits.md`; `cost` has them.

use std::collections::BTreeSet;
use std::path::Path;

use base64ct::{Base64UrlUnpadded, Encoding};
use postern::gateway::{Gateway, MANAGEMENT};
use serde_json::{Value, json};

use super::agents_enterprise;
use super::agents_server::{self, CALLBACK, CLIENT};
use super::agents_tokens::redeeming;
use super::authzen::{MANY, ONE};
use super::bearer::with_issuers;
use super::own_keys;
use super::saml::saml_variables;
use crate::support::{Answered, Asked, Browser, CANARY, Cost, World, gateway};

const SESSION: &str = "__Host-postern";
const DAY: i64 = 86_400;
const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";
const OF_OAUTH: &str = "urn:ietf:params:oauth";
/// A client whose document nobody has fetched yet.
const STRANGER: &str = "https://stranger.example/client.json";
const OF_ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// How that client would prove itself.
const BY_ASSERTION: &str = "client_id=https://stranger.example/client.json&client_assertion=a.b.c&client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A deployment with all that there is, and every decision kept.
pub fn everything() -> Value {
    let mut vars = with_issuers();
    vars["LIMITS"] =
        json!({ "login": false, "callback": false, "frontchannel_logout": false, "own": false, "keys": false });
    vars["PROVIDERS"]["corp"]["frontchannel_logout"] = json!(true);
    vars["PROVIDERS"]["corp"]["revocation"] = json!({ "email": true });
    vars["PROVIDERS"]["idp"] = saml_variables()["PROVIDERS"]["idp"].clone();
    vars["ADMIN"] = json!({ "principals": ["corp|root"] });
    vars["AGENTS"] = json!({
        "register": true, "remember": true,
        "enterprise": { "corp": { "clients": { "https://stranger.example/client.json": ["docs:read"] } } },
    });
    vars["AUTHZEN"] = json!({ "require": { "scopes": ["decide"], "issuers": ["machines"] } });
    vars["CERTIFICATES"] =
        json!({ "partner": { "issuer_ski": "54be0e0a5200a8bb2ea56cdde712d4441098b597", "subject": "CN=partner" } });
    vars["DECISIONS"] = json!({ "keep": "24h", "of": "all" });
    vars["KEYS"] = json!({ "prefix": "acme", "github": true, "self_service": { "scopes": ["orders:read"] } });
    vars["RELATIONS"] = json!({ "document": { "viewer": "[user]" } });
    vars["SECOND"] = json!({});
    vars["SESSION"]["device"] = json!("offer");
    vars["SHARING"] = json!({ "require": { "issuers": ["machines"] }, "types": { "document": { "require": { "scopes": ["share"] } } } });
    vars["VERIFY"] = json!({});
    for (path, more) in [
        ("/policies/{*rest}", json!({ "policy": true })),
        ("/documents/{id}", json!({ "require": { "relations": ["document:{id}#viewer"] } })),
        ("/spa/{*rest}", json!({ "cors": { "origins": ["https://spa.example.com"], "credentials": true } })),
        ("/stale/{*rest}", json!({ "revocation": "1m" })),
        ("/signed/{*rest}", json!({ "token": "assertion" })),
        ("/k/{*rest}", json!({ "authenticate": ["session", "key"] })),
        ("/partners/{*rest}", json!({ "authenticate": ["certificate"] })),
        ("/mcp", json!({ "authenticate": ["agent"], "require": { "scopes": ["docs:read"] } })),
        ("/tools", json!({ "authenticate": ["bearer"], "mcp": true })),
        ("/any/{*rest}", json!({ "authenticate": ["session", "bearer", "key", "agent"] })),
        ("/proven/{*rest}", json!({ "require": { "second": "1h" } })),
    ] {
        vars["ROUTES"][path] = more;
        vars["ROUTES"][path]["upstream"] = json!("service:API");
    }
    vars
}

/// Where strangers ask, beside management: every endpoint, every kind of route, and what is none.
const PLACES: [&str; 103] = [
    "/",
    "/app/a",
    "/api/a",
    "/admin/a",
    "/quiet",
    "/policies/a",
    "/documents/7",
    "/spa/a",
    "/stale/a",
    "/signed/a",
    "/k/a",
    "/partners/a",
    "/mcp",
    "/tools",
    "/any/a",
    "/proven/a",
    "/nowhere",
    "/app//a",
    "/app/%2F",
    "/auth",
    "/auth/",
    "/auth/nowhere",
    "/auth/login",
    "/auth/login?provider=corp",
    "/auth/login?provider=nobody",
    "/auth/me",
    "/auth/me?touch=false",
    "/auth/logout",
    "/auth/logout?answer=page",
    "/auth/logged-out",
    "/auth/logged-out?state=saml",
    "/auth/signed-in",
    "/auth/continue",
    "/auth/continue?to=%2Fapp%2Fa",
    "/auth/continue?to=",
    "/auth/postern.js",
    "/auth/health",
    "/auth/sessions",
    "/auth/sessions/end-others",
    "/auth/sessions/AAAAAAAAAAAAAAAA",
    "/auth/sessions/AAAAAAAAAAAAAAAA/end",
    "/auth/keys",
    "/auth/keys/AAAAAAAAAAAAAAAA",
    "/auth/keys/AAAAAAAAAAAAAAAA/rotate",
    "/auth/keys/leaked",
    "/auth/keys/leaked/github",
    "/auth/approvals",
    "/auth/approvals/AAAAAAAAAAAAAAAA",
    "/auth/second",
    "/auth/second/totp/begin",
    "/auth/second/totp/finish",
    "/auth/second/passkey/begin",
    "/auth/second/passkey/finish",
    "/auth/second/verify",
    "/auth/second/verify/totp",
    "/auth/second/verify/recovery",
    "/auth/second/verify/passkey/begin",
    "/auth/second/verify/passkey",
    "/auth/second/recovery",
    "/auth/second/AAAAAAAAAAAAAAAA/remove",
    "/auth/bound/register",
    "/auth/bound/refresh",
    "/auth/agents",
    "/auth/agents/authorize",
    "/auth/agents/authorize?response_type=code&client_id=https://client.example/oauth/client.json",
    "/auth/agents/authorize?response_type=code&client_id=https://stranger.example/client.json",
    "/auth/agents/token",
    "/auth/agents/revoke",
    "/auth/agents/register",
    "/auth/agents/clients/a.b",
    "/auth/relations",
    "/auth/relations?object=document:7",
    "/auth/relations/check",
    "/auth/relations/remove-subject",
    "/auth/saml/metadata/idp",
    "/auth/saml/acs/idp",
    "/auth/saml/slo",
    "/auth/saml/slo?SAMLRequest=PHg%2BPC94Pg%3D%3D",
    "/auth/clients/corp/jwks.json",
    "/auth/revocation/corp",
    "/auth/revocation/nobody",
    "/auth/verify",
    "/auth/verify/refusal",
    "/auth/callback/corp",
    "/auth/callback/corp?state=x&code=y",
    "/auth/callback/corp?state=x&error=access_denied",
    "/auth/callback/nobody?state=x&code=y",
    "/auth/backchannel-logout/corp",
    "/auth/backchannel-logout/nobody",
    "/auth/frontchannel-logout/corp",
    "/auth/frontchannel-logout/corp?iss=x",
    "/auth/frontchannel-logout/corp?iss=x&sid=y",
    "/auth/frontchannel-logout/nobody?sid=y",
    "/auth/admin/sessions?provider=corp&subject=alice",
    "/auth/admin/relations?object=document:7",
    "/.well-known/jwks.json",
    "/.well-known/oauth-protected-resource",
    "/.well-known/oauth-protected-resource/mcp",
    "/.well-known/oauth-authorization-server",
    "/.well-known/openid-configuration",
    "/.well-known/authzen-configuration",
    ONE,
    MANY,
];

fn places() -> Vec<String> {
    let management = MANAGEMENT.iter().map(|endpoint| endpoint.path.replace(['{', '}'], ""));
    PLACES.into_iter().map(str::to_owned).chain(management).collect()
}

/// What has the form of something that Postern gave out.
struct Forged {
    cookies: Vec<String>,
    tokens: Vec<String>,
    bodies: Vec<(&'static str, String)>,
}

/// A token that nobody signed.
fn unsigned(claims: &Value) -> String {
    let part = |text: String| Base64UrlUnpadded::encode_string(text.as_bytes());
    format!("{}.{}.AAAA", part(json!({ "alg": "ES256", "typ": "JWT" }).to_string()), part(claims.to_string()))
}

/// The same with another last character.
pub fn bent(credential: &str) -> String {
    let (rest, last) = credential.split_at(credential.len() - 1);
    format!("{rest}{}", if last == "A" { "Q" } else { "A" })
}

/// Makes credentials of each kind, and bends them.
fn forged(browser: &Browser<'_>) -> Forged {
    let (key, _) = own_keys::made(browser);
    let code = agents_server::code(browser, &[]);
    let told = browser.send(&redeeming(&code, &[])).json();
    let [access, refresh] = ["access_token", "refresh_token"].map(|name| bent(told[name].as_str().unwrap()));
    let (key, code, cookie) = (bent(&key), bent(&code), browser.cookie(SESSION).unwrap());
    let voucher = bent(&agents_enterprise::jag(browser.world, STRANGER, &json!({})));
    let vouched = format!("grant_type={OF_OAUTH}:grant-type:jwt-bearer&assertion={voucher}");
    let own_word = unsigned(&json!({ "iss": STRANGER, "sub": STRANGER }));
    let report = json!([{ "token": key, "type": "key", "url": "https://github.com/a" }]).to_string();
    let client = json!({ "client_name": "x", "redirect_uris": [CALLBACK] }).to_string();
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": "x" } }).to_string();
    let form = |text: String| (FORM, text);
    Forged {
        cookies: vec![cookie.replace("2.k1", "2.k9"), bent(&cookie), "x".to_owned()],
        tokens: vec![key.clone(), access.clone(), refresh.clone()],
        bodies: vec![
            form(format!(
                "grant_type=authorization_code&code={code}&client_id={CLIENT}&redirect_uri={CALLBACK}&code_verifier={}",
                agents_server::VERIFIER
            )),
            form(format!("grant_type=refresh_token&refresh_token={refresh}&client_id={CLIENT}")),
            form(format!("token={access}&client_id={CLIENT}")),
            form(format!("grant_type={OF_OAUTH}:grant-type:jwt-bearer&assertion=a.b.c&{BY_ASSERTION}")),
            form(format!("{vouched}&{BY_ASSERTION}")),
            form(format!("{vouched}&client_assertion={own_word}&client_assertion_type={OF_ASSERTION}")),
            form(format!("grant_type=refresh_token&refresh_token={refresh}&{BY_ASSERTION}")),
            form(format!(
                "grant_type={OF_OAUTH}:grant-type:token-exchange&subject_token={access}&subject_token_type={OF_OAUTH}:token-type:access_token&{BY_ASSERTION}"
            )),
            form("SAMLResponse=PHg%2BPC94Pg%3D%3D&RelayState=x".to_owned()),
            ("text/plain", key),
            (JSON, report),
            (JSON, client),
            (JSON, call),
            (JSON, "{}".to_owned()),
        ],
    }
}

/// Requests of every kind that need no proof, by what they are.
fn of_every_kind(forged: &Forged) -> Vec<(String, Asked)> {
    let mut all = Vec::new();
    for place in places() {
        let place = place.as_str();
        for method in ["GET", "POST", "DELETE", "OPTIONS"] {
            all.push((format!("{method} {place} by script"), Asked::script(method, place)));
            let program = Asked::new(method, place).with("x-postern-csrf", "1");
            all.push((format!("{method} {place} by a program"), program));
        }
        all.push((format!("to {place}"), Asked::navigation(place)));
        all.push((format!("to {place} from elsewhere"), Asked::from_elsewhere(place)));
        all.push((format!("form to {place}"), Asked::form(place)));
        let made_up =
            ["", "logout_token=x", "logout_token=a.b.c", "state=x&code=y"].map(|body| (FORM, body.to_owned()));
        for (kind, body) in made_up.iter().chain(&forged.bodies) {
            let posted = Asked::new("POST", place).with("content-type", kind).with_body(Ok(body));
            all.push((format!("{body} to {place}"), posted));
        }
        let made_up = ["x".to_owned(), "a.b.c".to_owned(), format!("opaque-{CANARY}")];
        for token in made_up.iter().chain(&forged.tokens) {
            all.push((format!("{token} at {place}"), Asked::bearing(place, token)));
        }
    }
    all
}

/// Sends it, and tells what it cost.
pub fn send(browser: &Browser<'_>, asked: &Asked) -> (Answered, Cost) {
    browser.world.cost_of(|| browser.send(asked))
}

/// An isolate that knows the issuers' documents, and which policies there are.
pub fn warm<'w>(world: &'w World, gateway: &'w Gateway) -> Browser<'w> {
    let browser = Browser::new(world, gateway).signed_in();
    browser.go("/policies/a");
    browser.send(&Asked::bearing("/api/a", "a.b.c"));
    browser
}

#[track_caller]
fn all_cost_nothing(world: &World, gateway: &Gateway, who: &str, (cookie, forged): (Option<&str>, &Forged)) {
    for (number, (what, asked)) in of_every_kind(forged).into_iter().enumerate() {
        // From an address of its own, so that no limit refuses it.
        let asked = asked.at_address(&format!("198.51.{}.{}", number / 256, number % 256));
        let stranger = Browser::new(world, gateway);
        if let Some(cookie) = cookie {
            stranger.plant(SESSION, cookie);
        }
        // The first of its kind may have something fetched that all others use.
        stranger.send(&asked);
        let again = Browser::new(world, gateway);
        if let Some(cookie) = cookie {
            again.plant(SESSION, cookie);
        }
        let (answered, cost) = send(&again, &asked);
        assert_eq!(cost, Cost::default(), "{who}, {what}: {}", answered.event);
        world.lines.borrow_mut().clear();
    }
}

#[test]
fn a_request_without_a_proof_asks_no_object_and_writes_nothing() {
    //
    let (world, gateway) = (agents_server::world(), gateway(&everything()));
    let forged = forged(&warm(&world, &gateway));
    all_cost_nothing(&world, &gateway, "nobody", (None, &forged));
    for cookie in &forged.cookies {
        all_cost_nothing(&world, &gateway, "forged", (Some(cookie), &forged));
    }
}

#[test]
fn nor_does_a_cookie_that_is_older_than_any_session() {
    //
    for age in [8 * 3600, 40 * DAY] {
        let (world, gateway) = (agents_server::world(), gateway(&everything()));
        let browser = Browser::new(&world, &gateway).signed_in();
        let (old, forged) = (browser.cookie(SESSION).unwrap(), forged(&browser));
        world.wait(age);
        warm(&world, &gateway);
        all_cost_nothing(&world, &gateway, "long gone", (Some(&old), &forged));
    }
}

/// The places that the code names: `"/auth/…"` and `"/.well-known/…"`, and what is matched behind `/auth/`.
fn named_in(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            named_in(&path, found);
        } else if !path.iter().any(|part| part == "tests" || part == "tests.rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
            let literals = code.split('"').skip(1).step_by(2);
            found.extend(
                literals
                    .filter(|text| ["/auth/", "/.well-known/"].iter().any(|start| text.starts_with(start)))
                    .map(str::to_owned),
            );
            let behind = code.split("Some((\"").skip(1).filter_map(|rest| rest.split('"').next());
            if path.ends_with("gateway/mod.rs") {
                found.extend(behind.map(|name| format!("/auth/{name}/")));
            }
        }
    }
}

#[test]
fn strangers_ask_at_every_endpoint_that_the_code_names() {
    let mut named = BTreeSet::new();
    named_in(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut named);
    assert!(named.len() > 30 && named.contains("/auth/agents/token") && named.contains("/auth/callback/"), "{named:?}");
    let places = places();
    let missing: Vec<_> = named
        .iter()
        .filter(|name| !places.iter().any(|place| place.starts_with(name.split('{').next().unwrap())))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}
