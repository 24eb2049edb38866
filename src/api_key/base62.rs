//! Numbers in the 62 digits `0-9A-Za-z`, the most significant first and always as many: no two texts mean one number.

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// `bytes`, one big-endian number, in `length` digits. What does not fit is cut off at the front: the caller knows that all fits.
pub(super) fn encode(bytes: &[u8], length: usize) -> String {
    let mut number = bytes.to_vec();
    let mut digits = vec![b'0'; length];
    for place in digits.iter_mut().rev() {
        let mut rest = 0_u32;
        for byte in &mut number {
            let value = (rest << 8) | u32::from(*byte);
            *byte = u8::try_from(value / 62).unwrap_or_default();
            rest = value % 62;
        }
        *place = usize::try_from(rest).ok().and_then(|rest| DIGITS.get(rest)).copied().unwrap_or(b'0');
    }
    zeroize::Zeroize::zeroize(&mut number);
    String::from_utf8(digits).unwrap_or_default()
}

/// The number as `N` big-endian bytes; `None` where a sign is no digit, or the number needs more bytes.
pub(super) fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut number = [0_u8; N];
    for sign in text.bytes() {
        let mut carry = u32::from(value(sign)?);
        for byte in number.iter_mut().rev() {
            let next = u32::from(*byte) * 62 + carry;
            *byte = next.to_be_bytes()[3];
            carry = next >> 8;
        }
        if carry != 0 {
            return None;
        }
    }
    Some(number)
}

const fn value(sign: u8) -> Option<u8> {
    match sign {
        b'0'..=b'9' => Some(sign - b'0'),
        b'A'..=b'Z' => Some(sign - b'A' + 10),
        b'a'..=b'z' => Some(sign - b'a' + 36),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_ends_of_the_range_are_exact() {
        assert_eq!(encode(&[0; 32], 43), "0".repeat(43));
        assert_eq!(decode::<32>(&encode(&[255; 32], 43)), Some([255; 32]));
        assert_eq!(encode(&[0, 0, 0, 61], 6), "00000z");
        assert_eq!(encode(&u32::MAX.to_be_bytes(), 6), "4gfFC3");
        // One more than fits.
        assert_eq!(decode::<4>("4gfFC4"), None);
        assert_eq!(decode::<32>(&"z".repeat(43)), None);
        for bad in ["-", "_", "é", " ", "0 "] {
            assert_eq!(decode::<4>(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn each_number_has_one_text(bytes: [u8; 32], other: [u8; 32]) {
            let text = encode(&bytes, 43);
            prop_assert!(text.len() == 43 && text.bytes().all(|byte| byte.is_ascii_alphanumeric()));
            prop_assert_eq!(decode::<32>(&text), Some(bytes));
            prop_assert_eq!(text == encode(&other, 43), bytes == other);
        }

        #[test]
        fn each_text_that_is_read_is_that_number_s(text in "[0-9A-Za-z]{43}") {
            if let Some(bytes) = decode::<32>(&text) {
                prop_assert_eq!(encode(&bytes, 43), text);
            }
        }
    }
}
