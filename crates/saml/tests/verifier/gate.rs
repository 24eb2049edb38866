//! XML that two parsers could understand differently, or that is too large.

use super::idp::{Response, code, verified, verify};

fn good() -> String {
    Response::default().xml()
}

fn code_of(xml: &str) -> String {
    code(verify(xml))
}

/// A response, changed after it was signed.
fn changed(was: &str, is: &str) -> String {
    let xml = good().replacen(was, is, 1);
    assert_ne!(xml, good());
    code_of(&xml)
}

#[test]
fn plain_xml_passes_however_it_is_written() {
    let xml = good();
    let told = verified(&xml);
    for same in [
        format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{xml}\n"),
        format!("\u{feff}<?xml version='1.0' encoding='utf-8' standalone=\"yes\"?>{xml}"),
        format!("<!-- of 2026 -->{xml}<!-- the end -->"),
        xml.replace("<samlp:Status>", "<!-- here --><samlp:Status>"),
        xml.replace("<saml:Subject>", "<saml:Subject><!-- only elements here -->"),
        xml.replace("></samlp:StatusCode>", "/>"),
        xml.replace("alice@example.com", "&#97;lice&#x40;example.com"),
        xml.replace(" Destination=", "\n  Destination = ").replace("</samlp:Response>", "</samlp:Response >"),
        xml.replace("<ds:SignatureValue>", "<ds:SignatureValue>\r\n"),
    ] {
        assert_eq!(verified(&same), told, "{same}");
    }
}

#[test]
fn a_comment_does_not_cut_a_value() {
    // R-226
    for value in ["alice", "alice@example.com", "staff", "saml/metadata/corp", "classes:Password"] {
        let (head, tail) = value.split_at(3);
        assert_eq!(changed(value, &format!("{head}<!-- -->{tail}")), "gate.comment", "{value}");
    }
    assert_eq!(changed(">alice</saml:NameID>", "><!-- -->alice</saml:NameID>"), "gate.comment");
    assert_eq!(changed("</ds:DigestValue>", "<!-- --></ds:DigestValue>"), "gate.comment");
    assert_eq!(changed("</ds:SignatureValue>", "<!--x--></ds:SignatureValue>"), "gate.comment");
    assert_eq!(changed("</saml:AttributeStatement>", "<!-- a -- b --></saml:AttributeStatement>"), "gate.xml");
}

#[test]
fn entities_and_document_types_are_refused() {
    // R-226, R-357
    let bomb = r#"<!DOCTYPE lolz [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>"#;
    let outside = r#"<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>"#;
    for doctype in [bomb, outside, "<!DOCTYPE samlp:Response>", r#"<!DOCTYPE r SYSTEM "http://evil.example/a.dtd">"#] {
        assert_eq!(code_of(&format!("{doctype}{}", good())), "gate.doctype");
        assert_eq!(code_of(&format!("<?xml version=\"1.0\"?>{doctype}{}", good())), "gate.doctype");
    }
    assert_eq!(changed("<samlp:Status>", "<!DOCTYPE r><samlp:Status>"), "gate.doctype");
    for entity in ["&x;", "&nbsp;", "&amp", "&#0;", "&#8;", "&#xFFFE;", "&#x110000;", "&#xD800;", "&#x;", "&#-1;", "&;"]
    {
        assert!(
            ["gate.entity", "gate.xml"].contains(&changed(">alice<", &format!(">alice{entity}<")).as_str()),
            "{entity}"
        );
        assert_eq!(
            changed(" Destination=\"", &format!(" Consent=\"{entity}\" Destination=\"")),
            "gate.entity",
            "{entity}"
        );
    }
}

#[test]
fn what_is_not_plain_xml_is_refused() {
    // R-226, R-357
    let cases = [
        (">alice<", "><![CDATA[alice]]><", "gate.cdata"),
        (">alice<", "><?alice?><", "gate.instruction"),
        ("<samlp:Status>", "<?xml version=\"1.0\"?><samlp:Status>", "gate.xml"),
        (">alice<", ">al<saml:b></saml:b>ice<", "gate.mixed"),
        ("<samlp:Status>", "text<samlp:Status>", "gate.mixed"),
        ("<saml:Subject>", "<saml:Sübject>", "gate.name"),
        ("<samlp:Status>", "<samlp:Status a:b:c=\"1\">", "gate.name"),
        ("<samlp:Status>", "<samlp:Status 1a=\"1\">", "gate.name"),
        ("<samlp:Status>", "<samlp:Status a>", "gate.xml"),
        ("<samlp:Status>", "<samlp:Status a=b>", "gate.xml"),
        ("<samlp:Status>", "<samlp:Status a=\"1\"b=\"2\">", "gate.xml"),
        ("<samlp:Status>", "<samlp:Status a=\"<\">", "gate.xml"),
        ("<samlp:Status>", "<samlp:Status a=\"1\" a=\"2\">", "gate.attributes"),
        ("<samlp:Status>", "<samlp:Status xmlns:p=\"u:1\" xmlns:q=\"u:1\" p:a=\"1\" q:a=\"2\">", "gate.attributes"),
        ("<samlp:Status>", "<samlp:Status a=\"1\n2\">", "gate.attribute_space"),
        ("<samlp:Status>", "<samlp:Status p:a=\"1\">", "gate.namespace"),
        ("<samlp:Status>", "<samlp:Status xmlns:p=\"\">", "gate.namespace"),
        ("<samlp:Status>", "<samlp:Status xmlns:p=\"relative\">", "gate.namespace"),
        ("<samlp:Status>", "<samlp:Status xmlns:xml=\"u:1\">", "gate.namespace"),
        ("<samlp:Status>", "<samlp:Status xmlns:p=\"http://www.w3.org/XML/1998/namespace\">", "gate.namespace"),
        ("<samlp:Status>", "<samlp:Status xml:id=\"_assertion\">", "gate.id"),
        ("<samlp:Status>", "<samlp:Status Id=\"_assertion\">", "gate.id"),
        ("<samlp:Status>", "<samlp:Status id=\"_response\">", "gate.id"),
        (">alice<", ">]]>alice<", "gate.xml"),
        (">alice<", ">alice\u{1}<", "gate.characters"),
        (">alice<", ">alice\u{fffe}<", "gate.characters"),
        ("</saml:NameID>", "</saml:Name>", "gate.xml"),
        ("</samlp:Response>", "", "gate.xml"),
        ("</samlp:Response>", "</samlp:Response>text", "gate.roots"),
        ("</samlp:Response>", "</samlp:Response><a/>", "gate.roots"),
        ("</samlp:Response>", "</samlp:Response></a>", "gate.xml"),
    ];
    for (was, is, expected) in cases {
        assert_eq!(changed(was, is), expected, "{is}");
    }
    assert_eq!(code_of(&good().repeat(2)), "gate.roots");
    assert_eq!(code_of(&Response::default().assertion()), "gate.root");
    assert_eq!(code_of("<a/>"), "gate.root");
    assert_eq!(code_of(""), "gate.xml");
    assert_eq!(code_of(&format!("<?xml version=\"1.0\" encoding=\"UTF-16\"?>{}", good())), "gate.characters");
    assert_eq!(code_of(&format!("<?xml version=\"1.1\"?>{}", good())), "gate.characters");
}

#[test]
fn what_is_larger_than_a_limit_is_refused() {
    // R-357, R-361
    let spaces = |count: usize| good().replace("</samlp:Response>", &format!("{}</samlp:Response>", " ".repeat(count)));
    let length = good().len();
    assert_eq!(code_of(&spaces(256 * 1024 - length)), "verified");
    assert_eq!(code_of(&spaces(256 * 1024 - length + 1)), "gate.size");
    assert_eq!(code_of(&spaces(400 * 1024)), "gate.size");
    // The response and its status are two of 32.
    let nested = |depth: usize| {
        let inside = format!("{}{}", "<samlp:a>".repeat(depth), "</samlp:a>".repeat(depth));
        good().replace("<samlp:Status>", &format!("<samlp:Extensions>{inside}</samlp:Extensions><samlp:Status>"))
    };
    assert_eq!(code_of(&nested(30)), "verified");
    assert_eq!(code_of(&nested(31)), "gate.depth");
    let attributes = |elements: usize, each: usize| {
        let one: String = (0..each).map(|number| format!(" a{number}=\"\"")).collect();
        let all = format!("<samlp:a{one}/>").repeat(elements);
        good().replace("<samlp:Status>", &format!("<samlp:Extensions>{all}</samlp:Extensions><samlp:Status>"))
    };
    assert_eq!(code_of(&attributes(60, 64)), "verified");
    assert_eq!(code_of(&attributes(64, 64)), "gate.attributes");
    assert_eq!(code_of(&attributes(1, 65)), "gate.attributes");
}

#[test]
fn no_message_makes_canonicalisation_slow() {
    // R-361: it goes through all declarations in scope for each element, before a key is asked
    let declared =
        |count: usize| (0..count).map(|number| format!(" xmlns:p{number}=\"u:{number}\"")).collect::<String>();
    let extended = |inside: &str| {
        good().replace("<samlp:Status>", &format!("<samlp:Extensions>{inside}</samlp:Extensions><samlp:Status>"))
    };
    // One of them is that of the response.
    assert_eq!(code_of(&extended(&format!("<samlp:a{}/>", declared(31)))), "verified");
    assert_eq!(code_of(&extended(&format!("<samlp:a{}/>", declared(32)))), "gate.namespaces");
    let nested = format!("<samlp:a{}><samlp:b{}/></samlp:a>", declared(20), declared(12));
    assert_eq!(code_of(&extended(&nested)), "gate.namespaces");
    assert_eq!(
        code_of(&extended(&format!("<samlp:a{0}/><samlp:a{0}/>", declared(31)))),
        "verified",
        "beside each other"
    );
    let in_scope = |of_each: usize| {
        extended(&format!("<samlp:a{}>{}</samlp:a>", declared(of_each - 1), "<samlp:a/>".repeat(8000)))
    };
    assert_eq!(code_of(&in_scope(8)), "verified");
    assert_eq!(code_of(&in_scope(9)), "gate.namespaces", "all of them together");
    assert_eq!(code_of(&extended(&"<samlp:a/>".repeat(8000))), "verified");
    assert_eq!(code_of(&extended(&"<samlp:a/>".repeat(8192))), "gate.elements");
    let one: String = (0..20_000).map(|number| format!(" a{number}=\"\"")).collect();
    assert_eq!(code_of(&extended(&format!("<samlp:a{one}/>"))), "gate.attributes");
}

#[test]
fn only_standard_base64_is_read() {
    let ask = |response: &str| {
        let mut question = super::idp::question("");
        response.clone_into(&mut question.response);
        code(super::idp::ask(postern_saml_messages::Question::Verify(question)))
    };
    assert_eq!(ask("PGE+"), "gate.xml");
    assert_eq!(ask("PGEv\r\n Pg=="), "gate.root");
    for none in ["PGE", "PGE-", "PGE%2B", "ä", "PGE+="] {
        assert_eq!(ask(none), "gate.base64", "{none}");
    }
    assert_eq!(ask("/w=="), "gate.characters");
}
