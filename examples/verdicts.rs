//! The engine's verdict on tokens: one JSON line in (`{"keys": …, "algorithms": […], "token": "…"}`), one code out.
//!
//! `tests/differential` asks another implementation the same and compares.

use std::io::{BufRead, Write, stdin, stdout};

use futures::executor::block_on;
use postern::authn::access_token::{AccessTokenClaims, AccessTokenExpectations};
use postern::config::{Config, TokenIssuer};
use postern::jose::{Algorithm, JwtError, KeySet, Portable, UnverifiedJwt, VerifiedJwt};
use postern::time::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    keys: Value,
    algorithms: Vec<String>,
    token: String,
    /// Checked as an access token too, where this is there.
    access_token: Option<AccessToken>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AccessToken {
    /// A table of `ISSUERS`.
    issuer: Value,
    now: i64,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut out = stdout().lock();
    for line in stdin().lock().lines() {
        let case: Case = serde_json::from_str(&line?)?;
        let verdict = match (verify(&case), &case.access_token) {
            (Err(error), _) => error.code(),
            (Ok(_), None) => "ok",
            (Ok(jwt), Some(expected)) => check(jwt, expected)?,
        };
        writeln!(out, "{verdict}")?;
    }
    Ok(())
}

fn verify(case: &Case) -> Result<VerifiedJwt, JwtError> {
    let algorithms: Vec<_> = case.algorithms.iter().filter_map(|name| Algorithm::from_name(name)).collect();
    let keys = KeySet::parse(case.keys.to_string().as_bytes()).unwrap_or_default();
    block_on(UnverifiedJwt::parse(&case.token)?.verify(&keys, &algorithms, &Portable))
}

fn check(jwt: VerifiedJwt, expected: &AccessToken) -> Result<&'static str, String> {
    let issuer = configured(&expected.issuer)?;
    let profile = issuer.signed().ok_or("an issuer of opaque tokens")?.profile;
    let expected = AccessTokenExpectations { issuer: &issuer, profile, now: Timestamp::from_unix(expected.now) };
    Ok(AccessTokenClaims::check(jwt, &expected).map_or_else(|error| error.code(), |_| "ok"))
}

/// The issuer as a deployment configures it.
fn configured(table: &Value) -> Result<TokenIssuer, String> {
    let vars = json!({
        "PUBLIC_URL": "https://app.example",
        "PROVIDERS": { "op": { "issuer": "https://op.example", "client_id": "app" } },
        "ISSUERS": { "one": table },
        "ROUTES": { "/{*rest}": { "upstream": "service:API" } },
    });
    let secret = |name: &str| match name {
        "POSTERN_KEYS" => Some(format!("k1:{}A", "C".repeat(42))),
        _ => Some("secret".to_owned()),
    };
    let vars = vars.as_object().ok_or("no table")?;
    let config = Config::parse(vars, &secret).map_err(|problems| format!("{problems:?}"))?;
    config.issuers.into_iter().next().ok_or_else(|| "no issuer".to_owned())
}
