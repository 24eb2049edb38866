//! `Secure-Session-Response`: a JWS by which a browser proves that it has a key.
//!
//! With a registration it brings the key along, and everybody can make such a proof: what makes it count is the challenge in
//! it, which we gave to one browser. Afterwards no key may stand in it, for the one that counts is known.

use serde_json::{Map, Value};

use super::{ChallengeFault, DeviceBinding, DeviceChallenge};
use crate::claims::text;
use crate::http::HeaderMap;
use crate::jose::{Algorithm, JwtError, KeyProofError, PublicKey, UnverifiedJwt, UnverifiedKeyProof, VerifiedKeyProof};
use crate::json;
use crate::keyring::KeyRing;
use crate::ports::Signatures;
use crate::session::handle::{SessionDigest, SubjectKey};
use crate::time::Timestamp;

/// The header that it comes in.
pub const HEADER: &str = "secure-session-response";
const TYP: &str = "dbsc+jwt";
/// The one algorithm: what the offer of a registration names.
const ALLOWED: [Algorithm; 1] = [Algorithm::Es256];
/// A key, two texts of ours and a signature.
const MAX_BYTES: usize = 4096;
const MAX_JWK_BYTES: usize = 1024;

/// What any proof is held against.
#[derive(Clone, Copy, Debug)]
pub struct ProofTerms<'a> {
    /// The keys that challenges are made with.
    pub keys: &'a KeyRing,
    /// Our origin: what `aud` says, if it is there.
    pub origin: &'a str,
    /// Now.
    pub now: Timestamp,
}

/// Why a proof does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProofFault {
    /// There is none.
    Missing,
    /// There are several, it is too long, or no text.
    Malformed,
    /// It is no JWS of this kind, or its signature is wrong.
    Jws(JwtError),
    /// The key that it brings is none, or more than a public one.
    Key,
    /// `typ` is another.
    Typ,
    /// It brings a key, though one is known.
    KeyThere,
    /// `jti` is no challenge of ours for this.
    Challenge,
    /// `jti` was one.
    ChallengeOld,
    /// `authorization` is not what was sent along with the challenge.
    Authorization,
    /// `aud` is another origin.
    Audience,
}

impl ProofFault {
    /// The name of this reason in the log.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Missing => "device.proof_missing",
            Self::Malformed => "device.proof_malformed",
            Self::Jws(_) => "device.proof_invalid",
            Self::Key | Self::KeyThere => "device.proof_key",
            Self::Typ => "device.proof_typ",
            Self::Challenge => "device.challenge_foreign",
            Self::ChallengeOld => "device.challenge_old",
            Self::Authorization => "device.proof_authorization",
            Self::Audience => "device.proof_audience",
        }
    }

    /// Whether the browser that sent it is to sign another challenge.
    #[must_use]
    pub const fn wants_challenge(self) -> bool {
        matches!(self, Self::Missing | Self::ChallengeOld)
    }
}

/// The text of a proof that came along.
///
/// # Errors
/// When there is not exactly one.
pub fn presented(headers: &HeaderMap) -> Result<&str, ProofFault> {
    let mut values = headers.get_all(HEADER).iter();
    let value = values.next().ok_or(ProofFault::Missing)?;
    if values.next().is_some() || value.len() > MAX_BYTES {
        return Err(ProofFault::Malformed);
    }
    let text = value.to_str().map_err(|_| ProofFault::Malformed)?;
    // A string of RFC 9651 §3.3.3; some browsers leave the quotes out.
    Ok(text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text))
}

/// A key that is to bind a session.
#[derive(Clone, Debug)]
pub struct RegisteredKey {
    /// Whose object has the session.
    pub subject: SubjectKey,
    /// Which it is.
    pub digest: SessionDigest,
    /// The key, as a JWK.
    pub jwk: String,
}

/// Checks the proof of a key that is to bind a session: the one that the challenge in it was for.
///
/// # Errors
/// The first check that fails.
pub async fn register(
    jws: &str,
    terms: ProofTerms<'_>,
    signatures: &impl Signatures,
) -> Result<RegisteredKey, ProofFault> {
    let proof = UnverifiedKeyProof::parse(jws).map_err(key_fault)?;
    if !proof.typ().is_some_and(|typ| typ.eq_ignore_ascii_case(TYP)) {
        return Err(ProofFault::Typ);
    }
    let jwk = jwk_text(proof.key());
    let proof = proof.verify(&ALLOWED, signatures).await.map_err(key_fault)?;
    let claims = proof.claims();
    let jti = text(claims, "jti").ok_or(ProofFault::Challenge)?;
    let (subject, digest) = DeviceChallenge::registration(jti, terms.keys, terms.now).map_err(challenge_fault)?;
    check_audience(claims, terms)?;
    if text(claims, "authorization") != Some(authorization(&digest).as_str()) {
        return Err(ProofFault::Authorization);
    }
    Ok(RegisteredKey { subject, digest, jwk })
}

/// Checks a further proof of the key that a session is bound to.
///
/// # Errors
/// The first check that fails.
pub async fn refresh(
    jws: &str,
    binding: &DeviceBinding,
    terms: ProofTerms<'_>,
    signatures: &impl Signatures,
) -> Result<(), ProofFault> {
    let proof = UnverifiedJwt::parse(jws).map_err(ProofFault::Jws)?;
    if !proof.header().typ().is_some_and(|typ| typ.eq_ignore_ascii_case(TYP)) {
        return Err(ProofFault::Typ);
    }
    if !proof.header().is_bare() {
        return Err(ProofFault::KeyThere);
    }
    let jwk = json::parse_object(binding.jwk.as_bytes(), MAX_JWK_BYTES).map_err(|_| ProofFault::Key)?;
    let key = PublicKey::from_jwk(&jwk).ok_or(ProofFault::Key)?;
    let proof = VerifiedKeyProof::by_known_key(&proof, &key, &ALLOWED, signatures).await.map_err(key_fault)?;
    let jti = text(proof.claims(), "jti").ok_or(ProofFault::Challenge)?;
    DeviceChallenge::Refresh(binding).check(jti, terms.keys, terms.now).map_err(challenge_fault)?;
    check_audience(proof.claims(), terms)
}

/// What a registration repeats beside the challenge: the name of the session that began with the sign-in.
#[must_use]
pub fn authorization(digest: &SessionDigest) -> String {
    digest.public_id()
}

fn check_audience(claims: &Map<String, Value>, terms: ProofTerms<'_>) -> Result<(), ProofFault> {
    match claims.get("aud") {
        None => Ok(()),
        Some(Value::String(audience)) if audience == terms.origin => Ok(()),
        Some(_) => Err(ProofFault::Audience),
    }
}

const fn challenge_fault(fault: ChallengeFault) -> ProofFault {
    match fault {
        ChallengeFault::Foreign => ProofFault::Challenge,
        ChallengeFault::Old => ProofFault::ChallengeOld,
    }
}

fn key_fault(error: KeyProofError) -> ProofFault {
    match error {
        KeyProofError::Jwt(error) => ProofFault::Jws(error),
        KeyProofError::KeyMissing | KeyProofError::KeyPrivate | KeyProofError::KeyUnusable => ProofFault::Key,
    }
}

/// The members that make the key, and no others.
fn jwk_text(key: &PublicKey) -> String {
    let members = key.members().into_iter().map(|(name, value)| (name.to_owned(), Value::from(value)));
    Value::Object(json::object(members)).to_string()
}
