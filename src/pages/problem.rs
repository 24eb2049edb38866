//! What went wrong, in words for people, what they can do now, and the number by which the log knows more.

use maud::{Markup, html};

use super::{Draft, HtmlPage, View, number, signed_out};
use crate::refusal::Refusal;

/// What is known of a refused request beside the refusal.
#[derive(Debug, Default)]
pub struct ProblemContext<'a> {
    /// Its number.
    pub request_id: &'a str,
    /// Where to sign in, where that helps.
    pub login: Option<&'a str>,
    /// The address of the request, where to ask for it again may help and does no harm.
    pub again: Option<&'a str>,
    /// Where to sign in with another account, where that may help.
    pub other_account: Option<&'a str>,
    /// Who is signed in, as they call themselves; empty if that is not known. `None`: nobody is known to be.
    pub signed_in: Option<&'a str>,
    /// Where the login leads on to, where it may be open already.
    pub way_back: Option<&'a str>,
}

/// A refusal as a page.
#[must_use]
pub fn render(view: &View<'_>, refusal: &Refusal, context: &ProblemContext<'_>) -> HtmlPage {
    let title = view.say(refusal.title());
    let is_dead_end = matches!(refusal, Refusal::Forbidden(_)) && context.signed_in.is_some();
    let body = html! {
        h1 { (title) }
        @if let (true, Some(person)) = (is_dead_end, context.signed_in) {
            p { (no_access(view, person)) }
        } @else {
            p { (view.say(refusal.advice())) }
        }
        @if let Refusal::TooManyRequests(seconds) = refusal {
            p { (view.fill("Seconds to wait: {seconds}", &[("seconds", html! { (seconds.get().max(1)) })])) }
        }
        // Out of a frame, if it is in one: only a person's own navigation begins a login.
        @if is_dead_end {
            (ways_out(view, context))
        } @else {
            (ways_on(view, refusal, context))
        }
        (number(view, context.request_id))
    };
    let draft = Draft::new(title, body);
    view.page(if is_dead_end { draft.with_form() } else { draft })
}

fn no_access(view: &View<'_>, person: &str) -> Markup {
    if person.is_empty() {
        return html! { (view.say("You are signed in, but your account has no access to this page.")) };
    }
    let person = html! { strong { bdi { (person) } } };
    view.fill("You are signed in as {person}. This account has no access to this page.", &[("person", person)])
}

/// A way to go on: where to, and its words.
type Way<'a> = (&'a str, &'static str);

/// Links, the first as a button. `top`: out of a frame, if it is in one.
fn links(view: &View<'_>, ways: &[Option<Way<'_>>], top: bool) -> Markup {
    let known = ways.iter().flatten().enumerate();
    html! {
        @for (place, (href, words)) in known {
            a class=(if place == 0 { "button" } else { "quiet" }) href=(href) target=[top.then_some("_top")] {
                (view.say(words))
            }
        }
    }
}

/// For a person who is signed in and may not do this: as somebody else, or not signed in at all.
fn ways_out(view: &View<'_>, context: &ProblemContext<'_>) -> Markup {
    let ways = [
        view.options().request_access.as_deref().map(|to| (to, "Ask for access")),
        context.other_account.map(|to| (to, "Use another account")),
    ];
    html! {
        div.actions {
            (links(view, &ways, true))
            (signed_out::form(view, "plain"))
            a.quiet href="/" target="_top" { (view.say("Start page")) }
        }
    }
}

fn ways_on(view: &View<'_>, refusal: &Refusal, context: &ProblemContext<'_>) -> Markup {
    let is_over = matches!(refusal, Refusal::LoginOver) && context.login.is_some();
    let again = context.again.filter(|_| refusal.may_pass());
    let start = Some(("/", "Start page")).filter(|_| !is_over && (again.is_none() || context.login.is_none()));
    let login_words = match refusal {
        Refusal::SecondFactor(_) => "Go on",
        _ if again.is_some() => "Choose how to sign in",
        _ => "Sign in",
    };
    let ways = [
        is_over.then(|| (context.way_back.unwrap_or("/"), "Go on")),
        again.map(|to| (to, "Try again")),
        context.login.map(|to| (to, login_words)),
        context.other_account.map(|to| (to, "Use another account")),
        start,
    ];
    html! {
        @if is_over {
            // Whether they are signed in was not looked at. The page where they go on does.
            p { (view.say("If you are signed in, just go on.")) }
        }
        // To try again is a matter of the frame alone; only a person's own navigation begins a login.
        div.actions { (links(view, &ways, again.is_none() || context.login.is_some())) }
    }
}
