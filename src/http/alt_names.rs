//! A certificate (RFC 5280) → the names in its `subjectAltName`, and nothing else of it.
//!
//! The platform has verified the certificate and tells its own reading of it, but not these names. So no more is read than
//! leads to them: DER (X.690 §10) has one spelling for each value, and any other is refused. The crates for ASN.1 would
//! read all of a certificate, and are as large as the whole of signing.

use base64ct::{Base64, Encoding};

/// The platform leaves out what is larger.
pub const MAX_BYTES: usize = 10 * 1024;
/// More names than anybody compares.
const MAX_NAMES: usize = 256;

const BOOLEAN: u8 = 0x01;
const OCTETS: u8 = 0x04;
const OBJECT_ID: u8 = 0x06;
const SEQUENCE: u8 = 0x30;
/// `version [0]`, where it is said.
const VERSION: u8 = 0xa0;
/// `extensions [3]`, the last of what is signed.
const EXTENSIONS: u8 = 0xa3;
/// 2.5.29.17, `id-ce-subjectAltName` (RFC 5280 §4.2.1.6).
const SUBJECT_ALT_NAME: [u8; 3] = [0x55, 0x1d, 0x11];

/// A name of a kind that is compared; the others are passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AltNameKind {
    /// `rfc822Name`
    Email,
    /// `dNSName`
    Dns,
    /// `uniformResourceIdentifier`
    Uri,
}

impl AltNameKind {
    /// Every kind, by its word in the configuration.
    pub const NAMES: [(&str, Self); 3] = [("dns", Self::Dns), ("uri", Self::Uri), ("email", Self::Email)];

    /// Its word in the configuration.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Uri => "uri",
            Self::Email => "email",
        }
    }

    /// The kind with this tag (RFC 5280 §4.2.1.6).
    const fn of(tag: u8) -> Option<Self> {
        match tag {
            0x81 => Some(Self::Email),
            0x82 => Some(Self::Dns),
            0x86 => Some(Self::Uri),
            _ => None,
        }
    }
}

/// The certificate's DER, from the form of the header `Client-Cert` (RFC 9440 §2.1): Base64 between two colons.
#[must_use]
pub fn der(encoded: &str) -> Option<Vec<u8>> {
    let body = encoded.strip_prefix(':')?.strip_suffix(':')?;
    if body.is_empty() || body.len() > MAX_BYTES.div_ceil(3) * 4 {
        return None;
    }
    Base64::decode_vec(body).ok()
}

/// The names in a certificate's `subjectAltName`; none where it has no such extension. `None` when it is no certificate
/// in DER, has the extension twice, or a name there is not plain ASCII.
#[must_use]
pub fn alt_names(der: &[u8]) -> Option<Vec<(AltNameKind, &str)>> {
    if der.len() > MAX_BYTES {
        return None;
    }
    let mut outer = Der(der);
    let mut certificate = Der(outer.take(SEQUENCE)?);
    let mut signed = Der(certificate.take(SEQUENCE)?);
    // The signature and its algorithm; nothing follows.
    certificate.any()?;
    certificate.any()?;
    if !outer.is_empty() || !certificate.is_empty() {
        return None;
    }
    let mut found = None;
    let mut extensions = Der(extensions(&mut signed)?);
    while !extensions.is_empty() {
        let mut extension = Der(extensions.take(SEQUENCE)?);
        let id = extension.take(OBJECT_ID)?;
        if extension.next_is(BOOLEAN) {
            extension.any()?;
        }
        let value = extension.take(OCTETS)?;
        if !extension.is_empty() {
            return None;
        }
        if id == SUBJECT_ALT_NAME && found.replace(value).is_some() {
            return None;
        }
    }
    found.map_or(Some(Vec::new()), names)
}

/// The list of extensions; empty where there is none.
fn extensions<'a>(signed: &mut Der<'a>) -> Option<&'a [u8]> {
    if signed.next_is(VERSION) {
        signed.any()?;
    }
    // serialNumber, signature, issuer, validity, subject, subjectPublicKeyInfo.
    for _ in 0..6 {
        signed.any()?;
    }
    while !signed.is_empty() {
        let (tag, value) = signed.any()?;
        if tag == EXTENSIONS {
            let mut list = Der(value);
            let all = list.take(SEQUENCE)?;
            return (list.is_empty() && signed.is_empty()).then_some(all);
        }
    }
    Some(&[])
}

fn names(value: &[u8]) -> Option<Vec<(AltNameKind, &str)>> {
    let mut outer = Der(value);
    let mut list = Der(outer.take(SEQUENCE)?);
    let mut all = Vec::new();
    while !list.is_empty() {
        let (tag, value) = list.any()?;
        if let Some(kind) = AltNameKind::of(tag) {
            let text = str::from_utf8(value).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_graphic()))?;
            all.push((kind, text));
        }
    }
    (outer.is_empty() && all.len() <= MAX_NAMES).then_some(all)
}

/// What is left to read, value by value.
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn next_is(&self, tag: u8) -> bool {
        self.0.first() == Some(&tag)
    }

    /// The next value, which has this tag.
    fn take(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.any().filter(|(found, _)| *found == tag).map(|(_, value)| value)
    }

    /// The next value with its tag. Its length is in the fewest bytes, and no tag here has more than one (X.690 §10.1).
    fn any(&mut self) -> Option<(u8, &'a [u8])> {
        let (tag, rest) = self.0.split_first()?;
        if tag & 0x1f == 0x1f {
            return None;
        }
        let (first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(*first), rest),
            0x81 => {
                let (one, rest) = rest.split_first()?;
                (usize::from(*one), rest)
            }
            0x82 => {
                let (two, rest) = rest.split_first_chunk::<2>()?;
                (usize::from(u16::from_be_bytes(*two)), rest)
            }
            _ => return None,
        };
        let least = match first {
            0x81 => 0x80,
            0x82 => 0x100,
            _ => 0,
        };
        let (value, rest) = rest.split_at_checked(length).filter(|_| length >= least)?;
        self.0 = rest;
        Some((*tag, value))
    }
}

#[cfg(test)]
mod tests;
