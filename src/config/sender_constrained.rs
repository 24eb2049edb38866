//! `sender_constrained`: what the access tokens of a provider are bound to, so that nobody else can use them.

use super::client_auth::{self, ClientAuth};
use super::provider::Provider;
use super::table::Table;
use super::value::choice;
use crate::route::{Authentication, Guard, Token};

const DPOP: &str = "dpop";
const MTLS: &str = "mtls";
const KEY: &str = "sender_constrained";

/// What access tokens are bound to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SenderConstrained {
    /// `dpop`: a key of the session's own (RFC 9449).
    Dpop,
    /// `mtls`: the certificate of this binding (RFC 8705 §3).
    Mtls(String),
}

impl SenderConstrained {
    /// The word in the configuration.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Dpop => DPOP,
            Self::Mtls(_) => MTLS,
        }
    }
}

impl Provider {
    /// Whether its tokens are bound to a key of the session's own.
    #[must_use]
    pub fn binds_by_dpop(&self) -> bool {
        self.sender_constrained == Some(SenderConstrained::Dpop)
    }

    /// The binding whose certificate is shown to the provider: as the proof of who we are, or because tokens are bound to it.
    #[must_use]
    pub fn certificate(&self) -> Option<&str> {
        match &self.sender_constrained {
            Some(SenderConstrained::Mtls(binding)) => Some(binding),
            Some(SenderConstrained::Dpop) | None => self.client_auth.certificate(),
        }
    }
}

/// Whether the table asks for a certificate that tokens are bound to.
pub(super) fn wants_certificate(table: &mut Table<'_>) -> bool {
    table.peek(KEY).and_then(serde_json::Value::as_str) == Some(MTLS)
}

/// Reads the key. `auth`: how we prove ourselves there; `None` where that is wrong itself.
pub(super) fn read(table: &mut Table<'_>, auth: Option<&ClientAuth>) -> Option<SenderConstrained> {
    if table.optional(KEY, choice(&[(DPOP, false), (MTLS, true)]))? {
        let binding = match auth.and_then(ClientAuth::certificate) {
            Some(binding) => binding.to_owned(),
            None => client_auth::certificate_binding(table)?,
        };
        return Some(SenderConstrained::Mtls(binding));
    }
    Some(SenderConstrained::Dpop)
}

/// An upstream that gets a bound token without its proof has to refuse it, or, worse, does not.
/// `asked`: whether somebody else may send on what is let through.
pub(super) fn refuse_contradictions(table: &Table<'_>, guard: &Guard, (providers, asked): (&[Provider], bool)) {
    if !guard.takes_sessions() {
        if guard.token == Token::Dpop {
            table.problem("token", "`dpop` passes on the tokens of sessions, and `authenticate` has no `session`");
        }
        return;
    }
    let named = &guard.requirements.providers;
    let mut admitted = providers.iter().filter(|one| named.is_empty() || named.contains(&one.id));
    match guard.token {
        Token::Relay => {
            if let Some(bound) = admitted.find(|one| one.sender_constrained.is_some()) {
                let id = &bound.id;
                let message = if bound.binds_by_dpop() {
                    format!("`relay` cannot pass on the tokens of `{id}`, they are bound to a key: expected `dpop`")
                } else {
                    format!("`relay` cannot pass on the tokens of `{id}`: they are bound to a certificate")
                };
                table.problem("token", message);
            }
        }
        Token::Dpop => {
            if let Some(other) = admitted.find(|one| !one.binds_by_dpop()) {
                table.problem(
                    "token",
                    format!("`dpop` needs tokens that are bound to a key, and `{}` gives others: set its `sender_constrained = \"dpop\"`", other.id),
                );
            }
            if asked {
                table.problem(
                    "token",
                    "`dpop` proves the request that Postern sends itself: neither `VERIFY` nor a Worker of your own may send it",
                );
            }
            if guard.authenticate != [Authentication::Session] {
                table.problem(
                    "token",
                    "`dpop` passes on the tokens of sessions alone, expected `authenticate = [\"session\"]`",
                );
            }
        }
        Token::None | Token::Assertion | Token::Txn | Token::Service(_) => {}
    }
}

#[cfg(test)]
mod tests;
