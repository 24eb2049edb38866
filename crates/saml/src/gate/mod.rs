//! The gate: XML text → a [`Document`] that has one meaning, or a refusal with its reason.
//!
//! It stands in front of the library that verifies signatures. [`tree`] takes only the plain part of XML, in which two
//! parsers cannot disagree; [`shape`] then takes only messages with one assertion and with signatures that cover the element
//! they stand in. Nothing that is told of a person is read here.

mod shape;
mod signature;
mod text;
mod tree;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::refusal::{Code, Refusal};

pub use shape::{Content, Kind};
pub use tree::Element;

/// No message, and no metadata, is longer.
pub const MAX_BYTES: usize = 256 * 1024;
/// Elements are nested no deeper.
pub const MAX_DEPTH: usize = 32;
/// There are no more attributes, declarations of namespaces included.
pub const MAX_ATTRIBUTES: usize = 4096;
/// One element has no more attributes, declarations of namespaces included.
pub const MAX_ATTRIBUTES_EACH: usize = 64;

/// There are no more elements.
pub const MAX_ELEMENTS: usize = 8192;
/// No element has more declarations of namespaces in its scope: canonicalisation goes through them for each.
pub const MAX_NAMESPACES: usize = 32;
/// Nor have all elements together, each with those in its scope: a quarter of what the limits of both would come to.
pub const MAX_SCOPES: usize = 65_536;
/// No signature keeps more prefixes, for the same reason.
pub const MAX_PREFIXES: usize = 32;
/// No signature has more certificates beside it: the library may try each.
pub const MAX_CERTIFICATES: usize = 4;

/// The namespace of messages.
pub const PROTOCOL: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
/// The namespace of assertions.
pub const ASSERTION: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
/// The namespace of metadata.
pub const METADATA: &str = "urn:oasis:names:tc:SAML:2.0:metadata";
/// The namespace of signatures.
pub const SIGNATURE: &str = "http://www.w3.org/2000/09/xmldsig#";
/// The namespace of encryption.
pub const ENCRYPTION: &str = "http://www.w3.org/2001/04/xmlenc#";

/// XML that has one meaning.
#[derive(Clone, Debug)]
pub struct Document {
    /// The text: UTF-8, with line breaks as XML has them.
    pub text: String,
    /// Its root.
    pub root: Element,
    /// What is in it.
    pub content: Content,
}

/// Lets a document of this kind pass.
///
/// # Errors
/// When it is not such a document, or two parsers could understand it differently.
pub fn pass(bytes: &[u8], kind: Kind) -> Result<Document, Refusal> {
    let text = text::plain(bytes)?;
    let root = tree::parse(&text, kind)?;
    let content = shape::check(&root, kind)?;
    Ok(Document { text, root, content })
}

/// Base64 as it comes in forms and in XML: with spaces and line breaks.
///
/// # Errors
/// When it is too long, or not valid Base64.
pub fn base64(text: &str, limit: usize) -> Result<Vec<u8>, Refusal> {
    let letters: Vec<u8> = text.bytes().filter(|byte| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n')).collect();
    if letters.len() / 4 > limit / 3 + 1 {
        return Err(Code::Size.into());
    }
    STANDARD.decode(letters).map_err(|_| Code::Base64.into())
}

/// The contents of a compressed message.
///
/// # Errors
/// When it cannot be unpacked, or is too large.
pub fn inflate(bytes: &[u8]) -> Result<Vec<u8>, Refusal> {
    miniz_oxide::inflate::decompress_to_vec_with_limit(bytes, MAX_BYTES).map_err(|_| Code::Inflate.into())
}
