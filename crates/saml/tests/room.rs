//! What the room says to responses, logout messages and metadata: good ones, and each way of bending them.
//!
//! The messages are written here as canonical text, so no library of XML takes part in signing them.

mod room {
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
