//! The parts of a signature.

use super::idp::{Response, Signer, certificate, code, verify};

const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";

fn signed(bend: impl FnOnce(&mut Signer)) -> String {
    let mut signer = Signer::new("idp");
    bend(&mut signer);
    code(verify(&Response::bent(|one| one.of_assertion = Some(signer)).xml()))
}

#[test]
fn only_listed_algorithms_are_accepted() {
    // R-225, R-232
    assert_eq!(signed(|_| {}), "verified");
    for algorithm in [
        "http://www.w3.org/2000/09/xmldsig#rsa-sha1",
        "http://www.w3.org/2000/09/xmldsig#dsa-sha1",
        "http://www.w3.org/2000/09/xmldsig#hmac-sha1",
        "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256",
        "http://www.w3.org/2007/05/xmldsig-more#rsa-pss",
        "",
    ] {
        assert_eq!(signed(|one| one.algorithm = algorithm), "gate.algorithm", "{algorithm}");
    }
    assert_eq!(signed(|one| one.digest = "http://www.w3.org/2000/09/xmldsig#sha1"), "gate.algorithm");
    assert_eq!(signed(|one| one.digest = "http://www.w3.org/2001/04/xmlenc#ripemd160"), "gate.algorithm");
}

#[test]
fn only_the_two_transforms_of_saml_are_accepted() {
    // R-225
    let transform = |name: &str| format!(r#"<ds:Transform Algorithm="{name}"></ds:Transform>"#);
    let enveloped = transform("http://www.w3.org/2000/09/xmldsig#enveloped-signature");
    let exclusive = transform(EXCLUSIVE);
    for transforms in [
        String::new(),
        enveloped.clone(),
        exclusive.clone(),
        format!("{exclusive}{enveloped}"),
        format!("{enveloped}{exclusive}{exclusive}"),
        format!("{enveloped}{}", transform("http://www.w3.org/2001/10/xml-exc-c14n#WithComments")),
        format!("{enveloped}{}", transform("http://www.w3.org/TR/2001/REC-xml-c14n-20010315")),
        format!("{}{exclusive}", transform("http://www.w3.org/TR/1999/REC-xslt-19991116")),
        format!("{}{exclusive}", transform("http://www.w3.org/TR/1999/REC-xpath-19991116")),
    ] {
        assert_eq!(signed(|one| one.transforms.clone_from(&transforms)), "gate.transforms", "{transforms}");
    }
    let inclusive = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315";
    assert_eq!(signed(|one| one.canonicalization = inclusive), "gate.transforms");
    let prefixes = |list: &str| {
        format!(
            r#"{enveloped}<ds:Transform Algorithm="{EXCLUSIVE}"><ec:InclusiveNamespaces xmlns:ec="{EXCLUSIVE}" PrefixList="{list}"></ec:InclusiveNamespaces></ds:Transform>"#
        )
    };
    assert_eq!(signed(|one| one.transforms = prefixes("xs")), "verified", "prefixes that are to be kept");
    assert_eq!(signed(|one| one.transforms = prefixes(&"xs ".repeat(33))), "gate.transforms");
    assert_eq!(signed(|one| one.transforms = prefixes(&"x".repeat(513))), "gate.transforms");
}

#[test]
fn the_one_reference_is_to_the_element_around_the_signature() {
    // R-223
    for uri in ["", "#", "#_response", "#_other", "#xpointer(/)", "#xpointer(id('_assertion'))", "http://evil.example/"]
    {
        assert_eq!(signed(|one| one.uri = Some(uri.to_owned())), "gate.reference", "{uri}");
    }
    assert_eq!(signed(|one| one.uri = Some("#_assertion".to_owned())), "verified");
    let second = r##"<ds:Reference URI="#_assertion"></ds:Reference>"##;
    assert_eq!(signed(|one| one.more = second.to_owned()), "gate.signature_form");
}

#[test]
fn a_key_inside_a_signature_is_not_used() {
    // R-225
    let info = |inside: &str| format!("<ds:KeyInfo>{inside}</ds:KeyInfo>");
    let embedded = |name: &str| {
        info(&format!("<ds:X509Data><ds:X509Certificate>{}</ds:X509Certificate></ds:X509Data>", certificate(name)))
    };
    assert_eq!(signed(|one| one.key_info = embedded("idp")), "verified");
    assert_eq!(
        signed(|one| one.key_info = embedded("other")),
        "verified",
        "it carries another key, and the configured one signed"
    );
    let mut forged = Signer::new("other");
    forged.key_info = embedded("other");
    let forged = Response::bent(|one| one.of_assertion = Some(forged));
    assert_eq!(code(verify(&forged.xml())), "signature.bad", "it carries its own key");
    let chain = |names: &[&str]| {
        let one = |name: &&str| format!("<ds:X509Certificate>{}</ds:X509Certificate>", certificate(name));
        info(&format!("<ds:X509Data>{}</ds:X509Data>", names.iter().map(one).collect::<String>()))
    };
    assert_eq!(signed(|one| one.key_info = chain(&["idp", "other", "spare", "weak"])), "verified");
    assert_eq!(signed(|one| one.key_info = chain(&["idp", "other", "spare", "weak", "ec"])), "gate.signature_form");
    assert_eq!(signed(|one| one.key_info = chain(&["idp", "idp"])), "gate.signature_form", "the same again");
    let elsewhere = r##"<ds:RetrievalMethod URI="#_assertion"></ds:RetrievalMethod>"##;
    assert_eq!(signed(|one| one.key_info = info(elsewhere)), "gate.signature_form");
    let object = format!("{}<ds:Object></ds:Object>", embedded("idp"));
    assert_eq!(signed(|one| one.key_info = object), "gate.signature_form");
}

#[test]
fn a_changed_word_breaks_the_signature() {
    // R-224
    let xml = Response::default().xml();
    for (was, is) in [
        (">alice<", ">mallory<"),
        ("<saml:AttributeValue>staff", "<saml:AttributeValue>admin"),
        ("_session\"", "_other\""),
        ("<ds:DigestValue>", "<ds:DigestValue>AAAA"),
        ("<ds:SignatureValue>", "<ds:SignatureValue>AAAA"),
        ("xml-exc-c14n#\"></ds:Canon", "xml-exc-c14n#\" ></ds:Canon"),
    ] {
        let changed = xml.replace(was, is);
        assert_ne!(changed, xml);
        let expected = if is.ends_with(" ></ds:Canon") { "verified" } else { "signature.bad" };
        assert_eq!(code(verify(&changed)), expected, "{is}");
    }
}
