//! `/access/v1/…`: services ask what somebody may do (`AuthZEN` Authorization API 1.0). Both doors decide whether a service
//! may ask; what it hears is the word of the relations or the policies. Without an `AUTHZEN` table there is nothing here.

mod blocked;
mod evaluator;

use serde_json::Value;

use super::context::RequestContext;
use super::guard::decide;
use super::refused::Refused;
use super::response_parts::ResponseParts;
use super::{Platform, response};
use crate::audit::{Effect, Evaluated, Event, What};
use crate::authzen::{
    self, AuthzenRequest, EVALUATION, EVALUATIONS, Evaluation, MAX_BYTES, METADATA, RequestError, Semantic,
};
use crate::config::Authzen;
use crate::http::{HeaderValue, Method, Response, StatusCode, essence, header};
use crate::json::JsonError;
use crate::ports::{BodyError, RequestBody};
use crate::refusal::Reason;
use crate::route::{CanonicalPath, Matched};
use crate::time::Seconds;
use evaluator::Evaluator;

/// How long a copy of the metadata may be used.
const MAX_AGE: Seconds = Seconds::hours(1);
const REQUEST_ID: &str = "x-request-id";

/// What is there for services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AuthzenEndpoint {
    /// What can be asked, and where.
    Metadata,
    /// One question.
    Evaluation,
    /// Several.
    Evaluations,
}

impl AuthzenEndpoint {
    /// The one at this path, if there is any.
    pub(super) fn at(path: &CanonicalPath) -> Option<Self> {
        match path.as_str() {
            METADATA => Some(Self::Metadata),
            EVALUATION => Some(Self::Evaluation),
            EVALUATIONS => Some(Self::Evaluations),
            _ => None,
        }
    }
}

/// What a service asks for, and by which rule it may.
#[derive(Clone, Copy)]
pub(super) struct Call<'a> {
    pub(super) authzen: &'a Authzen,
    pub(super) endpoint: AuthzenEndpoint,
    pub(super) path: &'a CanonicalPath,
}

/// Answers a service. Its own id of the request goes back with whatever it is told (§10.1.3).
pub(super) async fn answer<P: Platform>(
    ctx: &RequestContext<'_, P>,
    call: Call<'_>,
    body: impl RequestBody,
    parts: &mut ResponseParts,
) -> Result<Response, Reason> {
    if call.endpoint == AuthzenEndpoint::Metadata {
        return describe(ctx, parts);
    }
    parts.event.event = What::Evaluation;
    parts.echo(ctx.request.head.headers.get(REQUEST_ID));
    match decide(ctx, call, body, parts).await {
        Ok(decisions) => Ok(response::json(StatusCode::OK, &decisions)),
        Err(refused) => Ok(in_words(ctx.refuse(&refused, parts), &refused.reason, &ctx.request.id)),
    }
}

fn describe<P: Platform>(ctx: &RequestContext<'_, P>, parts: &mut ResponseParts) -> Result<Response, Reason> {
    parts.event.event = What::Own;
    ctx.request.allow_methods(&[Method::GET, Method::HEAD])?;
    let public_url = &ctx.site.config.public_url;
    let metadata = authzen::metadata(public_url.origin(), |path| public_url.join(path));
    parts.event.end(Effect::Allow, "own.page", StatusCode::OK);
    Ok(response::public(response::json(StatusCode::OK, &metadata), MAX_AGE))
}

/// Both doors, then the questions.
async fn decide<P: Platform>(
    ctx: &RequestContext<'_, P>,
    Call { authzen, endpoint, path }: Call<'_>,
    body: impl RequestBody,
    parts: &mut ResponseParts,
) -> Result<Value, Refused> {
    ctx.request.allow_methods(&[Method::POST])?;
    let matched = Matched { route: &authzen.route, params: Vec::new(), call: None };
    parts.event.route = Some(authzen.route.name.clone());
    decide::enter(ctx, path, &matched, parts).await?;
    let request = read(ctx, endpoint, body).await.map_err(Reason::Evaluation)?;
    let mut evaluator = Evaluator::at_hand(ctx, &mut parts.event).await;
    let answer = match request {
        AuthzenRequest::One(one) => {
            let evaluated = evaluator.evaluate(ctx, &one, &mut parts.event).await?;
            let answer = authzen::decision(evaluated.decision, &ctx.request.id);
            parts.event.evaluations.push(evaluated);
            answer
        }
        AuthzenRequest::Many(semantic, all) => {
            parts.event.evaluations = in_turn(ctx, &mut evaluator, semantic, all, &mut parts.event).await?;
            let named = |(place, evaluated): (usize, &Evaluated)| {
                authzen::decision(evaluated.decision, &format!("{}.{}", ctx.request.id, place + 1))
            };
            authzen::decisions(parts.event.evaluations.iter().enumerate().map(named).collect())
        }
    };
    parts.event.end(Effect::Allow, "evaluation.answered", StatusCode::OK);
    Ok(answer)
}

/// One after the other, as far as the semantic goes.
///
/// # Errors
/// When what is needed for an answer cannot be had: then none is given.
async fn in_turn<P: Platform>(
    ctx: &RequestContext<'_, P>,
    evaluator: &mut Evaluator,
    semantic: Semantic,
    all: Vec<Result<Evaluation, RequestError>>,
    event: &mut Event,
) -> Result<Vec<Evaluated>, Reason> {
    let mut answered = Vec::with_capacity(all.len());
    for one in all {
        let evaluated = match one {
            Ok(evaluation) => evaluator.evaluate(ctx, &evaluation, event).await?,
            Err(error) => Evaluated::malformed(error),
        };
        let ends = semantic.ends_with(evaluated.decision);
        answered.push(evaluated);
        if ends {
            break;
        }
    }
    Ok(answered)
}

async fn read<P>(
    ctx: &RequestContext<'_, P>,
    endpoint: AuthzenEndpoint,
    body: impl RequestBody,
) -> Result<AuthzenRequest, RequestError> {
    let media_type = ctx.request.head.header(header::CONTENT_TYPE.as_str()).unwrap_or_default();
    if !essence(media_type).eq_ignore_ascii_case("application/json") {
        return Err(RequestError::ContentType);
    }
    let text = body.text(MAX_BYTES).await.map_err(|error| match error {
        BodyError::TooLarge => RequestError::Json(JsonError::TooLarge),
        BodyError::Unreadable => RequestError::Json(JsonError::NotUtf8),
    })?;
    match endpoint {
        AuthzenEndpoint::Evaluations => AuthzenRequest::many(&text),
        AuthzenEndpoint::Evaluation | AuthzenEndpoint::Metadata => AuthzenRequest::one(&text),
    }
}

/// The body of an error is a message (§10.1.2). What is wrong with a question is for who asks to mend; why nobody was let
/// in is not told.
fn in_words(mut response: Response, reason: &Reason, request_id: &str) -> Response {
    let words = match reason {
        Reason::Evaluation(error) => error.message(),
        other => other.refusal().title().to_owned(),
    };
    response.body = format!("{words} (request {request_id})");
    response.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
