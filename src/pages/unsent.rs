//! A form that came too late: its session had ended.
//!
//! The browser keeps what was entered with this page's entry in its history, files included, and sends it
//! again when the page is loaded again. So nothing is stored here, nothing repeated, and nothing sent
//! without the person saying so.

use maud::{PreEscaped, html};

use super::{Scripted, page};

const SEND_AGAIN: &str = "\
const again = document.querySelector('button');
again.hidden = false;
again.addEventListener('click', () => location.reload());";

/// Tells what happened, in the words of `why`, and the way to send it after all: by `login`.
#[must_use]
pub fn render(request_id: &str, why: &str, login: &str) -> Scripted {
    let body = html! {
        h1 { "Not sent yet" }
        p { (why) ", so nothing was changed. What you entered is still in this tab: keep it open." }
        ol {
            li {
                a.button href=(login) target="_blank" rel="noopener" {
                    "Sign in, in a new tab"
                }
            }
            li { "Come back to this tab." }
            li {
                button.plain hidden { "Send it again" }
                noscript { "To send it again, reload this page, and confirm when your browser asks." }
            }
        }
        p.number { "Request " code { (request_id) } }
        script { (PreEscaped(SEND_AGAIN)) }
    };
    Scripted::new(page("Not sent yet", &html! {}, &body), SEND_AGAIN)
}
