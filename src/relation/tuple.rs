//! `document:7#viewer@group:eng#member`: objects, subjects and what stands between them, as texts with one reading.

use std::fmt;

/// The most bytes of the name of a type or relation.
const MAX_NAME_BYTES: usize = 50;
/// The most bytes of an id: an issuer's URL and the longest subject have room.
const MAX_ID_BYTES: usize = 1024;

/// The name of a type or of a relation: `[A-Za-z][A-Za-z0-9_-]{0,49}`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(String);

/// `document:7`: a type and an id. Ids are compared byte by byte.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Object {
    kind: Name,
    id: String,
}

/// `group:eng#member`: all who stand in this relation to this object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Userset {
    /// To what.
    pub object: Object,
    /// In which relation.
    pub relation: Name,
}

/// Who stands in a relation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// One: a person, or any other object.
    Object(Object),
    /// All of these.
    Userset(Userset),
    /// `user:*`: all of this type.
    Everyone(Name),
}

/// One fact.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tuple {
    /// Of what, and in which relation.
    pub userset: Userset,
    /// Who.
    pub subject: Subject,
}

impl Name {
    /// Reads a name; `None` when it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = text.bytes();
        let valid = bytes.next().is_some_and(|first| first.is_ascii_alphabetic())
            && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
            && text.len() <= MAX_NAME_BYTES;
        valid.then(|| Self(text.to_owned()))
    }

    /// The name as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Object {
    /// The object of this type and id; `None` when that can be no id: of 1 to 1024 bytes, without white space, control
    /// characters and `#`, and not `*`, which stands for all.
    #[must_use]
    pub fn new(kind: Name, id: &str) -> Option<Self> {
        let foreign = |c: char| c.is_whitespace() || c.is_control() || c == '#';
        let valid = !id.is_empty() && id.len() <= MAX_ID_BYTES && id != "*" && !id.contains(foreign);
        valid.then(|| Self { kind, id: id.to_owned() })
    }

    /// Reads `TYPE:ID`. The first `:` stands between them.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, id) = text.split_once(':')?;
        Self::new(Name::parse(kind)?, id)
    }

    /// Its type.
    #[must_use]
    pub const fn kind(&self) -> &Name {
        &self.kind
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl Userset {
    /// Reads `TYPE:ID#RELATION`. No id holds a `#`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (object, relation) = text.split_once('#')?;
        Some(Self { object: Object::parse(object)?, relation: Name::parse(relation)? })
    }
}

impl Subject {
    /// Reads `TYPE:ID`, `TYPE:ID#RELATION` or `TYPE:*`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(kind) = text.strip_suffix(":*") {
            return Name::parse(kind).map(Self::Everyone);
        }
        if text.contains('#') { Userset::parse(text).map(Self::Userset) } else { Object::parse(text).map(Self::Object) }
    }

    /// Its type.
    #[must_use]
    pub const fn kind(&self) -> &Name {
        match self {
            Self::Object(object) => object.kind(),
            Self::Userset(userset) => userset.object.kind(),
            Self::Everyone(kind) => kind,
        }
    }

    /// Whether it is a [`Userset`].
    #[must_use]
    pub const fn is_userset(&self) -> bool {
        matches!(self, Self::Userset(_))
    }
}

impl Tuple {
    /// Reads `TYPE:ID#RELATION@SUBJECT`. No id holds a `#` and no relation an `@`, so it has one reading.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (object, rest) = text.split_once('#')?;
        let (relation, subject) = rest.split_once('@')?;
        let userset = Userset { object: Object::parse(object)?, relation: Name::parse(relation)? };
        Some(Self { userset, subject: Subject::parse(subject)? })
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind, self.id)
    }
}

impl fmt::Display for Userset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.object, self.relation)
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Object(object) => object.fmt(f),
            Self::Userset(userset) => userset.fmt(f),
            Self::Everyone(kind) => write!(f, "{kind}:*"),
        }
    }
}

impl fmt::Display for Tuple {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.userset, self.subject)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tuple_is_read_and_written_alike() {
        for text in [
            "document:7#viewer@user:anne",
            "document:7#viewer@user:*",
            "document:7#parent@folder:plans",
            "repo:acme/site#admin@group:eng#member",
            "a:b:c@d#r@user:https://op.example/|auth0|7@x",
            "document:ünïcode#viewer@user:a",
        ] {
            let tuple = Tuple::parse(text).unwrap();
            assert_eq!(tuple.to_string(), text);
            assert_eq!(tuple.subject.is_userset(), text.ends_with("#member"));
        }
        let tuple = Tuple::parse("a:b:c@d#r@user:x").unwrap();
        assert_eq!((tuple.userset.object.kind().as_str(), tuple.userset.object.id()), ("a", "b:c@d"));
    }

    #[test]
    fn what_is_no_tuple_is_refused() {
        for bad in [
            "",
            "document:7",
            "document:7#viewer",
            "document:7#viewer@",
            "document:7@user:anne",
            "document#viewer@user:anne",
            "document:#viewer@user:anne",
            "document:*#viewer@user:anne",
            ":7#viewer@user:anne",
            "document:7#@user:anne",
            "document:7#view er@user:anne",
            "document:7#viewer@anne",
            "document:7#viewer@user:",
            "document:7#viewer@*",
            "document:7#viewer@:*",
            "document:7#viewer@group:eng#",
            "document:7#viewer@group:eng#member#member",
            "document:7#viewer@group:*#member",
            "document:7#viewer@user:a b",
            "document:7\n#viewer@user:a",
            "document:7\u{a0}8#viewer@user:a",
            "döcument:7#viewer@user:a",
        ] {
            assert_eq!(Tuple::parse(bad), None, "{bad}");
        }
        assert!(Object::parse(&format!("a:{}", "x".repeat(1024))).is_some());
        assert!(Object::parse(&format!("a:{}", "x".repeat(1025))).is_none());
        assert!(Name::parse(&"x".repeat(51)).is_none() && Name::parse("0a").is_none());
    }
}
