//! `Accept-Language` → one of the languages that our pages speak (RFC 9110 §12.5.4).

use crate::http::{HeaderMap, header, weight};

/// What comes after these ranges, or this many bytes, is not looked at.
const MAX_RANGES: usize = 16;
const MAX_BYTES: usize = 512;

/// A language that our pages speak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Language {
    /// English, which is part of the Worker.
    #[default]
    English,
    /// German.
    German,
    /// French.
    French,
    /// Spanish.
    Spanish,
    /// Portuguese.
    Portuguese,
    /// Japanese.
    Japanese,
    /// Arabic, from right to left.
    Arabic,
}

impl Language {
    /// All of them, English first.
    pub const ALL: [Self; 7] =
        [Self::English, Self::German, Self::French, Self::Spanish, Self::Portuguese, Self::Japanese, Self::Arabic];

    /// Its tag (RFC 5646).
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
            Self::French => "fr",
            Self::Spanish => "es",
            Self::Portuguese => "pt",
            Self::Japanese => "ja",
            Self::Arabic => "ar",
        }
    }

    /// The direction of its script, as HTML says it.
    #[must_use]
    pub const fn direction(self) -> &'static str {
        if matches!(self, Self::Arabic) { "rtl" } else { "ltr" }
    }

    /// The language of this tag.
    #[must_use]
    pub fn of_tag(tag: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.tag().eq_ignore_ascii_case(tag))
    }

    /// The one of `offered` that the request prefers; the first of them if it prefers none.
    #[must_use]
    pub fn preferred(headers: &HeaderMap, offered: &[Self]) -> Self {
        let lines = headers.get_all(header::ACCEPT_LANGUAGE).iter().filter_map(|line| line.to_str().ok());
        let ranges = lines.flat_map(|line| line.get(..MAX_BYTES).unwrap_or(line).split(',')).take(MAX_RANGES);
        let mut best = None;
        for (language, weight) in ranges.filter_map(|range| wanted(range, offered)) {
            if weight > 0 && best.is_none_or(|(_, known)| weight > known) {
                best = Some((language, weight));
            }
        }
        best.map(|(language, _)| language).or_else(|| offered.first().copied()).unwrap_or_default()
    }
}

/// The language of a range such as `de-AT;q=0.8`, and its weight in thousandths.
fn wanted(range: &str, offered: &[Language]) -> Option<(Language, u16)> {
    let mut parts = range.split(';').map(str::trim);
    let primary = parts.next()?.split('-').next()?;
    let language = if primary == "*" { offered.first().copied() } else { Language::of_tag(primary) };
    let weight = parts
        .find_map(|parameter| parameter.strip_prefix("q=").or_else(|| parameter.strip_prefix("Q=")))
        .map_or(Some(1000), weight::thousandths)?;
    Some((language.filter(|language| offered.contains(language))?, weight))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::HeaderValue;

    fn preferred(accept: &str, offered: &[Language]) -> &'static str {
        let headers = HeaderMap::from_iter([(header::ACCEPT_LANGUAGE, HeaderValue::from_str(accept).unwrap())]);
        Language::preferred(&headers, offered).tag()
    }

    #[test]
    fn the_language_with_the_highest_weight_is_spoken() {
        for (accept, expected) in [
            ("de", "de"),
            ("de-AT, en;q=0.5", "de"),
            ("DE", "de"),
            ("de;Q=0.1, fr;q=0.2", "fr"),
            ("pt-BR,pt;q=0.9,en;q=0.8", "pt"),
            ("sv, fr;q=0.3, es;q=0.7", "es"),
            ("ja;q=0.25,ar;q=0.251", "ar"),
            ("en, de", "en"),
            ("sv, zh", "en"),
            ("*", "en"),
            ("sv, *;q=0.1", "en"),
            ("de;q=0, fr;q=0.1", "fr"),
            ("de;q=0", "en"),
            ("", "en"),
        ] {
            assert_eq!(preferred(accept, &Language::ALL), expected, "{accept}");
        }
        assert_eq!(Language::preferred(&HeaderMap::new(), &Language::ALL), Language::English);
    }

    #[test]
    fn only_what_is_offered_is_spoken_and_its_first_is_the_fallback() {
        let offered = [Language::French, Language::German];
        for (accept, expected) in [("de", "de"), ("en", "fr"), ("es, de;q=0.1", "de"), ("*", "fr"), ("", "fr")] {
            assert_eq!(preferred(accept, &offered), expected, "{accept}");
        }
        assert_eq!(preferred("de", &[Language::Japanese]), "ja");
        assert_eq!(preferred("de", &[]), "en");
    }

    #[test]
    fn what_is_no_header_is_passed_over() {
        for odd in ["de;q=2", "de;q=x", "de;q=0.1234", "de;q=-1", "-", ";;;", "de;q=", "d\u{e4}"] {
            assert_eq!(preferred(odd, &Language::ALL), "en", "{odd}");
        }
        assert_eq!(preferred(&"de,".repeat(10_000), &Language::ALL), "de");
        assert_eq!(preferred(&format!("{}de", "x,".repeat(20)), &Language::ALL), "en");
    }
}
