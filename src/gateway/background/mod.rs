//! Work in the background: what a request finds missing is fetched beside it, and goes on when the request has ended.

pub(super) mod event;
mod factor_notice;
mod key_standing;
mod service_token;
mod token_refresh;
pub(super) mod wait;

use super::issuer_documents::document::{Ask, Published};
use super::{Gateway, Platform, cold};
use crate::api_key::KeyCommand;
use crate::session::Revocation;

/// Something to be fetched, or told. Only the gateway makes one, and [`Gateway::run`] runs it.
#[derive(Debug)]
pub struct BackgroundTask(pub(super) Work);

/// What is to be fetched.
#[derive(Debug)]
pub(super) enum Work {
    /// A document of an issuer's.
    Document(Published, Ask),
    /// The policies that are published now.
    Policies,
    /// Nothing: the provider is to forget a token.
    Revoke(Revocation),
    /// Nothing: the use of a key is to be noted.
    KeyUse(KeyCommand),
    /// Nothing: a service is to be told what became of somebody's factors, by these claims.
    FactorNotice(String),
}

/// Has work done that does not end with the request at hand, even when its client goes away.
///
/// An attacker who hangs up as soon as a fetch begins could otherwise end every one of them.
pub trait Spawn {
    /// Has [`Gateway::run`] called with `task`, now, without waiting for it.
    fn spawn(&self, task: BackgroundTask);
}

impl Gateway {
    /// Runs what [`Spawn::spawn`] was given. Writes an event when what is fetched changed, or could not be had.
    pub async fn run<P: Platform>(&self, platform: &P, task: BackgroundTask) {
        match task.0 {
            Work::Document(published, ask) => self.fetch_document(platform, published, ask).await,
            Work::Policies => self.pull_policies(platform).await,
            Work::FactorNotice(claims) => cold(self.tell_of_factors(platform, &claims)).await,
            Work::KeyUse(note) => self.note_key_use(platform, &note).await,
            Work::Revoke(revocation) => {
                self.revoke(platform, &revocation).await;
            }
        }
    }
}
