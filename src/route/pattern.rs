//! A rule's key in the configuration → methods and a path pattern.

use std::fmt;

use percent_encoding::percent_decode_str;

use super::path::{CanonicalPath, PathError, is_reserved_in_segment};

/// A longer literal part is looked at more closely.
const MOST_PLAIN_BYTES: usize = 1024;

/// Which paths a rule is for: literal segments, `{name}` for one segment, `{*name}` at the end for all the rest.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pattern {
    text: String,
    /// The name in `{*name}`.
    rest: Option<String>,
}

/// Why a text is no pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PatternError {
    /// A literal part could not stand in a canonical path.
    Path(PathError),
    /// A literal part is not in the one spelling that paths are put into; the literal parts in that, with `x` for parameters.
    Spelling(String),
    /// This character can be written in two ways in a path, so a rule on it could be passed by.
    Reserved(char),
    /// A segment with braces that is neither `{name}` nor `{*name}`; the segment.
    Parameter(String),
    /// `{*name}` before the end.
    RestNotLast,
    /// Two parameters of this name.
    Repeated(String),
    /// More than [`Pattern::MAX_SEGMENTS`].
    TooLong,
}

/// One segment of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Segment<'a> {
    /// What stands in the path too.
    Literal(&'a str),
    /// `{name}`; the name.
    Parameter(&'a str),
    /// `{*name}`; the name.
    Rest(&'a str),
}

/// Reads a segment of a pattern that was parsed.
pub(super) fn segment(text: &str) -> Segment<'_> {
    let Some(inside) = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) else {
        return Segment::Literal(text);
    };
    inside.strip_prefix('*').map_or(Segment::Parameter(inside), Segment::Rest)
}

impl Pattern {
    /// The most segments a pattern has. It bounds how deep a search for one goes.
    pub const MAX_SEGMENTS: usize = 64;

    /// Reads a pattern.
    ///
    /// # Errors
    /// When its literal parts are not canonical, a parameter is not a whole segment with a name
    /// of `[a-z][a-z0-9_]*`, or it has too many segments.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let segments = text.strip_prefix('/').ok_or(PatternError::Path(PathError::NotAbsolute))?;
        if segments.split('/').nth(Self::MAX_SEGMENTS).is_some() {
            return Err(PatternError::TooLong);
        }
        let mut names: Vec<&str> = Vec::new();
        let mut rest = None;
        let mut literal = String::new();
        for segment in segments.split('/') {
            if rest.is_some() {
                return Err(PatternError::RestNotLast);
            }
            literal.push('/');
            let Some(name) = parameter(segment)? else {
                literal.push_str(segment);
                continue;
            };
            literal.push('x');
            if names.contains(&name.text) {
                return Err(PatternError::Repeated(name.text.to_owned()));
            }
            names.push(name.text);
            rest = name.takes_rest.then(|| name.text.to_owned());
        }
        check_literal(&literal)?;
        Ok(Self { text: text.to_owned(), rest })
    }

    /// The pattern as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The names of the parameters for one whole segment.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.text.split('/').filter_map(|text| match segment(text) {
            Segment::Parameter(name) => Some(name),
            Segment::Literal(_) | Segment::Rest(_) => None,
        })
    }

    /// The place of the segment that this parameter is, the first being 0. `None` without such a one.
    pub(super) fn place_of(&self, name: &str) -> Option<usize> {
        self.text.split('/').skip(1).position(|text| segment(text) == Segment::Parameter(name))
    }

    /// Whether this is a pattern for the path, letter by letter.
    pub(super) fn matches(&self, path: &CanonicalPath) -> bool {
        let (mut pattern, mut path) = (self.text.split('/').skip(1), path.as_str().split('/').skip(1));
        loop {
            match (pattern.next().map(segment), path.next()) {
                (Some(Segment::Rest(_)), Some(_)) | (None, None) => return true,
                (Some(Segment::Parameter(_)), Some(value)) if !value.is_empty() => {}
                (Some(Segment::Literal(literal)), Some(segment)) if literal == segment => {}
                _ => return false,
            }
        }
    }

    /// The parameters of a path that this is a pattern for, in their order, percent-decoded. `{*name}` may be empty.
    pub(super) fn params(&self, path: &CanonicalPath) -> Vec<(String, String)> {
        let mut params = Vec::new();
        let mut left = path.as_str();
        for text in self.text.split('/').skip(1) {
            let after = left.strip_prefix('/').unwrap_or(left);
            let (value, rest) = after.split_at_checked(after.find('/').unwrap_or(after.len())).unwrap_or((after, ""));
            match segment(text) {
                Segment::Literal(_) => {}
                Segment::Parameter(name) => params.push(decoded(name, value)),
                Segment::Rest(name) => params.push(decoded(name, after)),
            }
            left = rest;
        }
        params
    }

    /// What stands before `{*name}`; `None` without one.
    pub(super) fn bare_prefix(&self) -> Option<&str> {
        self.rest.as_ref().and_then(|name| self.text.strip_suffix(&format!("{{*{name}}}")))
    }

    /// The segments before the first parameter: of `/api/orders/{id}`, `/api/orders`. Empty for the root.
    #[must_use]
    pub fn literal_prefix(&self) -> &str {
        let literal = self.text.find("/{").map_or(self.text.as_str(), |at| self.text.get(..at).unwrap_or_default());
        if literal == "/" { "" } else { literal }
    }

    /// Whether every path this matches lies at or below `prefix`, which has no parameters.
    #[must_use]
    pub fn is_within(&self, prefix: &str) -> bool {
        self.text.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

/// A canonical path decodes to UTF-8, so nothing is ever replaced here.
fn decoded(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), percent_decode_str(value).decode_utf8_lossy().into_owned())
}

struct Parameter<'a> {
    text: &'a str,
    takes_rest: bool,
}

fn parameter(segment: &str) -> Result<Option<Parameter<'_>>, PatternError> {
    if !segment.bytes().any(|byte| byte == b'{' || byte == b'}') {
        return Ok(None);
    }
    let refused = || PatternError::Parameter(segment.to_owned());
    let inside = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).ok_or_else(refused)?;
    let (text, takes_rest) = inside.strip_prefix('*').map_or((inside, false), |name| (name, true));
    let mut bytes = text.bytes();
    let valid = bytes.next().is_some_and(|byte| byte.is_ascii_lowercase())
        && bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    if valid { Ok(Some(Parameter { text, takes_rest })) } else { Err(refused()) }
}

fn check_literal(literal: &str) -> Result<(), PatternError> {
    if is_plain(literal) {
        return Ok(());
    }
    let canonical = CanonicalPath::parse(literal).map_err(PatternError::Path)?;
    if canonical.as_str() != literal {
        return Err(PatternError::Spelling(canonical.to_string()));
    }
    let decoded = percent_decode_str(literal);
    match decoded.into_iter().find(|byte| is_reserved_in_segment(*byte) || *byte == b';') {
        Some(byte) => Err(PatternError::Reserved(char::from(byte))),
        None => Ok(()),
    }
}

/// Whether it has nothing in it that could be written in another way. Most patterns are so, and of thousands each takes time
/// when an isolate starts.
fn is_plain(literal: &str) -> bool {
    let is_simple = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'/');
    literal.len() <= MOST_PLAIN_BYTES && literal.bytes().all(is_simple) && !literal.contains("//")
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(error) => write!(f, "the path {error}"),
            Self::Spelling(canonical) => {
                write!(f, "escapes are in upper case, and only where one is needed, as in `{canonical}`")
            }
            Self::Reserved('*') => {
                f.write_str("a bare `*` means nothing here, write `{*rest}` for all the rest of a path")
            }
            Self::Reserved(character) => write!(
                f,
                "`{character}` can be written in two ways in a path and thus not be relied on, use a parameter in its place"
            ),
            Self::Parameter(segment) => write!(
                f,
                "`{segment}` is no parameter: a whole segment `{{name}}`, or `{{*name}}` at the end, the name of a-z, 0-9 and `_`"
            ),
            Self::RestNotLast => f.write_str("`{*name}` takes all the rest and must stand at the end"),
            Self::Repeated(name) => write!(f, "the parameter `{name}` stands twice"),
            Self::TooLong => write!(f, "it has more than {} segments", Pattern::MAX_SEGMENTS),
        }
    }
}

impl std::error::Error for PatternError {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_pattern_is_literals_parameters_and_a_rest() {
        for good in ["/", "/a", "/a/", "/api/orders/{id}", "/{a}/{b}", "/app/{*rest}", "/{*path}", "/caf%C3%A9/x.js"] {
            assert_eq!(Pattern::parse(good).unwrap().as_str(), good);
        }
        assert_eq!(Pattern::parse("/app/{*rest}").unwrap().bare_prefix(), Some("/app/"));
        assert_eq!(Pattern::parse("/app/{rest}").unwrap().bare_prefix(), None);
    }

    #[test]
    fn what_stands_before_the_first_parameter_is_literal() {
        for (text, prefix) in [
            ("/", ""),
            ("/{*rest}", ""),
            ("/{a}/b", ""),
            ("/a", "/a"),
            ("/a/", "/a/"),
            ("/a/b/{*rest}", "/a/b"),
            ("/a/{b}/c/{d}", "/a"),
        ] {
            assert_eq!(Pattern::parse(text).unwrap().literal_prefix(), prefix, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_plain_is_found_so_by_a_closer_look(literal in "(/[-a-zA-Z0-9_.~%@;*]{0,3}){1,4}") {
            let closely = CanonicalPath::parse(&literal).is_ok_and(|path| path.as_str() == literal);
            if is_plain(&literal) {
                prop_assert!(closely && !literal.bytes().any(|byte| is_reserved_in_segment(byte) || byte == b';'));
            } else {
                prop_assert!(literal.contains("//") || literal.contains(['.', '~', '%', '@', ';', '*']));
            }
        }
    }

    #[test]
    fn a_literal_part_is_plain_up_to_a_length() {
        let literal = "/".to_owned() + &"a".repeat(9 * 1024);
        assert_eq!(Pattern::parse(&literal), Err(PatternError::Path(PathError::TooLong)));
    }

    #[test]
    fn a_pattern_has_64_segments_at_most() {
        let text = "/a".repeat(Pattern::MAX_SEGMENTS);
        assert!(Pattern::parse(&text).is_ok());
        for more in ["/", "/a", "/{*rest}"] {
            assert_eq!(Pattern::parse(&(text.clone() + more)), Err(PatternError::TooLong), "{more}");
        }
    }

    #[test]
    fn what_could_be_passed_by_is_no_pattern() {
        let parameter = |segment: &str| PatternError::Parameter(segment.into());
        let cases = [
            ("", PatternError::Path(PathError::NotAbsolute)),
            ("a", PatternError::Path(PathError::NotAbsolute)),
            ("/a//b", PatternError::Path(PathError::EmptySegment)),
            ("/a/../b", PatternError::Path(PathError::DotSegment)),
            ("/é", PatternError::Path(PathError::RawNonAscii)),
            ("/a b", PatternError::Path(PathError::ForbiddenCharacter)),
            ("/a?b", PatternError::Path(PathError::ForbiddenCharacter)),
            ("/%61", PatternError::Spelling("/a".into())),
            ("/caf%c3%a9", PatternError::Spelling("/caf%C3%A9".into())),
            ("/[a]/{b}", PatternError::Spelling("/%5Ba%5D/x".into())),
            ("/@me", PatternError::Reserved('@')),
            ("/%40me", PatternError::Reserved('@')),
            ("/%3Bme", PatternError::Reserved(';')),
            ("/v1:batch", PatternError::Reserved(':')),
            ("/*", PatternError::Reserved('*')),
            ("/img-{id}.png", parameter("img-{id}.png")),
            ("/{}", parameter("{}")),
            ("/{*}", parameter("{*}")),
            ("/{Id}", parameter("{Id}")),
            ("/{{a}}", parameter("{{a}}")),
            ("/{a", parameter("{a")),
            ("/{*a}/b", PatternError::RestNotLast),
            ("/{*a}/", PatternError::RestNotLast),
            ("/{a}/{a}", PatternError::Repeated("a".into())),
        ];
        for (text, expected) in cases {
            assert_eq!(Pattern::parse(text), Err(expected), "{text}");
        }
    }
}
