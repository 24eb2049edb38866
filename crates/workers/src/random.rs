//! The runtime's random source.

use postern::ports::Random;

/// `crypto.getRandomValues()`.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    #[expect(clippy::expect_used, reason = "there is no safe way on without random bytes: the request ends in a 500")]
    fn fill(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("the runtime gives no random bytes");
    }
}
