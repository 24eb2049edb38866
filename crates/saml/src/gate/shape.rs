//! Which elements stand where: one message, one assertion in it, and each signature in what it signs.

use std::collections::HashSet;

use super::tree::Element;
use super::{ASSERTION, METADATA, PROTOCOL, SIGNATURE, signature};
use crate::refusal::{Code, Refusal};

/// What a document has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The answer to a request to sign in.
    Response,
    /// An assertion alone, which was encrypted.
    Assertion,
    /// A request to end sessions.
    LogoutRequest,
    /// The answer to such a request.
    LogoutResponse,
    /// What a provider says of itself. A signature in it is not looked at.
    Metadata,
}

impl Kind {
    /// Whether it comes from the operator, or an address of theirs, rather than from a browser.
    #[must_use]
    pub fn is_metadata(self) -> bool {
        matches!(self, Self::Metadata)
    }

    fn root(self) -> (&'static str, &'static str) {
        match self {
            Self::Response => (PROTOCOL, "Response"),
            Self::Assertion => (ASSERTION, "Assertion"),
            Self::LogoutRequest => (PROTOCOL, "LogoutRequest"),
            Self::LogoutResponse => (PROTOCOL, "LogoutResponse"),
            Self::Metadata => (METADATA, "EntityDescriptor"),
        }
    }
}

/// What is in a document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Content {
    /// The root is signed.
    pub root_is_signed: bool,
    /// The assertion in a response is signed.
    pub assertion_is_signed: bool,
    /// There is an assertion in the clear.
    pub has_assertion: bool,
    /// There is an encrypted one.
    pub is_encrypted: bool,
}

pub(super) fn check(root: &Element, kind: Kind) -> Result<Content, Refusal> {
    let (namespace, name) = kind.root();
    if !root.is(namespace, name) {
        return Err(Code::Root.because(&root.name));
    }
    ids_are_unique(root, &mut HashSet::new())?;
    if kind.is_metadata() {
        return Ok(Content::default());
    }
    let plain = root.child(ASSERTION, "Assertion").filter(|_| kind == Kind::Response);
    let encrypted = root.child(ASSERTION, "EncryptedAssertion").filter(|_| kind == Kind::Response);
    has_id(root)?;
    plain.map_or(Ok(()), has_id)?;
    assertions(root, kind)?;
    once_each(root, &["Issuer", "Status", "NameID", "EncryptedID", "Extensions"])?;
    let assertion = if kind == Kind::Assertion { Some(root) } else { plain };
    assertion.map_or(Ok(()), one_of_each)?;
    let signatures = signatures_in(root, root, plain)?;
    Ok(Content {
        root_is_signed: signatures.0,
        assertion_is_signed: signatures.1,
        has_assertion: plain.is_some(),
        is_encrypted: encrypted.is_some(),
    })
}

/// The attributes that any reader takes for an ID: `ID`, `Id`, `id`.
fn ids_are_unique<'a>(element: &'a Element, seen: &mut HashSet<&'a str>) -> Result<(), Refusal> {
    for one in element.attributes.iter().filter(|one| one.name.eq_ignore_ascii_case("id")) {
        if !seen.insert(&one.value) {
            return Err(Code::Id.because("twice"));
        }
    }
    element.children.iter().try_for_each(|child| ids_are_unique(child, seen))
}

fn has_id(element: &Element) -> Result<(), Refusal> {
    let is_id = |id: &&str| {
        id.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
            && id.len() <= 256
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b':'))
    };
    element.attribute("ID").filter(is_id).map(|_| ()).ok_or_else(|| Code::Id.because(&element.name))
}

/// Whatever their namespace, elements with these names stand in one place only.
fn assertions(root: &Element, kind: Kind) -> Result<(), Refusal> {
    let mut messages = 0;
    let mut found = 0;
    each(root, &mut |element| match element.name.as_str() {
        "Response" | "LogoutRequest" | "LogoutResponse" => messages += 1,
        "Assertion" | "EncryptedAssertion" => found += 1,
        _ => {}
    });
    let direct = root.child(ASSERTION, "Assertion").is_some() || root.child(ASSERTION, "EncryptedAssertion").is_some();
    let (may_be, message) = match kind {
        Kind::Response => (found == usize::from(direct), 1),
        Kind::Assertion => (found == 1, 0),
        _ => (found == 0, 1),
    };
    if messages != message {
        return Err(Code::Repeated.because("a message in a message"));
    }
    may_be.then_some(()).ok_or_else(|| Code::Assertions.because(&found.to_string()))
}

fn each<'a>(element: &'a Element, visit: &mut impl FnMut(&'a Element)) {
    visit(element);
    for child in &element.children {
        each(child, visit);
    }
}

fn once_each(parent: &Element, names: &[&str]) -> Result<(), Refusal> {
    match names.iter().find(|name| parent.children.iter().filter(|child| child.name == **name).count() > 1) {
        Some(name) => Err(Code::Repeated.because(name)),
        None => Ok(()),
    }
}

fn one_of_each(assertion: &Element) -> Result<(), Refusal> {
    once_each(assertion, &["Issuer", "Subject", "Conditions", "Advice"])?;
    for child in &assertion.children {
        match child.name.as_str() {
            "Subject" => {
                once_each(child, &["NameID", "EncryptedID", "BaseID"])?;
                child.children.iter().try_for_each(|one| once_each(one, &["SubjectConfirmationData", "NameID"]))?;
            }
            "AuthnStatement" => {
                once_each(child, &["AuthnContext", "SubjectLocality"])?;
                child.children.iter().try_for_each(|one| once_each(one, &["AuthnContextClassRef"]))?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// Whether the root and its assertion are signed. A signature anywhere else is refused.
fn signatures_in(parent: &Element, root: &Element, assertion: Option<&Element>) -> Result<(bool, bool), Refusal> {
    let mut found = (false, false);
    for child in &parent.children {
        if child.name == "Signature" {
            let is_root = std::ptr::eq(parent, root);
            let is_assertion = assertion.is_some_and(|one| std::ptr::eq(parent, one));
            let is_second = if is_root { found.0 } else { found.1 };
            if child.namespace != SIGNATURE || !(is_root || is_assertion) || is_second {
                return Err(Code::SignaturePlace.because(&parent.name));
            }
            signature::check(child, parent)?;
            found.0 |= is_root;
            found.1 |= is_assertion;
            continue;
        }
        let (of_root, of_assertion) = signatures_in(child, root, assertion)?;
        found.0 |= of_root;
        found.1 |= of_assertion;
    }
    Ok(found)
}
