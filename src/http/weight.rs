//! The weights by which a request says what it prefers (RFC 9110 §12.4.2).

/// `1`, `0.8`, `0.25` in thousandths; `None` when it is no weight.
pub(super) fn thousandths(weight: &str) -> Option<u16> {
    let (whole, part) = weight.split_once('.').unwrap_or((weight, ""));
    if part.len() > 3 || !part.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let part: u16 = format!("{part:0<3}").parse().ok()?;
    match whole {
        "0" => Some(part),
        "1" => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weight_has_three_places_and_is_no_more_than_one() {
        for (weight, expected) in
            [("1", 1000), ("1.000", 1000), ("0.8", 800), ("0.25", 250), ("0.001", 1), ("0", 0), ("0.", 0)]
        {
            assert_eq!(thousandths(weight), Some(expected), "{weight}");
        }
        for odd in ["", "x", "2", "-1", "0.1234", "0.-1", "1e1", "inf", "NaN", ".5"] {
            assert_eq!(thousandths(odd), None, "{odd}");
        }
    }
}
