use super::*;
use crate::config::testing::provider;
use crate::refusal::Refusal;

const HOSTILE: [&str; 5] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' onmouseover='alert(1)",
    "</title></style><b>",
    "&lt;already&gt;",
];

/// Every page there is, with `text` wherever something can be put.
fn pages(text: &str) -> Vec<String> {
    let mut named = provider(|_| ());
    named.name = text.to_owned();
    vec![
        chooser::render(&[named], |_| text.to_owned()),
        forward::signed_in(text),
        forward::bounce(text),
        problem::render(&Refusal::Internal, text, Some(text)),
        problem::render(&Refusal::MethodNotAllowed(text.to_owned()), text, None),
        signed_out::render(),
    ]
}

/// What a page is made of: its tags and the names of their attributes, without any text or value.
fn skeleton(page: &str) -> Vec<&str> {
    let without_values = page.split('"').step_by(2);
    without_values
        .flat_map(|part| part.split(['<', ' ', '>']))
        .filter(|word| word.ends_with('=') || word.starts_with('/'))
        .collect()
}

#[test]
fn whatever_stands_in_a_page_is_text() {
    //
    for text in HOSTILE {
        for (hostile, harmless) in pages(text).iter().zip(pages("x")) {
            assert_eq!(skeleton(hostile), skeleton(&harmless), "{text}");
            for tag in ["<script", "<img", "<b>"] {
                assert!(!hostile.contains(tag), "{hostile}");
            }
        }
    }
}

#[test]
fn a_page_loads_nothing_and_runs_nothing() {
    //
    for page in pages("/x") {
        for what in
            ["<script", "<link", "<img", "<iframe", " src=", " style=", "http://", "javascript:", "@import", "url("]
        {
            assert!(!page.contains(what), "{what}: {page}");
        }
        assert!(
            page.starts_with("<!DOCTYPE html><html lang=\"en\">") && page.contains("<title>") && page.contains("<h1>")
        );
    }
}

#[test]
fn the_policy_allows_the_one_style_sheet_and_nothing_else() {
    //
    let page = signed_out::render();
    let (_, rest) = page.split_once("<style>").unwrap();
    let (style, _) = rest.split_once("</style>").unwrap();
    let hash = Base64::encode_string(&Sha256::digest(style));
    assert!(CONTENT_SECURITY_POLICY.contains(&format!("style-src 'sha256-{hash}'")));
    for directive in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"] {
        assert!(CONTENT_SECURITY_POLICY.contains(directive), "{directive}");
    }
    assert!(!CONTENT_SECURITY_POLICY.contains("unsafe"));
}
