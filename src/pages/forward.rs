//! A page that goes on by itself.
//!
//! A browser that came here from another site left its `SameSite=Strict` cookies behind, and would do so
//! again after a redirect. A page of our own that navigates on starts afresh: then they are sent. And what
//! stands behind `#` in the address only the browser knows: a page can take it along where a redirect cannot.

use maud::{Markup, html};

use super::{Draft, HtmlPage, View};

/// With a fragment there is another way to go: one whose last parameter is the path, to which it is added.
const TAKE_FRAGMENT_ALONG: &str = "\
const { href, dataset } = document.querySelector('main a'), { hash } = location;
location.replace(hash ? dataset.withFragment + encodeURIComponent(hash) : href);";

/// After a login: on to where the person wanted to go.
#[must_use]
pub fn signed_in(view: &View<'_>, to: &str) -> HtmlPage {
    on_to(view, to, view.say("Signed in"), view.say("You are signed in. Taking you back."))
}

/// On to another page of this origin.
#[must_use]
pub fn go_on(view: &View<'_>, to: &str) -> HtmlPage {
    on_to(view, to, view.say("One moment"), view.say("Opening the page."))
}

/// On to where a person signs in.
#[must_use]
pub fn to_provider(view: &View<'_>, to: &str) -> HtmlPage {
    on_to(view, to, view.say("One moment"), view.say("Taking you to sign in."))
}

/// On to where a sign-out goes on.
#[must_use]
pub fn to_sign_out(view: &View<'_>, to: &str) -> HtmlPage {
    on_to(view, to, view.say("One moment"), view.say("Signing you out."))
}

/// Once round through ourselves, to see whether the person is signed in already. `to` is this page's own address:
/// to add a fragment to that would be no navigation, so with one the way leads over [`go_on`].
#[must_use]
pub fn bounce(view: &View<'_>, to: &str) -> HtmlPage {
    with_script(view, to, &with_path("/auth/continue?to=", to), view.say("Opening the page."))
}

/// The page at hand, once more in a moment: the answer's `Refresh` says when.
#[must_use]
pub fn wait(view: &View<'_>, to: &str) -> HtmlPage {
    let title = view.say("One moment");
    let body = html! {
        h1 { (title) }
        p role="status" { (view.say("Opening the page.")) }
        a.button href=(to) { (view.say("Continue")) }
    };
    view.page(Draft::new(title, body))
}

/// To the sign-in for `return_to`, with this query besides.
#[must_use]
pub fn to_login(view: &View<'_>, return_to: &str, query: &str) -> HtmlPage {
    let separator = if query.is_empty() { "" } else { "&" };
    let login = with_path(&format!("/auth/login?{query}{separator}return_to="), return_to);
    with_script(view, &login, &login, view.say("Taking you to sign in."))
}

fn with_path(prefix: &str, path: &str) -> String {
    prefix.chars().chain(form_urlencoded::byte_serialize(path.as_bytes()).flat_map(str::chars)).collect()
}

fn on_to(view: &View<'_>, to: &str, title: &str, text: &str) -> HtmlPage {
    let body = html! {
        h1 { (title) }
        p role="status" { (text) }
        a.button href=(to) { (view.say("Continue")) }
    };
    view.page(Draft::new(title, body).with_head(refresh(to)))
}

fn with_script(view: &View<'_>, to: &str, with_fragment: &str, text: &str) -> HtmlPage {
    let title = view.say("One moment");
    let body = html! {
        h1 { (title) }
        p role="status" { (text) }
        a.button href=(to) data-with-fragment=(with_fragment) { (view.say("Continue")) }
    };
    let head = html! { noscript { (refresh(to)) } };
    view.page(Draft::new(title, body).with_head(head).with_script(TAKE_FRAGMENT_ALONG))
}

fn refresh(to: &str) -> Markup {
    html! { meta http-equiv="refresh" content=(format!("0;url={to}")); }
}
