//! What of a subject that a service asks about may be blocked: what its id says, and what the service says of it in the words
//! of policies (`client`, `key_id`, `owner`, `actor`).

use serde_json::Value;

use crate::authn::BlockedBy;
use crate::authzen::Entity;
use crate::config::Config;
use crate::relation::{self, PEOPLE};
use crate::store::block_list::{BlockList, BlockTarget};
use crate::time::Timestamp;

/// The type of a subject that is a client.
const CLIENT: &str = "client";
/// How the subject of a request by API key begins.
const KEY: &str = "key:";

/// What of the subject is blocked, as far as it is named with its issuer: as `corp|alice`, or as policies name it,
/// `ISSUER#alice`.
pub(super) fn find(config: &Config, subject: &Entity, list: &BlockList, now: Timestamp) -> Option<BlockedBy> {
    let mut all = targets(config, subject).into_iter();
    all.find(|(target, _)| list.blocks(target, now)).map(|(_, by)| by)
}

fn targets(config: &Config, subject: &Entity) -> Vec<(BlockTarget, BlockedBy)> {
    let mut all = Vec::new();
    let identities = identities(config, subject);
    for (issuer, name) in identities.iter().map(|(issuer, name)| (issuer.as_str(), name.as_str())) {
        // A client of agents is known to this site itself.
        if subject.kind == CLIENT || issuer == config.public_url.origin() {
            all.push((client(issuer, name), BlockedBy::Client));
        }
        all.push((named(issuer, name), BlockedBy::Subject));
        // An API key is called by its id, and vouched for by this site.
        let key = name.strip_prefix(KEY).filter(|_| issuer == config.public_url.origin());
        all.extend(key.map(|id| (key_of(id), BlockedBy::Key)));
        all.extend(text(subject, "client").map(|name| (client(issuer, name), BlockedBy::Client)));
        if let Some((issuer, name)) = related(config, subject, "actor", Some(issuer)) {
            // Who acts by a grant is a client of this site's.
            let is_agent = issuer == config.public_url.origin();
            all.extend(is_agent.then(|| (client(issuer, name), BlockedBy::Client)));
            all.push((named(issuer, name), BlockedBy::Actor));
        }
    }
    all.extend(text(subject, "key_id").map(|id| (key_of(id), BlockedBy::Key)));
    let owner = related(config, subject, "owner", None);
    all.extend(owner.map(|(issuer, name)| (named(issuer, name), BlockedBy::Owner)));
    all
}

/// The issuers and names that the id may stand for: as it is written, and as the relations read it, without escapes.
fn identities(config: &Config, subject: &Entity) -> Vec<(String, String)> {
    let split = |between| {
        let (issuer, name) = subject.id.split_once(between)?;
        Some((config.named_issuer(issuer).unwrap_or(issuer).to_owned(), name.to_owned()))
    };
    let mut all: Vec<_> = ['|', '#'].into_iter().filter_map(split).collect();
    if PEOPLE.contains(&subject.kind.as_str()) {
        all.extend(relation::identity(&subject.id, &|id| config.named_issuer(id)).ok());
    }
    all
}

/// Somebody else whom a property names, with `issuer` or a `provider` of ours; else this issuer vouches for them.
fn related<'a>(
    config: &'a Config,
    subject: &'a Entity,
    name: &str,
    otherwise: Option<&'a str>,
) -> Option<(&'a str, &'a str)> {
    let members = subject.properties.get(name)?.as_object()?;
    let text = |name: &str| members.get(name).and_then(Value::as_str);
    let issuer = text("issuer").or_else(|| text("provider")).or(otherwise)?;
    Some((config.named_issuer(issuer).unwrap_or(issuer), text("subject")?))
}

fn text<'a>(subject: &'a Entity, name: &str) -> Option<&'a str> {
    subject.properties.get(name).and_then(Value::as_str)
}

fn named(issuer: &str, subject: &str) -> BlockTarget {
    BlockTarget::Subject { issuer: issuer.to_owned(), subject: subject.to_owned() }
}

fn client(issuer: &str, client_id: &str) -> BlockTarget {
    BlockTarget::Client { issuer: issuer.to_owned(), client_id: client_id.to_owned() }
}

fn key_of(id: &str) -> BlockTarget {
    BlockTarget::Key { id: id.to_owned() }
}
