//! The runtime's clock.

use std::time::Duration;

use worker::Delay;

use postern::ports::{Clock, Timer};
use postern::time::{Seconds, Timestamp};

/// `Date.now()`. In production it stands still while a request computes and moves on with every answer from outside.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let seconds = (js_sys::Date::now() / 1000.0).floor();
        #[expect(clippy::cast_possible_truncation, reason = "seconds since 1970 fit into an i64")]
        Timestamp::from_unix(seconds as i64)
    }
}

/// `setTimeout()`.
impl Timer for SystemClock {
    async fn sleep(&self, milliseconds: u32) {
        Delay::from(Duration::from_millis(milliseconds.into())).await;
    }
}

/// A span in milliseconds. The longest wait a JavaScript timer knows is 2³¹ − 1 ms.
pub fn millis(span: Seconds) -> u32 {
    span.get().saturating_mul(1000).min(i32::MAX.unsigned_abs())
}
