//! What weakens a deployment, or is a mistake by all appearances: a configuration like that is taken all the same.

use postern::authn::resource;
use postern::config::{ClientAuth, Config, LogoutTokens, Provider, SameSite, TokenIssuer, WithoutAudience};
use postern::ids::site::Site;
use serde_json::{Map, Value};

use super::report::Warning;
use super::wrangler::Wrangler;
use super::{abilities, agents, in_vain, mistakes, rules, second};

/// Of all sites, and of the file around them.
pub(super) fn all(configs: &[&Config], vars: &Map<String, Value>, wrangler: &Wrangler) -> Vec<Warning> {
    let of = |site: &Site, text: String| Warning { site: site.clone(), text };
    let own = configs.iter().flat_map(|config| {
        let all = own_warnings(config).into_iter().chain(mistakes::warnings(config, vars));
        all.map(|text| of(&config.site, text))
    });
    own.chain(wrangler.warnings(configs).into_iter().map(|text| of(&Site::SOLE, text))).collect()
}

/// What weakens a deployment, spelled out.
fn own_warnings(config: &Config) -> Vec<String> {
    let mut warnings = Vec::new();
    if config.public_url.is_loopback_development() {
        warnings.push("`PUBLIC_URL` is on this machine: development, nobody else reaches it".to_owned());
    }
    if config.session.same_site == SameSite::Lax {
        warnings.push("`SESSION.same_site` is `lax`: links on other sites carry the session cookie".to_owned());
    }
    warnings.extend(floods(config));
    warnings.extend(rules::warnings(config));
    warnings.extend(abilities::warnings(config));
    warnings.extend(second::warning(config));
    warnings.extend(agents::warnings(config));
    warnings.extend(in_vain::warnings(config));
    for provider in config.providers.iter().filter(|provider| provider.issuer.takes_any_tenant()) {
        warnings.push(format!(
            "`PROVIDERS.{}.tenants` is `any`: people of every organisation that uses Microsoft Entra can sign in",
            provider.id
        ));
    }
    for provider in config.providers.iter().filter(|provider| provider.frontchannel_logout) {
        warnings.push(format!(
            "`PROVIDERS.{}.frontchannel_logout` is on: whoever learns a `sid` of that provider's can sign that person out",
            provider.id
        ));
    }
    for provider in config.providers.iter().filter(|provider| is_entra_by_groups(provider)) {
        warnings.push(format!(
            "`PROVIDERS.{}`: Entra leaves `groups` out of the tokens of people in more than 200; send assigned groups only, or app roles",
            provider.id
        ));
    }
    for provider in config.providers.iter().filter(|provider| matches!(provider.client_auth, ClientAuth::None)) {
        warnings.push(format!(
            "`PROVIDERS.{}.client_auth` is `none`: nothing proves to it who redeems a code, PKCE alone protects it",
            provider.id
        ));
    }
    for provider in config.providers.iter().filter(|provider| provider.sign_out.tokens == LogoutTokens::Legacy) {
        warnings.push(format!(
            "`PROVIDERS.{}.logout_tokens` is `legacy`: its logout tokens need no `exp`, and their `typ` may be that of any token",
            provider.id
        ));
    }
    warnings.extend(config.providers.iter().filter(|provider| provider.saml.is_some()).map(saml));
    for issuer in config.issuers.iter().filter(|issuer| issuer.is_legacy()) {
        warnings.push(format!(
            "`ISSUERS.{}.tokens` is `legacy`: its access tokens are told from its other tokens by their claims alone",
            issuer.id
        ));
    }
    warnings.extend(config.issuers.iter().filter_map(left_to_endpoint));
    warnings.extend(resource::inert(config).into_iter().map(|(issuer, audience)| inert(issuer, audience)));
    warnings
}

fn saml(provider: &Provider) -> String {
    format!(
        "`PROVIDERS.{}.saml` is experimental: the library that reads XML signatures is young and has no outside review; a bridge to OpenID Connect is safer",
        provider.id
    )
}

/// The limits that are on by default and were turned off.
fn floods(config: &Config) -> Vec<String> {
    let limits = &config.limits;
    let behind_a_proxy = config.verify.is_some() || config.providers.is_empty();
    let has_frames = config.providers.iter().any(|provider| provider.frontchannel_logout || provider.saml.is_some());
    let all = [
        ("login", &limits.login, "sign-ins", true),
        ("callback", &limits.callback, "sign-ins", true),
        ("frontchannel_logout", &limits.frontchannel_logout, "made-up sign-outs", has_frames),
        ("own", &limits.own, "requests to Postern's own endpoints", true),
    ];
    let off = all.into_iter().filter(|(_, limit, _, is_used)| limit.is_none() && *is_used && !behind_a_proxy);
    off.map(|(name, _, what, _)| {
        format!("`LIMITS.{name}` is `false`: nothing stops a flood of {what} from one address")
    })
    .collect()
}

/// Whether what people are or may do is read from `groups` of Microsoft Entra.
fn is_entra_by_groups(provider: &Provider) -> bool {
    let is_entra = provider.issuer.as_str().starts_with("https://login.microsoftonline.com/");
    is_entra && provider.roles.iter().chain(&provider.permissions).any(|path| path.claim() == "groups")
}

/// What is left to the endpoint that is asked about its tokens, because an answer need not say it.
fn left_to_endpoint(issuer: &TokenIssuer) -> Option<String> {
    let id = &issuer.id;
    match issuer.introspection()?.without_audience {
        WithoutAudience::Refuse => None,
        WithoutAudience::TrustEndpoint => Some(format!(
            "`ISSUERS.{id}.require_aud` is `false`: that its tokens are meant for this deployment is for its endpoint to check"
        )),
        WithoutAudience::TrustEndpointForKind => Some(format!(
            "`ISSUERS.{id}.require_token_type` is `false`: that its tokens are access tokens, meant for this deployment, is for its endpoint to check"
        )),
    }
}

fn inert(issuer: &TokenIssuer, audience: &str) -> String {
    format!(
        "`ISSUERS.{}.audience`: no route takes a token for `{audience}` alone; a route inside a resource of the issuer's takes only tokens for that resource",
        issuer.id
    )
}
