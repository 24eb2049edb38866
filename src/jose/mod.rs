//! Bytes from others → verified claims (JWS, JWK, JWT: RFC 7515, 7517, 7518, 7519, 8725).

/// A signature algorithm Postern verifies (RFC 7518 §3, RFC 8037, RFC 9864). `none` and HMAC have no value here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// Ed25519 (`EdDSA`, or `Ed25519` by RFC 9864).
    EdDsa,
}

/// A public key out of a provider's key set.
#[derive(Clone, Debug)]
pub struct PublicKey;
