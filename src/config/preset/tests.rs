use serde_json::{Value, json};

use super::super::tests::{parse, problems, small, with};
use super::super::{ClientAuth, Inability, LoginParameter, OtherAccount, Provider, ResponseMode};
use crate::claims::path::ClaimPath;

const TENANT: &str = "6f1d2c1e-8a55-4a3e-9d3c-0b9b5e3c1f10";

fn table(provider: Value) -> Value {
    with(small(), &["PROVIDERS", "corp"], provider)
}

fn provider(table_of: Value) -> Provider {
    parse(&table(table_of)).unwrap().providers.remove(0)
}

#[track_caller]
fn refused(provider: Value, expected: &str) {
    let lines = problems(&table(provider));
    assert!(lines.len() == 1 && lines[0].starts_with(expected), "{lines:?}");
}

#[test]
fn a_preset_fills_in_what_a_table_leaves_out() {
    //
    let entra = provider(json!({ "preset": "entra", "tenant_id": TENANT, "client_id": "app" }));
    assert_eq!(entra.issuer.as_str(), format!("https://login.microsoftonline.com/{TENANT}/v2.0"));
    assert_eq!(entra.roles.iter().map(ClaimPath::as_str).collect::<Vec<_>>(), ["roles"]);
    assert_eq!(entra.tenant.as_ref().map(ClaimPath::as_str), Some("tid"));
    assert_eq!(entra.cannot, [Inability::Acr, Inability::BackchannelLogout]);
    assert!(entra.oauth2.is_none());
    let auth0 = provider(json!({ "preset": "auth0", "domain": "x.eu.auth0.com", "client_id": "app" }));
    assert_eq!(auth0.issuer.as_str(), "https://x.eu.auth0.com/");
    assert_eq!(auth0.sign_out.endpoint.as_deref(), Some("https://x.eu.auth0.com/oidc/logout"));
}

#[test]
fn every_key_of_a_preset_can_be_overridden() {
    let own = json!({
        "preset": "entra", "issuer": "https://login.microsoftonline.us/x/v2.0", "client_id": "app",
        "roles": ["groups"], "tenant": "org", "cannot": [],
    });
    let own = provider(own);
    assert_eq!(own.issuer.as_str(), "https://login.microsoftonline.us/x/v2.0");
    assert_eq!((own.roles[0].as_str(), own.tenant.unwrap().as_str()), ("groups", "org"));
    assert!(own.cannot.is_empty());
    // The members of a table one by one.
    let github =
        json!({ "preset": "github", "client_id": "app", "user_claims": { "name": "login", "profile": "html_url" } });
    let claims = provider(github).oauth2.unwrap().user_claims;
    let claim = |name: &str| claims.iter().find(|(claim, _)| claim == name).map(|(_, member)| member.as_str());
    assert_eq!(
        [claim("name"), claim("profile"), claim("picture")],
        [Some("login"), Some("html_url"), Some("avatar_url")]
    );
}

#[test]
fn what_a_preset_asks_for_is_held_to_its_form() {
    for (preset, key, bad) in [
        ("entra", "tenant_id", json!("example.com")),
        ("entra", "tenant_id", json!("common")),
        ("entra", "tenant_id", json!(TENANT.to_uppercase())),
        ("entra", "tenant_id", json!(7)),
        ("auth0", "domain", json!("https://x.auth0.com")),
        ("auth0", "domain", json!("x.auth0.com/")),
        ("auth0", "domain", json!("x.auth0.com:8443")),
        ("auth0", "domain", json!("evil.example#.auth0.com")),
        ("auth0", "domain", json!("user@x.auth0.com")),
        ("auth0", "domain", json!("X.auth0.com")),
        ("auth0", "domain", json!("localhost")),
        ("auth0", "domain", json!(".auth0.com")),
        ("auth0", "domain", json!("")),
        ("auth0", "domain", json!(["x.auth0.com"])),
    ] {
        refused(
            json!({ "preset": preset, key: bad, "client_id": "app" }),
            &format!("PROVIDERS.corp.{key}: expected a"),
        );
    }
    for bad in ["", "..", "a/b", "a b", "{realm}", "a%2Fb", "é"] {
        let keycloak = json!({ "preset": "keycloak", "domain": "id.example.com", "realm": bad, "client_id": "app" });
        refused(keycloak, "PROVIDERS.corp.realm: expected a name");
    }
    let missing = "PROVIDERS.corp.tenant_id: expected a GUID in small letters, found nothing: the preset asks for it";
    let lines = problems(&table(json!({ "preset": "entra", "client_id": "app" })));
    assert!(lines.contains(&missing.to_owned()), "{lines:?}");
}

#[test]
fn what_is_no_preset_or_of_no_use_is_refused() {
    refused(json!({ "preset": "entre", "client_id": "app" }), "PROVIDERS.corp.preset: expected one of `apple`, ");
    refused(json!({ "preset": 1, "client_id": "app" }), "PROVIDERS.corp.preset: expected a string");
    let twice = json!({ "preset": "okta", "domain": "a.okta.com", "issuer": "https://a.okta.com/oauth2/x", "client_id": "app" });
    refused(twice, "PROVIDERS.corp.domain: is of no use");
    refused(
        json!({ "preset": "google", "domain": "a.okta.com", "client_id": "app" }),
        "PROVIDERS.corp.domain: unknown key",
    );
    let without = json!({ "issuer": "https://login.example.com", "domain": "x", "client_id": "app" });
    refused(without, "PROVIDERS.corp.domain: unknown key");
    // What only a preset says is not for a table to say.
    refused(json!({ "preset": "google", "kind": "oauth2", "client_id": "app" }), "PROVIDERS.corp.kind: unknown key");
    let own =
        json!({ "issuer": "https://login.example.com", "client_id": "app", "user_endpoint": "https://x.example/me" });
    refused(own, "PROVIDERS.corp.user_endpoint: unknown key");
    let template = json!({ "issuer": "https://login.microsoftonline.com/{tenantid}/v2.0", "client_id": "app" });
    refused(template, "PROVIDERS.corp.issuer: expected an https URL");
}

#[test]
fn tenants_are_written_out() {
    //
    let read =
        |tenants: Value| provider(json!({ "preset": "entra-multitenant", "tenants": tenants, "client_id": "app" }));
    let listed = read(json!([TENANT])).issuer;
    assert!(listed.has_tenants() && listed.is(&format!("https://login.microsoftonline.com/{TENANT}/v2.0")));
    for foreign in [
        "https://login.microsoftonline.com/0f1d2c1e-8a55-4a3e-9d3c-0b9b5e3c1f10/v2.0".to_owned(),
        format!("https://login.microsoftonline.us/{TENANT}/v2.0"),
        format!("https://login.microsoftonline.com/{TENANT}/v1.0"),
        "https://login.microsoftonline.com/{tenantid}/v2.0".to_owned(),
        String::new(),
    ] {
        assert!(!listed.is(&foreign), "{foreign}");
    }
    assert!(read(json!("any")).issuer.of_tenant(TENANT).is_some());
    let missing = problems(&table(json!({ "preset": "entra-multitenant", "client_id": "app" })));
    assert!(
        missing[0].starts_with("PROVIDERS.corp.tenants: expected `any`, or a list of a tenant's ID"),
        "{missing:?}"
    );
    for bad in [json!("all"), json!(["any"]), json!([]), json!([TENANT, TENANT]), json!(["contoso.com"]), json!(true)] {
        refused(
            json!({ "preset": "entra-multitenant", "tenants": bad, "client_id": "app" }),
            "PROVIDERS.corp.tenants: ",
        );
    }
    for bad in
        ["https://login.microsoftonline.com/v2.0", "https://{tenantid}.example.com/", "https://a.example/x{tenantid}/y"]
    {
        let own = json!({ "preset": "entra-multitenant", "tenants": "any", "issuer": bad, "client_id": "app" });
        refused(own, "PROVIDERS.corp.issuer: expected an https URL without query or fragment, one segment");
    }
}

#[test]
fn a_tenant_belongs_to_one_provider() {
    //
    let both = json!({
        "all": { "preset": "entra-multitenant", "tenants": "any", "client_id": "app" },
        "one": { "preset": "entra", "tenant_id": TENANT, "client_id": "app" },
    });
    let lines = problems(&with(small(), &["PROVIDERS"], both));
    assert_eq!(lines, ["PROVIDERS.one: has the same issuer as provider `all`"]);
}

#[test]
fn a_provider_of_oauth_2_has_no_openid_connect() {
    //
    let github = provider(json!({ "preset": "github", "client_id": "app" }));
    assert_eq!(github.scopes, ["read:user", "user:email"]);
    assert_eq!(github.pass_through, [LoginParameter::Prompt]);
    assert!(matches!(github.client_auth, ClientAuth::Post(_)));
    // The `iss` that it sends with its answers since April 2026 (RFC 9207).
    assert!(github.issuer.is("https://github.com/login/oauth"));
    assert_eq!(github.acr_values_for(&["high".to_owned()]), None);
    assert_eq!(github.acr_values_for(&[]), Some(Vec::new()));
    assert_eq!(github.oauth2.unwrap().emails_endpoint.as_deref(), Some("https://api.github.com/user/emails"));
    for (key, value) in [
        ("userinfo", json!(true)),
        ("roles", json!(["roles"])),
        ("id_token_algs", json!(["RS256"])),
        ("frontchannel_logout", json!(true)),
        ("acr_values", json!(["high"])),
        ("max_age", json!("1h")),
    ] {
        let own = json!({ "preset": "github", "client_id": "app", key: value });
        refused(own, &format!("PROVIDERS.corp.{key}: "));
    }
    // It cannot be overridden that it has no ID token.
    assert_eq!(provider(json!({ "preset": "discord", "client_id": "app", "cannot": [] })).cannot.len(), 3);
    for bad in ["http://ghe.example.com/user", "https://127.0.0.1/user", "https://10.0.0.1/user", "/user"] {
        let mut own = enterprise();
        own["user_endpoint"] = bad.into();
        refused(own, "PROVIDERS.corp.user_endpoint: expected an https URL");
    }
    for (claim, member) in
        [("sub", json!("login")), ("roles", json!("roles")), ("name", json!(1)), ("name", json!("a b"))]
    {
        let own = json!({ "preset": "github", "client_id": "app", "user_claims": { claim: member } });
        refused(own, &format!("PROVIDERS.corp.user_claims.{claim}: expected "));
    }
}

/// GitHub at addresses of its own, without those that it can do without.
fn enterprise() -> Value {
    json!({
        "preset": "github", "client_id": "app", "issuer": "https://ghe.example.com",
        "authorization_endpoint": "https://ghe.example.com/authorize",
        "token_endpoint": "https://ghe.example.com/token", "user_endpoint": "https://ghe.example.com/user",
    })
}

#[test]
fn the_addresses_of_an_oauth_2_preset_are_overridden_together() {
    //
    let needed = ["issuer", "authorization_endpoint", "token_endpoint", "user_endpoint"];
    for missing in needed {
        let mut own = enterprise();
        own.as_object_mut().unwrap().remove(missing);
        refused(own, &format!("PROVIDERS.corp.{missing}: expected "));
    }
    for key in [&needed[..], &["emails_endpoint", "revocation_endpoint"]].concat() {
        let own = json!({ "preset": "github", "client_id": "app", key: "https://ghe.example.com/x" });
        let lines = problems(&table(own));
        let expected: Vec<String> =
            needed.iter().filter(|needed| **needed != key).map(|key| format!("PROVIDERS.corp.{key}: ")).collect();
        assert!(lines.len() == expected.len(), "{lines:?}");
        assert!(
            lines.iter().all(
                |line| line.contains("is another server's") && expected.iter().any(|start| line.starts_with(start))
            ),
            "{lines:?}"
        );
    }
    // No token of one server is sent to another.
    assert_eq!(provider(enterprise()).oauth2.unwrap().emails_endpoint, None);
    let mut discord = enterprise();
    discord["preset"] = "discord".into();
    assert_eq!(provider(discord.clone()).oauth2.unwrap().revocation_endpoint, None);
    discord["revocation_endpoint"] = "https://ghe.example.com/revoke".into();
    assert_eq!(
        provider(discord).oauth2.unwrap().revocation_endpoint.as_deref(),
        Some("https://ghe.example.com/revoke")
    );
    // An address that is written out as the preset has it overrides nothing.
    let same = json!({ "preset": "github", "client_id": "app", "issuer": "https://github.com/login/oauth" });
    assert!(provider(same).oauth2.unwrap().emails_endpoint.is_some());
}

#[test]
fn routes_that_want_what_a_provider_cannot_tell_are_refused() {
    //
    for preset in ["google", "github"] {
        for (key, value) in [("acr", json!(["high"])), ("max_age", json!("1h"))] {
            let mut vars = table(json!({ "preset": preset, "client_id": "app" }));
            vars["ROUTES"] = json!({ "/api/{*rest}": { "upstream": "service:API", "require": { key: value } } });
            let lines = problems(&vars);
            let expected = format!("names `{key}`, for which no provider can be asked");
            assert!(lines.len() == 1 && lines[0].contains(&expected), "{preset} {key}: {lines:?}");
        }
    }
}

#[test]
fn apple_signs_its_own_client_secret() {
    //
    let apple =
        json!({ "preset": "apple", "client_id": "com.example.web", "team_id": "A1B2C3D4E5", "key_id": "F6G7H8I9J0" });
    let read = provider(apple.clone());
    let ClientAuth::Apple(key) = &read.client_auth else { panic!("{:?}", read.client_auth) };
    assert!(key.key.expose().contains("\"kid\":\"F6G7H8I9J0\""), "the key has the name that Apple gave");
    assert_eq!((read.response_mode, key.team_id.as_str()), (ResponseMode::FormPost, "A1B2C3D4E5"));
    for key in ["team_id", "key_id"] {
        for bad in [json!(""), json!("a1"), json!("A-1"), json!(1), json!("A".repeat(33))] {
            let mut wrong = apple.clone();
            wrong[key] = bad;
            refused(wrong, &format!("PROVIDERS.corp.{key}: expected a"));
        }
    }
    let elsewhere = json!({ "issuer": "https://login.example.com", "client_id": "app", "team_id": "A1B2C3D4E5" });
    refused(elsewhere, "PROVIDERS.corp.team_id: unknown key");
}

#[test]
fn a_provider_that_knows_no_choice_of_accounts_is_asked_to_sign_in_again() {
    for (preset, asks) in [
        ("gitlab", json!({})),
        ("keycloak", json!({ "domain": "id.example.com", "realm": "a" })),
        ("logto", json!({ "domain": "id.example.com" })),
        ("clerk", json!({ "domain": "id.example.com" })),
    ] {
        let mut table = asks;
        table["preset"] = preset.into();
        table["client_id"] = "app".into();
        assert_eq!(provider(table).choice.other_account, OtherAccount::Login, "{preset}");
    }
}

#[test]
fn a_logout_of_the_providers_own_is_where_the_configuration_says() {
    //
    let base = json!({ "issuer": "https://login.example.com", "client_id": "app" });
    let mut own = base.clone();
    own["logout_return_parameter"] = "logout_uri".into();
    refused(own.clone(), "PROVIDERS.corp.logout_return_parameter: needs `end_session_endpoint`");
    own["end_session_endpoint"] = "https://login.example.com/logout".into();
    let sign_out = provider(own).sign_out;
    assert_eq!(sign_out.return_parameter.as_deref(), Some("logout_uri"));
    for bad in ["http://login.example.com/logout", "https://127.0.0.1/", "logout"] {
        let mut wrong = base.clone();
        wrong["end_session_endpoint"] = bad.into();
        refused(wrong, "PROVIDERS.corp.end_session_endpoint: expected an https URL");
    }
}
