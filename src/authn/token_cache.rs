//! Access tokens that this isolate has seen to be good, so that the next request with one costs no signature and no
//! question.
//!
//! An entry is found by the issuer and the SHA-256 of the whole token: no other token finds it, whoever holds it.
//! Only what has passed every check enters, so nobody can displace an entry with tokens that they made up. It answers
//! as long as the checks would pass again: within the token's own times, while the key that signed it is still its
//! issuer's, or for as long as the configuration allows after the issuer was asked. What the *request* has to prove,
//! possession of a key or certificate, is not part of it and is proven each time.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::access_token::AccessTokenClaims;
use crate::bounded_cache::{BoundedCache, Bounds};
use crate::ids::IssuerId;
use crate::jose::KeyStamp;
use crate::time::{Seconds, Timestamp};

/// What is remembered of each issuer: so many tokens, of so many bytes together. One issuer displaces no other's.
const BOUNDS: Bounds = Bounds { entries: 2000, weight: 2 * 1024 * 1024 };

/// The SHA-256 of a token: names it where the token itself has no business.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TokenDigest([u8; 32]);

impl TokenDigest {
    /// The digest of all of `token`.
    #[must_use]
    pub fn of(token: &str) -> Self {
        Self(Sha256::digest(token).into())
    }
}

/// The isolate's memory of good tokens.
#[derive(Debug, Default)]
pub struct TokenCache {
    /// Believed on the signature of a key.
    signed: ByIssuer<KeyStamp>,
    /// Believed on the issuer's word, given at a time.
    introspected: ByIssuer<Timestamp>,
}

type ByIssuer<V> = RefCell<HashMap<IssuerId, BoundedCache<TokenDigest, Entry<V>>>>;

#[derive(Debug)]
struct Entry<V> {
    claims: Rc<AccessTokenClaims>,
    voucher: V,
}

impl TokenCache {
    /// What a signed token says, and whose key signed it. `holds`: whether that key is still the issuer's.
    pub fn signed(
        &self,
        digest: &TokenDigest,
        now: Timestamp,
        holds: impl Fn(&IssuerId, &KeyStamp) -> bool,
    ) -> Option<(IssuerId, Rc<AccessTokenClaims>)> {
        let mut issuers = self.signed.borrow_mut();
        issuers.iter_mut().find_map(|(issuer, recent)| {
            let claims = answer(recent, digest, now, |stamp| holds(issuer, stamp))?;
            Some((issuer.clone(), claims))
        })
    }

    /// Remembers what a token says that a key of `issuer`'s signed.
    pub fn keep_signed(&self, issuer: &IssuerId, digest: TokenDigest, claims: &Rc<AccessTokenClaims>, key: KeyStamp) {
        keep(&self.signed, issuer, digest, Entry { claims: Rc::clone(claims), voucher: key });
    }

    /// What `issuer` said of a token when it was asked, less than `at_most` ago.
    pub fn introspected(
        &self,
        issuer: &IssuerId,
        digest: &TokenDigest,
        now: Timestamp,
        at_most: Seconds,
    ) -> Option<Rc<AccessTokenClaims>> {
        let mut issuers = self.introspected.borrow_mut();
        let young = |asked_at: &Timestamp| *asked_at <= now && now.since(*asked_at) < at_most;
        answer(issuers.get_mut(issuer)?, digest, now, young)
    }

    /// Remembers what `issuer` said of a token that it was asked about at `asked_at`.
    pub fn keep_introspected(
        &self,
        issuer: &IssuerId,
        digest: TokenDigest,
        claims: &Rc<AccessTokenClaims>,
        asked_at: Timestamp,
    ) {
        keep(&self.introspected, issuer, digest, Entry { claims: Rc::clone(claims), voucher: asked_at });
    }
}

/// The claims, if every check would pass again. An entry that fails one is forgotten: it is checked in full again.
fn answer<V>(
    recent: &mut BoundedCache<TokenDigest, Entry<V>>,
    digest: &TokenDigest,
    now: Timestamp,
    is_good: impl Fn(&V) -> bool,
) -> Option<Rc<AccessTokenClaims>> {
    let entry = recent.get(digest)?;
    if entry.claims.check_times(now).is_ok() && is_good(&entry.voucher) {
        return Some(Rc::clone(&entry.claims));
    }
    recent.remove(digest);
    None
}

fn keep<V>(store: &ByIssuer<V>, issuer: &IssuerId, digest: TokenDigest, entry: Entry<V>) {
    let mut issuers = store.borrow_mut();
    let weight = footprint(entry.claims.claims());
    let recent = issuers.entry(issuer.clone()).or_insert_with(|| BoundedCache::new(BOUNDS));
    recent.insert(digest, entry, weight);
}

/// About how many bytes claims take in memory.
fn footprint(claims: &Map<String, Value>) -> usize {
    claims.iter().map(|(name, value)| size_of::<String>() + name.len() + footprint_of(value)).sum()
}

fn footprint_of(value: &Value) -> usize {
    size_of::<Value>()
        + match value {
            Value::Object(members) => footprint(members),
            Value::Array(items) => items.iter().map(footprint_of).sum(),
            Value::String(text) => text.len(),
            _ => 0,
        }
}

#[cfg(test)]
mod tests;
