//! What is asked, as Cedar takes it: a request and the few entities it speaks of, built directly. Whatever is built
//! here fits the schema; a property test holds it to that.

use cedar_policy::{Context, Entities, Entity, EntityUid, Request, RestrictedExpression};
use postern::authn::{AuthenticationFacts, Means, mtls};
use postern::http::{ClientCertificate, Peer, Tls};
use postern::ids::owner::Owner;
use postern::ids::principal_kind::PrincipalKind;
use postern::policy::{CallFacts, ContextFacts, ManagementInput, PolicyInput, PrincipalFacts, ResourceFacts};
use serde_json::Value;

use super::claims::{self, Tags};
use super::reads::Reads;
use super::schema::Names;
use super::zones::WallClock;

/// In characters: it is long enough for every browser, and bounds what `like` has to look at.
const MAX_USER_AGENT: usize = 512;

type Pairs = Vec<(String, RestrictedExpression)>;

/// One question, ready to be put.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) request: Request,
    pub(super) entities: Entities,
}

impl Question {
    /// # Errors
    /// When it cannot be put: why, for the log. The caller denies.
    pub(super) fn new(input: &PolicyInput<'_>, names: &Names, reads: &Reads) -> Result<Self, String> {
        let PolicyInput { principal, resource, call, context, .. } = input;
        let who = identifier(principal.issuer, principal.subject)?;
        let asker = names.principal(principal.kind, &who);
        let Asked { action, groups, what, name } = Asked::of(input, names)?;
        let mut context = surroundings(context, principal.authentication, (names, reads))?;
        let call = call.as_ref().filter(|_| reads.has("mcp"));
        context.extend(call.map(|call| message(call, names)).transpose()?);
        let context = Context::from_pairs(context).map_err(text)?;
        let mut all = asking(principal, asker.clone(), &who, (names, reads))?;
        all.extend(local(input.context.now.as_unix(), names, reads)?);
        all.extend(call.map(|call| arguments(call, names)).transpose()?);
        all.push(thing(resource, what.clone(), name, names)?);
        all.push(Entity::new_no_attrs(action.clone(), groups.into_iter().collect()));
        Ok(Self {
            request: Request::new(asker, action, what, context, None).map_err(text)?,
            entities: Entities::from_entities(all, None).map_err(text)?,
        })
    }
}

impl Question {
    /// The same about management.
    ///
    /// # Errors
    /// The same.
    pub(super) fn about_management(
        input: &ManagementInput<'_>,
        names: &Names,
        everything: &Reads,
    ) -> Result<Self, String> {
        let ManagementInput { principal, action, administrators, context } = input;
        let who = identifier(principal.issuer, principal.subject)?;
        let asker = names.principal(principal.kind, &who);
        let (action, group) = names.management_action(action);
        let mut all = asking(principal, asker.clone(), &who, (names, everything))?;
        all.extend(local(input.context.now.as_unix(), names, everything)?);
        all.push(Entity::new_no_attrs(action.clone(), [group].into()));
        // One whose name cannot be written is nobody who asks: see `who`. Without a name they match nobody, and are still there.
        let named = administrators.iter().map(|(issuer, subject)| identifier(issuer, subject).unwrap_or_default());
        let named = named.map(|id| RestrictedExpression::new_entity_uid(names.principal(PrincipalKind::Human, &id)));
        let administrators = [("administrators".to_owned(), RestrictedExpression::new_set(named))];
        all.push(Entity::new(names.management(), administrators.into(), [].into()).map_err(text)?);
        let context = surroundings(context, principal.authentication, (names, everything))?;
        let context = Context::from_pairs(context).map_err(text)?;
        Ok(Self {
            request: Request::new(asker, action, names.management(), context, None).map_err(text)?,
            entities: Entities::from_entities(all, None).map_err(text)?,
        })
    }
}

/// What is to be done with what.
struct Asked<'a> {
    action: EntityUid,
    groups: Vec<EntityUid>,
    what: EntityUid,
    /// The tool, prompt or resource.
    name: Option<&'a str>,
}

impl<'a> Asked<'a> {
    fn of(input: &PolicyInput<'a>, names: &Names) -> Result<Self, String> {
        let PolicyInput { method, resource, call, .. } = input;
        if let Some(CallFacts { method, name: Some(name), .. }) = call
            && let Some((action, groups)) = names.mcp_action(method)
        {
            let what = names.mcp_resource(method, resource.path, name);
            return Ok(Self { action, groups: groups.into(), what, name: Some(name) });
        }
        let (action, group) = names.action(method).ok_or_else(|| format!("`{method}` is no action"))?;
        Ok(Self { action, groups: vec![group], what: names.resource(resource.path), name: None })
    }
}

/// `context.mcp`.
fn message(call: &CallFacts<'_>, names: &Names) -> Result<(String, RestrictedExpression), String> {
    let name = call.name.map(|name| ("name".to_owned(), string(name)));
    let arguments = ("arguments".to_owned(), RestrictedExpression::new_entity_uid(names.arguments()));
    let method = ("method".to_owned(), string(call.method));
    Ok(("mcp".to_owned(), record([method, arguments].into_iter().chain(name))?))
}

fn arguments(call: &CallFacts<'_>, names: &Names) -> Result<Entity, String> {
    let as_text = |value: &Value| match value {
        Value::String(text) => Some(string(text)),
        Value::Bool(flag) => Some(string(if *flag { "true" } else { "false" })),
        Value::Number(number) if number.is_i64() || number.is_u64() => Some(string(&number.to_string())),
        _ => None,
    };
    let all = call.arguments.into_iter().flatten();
    let tags: Pairs = all.filter_map(|(name, value)| Some((name.clone(), as_text(value)?))).collect();
    Entity::new_with_tags(names.arguments(), [], [], tags).map_err(text)
}

/// Who asks, with what belongs to them.
fn asking(
    principal: &PrincipalFacts<'_>,
    asker: EntityUid,
    who: &str,
    (names, reads): (&Names, &Reads),
) -> Result<Vec<Entity>, String> {
    let tags = claims::tags(principal.claims, |name| reads.has_tag(name)).ok_or("too many claims")?;
    let mut all = vec![person(principal, asker, (who, &tags), (names, reads))?];
    if !tags.numbers.is_empty() && reads.has("numbers") {
        let numbers = tags.numbers.into_iter().map(|(name, number)| (name, RestrictedExpression::new_long(number)));
        all.push(Entity::new_with_tags(names.numbers(who), [], [], numbers).map_err(text)?);
    }
    Ok(all)
}

/// Both halves of an identity. An issuer is a URL without fragment (OpenID Connect Discovery §3), or an entityID of SAML
/// without `#`, so the first `#` stands between them, whatever the subject holds.
fn identifier(issuer: &str, subject: &str) -> Result<String, String> {
    if issuer.contains('#') {
        return Err("an issuer with `#`".to_owned());
    }
    Ok(format!("{issuer}#{subject}"))
}

fn person(
    facts: &PrincipalFacts<'_>,
    uid: EntityUid,
    (id, tags): (&str, &Tags),
    (names, reads): (&Names, &Reads),
) -> Result<Entity, String> {
    let mut pairs: Pairs =
        vec![("issuer".to_owned(), string(facts.issuer)), ("subject".to_owned(), string(facts.subject))];
    if reads.has("scopes") {
        pairs.push(("scopes".to_owned(), set(facts.scopes)));
    }
    if reads.has("permissions") {
        let stated = facts.permissions.stated.iter();
        let granted = reads.permissions.iter().filter(|name| facts.permissions.grants(name));
        pairs.push(("permissions".to_owned(), set(stated.chain(granted))));
    }
    if reads.has("numbers") {
        pairs.push(("numbers".to_owned(), RestrictedExpression::new_entity_uid(names.numbers(id))));
    }
    pairs.extend(facts.client.map(|client| ("client".to_owned(), string(client))));
    pairs.extend(facts.tenant.map(|tenant| ("tenant".to_owned(), string(tenant))));
    if let Some((address, domain)) = claims::email(facts.claims).filter(|_| reads.has("email")) {
        let email = [("address".to_owned(), string(address)), ("domain".to_owned(), string(&domain))];
        pairs.push(("email".to_owned(), record(email)?));
    }
    if let Some(actor) = facts.actor {
        let issuer = actor.issuer.as_deref().map(|issuer| ("issuer".to_owned(), string(issuer)));
        let subject = ("subject".to_owned(), string(&actor.subject));
        pairs.push(("actor".to_owned(), record(issuer.into_iter().chain([subject]))?));
    }
    pairs.extend(facts.key_id.map(|id| ("key_id".to_owned(), string(id))));
    if let Some(Owner { provider, issuer, subject }) = facts.owner {
        let parts: [(&str, &str); 3] = [("provider", provider), ("issuer", issuer), ("subject", subject)];
        let parts = parts.map(|(name, text)| (name.to_owned(), string(text)));
        pairs.push(("owner".to_owned(), record(parts)?));
    }
    let roles = facts.roles.iter().map(|role| names.role(role));
    let tags = tags.texts.iter().map(|(name, texts)| (name.clone(), set(texts)));
    Entity::new_with_tags(uid, pairs, roles, tags).map_err(text)
}

fn thing(facts: &ResourceFacts<'_>, uid: EntityUid, name: Option<&str>, names: &Names) -> Result<Entity, String> {
    let name = name.map(|name| ("name".to_owned(), string(name)));
    let path = ("path".to_owned(), string(facts.path));
    let tenant = facts.tenant.map(|tenant| ("tenant".to_owned(), string(tenant)));
    let params = facts.params.iter().map(|(name, value)| (name.clone(), string(value)));
    Entity::new_with_tags(uid, [path].into_iter().chain(tenant).chain(name), [names.route(facts.route)], params)
        .map_err(text)
}

fn surroundings(
    facts: &ContextFacts<'_>,
    authentication: &AuthenticationFacts,
    (names, reads): (&Names, &Reads),
) -> Result<Pairs, String> {
    let (peer, now) = (facts.peer, facts.now.as_unix());
    let mut pairs: Pairs = Vec::new();
    let mut add = |name: &str, value: RestrictedExpression| pairs.push((name.to_owned(), value));
    if reads.has("now") {
        add("now", RestrictedExpression::new_long(now));
    }
    if reads.has("time") {
        add("time", moment(now));
    }
    if reads.has("utc") {
        add("utc", record(clock(WallClock::at(now)))?);
    }
    if reads.has("local") {
        add("local", RestrictedExpression::new_entity_uid(names.local()));
    }
    if reads.has("authentication") {
        add("authentication", record(proof(facts, authentication))?);
    }
    if let Some(proof) = second(facts, authentication) {
        add("second", record(proof)?);
    }
    if reads.has("relations") {
        add("relations", set(facts.relations));
    }
    if reads.has("device") {
        add("device", record(device(peer, authentication))?);
    }
    let address = peer.address.as_deref().filter(|_| reads.has("address"));
    if let Some(address) = address.and_then(|address| address.parse().ok()) {
        add("address", names.address(address));
    }
    if let Some(country) = &peer.country {
        add("country", string(country));
    }
    if let Some(Tls { version, cipher }) = peer.tls.as_ref().filter(|_| reads.has("tls")) {
        add("tls", record(known([("version", Some(version)), ("cipher", Some(cipher))]))?);
    }
    if reads.has("certificate")
        && let Ok(sha256) = mtls::verified(peer)
    {
        add("certificate", record(certificate(sha256, peer.certificate.as_ref()))?);
    }
    Ok(pairs)
}

fn device(peer: &Peer, authentication: &AuthenticationFacts) -> Pairs {
    let user_agent = peer.user_agent.as_ref().map(|text| text.chars().take(MAX_USER_AGENT).collect());
    known([("key", authentication.key.as_ref()), ("user_agent", user_agent.as_ref())])
}

fn certificate(sha256: [u8; 32], told: Option<&ClientCertificate>) -> Pairs {
    let sha256 = sha256.iter().map(|byte| format!("{byte:02x}")).collect();
    let named = |name: fn(&ClientCertificate) -> &Option<String>| told.and_then(|told| name(told).as_ref());
    known([
        ("sha256", Some(&sha256)),
        ("subject", named(|told| &told.subject)),
        ("issuer", named(|told| &told.issuer)),
        ("serial", named(|told| &told.serial)),
    ])
}

/// What is there of these.
fn known<const N: usize>(texts: [(&str, Option<&String>); N]) -> Pairs {
    texts.into_iter().filter_map(|(name, text)| Some((name.to_owned(), string(text?)))).collect()
}

fn proof(facts: &ContextFacts<'_>, authentication: &AuthenticationFacts) -> Pairs {
    let mut pairs: Pairs =
        vec![("means".to_owned(), string(authentication.means.as_str())), ("amr".to_owned(), set(&authentication.amr))];
    let age = authentication.time.map(|time| i64::from(facts.now.since(time).get()));
    pairs.extend(age.map(|age| ("age".to_owned(), RestrictedExpression::new_long(age))));
    pairs.extend(authentication.acr.as_deref().map(|acr| ("acr".to_owned(), string(acr))));
    pairs
}

/// `context.second`. Facts of a program have no proof; a session that an agent acts by has none to show.
fn second(facts: &ContextFacts<'_>, authentication: &AuthenticationFacts) -> Option<Pairs> {
    let proof = authentication.second.as_ref().filter(|proof| proof.by.is_a_factor())?;
    let age = RestrictedExpression::new_long(i64::from(facts.now.since(proof.at).get()));
    (authentication.means == Means::Session)
        .then(|| vec![("by".to_owned(), string(proof.by.as_str())), ("age".to_owned(), age)])
}

/// The clocks of the zones that are named.
fn local(now: i64, names: &Names, reads: &Reads) -> Result<Option<Entity>, String> {
    if !reads.has("local") || reads.zones.is_empty() {
        return Ok(None);
    }
    let mut clocks = Pairs::new();
    for zone in &reads.zones {
        let shown = zone.clock(now).ok_or("a zone without a rule")?;
        clocks.push((zone.name.to_owned(), record(clock(shown))?));
    }
    Entity::new_with_tags(names.local(), [], [], clocks).map(Some).map_err(text)
}

fn clock(shown: WallClock) -> Pairs {
    let WallClock { year, month, day, hour, minute, weekday } = shown;
    let all =
        [("year", year), ("month", month), ("day", day), ("hour", hour), ("minute", minute), ("weekday", weekday)];
    all.map(|(name, value)| (name.to_owned(), RestrictedExpression::new_long(value))).into()
}

/// Cedar writes years of four digits.
fn moment(now: i64) -> RestrictedExpression {
    const FIRST: i64 = -62_135_596_800;
    const LAST: i64 = 253_402_300_799;
    let now = now.clamp(FIRST, LAST);
    let WallClock { year, month, day, hour, minute, .. } = WallClock::at(now);
    let second = now.rem_euclid(60);
    RestrictedExpression::new_datetime(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"))
}

fn string(text: &str) -> RestrictedExpression {
    RestrictedExpression::new_string(text.to_owned())
}

fn set<'a>(texts: impl IntoIterator<Item = &'a String>) -> RestrictedExpression {
    RestrictedExpression::new_set(texts.into_iter().map(|text| string(text)))
}

fn record(pairs: impl IntoIterator<Item = (String, RestrictedExpression)>) -> Result<RestrictedExpression, String> {
    RestrictedExpression::new_record(pairs).map_err(text)
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
