//! Who asks → a transaction token for one request (`Txn-Token`, draft-ietf-oauth-transaction-tokens; R-327).
//!
//! It is valid in one trust domain, the host of this deployment, and names one transaction: the request, by the id that the log
//! has. Services hand it on to those that they call, so that all of them know for whom. No such token is ever taken from outside.

use serde::Serialize;

use super::assertion::{Acting, SubjectId, acting_for, unique_subject};
use super::identity::Identity;
use crate::authz::second;
use crate::config::PublicUrl;
use crate::time::{Seconds, Timestamp};

/// `typ` of the JWT.
pub const TYP: &str = "txntoken+jwt";
/// How long one is good, unless what proved the identity ends earlier.
const LIFE: Seconds = Seconds::minutes(1);
/// How long it is good at least, for clocks that are apart.
const SHORTEST_LIFE: Seconds = Seconds::new(10);

/// The request that it is for.
#[derive(Clone, Copy, Debug)]
pub struct UpstreamTransaction<'a> {
    /// Its id.
    pub id: &'a str,
    /// From where it came, as far as known.
    pub address: Option<&'a str>,
    /// Now.
    pub now: Timestamp,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'a str,
    txn: &'a str,
    sub: String,
    scope: String,
    req_wl: &'a str,
    iat: Timestamp,
    exp: Timestamp,
    tctx: Context<'a>,
    rctx: Requester<'a>,
}

/// What stays the same all the way.
#[derive(Serialize)]
struct Context<'a> {
    kind: &'static str,
    sub_id: SubjectId<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    roles: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    amr: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    second_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    second_by: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    act: Option<Acting<'a>>,
}

/// Where the request came from.
#[derive(Serialize)]
struct Requester<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    req_ip: Option<&'a str>,
    authn: &'static str,
}

impl UpstreamTransaction<'_> {
    /// The claims, as a JSON object. `None` where they cannot be written, which never is.
    #[must_use]
    pub fn claims(&self, who: &Identity<'_>, public_url: &PublicUrl) -> Option<String> {
        let principal = who.principal;
        let second = second::proven(principal);
        let claims = Claims {
            iss: public_url.origin(),
            aud: public_url.host(),
            txn: self.id,
            sub: unique_subject(principal.kind_of_subject(), principal.issuer(), principal.subject()),
            scope: principal.scopes().join(" "),
            req_wl: public_url.host(),
            iat: self.now,
            exp: self.now.plus(LIFE).min(principal.expires_at()).max(self.now.plus(SHORTEST_LIFE)),
            tctx: Context {
                kind: principal.kind().as_str(),
                sub_id: SubjectId::new(principal.issuer(), principal.subject()),
                client_id: principal.client_id(),
                roles: principal.roles(),
                tenant: principal.tenant(),
                amr: who.amr(),
                second_at: second.map(|proof| proof.at),
                second_by: second.map(|proof| proof.by.as_str()),
                act: acting_for(principal),
            },
            rctx: Requester { req_ip: self.address, authn: principal.authentication().means.as_str() },
        };
        serde_json::to_string(&claims).ok()
    }
}
