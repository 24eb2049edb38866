//! Somebody, by what their provider or the issuer of their token says of them.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::api_key::KeyHolder;
use crate::authn::certificate::LIFETIME;
use crate::authn::hypothetical::Hypothetical;
use crate::authn::{CertificateFacts, KeyFacts};
use crate::config::{
    Authority, Config, IssuerId, Provider, TokenIssuer, WorkloadIssuer, WorkloadProfile, WorkloadSubject, span,
};
use crate::ids::identifiers::{IssuerIdentifier, SubjectIdentifier};
use crate::ids::owner::Owner;
use crate::json::{self, said, texts};
use crate::oidc::session_claims::SessionClaims;
use crate::session::second::{SecondMethod, SecondProof};
use crate::time::{Seconds, Timestamp};

/// As people write it: `{ "provider": "corp", "claims": { "sub": "alice" }, "scopes": ["read"] }`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Who {
    /// By a session of this provider.
    provider: Option<String>,
    /// By a token of this issuer.
    issuer: Option<String>,
    /// And through an agent with this client id, to which the person granted `scopes`.
    agent: Option<String>,
    /// Of the ID token and UserInfo, or of the access token.
    #[serde(default)]
    claims: Map<String, Value>,
    /// What was granted at sign-in; a token says it in its claims. Of an agent: what the person has and granted to it.
    #[serde(default)]
    scopes: Vec<String>,
    /// How long ago they signed in: `5m`.
    signed_in: Option<String>,
    /// How long ago their browser proved the key of the device that their session is bound to: `5m`; without it, it is bound
    /// to none.
    device_proved: Option<String>,
    /// How long ago they proved a second factor of ours in their session: `5m`.
    second: Option<String>,
    /// And which: `passkey`, `totp` or `recovery`; `totp` where it is not said.
    second_by: Option<String>,
    /// By the API key of this public id, which has `scopes` …
    key: Option<String>,
    /// … and is this person's …
    owner: Option<SupposedOwner>,
    /// … or the service's of this name.
    service: Option<String>,
    /// What the key's owner is.
    #[serde(default)]
    roles: Vec<String>,
    /// By a client certificate of this entry.
    certificate: Option<String>,
}

/// The person whose key it is.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SupposedOwner {
    provider: String,
    subject: String,
}

impl Who {
    /// Whoever this is, as the configuration would have them.
    ///
    /// # Errors
    /// When they can be nobody: why.
    pub fn suppose(&self, config: &Config, now: Timestamp) -> Result<Hypothetical, String> {
        let signed_in = match self.signed_in.as_deref().map(span) {
            Some(None) => return Err("`signed_in`: expected how long ago, such as `5m`".to_owned()),
            Some(Some(ago)) => Some(now.minus(ago)),
            None => None,
        };
        if self.device_proved.as_deref().is_some_and(|ago| span(ago).is_none()) {
            return Err("`device_proved`: expected how long ago, such as `5m`".to_owned());
        }
        let second = self.proven(now)?;
        if self.agent.is_some() && self.provider.is_none() {
            return Err("`agent`: expected `provider` beside it, with which the person signs in".to_owned());
        }
        match (&self.provider, &self.issuer, &self.key, &self.certificate) {
            (Some(id), None, None, None) => {
                let provider = config.provider(id).ok_or_else(|| format!("there is no provider `{id}`"))?;
                self.by_session(config, provider, (signed_in, second), now)
            }
            (None, Some(id), None, None) => {
                let known = IssuerId::parse(id);
                if let Some(platform) = known.as_ref().and_then(|id| config.workload(id)) {
                    return self.by_workload(platform, now);
                }
                let issuer = known.and_then(|id| config.issuer(&id));
                self.by_token(issuer.ok_or_else(|| format!("there is no issuer `{id}`"))?, signed_in, now)
            }
            (None, None, Some(id), None) => self.by_key(config, id, now),
            (None, None, None, Some(id)) => by_certificate(config, id, now),
            _ => Err("expected one of `provider`, `issuer`, `key`, `certificate`".to_owned()),
        }
    }

    /// The second factor that they proved. Nobody proves one but in a session of their own.
    fn proven(&self, now: Timestamp) -> Result<Option<SecondProof>, String> {
        let Some(ago) = &self.second else {
            return match &self.second_by {
                Some(_) => Err("`second_by`: expected `second` beside it".to_owned()),
                None => Ok(None),
            };
        };
        if self.provider.is_none() || self.agent.is_some() {
            return Err("`second`: is proven in a person's own session, expected `provider` and no `agent`".to_owned());
        }
        let ago = span(ago).ok_or("`second`: expected how long ago, such as `5m`")?;
        let by = SecondMethod::named(self.second_by.as_deref().unwrap_or("totp"));
        let by = by.ok_or("`second_by`: expected `passkey`, `totp` or `recovery`")?;
        Ok(Some(SecondProof::new(now.minus(ago), by)))
    }

    fn by_key(&self, config: &Config, id: &str, now: Timestamp) -> Result<Hypothetical, String> {
        let holder = match (&self.owner, &self.service) {
            (Some(SupposedOwner { provider, subject }), None) => {
                let known = config.provider(provider).ok_or_else(|| format!("there is no provider `{provider}`"))?;
                let (issuer, subject) = (known.issuer.as_str(), subject.as_str());
                let (issuer, subject) = (IssuerIdentifier::new(issuer), SubjectIdentifier::new(subject));
                KeyHolder::Person(Owner { provider: provider.clone(), issuer, subject })
            }
            (None, Some(name)) => KeyHolder::Service(name.clone()),
            _ => return Err("expected either `owner` or `service`, whose the key is".to_owned()),
        };
        Ok(Hypothetical::by_key(KeyFacts {
            site: config.public_url.origin().to_owned(),
            key_id: id.to_owned(),
            holder,
            scopes: self.scopes.clone(),
            roles: self.roles.clone(),
            permissions: Vec::new(),
            tenant: None,
            expires_at: now.plus(Seconds::minutes(1)),
        }))
    }

    fn by_session(
        &self,
        config: &Config,
        provider: &Provider,
        (signed_in, second): (Option<Timestamp>, Option<SecondProof>),
        now: Timestamp,
    ) -> Result<Hypothetical, String> {
        let kept = SessionClaims::of(self.claims.clone(), provider, &config.session.claims);
        let issuer = if provider.issuer.has_tenants() {
            let tenant = self.claims.get("tid").and_then(Value::as_str);
            let issuer = tenant.and_then(|tenant| provider.issuer.of_tenant(tenant));
            issuer.ok_or("claims: expected `tid`, one of the provider's `tenants`")?
        } else {
            provider.issuer.as_str().to_owned()
        };
        let proved_at = self.device_proved.as_deref().and_then(span).map(|ago| now.minus(ago));
        let amr: Vec<&str> = said(&self.claims, "amr").into_iter().flat_map(texts).collect();
        let record = json!({
            "issuer": issuer, "subject": self.claims.get("sub").unwrap_or(&json!("somebody")),
            "provider": provider.id.as_str(), "claims": kept.claims, "scopes": self.scopes, "roles": kept.roles,
            "permissions": kept.permissions, "tenant": kept.tenant, "auth_time": signed_in,
            "device": proved_at.map(|at| json!({ "jwk": "", "registered_at": at, "proved_at": at, "generation": 1 })),
            "acr": self.claims.get("acr"), "amr": amr, "second": second,
            "created_at": now, "last_seen": now, "grant": self.agent.as_ref().map(|client| json!({
                "client": client, "client_name": client, "resource": "", "scopes": self.scopes,
                "expires_at": now.plus(Seconds::minutes(1)),
                "actors": [{ "issuer": config.public_url.origin(), "subject": client }],
            })),
        });
        json::from_value(record).map(Hypothetical::by_session).map_err(|error| format!("claims: {error}"))
    }

    /// A program with a token of this platform's. Which rules of `trust` take it is for its claims to say.
    fn by_workload(&self, platform: &WorkloadIssuer, now: Timestamp) -> Result<Hypothetical, String> {
        let subject = match platform.trust_domain() {
            Some(_) => format!("{}/somebody", platform.issuer),
            None if platform.profile == WorkloadProfile::CloudflareAccess => String::new(),
            None => "somebody".to_owned(),
        };
        let usual = json!({
            "iss": platform.issuer, "sub": subject, "aud": platform.audience.first(),
            "iat": now, "exp": now.plus(Seconds::minutes(1)),
        });
        let mut claims = usual.as_object().cloned().unwrap_or_default();
        if let WorkloadSubject::Id { claim, .. } = &platform.subject {
            claims.insert(claim.clone(), 1.into());
        }
        claims.extend(self.claims.clone());
        claims.retain(|_, value| !value.is_null());
        Hypothetical::by_workload(platform, claims, now)
    }

    fn by_token(
        &self,
        issuer: &TokenIssuer,
        signed_in: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Hypothetical, String> {
        let usual = json!({
            "iss": issuer.issuer.as_str(), "sub": "somebody", "client_id": "client",
            "jti": "jti", "iat": now, "exp": now.plus(Seconds::minutes(1)), "auth_time": signed_in,
        });
        let mut claims = usual.as_object().cloned().unwrap_or_default();
        // One of them, as text: the claim that names it may be one that holds no list.
        claims.insert(issuer.audience_claim.clone(), issuer.audience.first().cloned().into());
        claims.extend(self.claims.clone());
        claims.retain(|_, value| !value.is_null());
        Hypothetical::by_token(issuer, claims, now).map_err(|error| error.code().to_owned())
    }
}

/// Whoever has one of this entry's. Where an authority goes by its name, its key is not known here.
fn by_certificate(config: &Config, id: &str, now: Timestamp) -> Result<Hypothetical, String> {
    let rule = config.certificates.iter().find(|rule| rule.id.as_str() == id);
    let rule = rule.ok_or_else(|| format!("there is no entry `{id}` of `CERTIFICATES`"))?;
    let authority = match &rule.authority {
        Authority::Ski(ski) => ski.clone(),
        Authority::Name(_) => String::new(),
    };
    Ok(Hypothetical::by_certificate(CertificateFacts {
        entry: rule.id.clone(),
        authority,
        name: rule.subject.to_string(),
        scopes: rule.scopes.clone(),
        roles: rule.roles.clone(),
        expires_at: now.plus(LIFETIME),
    }))
}
