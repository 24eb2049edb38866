//! Discovery: a provider's answer → [`Metadata`] (OpenID Connect Discovery §3, §4).

use serde_json::{Map, Value};

use super::exchange::json_get;
use crate::config::{ClientAuth, Issuer, OAuth2, Provider};
use crate::http::{HeaderValue, header};
use crate::json::{self, JsonError, is_true, said, texts};
use crate::ports::OutboundRequest;

/// A metadata document larger than this is refused.
pub const MAX_BYTES: usize = 256 * 1024;

const PUSHED_ENDPOINT: &str = "pushed_authorization_request_endpoint";

/// What Postern needs of a provider's metadata. Every URL in it has passed [`Issuer::allows_endpoint`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    /// `authorization_endpoint`
    pub authorization_endpoint: String,
    /// `token_endpoint`
    pub token_endpoint: AliasedEndpoint,
    /// `jwks_uri`
    pub jwks_uri: String,
    /// `end_session_endpoint` (RP-Initiated Logout §2.1)
    pub end_session_endpoint: Option<String>,
    /// `revocation_endpoint` (RFC 7009)
    pub revocation_endpoint: Option<AliasedEndpoint>,
    /// `userinfo_endpoint` (OpenID Connect Core §5.3)
    pub userinfo_endpoint: Option<AliasedEndpoint>,
    /// `pushed_authorization_request_endpoint` (RFC 9126 §5)
    pub pushed_endpoint: Option<AliasedEndpoint>,
    /// `require_pushed_authorization_requests` (RFC 9126 §5)
    pub requires_pushed: bool,
    /// `require_signed_request_object` (RFC 9101 §10.5)
    pub requires_signed: bool,
    /// `authorization_response_iss_parameter_supported` (RFC 9207 §3)
    pub iss_parameter_supported: bool,
    /// The endpoints that are named, cannot be used, and are not needed to sign anybody in.
    pub left_out: Vec<&'static str>,
}

/// An endpoint, and the one in its place for clients that show a certificate (`mtls_endpoint_aliases`, RFC 8705 §5).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AliasedEndpoint {
    /// Where everybody asks.
    pub url: String,
    /// Where those ask that show a certificate; `None`: at the same address.
    pub alias: Option<String>,
}

impl AliasedEndpoint {
    /// Without an alias.
    #[must_use]
    pub const fn plain(url: String) -> Self {
        Self { url, alias: None }
    }

    /// Where a client asks that proves itself so.
    #[must_use]
    pub fn of_client(&self, auth: &ClientAuth) -> &str {
        self.shown(auth.certificate())
    }

    /// Where this provider is asked.
    #[must_use]
    pub fn of_provider(&self, provider: &Provider) -> &str {
        self.shown(provider.certificate())
    }

    fn shown(&self, certificate: Option<&str>) -> &str {
        match (&self.alias, certificate) {
            (Some(alias), Some(_)) => alias,
            _ => &self.url,
        }
    }
}

/// Why a metadata document is not used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MetadataError {
    /// Not strict JSON, not an object, or too large.
    NotJson(JsonError),
    /// `issuer` is absent or not, byte for byte, the configured one (Discovery §4.3); what it is.
    IssuerMismatch(Option<String>),
    /// The named member is absent or not a string.
    Missing(&'static str),
    /// The named endpoint is not `https`, or at an address no provider has.
    EndpointRefused(&'static str),
    /// It lists PKCE methods and `S256` is not among them; Postern never falls back (RFC 7636 §7.2).
    NoS256,
}

impl MetadataError {
    /// The name of this reason in the log.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotJson(_) => "metadata.not_json",
            Self::IssuerMismatch(_) => "metadata.issuer_mismatch",
            Self::Missing(_) => "metadata.member_missing",
            Self::EndpointRefused(_) => "metadata.endpoint_refused",
            Self::NoS256 => "metadata.no_s256",
        }
    }
}

/// Where the metadata of `issuer` is (Discovery §4.1: one trailing `/` is removed, a path is kept).
#[must_use]
pub fn url(issuer: &Issuer) -> String {
    let issuer = issuer.published_at();
    let base = issuer.strip_suffix('/').unwrap_or(&issuer);
    format!("{base}/.well-known/openid-configuration")
}

/// Asks for the metadata of `issuer`.
#[must_use]
pub fn request(issuer: &Issuer) -> OutboundRequest {
    json_get(url(issuer), MAX_BYTES)
}

/// The request for the metadata of a provider of SAML.
#[must_use]
pub fn saml_request(at: &Issuer) -> OutboundRequest {
    let mut request = json_get(at.as_str().to_owned(), MAX_BYTES);
    request.headers.insert(header::ACCEPT, HeaderValue::from_static("application/samlmetadata+xml, */*;q=0.5"));
    request
}

/// Its metadata: nothing of it is read here.
///
/// # Errors
/// When it is no text.
pub fn saml(body: &[u8], _: &Issuer) -> Result<String, MetadataError> {
    String::from_utf8(body.to_vec()).map_err(|_| MetadataError::NotJson(JsonError::NotUtf8))
}

/// Reads, of the body of a 200 answer, where the keys of `issuer` are (`jwks_uri`) and nothing else.
///
/// # Errors
/// When it is not the metadata of `issuer`, or does not say.
pub fn keys_uri(body: &[u8], issuer: &Issuer) -> Result<String, MetadataError> {
    required(&document_of(body, issuer)?, "jwks_uri", issuer)
}

/// Reads, of the same body, where the tokens of `issuer` are asked about (`introspection_endpoint`, RFC 8414 §2).
///
/// # Errors
/// When it is not the metadata of `issuer`, or does not say.
pub fn introspection_endpoint(body: &[u8], issuer: &Issuer) -> Result<AliasedEndpoint, MetadataError> {
    aliased(&document_of(body, issuer)?, "introspection_endpoint", issuer)
}

/// Reads, of the same body, where `issuer` gives tokens (`token_endpoint`, RFC 8414 §2).
///
/// # Errors
/// When it is not the metadata of `issuer`, or does not say.
pub fn token_endpoint(body: &[u8], issuer: &Issuer) -> Result<AliasedEndpoint, MetadataError> {
    aliased(&document_of(body, issuer)?, "token_endpoint", issuer)
}

impl Metadata {
    /// That of a provider that publishes none, as the configuration has it. It has no keys.
    #[must_use]
    pub fn of_oauth2(provider: &OAuth2) -> Self {
        Self {
            authorization_endpoint: provider.authorization_endpoint.clone(),
            token_endpoint: AliasedEndpoint::plain(provider.token_endpoint.clone()),
            revocation_endpoint: provider.revocation_endpoint.clone().map(AliasedEndpoint::plain),
            ..Self::default()
        }
    }

    /// Reads the body of a 200 answer.
    ///
    /// # Errors
    /// When it is not the metadata of `issuer`, or of a provider that Postern can use.
    pub fn parse(body: &[u8], issuer: &Issuer) -> Result<Self, MetadataError> {
        let document = document_of(body, issuer)?;
        let methods = said(&document, "code_challenge_methods_supported");
        if methods.is_some_and(|methods| texts(methods).all(|method| method != "S256")) {
            return Err(MetadataError::NoS256);
        }
        let mut left_out = Vec::new();
        let mut optional = |name| {
            endpoint(&document, name, issuer).unwrap_or_else(|_| {
                left_out.push(name);
                None
            })
        };
        let end_session_endpoint = optional("end_session_endpoint");
        let revocation_endpoint = optional("revocation_endpoint");
        let userinfo_endpoint = optional("userinfo_endpoint");
        let pushed_endpoint = optional(PUSHED_ENDPOINT);
        let with_alias =
            |url: Option<String>, name| url.map(|url| AliasedEndpoint { url, alias: alias(&document, name, issuer) });
        let revocation_endpoint = with_alias(revocation_endpoint, "revocation_endpoint");
        let userinfo_endpoint = with_alias(userinfo_endpoint, "userinfo_endpoint");
        let pushed_endpoint = with_alias(pushed_endpoint, PUSHED_ENDPOINT);
        let says = |name| said(&document, name).is_some_and(is_true);
        let required = |name| required(&document, name, issuer);
        Ok(Self {
            authorization_endpoint: required("authorization_endpoint")?,
            token_endpoint: aliased(&document, "token_endpoint", issuer)?,
            jwks_uri: required("jwks_uri")?,
            end_session_endpoint,
            revocation_endpoint,
            userinfo_endpoint,
            pushed_endpoint,
            requires_pushed: says("require_pushed_authorization_requests"),
            requires_signed: says("require_signed_request_object"),
            iss_parameter_supported: says("authorization_response_iss_parameter_supported"),
            left_out,
        })
    }
}

/// a document that says whose it is.
fn document_of(body: &[u8], issuer: &Issuer) -> Result<Map<String, Value>, MetadataError> {
    let document = json::parse_object(body, MAX_BYTES).map_err(MetadataError::NotJson)?;
    if text(&document, "issuer") != Some(issuer.as_str()) {
        return Err(MetadataError::IssuerMismatch(text(&document, "issuer").map(str::to_owned)));
    }
    Ok(document)
}

fn required(document: &Map<String, Value>, name: &'static str, issuer: &Issuer) -> Result<String, MetadataError> {
    endpoint(document, name, issuer)?.ok_or(MetadataError::Missing(name))
}

/// With what stands in its place for those that show a certificate, where that can be used.
fn aliased(
    document: &Map<String, Value>,
    name: &'static str,
    issuer: &Issuer,
) -> Result<AliasedEndpoint, MetadataError> {
    Ok(AliasedEndpoint { url: required(document, name, issuer)?, alias: alias(document, name, issuer) })
}

fn alias(document: &Map<String, Value>, name: &'static str, issuer: &Issuer) -> Option<String> {
    let aliases = said(document, "mtls_endpoint_aliases")?.as_object()?;
    endpoint(aliases, name, issuer).ok()?
}

fn text<'a>(document: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    document.get(name).and_then(Value::as_str)
}

fn endpoint(
    document: &Map<String, Value>,
    name: &'static str,
    issuer: &Issuer,
) -> Result<Option<String>, MetadataError> {
    match said(document, name) {
        None => Ok(None),
        Some(Value::String(url)) if issuer.allows_endpoint(url) => Ok(Some(url.clone())),
        Some(_) => Err(MetadataError::EndpointRefused(name)),
    }
}

#[cfg(test)]
mod tests;
