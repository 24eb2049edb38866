//! What people see of Postern itself: server-rendered, light and dark, and of use without script.

pub mod chooser;
pub mod explain;
pub mod forward;
pub mod framed;
pub mod problem;
pub mod sessions;
pub mod signed_in;
pub mod signed_out;
pub mod unsent;

use std::sync::LazyLock;

use base64ct::{Base64, Encoding};
use chrono::{DateTime, Datelike, Month, Timelike};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

use crate::time::Timestamp;

const STYLE: &str = include_str!("style.css");

/// The policy all pages are served with: their one style sheet, by its hash, and nothing else.
pub static CONTENT_SECURITY_POLICY: LazyLock<String> = LazyLock::new(|| {
    let style = STYLE_SOURCE.as_str();
    format!("default-src 'none'; style-src {style}; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
});

/// The same policy for a page that pages of our own origin may frame.
#[must_use]
pub fn framed_by_own_pages() -> String {
    CONTENT_SECURITY_POLICY.replace("frame-ancestors 'none'", "frame-ancestors 'self'")
}

/// A page with a script of ours, and the policy that lets this one run and no other.
#[derive(Clone, Debug)]
pub struct Scripted {
    /// The page.
    pub body: String,
    /// Its `Content-Security-Policy`.
    pub content_security_policy: String,
}

impl Scripted {
    /// `body` says `script` somewhere, byte for byte.
    fn new(body: String, script: &str) -> Self {
        let source = source(script);
        let content_security_policy = format!("{}; script-src {source}", CONTENT_SECURITY_POLICY.as_str());
        Self { body, content_security_policy }
    }
}

static STYLE_SOURCE: LazyLock<String> = LazyLock::new(|| source(STYLE));

/// What stands in a page itself, as a Content-Security-Policy names it: by its hash.
fn source(text: &str) -> String {
    format!("'sha256-{}'", Base64::encode_string(&Sha256::digest(text)))
}

/// A page: `title` for the tab, `head` for what else belongs there, `body` for the card in the middle.
fn page(title: &str, head: &Markup, body: &Markup) -> String {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="robots" content="noindex";
                title { (title) }
                (head)
                style { (PreEscaped(STYLE)) }
            }
            body { main { (body) } }
        }
    }
    .into_string()
}

/// A time that people read and programs too.
fn moment(at: Timestamp) -> Markup {
    let machine = DateTime::from_timestamp(at.as_unix(), 0).map(|at| {
        let (year, month, day) = (at.year(), at.month(), at.day());
        format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", at.hour(), at.minute(), at.second())
    });
    html! { time datetime=[machine] { (words(at)) } }
}

/// `22 November 2026, 06:20 UTC`.
fn words(at: Timestamp) -> String {
    let Some(at) = DateTime::from_timestamp(at.as_unix(), 0) else { return "at an unknown time".to_owned() };
    let month =
        u8::try_from(at.month()).ok().and_then(|month| Month::try_from(month).ok()).map_or("", |month| month.name());
    format!("{} {month} {}, {:02}:{:02} UTC", at.day(), at.year(), at.hour(), at.minute())
}

#[cfg(test)]
mod tests;
