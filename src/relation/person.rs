//! People, services and agents as subjects: always an issuer and a subject there, whoever writes them down.
//!
//! As subjects they are `user:https://login.example.com|alice`. People write `user:corp|alice`, with the id that the
//! issuer has in the configuration; what is stored holds the issuer, so that an id given to another gives nothing away.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

use super::{Name, Object, Subject, Tuple, Userset};
use crate::ids::principal_kind::PrincipalKind;

/// The types of those who come through door 1.
pub const PEOPLE: [&str; 3] = ["user", "service", "agent"];

/// What [`tuple`] reads.
pub const TUPLE: &str = "a tuple such as `document:7#viewer@user:corp|alice`";

/// What cannot stand in an id, and what says that something is escaped.
const IN_SUBJECT: &AsciiSet = &CONTROLS.add(b' ').add(b'#').add(b'%');
/// The first `|` stands between the two.
const IN_ISSUER: &AsciiSet = &IN_SUBJECT.add(b'|');

/// Why a text names nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misnamed {
    /// It cannot be read.
    Unreadable,
    /// It is to be somebody, and says not by which issuer of the configuration.
    Issuer,
}

/// The type that somebody of this kind is of.
const fn kind_name(kind: PrincipalKind) -> &'static str {
    match kind {
        PrincipalKind::Human => "user",
        PrincipalKind::Service => "service",
        PrincipalKind::Agent => "agent",
    }
}

/// Somebody as a subject; `None` when their name is too long to be one.
#[must_use]
pub fn person(kind: PrincipalKind, issuer: &str, subject: &str) -> Option<Object> {
    Name::parse(kind_name(kind)).and_then(|kind| of_type(kind, issuer, subject))
}

fn of_type(kind: Name, issuer: &str, subject: &str) -> Option<Object> {
    if issuer.is_empty() || subject.is_empty() {
        return None;
    }
    let issuer = utf8_percent_encode(issuer, IN_ISSUER);
    Object::new(kind, &format!("{issuer}|{}", utf8_percent_encode(subject, IN_SUBJECT)))
}

/// The issuer that goes by an id in the configuration.
pub(super) type IssuerNames<'a> = &'a dyn Fn(&str) -> Option<&'a str>;

/// Reads an object as people write it.
///
/// # Errors
/// When it cannot be read, or is somebody without issuer.
pub fn object(text: &str, issuers: IssuerNames<'_>) -> Result<Object, Misnamed> {
    named(Object::parse(text).ok_or(Misnamed::Unreadable)?, issuers)
}

/// Reads a subject as people write it.
///
/// # Errors
/// The same.
pub fn subject(text: &str, issuers: IssuerNames<'_>) -> Result<Subject, Misnamed> {
    match Subject::parse(text).ok_or(Misnamed::Unreadable)? {
        Subject::Object(object) => named(object, issuers).map(Subject::Object),
        Subject::Userset(Userset { object, relation }) => {
            Ok(Subject::Userset(Userset { object: named(object, issuers)?, relation }))
        }
        everyone @ Subject::Everyone(_) => Ok(everyone),
    }
}

/// Reads a tuple as people write it.
///
/// # Errors
/// The same.
pub fn tuple(text: &str, issuers: IssuerNames<'_>) -> Result<Tuple, Misnamed> {
    let (userset, by) = text
        .split_once('#')
        .and_then(|(object, rest)| Some((object, rest.split_once('@')?)))
        .map(|(object, (relation, by))| ((object, relation), by))
        .ok_or(Misnamed::Unreadable)?;
    let relation = Name::parse(userset.1).ok_or(Misnamed::Unreadable)?;
    Ok(Tuple { userset: Userset { object: object(userset.0, issuers)?, relation }, subject: subject(by, issuers)? })
}

/// One spelling for each: escapes that need not be are undone, and those that are missing made.
fn named(object: Object, issuers: IssuerNames<'_>) -> Result<Object, Misnamed> {
    if !PEOPLE.contains(&object.kind().as_str()) {
        return Ok(object);
    }
    let (issuer, subject) = identity(object.id(), issuers)?;
    of_type(object.kind().clone(), &issuer, &subject).ok_or(Misnamed::Unreadable)
}

/// The issuer and the subject that an id of somebody stands for, as people write it: with all escapes undone.
///
/// # Errors
/// When it cannot be read, or has no issuer.
pub fn identity(id: &str, issuers: IssuerNames<'_>) -> Result<(String, String), Misnamed> {
    let (issuer, subject) = id.split_once('|').ok_or(Misnamed::Issuer)?;
    let decoded = |text: &str| percent_decode_str(text).decode_utf8().map(Cow::into_owned);
    let (Ok(issuer), Ok(subject)) = (decoded(issuer), decoded(subject)) else { return Err(Misnamed::Unreadable) };
    // A URL, a URN of SAML, or `x509:` and a key has a colon, and no id of the configuration has one (`ProviderId`).
    let issuer = if issuer.contains(':') { issuer } else { issuers(&issuer).ok_or(Misnamed::Issuer)?.to_owned() };
    Ok((issuer, subject))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<String, Misnamed> {
        let issuers = |id: &str| (id == "corp").then_some("https://login.example/t1");
        tuple(text, &issuers).map(|tuple| tuple.to_string())
    }

    #[test]
    fn somebody_is_an_issuer_and_a_subject_whoever_writes_it() {
        //
        let anne = person(PrincipalKind::Human, "https://login.example/t1", "auth0|anne").unwrap();
        assert_eq!(anne.to_string(), "user:https://login.example/t1|auth0|anne");
        for text in ["user:corp|auth0|anne", "user:https://login.example/t1|auth0|anne", "user:corp|auth0%7Canne"] {
            assert_eq!(read(&format!("doc:7#viewer@{text}")), Ok(format!("doc:7#viewer@{anne}")));
        }
        assert_eq!(read("group:eng#lead@group:ops#member").unwrap(), "group:eng#lead@group:ops#member");
        assert_eq!(read("doc:7#viewer@user:*").unwrap(), "doc:7#viewer@user:*");
        assert_eq!(read("user:corp|anne#manager@user:corp|bob").unwrap().matches("https://").count(), 2);
        let partner = person(PrincipalKind::Service, "x509:54be", "dns:api.partner.example").unwrap();
        assert_eq!(read(&format!("doc:7#viewer@{partner}")), Ok(format!("doc:7#viewer@{partner}")));
        // An entityID of SAML may be a URN.
        let jane = person(PrincipalKind::Human, "urn:example:idp", "persistent!a").unwrap();
        for text in ["user:urn:example:idp|persistent!a", "user:urn%3Aexample:idp|persistent!%61"] {
            assert_eq!(read(&format!("doc:7#viewer@{text}")), Ok(format!("doc:7#viewer@{jane}")));
        }
        for text in ["user:anne", "user:crop|anne", "service:anne", "agent:crop|a", "user:anne#friend"] {
            assert_eq!(read(&format!("doc:7#viewer@{text}")), Err(Misnamed::Issuer), "{text}");
        }
        for text in ["user:corp|", "user:", "user:corp|%FF", "user:https://a|"] {
            assert_eq!(read(&format!("doc:7#viewer@{text}")), Err(Misnamed::Unreadable), "{text}");
        }
    }

    #[test]
    fn no_two_share_a_name() {
        //
        let odd = ["a", "a|b", "a#b", "a%23b", "a b", "a%20b", "é", "*", "|", "a@b", "a:b", "a\u{a0}b", "a\n"];
        let issuers = ["https://a", "https://a|a", "https://a|", "https://a#x", "https://b", "urn:a"];
        let mut all = std::collections::BTreeSet::new();
        for kind in [PrincipalKind::Human, PrincipalKind::Service, PrincipalKind::Agent] {
            for issuer in issuers {
                for subject in odd {
                    let name = person(kind, issuer, subject).unwrap();
                    assert_eq!(object(&name.to_string(), &|_| None), Ok(name.clone()));
                    assert!(all.insert(name), "{issuer} {subject}");
                }
            }
        }
        assert_eq!(person(PrincipalKind::Human, "https://a", &"é".repeat(255)), None);
        assert_eq!(person(PrincipalKind::Human, "https://a", ""), None);
    }
}
