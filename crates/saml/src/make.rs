//! Messages of our own. What they are made of is escaped, and compressed for the redirect binding.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use postern_saml_messages::{Made, MakeLogoutRequest, MakeLogoutResponse, MakeRequest, NameId, OwnMetadata};

use crate::gate::{ASSERTION, METADATA, PROTOCOL, SIGNATURE};
use crate::time::to_text;

const REDIRECT: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect";
const POST: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST";
const TRANSIENT: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient";
const STATUS: &str = "urn:oasis:names:tc:SAML:2.0:status:";

/// SAML Core §3.4.1.
pub(crate) fn request(question: &MakeRequest) -> Made {
    let mut attributes =
        vec![("ProtocolBinding", POST.to_owned()), ("AssertionConsumerServiceURL", question.acs.clone())];
    for (name, _) in
        [("ForceAuthn", question.force_authn), ("IsPassive", question.is_passive)].iter().filter(|one| one.1)
    {
        attributes.push((*name, "true".to_owned()));
    }
    let format = question.name_id_format.as_deref();
    let mut policy: Vec<(&str, &str)> = format.map(|format| ("Format", format)).into_iter().collect();
    // Such a name is always made: `AllowCreate` must not be used with it (SAML 2.0 Errata 05, E14).
    if format != Some(TRANSIENT) {
        policy.push(("AllowCreate", "true"));
    }
    let mut inside = element("samlp:NameIDPolicy", &policy, "");
    if !question.authn_contexts.is_empty() {
        let classes =
            question.authn_contexts.iter().map(|class| element("saml:AuthnContextClassRef", &[], &escaped(class)));
        inside += &element("samlp:RequestedAuthnContext", &[("Comparison", "exact")], &classes.collect::<String>());
    }
    let head = Head { id: &question.id, now: question.now, to: &question.destination, from: &question.entity_id };
    head.message("AuthnRequest", &attributes, &inside)
}

/// SAML Core §3.7.1.
pub(crate) fn logout_request(question: &MakeLogoutRequest) -> Made {
    let mut inside = name_id(&question.name_id);
    if let Some(index) = &question.session_index {
        inside += &element("samlp:SessionIndex", &[], &escaped(index));
    }
    let head = Head { id: &question.id, now: question.now, to: &question.destination, from: &question.entity_id };
    head.message("LogoutRequest", &[("NotOnOrAfter", to_text(question.not_on_or_after))], &inside)
}

/// SAML Core §3.7.2.
pub(crate) fn logout_response(question: &MakeLogoutResponse) -> Made {
    let status =
        |name: &str, inside: &str| element("samlp:StatusCode", &[("Value", &format!("{STATUS}{name}"))], inside);
    let code = if question.success { status("Success", "") } else { status("Responder", &status("PartialLogout", "")) };
    let head = Head { id: &question.id, now: question.now, to: &question.destination, from: &question.entity_id };
    let inside = element("samlp:Status", &[], &code);
    head.message("LogoutResponse", &[("InResponseTo", question.in_response_to.clone())], &inside)
}

/// SAML Metadata §2.4.4.
pub(crate) fn own_metadata(question: &OwnMetadata) -> String {
    let mut inside = String::new();
    for (used, certificates) in
        [("signing", &question.signing_certificates), ("encryption", &question.encryption_certificates)]
    {
        for certificate in certificates {
            inside += &key(used, certificate);
        }
    }
    if let Some(slo) = &question.slo {
        for binding in [REDIRECT, POST] {
            inside += &element("md:SingleLogoutService", &[("Binding", binding), ("Location", slo)], "");
        }
    }
    if let Some(format) = &question.name_id_format {
        inside += &element("md:NameIDFormat", &[], &escaped(format));
    }
    let consumer = [("Binding", POST), ("Location", &question.acs), ("index", "0"), ("isDefault", "true")];
    inside += &element("md:AssertionConsumerService", &consumer, "");
    let signed = if question.signs_requests { "true" } else { "false" };
    let role =
        [("protocolSupportEnumeration", PROTOCOL), ("AuthnRequestsSigned", signed), ("WantAssertionsSigned", "true")];
    let entity = [("xmlns:md", METADATA), ("xmlns:ds", SIGNATURE), ("entityID", &question.entity_id)];
    let role = element("md:SPSSODescriptor", &role, &inside);
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{}", element("md:EntityDescriptor", &entity, &role))
}

fn key(used: &str, certificate: &str) -> String {
    let data = element("ds:X509Data", &[], &element("ds:X509Certificate", &[], &escaped(certificate)));
    let mut inside = element("ds:KeyInfo", &[], &data);
    if used == "encryption" {
        for algorithm in [
            "http://www.w3.org/2009/xmlenc11#aes256-gcm",
            "http://www.w3.org/2009/xmlenc11#aes128-gcm",
            "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p",
        ] {
            inside += &element("md:EncryptionMethod", &[("Algorithm", algorithm)], "");
        }
    }
    element("md:KeyDescriptor", &[("use", used)], &inside)
}

fn name_id(name: &NameId) -> String {
    let mut attributes = vec![("Format", name.format.as_str())];
    attributes.extend(name.name_qualifier.as_deref().map(|value| ("NameQualifier", value)));
    attributes.extend(name.sp_name_qualifier.as_deref().map(|value| ("SPNameQualifier", value)));
    element("saml:NameID", &attributes, &escaped(&name.value))
}

/// What all messages begin with.
struct Head<'a> {
    id: &'a str,
    now: i64,
    to: &'a str,
    from: &'a str,
}

impl Head<'_> {
    fn message(&self, name: &str, more: &[(&str, String)], inside: &str) -> Made {
        let instant = to_text(self.now);
        let mut attributes =
            vec![("xmlns:samlp", PROTOCOL), ("xmlns:saml", ASSERTION), ("ID", self.id), ("Version", "2.0")];
        attributes.extend([("IssueInstant", instant.as_str()), ("Destination", self.to)]);
        attributes.extend(more.iter().map(|(name, value)| (*name, value.as_str())));
        let inside = element("saml:Issuer", &[], &escaped(self.from)) + inside;
        let xml = element(&format!("samlp:{name}"), &attributes, &inside);
        let deflated = miniz_oxide::deflate::compress_to_vec(xml.as_bytes(), 6);
        Made { deflated: STANDARD.encode(deflated), posted: STANDARD.encode(xml) }
    }
}

/// An element. What is inside is XML already.
fn element(name: &str, attributes: &[(&str, &str)], inside: &str) -> String {
    let mut out = format!("<{name}");
    for (name, value) in attributes {
        let _ = write!(out, " {name}=\"{}\"", escaped(value));
    }
    let _ = if inside.is_empty() { write!(out, "/>") } else { write!(out, ">{inside}</{name}>") };
    out
}

/// Text as it stands in an element or an attribute. Characters that XML does not know are left out.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' | '\n' | '\r' => {
                let _ = write!(out, "&#{};", u32::from(c));
            }
            ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'.. => out.push(c),
            _ => {}
        }
    }
    out
}
