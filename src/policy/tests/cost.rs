//! What a decision costs: `cargo test --features policies -- --ignored --nocapture policy::tests::cost`.

use std::time::Instant;

use super::super::testing::{Asking, bundle};
use super::super::*;

/// Each for a route of its own, with the conditions that people write, and one in ten for all of them.
fn policies(count: usize) -> String {
    let one = |number: usize| {
        match number % 10 {
        0 => format!(
            "@id(\"all-{number}\") forbid(principal, action, resource)
             unless {{ context.authentication.amr.contains(\"otp\") && context has address && \
             context.address.isInRange(ip(\"203.0.113.0/24\")) }};"
        ),
        1 => format!("@id(\"roles-{number}\") permit(principal in Role::\"viewer\", action in Action::\"read\", resource);"),
        _ => format!(
            "@id(\"one-{number}\") permit(principal is Human, action == Action::\"GET\", resource in Route::\"/api/{number}/{{id}}\")
             when {{ principal.hasTag(\"department\") && principal.getTag(\"department\").contains(\"sales\") && \
             context.utc.hour >= 8 }};"
        ),
    }
    };
    (0..count).map(one).collect::<Vec<_>>().join("\n")
}

#[test]
#[ignore = "measures, and proves nothing"]
fn of_reading_and_of_deciding() {
    let asking = Asking::in_full();
    for count in [10, 100] {
        let bundle = bundle(&policies(count));
        let began = Instant::now();
        let set = PolicySet::parse(&bundle).unwrap();
        let reading = began.elapsed();
        assert!(set.decide(&asking.input()).allows());
        let mut rounds: Vec<_> = (0..2000)
            .map(|_| {
                let began = Instant::now();
                std::hint::black_box(set.decide(&asking.input()));
                began.elapsed()
            })
            .collect();
        rounds.sort();
        println!(
            "{count} policies: read and checked in {reading:?}, a decision in {:?} (median of 2000)",
            rounds[1000]
        );
    }
}
