//! SAML 2.0 as a service provider: what we ask of the SAML Worker, which reads the messages, and what follows from its answers.
//!
//! No XML is read here, and no signature on it verified: a Worker of its own does that, without secrets, stores or routes
//! (`crates/saml-worker`). What it answers is plain, and held here against what has state: our request, replays, the session.

pub mod assertion;
pub mod encrypted;
pub mod error;
pub mod name;
pub mod redirect;
pub mod saml_worker;
