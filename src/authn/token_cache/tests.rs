use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::authn::access_token::AccessTokenExpectations;
use crate::claims::LEEWAY;
use crate::config::Profile;
use crate::config::testing::token_issuer;
use crate::jose::VerifiedJwt;
use crate::jose::testing::verified;

const NOW: i64 = 1_800_000_000;
const LIFE: i64 = 300;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix(NOW + seconds)
}

fn issuer(id: &str) -> IssuerId {
    IssuerId::parse(id).unwrap()
}

fn jwt(subject: &str) -> VerifiedJwt {
    let claims: Value = json!({
        "iss": "https://as.example.com/t1", "aud": "urn:api", "sub": subject, "client_id": "app", "jti": "j",
        "iat": NOW, "nbf": NOW, "exp": NOW + LIFE,
    });
    verified(Some("at+jwt"), &claims)
}

fn stamp() -> KeyStamp {
    jwt("anybody").key()
}

fn claims(subject: &str) -> Rc<AccessTokenClaims> {
    let issuer = token_issuer(|_| ());
    let expected = AccessTokenExpectations { issuer: &issuer, profile: Profile::Rfc9068, now: at(0) };
    Rc::new(AccessTokenClaims::check(jwt(subject), &expected).unwrap())
}

/// A cache that knows Alice's token `alice`, signed for `as`.
fn with_alice() -> TokenCache {
    let cache = TokenCache::default();
    cache.keep_signed(&issuer("as"), TokenDigest::of("alice"), &claims("alice"), stamp());
    cache
}

fn found_at(cache: &TokenCache, token: &str, now: Timestamp) -> Option<String> {
    let (_, claims) = cache.signed(&TokenDigest::of(token), now, |_, _| true)?;
    Some(claims.subject().to_owned())
}

fn found(cache: &TokenCache, token: &str) -> Option<String> {
    found_at(cache, token, at(0))
}

#[test]
fn a_token_is_found_by_all_of_its_text() {
    let cache = with_alice();
    let (issuer, claims) = cache.signed(&TokenDigest::of("alice"), at(0), |_, _| true).unwrap();
    assert_eq!((issuer.as_str(), claims.subject()), ("as", "alice"));
    for other in ["", "alic", "alice ", "Alice", "alice\0", "bob"] {
        assert_eq!(found(&cache, other), None, "{other:?}");
    }
}

#[test]
fn an_entry_answers_within_the_tokens_own_times_by_the_rules_they_were_checked_by() {
    //
    let leeway = i64::from(LEEWAY.get());
    assert!(found_at(&with_alice(), "alice", at(LIFE + leeway - 1)).is_some());
    let cache = with_alice();
    assert!(found_at(&cache, "alice", at(LIFE + leeway)).is_none());
    assert!(found(&cache, "alice").is_none(), "it is forgotten for good");
    assert!(found_at(&with_alice(), "alice", at(-leeway)).is_some());
    assert!(found_at(&with_alice(), "alice", at(-leeway - 1)).is_none(), "a clock set back");
}

#[test]
fn an_entry_ends_with_the_key_that_signed_it() {
    //
    let cache = with_alice();
    let asked = RefCell::new(Vec::new());
    let gone = |issuer: &IssuerId, key: &KeyStamp| {
        asked.borrow_mut().push((issuer.clone(), key.clone()));
        false
    };
    assert!(cache.signed(&TokenDigest::of("alice"), at(0), gone).is_none());
    assert_eq!(asked.into_inner(), [(issuer("as"), stamp())]);
    assert!(found(&cache, "alice").is_none(), "it is forgotten for good");
}

#[test]
fn what_was_introspected_answers_for_its_issuer_and_for_so_long_only() {
    //
    let cache = TokenCache::default();
    let digest = TokenDigest::of("opaque");
    cache.keep_introspected(&issuer("as"), digest, &claims("alice"), at(0));
    let ask = |id: &str, now| cache.introspected(&issuer(id), &digest, now, Seconds::new(60)).is_some();
    assert!(ask("as", at(0)) && ask("as", at(59)));
    assert!(!ask("other", at(0)));
    assert!(
        cache.introspected(&issuer("as"), &digest, at(5), Seconds::new(5)).is_none(),
        "a route that wants it younger"
    );
    cache.keep_introspected(&issuer("as"), digest, &claims("alice"), at(0));
    assert!(!ask("as", at(60)) && !ask("as", at(0)), "it is forgotten for good");
    cache.keep_introspected(&issuer("as"), digest, &claims("alice"), at(10));
    assert!(!ask("as", at(9)), "a clock set back");
    cache.keep_introspected(&issuer("as"), digest, &claims("alice"), at(0));
    assert!(cache.introspected(&issuer("as"), &digest, at(0), Seconds::new(0)).is_none());
}

#[test]
fn the_issuers_word_is_no_signature_and_the_other_way_round() {
    let cache = with_alice();
    let digest = TokenDigest::of("alice");
    assert!(cache.introspected(&issuer("as"), &digest, at(0), Seconds::new(60)).is_none());
    let cache = TokenCache::default();
    cache.keep_introspected(&issuer("as"), digest, &claims("alice"), at(0));
    assert!(cache.signed(&digest, at(0), |_, _| true).is_none());
}

#[test]
fn the_memory_is_bounded_and_no_issuer_displaces_anothers_tokens() {
    let cache = with_alice();
    let (bob, stamp) = (claims("bob"), stamp());
    for number in 0..10_000 {
        cache.keep_signed(&issuer("busy"), TokenDigest::of(&number.to_string()), &bob, stamp.clone());
    }
    assert_eq!(found(&cache, "alice").as_deref(), Some("alice"));
    assert!(cache.signed.borrow()[&issuer("busy")].len() <= BOUNDS.entries);
    assert_eq!(found(&cache, "0"), None);
    assert_eq!(found(&cache, "9999").as_deref(), Some("bob"));
}

#[test]
fn claims_weigh_what_they_take() {
    let small = footprint(json!({ "a": 1 }).as_object().unwrap());
    let long = footprint(json!({ "a": "x".repeat(1000) }).as_object().unwrap());
    let many = footprint(json!({ "a": vec![(); 1000] }).as_object().unwrap());
    // A value takes 32 bytes, and 72 where objects keep the order of their members: Cedar has `serde_json` do so.
    assert!(small < 200 && (1000..1300).contains(&long) && (20_000..80_000).contains(&many), "{small} {long} {many}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever was put in for whomever: a token finds its own subject, or nobody.
    #[test]
    fn no_token_answers_for_another(
        known in prop::collection::hash_map("[a-c.]{1,6}", "[a-z]{1,8}", 1..40),
        asked in prop::collection::vec("[a-c.]{1,6}", 1..60),
        issuers in prop::collection::vec("[a-c]", 1..4),
    ) {
        let cache = TokenCache::default();
        let mut owners = HashMap::new();
        for (number, (token, subject)) in known.iter().enumerate() {
            let id = &issuers[number % issuers.len()];
            cache.keep_signed(&issuer(id), TokenDigest::of(token), &claims(subject), stamp());
            cache.keep_introspected(&issuer(id), TokenDigest::of(token), &claims(subject), at(0));
            owners.insert(token.clone(), (id.clone(), subject.clone()));
        }
        for token in asked.iter().chain(known.keys()) {
            let digest = TokenDigest::of(token);
            let signed = cache.signed(&digest, at(0), |_, _| true);
            let signed = signed.map(|(id, claims)| (id.as_str().to_owned(), claims.subject().to_owned()));
            prop_assert_eq!(signed.as_ref(), owners.get(token));
            for id in &issuers {
                let told = cache.introspected(&issuer(id), &digest, at(0), Seconds::new(1));
                let told = told.map(|claims| claims.subject().to_owned());
                let owner = owners.get(token).filter(|(own, _)| own == id).map(|(_, subject)| subject.clone());
                prop_assert_eq!(told, owner);
            }
        }
    }
}
