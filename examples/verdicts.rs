//! The engine's verdict on tokens: one JSON line in (`{"keys": …, "algorithms": […], "token": "…"}`), one code out.
//!
//! `tests/differential` asks another implementation the same and compares.

use std::io::{BufRead, Write, stdin, stdout};

use futures::executor::block_on;
use postern::jose::{Algorithm, JwtError, KeySet, Portable, UnverifiedJwt, VerifiedJwt};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    keys: Value,
    algorithms: Vec<String>,
    token: String,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut out = stdout().lock();
    for line in stdin().lock().lines() {
        let case: Case = serde_json::from_str(&line?)?;
        let verdict = verify(&case).map_or_else(JwtError::code, |_| "ok");
        writeln!(out, "{verdict}")?;
    }
    Ok(())
}

fn verify(case: &Case) -> Result<VerifiedJwt, JwtError> {
    let algorithms: Vec<_> = case.algorithms.iter().filter_map(|name| Algorithm::from_name(name)).collect();
    let keys = KeySet::parse(case.keys.to_string().as_bytes()).unwrap_or_default();
    block_on(UnverifiedJwt::parse(&case.token)?.verify(&keys, &algorithms, &Portable))
}
