//! A page that goes on by itself.
//!
//! A browser that came here from another site left its `SameSite=Strict` cookies behind, and would do so
//! again after a redirect. A page of our own that navigates on starts afresh: then they are sent. And what
//! stands behind `#` in the address only the browser knows: a page can take it along where a redirect cannot.

use maud::{Markup, PreEscaped, html};

use super::{Scripted, page};

/// With a fragment there is another way to go: one whose last parameter is the path, to which it is added.
const TAKE_FRAGMENT_ALONG: &str = "\
const { href, dataset } = document.querySelector('a'), { hash } = location;
location.replace(hash ? dataset.withFragment + encodeURIComponent(hash) : href);";

/// After a login: on to where the person wanted to go.
#[must_use]
pub fn signed_in(to: &str) -> String {
    on_to(to, "Signed in", &html! { "You are signed in. Taking you back." })
}

/// On to another page of this origin.
#[must_use]
pub fn go_on(to: &str) -> String {
    on_to(to, "One moment", &html! { "Opening the page." })
}

/// Once round through ourselves, to see whether the person is signed in already. `to` is this page's own address:
/// to add a fragment to that would be no navigation, so with one the way leads over [`go_on`].
#[must_use]
pub fn bounce(to: &str) -> Scripted {
    with_script(to, &with_path("/auth/continue?to=", to), "Opening the page.")
}

/// To the sign-in for `return_to`, with this query besides.
#[must_use]
pub fn to_login(return_to: &str, query: &str) -> Scripted {
    let separator = if query.is_empty() { "" } else { "&" };
    let login = with_path(&format!("/auth/login?{query}{separator}return_to="), return_to);
    with_script(&login, &login, "Taking you to sign in.")
}

fn with_path(prefix: &str, path: &str) -> String {
    prefix.chars().chain(form_urlencoded::byte_serialize(path.as_bytes()).flat_map(str::chars)).collect()
}

fn on_to(to: &str, title: &str, text: &Markup) -> String {
    let head = refresh(to);
    let body = html! {
        h1 { (title) }
        p role="status" { (text) }
        a.button href=(to) { "Continue" }
    };
    page(title, &head, &body)
}

fn with_script(to: &str, with_fragment: &str, text: &str) -> Scripted {
    let head = html! { noscript { (refresh(to)) } };
    let body = html! {
        h1 { "One moment" }
        p role="status" { (text) }
        a.button href=(to) data-with-fragment=(with_fragment) { "Continue" }
        script { (PreEscaped(TAKE_FRAGMENT_ALONG)) }
    };
    Scripted::new(page("One moment", &head, &body), TAKE_FRAGMENT_ALONG)
}

fn refresh(to: &str) -> Markup {
    html! { meta http-equiv="refresh" content=(format!("0;url={to}")); }
}
