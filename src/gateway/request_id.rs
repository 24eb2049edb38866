//! The id of a request, and what its URL asks for.

use crate::ports::Random;

/// 80 random bits: enough to find one line in a log, short enough to read out.
pub(super) fn request_id(random: &impl Random) -> String {
    let mut bytes = [0; 10];
    random.fill(&mut bytes);
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
    digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
}
