//! What a route that takes access tokens says with a refusal (RFC 6750 §3, RFC 9449 §7.1, RFC 9728 §5.1).

use crate::authn::bearer::Scheme;
use crate::authn::dpop;
use crate::config::{Config, Constraint};
use crate::gateway::well_known::resource_url::metadata_url;
use crate::http::{HeaderMap, HeaderName, HeaderValue, header};
use crate::refusal::Refusal;
use crate::route::{Guard, GuardedRoute};

const DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

/// The challenge of one route.
#[derive(Debug)]
pub(crate) struct Challenge {
    /// The schemes that tokens may come by; not empty.
    schemes: Vec<Scheme>,
    came_by: Option<Scheme>,
    parameters: Vec<String>,
    /// Whether every refusal of door 2 has it.
    always: bool,
}

impl Challenge {
    /// For a client that knows nothing yet: where to read about this resource, and what to ask a token for.
    pub(crate) fn of(GuardedRoute { route, guard }: GuardedRoute<'_>, config: &Config) -> Self {
        let scopes: Vec<&str> = guard.requirements.needed_scopes().collect();
        let scope = (!scopes.is_empty()).then(|| format!(r#"scope="{}""#, scopes.join(" ")));
        // What it tells is where to get a token.
        let metadata = || format!(r#"resource_metadata="{}""#, metadata_url(route, &config.public_url));
        let parameters = scope.into_iter().chain(route.resource().is_some().then(metadata)).collect();
        Self { schemes: schemes(guard, config), came_by: None, parameters, always: route.mcp.is_some() }
    }

    /// For a client whose token came by this scheme: what is wrong with it is said there.
    pub(crate) fn came_by(self, scheme: Scheme) -> Self {
        Self { came_by: Some(scheme), ..self }
    }

    /// Adds the challenges to a refusal that a token could turn into something better, before those of other schemes:
    /// many clients read the first one only.
    pub(crate) fn add_to(&self, refusal: &Refusal, nonce: impl Fn() -> String, headers: &mut HeaderMap) {
        let error = match refusal {
            // R-112
            Refusal::Unauthenticated | Refusal::TokenRequired => None,
            Refusal::TokenMalformed => Some("invalid_request"),
            Refusal::TokenRefused => Some("invalid_token"),
            Refusal::ProofRefused => Some("invalid_dpop_proof"),
            Refusal::NonceWanted => Some("use_dpop_nonce"),
            Refusal::Forbidden(scopes) if !scopes.is_empty() => Some("insufficient_scope"),
            Refusal::StepUp(_) | Refusal::SecondFactor(_) => None,
            // R-292
            Refusal::Forbidden(_) if self.always => None,
            _ => return,
        };
        let error = match refusal {
            // R-121
            Refusal::StepUp(wanted) | Refusal::SecondFactor(wanted) => wanted.challenge(),
            _ => error.map(|error| format!(r#"error="{error}""#)).into_iter().collect(),
        };
        headers.insert(header::VARY, HeaderValue::from_static("Authorization, Cookie"));
        let others: Vec<HeaderValue> = headers.get_all(header::WWW_AUTHENTICATE).iter().cloned().collect();
        headers.remove(header::WWW_AUTHENTICATE);
        for value in self.lines(&error).into_iter().filter_map(|line| HeaderValue::try_from(line).ok()).chain(others) {
            headers.append(header::WWW_AUTHENTICATE, value);
        }
        // R-131: exactly one.
        if let (Refusal::NonceWanted, Ok(nonce)) = (refusal, HeaderValue::try_from(nonce())) {
            headers.insert(DPOP_NONCE, nonce);
        }
    }

    /// One challenge for each scheme, that with the error first.
    fn lines(&self, error: &[String]) -> Vec<String> {
        let blamed = self.came_by.filter(|scheme| self.schemes.contains(scheme)).or(self.schemes.first().copied());
        let others = self.schemes.iter().copied().filter(|scheme| Some(*scheme) != blamed);
        let blamed = blamed.into_iter().map(|scheme| self.line(scheme, error));
        blamed.chain(others.map(|scheme| self.line(scheme, &[]))).collect()
    }

    fn line(&self, scheme: Scheme, error: &[String]) -> String {
        let algs = (scheme == Scheme::Dpop).then(|| format!(r#"algs="{}""#, dpop::algorithm_names()));
        let parameters: Vec<String> =
            error.iter().cloned().chain(algs).chain(self.parameters.iter().cloned()).collect();
        [scheme.name().to_owned(), parameters.join(", ")].join(" ").trim_end().to_owned()
    }
}

/// Which schemes the issuers whose tokens are let in here allow (RFC 9449 §7.2).
fn schemes(guard: &Guard, config: &Config) -> Vec<Scheme> {
    let allowed = |scheme: &Scheme| {
        let excluding = match scheme {
            Scheme::Bearer => Constraint::Dpop,
            Scheme::Dpop => Constraint::Mtls,
        };
        config.issuers.iter().any(|issuer| guard.admits(&issuer.id) && issuer.sender != excluding)
    };
    // A key or a platform's token comes like a plain token; the scheme of a header of its own has no name.
    let of_keys = |scheme: &Scheme| (guard.takes_keys() || guard.takes_workloads()) && *scheme == Scheme::Bearer;
    // An agent's token may be bound to a key.
    let of_agents = guard.takes_agents();
    let of_tokens = |scheme: &Scheme| guard.takes_tokens() && allowed(scheme);
    [Scheme::Bearer, Scheme::Dpop]
        .into_iter()
        .filter(|scheme| of_agents || of_keys(scheme) || of_tokens(scheme))
        .collect()
}
