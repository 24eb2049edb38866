//! What went wrong, in words for people, and the number by which the log knows more.

use std::borrow::Cow;

use maud::html;

use super::page;
use crate::refusal::Refusal;

/// A refusal as a page. `login` is where to start again, where that helps.
#[must_use]
pub fn render(refusal: &Refusal, request_id: &str, login: Option<&str>) -> String {
    let body = html! {
        h1 { (refusal.title()) }
        p { (refusal.advice()) }
        // Out of a frame, if it is in one: only a person's own navigation begins a login.
        @if let (Refusal::LoginOver, Some(login)) = (refusal, login) {
            // Nobody has looked whether they are signed in. The page where they go on will.
            p { "If you are signed in, just go on." }
            a.button href=(way_back(login)) target="_top" { "Go on" }
            a.quiet href=(login) target="_top" { "Sign in" }
        } @else if let Some(login) = login {
            a.button href=(login) target="_top" { "Sign in" }
            a.quiet href="/" target="_top" { "Start page" }
        } @else {
            a.button href="/" target="_top" { "Start page" }
        }
        p.number { "Request " code { (request_id) } }
    };
    page(refusal.title(), &html! {}, &body)
}

/// Where a link to the login page leads in the end.
fn way_back(login: &str) -> Cow<'_, str> {
    let query = login.split_once('?').map_or("", |(_, query)| query);
    let return_to = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "return_to");
    return_to.map_or(Cow::Borrowed("/"), |(_, path)| path)
}
