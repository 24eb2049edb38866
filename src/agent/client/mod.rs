//! Programs that ask for grants: what they are called, what they publish about themselves, and where they may be answered
//! (OAuth Client ID Metadata Document).

pub mod assertion;
pub mod document;
pub mod id;
pub mod redirect;
pub mod registration;

pub use document::{ClientDocument, ClientKeys, DocumentError};
pub use id::ClientId;
pub use redirect::{RedirectError, RedirectKind, RedirectUri};
