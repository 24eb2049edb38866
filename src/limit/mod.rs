//! How many requests are let through, of whom, and who counts them.
//!
//! A limit protects what is available to all. So it refuses what exceeds it, and lets through where nobody can say
//! whether something does: a counter that is down must not take the application along.

mod bucket;
mod memory;
pub mod message;
mod quota;

use std::net::IpAddr;

use sha2::{Digest, Sha256};

pub use bucket::{Allowance, Bucket, Drawn, LONGEST_PERIOD, MOST_REQUESTS};
pub use memory::IsolateBuckets;
pub use quota::{Quota, Quotas, RATE_LIMIT, RATE_LIMIT_POLICY};

use crate::ports::StoreError;
use crate::time::Seconds;

/// The periods that the platform's rate limiting knows.
pub const PLATFORM_PERIODS: [Seconds; 2] = [Seconds::new(10), Seconds::minutes(1)];

/// One limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    /// `rate` and `burst`.
    pub allowance: Allowance,
    /// `counter`.
    pub counter: Counter,
}

/// Who counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Counter {
    /// `object`: a Durable Object, exactly, for all isolates everywhere.
    Object,
    /// `isolate`: each isolate for itself, and nobody is asked.
    Isolate,
    /// `binding:NAME`: the platform's rate limiting, in each of its locations, more or less.
    Binding(String),
}

/// The limits of a route.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouteLimits {
    /// `address`: for each network that callers come from.
    pub address: Option<Limit>,
    /// `subject`: for each identity.
    pub subject: Option<Limit>,
    /// `route`: for all callers together.
    pub route: Option<Limit>,
    /// Whether addresses and subjects have one bucket for all routes that say so, or one for each route.
    pub shared: bool,
}

impl RouteLimits {
    /// Each limit there is.
    pub fn all(&self) -> impl Iterator<Item = (LimitKind, &Limit)> {
        let all =
            [(LimitKind::Address, &self.address), (LimitKind::Subject, &self.subject), (LimitKind::Route, &self.route)];
        all.into_iter().filter_map(|(kind, limit)| Some((kind, limit.as_ref()?)))
    }
}

/// What a limit is on; its name for callers and in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitKind {
    /// Requests to a route from one network.
    Address,
    /// Requests to a route by one identity.
    Subject,
    /// Requests to a route.
    Route,
    /// Logins begun from one network.
    Login,
    /// Logins ended from one network.
    Callback,
    /// Logout notices of providers from one network.
    BackchannelLogout,
    /// Frames of providers' sign-out pages, from one network.
    FrontchannelLogout,
    /// Requests from one network to an endpoint of ours that has no limit of its own.
    Own,
    /// Texts from one network that only their object could tell from API keys.
    Keys,
    /// Questions to one person whether a program may act for them.
    Consents,
    /// Documents of clients that are fetched, from one host or for one network.
    ClientDocuments,
    /// Tokens of one grant.
    AgentTokens,
    /// Registrations of clients from one network.
    Registrations,
}

impl LimitKind {
    /// Its name in `RateLimit` fields.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Subject => "subject",
            Self::Route => "route",
            Self::Login => "login",
            Self::Callback => "callback",
            Self::BackchannelLogout => "backchannel_logout",
            Self::FrontchannelLogout => "frontchannel_logout",
            Self::Own => "own",
            Self::Keys => "keys",
            Self::Consents => "consents",
            Self::ClientDocuments => "client_documents",
            Self::AgentTokens => "agent_tokens",
            Self::Registrations => "registrations",
        }
    }

    /// The reason in the log when a request exceeds it.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Address => "limit.address",
            Self::Subject => "limit.subject",
            Self::Route => "limit.route",
            Self::Login => "limit.login",
            Self::Callback => "limit.callback",
            Self::BackchannelLogout => "limit.backchannel_logout",
            Self::FrontchannelLogout => "limit.frontchannel_logout",
            Self::Own => "limit.own",
            Self::Keys => "limit.keys",
            Self::Consents => "limit.consents",
            Self::ClientDocuments => "limit.client_documents",
            Self::AgentTokens => "limit.agent_tokens",
            Self::Registrations => "limit.registrations",
        }
    }
}

/// Whose requests are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose<'a> {
    /// Those from one network. All of which the platform tells no address are one.
    Network(Option<IpAddr>),
    /// Those of one identity: issuer and subject.
    Subject(&'a str, &'a str),
    /// Those of one agent that acts for it: issuer, subject, and the client that it let in.
    Agent(&'a str, &'a str, &'a str),
    /// Everybody's.
    Everyone,
}

/// Names one bucket: a hash, so that no store learns of whom. A limit that is changed begins with full buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BucketKey([u8; 32]);

impl BucketKey {
    /// The bucket of `whose` for a limit of this kind; `place` is the route where it has one of its own.
    #[must_use]
    pub fn of(kind: LimitKind, place: &str, allowance: &Allowance, whose: Whose<'_>) -> Self {
        let numbers = format!("{}/{}+{}", allowance.requests(), allowance.period().get(), allowance.burst());
        let network = match whose {
            Whose::Network(network) => network.map(|network| network.to_string()).unwrap_or_default(),
            _ => String::new(),
        };
        let (issuer, subject, agent) = match whose {
            Whose::Subject(issuer, subject) => (issuer, subject, None),
            Whose::Agent(issuer, subject, client) => (issuer, subject, Some(client)),
            _ => ("", "", None),
        };
        let mut hash = Sha256::new();
        for part in [kind.name(), place, &numbers, &network, issuer, subject].into_iter().chain(agent) {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        Self(hash.finalize().into())
    }

    /// In hexadecimal.
    #[must_use]
    pub fn to_hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The name of the object that keeps it; there are 256.
    #[must_use]
    pub fn shard(&self) -> String {
        let [first, ..] = self.0;
        format!("buckets-{first:02x}")
    }
}

/// Those who count for all isolates.
#[expect(async_fn_in_trait, reason = "a Worker is single-threaded: no future of ours is ever Send")]
pub trait Counters {
    /// Asks the object of this bucket for one request. Exact, however many ask at once.
    ///
    /// # Errors
    /// When it does not answer.
    async fn draw(&self, key: &BucketKey, allowance: &Allowance) -> Result<Drawn, StoreError>;

    /// Asks the platform's rate limiting that is bound as `binding`; what it allows stands there.
    ///
    /// # Errors
    /// When there is none of that name, or it does not answer.
    async fn is_within(&self, binding: &str, key: &BucketKey) -> Result<bool, StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::network;

    #[test]
    fn no_two_buckets_share_a_key() {
        let ten = Allowance::new(10, Seconds::minutes(1), 10).unwrap();
        let eleven = Allowance::new(11, Seconds::minutes(1), 10).unwrap();
        let at = |address| Whose::Network(network(address));
        let keys = [
            BucketKey::of(LimitKind::Address, "/a", &ten, at("192.0.2.1")),
            BucketKey::of(LimitKind::Address, "/a", &eleven, at("192.0.2.1")),
            BucketKey::of(LimitKind::Address, "/b", &ten, at("192.0.2.1")),
            BucketKey::of(LimitKind::Address, "/a", &ten, at("192.0.2.2")),
            BucketKey::of(LimitKind::Address, "/a", &ten, Whose::Network(None)),
            BucketKey::of(LimitKind::Login, "/a", &ten, at("192.0.2.1")),
            BucketKey::of(LimitKind::Subject, "/a", &ten, Whose::Subject("https://a", "bc")),
            BucketKey::of(LimitKind::Subject, "/a", &ten, Whose::Subject("https://ab", "c")),
            // The same name at another issuer is another person.
            BucketKey::of(LimitKind::Subject, "/a", &ten, Whose::Subject("https://b", "bc")),
            BucketKey::of(LimitKind::Subject, "/a", &ten, Whose::Agent("https://a", "bc", "")),
            BucketKey::of(LimitKind::Subject, "/a", &ten, Whose::Agent("https://a", "b", "c")),
            BucketKey::of(LimitKind::Own, "/a", &ten, at("192.0.2.1")),
            BucketKey::of(LimitKind::FrontchannelLogout, "/a", &ten, at("192.0.2.1")),
            BucketKey::of(LimitKind::Route, "/a", &ten, Whose::Everyone),
        ];
        for (index, key) in keys.iter().enumerate() {
            assert_eq!(keys.iter().position(|other| other == key), Some(index));
        }
        let [one, ..] = keys;
        assert_eq!(one.to_hex().len(), 64);
        assert_eq!(one.shard(), format!("buckets-{}", one.to_hex().get(..2).unwrap()));
    }
}
