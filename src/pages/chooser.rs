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
                        small { (shown(provider)) }
                    }
                }
            }
        }
    };
    page("Sign in", &html! {}, &body)
}

/// The issuer; where each tenant has one, what they have in common.
fn shown(provider: &Provider) -> String {
    let issuer = &provider.issuer;
    issuer.origin().filter(|_| issuer.has_tenants()).unwrap_or_else(|| issuer.as_str().to_owned())
}
