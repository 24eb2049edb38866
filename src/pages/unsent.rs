//! A form that came too late: its session had ended.
//!
//! The browser keeps what was entered with this page's entry in its history, files included, and sends it
//! again when the page is loaded again. So nothing is stored here, nothing repeated, and nothing sent
//! without the person saying so.

use maud::html;

use super::{Draft, HtmlPage, View, number};

const SEND_AGAIN: &str = "\
const again = document.querySelector('button');
again.hidden = false;
again.addEventListener('click', () => location.reload());";

/// Why it was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhyUnsent {
    /// Its sender has no session any more.
    SignedOut,
    /// What it is for wants another sign-in.
    StepUp,
    /// What it is for wants a second factor of ours.
    Second,
}

/// Tells what happened, and the way to send it after all: by `login`.
#[must_use]
pub fn render(view: &View<'_>, request_id: &str, why: WhyUnsent, login: &str) -> HtmlPage {
    let title = view.say("Not sent yet");
    let body = html! {
        h1 { (title) }
        p {
            @match why {
                WhyUnsent::SignedOut => (view.say("You are not signed in any more, so nothing was changed.")),
                WhyUnsent::StepUp => (view.say("This needs another sign-in first, so nothing was changed.")),
                WhyUnsent::Second => (view.say("This asks for your second factor first, so nothing was changed.")),
            }
            " " (view.say("What you entered is still in this tab: keep it open."))
        }
        ol {
            li {
                a.button href=(login) target="_blank" rel="noopener" {
                    @if why == WhyUnsent::Second {
                        (view.say("Confirm, in a new tab"))
                    } @else {
                        (view.say("Sign in, in a new tab"))
                    }
                }
            }
            li { (view.say("Come back to this tab.")) }
            li {
                button.plain hidden { (view.say("Send it again")) }
                noscript {
                    (view.say("To send it again, reload this page, and confirm when your browser asks."))
                }
            }
        }
        (number(view, request_id))
    };
    view.page(Draft::new(title, body).with_script(SEND_AGAIN))
}
