//! A private key that its owner registered with an authorization server, and the assertions made with it
//! (`private_key_jwt`, RFC 7523 §2.2): ES256, RS256 or PS256.

use base64ct::{Base64, Base64UrlUnpadded, Encoding};
use serde_json::{Map, Value, json};

use crate::jose::algorithm::{Algorithm, Hash};
use crate::jose::jwk::{MAX_KID_BYTES, PublicKey};
use crate::jose::sign::{Es256Signer, SignerError, Signing, operations_allow_signing};
use crate::json::{self, said};
use crate::secret::Secret;

/// An RSA key of 4096 bits has some 3,200 characters as a JWK, a certificate beside it some 2,500.
const MAX_JWK_BYTES: usize = 16 * 1024;
/// The members that make a private RSA key (RFC 7518 §6.3): all of them, for a runtime works out none.
const RSA_MEMBERS: [&str; 9] = ["kty", "n", "e", "d", "p", "q", "dp", "dq", "qi"];

/// A private key for assertions by which a client proves itself, for one algorithm.
#[derive(Debug)]
pub struct AssertionKey {
    material: PrivateMaterial,
    /// Its name in the header, unless a certificate names it.
    kid: Option<String>,
    /// `x5t#S256` (RFC 7515 §4.1.8): the SHA-256 of its certificate, for servers that know keys by certificates.
    certificate: Option<String>,
}

#[derive(Debug)]
enum PrivateMaterial {
    P256(Box<Es256Signer>),
    Rsa(RsaPrivateJwk),
}

/// A private RSA key, for one algorithm. Whether its numbers belong together is for the backend to say.
#[derive(Debug)]
pub struct RsaPrivateJwk {
    jwk: Secret<String>,
    algorithm: Algorithm,
    thumbprint: String,
}

impl RsaPrivateJwk {
    /// The members that make the key, and no others: for a [`Signing`], nothing else.
    #[must_use]
    pub const fn jwk(&self) -> &Secret<String> {
        &self.jwk
    }

    /// RS256 or PS256.
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
    pub const ALGORITHMS: [Algorithm; 3] = [Algorithm::Es256, Algorithm::Rs256, Algorithm::Ps256];

    /// Takes a private JWK (RFC 7517). Without a `kid` its thumbprint is its name; with a certificate (`x5t#S256`, or
    /// `x5c`) and without a `kid` the certificate's hash alone.
    ///
    /// # Errors
    /// When it is no key for this algorithm, or not for signing.
    pub fn from_jwk(jwk: &Secret<String>, algorithm: Algorithm) -> Result<Self, SignerError> {
        let members = json::parse_object(jwk.expose().as_bytes(), MAX_JWK_BYTES).map_err(SignerError::Json)?;
        let (material, thumbprint) = match algorithm {
            Algorithm::Es256 => {
                let signer = Es256Signer::from_jwk(jwk)?;
                let thumbprint = signer.public().thumbprint().to_owned();
                (PrivateMaterial::P256(Box::new(signer)), thumbprint)
            }
            Algorithm::Rs256 | Algorithm::Ps256 => {
                let key = rsa(&members, algorithm)?;
                let thumbprint = key.thumbprint.clone();
                (PrivateMaterial::Rsa(key), thumbprint)
            }
            _ => return Err(SignerError::NotForSigning),
        };
        let certificate = certificate(&members)?;
        let kid = match said(&members, "kid") {
            Some(Value::String(kid)) if kid.len() <= MAX_KID_BYTES => Some(kid.clone()),
            Some(_) => return Err(SignerError::NotForSigning),
            None => Some(thumbprint).filter(|_| certificate.is_none()),
        };
        Ok(Self { material, kid, certificate })
    }

    /// The compact JWS over `claims`. `None` when the backend fails.
    pub async fn sign(&self, claims: &Map<String, Value>, backend: &impl Signing) -> Option<Secret<String>> {
        let header = encode(self.header().to_string().as_bytes());
        let input = format!("{header}.{}", encode(Value::from(claims.clone()).to_string().as_bytes()));
        let signature = match &self.material {
            PrivateMaterial::P256(signer) => signer.signature(input.as_bytes()),
            PrivateMaterial::Rsa(key) => backend.sign_rsa(key, input.as_bytes()).await?,
        };
        Some(Secret::new(format!("{input}.{}", encode(&signature))))
    }

    fn header(&self) -> Value {
        let algorithm = match &self.material {
            PrivateMaterial::P256(_) => Algorithm::Es256,
            PrivateMaterial::Rsa(key) => key.algorithm,
        };
        let mut header = json!({ "alg": algorithm.name(), "typ": "JWT" });
        for (name, value) in [("kid", &self.kid), ("x5t#S256", &self.certificate)] {
            if let (Some(value), Some(members)) = (value, header.as_object_mut()) {
                members.insert(name.to_owned(), value.as_str().into());
            }
        }
        header
    }
}

fn rsa(members: &Map<String, Value>, algorithm: Algorithm) -> Result<RsaPrivateJwk, SignerError> {
    let text = |name: &str| said(members, name).and_then(Value::as_str);
    let is_number = |name: &&str| text(name).is_some_and(|value| Base64UrlUnpadded::decode_vec(value).is_ok());
    let only = |names: &[&str]| {
        json::object(names.iter().filter_map(|name| Some(((*name).to_owned(), members.get(*name)?.clone()))))
    };
    let public = only(&["kty", "n", "e"]);
    let public = PublicKey::from_jwk(&public).filter(|key| key.suits(algorithm)).ok_or(SignerError::NotRsa)?;
    if !RSA_MEMBERS.iter().skip(1).all(is_number) || said(members, "oth").is_some() {
        return Err(SignerError::NotRsa);
    }
    let is = |name: &str, value: &str| said(members, name).is_none_or(|found| found == value);
    if !is("alg", algorithm.name()) || !is("use", "sig") || !operations_allow_signing(members) {
        return Err(SignerError::NotForSigning);
    }
    Ok(RsaPrivateJwk {
        jwk: Secret::new(Value::Object(only(&RSA_MEMBERS)).to_string()),
        algorithm,
        thumbprint: public.thumbprint().to_owned(),
    })
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
