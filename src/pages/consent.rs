//! A program wants to act for a person: who it is, what it wants, and for how long (R-304).

use maud::{Markup, html};

use super::{Draft, HtmlPage, View, grants};
use crate::agent::client::{RedirectKind, RedirectUri};
use crate::config::WordedScope;

/// What a person is asked.
#[derive(Debug)]
pub struct ConsentPage<'a> {
    /// What the program calls itself.
    pub client: &'a str,
    /// Where it publishes that. `None`: it only registered here, and nothing stands for its name.
    pub host: Option<&'a str>,
    /// Where it is answered.
    pub redirect: &'a RedirectUri,
    /// What it wants to use: an address of ours.
    pub resource: &'a str,
    /// The person, as they call themselves; empty if that is not known.
    pub person: &'a str,
    /// What it wants to do, and by what means.
    pub scopes: &'a [(&'a str, Vec<&'a str>)],
    /// What scopes are called in words.
    pub words: &'a [WordedScope],
    /// For how many days that may be allowed, beside until the person signs out.
    pub days: &'a [u32],
    /// What the form takes along.
    pub question: &'a str,
}

/// The page. It has no script: there is nothing on it that could be clicked for the person.
#[must_use]
pub fn render(view: &View<'_>, page: &ConsentPage<'_>) -> HtmlPage {
    let title = view.say("Allow this program to act for you?");
    let body = html! {
        h1 { (title) }
        p { (what(view, page)) }
        (origin(view, page))
        form.question method="post" action="/auth/agents/authorize" {
            input type="hidden" name="question" value=(page.question);
            h2 { (view.say("It will be able to use:")) }
            @if page.scopes.is_empty() {
                p { (view.say("Everything there that you can use yourself.")) }
            } @else {
                ul {
                    @for (scope, operations) in page.scopes {
                        li {
                            (grants::scope(page.words, scope, &html! { code { (scope) } }))
                            @if !operations.is_empty() { ": " bdi { (operations.join(", ")) } }
                        }
                    }
                }
            }
            label for="for" { (view.say("For how long")) }
            select #for name="for" {
                option value="session" selected { (view.say("Until I sign out here")) }
                @for days in page.days { option value=(days) { (life(view, *days)) } }
            }
            div.actions {
                button name="answer" value="allow" { (view.say("Allow")) }
                button.plain name="answer" value="refuse" { (view.say("Refuse")) }
            }
        }
        p.number {
            (view.say("You can end this at any time:")) " "
            a href="/auth/sessions" { (view.say("Where you are signed in")) }
        }
    };
    // A redirect after a form has to be allowed too, and those that follow it at the client's.
    let targets = format!(" https: {}", page.redirect.scheme());
    view.page(Draft::new(title, body).with_form().with_form_targets(targets))
}

/// Who wants what, and for whom.
fn what(view: &View<'_>, page: &ConsentPage<'_>) -> Markup {
    let resource = page.resource.split_once("://").map_or(page.resource, |(_, rest)| rest);
    let values = [
        ("client", client(view, page)),
        ("resource", html! { strong { bdi { (resource) } } }),
        ("person", html! { strong { bdi { (page.person) } } }),
    ];
    if page.person.is_empty() {
        view.fill("{client} wants to use {resource} as you.", &values)
    } else {
        view.fill("{client} wants to use {resource} as you, {person}.", &values)
    }
}

fn client(view: &View<'_>, page: &ConsentPage<'_>) -> Markup {
    html! {
        strong { bdi { (page.client) } } " ("
        @match page.host {
            Some(host) => bdi { (host) },
            None => (view.say("unverified")),
        }
        ")"
    }
}

/// Where the answer goes, as large as it is dangerous.
fn origin(view: &View<'_>, page: &ConsentPage<'_>) -> Markup {
    let name = || html! { bdi { (page.client) } };
    let at = |text: &str| html! { strong { bdi { (text) } } };
    let warning = |text: Markup| html! { div.answer role="note" { p { (text) } } };
    html! {
        @match page.redirect.kind() {
            RedirectKind::Web(host) if page.host == Some(host.as_str()) => {
                p { (view.fill("It sends you back to {address}.", &[("address", at(host))])) }
            }
            RedirectKind::Web(host) => {
                (warning(view.fill(
                    "It sends you to {address}, which is another website than the one that stands for its name.",
                    &[("address", at(host))],
                )))
            }
            RedirectKind::Loopback(host) => {
                (warning(view.fill(
                    "It sends you to {address}: a program on this computer. Any program can say that it is {client}.",
                    &[("address", at(host)), ("client", name())],
                )))
            }
            RedirectKind::App(scheme) => {
                (warning(view.fill(
                    "It sends you to an app on this device, {address}. Any app can say that it is {client}.",
                    &[("address", at(scheme)), ("client", name())],
                )))
            }
        }
        @if page.host.is_none() {
            (warning(html! { (view.say("It registered itself here. Nobody has checked that it is what it says.")) }))
        }
    }
}

fn life(view: &View<'_>, days: u32) -> Markup {
    if days == 1 {
        html! { (view.say("One day")) }
    } else {
        view.fill("{days} days", &[("days", html! { (days) })])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(host: Option<&str>, redirect: &str, scopes: &[(&str, Vec<&str>)]) -> HtmlPage {
        let redirect = RedirectUri::parse(redirect).unwrap();
        let asked = ConsentPage {
            client: "Example <Client>",
            host,
            redirect: &redirect,
            resource: "https://app.example.com/mcp",
            person: "alice@example.com",
            scopes,
            words: &[],
            days: &[1, 30],
            question: "k.sealed",
        };
        render(&View::plain(), &asked)
    }

    // R-304
    #[test]
    fn the_page_says_who_what_for_whom_and_for_how_long_and_begins_with_the_shortest() {
        let scopes = [("docs:read", vec!["search", "fetch"])];
        let page = page(Some("client.example"), "https://client.example/cb", &scopes);
        for part in [
            "<strong><bdi>Example &lt;Client&gt;</bdi></strong> (<bdi>client.example</bdi>) wants to use",
            "<bdi>app.example.com/mcp</bdi>",
            "<bdi>alice@example.com</bdi>",
            "It sends you back to",
            "<code>docs:read</code>: <bdi>search, fetch</bdi>",
            r#"<option value="session" selected>"#,
            r#"<option value="1">One day"#,
            r#"<option value="30">30 days"#,
            r#"name="answer" value="allow""#,
            r#"name="answer" value="refuse""#,
            r#"name="question" value="k.sealed""#,
        ] {
            assert!(page.body.contains(part), "{part}: {}", page.body);
        }
        assert!(
            !page.body.contains("<script") && !page.body.contains("checked") && !page.body.contains("role=\"note\"")
        );
        let policy = &page.content_security_policy;
        assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("script-src"), "{policy}");
        assert!(policy.contains("form-action 'self' https: https:;"), "{policy}");
    }

    // R-303
    #[test]
    fn where_the_answer_goes_is_said_large_unless_it_goes_where_the_name_is_from() {
        for (host, redirect, warning, target) in [
            (Some("client.example"), "https://other.example/cb", "another website", "https:"),
            (Some("client.example"), "http://127.0.0.1:33418/cb", "a program on this computer", "http:"),
            (Some("client.example"), "com.example.app:/cb", "an app on this device", "com.example.app:"),
            (None, "https://client.example/cb", "Nobody has checked", "https:"),
        ] {
            let page = page(host, redirect, &[]);
            assert!(page.body.contains(warning) && page.body.contains("role=\"note\""), "{redirect}: {}", page.body);
            let policy = &page.content_security_policy;
            assert!(policy.contains(&format!("form-action 'self' https: {target};")), "{policy}");
            assert_eq!(page.body.contains("unverified"), host.is_none());
        }
    }
}
