//! With which provider: the one that a link names, the one behind an e-mail address, the only one, or the one that the
//! person chooses on a page.

use std::borrow::Cow;

use super::link::LOGIN;
use super::login::Link;
use crate::config::{Config, Provider};
use crate::gateway::Platform;
use crate::gateway::context::RequestContext;
use crate::gateway::response;
use crate::http::{Response, StatusCode, cookie};
use crate::pages;
use crate::pages::chooser::Choices;
use crate::refusal::Reason;

/// What a form of the page sends, and nothing else does.
const EMAIL: &str = "email";

/// The provider that the link names, the one behind its address, or the only one; `None` when the person has to choose
///
pub(super) fn choose<'c, P>(ctx: &RequestContext<'c, P>, link: &Link<'_>) -> Result<Option<&'c Provider>, Reason> {
    let config = &ctx.site.config;
    match (&link.provider, &link.iss) {
        (Some(id), _) => return config.provider(id).map(Some).ok_or(Reason::UnknownProvider),
        (None, Some(issuer)) => return config.provider_by_issuer(issuer).map(Some).ok_or(Reason::UnknownProvider),
        (None, None) => {}
    }
    // A deployment for programs only.
    if config.providers.is_empty() {
        return Err(Reason::UnknownProvider);
    }
    let behind = link.login_hint.as_deref().and_then(|address| behind(config, address));
    Ok(behind.or_else(|| match shown(config).as_slice() {
        [only] if !finds_by_email(config) => Some(*only),
        _ => None,
    }))
}

/// The answer to the page's form: on to the provider behind the address that was entered. `None` where there is no such
/// address, or no provider behind it.
pub(super) fn by_email<P: Platform>(ctx: &RequestContext<'_, P>) -> Option<Response> {
    let query = ctx.request.target.query.unwrap_or_default();
    let entered = entered(query)?;
    let provider = behind(&ctx.site.config, &entered)?;
    let to = link_to(query, provider, Some(&entered));
    Some(response::html(StatusCode::OK, pages::forward::to_provider(&ctx.view(), &to)))
}

/// The page.
pub(super) fn page<P: Platform>(ctx: &RequestContext<'_, P>) -> Response {
    let config = &ctx.site.config;
    let query = ctx.request.target.query.unwrap_or_default();
    let last = cookie::last_provider(&ctx.request.head.headers);
    let mut providers = shown(config);
    let place = providers.iter().position(|provider| Some(provider.id.as_str()) == last);
    let last_used = place.map(|place| providers.remove(place));
    if let Some(provider) = last_used {
        providers.insert(0, provider);
    }
    let others: Vec<(Cow<'_, str>, Cow<'_, str>)> = others(query).collect();
    let unknown_email = entered(query);
    let choices = Choices {
        providers,
        last_used,
        by_email: finds_by_email(config),
        unknown_email: unknown_email.as_deref(),
        hidden_fields: others.iter().map(|(name, value)| (name.as_ref(), value.as_ref())).collect(),
    };
    let page = pages::chooser::render(&ctx.view(), &choices, |provider| link_to(query, provider, None));
    response::html(StatusCode::OK, page)
}

/// Whether people choose at all: then the browser remembers what they chose.
pub(super) fn is_a_choice(config: &Config) -> bool {
    shown(config).len() > 1
}

/// Whether a sign-in can lead a person who came by this provider to another account: by the page, by another provider, or
/// because this one can be asked for it.
pub(in crate::gateway) fn leads_elsewhere(config: &Config, provider: Option<&str>) -> bool {
    match shown(config).as_slice() {
        [only] if !finds_by_email(config) => {
            provider != Some(only.id.as_str()) || only.may_be_asked_for_other_account()
        }
        shown => !shown.is_empty() || finds_by_email(config),
    }
}

/// The providers of the page, in their order.
fn shown(config: &Config) -> Vec<&Provider> {
    let place = |provider: &Provider| provider.choice.order.unwrap_or(u32::MAX);
    let mut shown: Vec<&Provider> = Vec::new();
    for provider in config.providers.iter().filter(|provider| !provider.choice.hidden) {
        // They are few: to sort them would be much code.
        let after = shown.iter().position(|known| place(known) > place(provider));
        shown.insert(after.unwrap_or(shown.len()), provider);
    }
    shown
}

fn finds_by_email(config: &Config) -> bool {
    config.providers.iter().any(|provider| !provider.choice.domains.is_empty())
}

/// The provider to which the domain of an address belongs. Whether there is such an address is not asked.
fn behind<'c>(config: &'c Config, address: &str) -> Option<&'c Provider> {
    let (local, domain) = address.trim().rsplit_once('@')?;
    let belongs = |provider: &&Provider| provider.choice.domains.iter().any(|known| known.eq_ignore_ascii_case(domain));
    config.providers.iter().find(belongs).filter(|_| !local.is_empty())
}

fn entered(query: &str) -> Option<Cow<'_, str>> {
    form_urlencoded::parse(query.as_bytes())
        .find(|(name, value)| name == EMAIL && !value.is_empty())
        .map(|(_, text)| text)
}

/// What else the link says.
fn others(query: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name != EMAIL)
}

/// The same link, with this provider.
fn link_to(query: &str, provider: &Provider, entered: Option<&str>) -> String {
    let mut link = form_urlencoded::Serializer::new(String::new());
    link.append_pair("provider", provider.id.as_str());
    for (name, value) in others(query).filter(|(name, _)| entered.is_none() || name != "login_hint") {
        link.append_pair(&name, &value);
    }
    if let Some(entered) = entered {
        link.append_pair("login_hint", entered.trim());
    }
    format!("{LOGIN}?{}", link.finish())
}
