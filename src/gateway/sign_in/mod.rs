//! Signing in: from the link to the provider and back.

pub(super) mod callback;
pub(in crate::gateway) mod chooser;
mod concurrent_logins;
pub(super) mod continue_pages;
pub(super) mod link;
pub(super) mod login;
mod person;
mod pushed;
mod signed_response;
mod userinfo;
