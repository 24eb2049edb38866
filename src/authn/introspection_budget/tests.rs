use super::*;

const START: i64 = 1_800_000_000;
const ATTACKER: Option<&str> = Some("203.0.113.7");
const OTHER: Option<&str> = Some("198.51.100.1");

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix(START + seconds)
}

fn issuer(id: &str) -> IssuerId {
    IssuerId::parse(id).unwrap()
}

fn digest(number: usize) -> TokenDigest {
    TokenDigest::of(&number.to_string())
}

fn begin(
    budget: &IntrospectionBudget,
    number: usize,
    address: Option<&str>,
    now: Timestamp,
) -> Result<BudgetedRequest, NotAsked> {
    budget.begin(&issuer("op"), digest(number), address, now)
}

/// Asks about so many different tokens, all of which are refused, and counts the questions.
fn questions(
    budget: &IntrospectionBudget,
    tokens: std::ops::Range<usize>,
    address: Option<&str>,
    now: Timestamp,
) -> usize {
    let refused = RequestOutcome::Refused(IntrospectionError::Inactive, REFUSED_AT_MOST);
    let asked = tokens.filter_map(|number| begin(budget, number, address, now).ok());
    asked.map(|request| budget.end(request, refused, now)).count()
}

#[test]
fn a_refused_token_is_refused_again_unasked_for_a_moment() {
    //
    let budget = IntrospectionBudget::default();
    let request = begin(&budget, 1, ATTACKER, at(0)).unwrap();
    budget.end(request, RequestOutcome::Refused(IntrospectionError::AudMismatch, Seconds::new(10)), at(0));
    for later in [0, 9] {
        let answer = begin(&budget, 1, OTHER, at(later)).err();
        assert_eq!(answer, Some(NotAsked::Refused(IntrospectionError::AudMismatch)));
    }
    assert!(begin(&budget, 1, OTHER, at(10)).is_ok());
    assert!(begin(&budget, 2, OTHER, at(0)).is_ok());
    assert!(budget.begin(&issuer("another"), digest(1), OTHER, at(0)).is_ok());
}

#[test]
fn made_up_tokens_from_one_network_are_asked_about_a_few_times_only() {
    let budget = IntrospectionBudget::default();
    assert_eq!(questions(&budget, 0..10_000, ATTACKER, at(0)), 100);
    assert_eq!(begin(&budget, 20_000, ATTACKER, at(0)).err(), Some(NotAsked::TooMany));
    assert!(begin(&budget, 20_000, OTHER, at(0)).is_ok(), "another network pays for it");
    assert_eq!(questions(&budget, 30_000..40_000, ATTACKER, at(10)), 20);
}

#[test]
fn one_customers_ipv6_addresses_are_one_network() {
    let budget = IntrospectionBudget::default();
    let addresses = (0..1000).map(|host| format!("2001:db8:1:2::{host:x}"));
    let asked = addresses.enumerate().filter(|(at, own)| questions(&budget, *at..at + 1, Some(own), self::at(0)) == 1);
    assert_eq!(asked.count(), 100);
    assert!(begin(&budget, 5000, Some("2001:db8:1:3::1"), at(0)).is_ok());
}

#[test]
fn many_networks_together_stay_within_the_issuers_allowance() {
    let budget = IntrospectionBudget::default();
    let asked: usize = (0..2000)
        .map(|n| {
            let address = format!("10.0.{}.{}", n / 256, n % 256);
            questions(&budget, n * 10..n * 10 + 10, Some(&address), at(0))
        })
        .sum();
    assert_eq!(asked, 1000);
    assert!(budget.issuers.borrow()[&issuer("op")].networks.debts.len() <= MAX_NETWORKS + 1);
    assert!(budget.begin(&issuer("another"), digest(0), ATTACKER, at(0)).is_ok(), "another issuer pays for it");
}

#[test]
fn networks_that_cannot_be_told_apart_share_one_allowance_until_others_have_paid() {
    let budget = IntrospectionBudget::default();
    for n in 0..MAX_NETWORKS {
        assert_eq!(questions(&budget, n..n + 1, Some(&format!("10.0.{}.{}", n / 256, n % 256)), at(0)), 1);
    }
    let shared = questions(&budget, 1000..1100, Some("192.0.2.1"), at(0))
        + questions(&budget, 2000..2100, Some("192.0.2.2"), at(0))
        + questions(&budget, 3000..3100, None, at(0));
    assert_eq!(shared, 100);
    assert_eq!(questions(&budget, 4000..4200, Some("192.0.2.1"), at(1)), 100);
}

#[test]
fn good_tokens_cost_nothing() {
    let budget = IntrospectionBudget::default();
    for number in 0..5000 {
        let request = begin(&budget, number, OTHER, at(0)).unwrap();
        budget.end(request, RequestOutcome::Good, at(0));
    }
}

#[test]
fn many_strangers_at_once_are_asked_about_and_when_they_turn_out_made_up_no_more_are() {
    let budget = IntrospectionBudget::default();
    let burst: Vec<BudgetedRequest> = (0..500).map(|number| begin(&budget, number, ATTACKER, at(0)).unwrap()).collect();
    for request in burst {
        budget.end(request, RequestOutcome::Refused(IntrospectionError::Inactive, REFUSED_AT_MOST), at(0));
    }
    assert_eq!(begin(&budget, 1000, ATTACKER, at(199)).err(), Some(NotAsked::TooMany));
    assert!(begin(&budget, 1000, ATTACKER, at(201)).is_ok());
}

#[test]
fn a_question_that_breaks_off_is_paid_for_by_time() {
    let budget = IntrospectionBudget::default();
    let dropped = (0..2000).filter_map(|number| begin(&budget, number, OTHER, at(0)).ok()).count();
    assert_eq!(dropped, 1000);
    assert_eq!(begin(&budget, 3000, OTHER, at(0)).err(), Some(NotAsked::TooMany));
    assert!(begin(&budget, 3000, OTHER, at(1)).is_ok());
}

#[test]
fn an_endpoint_that_does_not_answer_is_left_alone_for_a_moment() {
    let budget = IntrospectionBudget::default();
    let request = begin(&budget, 1, OTHER, at(0)).unwrap();
    budget.end(request, RequestOutcome::NoAnswer, at(0));
    assert_eq!(begin(&budget, 2, OTHER, at(4)).err(), Some(NotAsked::Paused));
    assert!(budget.begin(&issuer("another"), digest(2), OTHER, at(4)).is_ok());
    assert!(begin(&budget, 2, OTHER, at(5)).is_ok());
}

#[test]
fn questions_that_an_endpoint_left_open_are_not_counted_when_it_is_back() {
    let budget = IntrospectionBudget::default();
    let burst: Vec<_> = (0..1000).map(|number| begin(&budget, number, OTHER, at(0)).unwrap()).collect();
    for request in burst {
        budget.end(request, RequestOutcome::NoAnswer, at(0));
    }
    assert_eq!((2000..4000).filter_map(|number| begin(&budget, number, OTHER, at(5)).ok()).count(), 1000);
}

#[test]
fn an_odd_answer_about_one_token_pauses_nothing() {
    let budget = IntrospectionBudget::default();
    let request = begin(&budget, 1, ATTACKER, at(0)).unwrap();
    budget.end(request, RequestOutcome::Nothing, at(0));
    assert!(begin(&budget, 1, ATTACKER, at(0)).is_ok() && begin(&budget, 2, OTHER, at(0)).is_ok());
}

#[test]
fn a_known_refusal_is_repeated_while_the_endpoint_is_left_alone() {
    let budget = IntrospectionBudget::default();
    assert_eq!(questions(&budget, 1..2, ATTACKER, at(0)), 1);
    let request = begin(&budget, 2, OTHER, at(0)).unwrap();
    budget.end(request, RequestOutcome::NoAnswer, at(0));
    assert_eq!(begin(&budget, 1, OTHER, at(1)).err(), Some(NotAsked::Refused(IntrospectionError::Inactive)));
}

#[test]
fn a_customer_with_many_networks_uses_up_no_more_than_a_part() {
    let budget = IntrospectionBudget::default();
    let of_one_site = (0..2000).map(|number| {
        let address = format!("2001:db8:1:{number:x}::1");
        questions(&budget, number..number + 1, Some(&address), at(0))
    });
    assert_eq!(of_one_site.sum::<usize>(), 200);
    assert!(begin(&budget, 9000, Some("2001:db8:2::1"), at(0)).is_ok(), "another site pays for it");
    assert!(begin(&budget, 9001, OTHER, at(0)).is_ok(), "another network pays for it");
    assert!(begin(&budget, 9002, Some("2001:db8:1:ffff::1"), at(0)).is_err());
    assert!(begin(&budget, 9003, Some("2001:db8:1:ffff::1"), at(1)).is_ok(), "time forgives nothing");
}
