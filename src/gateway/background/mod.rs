//! Fetching, apart from requests: what a request finds wanting is fetched beside it, and outlives it.

pub(super) mod event;
mod token_refresh;
pub(super) mod wait;

use super::issuer_documents::document::{Ask, Published};
use super::{Gateway, Platform};

/// Something to be fetched. Only the gateway makes one, and [`Gateway::run`] runs it.
#[derive(Debug)]
pub struct Errand(pub(super) Wanted);

/// What is to be fetched.
#[derive(Debug)]
pub(super) enum Wanted {
    /// A document of an issuer's.
    Document(Published, Ask),
    /// The policies that are published now.
    Policies,
}

/// Has work done that does not end with the request at hand, even when its client goes away.
///
/// An attacker who hangs up as soon as a fetch begins could otherwise end every one of them.
pub trait Errands {
    /// Has [`Gateway::run`] called with `errand`, now, without waiting for it.
    fn start(&self, errand: Errand);
}

impl Gateway {
    /// Runs what [`Errands::start`] was given. Writes an event when what is fetched changed, or could not be had.
    pub async fn run<P: Platform>(&self, platform: &P, errand: Errand) {
        match errand.0 {
            Wanted::Document(published, ask) => self.fetch_document(platform, published, ask).await,
            Wanted::Policies => self.pull_policies(platform).await,
        }
    }
}
