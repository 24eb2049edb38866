//! Whatever XML passes the gate is plain: no document type, no CDATA, no instruction; it nests and counts within the bounds;
//! the library for SAML can say something about it; and what passed passes again, as the same.

use postern_saml::gate::{self, Element, Kind, MAX_BYTES, MAX_DEPTH};

const KINDS: [Kind; 5] = [Kind::Response, Kind::Assertion, Kind::LogoutRequest, Kind::LogoutResponse, Kind::Metadata];

pub fn check(data: &[u8]) {
    for kind in KINDS {
        let Ok(document) = gate::pass(data, kind) else { continue };
        let text = &document.text;
        assert!(text.len() <= MAX_BYTES && !text.contains('\r'));
        for odd in ["<!DOCTYPE", "<![CDATA["] {
            assert!(!without_comments(text).contains(odd), "{odd}");
        }
        assert!(depth(&document.root) <= MAX_DEPTH);
        let assertions = count(&document.root, &["Assertion", "EncryptedAssertion"]);
        match kind {
            Kind::Response => {
                assert!(assertions == usize::from(document.content.has_assertion || document.content.is_encrypted))
            }
            Kind::Assertion => assert_eq!(assertions, 1),
            _ => {}
        }
        let again = gate::pass(text.as_bytes(), kind).expect("what passed passes again");
        assert_eq!((again.text.as_str(), again.content), (text.as_str(), document.content));
    }
}

fn without_comments(text: &str) -> String {
    let mut parts = text.split("<!--");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str(part.split_once("-->").map_or("", |(_, rest)| rest));
    }
    out
}

fn depth(element: &Element) -> usize {
    1 + element.children.iter().map(depth).max().unwrap_or_default()
}

fn count(element: &Element, names: &[&str]) -> usize {
    let own = usize::from(names.contains(&element.name.as_str()));
    own + element.children.iter().map(|child| count(child, names)).sum::<usize>()
}
