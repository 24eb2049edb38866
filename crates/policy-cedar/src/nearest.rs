//! Where nothing permits: the policies that come nearest to it, and for each the first condition that does not hold. Only
//! whoever explains a decision asks for that.

use cedar_policy::{Effect, Policy};
use cedar_policy_core::ast::{self, Expr, ExprKind, Literal, UnaryOp, ValueKind};
use cedar_policy_core::evaluator::Evaluator;
use cedar_policy_core::extensions::Extensions;
use cedar_policy_core::parser::Loc;
use postern::policy::{NearMiss, position};

use super::question::Question;

/// So many are told.
const MAX_TOLD: usize = 5;
/// The longest condition that is told, in characters.
const MAX_TEXT: usize = 300;

/// One policy, as far as it holds.
struct Tried {
    /// Whether it is for somebody else, and how many of its conditions do not hold or were not reached.
    far: (bool, usize),
    miss: NearMiss,
}

/// Those that are for such a resource and such an action; of several, those first of which the most holds.
pub(super) fn nearest(policies: &cedar_policy::PolicySet, question: &Question) -> Vec<NearMiss> {
    let request: &ast::Request = question.request.as_ref();
    let evaluator = Evaluator::new(request.clone(), question.entities.as_ref(), Extensions::all_available());
    let permitting = policies.policies().filter(|policy| policy.effect() == Effect::Permit);
    let mut tried: Vec<Tried> = permitting.filter_map(|policy| attempt(policy, &evaluator)).collect();
    tried.sort_by(|one, other| (one.far, &one.miss.policy).cmp(&(other.far, &other.miss.policy)));
    tried.into_iter().take(MAX_TOLD).map(|tried| tried.miss).collect()
}

/// `None` when it is for something else.
fn attempt(policy: &Policy, evaluator: &Evaluator<'_>) -> Option<Tried> {
    let tree: &ast::Policy = policy.as_ref();
    let holds = |condition: &Expr| {
        let value = evaluator.interpret(condition, tree.env()).ok();
        value.is_some_and(|value| matches!(value.value, ValueKind::Lit(Literal::Bool(true))))
    };
    let template = tree.template();
    if !holds(&template.resource_constraint().as_expr()) || !holds(&template.action_constraint().as_expr()) {
        return None;
    }
    let conditions = tree.non_scope_constraints().map(conjuncts).unwrap_or_default();
    let (failed, at, far) = if holds(&template.principal_constraint().as_expr()) {
        let failed = conditions.iter().position(|condition| !holds(condition))?;
        let condition = conditions.get(failed)?;
        let at = condition.source_loc().or_else(|| inner(condition)?.source_loc());
        (text(condition), at, (false, conditions.len() - failed))
    } else {
        (template.principal_constraint().to_string(), None, (true, conditions.len()))
    };
    let place = |at: &Loc| position(&at.src, at.start());
    let at = at.or_else(|| tree.loc()).map(place).unwrap_or((1, 1));
    let failed = Some(failed.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(MAX_TEXT).collect());
    Some(Tried { far, miss: NearMiss { policy: policy.id().to_string(), at, failed } })
}

/// `a && b && c`, and several `when` and `unless`, one by one and in their order.
fn conjuncts(condition: &Expr) -> Vec<&Expr> {
    let (mut open, mut all) = (vec![condition], Vec::new());
    while let Some(next) = open.pop() {
        match next.expr_kind() {
            ExprKind::And { left, right } => open.extend([right.as_ref(), left.as_ref()]),
            _ => all.push(next),
        }
    }
    all
}

/// What is negated.
fn inner(condition: &Expr) -> Option<&Expr> {
    match condition.expr_kind() {
        ExprKind::UnaryApp { op: UnaryOp::Not, arg } => Some(arg),
        _ => None,
    }
}

/// As it is written.
fn text(condition: &Expr) -> String {
    let written = |one: &Expr| one.source_loc().and_then(Loc::snippet).map(str::to_owned);
    match (written(condition), inner(condition)) {
        (own, Some(inner)) if own.as_ref().is_none_or(|text| !text.starts_with('!')) => {
            format!("unless {{ {} }}", written(inner).unwrap_or_else(|| inner.to_string()))
        }
        (own, _) => own.unwrap_or_else(|| condition.to_string()),
    }
}
