//! `CERTIFICATES`: which client certificates name a program, and what it may do.

use std::fmt;

use super::problem::expected;
use super::require::domain;
use super::routes::Surroundings;
use super::table::Table;
use super::value::{label, list, parsed, scope, text};
use crate::http::alt_names::AltNameKind;
use crate::ids::CertificateId;
use crate::route::{Guard, Token};

/// Longer than any name that somebody writes down.
const MAX_NAME_BYTES: usize = 1024;
/// Of the certificates of one program, while they are replaced.
const MAX_FINGERPRINTS: usize = 16;

const SKI: &str = "a Subject Key Identifier in hexadecimal, as `certIssuerSKI` tells it";
const NAME: &str = "a distinguished name as RFC 2253 writes it, such as `CN=partner-7,O=Example`";
const FINGERPRINT: &str = "a SHA-256 of 64 hexadecimal digits";
const ALT_NAME: &str = "`dns:`, `uri:` or `email:` and the whole name, such as `dns:api.partner.example`";
const ROLE: &str = "a role of 1 to 80 characters";
const SCOPE: &str = "a scope without spaces, quotes or backslashes";

/// One entry: the certificates of one program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateRule {
    /// The key of its table.
    pub id: CertificateId,
    /// Who signed them.
    pub authority: Authority,
    /// `x509:` and that identifier: the issuer of the principals that come of it. `None` where the platform alone tells it.
    pub principal_issuer: Option<String>,
    /// Which of the authority's they are.
    pub subject: CertificateSubject,
    /// `scopes`: what the program is granted.
    pub scopes: Vec<String>,
    /// `roles`: the roles it has.
    pub roles: Vec<String>,
}

/// Who signed a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authority {
    /// `issuer_ski`: the one with this Subject Key Identifier, in lower-case hexadecimal.
    Ski(String),
    /// `issuer`: the one of this distinguished name, byte for byte.
    Name(String),
}

/// The one attribute that tells whose a certificate is (RFC 8705 §2.1.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificateSubject {
    /// `fingerprints`: it is one of these, by the SHA-256 of its DER.
    Fingerprints(Vec<[u8; 32]>),
    /// `subject`: its subject has this distinguished name, byte for byte.
    Name(String),
    /// `san`: this name stands in its `subjectAltName`.
    AltName(AltNameKind, String),
}

impl fmt::Display for CertificateSubject {
    /// As the subject of a principal, written so that no attribute is taken for one of another kind; of several
    /// fingerprints the first.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fingerprints(all) => {
                f.write_str("sha256:")?;
                all.first().into_iter().flatten().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
            Self::Name(name) => f.write_str(name),
            Self::AltName(kind, name) => write!(f, "{}:{name}", kind.word()),
        }
    }
}

/// The entries, and the ids of those with a problem too.
#[derive(Debug, Default)]
pub(super) struct Certificates {
    pub(super) ids: Vec<CertificateId>,
    pub(super) all: Vec<CertificateRule>,
}

impl Certificates {
    /// Reads `CERTIFICATES`, if it is there.
    pub(super) fn read(top: &mut Table<'_>) -> Self {
        top.section("CERTIFICATES", |table| read_all(&table)).unwrap_or_default()
    }
}

fn read_all(table: &Table<'_>) -> Certificates {
    let mut certificates = Certificates::default();
    let tables = table.tables();
    if tables.is_empty() {
        table.problem_here("expected at least one entry, or no `CERTIFICATES`");
    }
    for (name, inner) in tables {
        let id = CertificateId::parse(name);
        if id.is_none() {
            table.problem(name, "expected an id of 1 to 32 characters of a-z, 0-9 and `-`");
        }
        certificates.ids.extend(id.clone());
        let Some(rule) = read(id, inner) else { continue };
        let same =
            |known: &&CertificateRule| known.authority == rule.authority && shares(&known.subject, &rule.subject);
        if let Some(known) = certificates.all.iter().find(same) {
            table.problem(name, format!("is for a certificate that `{}` is for already", known.id));
        }
        certificates.all.push(rule);
    }
    certificates
}

/// Whether one certificate is certain to be of both.
fn shares(one: &CertificateSubject, other: &CertificateSubject) -> bool {
    match (one, other) {
        (CertificateSubject::Fingerprints(some), CertificateSubject::Fingerprints(others)) => {
            some.iter().any(|one| others.contains(one))
        }
        _ => one == other,
    }
}

/// What a route that takes certificates cannot mean.
pub(super) fn refuse_contradictions(route: &Table<'_>, guard: &Guard, surroundings: &Surroundings<'_>) {
    if !guard.takes_certificates() {
        return;
    }
    if surroundings.known.certificates.ids.is_empty() {
        route.problem(
            "authenticate",
            "`certificate` takes the client certificates in `CERTIFICATES`, and there are none",
        );
    }
    if surroundings.public_url.is_some_and(|url| is_workers_dev(url.host())) {
        route.problem(
            "authenticate",
            "`certificate` needs a host of a zone of yours: on `workers.dev` nobody is asked for one",
        );
    }
    if guard.token == Token::Relay {
        route.problem("token", "`relay` has nothing to pass on of a caller who comes by a certificate");
    }
}

/// Cloudflare asks for client certificates on hosts of zones alone.
fn is_workers_dev(host: &str) -> bool {
    host.split(':').next().is_some_and(|name| name.ends_with(".workers.dev"))
}

fn read(id: Option<CertificateId>, mut table: Table<'_>) -> Option<CertificateRule> {
    let authority = authority(&mut table);
    let subject = subject(&mut table);
    let scopes = table.optional("scopes", list(SCOPE, scope)).unwrap_or_default();
    let roles = table.optional("roles", list(ROLE, label)).unwrap_or_default();
    table.finish();
    let authority = authority?;
    let principal_issuer = match &authority {
        Authority::Ski(ski) => Some(principal_issuer(ski)),
        Authority::Name(_) => None,
    };
    Some(CertificateRule { id: id?, authority, principal_issuer, subject: subject?, scopes, roles })
}

fn authority(table: &mut Table<'_>) -> Option<Authority> {
    let ski = table.optional("issuer_ski", parsed(SKI, key_identifier)).map(Authority::Ski);
    let name = table.optional("issuer", parsed(NAME, distinguished_name)).map(Authority::Name);
    exactly_one(table, &["issuer_ski", "issuer"])?;
    ski.or(name)
}

fn subject(table: &mut Table<'_>) -> Option<CertificateSubject> {
    let fingerprints = table.optional("fingerprints", |value| {
        let all = list(FINGERPRINT, fingerprint)(value)?;
        match all.len() {
            0 => Err("expected at least one".to_owned()),
            1..=MAX_FINGERPRINTS => Ok(CertificateSubject::Fingerprints(all)),
            more => Err(format!("expected at most {MAX_FINGERPRINTS}, found {more}")),
        }
    });
    let name = table.optional("subject", parsed(NAME, distinguished_name)).map(CertificateSubject::Name);
    let alt_name = table.optional("san", |value| {
        let told = text(value)?;
        if told.contains('*') {
            return Err("expected a whole name: nothing stands for any other here".to_owned());
        }
        alt_name(told).ok_or_else(|| expected(ALT_NAME, told))
    });
    exactly_one(table, &["fingerprints", "subject", "san"])?;
    fingerprints.or(name).or(alt_name)
}

/// Two would leave open which of them counts, and none would take whatever the authority signs.
fn exactly_one(table: &Table<'_>, keys: &[&'static str]) -> Option<()> {
    let there: Vec<&str> = keys.iter().copied().filter(|key| table.has(key)).collect();
    let all = keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ");
    match there.as_slice() {
        [_] => return Some(()),
        [] => table.problem_here(format!("expected one of {all}")),
        [_, more, ..] => table.problem(more, format!("expected only one of {all}")),
    }
    None
}

/// What vouches for whoever has a certificate of the authority with this Subject Key Identifier.
#[must_use]
pub fn principal_issuer(ski: &str) -> String {
    format!("x509:{ski}")
}

/// A Subject Key Identifier, in lower case.
#[must_use]
pub fn key_identifier(text: &str) -> Option<String> {
    let digits = (2..=128).contains(&text.len()) && text.len().is_multiple_of(2);
    (digits && text.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| text.to_ascii_lowercase())
}

/// A SHA-256, in hexadecimal of either case.
#[must_use]
pub fn fingerprint(text: &str) -> Option<[u8; 32]> {
    let digits = text.chars().map(|digit| u8::try_from(digit.to_digit(16)?).ok()).collect::<Option<Vec<u8>>>()?;
    let bytes: Vec<u8> = digits.chunks_exact(2).filter_map(|pair| Some((pair.first()? << 4) | pair.last()?)).collect();
    if digits.len() == 64 { bytes.try_into().ok() } else { None }
}

/// The platform's own spelling is compared; so only its form is looked at.
fn distinguished_name(text: &str) -> Option<String> {
    let fits = text.len() <= MAX_NAME_BYTES && text.trim() == text && !text.chars().any(char::is_control);
    let (attribute, value) = text.split_once('=').filter(|_| fits)?;
    let is_type = attribute.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-');
    (is_type && !attribute.is_empty() && !value.is_empty()).then(|| text.to_owned())
}

fn alt_name(text: &str) -> Option<CertificateSubject> {
    let (word, name) = text.split_once(':')?;
    let (_, kind) = AltNameKind::NAMES.iter().find(|(known, _)| *known == word)?;
    let fits = name.len() <= MAX_NAME_BYTES && name.bytes().all(|byte| byte.is_ascii_graphic());
    let fits = fits
        && match kind {
            AltNameKind::Dns => domain(name).is_some(),
            AltNameKind::Uri => name.contains(':'),
            AltNameKind::Email => {
                name.split_once('@').is_some_and(|(local, host)| !local.is_empty() && !host.is_empty())
            }
        };
    fits.then(|| CertificateSubject::AltName(*kind, name.to_owned()))
}

#[cfg(test)]
mod tests;
