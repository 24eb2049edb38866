//! `postern keys new`: a fresh root secret, or a private key of our client. `postern keys pattern`: what API keys look like, for
//! secret scanners.

use std::io::Read;

use lexopt::{Arg, Parser, ValueExt};
use postern::api_key::KeyPrefix;
use postern::jose::{Algorithm, AssertionKey};
use postern::keyring::KeyRing;
use postern::ports::Random;

use super::check::{Asked, with_site};
use super::{Answer, USAGE};

/// More than any ring holds.
const MAX_BYTES: u64 = 4096;

const ADVICE: &str = "\
Set this as the secret POSTERN_KEYS: `npx wrangler secret put POSTERN_KEYS`, for development in `.dev.vars`.
It is shown once and kept nowhere.
";
const CLIENT_ADVICE: &str = "\
Set this as the secret PROVIDER_<ID>_PRIVATE_KEY, ISSUER_<ID>_PRIVATE_KEY or SERVICE_<ID>_PRIVATE_KEY; with _NEXT behind it, it is published and signs nothing yet.
It is shown once and kept nowhere.
";
const ROTATION: &str = "\
The key in front makes what is new, those behind it open what is old: nobody is logged out.
Drop the last one when the sessions, agents' grants and apps for codes made with it are over: docs/guides/rotate-keys.md says when.
";

/// The operating system's random source.
pub(super) struct OsRandom;

impl Random for OsRandom {
    fn fill(&self, bytes: &mut [u8]) {
        if getrandom::fill(bytes).is_err() {
            // A guessable key is worse than none.
            std::process::abort();
        }
    }
}

pub(super) fn run(mut parser: Parser) -> Result<Answer, lexopt::Error> {
    match parser.next()? {
        Some(Arg::Value(verb)) if verb == "new" => {}
        Some(Arg::Value(verb)) if verb == "pattern" => return pattern(parser),
        Some(Arg::Long("help") | Arg::Short('h')) => return Ok(Answer::good(USAGE.to_owned())),
        Some(other) => return Err(other.unexpected()),
        None => return Err("expected `keys new` or `keys pattern`".into()),
    }
    let (mut ring, mut client) = (None, None);
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Long("ring") => ring = Some(parser.value()?.string()?),
            Arg::Long("client") => client = Some(parser.value()?.string()?),
            other => return Err(other.unexpected()),
        }
    }
    if let Some(algorithm) = client {
        return Ok(if ring.is_some() {
            Answer::misused("`--client` and `--ring` are for keys of two kinds")
        } else {
            of_client(&algorithm)
        });
    }
    match ring.as_deref() {
        Some("-") => match read_ring() {
            Ok(text) => Ok(new(Some(&text))),
            Err(error) => Ok(Answer::misused(format!("cannot read the ring from standard input: {error}"))),
        },
        given => Ok(new(given)),
    }
}

/// The regular expression that every API key of a site matches: for the prefix that is given, or that of the configuration.
fn pattern(mut parser: Parser) -> Result<Answer, lexopt::Error> {
    let (mut asked, mut prefix) = (Asked::default(), None);
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Long("prefix") => prefix = Some(parser.value()?.string()?),
            Arg::Long("help") | Arg::Short('h') => return Ok(Answer::good(USAGE.to_owned())),
            other => match Asked::option(&other) {
                Some(option) => asked.take(option, &mut parser)?,
                None => return Err(other.unexpected()),
            },
        }
    }
    let told = |prefix: &KeyPrefix| Answer::good(format!("{}\n", prefix.pattern()));
    if let Some(text) = prefix {
        let misused = || Answer::misused(format!("--prefix: expected {}", KeyPrefix::EXPECTED));
        return Ok(KeyPrefix::parse(&text).as_ref().map_or_else(misused, told));
    }
    let of_site = |config: &postern::config::Config| match &config.api_keys {
        Some(rules) => Ok(told(&rules.prefix)),
        None => Err("the configuration has no `KEYS`: name a prefix with `--prefix`".to_owned()),
    };
    Ok(with_site(&asked, of_site).unwrap_or_else(Answer::misused))
}

/// A key for `private_key_jwt`.
fn of_client(name: &str) -> Answer {
    let algorithm = Algorithm::from_name(name);
    let key = algorithm.and_then(|algorithm| AssertionKey::generate(algorithm, |bytes| OsRandom.fill(bytes)));
    match key {
        Some(key) => Answer { out: format!("{}\n", key.expose()), err: CLIENT_ADVICE.to_owned(), ..Answer::default() },
        None => Answer::misused(format!("`--client`: expected `ES256` or `EdDSA`, found `{name}`")),
    }
}

fn read_ring() -> std::io::Result<String> {
    let mut text = String::new();
    std::io::stdin().take(MAX_BYTES).read_to_string(&mut text)?;
    Ok(text)
}

fn new(ring: Option<&str>) -> Answer {
    let entry = KeyRing::new_entry(&OsRandom);
    let mut entries = vec![entry.expose().as_str()];
    entries.extend(
        ring.into_iter().flat_map(|ring| ring.split([',', ' ', '\t', '\r', '\n'])).filter(|old| !old.is_empty()),
    );
    let whole = entries.join(",");
    // The old entries count from 1 here and from 2 in the whole ring.
    let checked = ring.map_or(Ok(()), |ring| KeyRing::parse(ring).map(|_| ())).and_then(|()| KeyRing::parse(&whole));
    if let Err(error) = checked {
        return Answer { err: format!("POSTERN_KEYS: {error}\n"), code: 1, ..Answer::default() };
    }
    let rotation = if ring.is_some() { ROTATION } else { "" };
    Answer { out: format!("{whole}\n"), err: format!("{ADVICE}{rotation}"), code: 0 }
}
