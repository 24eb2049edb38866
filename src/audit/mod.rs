//! One structured event for every decision: what was asked, by whom, what was decided, and exactly why.
//!
//! No token, code, cookie, query string or secret is ever a field; every text is cut short
//! and escaped so that one event is one line.

mod evaluated;
mod line;
mod mcp;
mod text;
mod what;

pub use evaluated::Evaluated;
pub use line::{OpenLine, PendingEvent};
pub use mcp::McpFacts;
pub use text::{short, some_of};
pub use what::What;

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::authn::{Principal, PrincipalSource};
use crate::config::Config;
use crate::http::{Peer, StatusCode};
use crate::ids::IssuerId;
use crate::time::Timestamp;

/// How many policies an event in short names.
const MAX_POLICIES: usize = 50;
/// 96 bits: no two tokens of a log share an id by chance.
const TOKEN_ID_CHARS: usize = 16;

/// How it ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Let through, or done.
    Allow,
    /// Refused.
    #[default]
    Deny,
    /// Sent elsewhere first: to sign in, or once round through ourselves.
    Redirect,
}

/// One event.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Event {
    /// When, in UNIX seconds.
    pub time: Timestamp,
    /// What.
    pub event: What,
    /// How it ended.
    pub outcome: Effect,
    /// Exactly why: a fixed word.
    pub reason: &'static str,
    /// More of why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The status of the provider's answer, where that is the reason …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider_status: Option<u16>,
    /// … and what the provider says of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider_says: Option<String>,
    /// The site that was asked, where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    /// The configuration that decided: [`crate::config::Config::stamp`]; empty where the request is for no site.
    pub config: String,
    /// The id that the caller sees too.
    pub request_id: String,
    /// The status answered. It stands at the end of the line.
    #[serde(skip)]
    pub status: u16,
    /// The status of the upstream's answer, where a request was sent on and the upstream answered. The same.
    #[serde(skip)]
    pub upstream_status: Option<u16>,
    /// The method.
    pub method: String,
    /// The path, without query.
    pub path: String,
    /// How the question came, where not by the request itself: `verify`, another proxy asks about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub via: Option<&'static str>,
    /// The rule that decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
    /// The message of the Model Context Protocol that it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mcp: Option<McpFacts>,
    /// The provider concerned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// The issuer of the access token, by its id in the configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_issuer: Option<String>,
    /// The entry of `SERVICES` whose token was got, or went to the upstream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// Whether what vouches for the token was taken as seen before, and neither verified nor asked for again.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub remembered: bool,
    /// The API key, by its public id …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
    /// … and the person whose it is: the id of their provider and its name for them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The entry of `CERTIFICATES` that the client certificate is of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    /// How the caller proved who they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub means: Option<&'static str>,
    /// The thumbprint of the key that the caller proved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jkt: Option<String>,
    /// The session: by the name that it has in lists of sessions, of which no cookie can be made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The name that it had before this request: it goes on under another id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_before: Option<String>,
    /// Whether its browser was let in without a proof of the device that it is bound to.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub device_grace: bool,
    /// What a token of an agent's is for, in its client's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// The approval of a call that is asked for, given, denied or used, by its public name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval: Option<String>,
    /// The grant by which an agent acts: by the name that it has in lists of sessions, of which no token can be made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant: Option<String>,
    /// What the caller is, by word of whoever vouches for them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// The claims that the configuration looks at and that whoever vouches for them left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
    /// What kind of caller it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<&'static str>,
    /// Who: the issuer …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// … and the subject there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The program that got the token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// Who acts for the subject at present, and whom those act for in turn.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub actors: Vec<String>,
    /// The same for the same token: a digest of its `jti`, which itself is the token at some issuers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_id: Option<String>,
    /// `sub` of the token, where the subject is made of an id in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_subject: Option<String>,
    /// The headers by which the upstream would have been told of the caller, and was not: what should stand in them
    /// cannot stand in a header.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub withheld: Vec<String>,
    /// The headers of the caller's that were taken out, though they may have been meant for the upstream.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<String>,
    /// The limits whose counters did not answer: the request was let through uncounted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub uncounted: Vec<&'static str>,
    /// For whom a service says that it writes tuples.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<String>,
    /// The tuples that were added, and were not there before …
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tuples_added: Vec<String>,
    /// … and those that were removed, and were there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tuples_removed: Vec<String>,
    /// How many rounds of reading the relations took that the route asks for …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relation_rounds: Option<usize>,
    /// … and how many reads in all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relation_reads: Option<usize>,
    /// The version of the policies that were asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_version: Option<String>,
    /// Those of them that decided.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<String>,
    /// What the version on trial would have decided, where that is something else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_trial: Option<String>,
    /// Why the policies that were asked may not be those that are published.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_pull: Option<&'static str>,
    /// What a service asked, and what it was told, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub evaluations: Vec<Evaluated>,
    /// What the caller calls this request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_request_id: Option<String>,
    /// The tenant that the caller belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// What management was about: a person, by the provider's id and its name for them, whose sessions it were; a
    /// decision, by its number, with the person whom that was about; an object of relations; a version of the policies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// How many sessions or keys were ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<u32>,
    /// What was done or to be done, of management.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<&'static str>,
    /// What management found …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// … and what it left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// Whose metadata, by issuer, or which keys, by URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document: Option<String>,
    /// Whether the long lists are left out, because there was no room for them.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub shortened: bool,
    /// Whether the session cookie was made with an older key than the newest.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub old_key: bool,
    /// The caller's address, by the platform …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// … and the country that it is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// The platform's id of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ray: Option<String>,
}

impl Event {
    /// An event about a request, before anything is known of how it ends.
    #[must_use]
    pub fn about(request_id: &str, method: &str, path: &str, peer: &Peer, time: Timestamp) -> Self {
        Self {
            time,
            reason: "undecided",
            request_id: request_id.to_owned(),
            status: 500,
            method: short(method),
            path: short(path),
            address: peer.address.as_deref().map(short),
            country: peer.country.as_deref().map(short),
            ray: peer.ray.as_deref().map(short),
            ..Self::default()
        }
    }

    /// Says which site it is about, and by which configuration it is decided.
    pub fn decided_by(&mut self, config: &Config) {
        self.site = config.site.id().map(ToString::to_string);
        self.config.clone_from(&config.stamp);
    }

    /// Says that it is about another request than the one that came.
    pub fn instead(&mut self, method: &str, path: &str, peer: &Peer) {
        self.method = short(method);
        self.path = short(path);
        self.address = peer.address.as_deref().map(short);
        self.country = peer.country.as_deref().map(short);
    }

    /// Names the principal.
    pub fn who(&mut self, principal: &Principal) {
        match principal.origin() {
            PrincipalSource::Provider(id) | PrincipalSource::Grant { provider: id, .. } => {
                self.provider = Some(short(id))
            }
            PrincipalSource::Issuer(id) => self.token_issuer = Some(short(id.as_str())),
            PrincipalSource::Key(id) => self.key_id = Some(short(id)),
            PrincipalSource::Certificate(id) => self.certificate = Some(short(id.as_str())),
        }
        self.owner = principal.owner().map(|owner| short(&format!("{}|{}", owner.provider, &*owner.subject)));
        self.issuer = Some(short(principal.issuer()));
        self.subject = Some(short(principal.subject()));
        self.means = Some(principal.authentication().means.as_str());
        self.kind = Some(principal.kind().as_str());
        self.client_id = principal.client_id().map(short);
        self.tenant = principal.tenant().map(short);
        self.roles = some_of(principal.roles());
        self.left_out = some_of(principal.left_out());
        self.actors = principal.actors().iter().map(|actor| short(&actor.subject)).collect();
    }

    /// Names the issuer of the access token, and whether its word or signature was taken as seen before.
    pub fn vouched_for_by(&mut self, issuer: &IssuerId, remembered: bool) {
        self.token_issuer = Some(issuer.to_string());
        self.remembered = remembered;
    }

    /// Names the access token that was used.
    pub fn token(&mut self, jti: Option<&str>) {
        let digest = |jti: &str| Base64UrlUnpadded::encode_string(&Sha256::digest(jti));
        self.token_id = jti.map(digest).map(|digest| digest.chars().take(TOKEN_ID_CHARS).collect());
    }

    /// Names the headers of the caller's that were taken out. There may be many, and their names are the caller's.
    pub fn removed(&mut self, names: &[String]) {
        const MOST: usize = 8;
        self.removed = names.iter().take(MOST).map(|name| short(name)).collect();
    }

    /// Names an identity.
    pub fn identity(&mut self, provider: &str, issuer: &str, subject: &str) {
        self.provider = Some(short(provider));
        self.issuer = Some(short(issuer));
        self.subject = Some(short(subject));
    }

    /// Says how it ended.
    pub fn end(&mut self, outcome: Effect, reason: &'static str, status: StatusCode) {
        self.outcome = outcome;
        self.reason = reason;
        self.status = status.as_u16();
    }

    /// The event without its long lists: what was asked and answered of each question, and each tuple.
    #[must_use]
    pub fn in_short(mut self) -> Self {
        self.shortened = true;
        self.evaluations.clear();
        self.tuples_added.clear();
        self.tuples_removed.clear();
        self.policies.truncate(MAX_POLICIES);
        self
    }

    /// The event as one line of JSON.
    #[must_use]
    pub fn to_line(&self) -> String {
        OpenLine::of(self).closed(self.status, self.upstream_status)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_event_is_one_line_whatever_is_in_it() {
        //
        let nasty = "a\r\nb\u{2028}c\u{1b}[31m\u{0}\"\u{85}é";
        let mut event = Event::about("id", nasty, nasty, &Peer::default(), Timestamp::from_unix(1));
        event.detail = Some(nasty.to_owned());
        let line = event.to_line();
        assert!(line.chars().all(|c| !c.is_control() && c != '\u{2028}'), "{line}");
        let back: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!((&back["path"], &back["time"]), (&nasty.into(), &1.into()));
    }

    #[test]
    fn every_line_names_the_release() {
        let event = Event::about("id", "GET", "/", &Peer::default(), Timestamp::from_unix(1));
        let back: serde_json::Value = serde_json::from_str(&event.to_line()).unwrap();
        assert_eq!(back["version"], crate::VERSION);
    }

    #[test]
    fn what_another_proxy_asks_about_is_not_told_to_come_from_where_that_proxy_is() {
        let (address, country) = (Some("192.0.2.1".to_owned()), Some("PT".to_owned()));
        let proxy = Peer { address, country, ..Peer::default() };
        let mut event = Event::about("id", "GET", "/auth/verify", &proxy, Timestamp::from_unix(1));
        event.instead("POST", "/a", &Peer::default());
        assert_eq!((event.method.as_str(), event.path.as_str()), ("POST", "/a"));
        assert_eq!((event.address, event.country), (None, None));
    }

    #[test]
    fn long_fields_are_cut_between_characters() {
        let event = Event::about("id", "GET", &"é".repeat(1_000_000), &Peer::default(), Timestamp::from_unix(1));
        assert!(event.to_line().len() < 1000);
    }
}
