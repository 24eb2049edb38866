//! Door 2, where a route asks for relations: the store is asked round by round, each round at once.

use super::policies::PolicyQuestion;
use crate::audit::Event;
use crate::authn::Principal;
use crate::authz::relations::{Questions, RelationStep};
use crate::authz::{Decision, Denial};
use crate::gateway::context::RequestContext;
use crate::gateway::{Platform, cold};
use crate::ports::StoreError;
use crate::refusal::Reason;
use crate::relation::{CheckResult, KnownTuples, Model, Read, Subject, TupleReply, TupleStore, Userset, evaluate};

/// Asks for the relations that the route requires, and for those that its policies are told of. Also where another
/// sign-in is wanted: nobody is sent for one that would not help.
///
/// # Errors
/// When the store does not answer.
pub(crate) async fn also<P: Platform>(
    ctx: &RequestContext<'_, P>,
    decision: Decision,
    asked: &PolicyQuestion<'_>,
    principal: &Principal,
    event: &mut Event,
) -> Result<(Decision, Vec<String>), Reason> {
    if matches!(decision, Decision::Deny(_)) {
        return Ok((decision, Vec::new()));
    }
    let questions = Questions::new(&ctx.site.config.relations, principal, asked.guard, &asked.matched.params);
    let found = match questions {
        Ok(None) => return Ok((decision, Vec::new())),
        Ok(Some(questions)) => cold(find_out(ctx.platform.tuples(), questions, event)).await.map_err(Reason::Store)?,
        Err(denial) => Err(denial),
    };
    Ok(match found {
        Ok(facts) => (decision, facts),
        Err(denial) => (Decision::Deny(denial), Vec::new()),
    })
}

/// The facts where all is met, or what is not.
///
/// # Errors
/// When the store does not answer.
pub(crate) async fn find_out<P: TupleStore>(
    store: &P,
    mut questions: Questions<'_>,
    event: &mut Event,
) -> Result<Result<Vec<String>, Denial>, StoreError> {
    let found = loop {
        match questions.step() {
            RelationStep::Met(facts) => break Ok(facts),
            RelationStep::Denied(denial) => break Err(denial),
            RelationStep::Read(reads) => {
                let answers = store.read_tuples(&reads).await?;
                questions.learn(reads, answers)?;
            }
        }
    };
    let (rounds, reads) = questions.cost();
    (event.relation_rounds, event.relation_reads) = (Some(rounds), Some(reads));
    Ok(found)
}

/// One question by itself: whether `subject` stands in the relation, in how many rounds and reads that was found. `known` is
/// what earlier questions of the same request have read, and used up of its budget.
///
/// # Errors
/// When the store does not answer.
pub(crate) async fn check<P: TupleStore>(
    store: &P,
    model: &Model,
    (userset, subject): (&Userset, &Subject),
    known: &mut KnownTuples,
) -> Result<(CheckResult, usize, usize), StoreError> {
    let (before, mut rounds) = (known.len(), 0);
    loop {
        let reads: Vec<Read> = match evaluate(model, known, userset, subject) {
            CheckResult::Wants(reads) => reads,
            outcome => return Ok((outcome, rounds, known.len() - before)),
        };
        let answers: Vec<TupleReply> = store.read_tuples(&reads).await?;
        if answers.len() != reads.len() {
            return Err(StoreError::Malformed);
        }
        reads.into_iter().zip(answers).for_each(|(read, answer)| known.learn(read, answer));
        rounds += 1;
    }
}
