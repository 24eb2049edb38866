//! Which provider, when there are several.

use maud::{Markup, PreEscaped, html};

use super::{Draft, HtmlPage, View};
use crate::config::{Icon, Provider};

const BUILDING: &str = r#"<path d="M4 21V4h10v17M14 9h6v12M2 21h20M8 8h2M8 12h2M8 16h2M17 13h1M17 17h1"/>"#;
const PEOPLE: &str = r#"<circle cx="9" cy="8" r="3.5"/><path d="M2.5 20a6.5 6.5 0 0 1 13 0M16 4.8a3.5 3.5 0 0 1 0 6.4M18 14.2a6.5 6.5 0 0 1 3.5 5.8"/>"#;
const KEY: &str = r#"<circle cx="8" cy="15" r="4.5"/><path d="M11.2 11.8 20 3M16 7l3 3M13.5 9.5l2 2"/>"#;

/// What is to be chosen among.
pub struct Choices<'a> {
    /// In the order in which they are shown.
    pub providers: Vec<&'a Provider>,
    /// The one that this browser signed in with last.
    pub last_used: Option<&'a Provider>,
    /// Whether some are found by an e-mail address.
    pub by_email: bool,
    /// The address that was entered and leads to none of them.
    pub unknown_email: Option<&'a str>,
    /// What else the form is to send along: names and values.
    pub hidden_fields: Vec<(&'a str, &'a str)>,
}

/// One link for each provider; `link` makes its address.
#[must_use]
pub fn render(view: &View<'_>, choices: &Choices<'_>, link: impl Fn(&Provider) -> String) -> HtmlPage {
    let title = view.say("Sign in");
    let body = html! {
        h1 { (title) }
        @if choices.by_email { (by_email(view, choices)) }
        @if !choices.providers.is_empty() {
            p { (view.say("Choose where you have your account.")) }
            ul {
                @for provider in &choices.providers {
                    li {
                        a.choice href=(link(provider)) {
                            (icon(provider))
                            span {
                                bdi { (provider.name) }
                                @if choices.are_namesakes(provider) { small dir="ltr" { (shown(provider)) } }
                            }
                            @if choices.last_used.is_some_and(|last| last.id == provider.id) {
                                span.mark { (view.say("Last used")) }
                            }
                        }
                    }
                }
            }
        }
    };
    view.page(Draft::new(title, body))
}

impl Choices<'_> {
    /// Whether its name alone does not tell it from another.
    fn are_namesakes(&self, provider: &Provider) -> bool {
        self.providers.iter().any(|other| other.id != provider.id && other.name == provider.name)
    }
}

/// A form that works without script. Where its answer leads is no redirect: a policy for forms covers those as well.
fn by_email(view: &View<'_>, choices: &Choices<'_>) -> Markup {
    html! {
        form.question.ask method="get" action="/auth/login" {
            @for (name, value) in &choices.hidden_fields { input type="hidden" name=(name) value=(value); }
            label for="email" { (view.say("Your e-mail address")) }
            input #email type="email" name="email" value=[choices.unknown_email] required maxlength="320"
                autocomplete="username" dir="ltr" aria-describedby=[choices.unknown_email.map(|_| "unknown")];
            @if choices.unknown_email.is_some() {
                p.hint #unknown role="status" {
                    @if choices.providers.is_empty() {
                        (view.say("No sign-in belongs to this address. Check it, or ask those who run this site."))
                    } @else {
                        (view.say("No sign-in belongs to this address. Check it, or choose below."))
                    }
                }
            }
            button { (view.say("Continue")) }
        }
    }
}

fn icon(provider: &Provider) -> Markup {
    let drawing = |paths: &'static str| {
        html! { svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.75" { (PreEscaped(paths)) } }
    };
    html! {
        span.icon aria-hidden="true" {
            @match &provider.choice.icon {
                Some(Icon::Building) => (drawing(BUILDING)),
                Some(Icon::People) => (drawing(PEOPLE)),
                Some(Icon::Key) => (drawing(KEY)),
                Some(Icon::Image(path)) => { img src=(path) alt=""; }
                None => { (provider.name.chars().take(1).collect::<String>()) }
            }
        }
    }
}

/// The issuer; where each tenant has one, what they have in common.
fn shown(provider: &Provider) -> String {
    let issuer = &provider.issuer;
    issuer.origin().filter(|_| issuer.has_tenants()).unwrap_or_else(|| issuer.as_str().to_owned())
}
