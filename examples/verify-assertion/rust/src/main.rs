//! `verify-assertion ISSUER AUDIENCE ASSERTION`: who asks, by Postern's word; or why that word does not count.
//!
//! ISSUER is Postern's `PUBLIC_URL`, AUDIENCE this upstream as the route names it: `service:ORDERS` or `https://api.example.com`.

use std::process::ExitCode;

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;

type Error = Box<dyn std::error::Error>;

/// What this upstream reads of an assertion.
#[derive(Debug, Deserialize)]
struct Assertion {
    sub: String,
    sub_id: SubjectId,
    kind: String,
}

/// The issuer that vouches for the caller, and its name for them.
#[derive(Debug, Deserialize)]
struct SubjectId {
    iss: String,
    sub: String,
}

/// Fetch the keys once and keep them for some minutes; fetch them anew when an assertion names a key that is not there.
fn fetch_keys(issuer: &str) -> Result<JwkSet, Error> {
    let mut answer = ureq::get(format!("{issuer}/.well-known/jwks.json")).call()?;
    Ok(answer.body_mut().read_json()?)
}

fn verify(assertion: &str, keys: &JwkSet, issuer: &str, audience: &str) -> Result<Assertion, Error> {
    let header = decode_header(assertion)?;
    // What else Postern may sign some day is no assertion.
    if header.typ.as_deref() != Some("postern-assertion+jwt") {
        return Err("wrong typ".into());
    }
    let key = header.kid.and_then(|kid| keys.find(&kid)).ok_or("unknown key")?;
    let mut expected = Validation::new(Algorithm::ES256);
    expected.set_issuer(&[issuer]);
    expected.set_audience(&[audience]);
    expected.set_required_spec_claims(&["iss", "aud", "exp", "sub"]);
    expected.leeway = 5;
    Ok(decode(assertion, &DecodingKey::from_jwk(key)?, &expected)?.claims)
}

fn run() -> Result<Assertion, Error> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [issuer, audience, assertion] = arguments.as_slice() else {
        return Err("usage: verify-assertion ISSUER AUDIENCE ASSERTION".into());
    };
    verify(assertion, &fetch_keys(issuer)?, issuer, audience)
}

fn main() -> ExitCode {
    match run() {
        Ok(Assertion { sub, sub_id, kind }) => {
            println!("{kind} {} of {} ({sub})", sub_id.sub, sub_id.iss);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("refused: {error}");
            ExitCode::FAILURE
        }
    }
}
