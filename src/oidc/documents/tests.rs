use super::*;
use crate::http::HeaderValue;

const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

fn headers(cache_control: &'static str) -> HeaderMap {
    HeaderMap::from_iter([(header::CACHE_CONTROL, HeaderValue::from_static(cache_control))])
}

fn stored(cache_control: &'static str) -> Stored {
    Stored::new("{}".to_owned(), &headers(cache_control), KEYS, NOW)
}

#[test]
fn what_a_provider_says_counts_within_bounds() {
    // R-014
    for (said, seconds) in [
        ("", 600),
        ("no-cache", 600),
        ("max-age=120", 120),
        ("public, MAX-AGE=120 , immutable", 120),
        ("max-age=0", 60),
        ("max-age=99999", 3600),
        ("max-age=-1", 600),
        ("max-age=x", 600),
        ("max-age=99999999999999", 600),
        ("s-maxage=120", 600),
    ] {
        assert_eq!(stored(said).fresh_until, NOW.plus(Seconds::new(seconds)), "{said}");
    }
}

#[test]
fn a_document_is_stored_as_by_the_first_release() {
    let text = r#"{"v":1,"body":"{}","fetched_at":1800000000,"fresh_until":1800000600,"etag":"\"a\""}"#;
    let document: Stored = serde_json::from_str(text).unwrap();
    assert_eq!(serde_json::to_string(&document).unwrap(), text);
}

#[test]
fn a_document_is_fresh_then_ageing_then_stale_then_too_old() {
    // R-014
    let document = stored("max-age=120");
    let at = |seconds: i64| document.freshness(KEYS, Timestamp::from_unix(NOW.as_unix() + seconds));
    assert_eq!([at(0), at(59), at(60)], [Freshness::Fresh, Freshness::Fresh, Freshness::Ageing]);
    assert_eq!([at(119), at(120)], [Freshness::Ageing, Freshness::Stale]);
    let day = i64::from(KEYS.usable.get());
    assert_eq!([at(day - 1), at(day), at(i64::MAX / 2)], [Freshness::Stale, Freshness::TooOld, Freshness::TooOld]);
    assert_eq!([at(-300), at(-301)], [Freshness::Fresh, Freshness::TooOld]);
}

#[test]
fn the_shared_cache_cannot_make_a_document_fresh_for_longer_than_it_may_be() {
    // R-014
    let mut document = stored("");
    document.fresh_until = Timestamp::from_unix(i64::MAX);
    let later = NOW.plus(KEYS.life_at_most);
    assert_eq!(document.freshness(KEYS, later), Freshness::Stale);
}

#[test]
fn a_confirmed_document_is_young_again_and_keeps_its_tag() {
    let mut headers = headers("max-age=120");
    headers.insert(header::ETAG, HeaderValue::from_static("\"a\""));
    let document = Stored::new("{}".to_owned(), &headers, KEYS, NOW);
    let later = NOW.plus(Seconds::hours(2));
    let confirmed = document.clone().confirmed(&HeaderMap::new(), KEYS, later);
    assert_eq!((confirmed.etag.as_deref(), confirmed.fetched_at), (Some("\"a\""), later));
    assert_eq!((confirmed.body, confirmed.fresh_until), (document.body, later.plus(KEYS.life)));
}

#[test]
fn an_endless_tag_is_not_kept() {
    let headers = HeaderMap::from_iter([(header::ETAG, HeaderValue::try_from("a".repeat(257)).unwrap())]);
    assert_eq!(Stored::new(String::new(), &headers, KEYS, NOW).etag, None);
}

const URL: &str = "https://op.example/jwks";

fn ring(text: &str) -> KeyRing {
    KeyRing::parse(text).unwrap()
}

#[test]
fn the_shared_cache_holds_what_we_put_there_or_nothing() {
    // field row 21
    let (a, b) = (format!("a:{}", "E".repeat(43)), format!("b:{}", "I".repeat(43)));
    let stored = Stored::new("{\"keys\":[]}".to_owned(), &HeaderMap::new(), KEYS, Timestamp::from_unix(1000));
    let text = stored.to_cache(URL, &ring(&a)).unwrap();
    assert_eq!(Stored::from_cache(&text, URL, &ring(&a)), Some(stored.clone()));
    assert_eq!(Stored::from_cache(&text, URL, &ring(&format!("{b} {a}"))), Some(stored));
    assert_eq!(Stored::from_cache(&text, URL, &ring(&b)), None, "its key has left the ring");
    assert_eq!(Stored::from_cache(&text, "https://op.example/other", &ring(&a)), None, "put at another place");
    let json = text.splitn(3, '.').nth(2).unwrap();
    for forged in
        [String::new(), json.to_owned(), format!("a..{json}"), format!("a.AA.{json}"), text.replace("keys", "kezs")]
    {
        assert_eq!(Stored::from_cache(&forged, URL, &ring(&a)), None, "{forged}");
    }
}
