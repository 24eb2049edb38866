//! Where a person is signed in, and a way to end it.

use maud::{Markup, html};

use super::{moment, page, words};
use crate::session::Listed;

/// The list; `current` is the id of the session that is looking.
#[must_use]
pub fn render(sessions: &[Listed], current: &str) -> String {
    let body = html! {
        h1 { "Where you are signed in" }
        p { "If you do not know one of these, sign it out." }
        ul {
            @for listed in sessions { (one(listed, listed.id == current)) }
        }
        @if sessions.len() > 1 {
            form.apart method="post" action="/auth/sessions/end-others" {
                button { "Sign out everywhere else" }
            }
        }
        p.number { a href="/" { "Start page" } }
    };
    page("Where you are signed in", &html! {}, &body)
}

fn one(listed: &Listed, is_current: bool) -> Markup {
    html! {
        li.session {
            strong { (listed.device) }
            @if is_current { " " span.mark { "This browser" } }
            dl {
                @if let Some(place) = &listed.place { dt { "Place" } dd { (place) } }
                dt { "Signed in" } dd { (moment(listed.created_at)) }
                dt { "Last used" } dd { (moment(listed.last_seen)) }
                dt { "Ends" } dd { (moment(listed.expires_at)) }
            }
            form method="post" action=(format!("/auth/sessions/{}/end", listed.id)) {
                button.plain aria-label=(format!("Sign out {}, signed in {}", listed.device, words(listed.created_at))) {
                    "Sign out"
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    fn listed(id: &str, device: &str) -> Listed {
        Listed {
            id: id.to_owned(),
            device: device.to_owned(),
            place: Some("Lisbon, PT".to_owned()),
            created_at: Timestamp::from_unix(1_795_328_454),
            last_seen: Timestamp::from_unix(1_795_328_454),
            expires_at: Timestamp::from_unix(i64::MAX),
            provider: None,
        }
    }

    #[test]
    fn each_session_has_its_words_and_a_button() {
        let page = render(&[listed("a", "Firefox on Linux"), listed("b", "<b>Chrome</b>")], "a");
        assert!(page.contains(r#"<time datetime="2026-11-22T06:20:54Z">22 November 2026, 06:20 UTC</time>"#), "{page}");
        assert!(page.contains("Lisbon, PT") && page.contains("at an unknown time"));
        assert_eq!(page.matches("This browser").count(), 1);
        assert!(page.contains(r#"action="/auth/sessions/a/end""#) && page.contains(r#"action="/auth/sessions/b/end""#));
        assert!(page.contains("&lt;b&gt;Chrome") && !page.contains("<b>") && !page.contains("<script"));
        assert!(page.contains("Sign out everywhere else"));
    }

    #[test]
    fn who_is_signed_in_once_is_offered_no_elsewhere() {
        assert!(!render(&[listed("a", "Firefox on Linux")], "a").contains("everywhere else"));
    }
}
