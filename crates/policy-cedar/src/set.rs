//! A version's files → policies that have met the schema, and the decisions they make.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::{
    AuthorizationError, Authorizer, Decision, Policy, PolicyId, Response, ValidationError, ValidationMode,
    ValidationWarning, Validator,
};
use postern::authzen::Evaluation;
use postern::policy::{
    Bundle, Cause, Failure, ManagementInput, NearMiss, PolicyDecision, PolicyInput, PolicyProblem, PolicyStepUp,
    PolicyVerdict, Version, position,
};

use super::domain::Domain;
use super::limits::{self, MAX_POLICIES};
use super::question::Question;
use super::reads::Reads;
use super::schema::{self, Names};
use super::slices::Slices;
use super::{management, names, nearest, problem, step_up};

/// The longest name of a policy, in bytes; that of a file and a line is shorter.
const MAX_NAME: usize = 140;
/// The longest account of a failure that is kept, in characters.
const MAX_MESSAGE: usize = 300;

/// The policies of one version. They have met the schema, here or where they were published: there is no other way to
/// make one.
///
/// What decides is which policies there are; neither the order of the files nor that inside them matters.
#[derive(Debug)]
pub struct PolicySet {
    version: Version,
    names: Names,
    /// The files that declare types and actions beside ours.
    schemas: Vec<(String, String)>,
    /// What services may ask about. Where the files were checked elsewhere it is read when the first service asks, for
    /// that takes longer than all else.
    domain: OnceCell<Result<Domain, String>>,
    authorizer: Authorizer,
    /// What they may look at.
    reads: Reads,
    /// Those about requests for routes, and what services ask about.
    all: cedar_policy::PolicySet,
    /// The same, for requests.
    slices: Slices,
    /// Those about management.
    managing: cedar_policy::PolicySet,
    /// What the policies that another sign-in would satisfy ask for.
    step_ups: BTreeMap<String, PolicyStepUp>,
    /// All but those.
    rest: cedar_policy::PolicySet,
}

/// A policy, and where it begins.
pub(super) struct Found<'a> {
    pub(super) policy: Policy,
    pub(super) file: &'a str,
    pub(super) text: &'a str,
    pub(super) start: usize,
}

impl PolicySet {
    /// Reads all files and checks them against the schema, strictly.
    ///
    /// # Errors
    /// Everything that is wrong with them, by place.
    pub fn parse(bundle: &Bundle) -> Result<Self, Vec<PolicyProblem>> {
        Self::read(bundle, false)
    }

    /// The same for files that have met this very schema before: checking is two thirds of the work.
    ///
    /// # Errors
    /// The same, but for what the schema would say.
    pub(super) fn parse_checked(bundle: &Bundle) -> Result<Self, Vec<PolicyProblem>> {
        Self::read(bundle, true)
    }

    fn read(bundle: &Bundle, is_checked: bool) -> Result<Self, Vec<PolicyProblem>> {
        let mut problems = Vec::new();
        let mut found = Vec::new();
        let (schemas, policies): (Vec<_>, Vec<_>) = bundle.files().partition(|(file, _)| schema::is_schema(file));
        // Without a schema, nothing can be said of policies.
        let schema = if is_checked { None } else { Some(schema::read(schemas.iter().copied())?) };
        let validator = schema.map(Validator::new);
        let texts: Vec<&str> = policies.iter().map(|(_, text)| *text).collect();
        if !is_checked && let Some(why) = limits::laborious(&texts, schema::combinations(&schemas)?) {
            return Err(of_all(why));
        }
        for (file, text) in policies {
            match read_file(file, text) {
                Ok(policies) => found.extend(policies),
                Err(wrong) => problems.extend(wrong),
            }
        }
        if found.len() > MAX_POLICIES {
            return Err(of_all(format!("expected at most {MAX_POLICIES} policies, found {}", found.len())));
        }
        let clashes = misnamed(&found);
        // Cedar takes no two policies of one name: then what the schema says of them has to wait.
        problems.extend(match &validator {
            _ if !clashes.is_empty() => clashes,
            Some(validator) => misfits(&found, validator)?,
            None => Vec::new(),
        });
        let step_ups = step_ups(&found, &mut problems);
        if problems.is_empty() {
            let domain = validator.map(|validator| Domain::of(validator.schema())).transpose().map_err(of_all)?;
            let reads = Reads::of(&texts, names::permissions(&found));
            let set = Self::of(bundle.version(), found, step_ups, reads)?;
            let schemas = schemas.into_iter().map(|(file, text)| (file.to_owned(), text.to_owned())).collect();
            return Ok(Self { schemas, domain: domain.map(Ok).map_or_else(OnceCell::new, OnceCell::from), ..set });
        }
        problems.sort();
        problems.dedup();
        Err(problems)
    }

    fn of(
        version: Version,
        found: Vec<Found<'_>>,
        step_ups: BTreeMap<String, PolicyStepUp>,
        reads: Reads,
    ) -> Result<Self, Vec<PolicyProblem>> {
        let stays = |policy: &Policy| !step_ups.contains_key::<str>(policy.id().as_ref());
        let policies = found.into_iter().map(|found| found.policy);
        let (managing, policies): (Vec<Policy>, Vec<Policy>) = policies.partition(management::is_about);
        let managing = together(managing)?;
        let rest = together(policies.iter().filter(|policy| stays(policy)).cloned())?;
        let names = Names::new().map_err(of_all)?;
        let slices = Slices::new(&policies, &names).map_err(of_all)?;
        let all = together(policies)?;
        let (authorizer, schemas, domain) = (Authorizer::new(), Vec::new(), OnceCell::new());
        Ok(Self { version, names, schemas, domain, authorizer, reads, all, slices, managing, step_ups, rest })
    }

    /// The version that this is.
    #[must_use]
    pub const fn version(&self) -> &Version {
        &self.version
    }

    /// The number of policies.
    #[must_use]
    pub fn len(&self) -> usize {
        self.all.num_of_policies() + self.managing.num_of_policies()
    }

    /// Whether there is none: then everything is denied.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The policies about management, each as it is written.
    pub(super) fn managing(&self) -> BTreeSet<String> {
        self.managing.policies().filter_map(Policy::to_cedar).collect()
    }

    /// Decides: pure, and the same for the same input.
    #[must_use]
    pub fn decide(&self, input: &PolicyInput<'_>) -> PolicyDecision {
        match Question::new(input, &self.names, &self.reads) {
            Ok(question) => self.answer(&question, self.slices.about(input.principal.roles, input.resource.route)),
            Err(message) => self.unanswerable(Cause::Unanswerable, &message),
        }
    }

    /// The same with every fact there is, by all policies: what this one runs, a decision runs a part of.
    #[must_use]
    pub fn decide_whole(&self, input: &PolicyInput<'_>) -> PolicyDecision {
        match Question::new(input, &self.names, &self.reads.whole()) {
            Ok(question) => self.answer(&question, [&self.all]),
            Err(message) => self.unanswerable(Cause::Unanswerable, &message),
        }
    }

    /// Where nothing permits it: the policies that come nearest to it, the nearest first.
    #[must_use]
    pub fn nearest(&self, input: &PolicyInput<'_>) -> Vec<NearMiss> {
        let question = Question::new(input, &self.names, &self.reads.whole());
        question.map(|question| nearest::nearest(&self.all, &question)).unwrap_or_default()
    }

    /// The same about management, by the policies whose scope says that they are about it.
    #[must_use]
    pub fn decide_management(&self, input: &ManagementInput<'_>) -> PolicyDecision {
        match Question::about_management(input, &self.names, &self.reads.whole()) {
            Ok(question) => self.answer(&question, [&self.managing]).without_step_up(),
            Err(message) => self.unanswerable(Cause::Unanswerable, &message),
        }
    }

    /// The same for what a service asks.
    #[must_use]
    pub fn evaluate(&self, evaluation: &Evaluation) -> PolicyDecision {
        match self.domain.get_or_init(|| self.read_domain()).as_ref().map(|domain| domain.question(evaluation)) {
            Ok(Ok(question)) => self.answer(&question, [&self.all]),
            Ok(Err(unfit)) => self.unanswerable(Cause::Unfit(unfit.part), &unfit.message),
            Err(why) => self.unanswerable(Cause::Unanswerable, why),
        }
    }

    fn read_domain(&self) -> Result<Domain, String> {
        let files = self.schemas.iter().map(|(file, text)| (file.as_str(), text.as_str()));
        let schema =
            schema::read(files).map_err(|problems| problems.iter().map(ToString::to_string).collect::<String>())?;
        Domain::of(&schema)
    }

    fn answer<'a>(
        &self,
        question: &Question,
        by: impl IntoIterator<Item = &'a cedar_policy::PolicySet>,
    ) -> PolicyDecision {
        let mut said = Said::default();
        for set in by {
            said.add(&self.authorizer.is_authorized(&question.request, set, &question.entities));
        }
        let verdict = self.verdict(&said, question);
        let Said { permitting, forbidding, failures } = said;
        let policies = if forbidding.is_empty() { permitting } else { forbidding };
        self.decision(verdict, policies.into_iter().collect(), failures.into_iter().collect())
    }

    fn unanswerable(&self, cause: Cause, message: &str) -> PolicyDecision {
        let failure = Failure { policy: String::new(), message: shortened(message) };
        self.decision(PolicyVerdict::Deny(cause), Vec::new(), vec![failure])
    }

    /// Cedar goes on without a policy that it cannot evaluate; here that is a no.
    fn verdict(&self, said: &Said, question: &Question) -> PolicyVerdict {
        if !said.failures.is_empty() {
            return PolicyVerdict::Deny(Cause::Failed);
        }
        match (said.permitting.is_empty(), said.forbidding.is_empty()) {
            (false, true) => PolicyVerdict::Allow,
            (true, true) => PolicyVerdict::Deny(Cause::NothingPermits),
            (_, false) => self
                .step_up(question, &said.forbidding)
                .map_or(PolicyVerdict::Deny(Cause::Forbidden), PolicyVerdict::StepUp),
        }
    }

    /// What sign-in would make it a yes: there is one where all that forbids says which, and all else permits.
    fn step_up(&self, question: &Question, forbidding: &BTreeSet<String>) -> Option<PolicyStepUp> {
        let wanted: Vec<&PolicyStepUp> =
            forbidding.iter().map(|policy| self.step_ups.get(policy)).collect::<Option<_>>()?;
        let without = self.authorizer.is_authorized(&question.request, &self.rest, &question.entities);
        let permitted = without.decision() == Decision::Allow && without.diagnostics().errors().next().is_none();
        permitted.then(|| PolicyStepUp::of_all(wanted.into_iter()))
    }

    fn decision(&self, verdict: PolicyVerdict, policies: Vec<String>, failures: Vec<Failure>) -> PolicyDecision {
        PolicyDecision { verdict, policies, failures, version: self.version.clone() }
    }
}

/// What several parts of one set say, put together as Cedar would have put it.
#[derive(Debug, Default)]
struct Said {
    /// Those that permit; of a part with some that forbid, none are told.
    permitting: BTreeSet<String>,
    forbidding: BTreeSet<String>,
    failures: BTreeSet<Failure>,
}

impl Said {
    fn add(&mut self, response: &Response) {
        let by = match response.decision() {
            Decision::Allow => &mut self.permitting,
            Decision::Deny => &mut self.forbidding,
        };
        by.extend(response.diagnostics().reason().map(ToString::to_string));
        self.failures.extend(response.diagnostics().errors().map(failure));
    }
}

pub(super) fn read_file<'a>(file: &'a str, text: &'a str) -> Result<Vec<Found<'a>>, Vec<PolicyProblem>> {
    if let Some((at, why)) = limits::excess(text) {
        return Err(vec![PolicyProblem::at(file, text, at, why)]);
    }
    let set: cedar_policy::PolicySet = text.parse().map_err(|errors: cedar_policy::ParseErrors| {
        errors.iter().map(|error| problem::found(file, text, 0, error)).collect::<Vec<_>>()
    })?;
    if let Some(template) = set.templates().next() {
        let start = text.find(&template.to_cedar()).unwrap_or_default();
        let why = "a template: `?principal` and `?resource` have nothing to stand for here";
        return Err(vec![PolicyProblem::at(file, text, start, why)]);
    }
    Ok(placed(&set, file, text))
}

/// Cedar numbers policies as they stand in the text; here each has a name for people.
fn placed<'a>(set: &cedar_policy::PolicySet, file: &'a str, text: &'a str) -> Vec<Found<'a>> {
    let mut after = 0;
    let mut found = Vec::new();
    for number in 0..set.num_of_policies() {
        let Some(policy) = set.policy(&PolicyId::new(format!("policy{number}"))) else { continue };
        let source = policy.to_cedar().unwrap_or_default();
        let start = text.get(after..).and_then(|rest| rest.find(&source)).map_or(after, |at| after + at);
        after = start + source.len();
        let name = match step_up::annotation(policy, "id").filter(|id| !id.is_empty()) {
            Some(id) => id.to_owned(),
            None => format!("{file}:{}", position(text, start).0),
        };
        found.push(Found { policy: policy.new_id(PolicyId::new(name)), file, text, start });
    }
    found
}

/// Names that no log can tell apart, or hold.
fn misnamed(found: &[Found<'_>]) -> Vec<PolicyProblem> {
    let is_long = |found: &&Found<'_>| {
        let name: &str = found.policy.id().as_ref();
        name.len() > MAX_NAME || name.chars().any(char::is_control)
    };
    if let Some(found) = found.iter().find(is_long) {
        return vec![found.problem(format!("expected at most {MAX_NAME} printable bytes in `@id`"))];
    }
    let mut seen = BTreeSet::new();
    let repeated = found.iter().filter(|found| !seen.insert(found.policy.id()));
    repeated.map(|found| found.problem(format!("another policy is called `{}`", found.policy.id()))).collect()
}

/// What the schema says of them: of those about management, the one with management in it.
fn misfits(found: &[Found<'_>], validator: &Validator) -> Result<Vec<PolicyProblem>, Vec<PolicyProblem>> {
    let (managing, others): (Vec<&Found<'_>>, Vec<_>) = found.iter().partition(|one| management::is_about(&one.policy));
    let mut problems = misfits_of(&others, validator)?;
    let two_minds = managing.iter().filter(|one| management::is_of_two_minds(&one.policy));
    problems
        .extend(two_minds.map(|one| one.problem("about requests and about management: write it as two".to_owned())));
    if !managing.is_empty() {
        let validator = Validator::new(schema::read_with_management().map_err(of_all)?);
        problems.extend(misfits_of(&managing, &validator)?);
    }
    Ok(problems)
}

fn misfits_of(found: &[&Found<'_>], validator: &Validator) -> Result<Vec<PolicyProblem>, Vec<PolicyProblem>> {
    let set = together(found.iter().map(|found| found.policy.clone()))?;
    let result = validator.validate(&set, ValidationMode::Strict);
    let place = |id: &PolicyId| found.iter().find(|found| found.policy.id() == id);
    let wrong: BTreeSet<&PolicyId> = result.validation_errors().map(ValidationError::policy_id).collect();
    let errors = result.validation_errors().filter_map(|error| Some(place(error.policy_id())?.diagnosed(error)));
    // A policy that can never hold, or a name that looks like another, is never meant; text in two scripts may be.
    let meant = |one: &&ValidationWarning| matches!(one, ValidationWarning::MixedScriptString(_));
    let warnings = result.validation_warnings().filter(|one| !meant(one) && !wrong.contains(one.policy_id()));
    let warnings = warnings.filter_map(|one| Some(place(one.policy_id())?.diagnosed(one)));
    Ok(errors.chain(warnings).collect())
}

fn step_ups(found: &[Found<'_>], problems: &mut Vec<PolicyProblem>) -> BTreeMap<String, PolicyStepUp> {
    let mut all = BTreeMap::new();
    for one in found {
        match step_up::read(&one.policy) {
            Ok(step_up) => all.extend(step_up.map(|step_up| (one.policy.id().to_string(), step_up))),
            Err(why) => problems.push(one.problem(why)),
        }
    }
    all
}

impl Found<'_> {
    fn problem(&self, message: String) -> PolicyProblem {
        PolicyProblem::at(self.file, self.text, self.start, message)
    }

    fn diagnosed(&self, diagnostic: &dyn miette::Diagnostic) -> PolicyProblem {
        problem::found(self.file, self.text, self.start, diagnostic)
    }
}

fn together(policies: impl IntoIterator<Item = Policy>) -> Result<cedar_policy::PolicySet, Vec<PolicyProblem>> {
    cedar_policy::PolicySet::from_policies(policies).map_err(|error| of_all(error.to_string()))
}

/// What no file in particular is to blame for. The caller has no policies, and denies.
fn of_all(message: String) -> Vec<PolicyProblem> {
    vec![PolicyProblem::of_all(message)]
}

fn failure(error: &AuthorizationError) -> Failure {
    let AuthorizationError::PolicyEvaluationError(error) = error;
    Failure { policy: error.policy_id().to_string(), message: shortened(&error.inner().to_string()) }
}

fn shortened(message: &str) -> String {
    message.chars().take(MAX_MESSAGE).collect()
}
