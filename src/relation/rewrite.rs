//! `[user, group#member] or editor or viewer from parent`: what makes somebody stand in a relation.

use std::fmt;
use std::iter::Peekable;
use std::vec::IntoIter;

use super::Name;

/// The most bytes of a definition.
const MAX_BYTES: usize = 2048;
/// The most parentheses inside each other.
const MAX_NESTING: usize = 8;

/// Who stands in a relation to an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rewrite {
    /// `[…]`: who a tuple says does.
    Direct(Vec<Allowed>),
    /// `editor`: who stands in this relation to the same object.
    Computed(Name),
    /// `viewer from parent`: who is `viewer` of what is `parent` of the object.
    From {
        /// `viewer`
        relation: Name,
        /// `parent`
        parent: Name,
    },
    /// `a or b`
    Any(Vec<Self>),
    /// `a and b`
    All(Vec<Self>),
    /// `a but not b`
    Except(Box<Self>, Box<Self>),
}

/// What may stand behind the `@` of a tuple.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allowed {
    /// `user`: an object of this type.
    Type(Name),
    /// `group#member`: all in this relation to an object of this type.
    Userset(Name, Name),
    /// `user:*`: everyone of this type.
    Everyone(Name),
}

/// Why a text is no definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RewriteError {
    /// More than 2048 bytes, or more than 8 parentheses inside each other.
    TooLong,
    /// This cannot stand there; empty at the end.
    Unexpected(String),
    /// `a or b and c` has two readings.
    Mixed,
}

impl Rewrite {
    /// Reads a definition.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, RewriteError> {
        if text.len() > MAX_BYTES {
            return Err(RewriteError::TooLong);
        }
        let mut words = Words(words(text).into_iter().peekable());
        let rewrite = words.expression(MAX_NESTING)?;
        words.0.next().map_or(Ok(rewrite), |extra| Err(RewriteError::Unexpected(extra)))
    }

    /// Every part of it that is not made of others.
    #[must_use]
    pub fn parts(&self) -> Vec<&Self> {
        match self {
            Self::Direct(_) | Self::Computed(_) | Self::From { .. } => vec![self],
            Self::Any(all) | Self::All(all) => all.iter().flat_map(Self::parts).collect(),
            Self::Except(base, except) => [base, except].into_iter().flat_map(|one| one.parts()).collect(),
        }
    }

    /// What tuples may say.
    pub fn allowed(&self) -> impl Iterator<Item = &Allowed> {
        self.parts().into_iter().flat_map(|part| match part {
            Self::Direct(allowed) => allowed.as_slice(),
            _ => &[],
        })
    }
}

/// Signs stand alone, whatever is around them.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    for word in text.split_whitespace() {
        let mut plain = String::new();
        for character in word.chars() {
            if "[](),".contains(character) {
                words.extend(Some(std::mem::take(&mut plain)).filter(|plain| !plain.is_empty()));
                words.push(character.to_string());
            } else {
                plain.push(character);
            }
        }
        words.extend(Some(plain).filter(|plain| !plain.is_empty()));
    }
    words
}

struct Words(Peekable<IntoIter<String>>);

impl Words {
    /// One operator, as often as it likes; another needs parentheses. `but not` takes two sides.
    fn expression(&mut self, nesting: usize) -> Result<Rewrite, RewriteError> {
        let first = self.term(nesting)?;
        let Some(operator) = self.0.next_if(|word| is_operator(word)) else { return Ok(first) };
        let combined = match operator.as_str() {
            "but" => {
                self.take("not")?;
                Rewrite::Except(Box::new(first), Box::new(self.term(nesting)?))
            }
            operator => {
                let mut all = vec![first, self.term(nesting)?];
                while self.0.next_if(|word| word == operator).is_some() {
                    all.push(self.term(nesting)?);
                }
                if operator == "or" { Rewrite::Any(all) } else { Rewrite::All(all) }
            }
        };
        if self.0.peek().is_some_and(|word| is_operator(word)) { Err(RewriteError::Mixed) } else { Ok(combined) }
    }

    fn term(&mut self, nesting: usize) -> Result<Rewrite, RewriteError> {
        let word = self.next();
        match word.as_str() {
            "[" => self.direct(),
            "(" => {
                let inner = self.expression(nesting.checked_sub(1).ok_or(RewriteError::TooLong)?)?;
                self.take(")").map(|()| inner)
            }
            _ => {
                let relation = name(&word)?;
                if self.0.next_if(|next| next == "from").is_none() {
                    return Ok(Rewrite::Computed(relation));
                }
                let parent = name(&self.next())?;
                Ok(Rewrite::From { relation, parent })
            }
        }
    }

    fn direct(&mut self) -> Result<Rewrite, RewriteError> {
        let mut all = Vec::new();
        loop {
            let word = self.next();
            all.push(allowed(&word).ok_or(RewriteError::Unexpected(word))?);
            let next = self.next();
            match next.as_str() {
                "," => {}
                "]" => return Ok(Rewrite::Direct(all)),
                _ => return Err(RewriteError::Unexpected(next)),
            }
        }
    }

    fn take(&mut self, expected: &str) -> Result<(), RewriteError> {
        let word = self.next();
        if word == expected { Ok(()) } else { Err(RewriteError::Unexpected(word)) }
    }

    fn next(&mut self) -> String {
        self.0.next().unwrap_or_default()
    }
}

fn is_operator(word: &str) -> bool {
    matches!(word, "or" | "and" | "but")
}

fn name(word: &str) -> Result<Name, RewriteError> {
    let known = Name::parse(word).filter(|_| !is_operator(word) && !matches!(word, "not" | "from"));
    known.ok_or_else(|| RewriteError::Unexpected(word.to_owned()))
}

fn allowed(word: &str) -> Option<Allowed> {
    if let Some(kind) = word.strip_suffix(":*") {
        return Name::parse(kind).map(Allowed::Everyone);
    }
    match word.split_once('#') {
        Some((kind, relation)) => Some(Allowed::Userset(Name::parse(kind)?, Name::parse(relation)?)),
        None => Name::parse(word).map(Allowed::Type),
    }
}

impl fmt::Display for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Type(kind) => kind.fmt(f),
            Self::Userset(kind, relation) => write!(f, "{kind}#{relation}"),
            Self::Everyone(kind) => write!(f, "{kind}:*"),
        }
    }
}

impl fmt::Display for RewriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => f.write_str("it is too long, or has too many parentheses inside each other"),
            Self::Unexpected(word) if word.is_empty() => f.write_str("it ends too early"),
            Self::Unexpected(word) => {
                let word: String = word.chars().take(40).collect();
                write!(f, "`{}` cannot stand there", word.escape_debug())
            }
            Self::Mixed => f.write_str("`or`, `and` and `but not` beside each other need parentheses"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::parse(text).unwrap()
    }

    #[test]
    fn a_definition_is_read_as_openfga_reads_it() {
        let computed = |text: &str| Rewrite::Computed(name(text));
        let parent = Rewrite::From { relation: name("viewer"), parent: name("parent") };
        let direct = Rewrite::Direct(vec![
            Allowed::Type(name("user")),
            Allowed::Everyone(name("user")),
            Allowed::Userset(name("group"), name("member")),
        ]);
        for (text, expected) in [
            ("editor", computed("editor")),
            ("viewer from parent", parent.clone()),
            ("[user, user:*, group#member]", direct.clone()),
            ("[user,user:*,group#member]or editor", Rewrite::Any(vec![direct.clone(), computed("editor")])),
            ("a or viewer from parent or b", Rewrite::Any(vec![computed("a"), parent.clone(), computed("b")])),
            ("a but not b", Rewrite::Except(Box::new(computed("a")), Box::new(computed("b")))),
            (
                "( a or b ) and viewer from parent",
                Rewrite::All(vec![Rewrite::Any(vec![computed("a"), computed("b")]), parent]),
            ),
            ("((a))", computed("a")),
        ] {
            assert_eq!(Rewrite::parse(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_definition_is_refused() {
        for bad in [
            "",
            "[",
            "[]",
            "[user",
            "[user,]",
            "[user user]",
            "(a",
            "a)",
            "()",
            "a or",
            "or a",
            "a but b",
            "a but not",
            "a b",
            "a from",
            "from a",
            "a from [user]",
            "[user] from a",
            "[1]",
            "[user:x]",
            "[user#]",
            "[#a]",
            "a & b",
            "not a",
            "a or b and c",
            "a but not b but not c",
            "a and b but not c",
            "ä",
        ] {
            assert!(Rewrite::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(Rewrite::parse("a or b and c"), Err(RewriteError::Mixed));
        assert_eq!(Rewrite::parse(&"(".repeat(2000)), Err(RewriteError::TooLong));
        assert_eq!(Rewrite::parse(&"a".repeat(3000)), Err(RewriteError::TooLong));
        assert!(Rewrite::parse(&format!("{}a{}", "(".repeat(8), ")".repeat(8))).is_ok());
    }
}
