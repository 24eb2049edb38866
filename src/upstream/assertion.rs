//! Who asks → a short JWT of Postern's own for one upstream (`X-Postern-Assertion`).
//!
//! It stands for one (issuer, subject, kind) at one upstream for a minute. `sub` is unique among all whom Postern
//! vouches for, as RFC 7519 §4.1.2 asks of it; `sub_id` is the issuer and its name for them (RFC 9493 §3.2.4).

use std::cell::{OnceCell, RefCell};
use std::fmt;
use std::rc::Rc;

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::Serialize;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::identity::Identity;
use crate::authn::{Actor, Principal, PrincipalKind};
use crate::authz::second;
use crate::bounded_cache::{BoundedCache, Bounds};
use crate::config::PublicUrl;
use crate::jose::{Es256Signer, Signing};
use crate::keyring::KeyRing;
use crate::ports::Random;
use crate::route::Upstream;
use crate::session::SubjectKey;
use crate::time::{Seconds, Timestamp};

/// `typ` of the JWT: nothing else that Postern signs is taken for an assertion (RFC 8725 §3.11).
pub const TYP: &str = "postern-assertion+jwt";
/// How long one is good, unless what proved the identity ends earlier.
const LIFE: Seconds = Seconds::minutes(1);
/// How long it is good at least: a token in its last moments counts as long as clocks may be apart.
const SHORTEST_LIFE: Seconds = Seconds::new(10);
/// One that is good for less is not sent again.
const LEAST_LEFT: Seconds = Seconds::new(30);
/// What an isolate remembers of assertions.
const BOUNDS: Bounds = Bounds { entries: 2000, weight: 4 * 1024 * 1024 };
const JTI_BYTES: usize = 16;
/// `sub_profile` of a program that acts for a person.
const AI_AGENT: &str = "ai-agent";

/// An assertion, as it is sent. Prints redacted: whoever has it is believed for a minute.
#[derive(Clone, PartialEq, Eq)]
pub struct Assertion(Rc<str>);

impl Assertion {
    /// The JWT itself: for the header of the upstream request, nothing else.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Assertion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Assertion(…)")
    }
}

/// What an assertion says of a caller to an upstream, whenever it is made.
#[derive(Debug, Serialize)]
struct About<'a> {
    iss: &'a str,
    aud: String,
    sub_id: SubjectId<'a>,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    grant_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<SubjectId<'a>>,
    #[serde(skip_serializing_if = "String::is_empty")]
    scope: String,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    roles: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email_verified: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_time: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acr: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    amr: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    second_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    second_by: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    act: Option<Acting<'a>>,
}

/// RFC 9493 §3.2.4.
#[derive(Debug, Serialize)]
pub(super) struct SubjectId<'a> {
    format: &'static str,
    iss: &'a str,
    sub: &'a str,
}

impl<'a> SubjectId<'a> {
    pub(super) const fn new(iss: &'a str, sub: &'a str) -> Self {
        Self { format: "iss_sub", iss, sub }
    }
}

/// Who acts for the subject, and for whom those act in turn (RFC 8693 §4.1).
#[derive(Debug, Serialize)]
pub(super) struct Acting<'a> {
    iss: &'a str,
    sub: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub_profile: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    act: Option<Box<Self>>,
}

/// The whole of it.
#[derive(Serialize)]
struct Claims<'a> {
    #[serde(flatten)]
    about: &'a About<'a>,
    sub: String,
    jti: String,
    iat: Timestamp,
    exp: Timestamp,
}

impl<'a> About<'a> {
    fn new(who: &Identity<'a>, upstream: &Upstream, public_url: &'a PublicUrl) -> Self {
        let principal = who.principal;
        let authentication = principal.authentication();
        let second = second::proven(principal);
        let email = who.email();
        Self {
            iss: public_url.origin(),
            aud: upstream.to_string(),
            sub_id: SubjectId::new(principal.issuer(), principal.subject()),
            kind: principal.kind().as_str(),
            provider: principal.provider(),
            client_id: principal.client_id(),
            key_id: principal.key_id(),
            grant_id: principal.grant_id(),
            owner: principal.owner().map(|owner| SubjectId::new(&owner.issuer, &owner.subject)),
            scope: principal.scopes().join(" "),
            roles: principal.roles(),
            tenant: principal.tenant(),
            email,
            email_verified: email.map(|_| true),
            auth_time: authentication.time,
            acr: authentication.acr.as_deref(),
            amr: who.amr(),
            second_at: second.map(|proof| proof.at),
            second_by: second.map(|proof| proof.by.as_str()),
            sid: who.session,
            act: acting_for(principal),
        }
    }
}

/// Who acts for this principal. Of our own grants we know what acts.
pub(super) fn acting_for(principal: &Principal) -> Option<Acting<'_>> {
    acting(principal.actors(), principal.issuer(), principal.grant_id().map(|_| AI_AGENT))
}

/// An actor without an issuer is one of the token's own issuer: read under our `iss`, the name would be somebody else's.
fn acting<'a>(actors: &'a [Actor], issuer: &'a str, sub_profile: Option<&'static str>) -> Option<Acting<'a>> {
    actors.iter().rev().fold(None, |inner, actor| {
        let iss = actor.issuer.as_deref().unwrap_or(issuer);
        Some(Acting { iss, sub: &actor.subject, sub_profile, act: inner.map(Box::new) })
    })
}

/// No two principals share one: neither kind nor issuer holds a NUL.
pub(super) fn unique_subject(kind: PrincipalKind, issuer: &str, subject: &str) -> String {
    let parts = [kind.as_str(), "\0", issuer, "\0", subject];
    let digest = parts.iter().fold(Sha256::new(), |digest, part| digest.chain_update(part));
    Base64UrlUnpadded::encode_string(&digest.finalize())
}

/// The deployment's keys, and the assertions that this isolate made a moment ago.
///
/// One is found by all that it says, audience and session included: no request that would not get the very same is
/// answered with it.
#[derive(Debug)]
pub struct Assertions {
    ring: Rc<KeyRing>,
    signer: OnceCell<Option<Es256Signer>>,
    key_set: OnceCell<String>,
    recent: RefCell<BoundedCache<[u8; 32], Entry>>,
}

#[derive(Debug)]
struct Entry {
    subject: SubjectKey,
    assertion: Assertion,
    issued_at: Timestamp,
    expires_at: Timestamp,
}

/// What it takes to make an assertion.
#[derive(Clone, Copy, Debug)]
pub struct Making<'a, S, R> {
    /// Signs it.
    pub signing: &'a S,
    /// For its `jti`.
    pub random: &'a R,
    /// Now.
    pub now: Timestamp,
}

impl Assertions {
    /// By the keys of this ring.
    #[must_use]
    pub fn new(ring: &Rc<KeyRing>) -> Self {
        let recent = RefCell::new(BoundedCache::new(BOUNDS));
        Self { ring: Rc::clone(ring), signer: OnceCell::new(), key_set: OnceCell::new(), recent }
    }

    /// An assertion about `who` for `upstream`: made anew, or one that is good for a while yet. `None` when nothing
    /// can be signed.
    pub async fn about(
        &self,
        who: &Identity<'_>,
        upstream: &Upstream,
        public_url: &PublicUrl,
        making: Making<'_, impl Signing, impl Random>,
    ) -> Option<Assertion> {
        let Making { signing, random, now } = making;
        let about = About::new(who, upstream, public_url);
        let (principal, ends_at) = (who.principal, who.principal.expires_at());
        let key = digest(&about, ends_at)?;
        if let Some(known) = self.recent(&key, now) {
            return Some(known);
        }
        let expires_at = now.plus(LIFE).min(ends_at).max(now.plus(SHORTEST_LIFE));
        let claims = Claims {
            about: &about,
            sub: unique_subject(principal.kind_of_subject(), principal.issuer(), principal.subject()),
            jti: jti(random),
            iat: now,
            exp: expires_at,
        };
        let assertion = self.sign(signing, TYP, &serde_json::to_string(&claims).ok()?).await?;
        let subject = SubjectKey::of(principal.issuer(), principal.subject());
        let weight = assertion.expose().len();
        let entry = Entry { subject, assertion: assertion.clone(), issued_at: now, expires_at };
        self.recent.borrow_mut().insert(key, entry, weight);
        Some(assertion)
    }

    /// What the newest key signs of these claims, a JSON object. `None` when it cannot.
    pub async fn sign(&self, signing: &impl Signing, typ: &str, claims: &str) -> Option<Assertion> {
        let signer = self.signer.get_or_init(|| self.ring.newest_signer()).as_ref()?;
        signer.sign_by(signing, typ, claims).await.map(|jwt| Assertion(jwt.into()))
    }

    /// Forgets what was said of a subject.
    pub fn forget(&self, subject: &SubjectKey) {
        self.recent.borrow_mut().retain(|entry| entry.subject != *subject);
    }

    /// The public keys of all entries of the ring, newest first, as a JWK Set (RFC 7517 §5).
    pub fn key_set(&self) -> &str {
        self.key_set.get_or_init(|| {
            let keys: Vec<_> = self.ring.signers().map(|signer| signer.public_jwk()).collect();
            json!({ "keys": keys }).to_string()
        })
    }

    fn recent(&self, key: &[u8; 32], now: Timestamp) -> Option<Assertion> {
        let mut recent = self.recent.borrow_mut();
        let entry = recent.get(key)?;
        let good = entry.issued_at <= now && now.plus(LEAST_LEFT) <= entry.expires_at;
        good.then(|| entry.assertion.clone())
    }
}

/// Names all that an assertion says, and when it would have to end.
fn digest(about: &About<'_>, ends_at: Timestamp) -> Option<[u8; 32]> {
    let said = serde_json::to_vec(about).ok()?;
    Some(Sha256::new().chain_update(ends_at.as_unix().to_be_bytes()).chain_update(said).finalize().into())
}

fn jti(random: &impl Random) -> String {
    let mut bytes = [0; JTI_BYTES];
    random.fill(&mut bytes);
    Base64UrlUnpadded::encode_string(&bytes)
}

#[cfg(test)]
mod tests;
