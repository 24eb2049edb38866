//! The request an upstream gets: the canonical path, and headers that only say what is true.

use std::rc::Rc;

use super::addresses::Addresses;
use super::assertion::Assertion;
use super::cache_scope::CacheScope;
use super::headers::{Fate, Nominated, fate, websocket_upgrade};
use super::lifetime::StreamLifetime;
use super::response::AnswerTerms;
use super::service_credential::ServiceCredential;
use crate::api_key::{KeyPrefix, find_exposed};
use crate::audit::PendingEvent;
use crate::authz::Permit;
use crate::config::PublicUrl;
use crate::http::cors::CorsGrant;
use crate::http::fetch_metadata::RequestKind;
use crate::http::header_edits::HeaderEdits;
use crate::http::security_headers::SecurityHeaders;
use crate::http::{HeaderMap, HeaderName, HeaderValue, Method, RequestHead, StatusCode, cookie, header};
use crate::limit::Quotas;
use crate::mcp::ListFilter;
use crate::oidc::proof_key::{self, ProvenRequest};
use crate::outward::ServiceToken;
use crate::ports::Random;
use crate::route::{BrowserCache, CanonicalPath, PathMapping, RequestHeaders, Upstream};
use crate::secret::Secret;
use crate::session::{BoundToken, GrantHandle};
use crate::time::Timestamp;

const BYTES_PER_MIB: f64 = 1_048_576.0;

/// Where an upstream finds an [`UpstreamIdentity::assertion`].
const ASSERTION: &str = "x-postern-assertion";
/// Where it finds an [`UpstreamIdentity::transaction`].
const TRANSACTION: &str = "txn-token";
/// Where it finds our word for who allowed this very call.
const RECEIPT: &str = "x-postern-receipt";

/// A request that both doors let through, ready to be sent: the Worker adds the body and nothing else.
#[derive(Debug)]
pub struct ForwardPlan {
    /// Where to.
    pub upstream: Upstream,
    /// The method.
    pub method: Method,
    /// The canonical path as the upstream sees it, and the query: byte for byte what was matched, but for the prefix that the route
    /// takes off, and the base path that is put before it.
    pub path_and_query: String,
    /// All headers that are sent, `Host` excepted.
    pub headers: HeaderMap,
    /// Whether the answer depends on who asked: it then must not be cached for others.
    pub private: bool,
    /// For how long it may go on.
    pub lifetime: StreamLifetime,
    /// Whether a person is going there, and not a program asking.
    pub navigation: bool,
    /// How many bytes may wait in each direction of a WebSocket until its reader takes them.
    pub websocket_buffer: f64,
    /// How long the body is, where the request says so.
    pub body_length: Option<u64>,
    /// The body, where it was read to decide: the upstream gets these bytes. `None`: it is passed on as it comes.
    pub body: Option<String>,
    /// What the answer, a list, loses on its way.
    pub list_filter: Option<ListFilter>,
    /// The caller's headers that were taken out, though they may have been meant for the upstream.
    pub removed: Vec<String>,
    /// For the problem answer, should the upstream fail.
    pub request_id: String,
    service: Option<ServiceCredential>,
    answer: AnswerTerms,
    addresses: Addresses,
    permit: Permit,
    event: Option<PendingEvent>,
}

/// What is known when a request goes on.
#[derive(Debug)]
pub struct Forwarding<'a> {
    /// The request.
    pub head: &'a RequestHead,
    /// Its path, as it was matched.
    pub path: &'a CanonicalPath,
    /// What of the path the upstream does not see.
    pub strip_prefix: Option<&'a str>,
    /// Its query, without `?`.
    pub query: Option<&'a str>,
    /// Where the browser thinks it is.
    pub public_url: &'a PublicUrl,
    /// Whom the answer is for.
    pub cache_scope: CacheScope,
    /// What the browser may keep of the answer then.
    pub cache: BrowserCache,
    /// For how long it was let through.
    pub lifetime: StreamLifetime,
    /// What the upstream is told of who asks.
    pub identity: UpstreamIdentity,
    /// The token of our own that goes along, instead of whatever the caller has.
    pub service: Option<ServiceCredential>,
    /// What its answer has besides its own headers.
    pub security_headers: Option<Rc<SecurityHeaders>>,
    /// The headers by which this deployment tells of somebody, at whatever route: nobody outside may set one.
    pub claim_headers: &'a [HeaderName],
    /// Which of the caller's headers go on at this route.
    pub request_headers: &'a RequestHeaders,
    /// How much may wait in each direction of a WebSocket, in MiB.
    pub websocket_buffer: u32,
    /// What this site's API keys begin with, where it gives any out: none goes on, by whatever header it comes.
    pub key_prefix: Option<&'a KeyPrefix>,
    /// The id of the request.
    pub request_id: &'a str,
}

/// What an upstream is told of who asks.
#[derive(Debug, Default)]
pub struct UpstreamIdentity {
    /// The access token that goes along.
    pub access_token: Option<Secret<String>>,
    /// One that goes along with a proof: [`ForwardPlan::add_proof`] makes it, for it is about the request as it is sent.
    pub bound_token: Option<BoundToken>,
    /// Our word for who it is, made for this upstream.
    pub assertion: Option<Assertion>,
    /// The same as a transaction token, for this request alone.
    pub transaction: Option<Assertion>,
    /// Single facts, by headers that the configuration names.
    pub claims: Vec<(HeaderName, HeaderValue)>,
}

impl UpstreamIdentity {
    /// Says who asks, in place of whatever stood there.
    pub fn add_to(&self, headers: &mut HeaderMap) {
        let bearer =
            self.access_token.as_ref().map(|token| HeaderValue::try_from(format!("Bearer {}", token.expose())));
        let signed = [(ASSERTION, &self.assertion), (TRANSACTION, &self.transaction)];
        let signed = signed.map(|(name, jwt)| {
            let value = jwt.as_ref().map(|jwt| HeaderValue::try_from(jwt.expose()));
            (HeaderName::from_static(name), value)
        });
        for (name, value) in std::iter::once((header::AUTHORIZATION, bearer)).chain(signed) {
            if let Some(Ok(mut value)) = value {
                value.set_sensitive(true);
                headers.insert(name, value);
            }
        }
        for (name, value) in &self.claims {
            headers.insert(name.clone(), value.clone());
        }
    }
}

impl ForwardPlan {
    /// Makes the plan. The permit is used up.
    #[must_use]
    pub fn new(upstream: Upstream, forwarding: Forwarding<'_>, permit: Permit) -> Self {
        let paths = PathMapping::new(forwarding.strip_prefix, &upstream);
        let path = paths.inward(forwarding.path);
        let path_and_query = forwarding.query.map_or_else(|| path.clone(), |query| format!("{path}?{query}"));
        let (mut headers, removed) = request_headers(&forwarding);
        set(&mut headers, "x-forwarded-prefix", paths.prefix());
        Self {
            addresses: Addresses::new(forwarding.public_url, &upstream, paths),
            upstream,
            method: forwarding.head.method.clone(),
            path_and_query,
            headers,
            removed,
            private: forwarding.cache_scope.is_private(),
            body_length: forwarding.head.header("content-length").and_then(|length| length.parse().ok()),
            body: None,
            list_filter: None,
            lifetime: forwarding.lifetime,
            websocket_buffer: f64::from(forwarding.websocket_buffer) * BYTES_PER_MIB,
            navigation: RequestKind::of(forwarding.head).is_navigation(),
            request_id: forwarding.request_id.to_owned(),
            service: forwarding.service,
            answer: AnswerTerms {
                scope: forwarding.cache_scope,
                cache: forwarding.cache,
                security_headers: forwarding.security_headers,
                ..AnswerTerms::default()
            },
            permit,
            event: None,
        }
    }

    /// Hands on a token that is bound to a key, with a proof for this request (RFC 9449 §7). `None` when there is none to be had.
    #[must_use]
    pub fn add_proof(&mut self, token: &BoundToken, now: Timestamp, random: &impl Random) -> Option<()> {
        let origin = self.addresses.seen_inside();
        let url = format!("{origin}{}", self.path_and_query);
        let access_token = Some(&token.access_token);
        let of = ProvenRequest { method: self.method.as_str(), url: &url, access_token, nonce: None, now };
        proof_key::add_proof(&mut self.headers, &token.proof_key, &of, random)
    }

    /// Tells the upstream who allowed this very call.
    pub fn add_receipt(&mut self, receipt: &Assertion) {
        if let Ok(value) = HeaderValue::try_from(receipt.expose()) {
            self.headers.insert(HeaderName::from_static(RECEIPT), value);
        }
    }

    /// The same, with cookies of ours to set.
    #[must_use]
    pub fn with_cookies(mut self, cookies: Vec<HeaderValue>) -> Self {
        self.answer.cookies = cookies;
        self
    }

    /// The same, with what the answer says to pages of other origins: that alone, whatever the upstream says.
    #[must_use]
    pub fn with_grant(mut self, grant: Option<CorsGrant>) -> Self {
        self.answer.grant = grant;
        self
    }

    /// The same, with what the answer says of limits.
    #[must_use]
    pub fn with_quotas(self, quotas: Quotas) -> Self {
        Self { answer: AnswerTerms { quotas, ..self.answer }, ..self }
    }

    /// The same, with what is to be logged of it once it is known what the upstream answers.
    #[must_use]
    pub fn with_event(self, event: PendingEvent) -> Self {
        Self { event: Some(event), ..self }
    }

    /// What is to be logged of it, as far as it is known before the upstream answers.
    #[must_use]
    pub const fn event(&self) -> Option<&PendingEvent> {
        self.event.as_ref()
    }

    /// The token of our own that goes along.
    #[must_use]
    pub const fn service_credential(&self) -> Option<&ServiceCredential> {
        self.service.as_ref()
    }

    /// Sends another token of the same entry along. False where none goes along.
    pub fn replace_service_token(&mut self, token: ServiceToken) -> bool {
        let Some(credential) = &mut self.service else { return false };
        credential.token = token;
        credential.add_to(&mut self.headers);
        true
    }

    /// What becomes of the headers of the upstream's answer before the browser gets them.
    #[must_use]
    pub fn answer_edits<'a>(&self, status: StatusCode, from_upstream: &'a HeaderMap) -> HeaderEdits<'a> {
        let mut edits = self.answer.edits(status, from_upstream);
        self.addresses.turn_outward(&mut edits);
        edits
    }

    /// Whether door 2 let it through: always, a plan cannot be made otherwise.
    #[must_use]
    pub const fn permit(&self) -> &Permit {
        &self.permit
    }
}

/// The headers that are sent, and the names of those that were taken out.
fn request_headers(forwarding: &Forwarding<'_>) -> (HeaderMap, Vec<String>) {
    let head = forwarding.head;
    let nominated = Nominated::in_headers(&head.headers);
    let mut headers = HeaderMap::with_capacity(head.headers.len());
    let mut removed: Vec<String> = Vec::new();
    for (name, value) in &head.headers {
        // A guarded route's caller is known by what they proved; what else they call themselves is noise at best. A
        // proof was for us, and is used up.
        let credential = *name == header::AUTHORIZATION || name.as_str() == "dpop";
        if nominated.contains(name) || (forwarding.cache_scope.is_private() && credential) {
            continue;
        }
        let fate = match fate(name, forwarding.request_headers, forwarding.claim_headers) {
            Fate::PassedOn if holds_secret(value, forwarding.key_prefix) => Fate::Removed,
            fate => fate,
        };
        match fate {
            Fate::PassedOn => drop(headers.append(name.clone(), value.clone())),
            Fate::Removed if !removed.iter().any(|known| known == name.as_str()) => removed.push(name.to_string()),
            Fate::EndsHere | Fate::Removed => {}
        }
    }
    // With any other method the runtime would make it a GET: another request than the one that was let through.
    if head.method == Method::GET {
        headers.extend(websocket_upgrade(&head.headers).into_iter().flatten());
    }
    // what is asked in our own name brings nothing by which the caller is known.
    let cookies = forwarding.service.is_none().then(|| cookie::without_ours(&head.headers)).flatten();
    if let Some(cookies) = cookies {
        headers.insert(header::COOKIE, cookies);
    }
    forwarding.identity.add_to(&mut headers);
    if let Some(service) = &forwarding.service {
        service.add_to(&mut headers);
    }
    set(&mut headers, "x-forwarded-host", forwarding.public_url.host());
    set(&mut headers, "x-forwarded-proto", if forwarding.public_url.is_https() { "https" } else { "http" });
    set(&mut headers, "x-forwarded-for", head.peer.address.as_deref().unwrap_or_default());
    set(&mut headers, "x-request-id", forwarding.request_id);
    (headers, removed)
}

/// Whether a header has an API key of ours in it, or a token of an agent's: no upstream gets one.
pub(crate) fn holds_secret(value: &HeaderValue, prefix: Option<&KeyPrefix>) -> bool {
    let text = String::from_utf8_lossy(value.as_bytes());
    prefix.is_some_and(|prefix| find_exposed(&text, prefix).is_some() || GrantHandle::stands_in(&text, prefix))
}

fn set(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Some(value) = HeaderValue::try_from(value).ok().filter(|value| !value.is_empty()) {
        headers.insert(HeaderName::from_static(name), value);
    }
}

#[cfg(test)]
mod tests;
