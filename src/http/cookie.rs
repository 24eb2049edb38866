//! Our cookies: read without surprises, written in the strict grammar (RFC 6265bis §4.1.1).

use crate::http::{HeaderMap, HeaderValue, header};
use crate::time::{Seconds, Timestamp};

/// The session cookie.
pub const SESSION: &str = "__Host-postern";

/// The cookie by which a browser shows that it proved the key of its device.
pub const BOUND: &str = "__Host-postern-bound";

/// What the name of every login transaction cookie starts with.
pub const LOGIN_PREFIX: &str = "__Host-postern-login-";

/// What the name of every cookie starts with that remembers where a login was to lead.
pub const BACK_PREFIX: &str = "__Host-postern-back-";

/// Remembers when this browser last came back from a login, for [`ARRIVAL_LIFETIME`].
const ARRIVAL: &str = "__Host-postern-arrived";

/// Remembers where the last proofs of a second factor led, for [`PROVEN_LIFETIME`].
const PROVEN: &str = "__Host-postern-proven";
const PROVEN_LIFETIME: Seconds = Seconds::minutes(5);

/// Remembers with which provider this browser last signed in: its id, and nothing of the person.
const LAST_PROVIDER: &str = "__Host-postern-last";
/// Half a year.
const LAST_PROVIDER_LIFETIME: Seconds = Seconds::hours(180 * 24);

/// A browser that comes back from a login and has no session even now will not have one after another login.
pub const ARRIVAL_LIFETIME: Seconds = Seconds::new(10);

/// Which requests of other sites a cookie comes along with (RFC 6265bis §4.1.2.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SameSiteAttribute {
    /// With none.
    Strict,
    /// With those by which a person navigates here.
    Lax,
    /// With all.
    None,
}

impl SameSiteAttribute {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Strict => "Strict",
            Self::Lax => "Lax",
            Self::None => "None",
        }
    }
}

/// What the request brought under the session cookie's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionCookie<'a> {
    /// Nothing.
    Absent,
    /// One value, not yet looked at.
    One(&'a str),
    /// Several: someone plants cookies; none of them is used.
    Several,
}

/// The session cookie of a request. Only this exact name counts, quoted or decoded forms do not.
#[must_use]
pub fn session(headers: &HeaderMap) -> SessionCookie<'_> {
    let mut values = pairs(headers).filter(|(name, _)| *name == SESSION).map(|(_, value)| value);
    match (values.next(), values.next()) {
        (None, _) => SessionCookie::Absent,
        (Some(value), None) => SessionCookie::One(value),
        _ => SessionCookie::Several,
    }
}

/// The login transaction cookies of a request, by name.
pub fn login_transactions(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    pairs(headers).filter(|(name, _)| name.starts_with(LOGIN_PREFIX))
}

/// The cookie of this name, if there is exactly one.
#[must_use]
pub fn only<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut values = pairs(headers).filter(|(known, _)| *known == name).map(|(_, value)| value);
    values.next().filter(|_| values.next().is_none())
}

/// The names of the cookies that remember where logins were to lead.
pub fn ways_back(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    pairs(headers).map(|(name, _)| name).filter(|name| name.starts_with(BACK_PREFIX))
}

/// Whether this browser came back from a login just now.
#[must_use]
pub fn arrived_just_now(headers: &HeaderMap, now: Timestamp) -> bool {
    arrivals(headers, now).next().is_some()
}

/// Whether this browser came back just now from a login that asked for what `tag` names.
#[must_use]
pub fn arrived_just_now_with(headers: &HeaderMap, now: Timestamp, tag: &str) -> bool {
    arrivals(headers, now).any(|known| known == Some(tag))
}

/// What the logins asked for that this browser came back from just now.
fn arrivals(headers: &HeaderMap, now: Timestamp) -> impl Iterator<Item = Option<&str>> {
    // Clocks of two machines: the moment noted may seem to lie ahead.
    let near = move |at: Timestamp| now.since(at) < ARRIVAL_LIFETIME && at.since(now) < ARRIVAL_LIFETIME;
    pairs(headers).filter(|(name, _)| *name == ARRIVAL).filter_map(move |(_, value)| {
        let (at, tag) = value.split_once('.').map_or((value, None), |(at, tag)| (at, Some(tag)));
        near(Timestamp::from_unix(at.parse().ok()?)).then_some(tag)
    })
}

/// The `Cookie` header without anything of ours; `None` if nothing is left.
///
/// A part that mentions our name anywhere is dropped whole: where two `Cookie` lines were joined by
/// a comma, a cookie of ours may stand in the middle of one.
#[must_use]
pub fn without_ours(headers: &HeaderMap) -> Option<HeaderValue> {
    let foreign = |part: &&str| !part.is_empty() && !part.to_ascii_lowercase().contains("__host-postern");
    let kept: Vec<&str> = parts(headers).filter(foreign).collect();
    if kept.is_empty() { None } else { HeaderValue::try_from(kept.join("; ")).ok() }
}

/// `Set-Cookie` for the session cookie: gone when the browser closes, ended by us long before.
#[must_use]
pub fn set_session(value: &str, same_site: SameSiteAttribute) -> Option<HeaderValue> {
    write(SESSION, value, same_site, None)
}

/// `Set-Cookie` for the bound cookie. `Strict`, whatever the session cookie is: with it, the browser proves the key before it
/// sends the next request without it. It is gone there a little before it is over here: else the browser would send one that
/// is.
#[must_use]
pub fn set_bound(value: &str, life: Seconds) -> Option<HeaderValue> {
    const BEFORE: u32 = 10;
    write(BOUND, value, SameSiteAttribute::Strict, Some(Seconds::new(life.get().saturating_sub(BEFORE))))
}

/// `Set-Cookie` that takes the bound cookie away.
#[must_use]
pub fn delete_bound() -> Option<HeaderValue> {
    delete(BOUND, SameSiteAttribute::Strict)
}

/// `Set-Cookie` for one login under way.
#[must_use]
pub fn set_login_transaction(
    name: &str,
    value: &str,
    same_site: SameSiteAttribute,
    lifetime: Seconds,
) -> Option<HeaderValue> {
    write(name, value, same_site, Some(lifetime))
}

/// `Set-Cookie` that notes the end of a login, and by `tag` what it asked for. `Lax`, so that it comes along even where the
/// session cookie does not.
#[must_use]
pub fn set_arrival(now: Timestamp, tag: Option<&str>) -> Option<HeaderValue> {
    let now = now.as_unix();
    let value = tag.map_or_else(|| now.to_string(), |tag| format!("{now}.{tag}"));
    write(ARRIVAL, &value, SameSiteAttribute::Lax, Some(ARRIVAL_LIFETIME))
}

/// `Set-Cookie` that forgets it.
#[must_use]
pub fn delete_arrival() -> Option<HeaderValue> {
    delete(ARRIVAL, SameSiteAttribute::Lax)
}

/// `Set-Cookie` that notes a proof of a second factor.
#[must_use]
pub fn set_proven(value: &str) -> Option<HeaderValue> {
    write(PROVEN, value, SameSiteAttribute::Lax, Some(PROVEN_LIFETIME))
}

/// What was noted. Anybody can write it: it only ends a loop.
#[must_use]
pub fn proven(headers: &HeaderMap) -> Option<&str> {
    only(headers, PROVEN)
}

/// `Set-Cookie` that notes with which provider this browser signed in.
#[must_use]
pub fn set_last_provider(id: &str) -> Option<HeaderValue> {
    write(LAST_PROVIDER, id, SameSiteAttribute::Lax, Some(LAST_PROVIDER_LIFETIME))
}

/// The id that was noted. Anybody can write it: it only says what is shown first.
#[must_use]
pub fn last_provider(headers: &HeaderMap) -> Option<&str> {
    only(headers, LAST_PROVIDER)
}

/// `Set-Cookie` that deletes a cookie of ours: same name, path and attributes as when it was set.
#[must_use]
pub fn delete(name: &str, same_site: SameSiteAttribute) -> Option<HeaderValue> {
    write(name, "", same_site, Some(Seconds::new(0)))
}

/// The whole header (RFC 6265bis §4.1.1): for this origin alone, out of scripts' reach. `max_age`: until the browser closes,
/// if there is none. `None` where a value is none of a cookie: ours are base64url, digits and dots.
fn write(name: &str, value: &str, same_site: SameSiteAttribute, max_age: Option<Seconds>) -> Option<HeaderValue> {
    let is_safe = |c: char| c.is_ascii_graphic() && !matches!(c, '"' | ',' | ';' | '\\');
    if !value.chars().all(is_safe) {
        return None;
    }
    let max_age = max_age.map(|seconds| format!("; Max-Age={}", seconds.get())).unwrap_or_default();
    let line = format!("{name}={value}; HttpOnly; SameSite={}; Secure; Path=/{max_age}", same_site.as_str());
    let mut line = HeaderValue::try_from(line).ok()?;
    line.set_sensitive(true);
    Some(line)
}

fn pairs(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    parts(headers).filter_map(|part| part.split_once('=')).map(|(name, value)| (name.trim_matches(' '), value))
}

fn parts(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(header::COOKIE).into_iter();
    let lines = lines.filter_map(|line| std::str::from_utf8(line.as_bytes()).ok());
    lines.flat_map(|line| line.split(';')).map(|part| part.trim_matches(' '))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[&str]) -> HeaderMap {
        lines.iter().map(|line| (header::COOKIE, HeaderValue::from_str(line).unwrap())).collect()
    }

    #[test]
    fn one_session_cookie_is_read_and_two_are_none() {
        //
        let cases: &[(&[&str], SessionCookie<'_>)] = &[
            (&[], SessionCookie::Absent),
            (&["a=1; b=2"], SessionCookie::Absent),
            (&["a=1; __Host-postern=v; b=2"], SessionCookie::One("v")),
            (&["__Host-postern=v"], SessionCookie::One("v")),
            (&["__Host-postern=v; __Host-postern=w"], SessionCookie::Several),
            (&["__Host-postern=v", "__Host-postern=v"], SessionCookie::Several),
            (&["__host-postern=v"], SessionCookie::Absent),
            (&["__Host-postern-login-aa=v"], SessionCookie::Absent),
            (&["__Host-postern"], SessionCookie::Absent),
            (&["__Host-postern=\"v\""], SessionCookie::One("\"v\"")),
            (&["a=1, __Host-postern=v"], SessionCookie::Absent),
        ];
        for (lines, expected) in cases {
            assert_eq!(session(&headers(lines)), *expected, "{lines:?}");
        }
    }

    #[test]
    fn the_upstream_gets_every_cookie_but_ours() {
        //
        let cases: &[(&[&str], Option<&str>)] = &[
            (&["__Host-postern=v"], None),
            (&["a=1; __Host-postern=v; b=2"], Some("a=1; b=2")),
            (&["a=1", "__Host-postern-login-x=v"], Some("a=1")),
            (&["a=1; __HOST-Postern=v"], Some("a=1")),
            (&["a=1, __Host-postern=v; b=2"], Some("b=2")),
            (&["a=1; b"], Some("a=1; b")),
            (&[], None),
        ];
        for (lines, expected) in cases {
            assert_eq!(without_ours(&headers(lines)).as_ref().map(|v| v.to_str().unwrap()), *expected, "{lines:?}");
        }
    }

    #[test]
    fn an_arrival_is_remembered_for_ten_seconds() {
        // field row 12
        let arrived = |line: &str| arrived_just_now(&headers(&[line]), Timestamp::from_unix(1000));
        for just_now in ["1000", "991", "1001"] {
            assert!(arrived(&format!("{ARRIVAL}={just_now}")), "{just_now}");
        }
        for not in ["990", "1010", "9223372036854775807", "-9223372036854775808", "", "x"] {
            assert!(!arrived(&format!("{ARRIVAL}={not}")), "{not}");
        }
        assert!(!arrived("a=1"));
        let set = |tag| set_arrival(Timestamp::from_unix(1000), tag).unwrap().to_str().unwrap().to_owned();
        assert_eq!(set(None), "__Host-postern-arrived=1000; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=10");
        assert_eq!(
            set(Some("ab")),
            "__Host-postern-arrived=1000.ab; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=10"
        );
    }

    #[test]
    fn an_arrival_tells_what_was_asked_for() {
        //
        let at = Timestamp::from_unix(1000);
        let with = |value: &str, tag| arrived_just_now_with(&headers(&[&format!("{ARRIVAL}={value}")]), at, tag);
        assert!(with("1000.ab", "ab") && with("991.ab", "ab"));
        assert!(arrived_just_now(&headers(&[&format!("{ARRIVAL}=1000.ab")]), at));
        for (value, tag) in
            [("1000", "ab"), ("1000.ab", "cd"), ("990.ab", "ab"), ("1000.", "ab"), ("ab", "ab"), (".ab", "ab")]
        {
            assert!(!with(value, tag), "{value} {tag}");
        }
    }

    #[test]
    fn cookies_are_written_with_every_protection() {
        // no Domain, no Max-Age on the session cookie
        let text = |value: Option<HeaderValue>| value.unwrap().to_str().unwrap().to_owned();
        assert_eq!(
            text(set_session("v", SameSiteAttribute::Strict)),
            "__Host-postern=v; HttpOnly; SameSite=Strict; Secure; Path=/"
        );
        assert_eq!(
            text(set_login_transaction("__Host-postern-login-a", "v", SameSiteAttribute::Lax, Seconds::minutes(10))),
            "__Host-postern-login-a=v; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=600"
        );
        assert_eq!(
            text(delete(SESSION, SameSiteAttribute::Strict)),
            "__Host-postern=; HttpOnly; SameSite=Strict; Secure; Path=/; Max-Age=0"
        );
    }
}
