//! An upstream's challenge says that a token is invalid only by a parameter of its own for bearers: nothing within quotes, of
//! another scheme or of another status says so, and whatever follows takes nothing back.

use postern::http::{HeaderMap, HeaderValue, StatusCode, header};
use postern::upstream::refuses_token;

/// What is read of a challenge.
const MAX_BYTES: usize = 4096;

pub fn check(data: &[u8]) {
    if says_so(data) {
        let text = String::from_utf8_lossy(data).to_ascii_lowercase();
        assert!(text.contains("bearer") && text.contains("error") && text.contains("invalid_token"));
        assert!(data.len() <= MAX_BYTES);
    }
    let visible = data.iter().all(|byte| (0x20..0x7f).contains(byte));
    if visible && data.len() < MAX_BYTES / 4 {
        let quoted: Vec<u8> = data.iter().flat_map(|byte| [b'\\', *byte]).collect();
        assert!(!says_so(&[b"Bearer realm=\"", &quoted[..], b"\""].concat()));
        assert!(says_so(&[b"Bearer error=\"invalid_token\", ", data].concat()));
        assert!(says_so(&[b"Bearer realm=\"", &quoted[..], b"\", error=invalid_token"].concat()));
    }
}

fn says_so(challenge: &[u8]) -> bool {
    let Ok(value) = HeaderValue::from_bytes(challenge) else { return false };
    let headers = HeaderMap::from_iter([(header::WWW_AUTHENTICATE, value)]);
    assert!(!refuses_token(StatusCode::FORBIDDEN, &headers));
    refuses_token(StatusCode::UNAUTHORIZED, &headers)
}
