mod agent_pages;
mod second_pages;

use agent_pages::{approval_pages, consents, key_pages};

use std::rc::Rc;

use serde_json::Value;

use super::api_keys::{KeyMaking, OwnKeys};
use super::approvals::{Deciding, Shown};
use super::chooser::Choices;
use super::consent::ConsentPage;
use super::problem::ProblemContext;
use super::sessions::OwnPages;
use super::unsent::WhyUnsent;
use super::*;
use crate::agent::approval::tests::{by, call, pending};
use crate::agent::approval::{Approval, ApprovalVerdict};
use crate::agent::client::RedirectUri;
use crate::api_key::{ApiKeyId, KeyEnd, KeyEnding, KeyHolder, KeyPrefix, KeyUse, ListedKey};
use crate::authz::{Shortfall, StepUp};
use crate::config::testing::{config, provider};
use crate::config::{Icon, PageOptions, Provider, ProviderId, WordedScope};
use crate::refusal::Refusal;
use crate::secret::Secret;
use crate::session::{Listed, ListedGrant};
use crate::time::Seconds;

const HOSTILE: [&str; 5] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' onmouseover='alert(1)",
    "</title></style><b>",
    "&lt;already&gt;",
];

/// A view of a language's pages, at a site that says everything about itself.
fn view(options: &PageOptions, language: Language) -> View<'_> {
    View::new(options, language, (language != Language::English).then(|| Rc::new(texts(language))))
}

fn texts(language: Language) -> Translation {
    let path = format!("{}/src/pages/languages/{}.json", env!("CARGO_MANIFEST_DIR"), language.tag());
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Options with `text` wherever the configuration lets anything stand.
fn options(text: &str) -> PageOptions {
    let link = || Some(text.to_owned());
    PageOptions { name: link(), logo: link(), support: link(), request_access: link(), ..PageOptions::default() }
}

fn listed(id: &str, device: &str, place: &str) -> Listed {
    let at = Timestamp::from_unix(1_795_328_454);
    Listed {
        id: id.to_owned(),
        device: device.to_owned(),
        place: Some(place.to_owned()),
        created_at: at,
        last_seen: at,
        expires_at: Timestamp::from_unix(i64::MAX),
        provider: None,
        bound_at: Some(Timestamp::from_unix(1_795_328_454)),
        grant: None,
    }
}

/// What a refusal may come with.
fn contexts(text: &str) -> Vec<ProblemContext<'_>> {
    let plain = ProblemContext { request_id: text, ..ProblemContext::default() };
    let login =
        ProblemContext { login: Some(text), way_back: Some(text), request_id: text, ..ProblemContext::default() };
    let person = |name| ProblemContext {
        request_id: text,
        signed_in: Some(name),
        other_account: Some(text),
        ..ProblemContext::default()
    };
    vec![
        person(text),
        person(""),
        ProblemContext { again: Some(text), request_id: text, ..ProblemContext::default() },
        ProblemContext { login: Some(text), again: Some(text), request_id: text, ..ProblemContext::default() },
        ProblemContext { login: Some(text), other_account: Some(text), request_id: text, ..ProblemContext::default() },
        plain,
        login,
    ]
}

/// Every refusal there is.
fn refusals(text: &str) -> Vec<Refusal> {
    vec![
        Refusal::BadRequest,
        Refusal::Misdirected,
        Refusal::Unauthenticated,
        Refusal::TokenRequired,
        Refusal::TokenRefused,
        Refusal::ProofRefused,
        Refusal::NonceWanted,
        Refusal::TokenMalformed,
        Refusal::StepUp(Box::new(StepUp { acr_values: Vec::new(), max_age: None, shortfall: Shortfall::TooOld })),
        Refusal::SecondFactor(Box::new(StepUp::to_second(None, Shortfall::SecondMissing))),
        Refusal::FactorRefused,
        Refusal::DeviceProof,
        Refusal::DeviceBinding,
        Refusal::Forbidden(vec![text.to_owned()]),
        Refusal::ApprovalRequired(text.to_owned(), Seconds::new(42)),
        Refusal::ApprovalDenied(Seconds::new(42)),
        Refusal::CrossSite,
        Refusal::NotFound,
        Refusal::MethodNotAllowed(text.to_owned()),
        Refusal::Conflict,
        Refusal::LoginFailed,
        Refusal::LoginRefused,
        Refusal::AccountBlocked,
        Refusal::ClientRefused,
        Refusal::ConsentOver,
        Refusal::LoginOver,
        Refusal::LoginUnfinished,
        Refusal::LoginMisconfigured,
        Refusal::LoginUnavailable,
        Refusal::TooManyRequests(Seconds::new(42)),
        Refusal::Unavailable,
        Refusal::BadGateway,
        Refusal::GatewayTimeout,
        Refusal::Internal,
    ]
}

fn choosers(view: &View<'_>, text: &str) -> Vec<HtmlPage> {
    let named = |icon| provider(|_| ()).renamed(text, icon);
    let (one, mut other) = (named(None), named(Some(Icon::Image(text.to_owned()))));
    other.id = ProviderId::parse("other").unwrap();
    let choices = |unknown_email, providers| Choices {
        providers,
        last_used: Some(&one),
        by_email: true,
        unknown_email,
        hidden_fields: vec![(text, text)],
    };
    [choices(None, vec![&one, &other]), choices(Some(text), vec![&one]), choices(Some(text), Vec::new())]
        .iter()
        .map(|choices| chooser::render(view, choices, |_| text.to_owned()))
        .collect()
}

/// Every page that has no script, with `text` wherever something can be put.
fn quiet_pages(view: &View<'_>, text: &str) -> Vec<HtmlPage> {
    let mut pages = vec![
        forward::signed_in(view, text),
        forward::go_on(view, text),
        forward::to_provider(view, text),
        forward::to_sign_out(view, text),
        signed_in::render(view),
        signed_out::render(view, true),
        signed_out::render(view, false),
        signed_out::not_yet(view),
        framed::signed_out(view, "https://login.example.com"),
    ];
    pages.extend(choosers(view, text));
    pages.extend(approval_pages(view, text));
    pages.extend(consents(view, text));
    pages.extend(second_pages::quiet(view, text));
    for refusal in refusals(text) {
        pages.extend(contexts(text).iter().map(|context| problem::render(view, &refusal, context)));
    }
    pages
}

/// Every page that has a script, but that for administrators.
fn scripted(view: &View<'_>, text: &str) -> Vec<HtmlPage> {
    let devices = [text, "A browser on Linux", "Firefox on Windows", "An unknown device"];
    let mut sessions: Vec<Listed> = (0..9)
        .map(|n| listed(&format!("id-{n}"), devices[n % 4], if n % 2 == 0 { text } else { "the Tor network" }))
        .collect();
    sessions.extend((0..4).map(|n| listed(&format!("more-{n}"), &format!("Chrome on {n}"), text)));
    let grant = ListedGrant {
        client: text.to_owned(),
        client_name: text.to_owned(),
        redirect_uri: String::new(),
        with_session: false,
        parent: None,
        resource: text.to_owned(),
        scopes: vec![text.to_owned()],
    };
    let with_session = ListedGrant { with_session: true, ..grant.clone() };
    sessions.push(Listed { grant: Some(grant), ..listed("granted", text, text) });
    sessions.push(Listed { grant: Some(with_session), ..listed("granted-here", text, text) });
    let changes = second_pages::changes(text);
    let words = [WordedScope { scope: text.to_owned(), words: text.to_owned() }];
    let own = OwnPages { keys: true, second: true, words: &words, changes: second_pages::elsewhere(&changes) };
    [
        forward::bounce(view, text),
        forward::to_login(view, text, ""),
        unsent::render(view, text, WhyUnsent::SignedOut, text),
        unsent::render(view, text, WhyUnsent::StepUp, text),
        unsent::render(view, text, WhyUnsent::Second, text),
        sessions::render(view, &sessions, "id-0", |_| Some(text.to_owned()), &own),
    ]
    .into_iter()
    .chain(key_pages(view, text))
    .chain(second_pages::scripted(view, text))
    .collect()
}

fn all_pages(view: &View<'_>, text: &str) -> Vec<HtmlPage> {
    quiet_pages(view, text).into_iter().chain(scripted(view, text)).collect()
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
    for language in Language::ALL {
        for text in HOSTILE {
            let (bad, good) = (options(text), options("x"));
            let hostile_pages = all_pages(&view(&bad, language), text);
            let harmless_pages = all_pages(&view(&good, language), "x");
            for (hostile, harmless) in hostile_pages.iter().zip(&harmless_pages) {
                let (hostile, harmless) = (&hostile.body, &harmless.body);
                assert_eq!(skeleton(hostile), skeleton(harmless), "{text}");
                assert_eq!(hostile.matches("<script").count(), harmless.matches("<script").count(), "{hostile}");
                for tag in ["<script>alert", "<img src=x", "<b>"] {
                    assert!(!hostile.contains(tag), "{hostile}");
                }
            }
        }
    }
}

#[test]
fn a_page_loads_nothing_from_elsewhere_and_runs_only_the_script_that_its_policy_names() {
    // R-038, R-175
    let options = options("/x");
    for page in all_pages(&view(&options, Language::German), "/x") {
        let HtmlPage { body, content_security_policy: policy, .. } = &page;
        for what in ["<iframe", " style=", " onclick=", "http://", "javascript:", "@import", "url("] {
            assert!(!body.contains(what), "{what}: {body}");
        }
        assert!(body.starts_with("<!DOCTYPE html><html lang=\"de\" dir=\"ltr\">") && body.contains("<title>"));
        // Images of this origin, and an icon that is none.
        for source in body.split(" src=\"").skip(1) {
            assert!(source.starts_with("/x\""), "{body}");
        }
        let scripts = body.split("<script>").skip(1).map(|rest| source(rest.split_once("</script>").unwrap().0));
        let scripts: Vec<String> = scripts.collect();
        assert!(body.matches("<script").count() == scripts.len() && !policy.contains("unsafe"), "{policy}");
        let named = policy.split_once("; script-src ").map(|(_, rest)| rest.split(';').next().unwrap().to_owned());
        assert_eq!(named.unwrap_or_default(), scripts.join(" "), "{policy}");
        assert_eq!(policy.contains("connect-src"), page.uses_passkeys, "{policy}");
        let (_, rest) = body.split_once("<style>").unwrap();
        let style = source(rest.split_once("</style>").unwrap().0);
        assert!(policy.contains(&format!("style-src {style};")), "{policy}");
    }
}

#[test]
fn a_script_says_the_same_whatever_stands_in_its_page() {
    // R-188
    let options = PageOptions::default();
    let view = view(&options, Language::English);
    for (page, other) in scripted(&view, "/x").iter().zip(scripted(&view, "/y\"'<>&`${z}")) {
        let script = |page: &HtmlPage| page.body.split_once("<script>").unwrap().1.to_owned();
        assert_eq!(script(page), script(&other));
        assert_eq!(page.content_security_policy, other.content_security_policy);
    }
}

#[test]
fn the_policy_allows_the_one_style_sheet_and_nothing_else() {
    // R-175
    let own = config(|vars| vars["PAGES"] = serde_json::json!({ "accent": "#0b6e4f" })).pages;
    for options in [PageOptions::default(), own] {
        let page = signed_out::render(&view(&options, Language::English), true);
        let policy = page.content_security_policy;
        for directive in [
            "default-src 'none'",
            "img-src 'self' data:",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "form-action 'self'",
        ] {
            assert!(policy.contains(directive), "{directive}");
        }
        assert!(!policy.contains("unsafe") && !policy.contains("script-src"));
        assert_eq!(page.body.contains("--accent:#0b6e4f"), options.accent.is_some());
    }
    let framed = framed::signed_out(&View::plain(), "https://login.example.com").content_security_policy;
    assert!(framed.contains("frame-ancestors https://login.example.com;") && framed.contains("form-action 'none'"));
    assert!(CONTENT_SECURITY_POLICY.starts_with("default-src 'none'"));
}

#[test]
fn a_way_on_with_a_fragment_ends_in_the_path_it_is_for() {
    let view = View::plain();
    let page = forward::bounce(&view, "/a?b=c&d=%20").body;
    assert!(page.contains(r#"href="/a?b=c&amp;d=%20""#), "{page}");
    assert!(page.contains(r#"data-with-fragment="/auth/continue?to=%2Fa%3Fb%3Dc%26d%3D%2520""#), "{page}");
    let page = forward::to_login(&view, "/a", "").body;
    let login = r#"/auth/login?return_to=%2Fa""#;
    assert!(
        page.contains(&format!("href=\"{login}")) && page.contains(&format!("data-with-fragment=\"{login}")),
        "{page}"
    );
    assert!(page.contains(&format!("<noscript><meta http-equiv=\"refresh\" content=\"0;url={login}")), "{page}");
    let page = forward::to_login(&view, "/a", "acr_values=x&max_age=60").body;
    assert!(page.contains(r#"href="/auth/login?acr_values=x&amp;max_age=60&amp;return_to=%2Fa""#), "{page}");
}

/// The text nodes of a page, without its style, its script and its numbers.
fn words(page: &str) -> Vec<String> {
    let mut rest = page;
    let mut words = Vec::new();
    while let Some((before, tag)) = rest.split_once('<') {
        words.push(before.to_owned());
        let (name, after) = tag.split_once('>').unwrap();
        rest = match name {
            "style" | "script" => after.split_once("</").unwrap().1.split_once('>').unwrap().1,
            _ => after,
        };
    }
    words.retain(|text| text.chars().any(char::is_alphabetic));
    words
}

#[test]
fn every_word_of_every_page_is_in_the_language_files_and_they_have_no_others() {
    // Each text comes out in brackets, so that a word without them is one that nobody could translate.
    let english: Vec<String> = texts(Language::German).keys().cloned().collect();
    let bracketed = english.iter().map(|text| {
        let parts: Vec<&str> = text.split_inclusive('}').collect();
        (text.clone(), Value::from(format!("[{}]", parts.join("]["))))
    });
    let marked: Translation = bracketed.collect();
    let options = PageOptions { name: None, ..options("/x") };
    let view = View::new(&options, Language::German, Some(Rc::new(marked)));
    let pages = all_pages(&view, "0");
    // What is no text of ours: times, names of browsers and systems, an issuer, the start of a key.
    let foreign = ["UTC", "https://", "Firefox", "Windows", "Linux", "Chrome", "0000_", "&quot;", ".example"];
    for page in &pages {
        for text in words(&page.body) {
            let plain = text.trim();
            let is_marked = plain.contains('[') || plain.contains(']');
            assert!(is_marked || foreign.iter().any(|known| plain.contains(known)), "not translated: {plain}");
        }
    }
    let shown: String = pages.iter().map(|page| page.body.replace("&amp;", "&")).collect();
    for text in &english {
        let first = text.split('{').next().unwrap();
        let sign = if first.is_empty() { "[<bdi>".to_owned() } else { format!("[{first}") };
        assert!(shown.contains(&sign) || text.starts_with('{'), "in the language files, but on no page: {text}");
    }
}

#[test]
fn each_language_has_all_texts_with_the_same_placeholders_and_without_markup() {
    let names = |text: &str| {
        let mut names: Vec<String> =
            text.split('{').skip(1).map(|rest| rest.split_once('}').unwrap().0.to_owned()).collect();
        names.sort();
        names
    };
    let first = texts(Language::German);
    for language in Language::ALL.into_iter().filter(|language| *language != Language::English) {
        let texts = texts(language);
        let missing: Vec<&String> = first.keys().filter(|text| !texts.contains_key(*text)).collect();
        let more: Vec<&String> = texts.keys().filter(|text| !first.contains_key(*text)).collect();
        assert!(missing.is_empty() && more.is_empty(), "{language:?}: {missing:?} {more:?}");
        for (english, text) in &texts {
            let text = text.as_str().unwrap();
            assert_eq!(names(english), names(text), "{language:?}: {english}");
            assert!(
                !text.trim().is_empty() && text.trim() == text && text != english
                    || ["Sessions", "Passkey"].contains(&&**english),
                "{language:?}: {english}"
            );
            assert!(!text.contains(['<', '>', '&', '"']), "{language:?}: {text}");
            let ends = |text: &str| text.ends_with(['.', '。']);
            assert_eq!(ends(english), ends(text), "{language:?}: {english}");
        }
    }
}

#[test]
fn a_language_without_its_texts_is_english() {
    let options = PageOptions::default();
    let page = signed_in::render(&View::new(&options, Language::Arabic, None));
    assert!(page.body.contains(r#"<html lang="en" dir="ltr">"#) && page.language == Language::English);
    let page = signed_in::render(&view(&options, Language::Arabic));
    assert!(page.body.contains(r#"<html lang="ar" dir="rtl">"#) && page.language == Language::Arabic);
    // A text that is not there yet stands in English, and the others in their language.
    let mut texts = texts(Language::Arabic);
    texts.remove("Start page");
    let page = signed_in::render(&View::new(&options, Language::Arabic, Some(Rc::new(texts)))).body;
    assert!(page.contains("Start page") && !page.contains("You are signed in"));
}

#[test]
fn a_person_who_may_not_do_this_is_told_who_they_are_and_the_ways_out() {
    let options = PageOptions { request_access: Some("https://example.com/ask".to_owned()), ..PageOptions::default() };
    let context = ProblemContext {
        request_id: "the-id",
        signed_in: Some("Jane (jane@example.com)"),
        other_account: Some("/auth/login?prompt=select_account"),
        ..ProblemContext::default()
    };
    let refusal = Refusal::Forbidden(vec!["scope-that-is-missing".to_owned()]);
    let page = problem::render(&view(&options, Language::English), &refusal, &context);
    for part in [
        "<strong><bdi>Jane (jane@example.com)</bdi></strong>",
        r#"href="https://example.com/ask""#,
        r#"href="/auth/login?prompt=select_account""#,
        r#"action="/auth/logout?answer=page""#,
        "the-id",
    ] {
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }
    assert!(page.has_form && !page.body.contains("scope-that-is-missing"));
    // Without a session nothing of it is said.
    let anonymous = ProblemContext { signed_in: None, ..context };
    let page = problem::render(&view(&options, Language::English), &refusal, &anonymous);
    assert!(!page.has_form && !page.body.contains("example.com/ask") && !page.body.contains("<form"));
}

#[test]
fn what_may_pass_is_tried_again_and_says_how_long_to_wait() {
    let options = PageOptions::default();
    let view = view(&options, Language::English);
    let context = ProblemContext { again: Some("/here?a=b"), ..ProblemContext::default() };
    for refusal in refusals("") {
        let page = problem::render(&view, &refusal, &context).body;
        assert_eq!(page.contains(r#"href="/here?a=b""#), refusal.may_pass(), "{refusal:?}");
    }
    let page = problem::render(&view, &Refusal::TooManyRequests(Seconds::new(42)), &context).body;
    assert!(page.contains("Seconds to wait: 42"), "{page}");
}

#[test]
fn an_issuer_is_shown_only_where_names_are_alike() {
    let options = PageOptions::default();
    let view = view(&options, Language::English);
    let (one, other) = (provider(|_| ()).renamed("Corp", None), provider(|_| ()).renamed("Partner", None));
    let shown = |name: &str| {
        let mut other = other.clone().renamed(name, None);
        other.id = ProviderId::parse("other").unwrap();
        let choices = Choices {
            providers: vec![&one, &other],
            last_used: None,
            by_email: false,
            unknown_email: None,
            hidden_fields: Vec::new(),
        };
        chooser::render(&view, &choices, |_| "/".to_owned()).body
    };
    assert!(!shown("Partner").contains("https://") && shown("Corp").contains("https://login.example.com"));
    assert!(!shown("Partner").contains("<form"));
}

impl Provider {
    fn renamed(mut self, name: &str, icon: Option<Icon>) -> Self {
        name.clone_into(&mut self.name);
        self.choice.icon = icon;
        self
    }
}
