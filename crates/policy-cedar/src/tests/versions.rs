//! Isolates, a store that answers from copies, and a clock that only the test moves.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use futures::executor::block_on;
use futures::future::{FutureExt, LocalBoxFuture};
use postern::policy::{
    ABSENT_AFTER, CompiledPolicies, Pointer, Policies, PolicyEngine, PolicyStanding, Pulled, pointer_key, version_key,
};
use postern::ports::{PolicyStore, StoreError};
use postern::time::{Seconds, Timestamp};
use proptest::prelude::*;

use super::super::testing::{Asking, bundle, set};
use super::super::{Cedar, engine};

/// How old a copy may be that the store answers from.
const LAG: i64 = 60;
/// After this long no isolate answers by a version that the store has stopped naming.
const BOUND: i64 = LAG + 60;

fn fresh() -> Policies {
    Policies::new(engine())
}

fn text(number: usize) -> String {
    format!("@id(\"version-{number}\")\npermit(principal, action, resource);")
}

/// What was written, and when; the last writing counts.
#[derive(Default)]
struct Store {
    written: RefCell<Vec<(i64, String, String)>>,
    now: Cell<i64>,
    /// How old the copies are that it answers from just now.
    lag: Cell<i64>,
    down: Cell<bool>,
    reads: Cell<usize>,
}

impl Store {
    fn write(&self, key: &str, text: String) {
        self.written.borrow_mut().push((self.now.get(), key.to_owned(), text));
    }

    /// Publishes a version, new or old: it first, then the pointer.
    fn publish(&self, number: usize, shadow: Option<usize>) -> Pointer {
        let versions = [Some(number), shadow].map(|number| {
            number.map(|number| {
                let bundle = bundle(&text(number));
                self.write(&version_key(&bundle.version()), bundle.to_text());
                bundle.version()
            })
        });
        let [live, shadow] = versions;
        let current = self.at(pointer_key(), i64::MAX).and_then(|text| Pointer::from_text(&text));
        let pointer = Pointer::after(current.as_ref(), live.unwrap(), shadow);
        self.write(pointer_key(), pointer.to_text());
        pointer
    }

    fn at(&self, key: &str, moment: i64) -> Option<String> {
        let written = self.written.borrow();
        let found = written.iter().rev().find(|(at, known, _)| *at <= moment && known == key);
        found.map(|(_, _, text)| text.clone())
    }
}

impl PolicyStore for Store {
    async fn published(&self, key: &str) -> Result<Option<String>, StoreError> {
        self.reads.set(self.reads.get() + 1);
        if self.down.get() {
            return Err(StoreError::unavailable("down"));
        }
        Ok(self.at(key, self.now.get() - self.lag.get()))
    }
}

/// What an isolate does with a request: which policy allowed it, if any did.
fn ask(policies: &Policies, store: &Store) -> Option<String> {
    let now = Timestamp::from_unix(store.now.get());
    let standing = policies.standing(now);
    if standing.pull {
        drop(block_on(policies.pull(store, now)));
    }
    let loaded = standing.loaded.or_else(|| policies.standing(now).loaded)?;
    let (decision, _) = loaded.decide(&Asking::default().input());
    assert_eq!(decision.version, loaded.pointer().live);
    assert!(decision.allows());
    decision.policies.first().cloned()
}

#[test]
fn without_a_version_nothing_is_allowed() {
    // R-193
    let (policies, store) = (fresh(), Store::default());
    assert_eq!(ask(&policies, &store), None);
    let failed = block_on(policies.pull(&store, Timestamp::from_unix(0))).unwrap_err();
    assert_eq!(failed.code(), "policy.none_published");
}

#[test]
fn a_new_version_counts_within_the_time_told_and_going_back_does_too() {
    // R-198
    let (policies, store) = (fresh(), Store::default());
    for (number, expected) in [(1, "version-1"), (2, "version-2"), (1, "version-1")] {
        store.publish(number, None);
        store.now.set(store.now.get() + 20);
        // Whoever finds that it is time is still answered by what is at hand.
        ask(&policies, &store);
        assert_eq!(ask(&policies, &store).as_deref(), Some(expected));
    }
    assert_eq!(Pointer::from_text(&store.at(pointer_key(), i64::MAX).unwrap()).unwrap().serial, 3);
}

#[test]
fn the_pointer_is_read_once_in_a_while_and_a_version_once() {
    let (policies, store) = (fresh(), Store::default());
    store.publish(1, None);
    for second in 0..20 {
        store.now.set(second);
        ask(&policies, &store);
    }
    assert_eq!(store.reads.get(), 2);
    store.now.set(20);
    ask(&policies, &store);
    assert_eq!(store.reads.get(), 3);
}

#[test]
fn one_request_pulls_and_the_others_go_on_meanwhile() {
    let (policies, store) = (fresh(), Store::default());
    store.publish(1, None);
    ask(&policies, &store);
    let stands = |policies: &Policies, now: i64| {
        let PolicyStanding { loaded, pull, awaited } = policies.standing(Timestamp::from_unix(now));
        (loaded.is_some(), pull, awaited)
    };
    assert_eq!(stands(&policies, 19), (true, false, false));
    assert_eq!(stands(&policies, 20), (true, true, true));
    assert_eq!(stands(&policies, 20), (true, false, true));
    assert_eq!(stands(&policies, 29), (true, false, true));
    assert_eq!(stands(&policies, 30), (true, true, true), "nobody waits for one that went away");
    // Where there are none as well, and whether it ended or was dropped in the middle.
    let policies = fresh();
    assert_eq!([stands(&policies, 0), stands(&policies, 0)], [(false, true, true), (false, false, true)]);
    let slow = Slow::default();
    assert!(policies.pull(&slow, Timestamp::from_unix(0)).now_or_never().is_none());
    assert_eq!(policies.pulls_ended(), 1);
    assert_eq!(stands(&policies, 1), (false, true, true));
}

#[test]
fn after_a_failure_nobody_asks_the_store_for_a_moment() {
    let (policies, store) = (fresh(), Store::default());
    for (now, reads) in [(0, 1), (1, 1), (2, 1), (3, 2)] {
        store.now.set(now);
        assert_eq!(ask(&policies, &store), None);
        assert_eq!((store.reads.get(), policies.trouble()), (reads, Some("policy.none_published")), "{now}");
    }
    store.publish(1, None);
    store.now.set(6);
    assert!(ask(&policies, &store).is_some());
    assert_eq!(policies.trouble(), None);
}

#[test]
fn a_store_that_does_not_answer_ends_in_a_no_and_not_before_the_time() {
    let (policies, store) = (fresh(), Store::default());
    store.publish(1, None);
    ask(&policies, &store);
    store.down.set(true);
    for (now, allowed) in [(20, true), (59, true), (60, false), (1000, false)] {
        store.now.set(now);
        assert_eq!(ask(&policies, &store).is_some(), allowed, "{now}");
    }
    store.down.set(false);
    store.now.set(1003);
    assert!(ask(&policies, &store).is_some());
}

#[test]
fn an_old_copy_of_the_pointer_takes_nobody_back() {
    let (policies, store) = (fresh(), Store::default());
    store.publish(1, None);
    store.now.set(100);
    store.publish(2, None);
    assert_eq!(ask(&policies, &store).as_deref(), Some("version-2"));
    store.now.set(130);
    store.lag.set(60);
    assert_eq!(ask(&policies, &store).as_deref(), Some("version-2"));
    let failed = block_on(policies.pull(&store, Timestamp::from_unix(130))).unwrap_err();
    assert_eq!(failed.code(), "policy.pointer_outdated");
}

#[test]
fn what_is_stored_under_a_wrong_name_or_is_none_does_not_count() {
    let at = Timestamp::from_unix(0);
    let pull = |store: &Store| block_on(fresh().pull(store, at)).map(|_| ()).unwrap_err().code();
    let (one, other) = (bundle(&text(1)), bundle(&text(2)));
    let store = Store::default();
    store.write(pointer_key(), Pointer::after(None, one.version(), None).to_text());
    assert_eq!(pull(&store), "policy.version_missing");
    store.write(&version_key(&one.version()), other.to_text());
    assert_eq!(pull(&store), "policy.version_mislabelled");
    store.write(&version_key(&one.version()), "{}".to_owned());
    assert_eq!(pull(&store), "policy.version_invalid");
    let unknown = bundle("permit(principal is Nobody, action, resource);");
    store.write(pointer_key(), Pointer::after(None, unknown.version(), None).to_text());
    store.write(&version_key(&unknown.version()), unknown.to_text());
    assert_eq!(pull(&store), "policy.version_invalid");
    for bad in ["", "{}", r#"{"serial":1,"live":"ABC"}"#, r#"{"serial":-1,"live":""}"#, &"x".repeat(2000)] {
        store.write(pointer_key(), bad.to_owned());
        assert_eq!(pull(&store), "policy.pointer_malformed", "{bad}");
    }
    store.down.set(true);
    assert_eq!(pull(&store), "policy.store_unavailable");
}

#[test]
fn what_was_checked_by_the_same_schema_is_not_checked_again_and_all_else_is() {
    // R-196
    let misfit = bundle("permit(principal is Nobody, action, resource);");
    let (store, good): (_, Rc<dyn CompiledPolicies>) = (Store::default(), Rc::new(set(&text(1))));
    store.write(&version_key(&misfit.version()), misfit.to_text());
    let pull = |pointer: &Pointer| {
        store.write(pointer_key(), pointer.to_text());
        block_on(fresh().pull(&store, Timestamp::from_unix(0))).map(|_| ()).map_err(|why| why.code())
    };
    let pointer = Pointer::after(None, misfit.version(), None);
    assert_eq!(pull(&pointer), Err("policy.version_invalid"));
    // Nobody vouches for a version by checking another one.
    assert_eq!(pull(&pointer.clone().vouching(&Cedar, None, &[good])), Err("policy.version_invalid"));
    // Somebody did who had no right to: it shows who is believed.
    let vouched = pointer.vouching(&Cedar, None, &[Cedar.parse_checked(&misfit).unwrap()]);
    assert_eq!(pull(&vouched), Ok(()));
    // What was said before of a version that stays is still true, and not of one that comes.
    let next = |live| Pointer::after(Some(&vouched), live, None);
    assert_eq!(pull(&next(misfit.version()).vouching(&Cedar, Some(&vouched), &[])), Ok(()));
    assert_eq!(pull(&next(misfit.version())), Err("policy.version_invalid"));
    // By another schema, or another release of Cedar, it counts for nothing.
    let ours = vouched.to_text();
    let other = ours.replace(Cedar.version().unwrap().as_str(), &"0".repeat(64));
    assert_ne!(ours, other);
    assert_eq!(pull(&Pointer::from_text(&other).unwrap()), Err("policy.version_invalid"));
}

#[test]
fn a_version_on_trial_decides_nothing_and_hinders_nobody() {
    let (policies, store) = (fresh(), Store::default());
    let pointer = store.publish(1, Some(2));
    let Pulled { loaded, changed, amiss } = block_on(policies.pull(&store, Timestamp::from_unix(0))).unwrap();
    assert!(changed && amiss.is_none());
    assert!(!block_on(policies.pull(&store, Timestamp::from_unix(0))).unwrap().changed);
    assert_eq!(loaded.pointer(), &pointer);
    let (decision, difference) = loaded.decide(&Asking::default().input());
    assert!(decision.allows() && difference.is_none());
    // One that denies is told of.
    let denies = bundle("");
    store.write(&version_key(&denies.version()), denies.to_text());
    store.write(pointer_key(), Pointer::after(Some(&pointer), pointer.live.clone(), Some(denies.version())).to_text());
    let Pulled { loaded, changed, .. } = block_on(policies.pull(&store, Timestamp::from_unix(1))).unwrap();
    assert!(changed);
    let (decision, difference) = loaded.decide(&Asking::default().input());
    assert!(decision.allows());
    assert_eq!(difference.unwrap().shadow.version, denies.version());
    // One that is not there is told of, too.
    let absent = bundle("forbid(principal, action, resource);").version();
    let next = Pointer::after(Some(loaded.pointer()), pointer.live, Some(absent));
    store.write(pointer_key(), next.to_text());
    let Pulled { loaded, amiss, .. } = block_on(policies.pull(&store, Timestamp::from_unix(2))).unwrap();
    assert_eq!(amiss.unwrap().code(), "policy.version_missing");
    assert_eq!(policies.trouble(), Some("policy.version_missing"));
    assert!(loaded.decide(&Asking::default().input()).0.allows());
}

#[derive(Clone, Debug)]
enum Step {
    Pass(i64),
    Lag(i64),
    Publish(usize),
    Down(bool),
    Ask(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0_i64..45).prop_map(Step::Pass),
        1 => (0..=LAG).prop_map(Step::Lag),
        2 => (1_usize..5).prop_map(Step::Publish),
        1 => any::<bool>().prop_map(Step::Down),
        5 => (0_usize..3).prop_map(Step::Ask),
    ]
}

/// A store whose answers come when the test lets them: what was asked first may be answered last.
#[derive(Default)]
struct Slow {
    store: Store,
    /// What each key's next reader gets, in the order of asking.
    gates: RefCell<Vec<Rc<Cell<bool>>>>,
}

impl PolicyStore for Slow {
    async fn published(&self, key: &str) -> Result<Option<String>, StoreError> {
        let answer = self.store.published(key).await;
        let gate = Rc::new(Cell::new(false));
        self.gates.borrow_mut().push(Rc::clone(&gate));
        futures::future::poll_fn(|_| if gate.get() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending })
            .await;
        answer
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn after_the_bound_no_isolate_answers_by_the_old_version(steps in proptest::collection::vec(step(), 1..60)) {
        // R-198
        let (store, isolates) = (Store::default(), [fresh(), fresh(), fresh()]);
        let mut named: Vec<(i64, String)> = Vec::new();
        for step in steps {
            let now = store.now.get();
            match step {
                Step::Pass(seconds) => store.now.set(now + seconds),
                Step::Lag(seconds) => store.lag.set(seconds),
                Step::Down(down) => store.down.set(down),
                Step::Publish(number) => {
                    store.publish(number, None);
                    named.push((now, format!("version-{number}")));
                }
                Step::Ask(isolate) => {
                    let Some(answer) = ask(&isolates[isolate], &store) else { continue };
                    // The version named at the beginning of the bound, and those named since.
                    let old = named.iter().rposition(|(at, _)| *at <= now - BOUND).unwrap_or(0);
                    let may = &named[old..];
                    prop_assert!(may.iter().any(|(_, name)| *name == answer), "{answer} at {now}: {named:?}");
                }
            }
        }
    }

    #[test]
    fn pulls_that_overlap_end_at_the_newest_in_whatever_order_they_end(
        begun in proptest::collection::vec((1_usize..5, any::<bool>()), 1..6), order in proptest::collection::vec(any::<prop::sample::Index>(), 40),
    ) {
        // R-198
        let (policies, slow) = (fresh(), Slow::default());
        let mut newest = 0;
        let mut pulls: Vec<LocalBoxFuture<'_, ()>> = Vec::new();
        for (second, (number, publishes)) in (0..).zip(&begun) {
            slow.store.now.set(second);
            if *publishes || second == 0 {
                newest = usize::try_from(slow.store.publish(*number, None).serial).unwrap();
            }
            let (policies, slow, began_at) = (&policies, &slow, Timestamp::from_unix(second));
            let mut pull = async move { drop(policies.pull(slow, began_at).await) }.boxed_local();
            prop_assert!((&mut pull).now_or_never().is_none());
            pulls.push(pull);
        }
        for index in order {
            let gates = slow.gates.borrow().clone();
            gates[index.index(gates.len())].set(true);
            pulls.retain_mut(|pull| pull.now_or_never().is_none());
        }
        for _ in 0..3 {
            slow.gates.borrow().iter().for_each(|gate| gate.set(true));
            pulls.retain_mut(|pull| pull.now_or_never().is_none());
        }
        prop_assert!(pulls.is_empty());
        let last = i64::try_from(begun.len()).unwrap() - 1;
        let loaded = policies.standing(Timestamp::from_unix(last)).loaded.unwrap();
        prop_assert_eq!(usize::try_from(loaded.pointer().serial).unwrap(), newest);
        // It counts from when the last reading of it began, not from when that ended.
        let bound = Timestamp::from_unix(last).plus(ABSENT_AFTER);
        prop_assert!(policies.standing(bound).loaded.is_none());
        prop_assert!(policies.standing(bound.minus(Seconds::new(1))).loaded.is_some());
    }
}

#[test]
fn every_version_that_tests_publish_is_another() {
    let names: BTreeMap<_, _> = (1..5).map(|number| (bundle(&text(number)).version(), number)).collect();
    assert_eq!(names.len(), 4);
}
