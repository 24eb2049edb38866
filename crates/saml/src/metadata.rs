//! What an identity provider says of itself. SAML Metadata §2.3.2, §2.4.3.

use std::net::IpAddr;

use postern_saml_messages::{Metadata, ReadMetadata};
use saml::{Binding, Endpoint, IdpDescriptor};

use crate::gate::{self, Element, Kind, METADATA};
use crate::refusal::{Code, Refusal};
use crate::time::{from_unix, to_unix};
use crate::{failure, keys};

const REDIRECT: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect";
const POST: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST";

pub(crate) fn read(question: &ReadMetadata) -> Result<Metadata, Refusal> {
    let document = gate::pass(question.xml.as_bytes(), Kind::Metadata)?;
    let role = role(&document.root, &question.entity_id)?;
    let descriptor =
        IdpDescriptor::from_metadata_xml(document.text.as_bytes()).map_err(|error| failure::refusal(&error))?;
    if descriptor.entity_id != question.entity_id {
        return Err(Code::Metadata.because(&descriptor.entity_id));
    }
    if descriptor.valid_until.is_some_and(|until| until <= from_unix(question.now)) {
        return Err(Code::MetadataExpired.into());
    }
    told(&descriptor, role)
}

/// The one element that tells of an identity provider.
fn role<'a>(root: &'a Element, entity_id: &str) -> Result<&'a Element, Refusal> {
    if root.attribute("entityID") != Some(entity_id) {
        return Err(Code::Metadata.because(root.attribute("entityID").unwrap_or_default()));
    }
    let mut roles = root.all(METADATA, "IDPSSODescriptor");
    match (roles.next(), roles.next()) {
        (Some(role), None) => Ok(role),
        _ => Err(Code::Metadata.because("not exactly one identity provider")),
    }
}

fn told(descriptor: &IdpDescriptor, role: &Element) -> Result<Metadata, Refusal> {
    let mut certificates = Vec::new();
    for certificate in descriptor.signing_certs.iter().map(keys::told) {
        if !certificates.contains(&certificate) {
            certificates.push(certificate);
        }
    }
    if certificates.is_empty() || certificates.len() > keys::MAX {
        return Err(Code::Certificates.because(&certificates.len().to_string()));
    }
    let metadata = Metadata {
        entity_id: descriptor.entity_id.clone(),
        sso_redirect: address(&descriptor.sso_endpoints, Binding::HttpRedirect),
        sso_post: address(&descriptor.sso_endpoints, Binding::HttpPost),
        slo_redirect: address(&descriptor.slo_endpoints, Binding::HttpRedirect),
        slo_post: address(&descriptor.slo_endpoints, Binding::HttpPost),
        slo_redirect_response: elsewhere(role, REDIRECT),
        slo_post_response: elsewhere(role, POST),
        certificates,
        wants_signed_requests: descriptor.want_authn_requests_signed,
        valid_until: descriptor.valid_until.map(to_unix),
    };
    if metadata.sso_redirect.is_none() && metadata.sso_post.is_none() {
        return Err(Code::MetadataAddress.into());
    }
    Ok(metadata)
}

fn address(endpoints: &[Endpoint], binding: Binding) -> Option<String> {
    endpoints.iter().find(|one| one.binding == binding && may_be_sent_to(&one.url)).map(|one| one.url.clone())
}

/// Where answers to logout requests go, if elsewhere: the library does not tell.
fn elsewhere(role: &Element, binding: &str) -> Option<String> {
    let mut services =
        role.all(METADATA, "SingleLogoutService").filter(|one| one.attribute("Binding") == Some(binding));
    let other = services.find_map(|one| one.attribute("ResponseLocation"))?;
    may_be_sent_to(other).then(|| other.to_owned())
}

/// `https://…`, or `http://` on this machine, which the Worker takes in development only.
fn may_be_sent_to(address: &str) -> bool {
    if !address.bytes().all(|byte| byte.is_ascii_graphic()) || address.len() > 2048 {
        return false;
    }
    let Some(rest) = address.strip_prefix("http://") else {
        return address.starts_with("https://");
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once(':').map_or(authority, |(host, port)| {
        if port.bytes().all(|byte| byte.is_ascii_digit()) { host } else { authority }
    });
    let ip = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback())
}
