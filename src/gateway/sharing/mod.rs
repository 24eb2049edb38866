//! `/auth/relations`: services write and read the tuples of the types that they are trusted with, so that an application can
//! offer to share things. Without a `SHARING` table there is nothing here.
//!
//! Door 1 and what every service must have are a rule like those of `ROUTES`; each type is another one, which decides with
//! the same words. A type that has none is nobody's.

use serde_json::{Value, json};

use super::admin::request::{self, Order};
use super::context::RequestContext;
use super::guard::decide;
use super::refused::{Credential, Refused};
use super::relations::scan::{self, Cursor};
use super::relations::{self, Ordered, Trust, change, names};
use super::response_parts::ResponseParts;
use super::{Platform, response};
use crate::audit::{self, Effect, What};
use crate::authn::{Principal, PrincipalSource};
use crate::authz::{self, Decision};
use crate::config::{Config, SHARING_PREFIX, Sharing};
use crate::http::{Method, Response, StatusCode};
use crate::ports::RequestBody;
use crate::refusal::{OrderError, Reason};
use crate::relation::{Name, PEOPLE, Subject, TupleFilter};
use crate::route::{CanonicalPath, GuardedRoute, Matched, Route};
use crate::time::Timestamp;

/// For whom a service says that it does it.
const ON_BEHALF_OF: &str = "on_behalf_of";

/// What is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SharingTask {
    /// Tuples of an object, or of a subject.
    List,
    /// Adds and removes tuples.
    Change,
    /// Says whether a relation holds.
    Check,
    /// Removes what there is of a subject.
    RemoveSubject,
}

impl SharingTask {
    /// The one at this path and by this method.
    ///
    /// # Errors
    /// When there is none.
    fn at(path: &CanonicalPath, method: &Method) -> Result<Self, Reason> {
        let posted = |task| if *method == Method::POST { Ok(task) } else { not_by("POST") };
        match path.as_str().strip_prefix(SHARING_PREFIX) {
            Some("") if *method == Method::GET => Ok(Self::List),
            Some("") if *method == Method::POST => Ok(Self::Change),
            Some("") => not_by("GET, POST"),
            Some("/check") => posted(Self::Check),
            Some("/remove-subject") => posted(Self::RemoveSubject),
            _ => Err(Reason::NoRoute),
        }
    }

    /// The same actions as those of management.
    const fn action(self) -> &'static str {
        match self {
            Self::List => "relations.list",
            Self::Change => "relations.change",
            Self::Check => "relations.check",
            Self::RemoveSubject => "relations.remove",
        }
    }
}

fn not_by(methods: &str) -> Result<SharingTask, Reason> {
    Err(Reason::MethodNotAllowed(methods.to_owned()))
}

/// The types, and the service that asks.
struct Trusted<'a> {
    config: &'a Config,
    sharing: &'a Sharing,
    service: &'a Principal,
    now: Timestamp,
}

impl Trusted<'_> {
    fn admit_by(&self, route: &Route) -> Result<(), Refused> {
        let matched = Matched { route, params: Vec::new(), call: None };
        let reason = match authz::authorize(Some(self.service), &matched, self.now) {
            Decision::Allow(_) => return Ok(()),
            Decision::Deny(denial) => Reason::Denied(denial),
            // No service has signed in at all.
            Decision::StepUp(_) => Reason::Order(OrderError::UntrustedType),
        };
        let Some(guard) = route.guard() else { return Err(reason.into()) };
        Err(Refused::at(GuardedRoute { route, guard }, self.config, self.credential(), reason))
    }

    /// What the service came by, as far as a refusal goes: of a token, every scheme is told that would do.
    const fn credential(&self) -> Credential {
        match self.service.origin() {
            PrincipalSource::Key(_) => Credential::Key,
            PrincipalSource::Certificate(_) => Credential::Certificate,
            PrincipalSource::Provider(_) | PrincipalSource::Issuer(_) | PrincipalSource::Grant { .. } => {
                Credential::None
            }
        }
    }

    /// The types that the service is trusted with.
    ///
    /// # Errors
    /// When there is none: why not the first.
    fn kinds(&self) -> Result<Vec<Name>, Refused> {
        let trusted = self.sharing.types.iter().filter(|one| self.admit_by(&one.route).is_ok());
        let kinds: Vec<Name> = trusted.map(|one| one.kind.clone()).collect();
        match self.sharing.types.first() {
            Some(first) if kinds.is_empty() => Err(self.admit_by(&first.route).err().unwrap_or_else(untrusted)),
            None => Err(untrusted()),
            Some(_) => Ok(kinds),
        }
    }
}

fn untrusted() -> Refused {
    Reason::Order(OrderError::UntrustedType).into()
}

impl Trust for Trusted<'_> {
    type Refusal = Refused;

    /// A type that no service is trusted with is refused like one that is not there.
    fn admit(&self, kind: &Name) -> Result<(), Refused> {
        self.sharing.shared_type(kind).ok_or_else(untrusted).and_then(|one| self.admit_by(&one.route))
    }
}

/// What came of it.
struct Outcome {
    response: Response,
    effect: Effect,
    reason: &'static str,
}

impl Outcome {
    fn done(answer: &Value) -> Self {
        Self { response: response::json(StatusCode::OK, answer), effect: Effect::Allow, reason: "sharing.done" }
    }

    fn unacceptable<P>(ctx: &RequestContext<'_, P>, problems: &[String]) -> Self {
        let response = response::unacceptable(&ctx.request.id, problems);
        Self { response, effect: Effect::Deny, reason: "sharing.unacceptable" }
    }
}

/// Answers a service.
pub(super) async fn answer<P: Platform>(
    ctx: &RequestContext<'_, P>,
    (sharing, path): (&Sharing, &CanonicalPath),
    body: impl RequestBody,
    parts: &mut ResponseParts,
) -> Result<Response, Refused> {
    parts.event.event = What::Sharing;
    parts.event.route = Some(sharing.route.name.clone());
    let task = SharingTask::at(path, &ctx.request.head.method)?;
    parts.event.action = Some(task.action());
    let matched = Matched { route: &sharing.route, params: Vec::new(), call: None };
    let admitted = decide::enter(ctx, path, &matched, parts).await?;
    // A rule that is for everybody would have nobody to trust.
    let service = admitted.principal.as_ref().ok_or(Reason::NoToken)?;
    if service.owner().is_some() {
        return Err(Reason::Order(OrderError::PersonalKey).into());
    }
    let trusted = Trusted { config: &ctx.site.config, sharing, service, now: ctx.request.now };
    let Outcome { response, effect, reason } = match task {
        SharingTask::List => list(ctx, &trusted, parts).await?,
        SharingTask::Change => change(ctx, body, &trusted, parts).await?,
        SharingTask::RemoveSubject => remove_subject(ctx, body, &trusted, parts).await?,
        SharingTask::Check => match relations::check(ctx, body, &trusted, parts).await? {
            Ordered::Done(answer) => Outcome::done(&answer),
            Ordered::Unacceptable(problems) => Outcome::unacceptable(ctx, &problems),
        },
    };
    parts.event.end(effect, reason, response.status);
    Ok(response)
}

/// `GET /auth/relations?object=document:7`, or `?subject=user:corp|alice`: of the types that the service is trusted with.
async fn list<P: Platform>(
    ctx: &RequestContext<'_, P>,
    trusted: &Trusted<'_>,
    parts: &mut ResponseParts,
) -> Result<Outcome, Refused> {
    let order = Order::of_query(ctx, &["object", "subject", "after"])?;
    let Some(subject) = order.text("subject") else {
        return Ok(Outcome::done(&relations::of_object(ctx, &order, trusted, parts).await?));
    };
    if order.text("object").is_some() {
        return Err(Reason::BadInput("object").into());
    }
    let subject = names::subject(ctx, subject).ok_or(Reason::BadInput("subject"))?;
    parts.event.target = Some(audit::short(&subject.to_string()));
    let filter = TupleFilter { subject: Some(subject), kinds: Some(trusted.kinds()?) };
    Ok(Outcome::done(&scan::pages(ctx, Cursor::of(order.text("after"))?, &filter).await?))
}

/// `POST /auth/relations`: `{ "add": ["document:7#viewer@user:corp|alice"], "on_behalf_of": "user:corp|bob" }`.
async fn change<P: Platform>(
    ctx: &RequestContext<'_, P>,
    body: impl RequestBody,
    trusted: &Trusted<'_>,
    parts: &mut ResponseParts,
) -> Result<Outcome, Refused> {
    let members: Vec<&str> = change::MEMBERS.into_iter().chain([ON_BEHALF_OF]).collect();
    let order = Order::of_body(ctx, body, &members, change::MAX_BYTES).await?;
    note_whom_for(ctx, &order, parts)?;
    Ok(match change::by_order(ctx, &order, trusted, parts).await? {
        Ordered::Unacceptable(problems) => Outcome::unacceptable(ctx, &problems),
        Ordered::Done(change::ChangeReport { added, removed, unmet }) => {
            let answer = json!({ "added": added, "removed": removed });
            if unmet.is_empty() {
                Outcome::done(&answer)
            } else {
                let response = response::unmet(&ctx.request.id, &answer, &unmet);
                Outcome { response, effect: Effect::Deny, reason: "sharing.unmet" }
            }
        }
    })
}

/// `POST /auth/relations/remove-subject`: `{ "subject": "user:corp|alice" }`, of the types that the service is trusted with.
/// About a page at a time: with `after` what `next` said.
async fn remove_subject<P: Platform>(
    ctx: &RequestContext<'_, P>,
    body: impl RequestBody,
    trusted: &Trusted<'_>,
    parts: &mut ResponseParts,
) -> Result<Outcome, Refused> {
    let order = Order::of_body(ctx, body, &["subject", "after", ON_BEHALF_OF], request::MAX_BYTES).await?;
    note_whom_for(ctx, &order, parts)?;
    let subject = order.text("subject").and_then(|text| names::subject(ctx, text));
    let subject = subject.ok_or(Reason::BadInput("subject"))?;
    let cursor = Cursor::of(order.optional_text("after")?)?;
    let kinds = trusted.kinds()?;
    let (removed, next) = scan::remove(ctx, cursor, (&subject, Some(&kinds)), parts).await?;
    Ok(Outcome::done(&scan::told("removed", &removed, next.as_ref())))
}

/// For whom a service says that it does it: a person, service or agent, for the log alone. It gives the service nothing.
fn note_whom_for<P>(ctx: &RequestContext<'_, P>, order: &Order, parts: &mut ResponseParts) -> Result<(), Reason> {
    let Some(text) = order.optional_text(ON_BEHALF_OF)? else { return Ok(()) };
    let named = names::subject(ctx, text).filter(|subject| match subject {
        Subject::Object(object) => PEOPLE.contains(&object.kind().as_str()),
        Subject::Userset(_) | Subject::Everyone(_) => false,
    });
    parts.event.on_behalf_of = Some(audit::short(&named.ok_or(Reason::BadInput(ON_BEHALF_OF))?.to_string()));
    Ok(())
}
