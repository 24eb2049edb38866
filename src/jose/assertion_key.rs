//! A private key that its owner registered with an authorization server, and the assertions made with it
//! (`private_key_jwt`, RFC 7523 §2.2): ES256, RS256, PS256 or EdDSA.

use base64ct::{Base64, Base64UrlUnpadded, Encoding};
use serde_json::{Map, Value, json};

use crate::jose::algorithm::{Algorithm, Hash};
use crate::jose::jwk::{MAX_KID_BYTES, PublicKey};
use crate::jose::pkcs8;
use crate::jose::sign::{Es256Signer, SignerError, Signing, operations_allow_signing};
use crate::json::{self, said};
use crate::secret::Secret;

/// An RSA key of 4096 bits has some 3,200 characters as a JWK, a certificate beside it some 2,500.
pub(super) const MAX_JWK_BYTES: usize = 16 * 1024;
/// `typ` of an assertion by a client, unless its server wants another.
pub const DEFAULT_TYP: &str = "JWT";
/// The members that make a private Ed25519 key (RFC 8037 §2).
const OKP_MEMBERS: [&str; 4] = ["kty", "crv", "x", "d"];
/// The members that make a private RSA key (RFC 7518 §6.3): all of them, for a runtime works out none.
const RSA_MEMBERS: [&str; 9] = ["kty", "n", "e", "d", "p", "q", "dp", "dq", "qi"];

/// A private key for assertions by which a client proves itself, for one algorithm.
#[derive(Debug)]
pub struct AssertionKey {
    material: PrivateMaterial,
    public: PublicKey,
    /// Its name in the header, unless a certificate names it.
    kid: Option<String>,
    /// `x5t#S256` (RFC 7515 §4.1.8): the SHA-256 of its certificate, for servers that know keys by certificates.
    certificate: Option<String>,
}

#[derive(Debug)]
enum PrivateMaterial {
    P256(Box<Es256Signer>),
    Jwk(PrivateJwk),
}

/// A private RSA or Ed25519 key, for one algorithm. Whether its numbers belong together is for the backend to say.
#[derive(Debug)]
pub struct PrivateJwk {
    jwk: Secret<String>,
    algorithm: Algorithm,
    thumbprint: String,
}

impl PrivateJwk {
    /// The members that make the key, and no others: for a [`Signing`], nothing else.
    #[must_use]
    pub const fn jwk(&self) -> &Secret<String> {
        &self.jwk
    }

    /// RS256, PS256 or EdDSA.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The SHA-256 thumbprint (RFC 7638) of its public half, in base64url.
    #[must_use]
    pub fn thumbprint(&self) -> &str {
        &self.thumbprint
    }
}

impl AssertionKey {
    /// The algorithms that assertions are signed with.
    pub const ALGORITHMS: [Algorithm; 4] = [Algorithm::Es256, Algorithm::Rs256, Algorithm::Ps256, Algorithm::EdDsa];

    /// Takes a private JWK (RFC 7517). Without a `kid` its thumbprint is its name; with a certificate (`x5t#S256`, or
    /// `x5c`) and without a `kid` the certificate's hash alone.
    ///
    /// # Errors
    /// When it is no key for this algorithm, or not for signing.
    pub fn from_jwk(jwk: &Secret<String>, algorithm: Algorithm) -> Result<Self, SignerError> {
        let members = json::parse_object(jwk.expose().as_bytes(), MAX_JWK_BYTES).map_err(SignerError::Json)?;
        let (material, public) = match algorithm {
            Algorithm::Es256 => {
                let signer = Es256Signer::from_jwk(jwk)?;
                let public = signer.public().clone();
                (PrivateMaterial::P256(Box::new(signer)), public)
            }
            Algorithm::Rs256 | Algorithm::Ps256 => {
                private(&members, algorithm, (&["kty", "n", "e"], &RSA_MEMBERS)).ok_or(SignerError::NotRsa)?
            }
            Algorithm::EdDsa => {
                private(&members, algorithm, (&["kty", "crv", "x"], &OKP_MEMBERS)).ok_or(SignerError::NotEd25519)?
            }
            _ => return Err(SignerError::NotForSigning),
        };
        if !is_for_signing(&members, algorithm) {
            return Err(SignerError::NotForSigning);
        }
        let certificate = certificate(&members)?;
        let kid = match said(&members, "kid") {
            Some(Value::String(kid)) if kid.len() <= MAX_KID_BYTES => Some(kid.clone()),
            Some(_) => return Err(SignerError::NotForSigning),
            None => Some(public.thumbprint().to_owned()).filter(|_| certificate.is_none()),
        };
        Ok(Self { material, public, kid, certificate })
    }

    /// A private key as its owner has it → its JWK: a JWK as it is, or PKCS #8 in PEM, which knows no name. Ed25519 is taken as
    /// a JWK alone, for its PEM mostly lacks the public half.
    ///
    /// # Errors
    /// When it is no key for this algorithm, or not for signing.
    pub fn jwk_of(text: &Secret<String>, algorithm: Algorithm) -> Result<Secret<String>, SignerError> {
        let jwk = match algorithm {
            _ if !pkcs8::is_pem(text.expose()) => text.clone(),
            Algorithm::Es256 => Es256Signer::from_pkcs8(text)?.unnamed_jwk(),
            Algorithm::Rs256 | Algorithm::Ps256 => rsa_jwk(text)?,
            _ => return Err(SignerError::NotEd25519),
        };
        Self::from_jwk(&jwk, algorithm).map(|_| jwk)
    }

    /// A new private key as a JWK, called by its thumbprint: for ES256 or EdDSA. `None` for other algorithms.
    #[must_use]
    pub fn generate(algorithm: Algorithm, fill: impl Fn(&mut [u8])) -> Option<Secret<String>> {
        let seed = || {
            let mut seed = [0; 32];
            fill(&mut seed);
            Secret::new(seed)
        };
        match algorithm {
            // All but some in 2³² are scalars.
            Algorithm::Es256 => {
                (0..8).find_map(|_| Es256Signer::from_scalar(&seed())).map(|signer| signer.private_jwk())
            }
            Algorithm::EdDsa => {
                let seed = seed();
                let public = ed25519_dalek::SigningKey::from_bytes(seed.expose()).verifying_key();
                let (x, d) = (encode(public.as_bytes()), encode(seed.expose()));
                let jwk = Secret::new(json!({ "kty": "OKP", "crv": "Ed25519", "x": x, "d": d }).to_string());
                let kid = Self::from_jwk(&jwk, algorithm).ok()?.kid?;
                let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": x, "d": d, "kid": kid, "alg": "EdDSA" });
                Some(Secret::new(jwk.to_string()))
            }
            _ => None,
        }
    }

    /// The SHA-256 thumbprint (RFC 7638) of its public half, in base64url.
    #[must_use]
    pub fn thumbprint(&self) -> &str {
        self.public.thumbprint()
    }

    /// Its name in the header, unless a certificate names it.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The public half, for others to verify by: with its name, its use and the algorithm.
    #[must_use]
    pub fn public_jwk(&self) -> Value {
        let members = self.public.members().into_iter().map(|(name, value)| (name.to_owned(), value.into()));
        let mut jwk: Map<String, Value> = json::object(members);
        let kid = self.kid.as_deref().unwrap_or_else(|| self.public.thumbprint());
        for (name, value) in [("kid", kid), ("use", "sig"), ("alg", self.algorithm().name())] {
            jwk.insert(name.to_owned(), value.into());
        }
        if let Some(certificate) = &self.certificate {
            jwk.insert("x5t#S256".to_owned(), certificate.as_str().into());
        }
        Value::Object(jwk)
    }

    const fn algorithm(&self) -> Algorithm {
        match &self.material {
            PrivateMaterial::P256(_) => Algorithm::Es256,
            PrivateMaterial::Jwk(key) => key.algorithm,
        }
    }

    /// The compact JWS over `claims`, with this `typ`. `None` when the backend fails.
    pub async fn sign(&self, typ: &str, claims: &Map<String, Value>, backend: &impl Signing) -> Option<Secret<String>> {
        let header = encode(self.header(typ).to_string().as_bytes());
        let input = format!("{header}.{}", encode(Value::from(claims.clone()).to_string().as_bytes()));
        let signature = self.signature(input.as_bytes(), backend).await?;
        Some(Secret::new(format!("{input}.{}", encode(&signature))))
    }

    /// The signature alone, over any message. `None` when the backend fails.
    pub async fn signature(&self, message: &[u8], backend: &impl Signing) -> Option<Vec<u8>> {
        match &self.material {
            PrivateMaterial::P256(signer) => Some(signer.signature(message)),
            PrivateMaterial::Jwk(key) => backend.sign_by_jwk(key, message).await,
        }
    }

    fn header(&self, typ: &str) -> Value {
        let mut header = json!({ "alg": self.algorithm().name(), "typ": typ });
        for (name, value) in [("kid", &self.kid), ("x5t#S256", &self.certificate)] {
            if let (Some(value), Some(members)) = (value, header.as_object_mut()) {
                members.insert(name.to_owned(), value.as_str().into());
            }
        }
        header
    }
}

/// The key of a JWK that has all of these members, and its public half.
fn private(
    members: &Map<String, Value>,
    algorithm: Algorithm,
    (public, all): (&[&str], &[&str]),
) -> Option<(PrivateMaterial, PublicKey)> {
    let only = |names: &[&str]| {
        json::object(names.iter().filter_map(|name| Some(((*name).to_owned(), members.get(*name)?.clone()))))
    };
    let public_key = PublicKey::from_jwk(&only(public)).filter(|key| key.suits(algorithm))?;
    let is_number = |name: &&&str| {
        let text = said(members, name).and_then(Value::as_str);
        text.is_some_and(|value| Base64UrlUnpadded::decode_vec(value).is_ok())
    };
    let private_members = all.iter().filter(|name| !public.contains(name));
    if !private_members.clone().all(|name| is_number(&name)) || said(members, "oth").is_some() {
        return None;
    }
    let key = PrivateJwk {
        jwk: Secret::new(Value::Object(only(all)).to_string()),
        algorithm,
        thumbprint: public_key.thumbprint().to_owned(),
    };
    Some((PrivateMaterial::Jwk(key), public_key))
}

/// The members that make a private RSA key, as a JWK, and its public half.
pub(super) fn rsa_members(members: &Map<String, Value>) -> Option<(Secret<String>, PublicKey)> {
    match private(members, Algorithm::Rs256, (&["kty", "n", "e"], &RSA_MEMBERS))? {
        (PrivateMaterial::Jwk(key), public) => Some((key.jwk, public)),
        (PrivateMaterial::P256(_), _) => None,
    }
}

fn rsa_jwk(pem: &Secret<String>) -> Result<Secret<String>, SignerError> {
    let numbers = pkcs8::rsa(pem.expose()).ok_or(SignerError::NotRsa)?;
    let members = numbers.iter().map(|(name, number)| ((*name).to_owned(), number.expose().as_str().into()));
    let kind = std::iter::once(("kty".to_owned(), "RSA".into()));
    Ok(Secret::new(Value::Object(json::object(kind.chain(members))).to_string()))
}

///
fn is_for_signing(members: &Map<String, Value>, algorithm: Algorithm) -> bool {
    let is = |name: &str, value: &str| said(members, name).is_none_or(|found| found == value);
    is("alg", algorithm.name()) && is("use", "sig") && operations_allow_signing(members)
}

/// The SHA-256 of the certificate that the JWK names (RFC 7517 §4.9), or brings along (§4.7).
fn certificate(members: &Map<String, Value>) -> Result<Option<String>, SignerError> {
    if let Some(hash) = said(members, "x5t#S256") {
        let text = hash.as_str().ok_or(SignerError::NotForSigning)?;
        let is_hash = Base64UrlUnpadded::decode_vec(text).is_ok_and(|bytes| bytes.len() == 32);
        return if is_hash { Ok(Some(text.to_owned())) } else { Err(SignerError::NotForSigning) };
    }
    let Some(chain) = said(members, "x5c") else { return Ok(None) };
    let first = chain.as_array().and_then(|chain| chain.first()).and_then(Value::as_str);
    let der = first.and_then(|text| Base64::decode_vec(text).ok()).ok_or(SignerError::NotForSigning)?;
    Ok(Some(encode(&Hash::Sha256.digest(&der))))
}

fn encode(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
}

#[cfg(test)]
mod tests;
