//! What people see of Postern itself: server-rendered, no script, light and dark.

pub mod chooser;
pub mod forward;
pub mod framed;
pub mod problem;
pub mod sessions;
pub mod signed_out;

use std::sync::LazyLock;

use base64ct::{Base64, Encoding};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

const STYLE: &str = include_str!("style.css");

/// The policy all pages are served with: their one style sheet, by its hash, and nothing else.
pub static CONTENT_SECURITY_POLICY: LazyLock<String> = LazyLock::new(|| {
    let style = STYLE_SOURCE.as_str();
    format!("default-src 'none'; style-src {style}; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
});

static STYLE_SOURCE: LazyLock<String> =
    LazyLock::new(|| format!("'sha256-{}'", Base64::encode_string(&Sha256::digest(STYLE))));

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

#[cfg(test)]
mod tests;
