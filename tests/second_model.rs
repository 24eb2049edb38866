//! Second factors of two people against a model of them: whatever happens in whatever order, some things never do.
#![cfg(not(target_arch = "wasm32"))]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "a test stops where it meets what it did not expect; the lints know #[test] functions only"
)]

#[path = "second_model/always.rs"]
mod always;
#[path = "second_model/model.rs"]
mod model;
#[path = "second_model/run.rs"]
mod run;
#[path = "support/stores.rs"]
mod stores;

use proptest::collection::vec;
use proptest::prelude::*;

use model::Op;
use run::Run;

/// Mostly one of the latest.
fn which() -> impl Strategy<Value = usize> {
    prop_oneof![6 => Just(0_usize), 3 => 1..3_usize, 1 => 3..8_usize]
}

fn op() -> impl Strategy<Value = Op> {
    let astray = || proptest::bool::weighted(0.05);
    prop_oneof![
        4 => (0..2_usize, 0..900_i64).prop_map(|(who, known_for)| Op::SignIn { who, known_for }),
        8 => (which(), any::<bool>(), astray())
            .prop_map(|(session, app, astray)| Op::Enrol { session, app, astray }),
        10 => (which(), which(), -3..3_i64, astray())
            .prop_map(|(session, factor, step, astray)| Op::ProveApp { session, factor, step, astray }),
        5 => which().prop_map(|session| Op::Guess { session }),
        8 => (which(), which(), 0..3_u32, astray())
            .prop_map(|(session, factor, count, astray)| Op::ProveKey { session, factor, count, astray }),
        5 => (which(), 0..30_usize, astray())
            .prop_map(|(session, code, astray)| Op::Recover { session, code, astray }),
        6 => (which(), which()).prop_map(|(session, factor)| Op::Remove { session, factor }),
        2 => which().prop_map(|session| Op::NewCodes { session }),
        1 => (0..2_usize).prop_map(|who| Op::Reset { who }),
        2 => which().prop_map(|session| Op::End { session }),
        1 => (0..2_usize).prop_map(|who| Op::EndAll { who }),
        1 => Just(Op::Sweep),
        8 => (0..120_i64).prop_map(|seconds| Op::Wait { seconds }),
        2 => (120..1000_i64).prop_map(|seconds| Op::Wait { seconds }),
        1 => Just(Op::NewKey),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    //
    #[test]
    fn whatever_happens_in_whatever_order(ops in vec(op(), 1..100)) {
        let mut run = Run::new();
        for op in &ops {
            run.step(op);
        }
        run.everything_goes();
    }
}
