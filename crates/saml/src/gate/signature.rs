//! What a signature is made of: one reference, to the element that it stands in, by the two transforms of SAML.
//! SAML Core §5.4.

use std::collections::HashSet;

use super::tree::Element;
use super::{MAX_CERTIFICATES, MAX_PREFIXES, SIGNATURE};
use crate::refusal::{Code, Refusal};

const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";

const MAX_PREFIX_BYTES: usize = 512;

const SIGNATURES: [&str; 6] = [
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384",
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512",
    "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
    "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384",
    "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512",
];
const DIGESTS: [&str; 4] = [
    "http://www.w3.org/2001/04/xmlenc#sha256",
    "http://www.w3.org/2001/04/xmldsig-more#sha384",
    "http://www.w3.org/2001/04/xmlenc#sha384",
    "http://www.w3.org/2001/04/xmlenc#sha512",
];

pub(super) fn check(signature: &Element, signed: &Element) -> Result<(), Refusal> {
    let (info, value) = match signature.children.as_slice() {
        [info, value] => (info, value),
        [info, value, key_info] => {
            named(key_info, "KeyInfo")?;
            no_retrieval(key_info)?;
            few_certificates(key_info)?;
            (info, value)
        }
        _ => return Err(Code::SignatureForm.into()),
    };
    named(info, "SignedInfo")?;
    leaf(value, "SignatureValue")?;
    let [canonicalization, method, reference] = info.children.as_slice() else {
        return Err(Code::SignatureForm.because("not exactly one reference"));
    };
    leaf(canonicalization, "CanonicalizationMethod")?;
    leaf(method, "SignatureMethod")?;
    named(reference, "Reference")?;
    if canonicalization.attribute("Algorithm") != Some(EXCLUSIVE) {
        return Err(Code::Transforms.because("of the signature"));
    }
    one_of(method, &SIGNATURES)?;
    refers(reference, signed)
}

fn refers(reference: &Element, signed: &Element) -> Result<(), Refusal> {
    let [transforms, method, value] = reference.children.as_slice() else {
        return Err(Code::SignatureForm.because("reference"));
    };
    named(transforms, "Transforms")?;
    leaf(method, "DigestMethod")?;
    leaf(value, "DigestValue")?;
    let target = reference.attribute("URI").and_then(|uri| uri.strip_prefix('#'));
    if target.is_none() || target != signed.attribute("ID") {
        return Err(Code::Reference.because(reference.attribute("URI").unwrap_or_default()));
    }
    one_of(method, &DIGESTS)?;
    let [enveloped, exclusive] = transforms.children.as_slice() else {
        return Err(Code::Transforms.because("not two"));
    };
    leaf(enveloped, "Transform")?;
    named(exclusive, "Transform")?;
    let are_those =
        enveloped.attribute("Algorithm") == Some(ENVELOPED) && exclusive.attribute("Algorithm") == Some(EXCLUSIVE);
    if !are_those || !takes_prefixes(exclusive) {
        return Err(Code::Transforms.into());
    }
    Ok(())
}

/// `<ec:InclusiveNamespaces PrefixList="xs"/>`, or nothing.
fn takes_prefixes(exclusive: &Element) -> bool {
    match exclusive.children.as_slice() {
        [] => true,
        [one] => {
            let few = |list: &str| list.split_whitespace().count() <= MAX_PREFIXES && list.len() <= MAX_PREFIX_BYTES;
            let is_those = one.is(EXCLUSIVE, "InclusiveNamespaces") && one.children.is_empty();
            is_those && one.attribute("PrefixList").is_some_and(few)
        }
        _ => false,
    }
}

fn named(element: &Element, name: &str) -> Result<(), Refusal> {
    element.is(SIGNATURE, name).then_some(()).ok_or_else(|| Code::SignatureForm.because(&element.name))
}

fn leaf(element: &Element, name: &str) -> Result<(), Refusal> {
    named(element, name)?;
    element.children.is_empty().then_some(()).ok_or_else(|| Code::SignatureForm.because(name))
}

fn one_of(method: &Element, known: &[&str]) -> Result<(), Refusal> {
    let algorithm = method.attribute("Algorithm").unwrap_or_default();
    known.contains(&algorithm).then_some(()).ok_or_else(|| Code::Algorithm.because(algorithm))
}

/// Keys are configured: nothing here leads to another place.
fn no_retrieval(key_info: &Element) -> Result<(), Refusal> {
    if key_info.name == "RetrievalMethod" {
        return Err(Code::SignatureForm.because("RetrievalMethod"));
    }
    key_info.children.iter().try_for_each(no_retrieval)
}

/// A chain, and no certificate of it twice.
fn few_certificates(key_info: &Element) -> Result<(), Refusal> {
    let data = key_info.all(SIGNATURE, "X509Data");
    let all = data.flat_map(|data| data.all(SIGNATURE, "X509Certificate"));
    let certificates: Vec<String> = all.map(|one| one.text.split_whitespace().collect()).collect();
    let distinct: HashSet<&String> = certificates.iter().collect();
    let are_few = certificates.len() <= MAX_CERTIFICATES && distinct.len() == certificates.len();
    are_few.then_some(()).ok_or_else(|| Code::SignatureForm.because("certificates"))
}
