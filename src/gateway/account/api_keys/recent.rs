//! Has a person signed in lately enough to change keys?

use crate::api_key::ApiKeyRules;
use crate::authn::{AuthenticationFacts, Principal};
use crate::authz::{StepUp, authentication};
use crate::gateway::context::RequestContext;
use crate::gateway::sign_in::link::SignIn;
use crate::route::Requirements;
use crate::time::Seconds;

/// How long ago a sign-in was.
pub(crate) enum Recency {
    /// Lately enough.
    Recent,
    /// Too long ago.
    TooOld {
        /// What is wanted in its place.
        wanted: StepUp,
        /// How to get it.
        again: SignIn,
    },
}

/// How it is with this person, as far as keys go.
pub(crate) fn recency<P>(ctx: &RequestContext<'_, P>, rules: &ApiKeyRules, person: &Principal) -> Recency {
    recency_within(ctx, rules.max_age, person)
}

/// How it is with this person, who must have signed in so lately. Of a provider that cannot be asked for a new sign-in, nor says when the last one was, the
/// beginning of the session counts.
pub(crate) fn recency_within<P>(ctx: &RequestContext<'_, P>, max_age: Seconds, person: &Principal) -> Recency {
    let required = Requirements { max_age: Some(max_age), ..Requirements::default() };
    let provider = person.provider().and_then(|id| ctx.site.config.provider(id));
    let can_be_asked = provider.is_some_and(|provider| provider.max_age_for(required.max_age).is_some());
    let began_at = person.session().filter(|_| !can_be_asked).map(|session| session.created_at);
    let facts = person.authentication();
    let facts = AuthenticationFacts { time: facts.time.or(began_at), ..facts.clone() };
    let Err(shortfall) = authentication::decide(Some(&facts), &required, ctx.request.now) else {
        return Recency::Recent;
    };
    let wanted = StepUp { acr_values: Vec::new(), max_age: required.max_age, shortfall };
    let again = provider.and_then(|provider| SignIn::again(provider, &wanted)).unwrap_or_default();
    Recency::TooOld { wanted, again }
}
