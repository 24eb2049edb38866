//! Enterprise-managed authorization: a person's provider lets a client act for them, and nobody is asked here (ID-JAG; R-319…R-322).

use super::issued::{IssuedToken, TokenClient, token_type};
use crate::agent::enterprise::{IdJag, IdJagError, IdJagExpectations, LONGEST_LIFE};
use crate::agent::grant::{Grant, MAX_GRANTS};
use crate::agent::handle::GrantHandle;
use crate::config::{AgentRules, Provider};
use crate::gateway::Platform;
use crate::gateway::context::RequestContext;
use crate::gateway::issuer_documents::AcceptedKeys;
use crate::gateway::response_parts::ResponseParts;
use crate::ids::actor::Actor;
use crate::ids::identifiers::{IssuerIdentifier, SubjectIdentifier};
use crate::jose::{JwtError, UnverifiedJwt};
use crate::keyring::KeyPurpose;
use crate::oidc::session_claims::SessionClaims;
use crate::ports::{ReplayGuard, StoreError};
use crate::refusal::Reason;
use crate::session::refresh::RefreshState;
use crate::session::{BeginGrant, CheckGrant, Command, Origin, Reply, Session, SessionId, SubjectKey};
use crate::time::Timestamp;

/// Why a provider's grant gives nothing.
#[derive(Debug)]
pub(crate) enum EnterpriseFailure {
    /// The client learns as much.
    Refused(EnterpriseRefusal),
    /// Something that is needed does not answer.
    Failed(Reason),
}

/// Why a provider's grant is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EnterpriseRefusal {
    /// It is no JWT that a key of the provider's signed.
    Jwt(JwtError),
    /// It does not say what it must.
    Claims(IdJagError),
    /// Its issuer is none that may vouch for people here, or not to this client.
    NotTrusted,
    /// The client has not proven that it is the one.
    PublicClient,
    /// It is for no resource of ours, or for another one than the request.
    Resource,
    /// It is for no scope that the client may have, or the request is for more.
    Scope,
    /// It is bound to a key that was not proven.
    Key,
    /// Another client has used it.
    UsedByAnother,
    /// The person is blocked, has signed out since, or ended what it was used for.
    Ended,
}

impl EnterpriseRefusal {
    /// A stable code for logs.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Jwt(error) => error.code(),
            Self::Claims(error) => error.code(),
            Self::NotTrusted => "id_jag.not_trusted",
            Self::PublicClient => "id_jag.public_client",
            Self::Resource => "id_jag.resource",
            Self::Scope => "id_jag.scope",
            Self::Key => "id_jag.key",
            Self::UsedByAnother => "id_jag.used_by_another",
            Self::Ended => "id_jag.ended",
        }
    }

    /// `error` of the answer (RFC 6749 §5.2).
    pub(crate) const fn error(self) -> &'static str {
        match self {
            Self::PublicClient => "invalid_client",
            Self::Resource => "invalid_target",
            Self::Scope => "invalid_scope",
            _ => "invalid_grant",
        }
    }
}

impl From<EnterpriseRefusal> for EnterpriseFailure {
    fn from(refusal: EnterpriseRefusal) -> Self {
        Self::Refused(refusal)
    }
}

/// What a client asks for.
pub(crate) struct EnterpriseRequest<'a> {
    /// `assertion`
    pub(crate) assertion: &'a str,
    /// `resource`, where it is said.
    pub(crate) resource: Option<&'a str>,
    /// `scope`, where it is said.
    pub(crate) scopes: Option<Vec<String>>,
}

/// What the provider lets the client do here.
struct Allowed {
    resource: String,
    scopes: Vec<String>,
}

/// Gives a token for what a person's provider vouches for. There is no refresh token: the client asks the provider again.
///
/// # Errors
/// When nothing is given.
pub(crate) async fn grant<P: Platform>(
    ctx: &RequestContext<'_, P>,
    rules: &AgentRules,
    request: &EnterpriseRequest<'_>,
    client: &TokenClient<'_>,
    parts: &mut ResponseParts,
) -> Result<IssuedToken, EnterpriseFailure> {
    if !client.is_confidential {
        return Err(EnterpriseRefusal::PublicClient.into());
    }
    let jwt = UnverifiedJwt::parse(request.assertion).map_err(EnterpriseRefusal::Jwt)?;
    let issuer = jwt.claimed_issuer().map_err(EnterpriseRefusal::Jwt)?;
    let provider = issuer.as_deref().and_then(|issuer| ctx.site.config.provider_by_issuer(issuer));
    // Where each tenant has an issuer, none of them is known to vouch for anybody.
    let provider = provider.filter(|provider| !provider.issuer.has_tenants()).ok_or(EnterpriseRefusal::NotTrusted)?;
    let trusted = rules.enterprise_of(provider.id.as_str()).and_then(|rule| rule.scopes_of(client.id));
    let trusted = trusted.ok_or(EnterpriseRefusal::NotTrusted)?;
    let jag = believe(ctx, provider, &jwt, client).await?;
    parts.event.identity(provider.id.as_str(), provider.issuer.as_str(), jag.subject());
    if jag.jkt().is_some() && jag.jkt() != client.jkt {
        return Err(EnterpriseRefusal::Key.into());
    }
    let allowed = allowed(ctx, &jag, request, trusted)?;
    use_once(ctx, &jag, (provider, client), parts).await?;
    begin(ctx, rules, (provider, &jag, client), allowed, parts).await
}

/// Verifies the signature by the provider's keys, then the claims.
async fn believe<P: Platform>(
    ctx: &RequestContext<'_, P>,
    provider: &Provider,
    jwt: &UnverifiedJwt<'_>,
    client: &TokenClient<'_>,
) -> Result<IdJag, EnterpriseFailure> {
    let metadata = ctx.site.documents.metadata(ctx.platform, provider).await.map_err(EnterpriseFailure::Failed)?;
    let accepted = AcceptedKeys::of_provider(provider, &metadata);
    let verified = match ctx.site.documents.verify(ctx.platform, accepted, jwt).await {
        Ok(verified) => verified,
        Err(error) => {
            return Err(match error.reason(Reason::IdTokenSignature) {
                Reason::IdTokenSignature(error) => EnterpriseRefusal::Jwt(error).into(),
                other => EnterpriseFailure::Failed(other),
            });
        }
    };
    let expected = IdJagExpectations {
        issuer: provider.issuer.as_str(),
        audience: ctx.site.config.public_url.origin(),
        client_id: client.id,
        longest_life: LONGEST_LIFE,
        now: ctx.request.now,
    };
    IdJag::check(verified, &expected).map_err(|error| EnterpriseRefusal::Claims(error).into())
}

/// One of our resources, and the scopes that provider, configuration and request all name.
fn allowed<P>(
    ctx: &RequestContext<'_, P>,
    jag: &IdJag,
    request: &EnterpriseRequest<'_>,
    trusted: &[String],
) -> Result<Allowed, EnterpriseRefusal> {
    let resource = match (jag.resource(), request.resource) {
        (Some(said), Some(asked)) if said != asked => return Err(EnterpriseRefusal::Resource),
        (Some(one), _) | (None, Some(one)) => one,
        (None, None) => return Err(EnterpriseRefusal::Resource),
    };
    let config = &ctx.site.config;
    let mut own = config.all_routes().filter(|route| route.takes_agents());
    if !own.any(|route| config.resource_of(route).as_deref() == Some(resource)) {
        return Err(EnterpriseRefusal::Resource);
    }
    let said = |scope: &&String| jag.scopes().is_none_or(|said| said.contains(scope));
    let may_have: Vec<String> = trusted.iter().filter(said).cloned().collect();
    let scopes = match &request.scopes {
        None => may_have,
        Some(asked) if asked.iter().all(|scope| may_have.contains(scope)) => asked.clone(),
        Some(_) => return Err(EnterpriseRefusal::Scope),
    };
    if scopes.is_empty() {
        return Err(EnterpriseRefusal::Scope);
    }
    Ok(Allowed { resource: resource.to_owned(), scopes })
}

/// The same client may bring it again until it ends; of several clients, the first one alone has it.
async fn use_once<P: Platform>(
    ctx: &RequestContext<'_, P>,
    jag: &IdJag,
    (provider, client): (&Provider, &TokenClient<'_>),
    parts: &mut ResponseParts,
) -> Result<(), EnterpriseFailure> {
    let keys = jag.once_keys(provider.issuer.as_str(), client.id);
    let guard = ctx.platform.replay_guard();
    let failed = |error| EnterpriseFailure::Failed(Reason::Store(error));
    if !guard.claim(&keys.client, jag.usable_until()).await.map_err(failed)? {
        parts.event.detail = Some("repeated".to_owned());
        return Ok(());
    }
    if guard.claim(&keys.any, jag.usable_until()).await.map_err(failed)? {
        return Ok(());
    }
    // Else it would be a repetition next time.
    guard.release(&keys.client).await.map_err(failed)?;
    Err(EnterpriseRefusal::UsedByAnother.into())
}

/// One assertion makes one grant, however often it is brought.
async fn begin<P: Platform>(
    ctx: &RequestContext<'_, P>,
    rules: &AgentRules,
    (provider, jag, client): (&Provider, &IdJag, &TokenClient<'_>),
    allowed: Allowed,
    parts: &mut ResponseParts,
) -> Result<IssuedToken, EnterpriseFailure> {
    let (now, keys) = (ctx.request.now, &ctx.site.config.keys);
    let subject = SubjectKey::of(provider.issuer.as_str(), jag.subject());
    let id = id_of(ctx, jag, provider, client);
    parts.event.grant = Some(id.digest().public_id());
    let actor = Actor { issuer: Some(ctx.site.config.public_url.origin().to_owned()), subject: client.id.to_owned() };
    let grant = Grant {
        client: client.id.to_owned(),
        client_name: client.name.to_owned(),
        resource: allowed.resource,
        scopes: allowed.scopes,
        expires_at: now.plus(rules.access),
        code: None,
        generation: 0,
        rotated_at: now,
        jkt: client.jkt.map(str::to_owned),
        with_session: None,
        parent: None,
        actors: vec![actor],
        task: None,
        uses_left: None,
    };
    let begin = BeginGrant {
        digest: id.digest(),
        session: person(ctx, provider, jag, grant),
        begun_by: None,
        asked_at: jag.issued_at(),
        max_grants: MAX_GRANTS,
        clocks: ctx.timeouts(),
    };
    let failed = |error| EnterpriseFailure::Failed(Reason::Store(error));
    let grant = match ctx.command(&subject, &Command::BeginGrant(Box::new(begin.clone()))).await.map_err(failed)? {
        Reply::Begun => begin.session.grant,
        // It was brought before: the grant that it made then, if that lives.
        Reply::Refused(_) => {
            let check = CheckGrant { digest: id.digest(), spend: false, clocks: ctx.timeouts() };
            match ctx.command(&subject, &Command::CheckGrant(check)).await.map_err(failed)? {
                Reply::LiveGrant(session) => session.grant,
                _ => return Err(EnterpriseRefusal::Ended.into()),
            }
        }
        Reply::Gone | Reply::Blocked => return Err(EnterpriseRefusal::Ended.into()),
        _ => return Err(failed(StoreError::Malformed)),
    };
    let grant = grant.ok_or_else(|| failed(StoreError::Malformed))?;
    Ok(IssuedToken {
        access_token: GrantHandle::access(subject, id, grant.expires_at).to_text(&rules.prefix, keys),
        expires_in: grant.expires_at.since(now),
        scopes: grant.scopes,
        token_type: token_type(grant.jkt.as_ref()),
        issued_token_type: None,
    })
}

/// Known to us alone, and the same for the same assertion and client.
fn id_of<P>(ctx: &RequestContext<'_, P>, jag: &IdJag, provider: &Provider, client: &TokenClient<'_>) -> SessionId {
    let once = jag.once_keys(provider.issuer.as_str(), client.id);
    let message = [b"id-jag".as_slice(), &once.client].concat();
    let [first, _] = halves(ctx.site.config.keys.mac(KeyPurpose::AgentHandle, &message));
    SessionId::of_bytes(first)
}

fn halves(bytes: [u8; 32]) -> [[u8; 16]; 2] {
    let mut halves = [[0; 16]; 2];
    for (half, part) in halves.iter_mut().zip(bytes.chunks_exact(16)) {
        half.copy_from_slice(part);
    }
    halves
}

/// What the provider says of the person here, and the grant. What it says at their next sign-in takes its place.
fn person<P>(ctx: &RequestContext<'_, P>, provider: &Provider, jag: &IdJag, grant: Grant) -> Session {
    let now = ctx.request.now;
    let kept = SessionClaims::of(jag.claims().clone(), provider, &ctx.site.config.session.claims);
    Session {
        issuer: IssuerIdentifier::new(provider.issuer.as_str()),
        subject: SubjectIdentifier::new(jag.subject()),
        provider: provider.id.as_str().to_owned(),
        claims: kept.claims,
        scopes: Vec::new(),
        roles: kept.roles,
        permissions: kept.permissions,
        tenant: kept.tenant,
        auth_time: None,
        acr: None,
        amr: Vec::new(),
        sid: None,
        created_at: now,
        last_seen: now,
        access_token_expires_at: None,
        access_token_issued_at: Timestamp::EPOCH,
        refresh: RefreshState::default(),
        ceiling: None,
        origin: Origin::default(),
        grant: Some(Box::new(grant)),
        left_out: kept.left_out,
    }
}
