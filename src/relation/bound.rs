//! How many groups and parents a relation of an object may have: no more than a question looks at, or questions about it would
//! have no answer any more, also for those who stand in it now.

use super::{Change, MAX_FOUND, Read, Subject, Tuple, TupleQuery, TupleReply, Userset, distinct};

impl Change {
    /// What has to be read to tell whether it is [too many](Self::crowded).
    #[must_use]
    pub fn bounded(&self) -> Vec<Read> {
        distinct(self.add.iter().filter_map(|tuple| self.looked_at(tuple)))
    }

    /// The relations that it would fill with more groups, or more of what others are looked for by, than any question looks
    /// at. `answer`: what is there before the change.
    ///
    /// # Errors
    /// That of `answer`.
    pub fn crowded<E>(&self, mut answer: impl FnMut(&Read) -> Result<TupleReply, E>) -> Result<Vec<Userset>, E> {
        let mut crowded = Vec::new();
        for read in self.bounded() {
            if self.is_too_many(&read, &answer(&read)?) {
                crowded.push(read.userset);
            }
        }
        Ok(crowded)
    }

    fn is_too_many(&self, read: &Read, there: &TupleReply) -> bool {
        let is_meant = |tuple: &&Tuple| self.looked_at(tuple).as_ref() == Some(read);
        let is_removed =
            |subject: &&Subject| self.remove.iter().filter(is_meant).any(|tuple| tuple.subject == **subject);
        let stay: Vec<&Subject> = there.found.iter().filter(|subject| !is_removed(subject)).collect();
        let added = self.add.iter().filter(is_meant).map(|tuple| &tuple.subject);
        let added = distinct(added.filter(|subject| !stay.contains(subject)));
        !added.is_empty() && (there.more || stay.len() + added.len() > MAX_FOUND)
    }

    /// What a question reads when it comes by this tuple, and of which it looks at so many only.
    fn looked_at(&self, tuple: &Tuple) -> Option<Read> {
        let Tuple { userset, subject } = tuple;
        let wanted = match subject {
            Subject::Userset(_) => TupleQuery::Subjects { exactly: Vec::new(), usersets: true },
            Subject::Object(_) if self.parents.contains(&userset.relation) => TupleQuery::Objects,
            _ => return None,
        };
        Some(Read { userset: userset.clone(), wanted })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ChangeOutcome, Changed, MemoryTuples, Name, Object};
    use super::*;

    fn change(add: &[String], remove: &[String]) -> Change {
        let tuples = |all: &[String]| all.iter().map(|text| Tuple::parse(text).unwrap()).collect();
        Change {
            parents: vec![Name::parse("parent").unwrap()],
            add: tuples(add),
            remove: tuples(remove),
            ..Change::of(Object::parse("document:7").unwrap())
        }
    }

    #[test]
    fn a_store_holds_no_more_groups_and_parents_than_questions_look_at_whoever_changes_it() {
        //
        for pattern in ["document:7#viewer@group:#member", "document:7#parent@folder:"] {
            let named =
                |at: usize| pattern.replacen(":#", &format!(":g{at}#"), 1).replace("folder:", &format!("folder:f{at}"));
            let (full, mut tuples) = ((0..MAX_FOUND).map(named).collect::<Vec<_>>(), MemoryTuples::default());
            for some in full.chunks(100) {
                assert!(matches!(tuples.change(&change(some, &[])), ChangeOutcome::Made(_)));
            }
            let before = format!("{tuples:?}");
            let (new, old) = ([named(MAX_FOUND)], [named(0)]);
            let relation = Userset::parse(old[0].split('@').next().unwrap()).unwrap();
            assert_eq!(tuples.change(&change(&new, &[])), ChangeOutcome::Crowded(vec![relation]));
            assert_eq!(format!("{tuples:?}"), before);
            // What is there is none more, and one may take the place of another.
            let is_new = |outcome| matches!(outcome, ChangeOutcome::Made(Changed { added, .. }) if added == [true]);
            assert!(!is_new(tuples.change(&change(&old, &[]))));
            assert!(is_new(tuples.change(&change(&new, &old))));
        }
    }

    #[test]
    fn people_and_things_that_lead_nowhere_are_not_counted() {
        let mut tuples = MemoryTuples::default();
        for pattern in ["document:7#viewer@user:", "document:7#related@document:"] {
            for at in 0..=MAX_FOUND {
                let one = [format!("{pattern}u{at}")];
                assert!(matches!(tuples.change(&change(&one, &[])), ChangeOutcome::Made(_)));
            }
        }
    }
}
