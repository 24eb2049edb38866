//! A subject's object against a model of it: whatever happens in whatever order, some things never do.
#![cfg(not(target_arch = "wasm32"))]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "a test stops where it meets what it did not expect; the lints know #[test] functions only"
)]

#[path = "session_model/cached_table.rs"]
mod cached_table;
#[path = "session_model/grants.rs"]
mod grants;
#[path = "session_model/model.rs"]
mod model;
#[path = "session_model/run.rs"]
mod run;
#[path = "support/stores.rs"]
mod stores;

use proptest::collection::vec;
use proptest::prelude::*;

use model::{Op, Outcome};
use run::Run;

/// Mostly one of the latest, which are those alive.
fn which() -> impl Strategy<Value = usize> {
    prop_oneof![6 => Just(0_usize), 3 => 1..3_usize, 1 => 3..8_usize]
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        5 => (60..900_i64).prop_map(|life| Outcome::Renewed { life }),
        1 => Just(Outcome::Refused),
        1 => Just(Outcome::Mistrusted),
        1 => Just(Outcome::Unverified),
        2 => Just(Outcome::Failed),
        2 => Just(Outcome::Unknown),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        3 => (0..600_i64, proptest::option::weighted(0.3, which()), proptest::option::weighted(0.3, 0..2_u8))
            .prop_map(|(begun_ago, replaces, sid)| Op::Login { begun_ago, replaces, sid }),
        16 => (which(), proptest::bool::weighted(0.7), proptest::bool::weighted(0.8))
            .prop_map(|(session, touch, token)| Op::Check { session, touch, token }),
        8 => (which(), outcome()).prop_map(|(flight, outcome)| Op::Finish { flight, outcome }),
        1 => Just(Op::Crash),
        1 => which().prop_map(|session| Op::End { session }),
        1 => which().prop_map(|session| Op::EndOthers { session }),
        1 => which().prop_map(|session| Op::EndListed { session }),
        1 => (0..2_u8).prop_map(|sid| Op::EndSid { sid }),
        1 => proptest::option::of(0..900_i64).prop_map(|ago| Op::EndAll { ago }),
        1 => Just(Op::Sweep),
        10 => (0..700_i64).prop_map(|seconds| Op::Wait { seconds }),
        1 => (1000..9000_i64).prop_map(|seconds| Op::Wait { seconds }),
        1 => (1..6_i64).prop_map(|seconds| Op::Wait { seconds: -seconds }),
        1 => Just(Op::NewKey),
        2 => Just(Op::Rotate),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    //
    #[test]
    fn whatever_happens_in_whatever_order(rotating: bool, ops in vec(op(), 1..120)) {
        let mut run = Run::new(rotating);
        for op in &ops {
            run.step(op);
        }
        run.everybody_leaves();
    }
}

/// A request that wants a token after so long.
fn check_after(seconds: i64) -> [Op; 2] {
    [Op::Wait { seconds }, Op::Check { session: 0, touch: true, token: true }]
}

#[test]
fn a_token_that_was_reusable_has_a_successor_that_is_not() {
    // the provider begins to rotate, its next answer is good or cannot be checked, and the one after that is lost.
    for next in [Outcome::Renewed { life: 600 }, Outcome::Unverified] {
        let mut run = Run::new(false);
        let mut ops = vec![Op::Login { begun_ago: 0, replaces: None, sid: None }];
        for (place, outcome) in [Outcome::Renewed { life: 600 }, next, Outcome::Unknown].into_iter().enumerate() {
            ops.extend((place == 1).then_some(Op::Rotate));
            ops.extend(check_after(590));
            ops.push(Op::Finish { flight: 0, outcome });
        }
        ops.extend(check_after(400));
        for op in &ops {
            run.step(op);
        }
        run.everybody_leaves();
    }
}
