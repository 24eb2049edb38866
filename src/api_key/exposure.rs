//! Keys where none belongs: in addresses, cookies and bodies, from where they come into logs and histories.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use super::text::{ApiKeyId, ApiKeyText, KeyPrefix};

/// How often a text is decoded that may be encoded again and again, as links to links are.
const ROUNDS: usize = 3;

/// The id of a key with this prefix that stands in a text, also where its signs are percent-encoded, once or a few times over.
/// Only what has the right check digits is one: nothing else is taken for a key by chance.
#[must_use]
pub fn find_exposed(text: &str, prefix: &KeyPrefix) -> Option<ApiKeyId> {
    let mut text = Cow::Borrowed(text);
    for _ in 0..ROUNDS {
        let plain = find(&text, prefix);
        if plain.is_some() || !text.contains('%') {
            return plain;
        }
        text = Cow::Owned(percent_decode_str(&text).decode_utf8_lossy().into_owned());
    }
    find(&text, prefix)
}

/// A prefix may begin within another one: `abab_` stands in `ababab_` too. So it is the sign behind it that is looked for.
fn find(text: &str, prefix: &KeyPrefix) -> Option<ApiKeyId> {
    text.match_indices('_').find_map(|(behind, _)| {
        let at = behind.checked_sub(prefix.as_str().len())?;
        let shown = text.get(at..at.checked_add(prefix.key_bytes())?)?;
        ApiKeyText::parse(shown, prefix).map(|key| key.id())
    })
}

#[cfg(test)]
mod tests {
    use base64ct::{Base64UrlUnpadded, Encoding};

    use super::*;
    use crate::api_key::HolderKey;
    use crate::keyring::KeyRing;
    use crate::ports::Random;

    struct Fixed;

    impl Random for Fixed {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(7);
        }
    }

    #[test]
    fn a_key_is_found_wherever_it_stands_and_nothing_else_is() {
        //
        let ring = KeyRing::parse(&format!("a:{}", Base64UrlUnpadded::encode_string(&[1; 32]))).unwrap();
        let acme = KeyPrefix::parse("acme").unwrap();
        let id = ApiKeyId::generate(&HolderKey::of_person("https://op.example", "alice"), &Fixed);
        let key = ApiKeyText::generate(id, &ring, &Fixed).expose(&acme).expose().clone();
        let encoded: String = key.bytes().map(|byte| format!("%{byte:02X}")).collect();
        for text in [
            key.clone(),
            format!("/orders?api_key={key}"),
            format!("/{key}/orders"),
            format!("a=acme_1; b=acmeacme_{key}; c=é"),
            format!("?k={}", key.replace('_', "%5F")),
            format!("?k={encoded}&x"),
            format!("?k={}", encoded.replace('%', "%25")),
            format!("?k={}", encoded.replace('%', "%2525")),
        ] {
            assert_eq!(find_exposed(&text, &acme), Some(id), "{text}");
        }
        let last = key.len() - 1;
        for text in [
            "",
            "acme",
            "/orders?api_key=acme_",
            key.get(..last).unwrap(),
            key.get(1..).unwrap(),
            &key.to_uppercase(),
            "acme_é%",
        ] {
            assert_eq!(find_exposed(text, &acme), None, "{text}");
        }
        assert_eq!(find_exposed(&key, &KeyPrefix::default()), None);
        let abab = KeyPrefix::parse("abab").unwrap();
        let key = ApiKeyText::generate(id, &ring, &Fixed).expose(&abab).expose().clone();
        for before in ["", "ab", "aba", "abab", "ababab_"] {
            assert_eq!(find_exposed(&format!("{before}{key}"), &abab), Some(id), "{before}");
        }
        // There is an end to it.
        let often = (0..9).fold(encoded, |text, _| text.replace('%', "%25"));
        assert_eq!(find_exposed(&often, &acme), None);
    }
}
