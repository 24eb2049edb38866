//! `GET /auth/login`: off to the provider. A third party may also post what a link would say (OpenID Connect Core §4).

use std::borrow::Cow;

use super::link::LOGIN;
use super::{chooser, pushed};
use crate::audit::{Effect, What};
use crate::config::{Inability, LoginParameter, MAX_ACR_VALUES_BYTES, OtherAccount, Provider};
use crate::gateway::context::RequestContext;
use crate::gateway::response_parts::ResponseParts;
use crate::gateway::saml::{self, SamlParty};
use crate::gateway::{Platform, cold, response};
use crate::http::cookie::{self, SessionCookie};
use crate::http::{Method, Response, StatusCode};
use crate::keyring::SealError;
use crate::limit::LimitKind;
use crate::oidc::login::{self, Hints};
use crate::oidc::proof_key::ProofKey;
use crate::oidc::return_to::ReturnTo;
use crate::oidc::transaction::{self, Intent, Transaction};
use crate::oidc::way_back;
use crate::ordered;
use crate::pages;
use crate::ports::RequestBody;
use crate::refusal::Reason;
use crate::secret::Secret;
use crate::time::Seconds;

const MAX_LOGIN_HINT_BYTES: usize = 320;
/// As much as a link may have.
const MAX_FORM_BYTES: usize = 16 * 1024;
/// The longest parameter of a provider's own in a login link.
const MAX_OWN_PARAMETER_BYTES: usize = 1024;
/// Opening a cookie costs, and a browser never has many: what comes after these is no browser's.
const MAX_COOKIES_LOOKED_AT: usize = 16;

/// Begins a login, or asks with whom.
pub(crate) async fn start<P: Platform>(
    ctx: &RequestContext<'_, P>,
    body: impl RequestBody,
    parts: &mut ResponseParts,
) -> Result<Response, Reason> {
    parts.event.event = What::LoginStart;
    let methods = if ctx.request.is_form() { &[Method::GET, Method::POST][..] } else { &[Method::GET] };
    ctx.request.allow_methods(methods)?;
    // an image, a frame or a script of whatever site cannot start one.
    if !ctx.request.request_kind.is_navigation() {
        return Err(Reason::LoginNotNavigated);
    }
    if ctx.request.head.method == Method::POST {
        return posted(ctx, body, parts).await;
    }
    let link = Link::parse(ctx.request.target.query.unwrap_or_default())?;
    parts.way_back = Some(link.destination(ctx));
    if link.fragment.is_some() {
        parts.event.end(Effect::Redirect, "login.fragment_kept", StatusCode::OK);
        return Ok(keep_fragment(ctx, &link));
    }
    if ctx.may_have_left_cookie_behind() {
        parts.event.end(Effect::Redirect, "login.bounced", StatusCode::OK);
        // What stands behind `#` here is of no use: the way back is `return_to`.
        return Ok(response::html(StatusCode::OK, pages::forward::go_on(&ctx.view(), &ctx.request.here())));
    }
    let names_provider = link.provider.is_some() || link.iss.is_some();
    if let Some(found) = chooser::by_email(ctx).filter(|_| !names_provider) {
        parts.event.end(Effect::Redirect, "login.provider_found", StatusCode::OK);
        return Ok(found);
    }
    let Some(provider) = chooser::choose(ctx, &link)? else {
        parts.event.end(Effect::Allow, "login.chooser", StatusCode::OK);
        return Ok(chooser::page(ctx));
    };
    parts.event.provider = Some(provider.id.as_str().to_owned());
    let mut wishes = Wishes::of(&link, provider)?;
    let is_told = !provider.cannot.contains(&Inability::MaxAge);
    if link.max_age.is_some() && is_told && previous_session(ctx).is_some() {
        wishes.hints.prompt = wishes.hints.prompt.or_else(|| prompt_again(provider));
    }
    ctx.limit_own(LimitKind::Login, ctx.site.config.limits.login.as_ref(), parts).await?;
    let intent = intent(ctx, &link, provider, &wishes);
    if let Some(party) = SamlParty::of(provider) {
        return cold(saml::begin(ctx, party, (intent, wishes.hints.prompt.as_deref()), parts)).await;
    }
    let metadata = ctx.site.documents.metadata(ctx.platform, provider).await?;
    let mut transaction = Transaction::begin(intent, ctx.request.now, ctx.platform.random());
    if provider.binds_by_dpop() {
        transaction.proof_key = ProofKey::generate(ctx.platform.random());
    }
    let (keys, random) = (&ctx.site.config.keys, ctx.platform.random());
    transaction.state = way_back::added_to(&transaction.state, &link.destination(ctx), keys, random);
    let parameters = login::parameters(provider, &ctx.site.config.public_url, &transaction, &wishes.hints);
    let parameters = pushed::hand_over(ctx, provider, &metadata, parameters, parts).await?;
    let location = login::authorization_url(&metadata, &parameters)
        .ok()
        .and_then(|url| response::redirect(StatusCode::FOUND, &url))
        .ok_or(Reason::Internal("internal.authorization_url"))?;
    remember(ctx, provider, &transaction, parts)?;
    remember_way_back(ctx, provider, &transaction, parts)?;
    parts.event.end(Effect::Redirect, "login.started", location.status);
    Ok(location)
}

/// A form that says what a link would: its sender is sent on by the link, which brings our cookies along where a form of
/// another site's does not. R-037: 303.
async fn posted<P>(
    ctx: &RequestContext<'_, P>,
    body: impl RequestBody,
    parts: &mut ResponseParts,
) -> Result<Response, Reason> {
    let form = body.text(MAX_FORM_BYTES).await.map_err(|_| Reason::BadInput("body"))?;
    Link::parse(&form)?;
    let providers = &ctx.site.config.providers;
    let is_own = |name: &str| providers.iter().any(|provider| provider.pass_through_own.iter().any(|own| own == name));
    let is_known = |name: &str| Link::NAMES.contains(&name) || is_own(name);
    let known = form_urlencoded::parse(form.as_bytes()).filter(|(name, _)| is_known(name));
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(known).finish();
    let location = if query.is_empty() { LOGIN.to_owned() } else { format!("{LOGIN}?{query}") };
    parts.event.end(Effect::Redirect, "login.posted", StatusCode::SEE_OTHER);
    response::redirect(StatusCode::SEE_OTHER, &location).ok_or(Reason::Internal("internal.location_unwritable"))
}

/// The parameters of a login link, each at most once.
#[derive(Default)]
pub(super) struct Link<'a> {
    return_to: Option<Cow<'a, str>>,
    target_link_uri: Option<Cow<'a, str>>,
    pub(super) provider: Option<Cow<'a, str>>,
    pub(super) iss: Option<Cow<'a, str>>,
    prompt: Option<Cow<'a, str>>,
    pub(super) login_hint: Option<Cow<'a, str>>,
    acr_values: Option<Cow<'a, str>>,
    max_age: Option<Cow<'a, str>>,
    /// Set by the guard alone: what the browser has behind `#` is to be put behind `return_to` first.
    fragment: Option<Cow<'a, str>>,
    /// What is named otherwise; nothing of it counts but what a provider's configuration names.
    others: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl<'a> Link<'a> {
    /// What a form may say, beside parameters of a provider's own.
    const NAMES: [&'static str; 8] =
        ["return_to", "target_link_uri", "provider", "iss", "prompt", "login_hint", "acr_values", "max_age"];

    /// What neither is named here nor passed through is ignored: nobody widens a scope by a link.
    fn parse(query: &'a str) -> Result<Self, Reason> {
        let mut link = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let (field, name) = match name.as_ref() {
                "return_to" => (&mut link.return_to, "return_to"),
                "target_link_uri" => (&mut link.target_link_uri, "target_link_uri"),
                "provider" => (&mut link.provider, "provider"),
                "iss" => (&mut link.iss, "iss"),
                "prompt" => (&mut link.prompt, "prompt"),
                "login_hint" => (&mut link.login_hint, "login_hint"),
                "acr_values" => (&mut link.acr_values, "acr_values"),
                "max_age" => (&mut link.max_age, "max_age"),
                "fragment" => (&mut link.fragment, "fragment"),
                _ => {
                    link.others.push((name, value));
                    continue;
                }
            };
            if field.replace(value).is_some() {
                return Err(Reason::LoginParameter(name));
            }
        }
        Ok(link)
    }

    /// Where to go afterwards; anything that is not on our own origin becomes the start page.
    fn destination<P>(&self, ctx: &RequestContext<'_, P>) -> ReturnTo {
        let origin = &ctx.site.config.public_url;
        let given = self.return_to.as_deref().and_then(|path| ReturnTo::parse_nearest(path, origin));
        let target = || self.target_link_uri.as_deref().and_then(|url| ReturnTo::parse_absolute(url, origin));
        given.or_else(target).unwrap_or_else(ReturnTo::start)
    }
}

/// On to the same login by way of the browser, which alone knows the fragment.
fn keep_fragment<P: Platform>(ctx: &RequestContext<'_, P>, link: &Link<'_>) -> Response {
    let others = form_urlencoded::parse(ctx.request.target.query.unwrap_or_default().as_bytes());
    let others = others.filter(|(name, _)| name != "return_to" && name != "fragment");
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(others).finish();
    let return_to = link.return_to.as_deref().unwrap_or("/");
    response::html(StatusCode::OK, pages::forward::to_login(&ctx.view(), return_to, &query))
}

/// What of the link the provider's configuration lets through.
struct Wishes {
    hints: Hints,
    acr_values: Vec<String>,
    max_age: Option<Seconds>,
}

impl Wishes {
    fn of(link: &Link<'_>, provider: &Provider) -> Result<Self, Reason> {
        let allowed = |parameter| provider.pass_through.contains(&parameter);
        let prompt = link.prompt.as_deref().filter(|_| allowed(LoginParameter::Prompt));
        let prompt = prompt.and_then(|prompt| for_other_account(prompt, provider)).map(checked_prompt);
        let hint = link.login_hint.as_deref().filter(|_| allowed(LoginParameter::LoginHint)).map(checked_hint);
        let acr = link.acr_values.as_deref().filter(|_| allowed(LoginParameter::AcrValues)).map(checked_acr_values);
        // A provider that cannot tell would only make the sign-in fail.
        let tells = |inability| !provider.cannot.contains(&inability);
        let max_age = link.max_age.as_deref().filter(|_| allowed(LoginParameter::MaxAge)).map(checked_max_age);
        let max_age =
            max_age.transpose()?.filter(|_| tells(Inability::MaxAge)).into_iter().chain(provider.max_age).min();
        Ok(Self {
            hints: Hints { prompt: prompt.transpose()?, login_hint: hint.transpose()?, own: own(link, provider)? },
            acr_values: narrowed(&acr.transpose()?.unwrap_or_default(), provider),
            max_age,
        })
    }
}

/// The parameters of the provider's own that its configuration passes through, each at most once.
fn own(link: &Link<'_>, provider: &Provider) -> Result<Vec<(String, String)>, Reason> {
    let mut own: Vec<(String, String)> = Vec::new();
    for (name, value) in link.others.iter().filter(|(name, _)| provider.pass_through_own.iter().any(|one| one == name))
    {
        let printable = value.len() <= MAX_OWN_PARAMETER_BYTES && !value.chars().any(char::is_control);
        if !printable || own.iter().any(|(other, _)| other == name) {
            return Err(Reason::LoginParameter("pass_through"));
        }
        own.push((name.clone().into_owned(), value.clone().into_owned()));
    }
    Ok(own)
}

/// A link may choose among the configured values, or set some where none are; it never lifts a requirement.
fn narrowed(asked: &[String], provider: &Provider) -> Vec<String> {
    provider.acr_values_for(asked).unwrap_or_else(|| provider.acr_values.clone())
}

/// `select_account` in the words of a provider that does not know it.
fn for_other_account<'p>(prompt: &'p str, provider: &Provider) -> Option<&'p str> {
    match (prompt, provider.choice.other_account) {
        ("select_account", OtherAccount::Login) => Some("login"),
        ("select_account", OtherAccount::None) => None,
        _ => Some(prompt),
    }
}

fn checked_prompt(text: &str) -> Result<String, Reason> {
    const KNOWN: [&str; 5] = ["none", "login", "consent", "select_account", "create"];
    let known = !text.is_empty() && text.split(' ').all(|word| KNOWN.contains(&word));
    // OpenID Connect Core §3.1.2.1: `none` stands alone.
    let alone = !text.contains("none") || text == "none";
    if known && alone { Ok(text.to_owned()) } else { Err(Reason::LoginParameter("prompt")) }
}

fn checked_hint(text: &str) -> Result<String, Reason> {
    let printable = !text.is_empty() && text.len() <= MAX_LOGIN_HINT_BYTES && !text.chars().any(char::is_control);
    if printable { Ok(text.to_owned()) } else { Err(Reason::LoginParameter("login_hint")) }
}

fn checked_acr_values(text: &str) -> Result<Vec<String>, Reason> {
    let values: Vec<String> = text.split(' ').filter(|value| !value.is_empty()).map(str::to_owned).collect();
    let graphic = text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    let good = !values.is_empty() && text.len() <= MAX_ACR_VALUES_BYTES && graphic;
    if good { Ok(values) } else { Err(Reason::LoginParameter("acr_values")) }
}

fn checked_max_age(text: &str) -> Result<Seconds, Reason> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits.then(|| text.parse().ok()).flatten();
    number.map(Seconds::new).ok_or(Reason::LoginParameter("max_age"))
}

fn intent<'t, P: Platform>(
    ctx: &RequestContext<'_, P>,
    link: &Link<'_>,
    provider: &'t Provider,
    wishes: &Wishes,
) -> Intent<'t> {
    Intent {
        provider: &provider.id,
        return_to: link.destination(ctx).as_str().to_owned(),
        acr_values: wishes.acr_values.clone(),
        max_age: wishes.max_age,
        silent: wishes.hints.prompt.as_deref() == Some("none"),
        previous_session: previous_session(ctx),
    }
}

/// The session cookie at hand. Only one that we made goes along: the transaction has no room for what others put there.
fn previous_session<P: Platform>(ctx: &RequestContext<'_, P>) -> Option<Secret<String>> {
    match cookie::session(&ctx.request.head.headers) {
        SessionCookie::One(value) => ctx.session_of(value).map(|_| Secret::new(value.to_owned())),
        SessionCookie::Absent | SessionCookie::Several => None,
    }
}

/// For who is signed in and has to sign in more recently: providers that know nothing of `max_age` know `prompt=login`
/// (OpenID Connect Core §3.1.2.1). `None` where a link may not say it.
fn prompt_again(provider: &Provider) -> Option<String> {
    let usual = provider.prompt.as_deref().unwrap_or_default().split(' ');
    let others = usual.filter(|word| !matches!(*word, "" | "login" | "create"));
    let prompt: Vec<&str> = std::iter::once("login").chain(others).collect();
    provider.pass_through.contains(&LoginParameter::Prompt).then(|| prompt.join(" "))
}

/// Sets the transaction's cookie, and deletes those that are over or one too many.
pub(in crate::gateway) fn remember<P: Platform>(
    ctx: &RequestContext<'_, P>,
    provider: &Provider,
    transaction: &Transaction,
    parts: &mut ResponseParts,
) -> Result<(), Reason> {
    for name in surplus(ctx) {
        parts.set_cookie(cookie::delete(&name, cookie::SameSiteAttribute::Lax))?;
    }
    let (name, value) = seal(ctx, transaction).map_err(|_| Reason::Internal("internal.transaction_unsealable"))?;
    let same_site = same_site(provider);
    parts.set_cookie(cookie::set_login_transaction(&name, value.expose(), same_site, transaction::LIFETIME))
}

/// Sets the cookies that a long way back needs, and deletes those of logins that are over: both together would be too much.
pub(in crate::gateway) fn remember_way_back<P: Platform>(
    ctx: &RequestContext<'_, P>,
    provider: &Provider,
    transaction: &Transaction,
    parts: &mut ResponseParts,
) -> Result<(), Reason> {
    let Some(return_to) = parts.way_back.clone() else { return Ok(()) };
    let keys = &ctx.site.config.keys;
    let cookies = way_back::cookies(transaction.state.expose(), &return_to, keys, ctx.platform.random());
    if cookies.is_empty() {
        return Ok(());
    }
    let headers = &ctx.request.head.headers;
    let known: Vec<&str> = cookie::ways_back(headers).collect();
    let is_under_way = |name: &str| {
        let ends = |login: &str| way_back::tag(name).is_some_and(|tag| login.ends_with(tag));
        cookie::login_transactions(headers).any(|(login, _)| ends(login))
    };
    for name in known.into_iter().filter(|name| !is_under_way(name)).take(MAX_COOKIES_LOOKED_AT) {
        parts.set_cookie(cookie::delete(name, cookie::SameSiteAttribute::Lax))?;
    }
    for (name, value) in cookies {
        let same_site = same_site(provider);
        parts.set_cookie(cookie::set_login_transaction(&name, value.expose(), same_site, way_back::KEPT))?;
    }
    Ok(())
}

/// Seals the transaction; without the way back when that is too long for one cookie. It has some of its own.
fn seal<P: Platform>(
    ctx: &RequestContext<'_, P>,
    transaction: &Transaction,
) -> Result<(String, Secret<String>), SealError> {
    let keys = &ctx.site.config.keys;
    transaction.seal(keys, ctx.platform.random()).or_else(|SealError| {
        let mut shorter = transaction.clone();
        shorter.return_to = ReturnTo::start().as_str().to_owned();
        shorter.seal(keys, ctx.platform.random())
    })
}

/// The names of transaction cookies to delete so that, with one more, there are not too many.
fn surplus<P>(ctx: &RequestContext<'_, P>) -> Vec<String> {
    let keys = &ctx.site.config.keys;
    let (mut alive, mut surplus) = (Vec::new(), Vec::new());
    for (name, value) in cookie::login_transactions(&ctx.request.head.headers).take(MAX_COOKIES_LOOKED_AT) {
        match Transaction::open(name, value, keys, ctx.request.now) {
            Some(transaction) => alive.push((transaction.started_at, name.to_owned())),
            None => surplus.push(name.to_owned()),
        }
    }
    let excess = (alive.len() + 1).saturating_sub(transaction::MAX_AT_ONCE);
    let oldest_first = ordered::by_key(alive, |(started_at, _)| *started_at);
    surplus.extend(oldest_first.into_iter().take(excess).map(|(_, name)| name));
    surplus
}

/// A provider that posts its answer does so from its own site: a `Lax` cookie would stay behind.
pub(crate) const fn same_site(provider: &Provider) -> cookie::SameSiteAttribute {
    if provider.response_mode.is_posted() { cookie::SameSiteAttribute::None } else { cookie::SameSiteAttribute::Lax }
}
