//! What people see of Postern itself: server-rendered, light and dark, in several languages, and of use without script.
//!
//! The words of a page are in its code, in English. [`View::say`] puts those of another language in their place:
//! `languages/` has a file for each, by the English words. They are no part of the Worker's module.

pub mod api_keys;
pub mod approvals;
pub mod chooser;
pub mod consent;
pub mod explain;
pub mod forward;
pub mod framed;
mod grants;
pub mod problem;
pub mod second;
pub mod sessions;
pub mod signed_in;
pub mod signed_out;
pub mod unsent;
mod view;

use std::sync::LazyLock;

use base64ct::{Base64, Encoding};
use chrono::{DateTime, Datelike, Month, Timelike};
use maud::{Markup, html};
use sha2::{Digest, Sha256};

use crate::http::language::Language;
use crate::time::Timestamp;
use view::Draft;
pub use view::{HtmlPage, Translation, View};

const STYLE: &str = include_str!("style.css");

/// Writes times as the browser's owner does. Without it they stand there in UTC, and say so.
const LOCAL_TIMES: &str = "\
const { lang } = document.documentElement;
const locale = navigator.languages.find((known) => known.split('-')[0] === lang) ?? lang;
const format = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short' });
for (const time of document.querySelectorAll('time[datetime]')) time.textContent = format.format(new Date(time.dateTime));";

/// The policy of every answer of ours that is no page: it loads and runs nothing.
pub const CONTENT_SECURITY_POLICY: &str =
    "default-src 'none'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'";

/// The policy of a page that pages of our own origin may frame.
#[must_use]
pub fn framed_by_own_pages(policy: &str) -> String {
    policy.replace("frame-ancestors 'none'", "frame-ancestors 'self'")
}

static STYLE_SOURCE: LazyLock<String> = LazyLock::new(|| source(STYLE));

/// What stands in a page itself, as a Content-Security-Policy names it: by its hash.
fn source(text: &str) -> String {
    format!("'sha256-{}'", Base64::encode_string(&Sha256::digest(text)))
}

/// A time that people read and programs too.
fn moment(view: &View<'_>, at: Timestamp) -> Markup {
    let Some(time) = DateTime::from_timestamp(at.as_unix(), 0) else {
        return html! { (view.say("at an unknown time")) };
    };
    let (year, month, day) = (time.year(), time.month(), time.day());
    let (hour, minute, second) = (time.hour(), time.minute(), time.second());
    let machine = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z");
    let words = match view.language() {
        Language::English => format!("{day} {} {year}, {hour:02}:{minute:02} UTC", name_of(month)),
        // The one way to write a date that is read alike everywhere.
        _ => format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02} UTC"),
    };
    html! { time datetime=(machine) dir="auto" { (words) } }
}

/// A day in UTC, in the one way that is read alike everywhere.
fn day(at: Timestamp) -> Markup {
    let Some(time) = DateTime::from_timestamp(at.as_unix(), 0) else { return html! {} };
    html! { span dir="ltr" { (format!("{:04}-{:02}-{:02}", time.year(), time.month(), time.day())) } }
}

fn name_of(month: u32) -> &'static str {
    u8::try_from(month).ok().and_then(|month| Month::try_from(month).ok()).map_or("", |month| month.name())
}

/// The number by which the log knows more.
fn number(view: &View<'_>, request_id: &str) -> Markup {
    html! { p.number { (view.say("Request")) " " code { (request_id) } } }
}

#[cfg(test)]
mod tests;
