//! Signatures without WebCrypto: natively, and in wasm where there is none.
//!
//! The mathematics is that of `jwt-compact` (over `rsa` and `p256`), `p384`, `p521` and `ed25519-dalek`. What is added here is
//! strictness those leave to the caller: both backends must give the same verdict on every vector.

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes128Gcm, Aes256Gcm, KeyInit};
use base64ct::{Base64UrlUnpadded, Encoding};
use jwt_compact::alg::{Es256, Rsa};
use jwt_compact::{Algorithm as _, AlgorithmSignature};
use p384::ecdsa::signature::{Signer, Verifier};
use sha2::{Digest, Sha256};

use crate::jose::algorithm::Algorithm;
use crate::jose::assertion_key::PrivateJwk;
use crate::jose::decryption_key::DecryptionKey;
use crate::jose::jwe::{ContentEncryption, Decryption, KeyManagement, SealedContent};
use crate::jose::jwk::{Material, PublicKey};
use crate::jose::sign::Es256Signer;
use crate::jose::sign::{Signatures, Signing};
use crate::secret::Secret;

const MAX_RSA_BITS: usize = 8192;

/// The backend in pure Rust.
#[derive(Clone, Copy, Debug, Default)]
pub struct Portable;

impl Signatures for Portable {
    async fn verify(&self, key: &PublicKey, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        key.may_have_made(signature) && verify(key, algorithm, message, signature).unwrap_or(false)
    }
}

impl Signing for Portable {
    async fn sign(&self, key: &Es256Signer, message: &[u8]) -> Option<Vec<u8>> {
        Some(key.signature(message))
    }

    async fn sign_by_jwk(&self, key: &PrivateJwk, message: &[u8]) -> Option<Vec<u8>> {
        if key.algorithm() == Algorithm::EdDsa {
            return Some(ed25519_key(key.jwk().expose())?.sign(message).to_bytes().to_vec());
        }
        let private = rsa_private_key(key.jwk().expose())?;
        let signature = rsa_scheme(key.algorithm())?.sign(&private, message);
        Some(signature.as_bytes().into_owned())
    }
}

impl Decryption for Portable {
    async fn decrypt(&self, key: &DecryptionKey, sealed: &SealedContent) -> Option<Secret<Vec<u8>>> {
        let content_key = content_key(key, sealed).filter(|key| key.expose().len() == sealed.enc.key_bytes())?;
        let payload = Payload { msg: &sealed.ciphertext, aad: sealed.aad.as_bytes() };
        let nonce = aes_gcm::Nonce::from_slice(&sealed.iv);
        let plain = match sealed.enc {
            ContentEncryption::A128Gcm => Aes128Gcm::new_from_slice(content_key.expose()).ok()?.decrypt(nonce, payload),
            ContentEncryption::A256Gcm => Aes256Gcm::new_from_slice(content_key.expose()).ok()?.decrypt(nonce, payload),
        };
        plain.ok().map(Secret::new)
    }
}

fn content_key(key: &DecryptionKey, sealed: &SealedContent) -> Option<Secret<Vec<u8>>> {
    let padding = match sealed.alg {
        KeyManagement::RsaOaep256 => Some(rsa::Oaep::new::<Sha256>()),
        KeyManagement::RsaOaepSha1 => Some(rsa::Oaep::new::<sha1::Sha1>()),
        KeyManagement::EcdhEs | KeyManagement::EcdhEsA256Kw => None,
    };
    if let Some(padding) = padding {
        let private = rsa_private_key(key.jwk().expose())?;
        return private.decrypt(padding, &sealed.encrypted_key).ok().map(Secret::new);
    }
    let private = p256::SecretKey::from_jwk_str(key.jwk().expose()).ok()?;
    let Material::P256 { x, y } = sealed.ephemeral.as_ref()?.material() else { return None };
    let point = p256::EncodedPoint::from_affine_coordinates(x.into(), y.into(), false);
    let public = p256::PublicKey::from_sec1_bytes(point.as_bytes()).ok()?;
    let agreed = p256::ecdh::diffie_hellman(private.to_nonzero_scalar(), public.as_affine());
    // RFC 7518 §4.6.2: one round of the Concat KDF is enough for every key.
    let digest = Sha256::new()
        .chain_update([0, 0, 0, 1])
        .chain_update(agreed.raw_secret_bytes())
        .chain_update(&sealed.other_info)
        .finalize();
    if sealed.alg == KeyManagement::EcdhEs {
        return digest.get(..sealed.enc.key_bytes()).map(|key| Secret::new(key.to_vec()));
    }
    let mut unwrapped = vec![0; sealed.enc.key_bytes()];
    aes_kw::KekAes256::from(<[u8; 32]>::from(digest)).unwrap(&sealed.encrypted_key, &mut unwrapped).ok()?;
    Some(Secret::new(unwrapped))
}

fn ed25519_key(jwk: &str) -> Option<ed25519_dalek::SigningKey> {
    let members: serde_json::Map<String, serde_json::Value> = serde_json::from_str(jwk).ok()?;
    let octets = |name: &str| Base64UrlUnpadded::decode_vec(members.get(name)?.as_str()?).ok()?.try_into().ok();
    let key = ed25519_dalek::SigningKey::from_bytes(&octets("d")?);
    // Halves that do not belong together sign nothing.
    octets("x").filter(|x: &[u8; 32]| key.verifying_key().as_bytes() == x).map(|_| key)
}

fn rsa_private_key(jwk: &str) -> Option<rsa::RsaPrivateKey> {
    let members: serde_json::Map<String, serde_json::Value> = serde_json::from_str(jwk).ok()?;
    let number = |name: &str| {
        let bytes = Base64UrlUnpadded::decode_vec(members.get(name)?.as_str()?).ok()?;
        Some(rsa::BigUint::from_bytes_be(&bytes))
    };
    let primes = vec![number("p")?, number("q")?];
    let key = rsa::RsaPrivateKey::from_components(number("n")?, number("e")?, number("d")?, primes).ok()?;
    key.validate().ok().map(|()| key)
}

/// `None` when key, algorithm and signature do not go together at all.
fn verify(key: &PublicKey, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> Option<bool> {
    match (key.material(), rsa_scheme(algorithm)) {
        (Material::Rsa { n, e }, Some(scheme)) => verify_rsa(&scheme, n.as_slice(), e.as_slice(), message, signature),
        (Material::P256 { x, y }, None) if algorithm == Algorithm::Es256 => {
            let point = p256::EncodedPoint::from_affine_coordinates(x.into(), y.into(), false);
            let key = p256::ecdsa::VerifyingKey::from_encoded_point(&point).ok()?;
            // Exactly 64 bytes, r and s in [1, n-1].
            let signature = p256::ecdsa::Signature::from_slice(signature).ok()?;
            Some(Es256.verify_signature(&signature, &key, message))
        }
        (Material::P384 { x, y }, None) if algorithm == Algorithm::Es384 => {
            let point = p384::EncodedPoint::from_affine_coordinates(x.into(), y.into(), false);
            let key = p384::ecdsa::VerifyingKey::from_encoded_point(&point).ok()?;
            let signature = p384::ecdsa::Signature::from_slice(signature).ok()?;
            Some(key.verify(message, &signature).is_ok())
        }
        (Material::P521 { x, y }, None) if algorithm == Algorithm::Es512 => {
            let point = p521::EncodedPoint::from_affine_coordinates(
                p521::FieldBytes::from_slice(x),
                p521::FieldBytes::from_slice(y),
                false,
            );
            let key = p521::ecdsa::VerifyingKey::from_encoded_point(&point).ok()?;
            let signature = p521::ecdsa::Signature::from_slice(signature).ok()?;
            Some(key.verify(message, &signature).is_ok())
        }
        (Material::Ed25519 { x }, None) if algorithm == Algorithm::EdDsa => {
            let key = ed25519_dalek::VerifyingKey::from_bytes(x).ok()?;
            let signature = ed25519_dalek::Signature::from_slice(signature).ok()?;
            Some(key.verify_strict(message, &signature).is_ok())
        }
        _ => None,
    }
}

const fn rsa_scheme(algorithm: Algorithm) -> Option<Rsa> {
    Some(match algorithm {
        Algorithm::Rs256 => Rsa::rs256(),
        Algorithm::Rs384 => Rsa::rs384(),
        Algorithm::Rs512 => Rsa::rs512(),
        Algorithm::Ps256 => Rsa::ps256(),
        Algorithm::Ps384 => Rsa::ps384(),
        Algorithm::Ps512 => Rsa::ps512(),
        Algorithm::Es256 | Algorithm::Es384 | Algorithm::Es512 | Algorithm::EdDsa => return None,
    })
}

fn verify_rsa(scheme: &Rsa, n: &[u8], e: &[u8], message: &[u8], signature: &[u8]) -> Option<bool> {
    let number = rsa::BigUint::from_bytes_be;
    let key = rsa::RsaPublicKey::new_with_max_size(number(n), number(e), MAX_RSA_BITS).ok()?;
    let signature = <Rsa as jwt_compact::Algorithm>::Signature::try_from_slice(signature).ok()?;
    Some(scheme.verify_signature(&signature, &key, message))
}
