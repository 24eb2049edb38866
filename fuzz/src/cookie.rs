//! Whatever stands in `Cookie`: only a cookie that we made opens anything, two of one name are none, nothing of ours
//! goes on to an upstream, and all that is not ours does.
//!
//! The input is lines of `Cookie`.

use postern::config::Config;
use postern::http::cookie::{self, SESSION, SessionCookie};
use postern::http::{HeaderMap, HeaderValue, header};
use postern::oidc::transaction::Transaction;
use postern::session::SessionHandle;
use postern::time::Timestamp;

use crate::claims::NOW;
use crate::fixed;

thread_local! {
    static CONFIG: Config = fixed::config();
}

pub fn check(data: &[u8]) {
    let lines = data.split(|byte| *byte == b'\n').filter_map(|line| HeaderValue::from_bytes(line).ok());
    let headers: HeaderMap = lines.map(|line| (header::COOKIE, line)).collect();
    CONFIG.with(|config| opens_nothing(&headers, config));
    a_second_one_makes_none(&headers);
    only_theirs_goes_on(&headers);
}

fn opens_nothing(headers: &HeaderMap, config: &Config) {
    let now = Timestamp::from_unix(NOW);
    if let SessionCookie::One(value) = cookie::session(headers) {
        assert!(!value.contains(';') && SessionHandle::from_cookie_value(value, &config.keys).is_none());
    }
    for (name, value) in cookie::login_transactions(headers) {
        assert!(Transaction::open(name, value, &config.keys, now).is_none());
    }
    let _ = cookie::arrived_just_now(headers, now);
}

fn a_second_one_makes_none(headers: &HeaderMap) {
    let mut more = headers.clone();
    more.append(header::COOKIE, HeaderValue::try_from(format!("theme=dark; {SESSION}=ours")).unwrap());
    let expected = match cookie::session(headers) {
        SessionCookie::Absent => SessionCookie::One("ours"),
        SessionCookie::One(_) | SessionCookie::Several => SessionCookie::Several,
    };
    assert_eq!(cookie::session(&more), expected);
}

fn only_theirs_goes_on(headers: &HeaderMap) {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| std::str::from_utf8(line.as_bytes()).ok());
    let theirs: Vec<&str> = lines.flat_map(|line| line.split(';')).map(|part| part.trim_matches(' ')).collect();
    let ours = |part: &str| part.to_ascii_lowercase().contains(&SESSION.to_ascii_lowercase());
    let theirs: Vec<&str> = theirs.into_iter().filter(|part| !part.is_empty() && !ours(part)).collect();
    let Some(line) = cookie::without_ours(headers) else {
        assert!(theirs.is_empty());
        return;
    };
    assert_eq!(line.as_bytes(), theirs.join("; ").as_bytes());
    let again: HeaderMap = [(header::COOKIE, line.clone())].into_iter().collect();
    assert_eq!(cookie::session(&again), SessionCookie::Absent);
    assert_eq!((cookie::login_transactions(&again).count(), cookie::without_ours(&again)), (0, Some(line)));
}
