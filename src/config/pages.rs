//! `PAGES`: what our own pages look like, and which languages they speak.

use serde_json::Value;

use super::accent::{self, Accent};
use super::problem::expected;
use super::provider::Provider;
use super::provider_choice::Icon;
use super::table::Table;
use super::value::{label, list, parsed, text};
use crate::http::Method;
use crate::http::language::Language;
use crate::http::public_url::absolute;
use crate::route::{Access, CanonicalPath, OWN_PREFIX, Router};

const PATH: &str = "a path on this origin such as `/logo.svg`";
const LINK: &str = "an https URL, a `mailto:` address or a path on this origin";
const MAX_LINK_BYTES: usize = 512;

/// What our own pages look like, and which languages they speak.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageOptions {
    /// `name`: what the site is called. Default: nothing is said.
    pub name: Option<String>,
    /// `logo`: the path of an image that everybody may see. Default none.
    pub logo: Option<String>,
    /// `accent`: the colour of links and buttons. Default our own.
    pub accent: Option<Accent>,
    /// `support`: where people find help. Default nowhere.
    pub support: Option<String>,
    /// `request_access`: where people ask for what they may not do. Default nowhere.
    pub request_access: Option<String>,
    /// `languages`: those that are spoken; the first where a browser prefers none of them. Default all, English first.
    pub languages: Vec<Language>,
}

impl PageOptions {
    /// Where nothing is configured: plain pages in English.
    pub const PLAIN: Self =
        Self { name: None, logo: None, accent: None, support: None, request_access: None, languages: Vec::new() };
}

impl Default for PageOptions {
    fn default() -> Self {
        Self { languages: Language::ALL.to_vec(), ..Self::PLAIN }
    }
}

/// Reads `PAGES`, if it is there, and looks after the images that pages show: as far as the routes are known.
pub(super) fn read(top: &mut Table<'_>, providers: &[Provider], routes: Option<&Router>) -> PageOptions {
    let options = top.section("PAGES", read_table).unwrap_or_default();
    if let Some(routes) = routes {
        refuse_guarded_images(top, &options, providers, routes);
    }
    options
}

fn read_table(mut table: Table<'_>) -> PageOptions {
    let default = PageOptions::default();
    let options = PageOptions {
        name: table.optional("name", parsed("a name of 1 to 80 characters", label)),
        logo: table.optional("logo", parsed(PATH, path)),
        accent: accent::read(&mut table),
        support: table.optional("support", parsed(LINK, link)),
        request_access: table.optional("request_access", parsed(LINK, link)),
        languages: table.optional("languages", languages).unwrap_or(default.languages),
    };
    table.finish();
    options
}

fn languages(value: &Value) -> Result<Vec<Language>, String> {
    let tags: Vec<String> = Language::ALL.iter().map(|language| format!("`{}`", language.tag())).collect();
    let known = list(&format!("one of {}", tags.join(", ")), Language::of_tag)(value)?;
    if known.is_empty() { Err("expected at least one language".to_owned()) } else { Ok(known) }
}

/// A path that one of our pages may load something from, or lead to.
pub(super) fn path(text: &str) -> Option<String> {
    let canonical = CanonicalPath::parse(text).ok()?;
    let is_plain = text.len() <= MAX_LINK_BYTES && canonical.as_str() == text && !canonical.is_within(OWN_PREFIX);
    is_plain.then(|| text.to_owned())
}

fn link(text: &str) -> Option<String> {
    let is_web = || text.starts_with("https://") && absolute(text).is_some();
    let fits = text.len() <= MAX_LINK_BYTES && (path(text).is_some() || is_mail(text) || is_web());
    fits.then(|| text.to_owned())
}

fn is_mail(text: &str) -> bool {
    let address = text.strip_prefix("mailto:").map(|rest| rest.split('?').next().unwrap_or_default());
    let has_both =
        address.and_then(|address| address.split_once('@')).is_some_and(|(a, b)| !a.is_empty() && !b.is_empty());
    has_both && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Images that not everybody may see would be broken on the pages for those who are not signed in.
fn refuse_guarded_images(top: &Table<'_>, options: &PageOptions, providers: &[Provider], routes: &Router) {
    let is_public = |path: &str| {
        let canonical = CanonicalPath::parse(path).ok();
        let found = canonical.and_then(|path| routes.find(&Method::GET, &path).ok());
        found.is_some_and(|matched| matched.route.access == Access::Public)
    };
    let message = |path: &str| expected("the path of an image that a route with `public = true` answers for", path);
    if let Some(logo) = options.logo.as_deref().filter(|logo| !is_public(logo)) {
        top.problem_in("PAGES", "logo", message(logo));
    }
    for provider in providers {
        if let Some(Icon::Image(path)) = provider.choice.icon.as_ref().filter(|icon| !icon.path().is_none_or(is_public))
        {
            top.problem_at(&["PROVIDERS", provider.id.as_str(), "icon"], message(path));
        }
    }
}

/// What `value` says, for messages of other keys.
pub(super) fn image(value: &Value) -> Result<String, String> {
    let text = text(value)?;
    path(text).ok_or_else(|| expected(PATH, text))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::config;
    use super::super::tests::{problems, small, with};
    use super::*;

    #[test]
    fn a_deployment_that_says_nothing_speaks_all_languages() {
        let options = config(|_| ()).pages;
        assert_eq!(options, PageOptions { languages: Language::ALL.to_vec(), ..PageOptions::PLAIN });
    }

    #[test]
    fn everything_can_be_said() {
        let options = config(|vars| {
            vars["PAGES"] = json!({
                "name": "Acme", "logo": "/", "accent": "#0b6e4f", "support": "mailto:help@example.com?subject=Hi",
                "request_access": "https://example.com/ask", "languages": ["de", "en"],
            });
        })
        .pages;
        assert_eq!((options.name.as_deref(), options.logo.as_deref()), (Some("Acme"), Some("/")));
        assert_eq!(options.languages, [Language::German, Language::English]);
        assert!(options.accent.unwrap().css().contains("#0b6e4f"));
    }

    #[test]
    fn what_would_be_unreadable_broken_or_unsafe_is_refused() {
        let wrong = |pages: Value| problems(&with(small(), &["PAGES"], pages)).join("\n");
        for (pages, at) in [
            (json!({ "name": "" }), "PAGES.name: "),
            (json!({ "logo": "https://evil.example/logo.svg" }), "PAGES.logo: "),
            (json!({ "logo": "//evil.example/logo.svg" }), "PAGES.logo: "),
            (json!({ "logo": "/auth/postern.js" }), "PAGES.logo: "),
            (json!({ "logo": "/api/logo.svg" }), "PAGES.logo: expected the path of an image"),
            (json!({ "accent": "#ffff00" }), "PAGES.accent: expected a darker colour"),
            (json!({ "accent": "red" }), "PAGES.accent: expected a colour"),
            (json!({ "accent": { "light": "#0b6e4f" } }), "PAGES.accent.dark: "),
            (json!({ "accent": { "light": "#0b6e4f", "dark": "#0b6e4f" } }), "PAGES.accent.dark: expected a lighter"),
            (json!({ "support": "javascript:alert(1)" }), "PAGES.support: "),
            (json!({ "support": "http://example.com" }), "PAGES.support: "),
            (json!({ "support": "mailto:nobody" }), "PAGES.support: "),
            (json!({ "request_access": "mailto:a@b c" }), "PAGES.request_access: "),
            (json!({ "languages": [] }), "PAGES.languages: "),
            (json!({ "languages": ["xx"] }), "PAGES.languages: expected one of `en`, `de`"),
            (json!({ "title": "x" }), "PAGES.title: unknown key"),
        ] {
            let told = wrong(pages.clone());
            assert!(told.starts_with(at), "{pages}: {told}");
        }
    }
}
