//! `/auth/saml/…`: providers that speak SAML. The SAML Worker reads and writes the messages, and is asked here.

mod consume;
mod identity_provider;
mod login;
mod logout;
mod single_logout;

pub(super) use identity_provider::UnderstoodMetadata;
pub(super) use login::begin;
pub(super) use logout::at_provider;

use serde_json::{Map, Value, json};

use super::context::RequestContext;
use super::response_parts::ResponseParts;
use super::{Platform, cold, response};
use crate::audit::{Effect, What};
use crate::config::{Config, Provider, Saml};
use crate::http::{Method, Response, StatusCode};
use crate::jose::DecryptionKey;
use crate::limit::LimitKind;
use crate::ports::{Fetch, Random, RequestBody};
use crate::refusal::Reason;
use crate::saml::error::SamlError;
use crate::saml::name::Parties;
use crate::saml::{redirect, saml_worker};

/// Where providers post their answers, and ask for sign-outs: each has a limit of its own.
pub(super) const CONSUMER: &str = "/auth/saml/acs";
pub(super) const LOGOUT: &str = "/auth/saml/slo";
const METADATA: &str = "/auth/saml/metadata";
/// A response of 256 KiB as Base64 in a form.
const MAX_BODY_BYTES: usize = 512 * 1024;
const RELAY_STATE: &str = "RelayState";

/// A provider, and how it is asked.
#[derive(Clone, Copy)]
pub(super) struct SamlParty<'a> {
    pub(super) provider: &'a Provider,
    pub(super) saml: &'a Saml,
}

impl<'a> SamlParty<'a> {
    /// Of a provider that speaks SAML.
    pub(super) fn of(provider: &'a Provider) -> Option<Self> {
        Some(Self { provider, saml: provider.saml.as_deref()? })
    }

    fn entity_id(&self) -> &'a str {
        self.provider.issuer.as_str()
    }

    fn address(&self, config: &Config, endpoint: &str) -> String {
        config.public_url.join(&format!("{endpoint}/{}", self.provider.id))
    }

    /// What we are called there.
    fn own_entity_id(&self, config: &Config) -> String {
        self.saml.entity_id.clone().unwrap_or_else(|| self.address(config, METADATA))
    }
}

const fn parties<'n>(provider: &'n str, own: &'n str) -> Parties<'n> {
    Parties { provider, own }
}

/// Answers at `/auth/saml/{rest}`.
pub(super) async fn answer<P: Platform>(
    ctx: &RequestContext<'_, P>,
    rest: &str,
    body: impl RequestBody,
    parts: &mut ResponseParts,
) -> Result<Response, Reason> {
    let (endpoint, id) = rest.split_once('/').ok_or(Reason::NoRoute)?;
    let party = ctx.site.config.provider(id).and_then(SamlParty::of).ok_or(Reason::NoRoute)?;
    parts.event.provider = Some(party.provider.id.as_str().to_owned());
    match endpoint {
        "acs" => cold(consume::finish(ctx, party, body, parts)).await,
        "slo" => cold(single_logout::receive(ctx, party, body, parts)).await,
        "metadata" => cold(own_metadata(ctx, party, parts)).await,
        _ => Err(Reason::NoRoute),
    }
}

/// What we say of ourselves, for the provider to be set up with.
async fn own_metadata<P: Platform>(
    ctx: &RequestContext<'_, P>,
    party: SamlParty<'_>,
    parts: &mut ResponseParts,
) -> Result<Response, Reason> {
    parts.event.event = What::Own;
    ctx.request.allow_methods(&[Method::GET])?;
    let config = &ctx.site.config;
    let certificates: Vec<String> = party.saml.signing.as_ref().and_then(redirect::certificate).into_iter().collect();
    let keys = party.saml.encryption.iter().flat_map(|how| &how.keys);
    let for_encryption: Vec<&str> = keys.filter_map(DecryptionKey::certificate).collect();
    let question = json!({
        "entity_id": party.own_entity_id(config),
        "acs": party.address(config, CONSUMER),
        "slo": party.address(config, LOGOUT),
        "signing_certificates": certificates,
        "encryption_certificates": for_encryption,
        "signs_requests": party.saml.signing.is_some(),
        "name_id_format": party.saml.name_id_format.map(|format| format.0),
    });
    let answer = ctx.ask_saml_worker("own_metadata", question).await.map_err(Reason::Saml)?;
    let ("xml", Value::String(xml)) = (answer.0.as_str(), answer.1) else { return Err(away()) };
    parts.event.end(Effect::Allow, "own.page", StatusCode::OK);
    Ok(response::with_type(StatusCode::OK, "application/samlmetadata+xml", xml))
}

const fn away() -> Reason {
    Reason::Saml(SamlError::WorkerAway)
}

/// The one value of a field; `None` where it is missing or there twice.
fn only(encoded: &str, name: &str) -> Option<String> {
    let mut values = form_urlencoded::parse(encoded.as_bytes()).filter(|(found, _)| found == name);
    match (values.next(), values.next()) {
        (Some((_, value)), None) if !value.is_empty() => Some(value.into_owned()),
        _ => None,
    }
}

impl<P: Platform> RequestContext<'_, P> {
    /// Asks the SAML Worker. Returns the kind of its answer, and the answer.
    async fn ask_saml_worker(&self, kind: &str, question: Value) -> Result<(String, Value), SamlError> {
        let answer = self.platform.fetch().send(saml_worker::ask(kind, question)).await;
        saml_worker::answer(&answer.map_err(|_| SamlError::WorkerAway)?)
    }

    /// The same, where only an answer of this kind will do.
    async fn ask_saml_worker_for(
        &self,
        kind: &str,
        question: Value,
        wanted: &str,
    ) -> Result<Map<String, Value>, SamlError> {
        match self.ask_saml_worker(kind, question).await? {
            (found, Value::Object(answer)) if found == wanted => Ok(answer),
            _ => Err(SamlError::WorkerAway),
        }
    }

    /// A name for a message of ours: 128 random bits.
    fn message_id(&self) -> String {
        let mut bytes = [0; 16];
        self.platform.random().fill(&mut bytes);
        bytes.iter().fold("_".to_owned(), |id, byte| format!("{id}{byte:02x}"))
    }

    /// Logout messages come by browsers, as frames of other providers do. Strangers may have no more of them read than that.
    async fn limit_logout(&self, parts: &mut ResponseParts) -> Result<(), Reason> {
        let limit = self.site.config.limits.frontchannel_logout.as_ref();
        self.limit_own(LimitKind::FrontchannelLogout, limit, parts).await
    }
}
