//! The world of the tests, in memory: a clock that they move, stores that they break, providers that
//! they script, and a browser that keeps cookies as browsers do.
//!
//! The crate that this is a module of says with `engine()` by what its gateways read policies.

mod browser;
pub mod dpop;
pub mod encrypt;
mod key_table;
mod provider;
pub mod saml_idp;
pub mod saml_worker;
pub(crate) mod stores;
mod world;

pub use browser::{Answered, Asked, Browser, ORIGIN};
pub use provider::{AuthorizationResponse, Endpoint, Provider, Rotation, answer, signer, signer_named};
pub use world::{CORP, Cost, Fault, GITHUB_KEYS, PARTNER, World};

use postern::config::{self, Build, Config, Purpose};
use postern::gateway::{Gateway, Sites};
use postern::policy::PolicyEngine;
use serde_json::{Value, json};

/// Stands in every secret, token and code of this world: an answer or a log line that holds it leaks.
pub const CANARY: &str = "canary";

/// What the proxy shows that asks at `/auth/verify`.
pub const VERIFY_SECRET: &str = "verify-canary-0123456789abcdef0123456789";

/// The variables of a deployment with one provider, a public page, and three guarded places.
pub fn variables() -> Value {
    json!({
        "PUBLIC_URL": ORIGIN,
        "PROVIDERS": { "corp": provider_table(CORP) },
        // Everybody here comes from one address.
        "LIMITS": { "login": false, "callback": false },
        "ROUTES": {
            "GET /": { "upstream": "assets", "public": true },
            "/app/{*rest}": { "upstream": "assets" },
            "/api/{*rest}": { "upstream": "service:API", "token": "relay" },
            "/admin/{*rest}": { "upstream": "service:API", "require": { "scopes": ["admin"] } },
            "GET /quiet": { "upstream": "service:API", "touch": false },
        },
    })
}

/// The same with a second provider, and a route for its people only.
pub fn two_providers() -> Value {
    let mut variables = variables();
    variables["PROVIDERS"]["partner"] = provider_table(PARTNER);
    variables["ROUTES"]["/partners/{*rest}"] =
        json!({ "upstream": "service:API", "require": { "providers": ["partner"] } });
    variables
}

fn provider_table(issuer: &str) -> Value {
    json!({
        "issuer": issuer,
        "client_id": "app",
        "id_token_algs": ["ES256"],
        "scopes": ["openid", "profile", "orders:read"],
    })
}

/// A deployment with these variables.
pub fn gateway(variables: &Value) -> Gateway {
    gateway_with_keys(variables, &key("k1", "C"))
}

/// One entry of a key ring.
pub fn key(id: &str, letter: &str) -> String {
    format!("{id}:{}A", letter.repeat(42))
}

/// The same, with these keys.
pub fn gateway_with_keys(variables: &Value, keys: &str) -> Gateway {
    gateway_for((Purpose::Gateway, crate::engine()), variables, keys)
}

/// A Worker that guards its own routes, with these variables.
pub fn guard(variables: &Value) -> Gateway {
    gateway_for((Purpose::Guard, crate::engine()), variables, &key("k1", "C"))
}

/// A deployment with these variables, and no engine for policies.
pub fn gateway_without_policies(variables: &Value) -> Gateway {
    gateway_for((Purpose::Gateway, None), variables, &key("k1", "C"))
}

fn gateway_for(
    (purpose, engine): (Purpose, Option<&'static dyn PolicyEngine>),
    variables: &Value,
    keys: &str,
) -> Gateway {
    let build = Build { purpose, policies: engine.is_some() };
    Gateway::new(Config::parse_for(build, variables.as_object().unwrap(), &secrets(keys)).unwrap(), engine)
}

/// A deployment of one or several sites.
pub fn deployment(variables: &Value) -> Sites {
    let keys = key("k1", "C");
    let engine = crate::engine();
    let build = Build { purpose: Purpose::Gateway, policies: engine.is_some() };
    Sites::new(config::Deployment::parse_for(build, variables.as_object().unwrap(), &secrets(&keys)), engine)
}

fn secrets(keys: &str) -> impl Fn(&str) -> Option<String> {
    move |name| match name {
        "POSTERN_KEYS" => Some(keys.to_owned()),
        "POSTERN_VERIFY_SECRET" | "POSTERN_HEALTH_SECRET" => Some(VERIFY_SECRET.to_owned()),
        // Those of `partner`.
        name if name.ends_with("_JWKS") => Some(json!({ "keys": [signer(2).public_jwk()] }).to_string()),
        // Assertions are encrypted for RSA alone.
        "PROVIDER_IDP_DECRYPTION_KEY" => Some(saml_idp::decryption_key()),
        "PROVIDER_IDP_DECRYPTION_KEY_NEXT" => Some(include_str!("../../crates/saml/tests/keys/spare.key").to_owned()),
        // Two to decrypt with: one of each kind.
        name if name.ends_with("_DECRYPTION_KEY_NEXT") => {
            Some(include_str!("../../fixtures/jwk/p256_private.p8").to_owned())
        }
        name if name.ends_with("_DECRYPTION_KEY") => {
            Some(include_str!("../../fixtures/jwk/rsa_private.json").to_owned())
        }
        // There is one key, and no other beside it.
        name if name.ends_with("_PRIVATE_KEY_NEXT") => None,
        name if name.ends_with("_PRIVATE_KEY") => Some(include_str!("../../fixtures/jwk/p256_private.p8").to_owned()),
        _ => Some(format!("secret-{CANARY}")),
    }
}
