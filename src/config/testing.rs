//! Deployments for the tests of other modules.

use base64ct::{Base64UrlUnpadded, Encoding};
use serde_json::{Value, json};

use super::{Config, Provider, PublicUrl, TokenIssuer, WorkloadIssuer};

pub(crate) const ISSUER: &str = "https://login.example.com/t1";

/// What is wrong with the variables would be a mistake in the test.
pub(crate) fn config(bend: impl FnOnce(&mut Value)) -> Config {
    let mut vars = json!({
        "PUBLIC_URL": "https://app.example.com",
        "PROVIDERS": { "corp": { "issuer": ISSUER, "client_id": "app" } },
        "ROUTES": { "/api/{*rest}": { "upstream": "service:API" }, "GET /": { "upstream": "assets", "public": true } },
    });
    bend(&mut vars);
    let secret = |name: &str| match name {
        "POSTERN_KEYS" => Some(format!("k1:{}", Base64UrlUnpadded::encode_string(&[7; 32]))),
        name if name.ends_with("_PRIVATE_KEY_NEXT") => None,
        name if name.ends_with("_PRIVATE_KEY") => Some(private_key()),
        _ => Some("hunter2 & co:%+é".to_owned()),
    };
    Config::parse(vars.as_object().unwrap(), &secret).unwrap()
}

/// The one provider of a deployment, with this in its table.
pub(crate) fn provider(bend: impl FnOnce(&mut Value)) -> Provider {
    config(|vars| bend(&mut vars["PROVIDERS"]["corp"])).providers.remove(0)
}

pub(crate) fn public_url() -> PublicUrl {
    config(|_| ()).public_url
}

fn private_key() -> String {
    p256::SecretKey::from_slice(&[7; 32]).unwrap().to_jwk_string().to_string()
}

/// The one issuer of access tokens of a deployment, with this in its table.
pub(crate) fn token_issuer(bend: impl FnOnce(&mut Value)) -> TokenIssuer {
    let mut table = json!({
        "issuer": "https://as.example.com/t1", "audience": ["https://api.example.com", "urn:api"], "algs": ["EdDSA"],
    });
    bend(&mut table);
    config(|vars| vars["ISSUERS"]["machines"] = table).issuers.remove(0)
}

/// The one platform of a deployment, with this table.
pub(crate) fn workload_issuer(table: Value) -> WorkloadIssuer {
    config(|vars| vars["ISSUERS"]["jobs"] = table).workloads.remove(0)
}
