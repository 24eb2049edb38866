//! What went wrong, in words for people, and the number by which the log knows more.

use maud::html;

use super::page;
use crate::refusal::Refusal;

/// A refusal as a page. `login` is where to start again, where that helps.
#[must_use]
pub fn render(refusal: &Refusal, request_id: &str, login: Option<&str>) -> String {
    let body = html! {
        h1 { (refusal.title()) }
        p { (refusal.advice()) }
        @if let Some(login) = login {
            // Out of a frame, if it is in one: only a person's own navigation begins a login.
            a.button href=(login) target="_top" { "Sign in" }
            a.quiet href="/" target="_top" { "Start page" }
        } @else {
            a.button href="/" target="_top" { "Start page" }
        }
        p.number { "Request " code { (request_id) } }
    };
    page(refusal.title(), &html! {}, &body)
}
