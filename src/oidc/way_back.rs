//! Where a login was to lead, for longer than the login itself may take: sealed, so that who comes back too late still
//! gets there by signing in once more. A short one travels in `state`, a long one in cookies of its own.

use super::login_values::State;
use super::transaction;
use crate::http::cookie::BACK_PREFIX;
use crate::keyring::{KeyPurpose, KeyRing};
use crate::oidc::return_to::ReturnTo;
use crate::ports::Random;
use crate::secret::Secret;
use crate::time::Seconds;

/// How long the cookies are kept.
pub const KEPT: Seconds = Seconds::hours(24);

/// As many characters has the random part of `state`: 256 bits in base64url.
const RANDOM_CHARACTERS: usize = 43;
/// The longest that travels in `state`: providers have limits for that.
const MAX_BYTES_IN_STATE: usize = 256;
/// The most cookies that one takes.
const MAX_PARTS: usize = 3;
const MAX_PART_BYTES: usize = 3800;
/// Longer than any that was made here.
const MAX_SEALED_BYTES: usize = MAX_PARTS * MAX_PART_BYTES;

/// `state` with the way back behind the random part, if that is short. The start page needs no remembering. All of it is
/// base64url: the dot behind the key's id, which knows no `_`, becomes one.
#[must_use]
pub fn added_to(state: &State, return_to: &ReturnTo, keys: &KeyRing, random: &impl Random) -> State {
    let is_short = return_to.as_str().len() <= MAX_BYTES_IN_STATE;
    let sealed = sealed(state.expose(), return_to, keys, random).filter(|_| is_short);
    sealed.map_or_else(
        || state.clone(),
        |sealed| State::new(format!("{}{}", state.expose(), sealed.replacen('.', "_", 1))),
    )
}

/// The names of the cookies in which the way back of the login with this `state` may be, in order.
#[must_use]
pub fn cookie_names(state: &str) -> [String; MAX_PARTS] {
    let login = transaction::cookie_name(state);
    let tag = login.rsplit('-').next().unwrap_or_default();
    ["", "-2", "-3"].map(|part| format!("{BACK_PREFIX}{tag}{part}"))
}

/// The tag of the login that a cookie's name belongs to: the same in [`transaction::cookie_name`].
#[must_use]
pub fn tag(name: &str) -> Option<&str> {
    name.strip_prefix(BACK_PREFIX)?.split('-').next()
}

/// The cookies for a way back that is too long for `state`: names and values.
#[must_use]
pub fn cookies(
    state: &str,
    return_to: &ReturnTo,
    keys: &KeyRing,
    random: &impl Random,
) -> Vec<(String, Secret<String>)> {
    let is_long = return_to.as_str().len() > MAX_BYTES_IN_STATE;
    let Some(sealed) = sealed(state, return_to, keys, random).filter(|_| is_long) else { return Vec::new() };
    // It is ASCII: every byte is a boundary.
    let parts: Vec<&[u8]> = sealed.as_bytes().chunks(MAX_PART_BYTES).collect();
    let text = |part: &[u8]| Secret::new(String::from_utf8_lossy(part).into_owned());
    if parts.len() > MAX_PARTS {
        Vec::new()
    } else {
        cookie_names(state).into_iter().zip(parts.into_iter().map(text)).collect()
    }
}

/// The way back of the login with this `state`, to be read again with [`ReturnTo::parse`]. `None` if what is there was not
/// made here, or not for this login.
#[must_use]
pub fn open<'c>(state: &str, cookie: impl Fn(&str) -> Option<&'c str>, keys: &KeyRing) -> Option<String> {
    let (context, sealed) = match state.split_at_checked(RANDOM_CHARACTERS) {
        Some((random, added)) if !added.is_empty() => (random, added.replacen('_', ".", 1)),
        _ => (state, cookie_names(state).iter().map_while(|name| cookie(name)).collect()),
    };
    let is_possible = !sealed.is_empty() && sealed.len() <= MAX_SEALED_BYTES;
    let plain =
        keys.open(KeyPurpose::LoginTransaction, bound_to(context).as_bytes(), Some(&sealed).filter(|_| is_possible)?);
    String::from_utf8(plain.ok()?.expose().clone()).ok()
}

fn sealed(state: &str, return_to: &ReturnTo, keys: &KeyRing, random: &impl Random) -> Option<String> {
    let plain = Some(return_to.as_str().as_bytes()).filter(|_| *return_to != ReturnTo::start())?;
    keys.seal(KeyPurpose::LoginTransaction, bound_to(state).as_bytes(), plain, random).ok()
}

/// No transaction's cookie has this name: what is sealed as one does not open as the other.
fn bound_to(state: &str) -> String {
    format!("way-back/{state}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::PublicUrl;

    struct Fixed;

    impl Random for Fixed {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(7);
        }
    }

    fn ring(letter: &str) -> KeyRing {
        KeyRing::parse(&format!("k1:{}A", letter.repeat(42))).unwrap()
    }

    fn to(path: &str) -> ReturnTo {
        ReturnTo::parse(path, &PublicUrl::parse("https://app.example.com").unwrap()).unwrap()
    }

    #[test]
    fn a_long_way_back_survives_its_cookies_and_opens_for_its_login_alone() {
        //
        for length in [256, 2800, 5600, 8000] {
            let path = format!("/{}", "x".repeat(length));
            let cookies = cookies("state", &to(&path), &ring("C"), &Fixed);
            assert!(
                !cookies.is_empty() && cookies.iter().all(|(name, value)| name.len() + value.expose().len() < 4000)
            );
            let find =
                |name: &str| cookies.iter().find(|(known, _)| known == name).map(|(_, value)| value.expose().as_str());
            assert_eq!(open("state", find, &ring("C")).as_deref(), Some(path.as_str()));
            assert_eq!(open("other", find, &ring("C")), None);
            assert_eq!(open("state", find, &ring("B")), None);
            // Another login's, put under this one's name.
            let first = cookies[0].1.expose().clone();
            let planted = |name: &str| (name == cookie_names("other")[0]).then_some(first.as_str());
            assert_eq!(open("other", planted, &ring("C")), None);
        }
        for short in ["/", "/a", &format!("/{}", "x".repeat(255))] {
            assert!(cookies("state", &to(short), &ring("C"), &Fixed).is_empty(), "{short}");
        }
        assert_eq!(open("state", |_| None, &ring("C")), None);
    }

    #[test]
    fn a_short_way_back_travels_in_state_and_shows_nothing() {
        //
        let random = "R".repeat(RANDOM_CHARACTERS);
        let state = State::new(random.clone());
        let added = |path: &str| added_to(&state, &to(path), &ring("C"), &Fixed).expose().to_owned();
        for path in ["/page?x=1", &format!("/{}", "x".repeat(255))] {
            let with = added(path);
            assert!(with.starts_with(&random) && !with.contains("page") && with.len() < 450, "{with}");
            assert!(with.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')), "{with}");
            assert_eq!(open(&with, |_| None, &ring("C")).as_deref(), Some(path));
            for other in [with.replacen('R', "S", 1), with.replacen('_', "", 1), format!("{with}A"), format!("{with}_")]
            {
                assert_eq!(open(&other, |_| None, &ring("C")), None, "{other}");
            }
            assert_eq!(open(&with, |_| None, &ring("B")), None);
        }
        for as_before in ["/", &format!("/{}", "x".repeat(256))] {
            assert_eq!(added(as_before), random);
        }
    }

    #[test]
    fn its_cookies_are_told_by_the_tag_of_the_login() {
        let login = transaction::cookie_name("state");
        for name in cookie_names("state") {
            assert!(login.ends_with(tag(&name).unwrap()), "{name}");
        }
        assert_eq!(tag(&login), None);
    }
}
