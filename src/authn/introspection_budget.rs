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
use crate::http::{network, site_network};
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
/// The same for all networks of one site (an IPv6 /48): so that one of them does not use up what is all networks'.
const OF_A_SITE: Allowance = Allowance { in_vain: 200, under_way: 1000, each_second: 4 };
/// The same for all networks together, for one issuer.
const OF_AN_ISSUER: Allowance = Allowance { in_vain: 1000, under_way: 2000, each_second: 20 };
/// Networks, and sites, told apart while they owe something. The others share one allowance.
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
    /// `None` where a network is all that its customer has.
    site: Option<Network>,
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
    networks: Debtors,
    sites: Debtors,
}

/// What networks of one size owe.
#[derive(Debug)]
struct Debtors {
    allowance: Allowance,
    debts: HashMap<Network, Debt>,
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
        let (network, site) = (address.and_then(network), address.and_then(site_network));
        let (network, site) = of_issuer.charge(network, site, now).ok_or(NotAsked::TooMany)?;
        Ok(BudgetedRequest { issuer: issuer.clone(), digest, network, site })
    }

    /// Notes what came of a question.
    pub fn end(&self, request: BudgetedRequest, finding: RequestOutcome, now: Timestamp) {
        let mut issuers = self.issuers.borrow_mut();
        let Some(of_issuer) = issuers.get_mut(&request.issuer) else { return };
        match finding {
            RequestOutcome::Good => of_issuer.give_back(&request),
            RequestOutcome::Refused(error, span) => {
                of_issuer.note_vain(&request);
                of_issuer.refusals.insert(request.digest, (error, now.plus(span)), 1);
            }
            // It may be a token made up to make the endpoint stumble.
            RequestOutcome::Nothing => of_issuer.note_vain(&request),
            RequestOutcome::NoAnswer => {
                of_issuer.quiet_until = now.plus(FAILURE_COOLDOWN);
                of_issuer.give_back(&request);
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
            networks: Debtors::new(OF_A_NETWORK),
            sites: Debtors::new(OF_A_SITE),
        }
    }

    fn admit(&mut self, digest: &TokenDigest, now: Timestamp) -> Result<(), NotAsked> {
        match self.refusals.get(digest) {
            Some((error, until)) if now < *until => Err(NotAsked::Refused(*error)),
            _ if now < self.quiet_until => Err(NotAsked::Paused),
            _ => Ok(()),
        }
    }

    /// Takes one off every allowance, if all have it. Which network and which site are charged: their own, unless there
    /// are too many.
    fn charge(&mut self, network: Network, site: Network, now: Timestamp) -> Option<(Network, Option<Network>)> {
        let network = self.networks.told_apart(network, now);
        let site = site.map(|site| self.sites.told_apart(Some(site), now));
        let has_room = self.debt.leaves_room(OF_AN_ISSUER, now)
            && self.networks.leaves_room(network, now)
            && site.is_none_or(|site| self.sites.leaves_room(site, now));
        if !has_room {
            return None;
        }
        self.owing(network, site).for_each(|debt| debt.asked += 1);
        Some((network, site))
    }

    fn note_vain(&mut self, request: &BudgetedRequest) {
        self.owing(request.network, request.site).for_each(|debt| debt.in_vain += 1);
    }

    fn give_back(&mut self, request: &BudgetedRequest) {
        self.owing(request.network, request.site).for_each(|debt| debt.asked = debt.asked.saturating_sub(1));
    }

    fn owing(&mut self, network: Network, site: Option<Network>) -> impl Iterator<Item = &mut Debt> {
        let of_network = self.networks.debts.get_mut(&network);
        let of_site = site.and_then(|site| self.sites.debts.get_mut(&site));
        of_network.into_iter().chain(of_site).chain([&mut self.debt])
    }
}

impl Debtors {
    fn new(allowance: Allowance) -> Self {
        Self { allowance, debts: HashMap::new() }
    }

    /// The network itself, unless there are too many.
    fn told_apart(&mut self, network: Network, now: Timestamp) -> Network {
        let (allowance, debts) = (self.allowance, &mut self.debts);
        if debts.len() >= MAX_NETWORKS && !debts.contains_key(&network) {
            debts.retain(|_, debt| !debt.is_paid(allowance, now));
        }
        network.filter(|_| debts.len() < MAX_NETWORKS || debts.contains_key(&network))
    }

    fn leaves_room(&mut self, network: Network, now: Timestamp) -> bool {
        self.debts.entry(network).or_insert(Debt::none(now)).leaves_room(self.allowance, now)
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
