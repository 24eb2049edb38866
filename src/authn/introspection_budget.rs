//! Whether an issuer may be asked about an opaque token now.
//!
//! Every text is a token until the issuer says that it is none, so whoever sends made-up ones could have us ask
//! without end. Three things stand against that, none of which touches a token that is known to be good: what was
//! refused a moment ago is refused again unasked; questions that lead to nothing are few, for each network and for
//! each issuer; and an endpoint that does not answer is left alone for a moment. All of it is of one isolate.

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::IpAddr;

use super::token_cache::TokenDigest;
use crate::bounded_cache::{BoundedCache, Bounds};
use crate::http::network;
use crate::ids::IssuerId;
use crate::oidc::documents::FAILURE_COOLDOWN;
use crate::oidc::introspection::IntrospectionError;
use crate::time::{Seconds, Timestamp};

/// A refusal is repeated unasked for this long, or for the issuer's `cache` where that is shorter.
pub const REFUSED_AT_MOST: Seconds = Seconds::new(10);

/// Refusals remembered, of each issuer. Made-up tokens displace each other, never a good one.
const REFUSALS: Bounds = Bounds { entries: 2000, weight: 2000 };

/// Questions for one network: so many in vain, so many under way at once, and so many forgiven each second.
const OF_A_NETWORK: Allowance = Allowance { in_vain: 100, under_way: 1000, each_second: 2 };
/// The same for all networks together, for one issuer.
const OF_AN_ISSUER: Allowance = Allowance { in_vain: 1000, under_way: 2000, each_second: 20 };
/// Networks told apart while they owe something. The others share one allowance.
const MAX_NETWORKS: usize = 500;

/// What this isolate knows of its own questions.
#[derive(Debug, Default)]
pub struct IntrospectionBudget {
    issuers: RefCell<HashMap<IssuerId, OfIssuer>>,
}

/// A question that may be asked; to be ended with what came of it. One that breaks off costs its allowance.
#[derive(Debug)]
#[must_use = "a request that is not ended costs its allowance"]
pub struct BudgetedRequest {
    issuer: IssuerId,
    digest: TokenDigest,
    network: Network,
}

/// Why a question is not asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAsked {
    /// The issuer refused this token a moment ago, or said of it what we refuse.
    Refused(IntrospectionError),
    /// The endpoint did not answer a moment ago.
    Paused,
    /// Too many questions led to nothing.
    TooMany,
}

impl NotAsked {
    /// The name of this reason in the log.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Refused(error) => error.code(),
            Self::Paused => "introspection.paused",
            Self::TooMany => "introspection.too_many",
        }
    }
}

/// What came of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestOutcome {
    /// The token is good.
    Good,
    /// It is not, and stays so for this long.
    Refused(IntrospectionError, Seconds),
    /// There was an answer that says nothing of the token.
    Nothing,
    /// The endpoint is better left alone for a moment.
    NoAnswer,
}

#[derive(Debug)]
struct OfIssuer {
    refusals: BoundedCache<TokenDigest, (IntrospectionError, Timestamp)>,
    quiet_until: Timestamp,
    debt: Debt,
    networks: HashMap<Network, Debt>,
}

/// Where a request comes from: an IPv4 address, or the half of an IPv6 address that one customer has to themselves.
/// `None` stands for all that are not told apart.
type Network = Option<IpAddr>;

#[derive(Clone, Copy, Debug)]
struct Allowance {
    in_vain: u32,
    under_way: u32,
    each_second: u32,
}

/// How much of an allowance is used up.
#[derive(Clone, Copy, Debug)]
struct Debt {
    in_vain: u32,
    /// Those in vain are among them: they too are forgiven by time, as are those that broke off.
    asked: u32,
    at: Timestamp,
}

impl IntrospectionBudget {
    /// Whether `issuer` may be asked about a token that came from `address`.
    ///
    /// # Errors
    /// Why it may not.
    pub fn begin(
        &self,
        issuer: &IssuerId,
        digest: TokenDigest,
        address: Option<&str>,
        now: Timestamp,
    ) -> Result<BudgetedRequest, NotAsked> {
        let mut issuers = self.issuers.borrow_mut();
        let of_issuer = issuers.entry(issuer.clone()).or_insert_with(|| OfIssuer::new(now));
        of_issuer.admit(&digest, now)?;
        let network = of_issuer.charge(address.and_then(network), now).ok_or(NotAsked::TooMany)?;
        Ok(BudgetedRequest { issuer: issuer.clone(), digest, network })
    }

    /// Notes what came of a question.
    pub fn end(&self, request: BudgetedRequest, finding: RequestOutcome, now: Timestamp) {
        let mut issuers = self.issuers.borrow_mut();
        let Some(of_issuer) = issuers.get_mut(&request.issuer) else { return };
        match finding {
            RequestOutcome::Good => of_issuer.give_back(request.network),
            RequestOutcome::Refused(error, span) => {
                of_issuer.refusals.insert(request.digest, (error, now.plus(span)), 1);
                of_issuer.note_vain(request.network);
            }
            // It may be a token made up to make the endpoint stumble.
            RequestOutcome::Nothing => of_issuer.note_vain(request.network),
            RequestOutcome::NoAnswer => {
                of_issuer.quiet_until = now.plus(FAILURE_COOLDOWN);
                of_issuer.give_back(request.network);
            }
        }
    }
}

impl OfIssuer {
    fn new(now: Timestamp) -> Self {
        let long_ago = Timestamp::from_unix(i64::MIN);
        Self {
            refusals: BoundedCache::new(REFUSALS),
            quiet_until: long_ago,
            debt: Debt::none(now),
            networks: HashMap::new(),
        }
    }

    fn admit(&mut self, digest: &TokenDigest, now: Timestamp) -> Result<(), NotAsked> {
        match self.refusals.get(digest) {
            Some((error, until)) if now < *until => Err(NotAsked::Refused(*error)),
            _ if now < self.quiet_until => Err(NotAsked::Paused),
            _ => Ok(()),
        }
    }

    /// Takes one off both allowances, if both have it. Which network is charged: its own, unless there are too many.
    fn charge(&mut self, network: Network, now: Timestamp) -> Option<Network> {
        if self.networks.len() >= MAX_NETWORKS && !self.networks.contains_key(&network) {
            self.networks.retain(|_, debt| !debt.is_paid(OF_A_NETWORK, now));
        }
        let is_told_apart = self.networks.len() < MAX_NETWORKS || self.networks.contains_key(&network);
        let network = network.filter(|_| is_told_apart);
        let of_network = self.networks.entry(network).or_insert(Debt::none(now));
        let both = of_network.leaves_room(OF_A_NETWORK, now) && self.debt.leaves_room(OF_AN_ISSUER, now);
        both.then(|| {
            of_network.asked += 1;
            self.debt.asked += 1;
            network
        })
    }

    fn note_vain(&mut self, network: Network) {
        let of_network = self.networks.get_mut(&network);
        for debt in of_network.into_iter().chain([&mut self.debt]) {
            debt.in_vain += 1;
        }
    }

    fn give_back(&mut self, network: Network) {
        let of_network = self.networks.get_mut(&network);
        for debt in of_network.into_iter().chain([&mut self.debt]) {
            debt.asked = debt.asked.saturating_sub(1);
        }
    }
}

impl Debt {
    const fn none(now: Timestamp) -> Self {
        Self { in_vain: 0, asked: 0, at: now }
    }

    fn leaves_room(&mut self, allowance: Allowance, now: Timestamp) -> bool {
        self.forgive(allowance, now);
        self.in_vain < allowance.in_vain && self.asked < allowance.under_way
    }

    fn is_paid(&mut self, allowance: Allowance, now: Timestamp) -> bool {
        self.forgive(allowance, now);
        self.in_vain == 0 && self.asked == 0
    }

    fn forgive(&mut self, allowance: Allowance, now: Timestamp) {
        let forgiven = now.since(self.at).get().saturating_mul(allowance.each_second);
        *self = Self {
            in_vain: self.in_vain.saturating_sub(forgiven),
            asked: self.asked.saturating_sub(forgiven),
            at: now,
        };
    }
}

#[cfg(test)]
mod tests;
