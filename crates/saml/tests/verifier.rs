//! What the SAML verifier says to responses, logout messages and metadata: good ones, and each way of bending them.
//!
//! The messages are written here as canonical text, so no library of XML takes part in signing them.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::string_slice,
    reason = "a test stops where it meets what it did not expect"
)]

mod verifier {
    mod documented;
    mod encrypted;
    mod fixtures;
    mod gate;
    mod idp;
    mod logout;
    mod made;
    mod metadata;
    mod sign_in;
    mod signatures;
    mod wrapping;
}
