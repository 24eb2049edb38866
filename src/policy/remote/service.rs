//! The side where the engine is.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::client::EngineLine;
use super::message::{Answer, OfSet, PolicySource, Question};
use crate::policy::bundle::{Bundle, Version};
use crate::policy::engine::{Compiled, CompiledPolicies, PolicyEngine};

/// An engine that answers messages, with the policies that it was told to read.
#[derive(Debug)]
pub struct EngineService {
    engine: &'static dyn PolicyEngine,
    sets: RefCell<BTreeMap<Version, Kept>>,
}

/// Policies that were read, and how often.
#[derive(Debug)]
struct Kept {
    set: Rc<dyn CompiledPolicies>,
    uses: usize,
}

/// It can be asked where it is.
impl EngineLine for EngineService {
    fn ask(&self, question: &[u8]) -> Option<Vec<u8>> {
        Some(self.answer(question))
    }
}

impl EngineService {
    /// One that has read nothing.
    #[must_use]
    pub const fn new(engine: &'static dyn PolicyEngine) -> Self {
        Self { engine, sets: RefCell::new(BTreeMap::new()) }
    }

    /// The answer to a message of [`super::RemoteEngine`].
    #[must_use]
    pub fn answer(&self, question: &[u8]) -> Vec<u8> {
        let answer = postcard::from_bytes(question).map_or(Answer::Unreadable, |question| self.consider(question));
        postcard::to_allocvec(&answer).unwrap_or_default()
    }

    fn consider(&self, question: Question<'_>) -> Answer {
        match question {
            Question::Version => self.engine.version().map_or(Answer::Unreadable, Answer::Version),
            Question::Read(source) => self.read(&source),
            Question::UnknownNames { text, known } => match Bundle::from_text(&text) {
                Ok(bundle) => Answer::UnknownNames(self.engine.unknown_names(&bundle, known.as_deref())),
                Err(problem) => Answer::Problems(vec![problem]),
            },
            Question::Of(version, OfSet::Drop) => self.let_go(&version),
            Question::Of(version, asked) => {
                let set = self.sets.borrow().get(&*version).map(|kept| Rc::clone(&kept.set));
                set.map_or(Answer::Absent, |set| of(&*set, asked).unwrap_or(Answer::Unreadable))
            }
        }
    }

    fn read(&self, source: &PolicySource<'_>) -> Answer {
        match self.compiled(source) {
            Ok(set) => Answer::Read(self.keep(set)),
            Err(problems) => Answer::Problems(problems),
        }
    }

    fn compiled(&self, source: &PolicySource<'_>) -> Compiled {
        let bundle = |text| Bundle::from_text(text).map_err(|problem| vec![problem]);
        match source {
            PolicySource::BuiltIn => self.engine.built_in(),
            PolicySource::Text(text, false) => self.engine.parse(&bundle(text)?),
            PolicySource::Text(text, true) => self.engine.parse_checked(&bundle(text)?),
        }
    }

    fn keep(&self, set: Rc<dyn CompiledPolicies>) -> Version {
        let version = set.version().clone();
        let mut sets = self.sets.borrow_mut();
        sets.entry(version.clone()).or_insert(Kept { set, uses: 0 }).uses += 1;
        version
    }

    fn let_go(&self, version: &Version) -> Answer {
        let mut sets = self.sets.borrow_mut();
        if let Some(kept) = sets.get_mut(version) {
            kept.uses = kept.uses.saturating_sub(1);
            if kept.uses == 0 {
                sets.remove(version);
            }
        }
        Answer::Done
    }
}

/// `None` where the question cannot be put.
fn of(set: &dyn CompiledPolicies, asked: OfSet<'_>) -> Option<Answer> {
    Some(match asked {
        OfSet::Decide(message) => Answer::Decision(message.with(|input| set.decide(input))?),
        OfSet::Nearest(message) => Answer::Nearest(message.with(|input| set.nearest(input))?),
        OfSet::Manage(message) => Answer::Decision(message.with(|input| set.decide_management(input))?),
        OfSet::Evaluate(message) => Answer::Decision(set.evaluate(&message.into_evaluation())),
        OfSet::Managing => Answer::Managing(set.managing()?),
        OfSet::Rehearse => {
            set.rehearse();
            Answer::Done
        }
        OfSet::Drop => Answer::Done,
    })
}
