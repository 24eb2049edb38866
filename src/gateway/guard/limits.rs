//! Asking limits, in the order in which a request gets anywhere: its network before anybody looks who it is, its subject once
//! that is proved, its route once both doors are open. So nobody uses up what is another's, and only who is let in takes of
//! what all share.

use crate::authn::{Principal, PrincipalKind};
use crate::gateway::context::RequestContext;
use crate::gateway::response_parts::ResponseParts;
use crate::gateway::{Platform, cold};
use crate::limit::{BucketKey, Counter, Counters, Drawn, Limit, LimitKind, Quota, Whose};
use crate::ports::StoreError;
use crate::refusal::Reason;
use crate::route::Route;

/// A limit, and the bucket that a request is counted in.
struct Counted<'a> {
    kind: LimitKind,
    /// What keeps its buckets apart from those of other routes.
    place: &'a str,
    limit: &'a Limit,
    whose: Whose<'a>,
}

impl<P: Platform> RequestContext<'_, P> {
    /// Counts this request by its network, for an endpoint of ours.
    ///
    /// # Errors
    /// When it is one too many.
    pub(crate) async fn limit_own(
        &self,
        kind: LimitKind,
        limit: Option<&Limit>,
        parts: &mut ResponseParts,
    ) -> Result<(), Reason> {
        let Some(limit) = limit else { return Ok(()) };
        let whose = Whose::Network(self.request.head.peer.network());
        cold(self.count(Counted { kind, place: "", limit, whose }, parts)).await
    }

    /// Counts it by its network, for a route.
    ///
    /// # Errors
    /// When it is one too many.
    pub(super) async fn limit_address(&self, route: &Route, parts: &mut ResponseParts) -> Result<(), Reason> {
        let Some(limit) = &route.limits.address else { return Ok(()) };
        let whose = Whose::Network(self.request.head.peer.network());
        cold(self.count(Counted { kind: LimitKind::Address, place: place(route), limit, whose }, parts)).await
    }

    /// Counts it by who sent it, once that is proved. A cookie names its subject under a MAC already before its session is
    /// asked for; but whoever kept one of a session that ended would use up what is the subject's.
    ///
    /// # Errors
    /// When it is one too many.
    pub(super) async fn limit_subject(
        &self,
        route: &Route,
        principal: &Principal,
        parts: &mut ResponseParts,
    ) -> Result<(), Reason> {
        let Some(limit) = &route.limits.subject else { return Ok(()) };
        // By whom else it acts, an exchange decides: what the person let in is the last of them.
        let whose = match principal.actors().last().filter(|_| principal.kind() == PrincipalKind::Agent) {
            Some(client) => Whose::Agent(principal.issuer(), principal.subject(), &client.subject),
            None => Whose::Subject(principal.issuer(), principal.subject()),
        };
        cold(self.count(Counted { kind: LimitKind::Subject, place: place(route), limit, whose }, parts)).await
    }

    /// Counts it among all that the route lets through.
    ///
    /// # Errors
    /// When it is one too many.
    pub(super) async fn limit_route(&self, route: &Route, parts: &mut ResponseParts) -> Result<(), Reason> {
        let Some(limit) = &route.limits.route else { return Ok(()) };
        cold(self.count(Counted { kind: LimitKind::Route, place: &route.name, limit, whose: Whose::Everyone }, parts))
            .await
    }

    /// Counts it in a bucket of this kind and place.
    ///
    /// # Errors
    /// When it is one too many.
    pub(crate) async fn limit_at(
        &self,
        (kind, place): (LimitKind, &str),
        limit: &Limit,
        whose: Whose<'_>,
        parts: &mut ResponseParts,
    ) -> Result<(), Reason> {
        cold(self.count(Counted { kind, place, limit, whose }, parts)).await
    }

    async fn count(&self, counted: Counted<'_>, parts: &mut ResponseParts) -> Result<(), Reason> {
        let Counted { kind, place, limit, whose } = counted;
        let allowance = limit.allowance;
        let key = BucketKey::of(kind, place, &allowance, whose);
        let Ok(drawn) = self.draw(limit, &key).await else {
            parts.event.uncounted.push(kind.name());
            return Ok(());
        };
        // Only an object knows what is left for all isolates; that nothing is, everyone knows who refuses.
        let is_known = limit.counter == Counter::Object || !drawn.admitted;
        // What is wide enough for everybody is told to whom it is not.
        if kind != LimitKind::Own || !drawn.admitted {
            parts.quotas.push(Quota { kind, allowance, drawn: is_known.then_some(drawn) });
        }
        if drawn.admitted { Ok(()) } else { Err(Reason::Limited(kind, drawn.next)) }
    }

    async fn draw(&self, limit: &Limit, key: &BucketKey) -> Result<Drawn, StoreError> {
        let (buckets, allowance) = (&self.site.buckets, &limit.allowance);
        match &limit.counter {
            Counter::Isolate => Ok(buckets.draw(key, allowance, self.request.now)),
            Counter::Object => {
                if let Some(refusal) = buckets.refused(key, self.request.now) {
                    return Ok(refusal);
                }
                let drawn = self.platform.counters().draw(key, allowance).await?;
                buckets.note(key, &drawn, self.request.now);
                Ok(drawn)
            }
            Counter::Binding(name) => {
                let admitted = self.platform.counters().is_within(name, key).await?;
                // It does not say when there is more; after a whole period there is.
                Ok(Drawn { admitted, remaining: 0, next: allowance.period() })
            }
        }
    }
}

/// What keeps the buckets of one route apart from those of others.
fn place(route: &Route) -> &str {
    if route.limits.shared { "" } else { &route.name }
}
