//! `LIMITS`, and `limits` of a route: how many requests are let through.

use serde_json::Value;

use super::binding::is_binding;
use super::problem::expected;
use super::routes::contradicts_public;
use super::table::Table;
use super::value::{duration, parsed, spelled, text, whole_number};
use crate::limit::{Allowance, Counter, LONGEST_PERIOD, Limit, MOST_REQUESTS, PLATFORM_PERIODS, RouteLimits};
use crate::route::Access;
use crate::time::Seconds;

const RATE: &str = "requests and a time such as `100/1m`, from `1/1d` to `1000000/1s`";
const COUNTER: &str = "`object`, `isolate`, or `binding:NAME` (a binding of capitals, digits and `_`)";

/// A sign-in every second from one network, sixty at once: more than people need who share an address, and far
/// too few to be a burden.
const SIGN_INS: (u32, Seconds) = (60, Seconds::minutes(1));

/// Only a key that was made with a root key that is gone cannot be told from a forged one without a question.
const UNMARKED_KEYS: (u32, Seconds) = (60, Seconds::minutes(1));

/// A hundred requests a second from one network: more than the pages of a whole office ask for.
const OWN: (u32, Seconds) = (6000, Seconds::minutes(1));

/// `LIMITS`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// `login`: logins begun from one network. Default 60 a minute.
    pub login: Option<Limit>,
    /// `callback`: logins ended from one network. Default 60 a minute.
    pub callback: Option<Limit>,
    /// `backchannel_logout`: logout notices from one network. Default none: a refused one leaves a session alive.
    pub backchannel_logout: Option<Limit>,
    /// `frontchannel_logout`: frames of providers' sign-out pages from one network. Default 60 a minute.
    pub frontchannel_logout: Option<Limit>,
    /// `own`: requests to every other endpoint of Postern's from one network. Default 6000 a minute.
    pub own: Option<Limit>,
    /// `keys`: texts from one network that nobody but their object could tell from API keys. Default 60 a minute.
    pub keys: Option<Limit>,
    /// `routes`: those of every route that has none of its own. Default none.
    pub routes: RouteLimits,
}

impl Limits {
    /// Every limit of Postern's own endpoints, by its key.
    pub fn own(&self) -> impl Iterator<Item = (&'static str, &Limit)> {
        let all = [
            ("login", &self.login),
            ("callback", &self.callback),
            ("backchannel_logout", &self.backchannel_logout),
            ("frontchannel_logout", &self.frontchannel_logout),
            ("own", &self.own),
            ("keys", &self.keys),
        ];
        all.into_iter().filter_map(|(name, limit)| Some((name, limit.as_ref()?)))
    }
}

/// Whose addresses are limited unasked. Where another proxy passes on what people send to `/auth`, all of them come from its
/// address, and would share one bucket. Keys come with questions about requests, which name the caller's own address.
#[derive(Clone, Copy, Debug)]
pub(super) struct ByDefault {
    /// Those of people.
    pub(super) people: bool,
    /// Those of programs with API keys.
    pub(super) keys: bool,
}

/// Reads `LIMITS`.
pub(super) fn read(top: &mut Table<'_>, by_default: ByDefault) -> Limits {
    let default = |is_on: bool, (count, period): (u32, Seconds)| {
        let allowance = Allowance::new(count, period, count).filter(|_| is_on);
        allowance.map(|allowance| Limit { allowance, counter: Counter::Isolate })
    };
    let sign_ins = default(by_default.people, SIGN_INS);
    let usual = Limits {
        login: sign_ins.clone(),
        callback: sign_ins.clone(),
        frontchannel_logout: sign_ins,
        own: default(by_default.people, OWN),
        keys: default(by_default.keys, UNMARKED_KEYS),
        ..Limits::default()
    };
    top.section("LIMITS", |table| read_table(table, &usual)).unwrap_or(usual)
}

/// `usual`: what counts where the table says nothing.
fn read_table(mut table: Table<'_>, usual: &Limits) -> Limits {
    let limits = Limits {
        login: own(&mut table, "login", usual.login.clone()),
        callback: own(&mut table, "callback", usual.callback.clone()),
        backchannel_logout: own(&mut table, "backchannel_logout", None),
        frontchannel_logout: own(&mut table, "frontchannel_logout", usual.frontchannel_logout.clone()),
        own: own(&mut table, "own", usual.own.clone()),
        keys: own(&mut table, "keys", usual.keys.clone()),
        routes: table
            .table("routes")
            .map(|table| RouteLimits { shared: true, ..route_limits(table) })
            .unwrap_or_default(),
    };
    table.finish();
    limits
}

fn own(table: &mut Table<'_>, key: &'static str, default: Option<Limit>) -> Option<Limit> {
    match table.table_or_false(key) {
        Some(Some(inner)) => limit(inner, Counter::Isolate),
        Some(None) => None,
        None => default,
    }
}

/// `limits` of a route, or what all routes have that say nothing.
pub(super) fn of_route(route: &mut Table<'_>, access: Option<&Access>, shared: &RouteLimits) -> RouteLimits {
    let public = matches!(access, Some(Access::Public));
    let Some(table) = route.table("limits") else {
        return RouteLimits { subject: shared.subject.clone().filter(|_| !public), ..shared.clone() };
    };
    if public && table.has("subject") {
        table.problem("subject", contradicts_public(route));
    }
    route_limits(table)
}

fn route_limits(mut table: Table<'_>) -> RouteLimits {
    let mut one = |key| table.table(key).and_then(|table| limit(table, Counter::Object));
    let limits = RouteLimits { address: one("address"), subject: one("subject"), route: one("route"), shared: false };
    table.finish();
    limits
}

fn limit(mut table: Table<'_>, default: Counter) -> Option<Limit> {
    let rate = table.required("rate", RATE, parsed(RATE, rate));
    let burst = table.optional("burst", whole_number(1, MOST_REQUESTS));
    let counter = table.optional("counter", counter);
    if let Some(Counter::Binding(_)) = counter {
        refuse_what_the_platform_cannot(&table, rate);
    }
    let known = !(table.has("burst") && burst.is_none() || table.has("counter") && counter.is_none());
    table.finish();
    let (requests, period) = rate.filter(|_| known)?;
    let allowance = Allowance::new(requests, period, burst.unwrap_or(requests))?;
    Some(Limit { allowance, counter: counter.unwrap_or(default) })
}

fn refuse_what_the_platform_cannot(table: &Table<'_>, rate: Option<(u32, Seconds)>) {
    if table.has("burst") {
        table.problem("burst", "the platform's rate limiting knows none");
    }
    if rate.is_some_and(|(_, period)| !PLATFORM_PERIODS.contains(&period)) {
        let [short, long] = PLATFORM_PERIODS.map(spelled);
        table.problem("rate", format!("the platform's rate limiting knows no times but `{short}` and `{long}`"));
    }
}

/// `100/1m`
fn rate(text: &str) -> Option<(u32, Seconds)> {
    let (requests, period) = text.split_once('/')?;
    let is_number = !requests.is_empty() && requests.bytes().all(|byte| byte.is_ascii_digit());
    let requests = is_number.then(|| requests.parse().ok()).flatten()?;
    let period = duration(Seconds::new(1), LONGEST_PERIOD)(&Value::from(period)).ok()?;
    Allowance::new(requests, period, 1).map(|_| (requests, period))
}

fn counter(value: &Value) -> Result<Counter, String> {
    match text(value)? {
        "object" => Ok(Counter::Object),
        "isolate" => Ok(Counter::Isolate),
        other => match other.strip_prefix("binding:") {
            Some(name) if is_binding(name) => Ok(Counter::Binding(name.to_owned())),
            _ => Err(expected(COUNTER, other)),
        },
    }
}

#[cfg(test)]
mod tests;
