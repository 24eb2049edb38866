//! Which provider, when there are several.

use maud::html;

use super::page;
use crate::config::Provider;

/// One link for each provider; `link` makes its address.
#[must_use]
pub fn render(providers: &[Provider], link: impl Fn(&Provider) -> String) -> String {
    let body = html! {
        h1 { "Sign in" }
        p { "Choose where you have your account." }
        ul {
            @for provider in providers {
                li {
                    a.choice href=(link(provider)) {
                        (provider.name)
                        small { (provider.issuer.as_str()) }
                    }
                }
            }
        }
    };
    page("Sign in", &html! {}, &body)
}
