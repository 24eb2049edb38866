//! Enterprise-managed authorization: a person's provider lets a client act for them, and nobody is asked here (ID-JAG; R-319…R-322).

use super::client_auth::{ProvenClient, claimed_client, token_error};
use super::token::{Issued, proven_key};
use crate::agent::authorize::offer;
use crate::agent::enterprise::{EnterpriseRefusal, IdJag, IdJagExpectations, LONGEST_LIFE};
use crate::agent::grant::{Grant, MAX_GRANTS};
use crate::agent::handle::{GrantHandle, HandleKind};
use crate::agent::token::error::ClientRefusal;
use crate::agent::token::{TokenEndpointError, TokenParameters};
use crate::audit::short;
use crate::authn::agent;
use crate::config::{AgentRules, Provider};
use crate::gateway::Platform;
use crate::gateway::context::RequestContext;
use crate::gateway::issuer_documents::AcceptedKeys;
use crate::gateway::response_parts::ResponseParts;
use crate::ids::actor::Actor;
use crate::ids::identifiers::{IssuerIdentifier, SubjectIdentifier};
use crate::jose::UnverifiedJwt;
use crate::keyring::KeyPurpose;
use crate::oidc::session_claims::SessionClaims;
use crate::ports::{Claimed, ReplayGuard, StoreError};
use crate::refusal::Reason;
use crate::route::CanonicalPath;
use crate::session::{BeginGrant, CheckGrant, Command, PersonNamed, Reply, Session, SessionId, SubjectKey};

/// Who vouches for whom: a provider, by this, to a client that has proven itself.
struct Voucher<'a> {
    provider: &'a Provider,
    jag: IdJag,
    client: ProvenClient,
    jkt: Option<String>,
}

/// What the provider lets the client do here.
struct Allowed {
    resource: String,
    scopes: Vec<String>,
}

impl Allowed {
    /// Why a grant that was made for the same assertion before does not do: it is for something else, or may do more.
    fn refuses(&self, grant: &Grant) -> Option<EnterpriseRefusal> {
        if grant.resource != self.resource {
            return Some(EnterpriseRefusal::Resource);
        }
        let is_within = grant.scopes.iter().all(|scope| self.scopes.contains(scope));
        (!is_within).then_some(EnterpriseRefusal::Scope)
    }
}

/// Gives a token for what a person's provider vouches for. There is no refresh token: the client asks the provider again.
///
/// # Errors
/// When nothing is given.
pub(super) async fn grant<P: Platform>(
    ctx: &RequestContext<'_, P>,
    (rules, path): (&AgentRules, &CanonicalPath),
    parameters: &TokenParameters<'_>,
    parts: &mut ResponseParts,
) -> Result<Issued, Reason> {
    let assertion = parameters.wanted("assertion").map_err(token_error)?;
    let unreadable = |error| refused(EnterpriseRefusal::Jwt(error));
    let jwt = UnverifiedJwt::parse(assertion).map_err(unreadable)?;
    let issuer = jwt.claimed_issuer().map_err(unreadable)?;
    let provider = issuer.as_deref().and_then(|issuer| ctx.site.config.provider_by_issuer(issuer));
    // Where each tenant has an issuer, none of them is known to vouch for anybody.
    let provider = provider.filter(|provider| !provider.issuer.has_tenants());
    let rule = provider.and_then(|provider| Some((provider, rules.enterprise_of(provider.id.as_str())?)));
    let (provider, rule) = rule.ok_or(refused(EnterpriseRefusal::NotTrusted))?;
    parts.event.provider = Some(provider.id.as_str().to_owned());
    // Strangers have no document fetched, and no store asked: only what the provider signed for a client that the configuration
    // names gets so far.
    let claimed = claimed_client(parameters)?;
    let trusted = rule.scopes_of(&claimed).ok_or(refused(EnterpriseRefusal::NotTrusted))?;
    parts.event.client_id = Some(short(&claimed));
    let jag = believe(ctx, provider, &jwt, &claimed).await?;
    let client = ctx.proven_client(rules, parameters, parts).await?;
    if client.id != claimed {
        return Err(refused(EnterpriseRefusal::NotTrusted));
    }
    if !client.is_proven {
        //
        return Err(token_error(TokenEndpointError::InvalidClient(ClientRefusal::NoProof)));
    }
    parts.event.identity(provider.id.as_str(), provider.issuer.as_str(), jag.subject());
    let jkt = proven_key(ctx, path).await?;
    if jag.jkt().is_some() && jag.jkt() != jkt.as_deref() {
        return Err(refused(EnterpriseRefusal::Key));
    }
    let allowed = allowed(ctx, &jag, parameters, trusted).map_err(refused)?;
    let voucher = Voucher { provider, jag, client, jkt };
    use_once(ctx, &voucher, parts).await?;
    begin(ctx, rules, &voucher, allowed, parts).await
}

/// Verifies the signature by the provider's keys, then the claims, for a client of that id.
async fn believe<P: Platform>(
    ctx: &RequestContext<'_, P>,
    provider: &Provider,
    jwt: &UnverifiedJwt<'_>,
    client_id: &str,
) -> Result<IdJag, Reason> {
    let metadata = ctx.site.documents.metadata(ctx.platform, provider).await?;
    let accepted = AcceptedKeys::of_provider(provider, &metadata);
    let verified = ctx.site.documents.verify(ctx.platform, accepted, jwt).await;
    let verified = verified.map_err(|error| error.reason(|error| refused(EnterpriseRefusal::Jwt(error))))?;
    let expected = IdJagExpectations {
        issuer: provider.issuer.as_str(),
        audience: ctx.site.config.public_url.origin(),
        client_id,
        longest_life: LONGEST_LIFE,
        now: ctx.request.now,
    };
    IdJag::check(verified, &expected).map_err(|error| refused(EnterpriseRefusal::Claims(error)))
}

/// One of our resources, and the scopes that provider, configuration and request all name.
fn allowed<P>(
    ctx: &RequestContext<'_, P>,
    jag: &IdJag,
    parameters: &TokenParameters<'_>,
    trusted: &[String],
) -> Result<Allowed, EnterpriseRefusal> {
    let find = |address: &str| offer::find(&ctx.site.config, address).map(|offer| offer.resource);
    let named = [jag.resource(), parameters.get("resource")].into_iter().flatten();
    let named: Vec<String> = named.map(find).collect::<Option<_>>().ok_or(EnterpriseRefusal::Resource)?;
    let resource = named.first().filter(|first| named.iter().all(|one| one == *first));
    let resource = resource.ok_or(EnterpriseRefusal::Resource)?.clone();
    let said = |scope: &&String| jag.scopes().is_none_or(|said| said.contains(scope));
    let may_have: Vec<String> = trusted.iter().filter(said).cloned().collect();
    let scopes = match parameters.scopes() {
        None => may_have,
        Some(asked) if asked.iter().all(|scope| may_have.contains(scope)) => asked,
        Some(_) => return Err(EnterpriseRefusal::Scope),
    };
    if scopes.is_empty() { Err(EnterpriseRefusal::Scope) } else { Ok(Allowed { resource, scopes }) }
}

/// The same client may bring it again until it ends; of several clients, the first one alone has it.
async fn use_once<P: Platform>(
    ctx: &RequestContext<'_, P>,
    voucher: &Voucher<'_>,
    parts: &mut ResponseParts,
) -> Result<(), Reason> {
    let Voucher { provider, jag, client, .. } = voucher;
    let keys = jag.once_keys(provider.issuer.as_str(), &client.id);
    let claimed = ctx.platform.replay_guard().claim_for(&keys.any, &keys.client, jag.usable_until()).await;
    match claimed.map_err(Reason::Store)? {
        Claimed::First => Ok(()),
        Claimed::Again => {
            parts.event.detail = Some("repeated".to_owned());
            Ok(())
        }
        Claimed::ByAnother => Err(refused(EnterpriseRefusal::UsedByAnother)),
    }
}

/// One assertion makes one grant, however often it is brought.
async fn begin<P: Platform>(
    ctx: &RequestContext<'_, P>,
    rules: &AgentRules,
    voucher: &Voucher<'_>,
    allowed: Allowed,
    parts: &mut ResponseParts,
) -> Result<Issued, Reason> {
    let Voucher { provider, jag, .. } = voucher;
    let subject = SubjectKey::of(provider.issuer.as_str(), jag.subject());
    let id = id_of(ctx, voucher);
    parts.event.grant = Some(id.digest().public_id());
    ctx.limit_tokens(&id.digest().public_id(), parts).await?;
    let session = record(ctx, rules, voucher, &allowed);
    let lacks_second = |session: &Session| agent::lacks_second(&ctx.site.config, session);
    if lacks_second(&session) {
        return Err(refused(EnterpriseRefusal::SecondFactor));
    }
    let begin = BeginGrant {
        digest: id.digest(),
        session,
        begun_by: None,
        asked_at: jag.issued_at(),
        max_grants: MAX_GRANTS,
        clocks: ctx.timeouts(),
    };
    let ended = || refused(EnterpriseRefusal::Ended);
    let of = (provider.id.as_str(), provider.issuer.as_str());
    let ends_at = ctx.request.now.plus(rules.access);
    let (by_email, asked_at) = (ctx.email_key(of, begin.session.email()), begin.asked_at);
    let entered = ctx.enter_person(by_email, (subject, asked_at), Some(ends_at)).await.map_err(Reason::Store)?
        && ctx.enter_agent(&voucher.client.id, subject, ends_at, begin.asked_at).await.map_err(Reason::Store)?;
    if !entered {
        return Err(ended());
    }
    let session =
        match ctx.command(&subject, &Command::BeginGrant(Box::new(begin.clone()))).await.map_err(Reason::Store)? {
            Reply::Begun => begin.session,
            // It was brought before: the grant that it made then, if that lives.
            Reply::Refused(_) => {
                let check = CheckGrant { digest: id.digest(), spend: false, clocks: ctx.timeouts() };
                match ctx.command(&subject, &Command::CheckGrant(check)).await.map_err(Reason::Store)? {
                    Reply::LiveGrant(session) => *session,
                    _ => return Err(ended()),
                }
            }
            Reply::Gone | Reply::Blocked => return Err(ended()),
            _ => return Err(Reason::Store(StoreError::Malformed)),
        };
    if lacks_second(&session) {
        return Err(refused(EnterpriseRefusal::SecondFactor));
    }
    let Some(grant) = session.grant.as_deref().filter(|grant| grant.jkt == voucher.jkt) else {
        return Err(refused(EnterpriseRefusal::Key));
    };
    if let Some(refusal) = allowed.refuses(grant) {
        return Err(refused(refusal));
    }
    let handle = GrantHandle { kind: HandleKind::Access, subject, id, number: 0 };
    Ok(Issued { handle, session, refresh: false, kind: None, reason: "agent.token_vouched_for" })
}

/// Known to us alone, and the same for the same assertion and client.
fn id_of<P>(ctx: &RequestContext<'_, P>, Voucher { provider, jag, client, .. }: &Voucher<'_>) -> SessionId {
    let once = jag.once_keys(provider.issuer.as_str(), &client.id);
    let message = [b"id-jag".as_slice(), &once.client].concat();
    let mac = ctx.site.config.keys.mac(KeyPurpose::AgentHandle, &message);
    let mut id = [0; 16];
    id.iter_mut().zip(mac).for_each(|(place, byte)| *place = byte);
    SessionId::of_bytes(id)
}

/// The grant, with what the provider says of the person here. What it says at their next sign-in takes its place.
fn record<P>(ctx: &RequestContext<'_, P>, rules: &AgentRules, voucher: &Voucher<'_>, allowed: &Allowed) -> Session {
    let Voucher { provider, jag, client, jkt } = voucher;
    let now = ctx.request.now;
    let issuer = Some(ctx.site.config.public_url.origin().to_owned());
    let grant = Grant {
        client: client.id.clone(),
        client_name: client.name.clone(),
        redirect_uri: String::new(),
        resource: allowed.resource.clone(),
        scopes: allowed.scopes.clone(),
        expires_at: now.plus(rules.access),
        code: None,
        generation: 0,
        rotated_at: now,
        jkt: jkt.clone(),
        with_session: None,
        parent: None,
        actors: vec![Actor { issuer, subject: client.id.clone() }],
        task: None,
        uses_left: None,
        indexed: true,
        seen_at: None,
    };
    let kept = SessionClaims::of(jag.claims().clone(), provider, &ctx.site.config.session.claims);
    let person = PersonNamed {
        issuer: IssuerIdentifier::new(provider.issuer.as_str()),
        subject: SubjectIdentifier::new(jag.subject()),
        provider: provider.id.as_str().to_owned(),
    };
    Session {
        claims: kept.claims,
        scopes: jag.scopes().unwrap_or_default().to_vec(),
        roles: kept.roles,
        permissions: kept.permissions,
        tenant: kept.tenant,
        left_out: kept.left_out,
        ..Session::of_grant(person, grant, now)
    }
}

const fn refused(refusal: EnterpriseRefusal) -> Reason {
    token_error(TokenEndpointError::Enterprise(refusal))
}
