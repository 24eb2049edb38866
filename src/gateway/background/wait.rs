//! Waiting for work that goes on beside a request.
//!
//! By looking again: on Workers a request must not wait for what belongs to another.

use crate::ports::Timer;

const SHORTEST_PAUSE_MS: u32 = 5;
const LONGEST_PAUSE_MS: u32 = 50;

/// Waits until `count`, which counts what has come to an end, is no longer what it was `before`. False if that
/// takes longer than `patience` milliseconds.
pub(crate) async fn wait_for_change(timer: &impl Timer, before: u32, count: impl Fn() -> u32, patience: u32) -> bool {
    let mut waited = 0;
    while waited < patience {
        let pause = SHORTEST_PAUSE_MS.saturating_add(waited / 4).min(LONGEST_PAUSE_MS);
        timer.sleep(pause).await;
        waited = waited.saturating_add(pause);
        if count() != before {
            return true;
        }
    }
    false
}
