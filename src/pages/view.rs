//! How our pages look and speak at one site, for one request.

use std::rc::Rc;

use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde_json::{Map, Value};

use super::{STYLE, STYLE_SOURCE, source};
use crate::config::PageOptions;
use crate::http::language::Language;

static PLAIN: PageOptions = PageOptions::PLAIN;

/// The texts of a language, by what they are in English.
pub type Translation = Map<String, Value>;

/// How pages look and speak.
#[derive(Clone, Debug)]
pub struct View<'a> {
    options: &'a PageOptions,
    language: Language,
    texts: Option<Rc<Translation>>,
}

/// A page, ready to be answered.
#[derive(Clone, Debug)]
pub struct HtmlPage {
    /// HTML.
    pub body: String,
    /// What it may load and run: its own style sheet and script by their hashes, images of this origin, nothing else.
    pub content_security_policy: String,
    /// The language that it is in.
    pub language: Language,
    /// Whether it has a form that posts to us.
    pub has_form: bool,
    /// Whether its script makes passkeys or proves with them.
    pub uses_passkeys: bool,
}

/// What one page is made of.
pub(super) struct Draft<'t> {
    title: &'t str,
    head: Markup,
    body: Markup,
    scripts: Vec<&'static str>,
    has_form: bool,
    uses_passkeys: bool,
    form_targets: String,
}

impl<'t> Draft<'t> {
    /// `title` for the tab, `body` for the card in the middle.
    pub(super) fn new(title: &'t str, body: Markup) -> Self {
        Self {
            title,
            head: html! {},
            body,
            scripts: Vec::new(),
            has_form: false,
            uses_passkeys: false,
            form_targets: String::new(),
        }
    }

    /// The same, with this in its `head`.
    pub(super) fn with_head(self, head: Markup) -> Self {
        Self { head, ..self }
    }

    /// The same, with this script at its end.
    pub(super) fn with_script(mut self, script: &'static str) -> Self {
        self.scripts.push(script);
        self
    }

    /// The same, with this script, which asks us what passkeys are to be made or to sign.
    pub(super) fn with_passkeys(self, script: &'static str) -> Self {
        Self { uses_passkeys: true, ..self.with_script(script) }
    }

    /// The same, with a form that posts to us.
    pub(super) fn with_form(self) -> Self {
        Self { has_form: true, ..self }
    }

    /// The same, with a form after which the browser goes on to places elsewhere: sources of a policy, each after a space.
    pub(super) fn with_form_targets(self, form_targets: String) -> Self {
        Self { form_targets, ..self }
    }
}

impl View<'static> {
    /// For answers of no site in particular: plain, and in English.
    #[must_use]
    pub const fn plain() -> Self {
        Self { options: &PLAIN, language: Language::English, texts: None }
    }
}

impl<'a> View<'a> {
    /// At a site with these options, in this language; `texts` are its texts, as far as they are at hand.
    #[must_use]
    pub fn new(options: &'a PageOptions, language: Language, texts: Option<Rc<Translation>>) -> Self {
        let language = if texts.is_some() { language } else { Language::English };
        Self { options, language, texts }
    }

    /// The same in English, for pages whose words are not translated.
    #[must_use]
    pub const fn in_english(&self) -> Self {
        Self { options: self.options, language: Language::English, texts: None }
    }

    /// The language that is spoken.
    #[must_use]
    pub const fn language(&self) -> Language {
        self.language
    }

    /// What is configured.
    pub(super) const fn options(&self) -> &'a PageOptions {
        self.options
    }

    /// A text in the language that is spoken.
    pub(super) fn say<'t>(&'t self, english: &'static str) -> &'t str {
        let known = self.texts.as_ref().and_then(|texts| texts.get(english));
        known.and_then(Value::as_str).unwrap_or(english)
    }

    /// A text with these values in the places of their names, such as `{person}`.
    pub(super) fn fill(&self, english: &'static str, values: &[(&str, Markup)]) -> Markup {
        let mut rest = self.say(english);
        let mut filled = String::new();
        while let Some((before, name, after)) = placeholder(rest) {
            filled.push_str(&html! { (before) }.0);
            let value = values.iter().find(|(known, _)| *known == name);
            filled.push_str(value.map_or("", |(_, value)| &value.0));
            rest = after;
        }
        filled.push_str(&html! { (rest) }.0);
        PreEscaped(filled)
    }

    /// The page.
    pub(super) fn page(&self, draft: Draft<'_>) -> HtmlPage {
        let accent = self.options.accent.as_ref().map(|accent| format!("{STYLE}{}", accent.css()));
        let style = accent.as_deref().unwrap_or(STYLE);
        let title = match &self.options.name {
            Some(name) => format!("{} · {name}", draft.title),
            None => draft.title.to_owned(),
        };
        let body = html! {
            (DOCTYPE)
            html lang=(self.language.tag()) dir=(self.language.direction()) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    meta name="robots" content="noindex";
                    // Else every visitor's browser would ask for `/favicon.ico`.
                    link rel="icon" href=(self.options.logo.as_deref().unwrap_or("data:,"));
                    title { (title) }
                    (draft.head)
                    style { (PreEscaped(style)) }
                }
                body {
                    (self.banner())
                    main { (draft.body) }
                    (self.support())
                    @for script in &draft.scripts { script { (PreEscaped(script)) } }
                }
            }
        };
        let style_source = accent.as_deref().map_or_else(|| STYLE_SOURCE.clone(), source);
        let scripts: Vec<String> = draft.scripts.iter().map(|script| source(script)).collect();
        let script = if scripts.is_empty() { String::new() } else { format!("; script-src {}", scripts.join(" ")) };
        let connect = if draft.uses_passkeys { "; connect-src 'self'" } else { "" };
        let targets = &draft.form_targets;
        let content_security_policy = format!(
            "default-src 'none'; style-src {style_source}; img-src 'self' data:; form-action 'self'{targets}; \
             frame-ancestors 'none'; base-uri 'none'{script}{connect}"
        );
        HtmlPage {
            body: body.into_string(),
            content_security_policy,
            language: self.language,
            has_form: draft.has_form,
            uses_passkeys: draft.uses_passkeys,
        }
    }

    /// Whose page it is.
    fn banner(&self) -> Markup {
        let PageOptions { name, logo, .. } = self.options;
        html! {
            @if name.is_some() || logo.is_some() {
                header.site {
                    // Where the name stands beside it, the image says nothing more.
                    @if let Some(logo) = logo { img src=(logo) alt=""; }
                    @if let Some(name) = name { bdi { (name) } }
                }
            }
        }
    }

    fn support(&self) -> Markup {
        html! {
            @if let Some(support) = &self.options.support {
                footer { a href=(support) target="_top" { (self.say("Help")) } }
            }
        }
    }
}

/// What is before the first `{name}`, the name, and what is after it.
fn placeholder(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once('{')?;
    let (name, after) = rest.split_once('}')?;
    Some((before, name, after))
}
