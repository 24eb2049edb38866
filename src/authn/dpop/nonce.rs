//! The time → a nonce that proofs must hold, and back (RFC 9449 §9). Nothing is stored: it is a MAC over the time, cut
//! into spans, so that every isolate makes and accepts the same one and nobody else can make the next.
//!
//! Ours alone: the authorization server has nonces of its own (§8), and neither accepts the other's.

use base64ct::{Base64UrlUnpadded, Encoding};

use crate::keyring::{KeyPurpose, KeyRing};
use crate::time::{Seconds, Timestamp};

/// How long one nonce is given out. It is accepted for as long again.
pub const SPAN: Seconds = Seconds::minutes(5);

/// The nonce of the present: `key id . base64url(MAC)`, of the characters that §8.1 allows.
#[must_use]
pub fn current(keys: &KeyRing, now: Timestamp) -> String {
    let mac = keys.mac(KeyPurpose::DpopNonce, &message(span(now)));
    format!("{}.{}", keys.newest_id().as_str(), Base64UrlUnpadded::encode_string(&mac))
}

/// Whether a nonce is of this span of time or the one before, made with a key still in the ring.
#[must_use]
pub fn is_current(keys: &KeyRing, nonce: &str, now: Timestamp) -> bool {
    let Some((id, mac)) = nonce.split_once('.') else { return false };
    let mut tag = [0_u8; 32];
    if !Base64UrlUnpadded::decode(mac, &mut tag).is_ok_and(|tag| tag.len() == 32) {
        return false;
    }
    let now = span(now);
    [now, now - 1].into_iter().any(|span| keys.mac_is_valid(KeyPurpose::DpopNonce, id, &message(span), &tag))
}

fn span(now: Timestamp) -> i64 {
    now.as_unix().div_euclid(i64::from(SPAN.get()))
}

const fn message(span: i64) -> [u8; 8] {
    span.to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

    fn ring(ids: &[&str]) -> KeyRing {
        let entries: Vec<String> = ids.iter().map(|id| format!("{id}:{}A", id.repeat(42))).collect();
        KeyRing::parse(&entries.join(" ")).unwrap()
    }

    //
    #[test]
    fn a_nonce_lives_for_the_rest_of_its_span_and_the_next() {
        let keys = ring(&["a"]);
        let nonce = current(&keys, NOW);
        for (later, accepted) in
            [(0, true), (1, true), (299, true), (300, true), (599, true), (600, false), (6000, false)]
        {
            assert_eq!(is_current(&keys, &nonce, NOW.plus(Seconds::new(later))), accepted, "{later}");
        }
        let tomorrow = current(&keys, NOW.plus(Seconds::hours(24)));
        assert!(!is_current(&keys, &tomorrow, NOW) && tomorrow != nonce);
        assert_eq!(current(&keys, NOW.plus(Seconds::new(299))), nonce);
    }

    #[test]
    fn a_nonce_outlives_the_rotation_of_keys_but_not_its_key() {
        let nonce = current(&ring(&["a"]), NOW);
        assert!(is_current(&ring(&["b", "a"]), &nonce, NOW));
        assert!(!is_current(&ring(&["b"]), &nonce, NOW));
        assert!(current(&ring(&["b", "a"]), NOW).starts_with("b."));
    }

    // RFC 9449 §8.1: %x21 / %x23-5B / %x5D-7E
    #[test]
    fn a_nonce_fits_into_header_and_challenge_alike() {
        let nonce = current(&ring(&["a"]), NOW);
        assert!(nonce.len() < 64 && nonce.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\'));
    }

    // what others made, and what was changed on the way.
    #[test]
    fn what_is_not_ours_is_refused() {
        let keys = ring(&["a"]);
        let nonce = current(&keys, NOW);
        let mac = nonce.strip_prefix("a.").unwrap();
        let other = KeyRing::parse(&format!("a:{}A", "z".repeat(42))).unwrap();
        for foreign in [
            "",
            ".",
            "a.",
            "a",
            mac,
            "eyJ7S_zG.eyJH0-Z.HX4w-7v",
            &format!("b.{mac}"),
            &format!("a.{mac}="),
            &format!("a.{mac}A"),
            &format!("a.{}", mac.get(1..).unwrap()),
            &format!(" a.{mac}"),
            &current(&other, NOW),
            &format!(
                "a.{}",
                Base64UrlUnpadded::encode_string(&keys.mac(KeyPurpose::SessionHandle, &message(span(NOW))))
            ),
        ] {
            assert!(!is_current(&keys, foreign, NOW), "{foreign}");
        }
    }
}
