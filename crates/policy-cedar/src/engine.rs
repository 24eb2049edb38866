//! Cedar behind the traits of the core.

use std::collections::BTreeSet;
use std::rc::Rc;

use postern::authzen::Evaluation;
use postern::policy::{
    Bundle, Compiled, CompiledPolicies, KnownNames, ManagementInput, NearMiss, PolicyDecision, PolicyEngine,
    PolicyInput, UnknownName, Version,
};

use super::set::PolicySet;
use super::{management, names, rehearsal, schema};

/// Policies in Cedar.
#[derive(Clone, Copy, Debug)]
pub struct Cedar;

impl PolicyEngine for Cedar {
    fn parse(&self, bundle: &Bundle) -> Compiled {
        Ok(Rc::new(PolicySet::parse(bundle)?))
    }

    fn parse_checked(&self, bundle: &Bundle) -> Compiled {
        Ok(Rc::new(PolicySet::parse_checked(bundle)?))
    }

    fn unknown_names(&self, bundle: &Bundle, known: Option<&KnownNames>) -> Vec<UnknownName> {
        names::unknown(bundle, known)
    }

    fn built_in(&self) -> Compiled {
        let bundle = management::built_in().map_err(|problem| vec![problem])?;
        Ok(Rc::new(PolicySet::parse(&bundle)?))
    }

    fn version(&self) -> Option<Version> {
        Some(schema::version())
    }
}

impl CompiledPolicies for PolicySet {
    fn version(&self) -> &Version {
        self.version()
    }

    fn decide(&self, input: &PolicyInput<'_>) -> PolicyDecision {
        self.decide(input)
    }

    fn nearest(&self, input: &PolicyInput<'_>) -> Vec<NearMiss> {
        self.nearest(input)
    }

    fn evaluate(&self, evaluation: &Evaluation) -> PolicyDecision {
        self.evaluate(evaluation)
    }

    fn decide_management(&self, input: &ManagementInput<'_>) -> PolicyDecision {
        self.decide_management(input)
    }

    fn managing(&self) -> Option<BTreeSet<String>> {
        Some(self.managing())
    }

    fn rehearse(&self) {
        // What it says is of no interest.
        let _permitted = rehearsal::rehearse(self);
    }
}
