//! A JWK set (RFC 7517) → the public keys of it that Postern can use, and the choice among them.
//!
//! Entries of other kinds, out of range, for other uses or with private parts are left out, not errors:
//! providers publish encryption keys and algorithms of their own beside what is needed here.

use std::collections::HashSet;
use std::fmt;
use std::sync::LazyLock;

use base64ct::{Base64UrlUnpadded, Encoding};
use curve25519_dalek::constants::EIGHT_TORSION;
use serde_json::{Map, Value};

use crate::jose::algorithm::{Algorithm, Hash, KeyType};
use crate::json::{self, JsonError, said};

/// The largest key set read, in bytes.
pub const MAX_SET_BYTES: usize = 256 * 1024;
/// The most entries a key set may have.
pub const MAX_KEYS: usize = 100;
/// The longest `kid`, in bytes, of a key or a token.
pub const MAX_KID_BYTES: usize = 512;
/// How many keys with the same `kid` are tried on one token.
const MAX_CANDIDATES: usize = 4;
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;
/// Of P-256 and Ed25519.
const COORDINATE_BYTES: usize = 32;
const P384_COORDINATE_BYTES: usize = 48;
const P521_COORDINATE_BYTES: usize = 66;

/// A provider's keys for verifying signatures.
#[derive(Clone, Debug, Default)]
pub struct KeySet {
    keys: Vec<PublicKey>,
    refresh_hint: Option<u32>,
}

/// Which key verified a token, and as what: to find out later whether it still would ([`KeySet::holds`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyStamp {
    pub(super) algorithm: Algorithm,
    pub(super) kid: Option<String>,
    pub(super) thumbprint: String,
    pub(super) issuer: Option<String>,
}

/// Why a document is not a key set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeySetError {
    /// Not a JSON object, or over a limit.
    Json(JsonError),
    /// No `keys` array.
    NoKeys,
    /// More than [`MAX_KEYS`] entries.
    TooManyKeys,
    /// There may be a newer one: the issuer was asked too often for keys that nobody knows to be asked for it.
    Unasked,
}

impl KeySetError {
    /// The name of this reason in the log.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Json(_) => "keys.not_json",
            Self::NoKeys => "keys.missing",
            Self::TooManyKeys => "keys.too_many",
            Self::Unasked => "keys.unasked",
        }
    }
}

impl fmt::Display for KeySetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(error) => error.fmt(f),
            Self::NoKeys => f.write_str("expected an array `keys`"),
            Self::TooManyKeys => write!(f, "expected at most {MAX_KEYS} keys"),
            Self::Unasked => f.write_str("the issuer was asked too often"),
        }
    }
}

impl std::error::Error for KeySetError {}

/// Why no key of a set is for a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyChoiceError {
    /// None has the token's `kid`, or the token has none and nothing suits it: a fresher set may help.
    Unknown,
    /// The `kid` is there, for another algorithm, use or key type.
    Unsuitable,
    /// Several suit a token without `kid`; Postern does not guess.
    Ambiguous,
}

impl KeySet {
    /// A set of these keys.
    pub(super) const fn of(keys: Vec<PublicKey>) -> Self {
        Self { keys, refresh_hint: None }
    }

    /// Reads a key set as a provider serves it.
    ///
    /// # Errors
    /// When the document as a whole cannot be used. Single unusable entries are left out.
    pub fn parse(bytes: &[u8]) -> Result<Self, KeySetError> {
        let document = json::parse_object(bytes, MAX_SET_BYTES).map_err(KeySetError::Json)?;
        let Some(Value::Array(entries)) = document.get("keys") else {
            return Err(KeySetError::NoKeys);
        };
        if entries.len() > MAX_KEYS {
            return Err(KeySetError::TooManyKeys);
        }
        let keys = entries.iter().filter_map(Value::as_object).filter_map(PublicKey::from_jwk).collect();
        Ok(Self { keys, refresh_hint: None })
    }

    /// Reads the bundle of a trust domain (SPIFFE Trust Domain and Bundle §4): of its keys only those that sign JWT-SVIDs
    /// count.
    ///
    /// # Errors
    /// The same.
    pub fn parse_bundle(bytes: &[u8]) -> Result<Self, KeySetError> {
        let document = json::parse_object(bytes, MAX_SET_BYTES).map_err(KeySetError::Json)?;
        let Some(Value::Array(entries)) = document.get("keys") else {
            return Err(KeySetError::NoKeys);
        };
        if entries.len() > MAX_KEYS {
            return Err(KeySetError::TooManyKeys);
        }
        let keys = entries.iter().filter_map(Value::as_object).filter_map(PublicKey::from_bundle).collect();
        let hint = document.get("spiffe_refresh_hint").and_then(Value::as_u64);
        Ok(Self { keys, refresh_hint: hint.map(|hint| u32::try_from(hint).unwrap_or(u32::MAX)) })
    }

    /// `spiffe_refresh_hint`: how often its trust domain wants it to be asked for, in seconds.
    #[must_use]
    pub const fn refresh_hint(&self) -> Option<u32> {
        self.refresh_hint
    }

    /// The usable keys, in the order of the document.
    #[must_use]
    pub fn keys(&self) -> &[PublicKey] {
        &self.keys
    }

    /// Whether the key of `stamp` is still here, under the name it had, for the algorithm it was used with and the issuer
    /// that it named.
    #[must_use]
    pub fn holds(&self, stamp: &KeyStamp) -> bool {
        self.keys.iter().any(|key| {
            let named = stamp.kid.is_none() || key.kid == stamp.kid;
            let is_same = key.thumbprint == stamp.thumbprint && key.issuer == stamp.issuer;
            named && key.suits(stamp.algorithm) && is_same
        })
    }

    /// The keys to try on a token: those of its `kid` that suit its algorithm, at most four; or, when it
    /// names none, the only one that suits. Never empty.
    ///
    /// # Errors
    /// When there is none, or no saying which.
    pub fn candidates(&self, algorithm: Algorithm, kid: Option<&str>) -> Result<Vec<&PublicKey>, KeyChoiceError> {
        let suitable = self.keys.iter().filter(|key| key.suits(algorithm));
        let Some(kid) = kid else {
            let all: Vec<_> = suitable.collect();
            return match all.len() {
                0 => Err(KeyChoiceError::Unknown),
                1 => Ok(all),
                _ => Err(KeyChoiceError::Ambiguous),
            };
        };
        if !self.keys.iter().any(|key| key.kid() == Some(kid)) {
            return Err(KeyChoiceError::Unknown);
        }
        let named: Vec<_> = suitable.filter(|key| key.kid() == Some(kid)).take(MAX_CANDIDATES).collect();
        if named.is_empty() { Err(KeyChoiceError::Unsuitable) } else { Ok(named) }
    }
}

/// A public key that passed the checks of its kind: RSA of 2048 to 8192 bits, a point on P-256, the coordinates of
/// one on P-384 or P-521, or an Ed25519 key of full order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    kid: Option<String>,
    /// The one algorithm the key is for, when its JWK says.
    algorithm: Option<Algorithm>,
    material: Material,
    thumbprint: String,
    /// The issuer whose tokens it signs, where its JWK says: Microsoft Entra has keys of several in one set.
    issuer: Option<String>,
}

/// The numbers of a key, big-endian, without leading zeros for RSA, of fixed length otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Material {
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    P256 {
        x: Coordinate,
        y: Coordinate,
    },
    /// Whether the point is on the curve is for the backend to say: each does when it takes up the key.
    /// Saying it here would bring the arithmetic of a second curve into the Worker.
    P384 {
        x: P384Coordinate,
        y: P384Coordinate,
    },
    /// The same.
    P521 {
        x: P521Coordinate,
        y: P521Coordinate,
    },
    Ed25519 {
        x: Coordinate,
    },
}

type Coordinate = [u8; COORDINATE_BYTES];
type P384Coordinate = [u8; P384_COORDINATE_BYTES];
type P521Coordinate = [u8; P521_COORDINATE_BYTES];

impl PublicKey {
    /// The key in a JWK, unless it is not for verifying signatures here.
    #[must_use]
    pub fn from_jwk(jwk: &Map<String, Value>) -> Option<Self> {
        Self::read(jwk, is_for_verifying)
    }

    /// The key in an entry of a trust domain's bundle, if it is for JWT-SVIDs: it says so, and has a name.
    fn from_bundle(jwk: &Map<String, Value>) -> Option<Self> {
        Self::read(jwk, |jwk| jwk.get("use").is_some_and(|value| value == "jwt-svid") && text(jwk, "kid").is_some())
    }

    fn read(jwk: &Map<String, Value>, is_for_this: impl Fn(&Map<String, Value>) -> bool) -> Option<Self> {
        let kid = optional_text(jwk, "kid")?;
        if kid.is_some_and(|kid| kid.len() > MAX_KID_BYTES) || !is_for_this(jwk) || has_private_parts(jwk) {
            return None;
        }
        let algorithm = match optional_text(jwk, "alg")? {
            Some(name) => Some(Algorithm::from_name(name)?),
            None => None,
        };
        let material = Material::from_jwk(jwk)?;
        if algorithm.is_some_and(|algorithm| algorithm.key_type() != material.key_type()) {
            return None;
        }
        let thumbprint = material.thumbprint();
        let issuer = said(jwk, "issuer").map(|issuer| issuer.as_str().unwrap_or_default().to_owned());
        Some(Self { kid: kid.map(str::to_owned), algorithm, material, thumbprint, issuer })
    }

    /// The issuer whose tokens it signs, where its JWK says; empty where that is no text.
    #[must_use]
    pub fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }

    /// Its name in the set.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// Its kind.
    #[must_use]
    pub const fn key_type(&self) -> KeyType {
        self.material.key_type()
    }

    /// The SHA-256 thumbprint (RFC 7638) in base64url: equal for equal keys, whatever their JWKs say beside.
    #[must_use]
    pub fn thumbprint(&self) -> &str {
        &self.thumbprint
    }

    /// The members that make the key (RFC 7638 §3.2), sorted by name: `e kty n`, `crv kty x y` or `crv kty x`.
    /// No `alg`, `use`, `key_ops` or `kid`: they were looked at before.
    #[must_use]
    pub fn members(&self) -> Vec<(&'static str, String)> {
        self.material.members()
    }

    /// How long its signatures are, in bytes: as the modulus for RSA, else twice
    /// that of a coordinate (RFC 7518 §3.3, §3.4).
    #[must_use]
    pub const fn signature_bytes(&self) -> usize {
        match &self.material {
            Material::Rsa { n, .. } => n.len(),
            Material::P256 { .. } | Material::Ed25519 { .. } => 2 * COORDINATE_BYTES,
            Material::P384 { .. } => 2 * P384_COORDINATE_BYTES,
            Material::P521 { .. } => 2 * P521_COORDINATE_BYTES,
        }
    }

    /// Whether the bytes can be a signature of its at all. No mathematics beyond the first look: what is left to the
    /// backends is what they all agree on.
    ///
    /// - As long as its signatures are (RFC 8017 §5.2.2, RFC 7518 §3.4, RFC 8032 §5.1.7).
    /// - For RSA a number below the modulus (RFC 8017 §5.2.2), which `rsa` 0.9 does not check for PSS. Of equally long
    ///   big-endian numbers the order is that of their bytes.
    /// - For Ed25519 no `R` of small order: no honest signer makes one, and runtimes differ on it.
    #[must_use]
    pub fn may_have_made(&self, signature: &[u8]) -> bool {
        signature.len() == self.signature_bytes()
            && match &self.material {
                Material::Rsa { n, .. } => signature < n.as_slice(),
                Material::P256 { .. } | Material::P384 { .. } | Material::P521 { .. } => true,
                Material::Ed25519 { .. } => !SMALL_ORDER.iter().any(|point| signature.starts_with(point)),
            }
    }

    /// Whether it may verify signatures of `algorithm`.
    #[must_use]
    pub fn suits(&self, algorithm: Algorithm) -> bool {
        self.key_type() == algorithm.key_type() && self.algorithm.is_none_or(|only| only == algorithm)
    }

    pub(super) const fn material(&self) -> &Material {
        &self.material
    }
}

impl Material {
    fn from_jwk(jwk: &Map<String, Value>) -> Option<Self> {
        match (text(jwk, "kty")?, jwk.get("crv").and_then(Value::as_str)) {
            ("RSA", _) => Self::rsa(unsigned(jwk, "n")?, unsigned(jwk, "e")?),
            ("EC", Some("P-256")) => Self::p256(coordinate(jwk, "x")?, coordinate(jwk, "y")?),
            ("EC", Some("P-384")) => Some(Self::P384 { x: coordinate(jwk, "x")?, y: coordinate(jwk, "y")? }),
            ("EC", Some("P-521")) => Some(Self::P521 { x: coordinate(jwk, "x")?, y: coordinate(jwk, "y")? }),
            ("OKP", Some("Ed25519")) => Self::ed25519(octets(jwk, "x")?.try_into().ok()?),
            _ => None,
        }
    }

    /// An exponent over 32 bits is nowhere in use and only makes verification slow.
    fn rsa(n: Vec<u8>, e: Vec<u8>) -> Option<Self> {
        let bits = n.len() * 8 - n.first()?.leading_zeros() as usize;
        let exponent_is_sound = e.len() <= 4 && e.last()? & 1 == 1 && e.as_slice() != [1];
        let sound = RSA_BITS.contains(&bits) && n.last()? & 1 == 1 && exponent_is_sound;
        sound.then_some(Self::Rsa { n, e })
    }

    ///
    fn p256(x: Coordinate, y: Coordinate) -> Option<Self> {
        let point = p256::EncodedPoint::from_affine_coordinates(&x.into(), &y.into(), false);
        p256::PublicKey::try_from(point).ok()?;
        Some(Self::P256 { x, y })
    }

    /// A key of small order verifies signatures nobody made: none such is a real key.
    fn ed25519(x: Coordinate) -> Option<Self> {
        is_of_full_order(&x).then_some(Self::Ed25519 { x })
    }

    const fn key_type(&self) -> KeyType {
        match self {
            Self::Rsa { .. } => KeyType::Rsa,
            Self::P256 { .. } => KeyType::P256,
            Self::P384 { .. } => KeyType::P384,
            Self::P521 { .. } => KeyType::P521,
            Self::Ed25519 { .. } => KeyType::Ed25519,
        }
    }

    fn members(&self) -> Vec<(&'static str, String)> {
        let encode = Base64UrlUnpadded::encode_string;
        match self {
            Self::Rsa { n, e } => vec![("e", encode(e)), ("kty", "RSA".to_owned()), ("n", encode(n))],
            Self::P256 { x, y } => curve("P-256", "EC", &[("x", x), ("y", y)]),
            Self::P384 { x, y } => curve("P-384", "EC", &[("x", x), ("y", y)]),
            Self::P521 { x, y } => curve("P-521", "EC", &[("x", x), ("y", y)]),
            Self::Ed25519 { x } => curve("Ed25519", "OKP", &[("x", x)]),
        }
    }

    /// The members hold letters, digits, `-` and `_` only, so that no escaping is in question.
    fn thumbprint(&self) -> String {
        let members: Vec<_> =
            self.members().into_iter().map(|(name, value)| format!("\"{name}\":\"{value}\"")).collect();
        let canonical = format!("{{{}}}", members.join(","));
        Base64UrlUnpadded::encode_string(&Hash::Sha256.digest(canonical.as_bytes()))
    }
}

/// The eight points of small order, as signatures write them: an `R` that is written otherwise, or is no point, verifies
/// nowhere, for it is compared with the one that is computed (RFC 8032 §5.1.7).
static SMALL_ORDER: LazyLock<[Coordinate; 8]> =
    LazyLock::new(|| EIGHT_TORSION.map(|point| point.compress().to_bytes()));

/// Whether the bytes are a point of edwards25519, and not one of small order.
fn is_of_full_order(point: &Coordinate) -> bool {
    ed25519_dalek::VerifyingKey::from_bytes(point).is_ok_and(|point| !point.is_weak())
}

fn curve(name: &str, kind: &str, coordinates: &[(&'static str, &[u8])]) -> Vec<(&'static str, String)> {
    let named = [("crv", name.to_owned()), ("kty", kind.to_owned())];
    let encoded = coordinates.iter().map(|(name, bytes)| (*name, Base64UrlUnpadded::encode_string(bytes)));
    named.into_iter().chain(encoded).collect()
}

/// `use` and `key_ops`, where they are there, must allow it.
fn is_for_verifying(jwk: &Map<String, Value>) -> bool {
    let by_use = said(jwk, "use").is_none_or(|value| value == "sig");
    let by_operations = said(jwk, "key_ops").is_none_or(|value| operations(value).contains(&"verify"));
    by_use && by_operations
}

/// The members of `key_ops`; none when it is no array of strings, or one is there twice (RFC 7517 §4.3).
fn operations(value: &Value) -> Vec<&str> {
    let names: Option<Vec<_>> = value.as_array().and_then(|names| names.iter().map(Value::as_str).collect());
    let once = |names: &Vec<&str>| names.iter().collect::<HashSet<_>>().len() == names.len();
    names.filter(once).unwrap_or_default()
}

/// A published private key is anybody's, and a symmetric one never was the provider's alone.
pub(super) fn has_private_parts(jwk: &Map<String, Value>) -> bool {
    ["d", "p", "q", "dp", "dq", "qi", "oth", "k"].iter().any(|name| said(jwk, name).is_some())
}

fn text<'a>(jwk: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    jwk.get(name)?.as_str()
}

/// `Some(None)` when the member says nothing, `None` when it is no string.
fn optional_text<'a>(jwk: &'a Map<String, Value>, name: &str) -> Option<Option<&'a str>> {
    said(jwk, name).map_or(Some(None), |value| value.as_str().map(Some))
}

fn octets(jwk: &Map<String, Value>, name: &str) -> Option<Vec<u8>> {
    Base64UrlUnpadded::decode_vec(text(jwk, name)?).ok()
}

/// A `Base64urlUInt` (RFC 7518 §2). Leading zeros, against the rule but seen in the wild, are dropped, so
/// that one key has one form for every backend.
fn unsigned(jwk: &Map<String, Value>, name: &str) -> Option<Vec<u8>> {
    let bytes = octets(jwk, name)?;
    let significant: Vec<u8> = bytes.into_iter().skip_while(|byte| *byte == 0).collect();
    (!significant.is_empty()).then_some(significant)
}

/// As many octets as the curve's field has (RFC 7518 §6.2.1.2); one more where it is zero, the sign octet of Java's
/// `BigInteger`, against the rule but seen in the wild. A number that is too short is refused: what is missing of it is
/// not said.
fn coordinate<const N: usize>(jwk: &Map<String, Value>, name: &str) -> Option<[u8; N]> {
    let octets = octets(jwk, name)?;
    let unsigned = octets.strip_prefix(&[0]).filter(|rest| rest.len() == N).unwrap_or(&octets);
    unsigned.try_into().ok()
}

#[cfg(test)]
mod tests;
