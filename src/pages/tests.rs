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
        forward::go_on(text),
        problem::render(&Refusal::Internal, text, Some(text)),
        problem::render(&Refusal::MethodNotAllowed(text.to_owned()), text, None),
        signed_in::render(),
        signed_out::render(true),
        signed_out::render(false),
        signed_out::not_yet(),
    ]
}

/// Every page that has a script.
fn scripted(text: &str) -> Vec<Scripted> {
    vec![forward::bounce(text), forward::to_login(text, ""), unsent::render(text, text, text)]
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
    // R-028, R-188
    let all = |text| pages(text).into_iter().chain(scripted(text).into_iter().map(|page| page.body));
    for text in HOSTILE {
        for (hostile, harmless) in all(text).zip(all("x")) {
            assert_eq!(skeleton(&hostile), skeleton(&harmless), "{text}");
            assert_eq!(hostile.matches("<script").count(), harmless.matches("<script").count(), "{hostile}");
            for tag in ["<script>alert", "<img", "<b>"] {
                assert!(!hostile.contains(tag), "{hostile}");
            }
        }
    }
}

#[test]
fn a_page_loads_nothing_and_runs_nothing() {
    // R-038, R-175
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
    // R-175
    let page = signed_out::render(true);
    let (_, rest) = page.split_once("<style>").unwrap();
    let (style, _) = rest.split_once("</style>").unwrap();
    let hash = Base64::encode_string(&Sha256::digest(style));
    assert!(CONTENT_SECURITY_POLICY.contains(&format!("style-src 'sha256-{hash}'")));
    for directive in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"] {
        assert!(CONTENT_SECURITY_POLICY.contains(directive), "{directive}");
    }
    assert!(!CONTENT_SECURITY_POLICY.contains("unsafe"));
}

#[test]
fn a_page_with_a_script_has_the_one_that_its_policy_names_and_nothing_in_it_is_from_outside() {
    // R-038, R-175, R-188
    for (page, other) in scripted("/x").into_iter().zip(scripted("/y\"'<>&`${z}")) {
        let script = |page: &Scripted| {
            let (_, rest) = page.body.split_once("<script>").unwrap();
            rest.split_once("</script>").unwrap().0.to_owned()
        };
        let hash = Base64::encode_string(&Sha256::digest(script(&page)));
        let policy = &page.content_security_policy;
        assert!(policy.contains(&format!("; script-src 'sha256-{hash}'")) && !policy.contains("unsafe"), "{policy}");
        assert!(policy.starts_with(CONTENT_SECURITY_POLICY.as_str()));
        assert_eq!(page.body.matches("<script").count(), 1);
        assert_eq!(script(&page), script(&other));
        for what in ["<link", "<img", "<iframe", " src=", " style=", " onclick=", "http://", "javascript:", "url("] {
            assert!(!page.body.contains(what), "{what}: {}", page.body);
        }
    }
}

#[test]
fn a_way_on_with_a_fragment_ends_in_the_path_it_is_for() {
    let page = forward::bounce("/a?b=c&d=%20").body;
    assert!(page.contains(r#"href="/a?b=c&amp;d=%20""#), "{page}");
    assert!(page.contains(r#"data-with-fragment="/auth/continue?to=%2Fa%3Fb%3Dc%26d%3D%2520""#), "{page}");
    let page = forward::to_login("/a", "").body;
    let login = r#"/auth/login?return_to=%2Fa""#;
    assert!(
        page.contains(&format!("href=\"{login}")) && page.contains(&format!("data-with-fragment=\"{login}")),
        "{page}"
    );
    assert!(page.contains(&format!("<noscript><meta http-equiv=\"refresh\" content=\"0;url={login}")), "{page}");
    let page = forward::to_login("/a", "acr_values=x&max_age=60").body;
    assert!(page.contains(r#"href="/auth/login?acr_values=x&amp;max_age=60&amp;return_to=%2Fa""#), "{page}");
}
