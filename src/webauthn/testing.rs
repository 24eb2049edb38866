//! The authenticator that the tests of whole requests have, too.

#![expect(dead_code, unreachable_pub, clippy::unwrap_used, reason = "shared with the tests of whole requests")]

#[path = "../../tests/support/authenticator.rs"]
mod authenticator;

pub(crate) use authenticator::*;
