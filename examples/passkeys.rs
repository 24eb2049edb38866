//! Our verdict on what browsers say of passkeys: one JSON line in, one code out.
//!
//! `tests/differential` asks other implementations the same and compares.

use std::io::{BufRead, Write, stdin, stdout};

use futures::executor::block_on;
use postern::jose::Portable;
use postern::webauthn::{AssertionResponse, CeremonyError, CeremonyExpectations, KnownPasskey, RegistrationResponse};
use serde::Deserialize;
use serde_json::{Map, Value};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    rp_id: String,
    origin: String,
    challenge: String,
    credential: Map<String, Value>,
    /// The passkey that a proof is about; a new one without.
    known: Option<Known>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    id: String,
    jwk: Value,
    user_handle: String,
    backup_eligible: bool,
    sign_count: u32,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut out = stdout().lock();
    for line in stdin().lock().lines() {
        let case: Case = serde_json::from_str(&line?)?;
        writeln!(out, "{}", verify(&case).map_or_else(CeremonyError::code, |()| "ok"))?;
    }
    Ok(())
}

fn verify(case: &Case) -> Result<(), CeremonyError> {
    let expected = CeremonyExpectations { rp_id: &case.rp_id, origin: &case.origin, challenge: &case.challenge };
    let Some(known) = &case.known else {
        let answer = RegistrationResponse::parse(&case.credential)?;
        return block_on(answer.verify(&expected, &Portable)).map(drop);
    };
    let jwk = known.jwk.to_string();
    let passkey = KnownPasskey {
        id: &known.id,
        jwk: &jwk,
        user_handle: &known.user_handle,
        backup_eligible: known.backup_eligible,
        sign_count: known.sign_count,
    };
    block_on(AssertionResponse::parse(&case.credential)?.verify(&expected, &[passkey], &Portable)).map(drop)
}
