//! What a provider's hidden frame shows when it has ended a session: the one page that may be framed.

use maud::html;

use super::{STYLE_SOURCE, page};

/// A few words, for whoever opens the frame by itself.
#[must_use]
pub fn signed_out() -> String {
    page("Signed out", &html! {}, &html! { p { "Signed out." } })
}

/// The policy of this page: `origin`, the provider's, may frame it, and nobody else.
#[must_use]
pub fn content_security_policy(origin: &str) -> String {
    let style = STYLE_SOURCE.as_str();
    format!("default-src 'none'; style-src {style}; form-action 'none'; frame-ancestors {origin}; base-uri 'none'")
}
