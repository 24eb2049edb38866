//! `document:{id}#viewer`: the relation that a route asks for, filled in from the path.

use std::fmt;

use super::{Name, Object, Userset};

/// A relation to an object that the path names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    text: String,
    kind: Name,
    /// What stands between the `/` of the id.
    parts: Vec<Part>,
    relation: Name,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Literal(String),
    Parameter(String),
}

impl Template {
    /// Reads it; `None` when it is none. A parameter is a whole part of the id, as `/` alone stands in none of them:
    /// with `{a}-{b}` two paths would be one object.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (object, relation) = text.split_once('#')?;
        let (kind, id) = object.split_once(':')?;
        let (kind, relation) = (Name::parse(kind)?, Name::parse(relation)?);
        let parts: Vec<Part> = id.split('/').map(Part::parse).collect::<Option<_>>()?;
        let sample: Vec<&str> =
            parts.iter().map(|part| if let Part::Literal(text) = part { text } else { "x" }).collect();
        Object::new(kind.clone(), &sample.join("/"))?;
        Some(Self { text: text.to_owned(), kind, parts, relation })
    }

    /// The type of the object.
    #[must_use]
    pub const fn kind(&self) -> &Name {
        &self.kind
    }

    /// The relation.
    #[must_use]
    pub const fn relation(&self) -> &Name {
        &self.relation
    }

    /// The names of its parameters.
    pub fn parameters(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| if let Part::Parameter(name) = part { Some(name.as_str()) } else { None })
    }

    /// The relation on a request with these path parameters; `None` when what they say can be no id.
    #[must_use]
    pub fn fill(&self, params: &[(String, String)]) -> Option<Userset> {
        let given = |name: &str| params.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let id = self.parts.iter().map(|part| match part {
            Part::Literal(text) => Some(text.as_str()),
            Part::Parameter(name) => given(name).filter(|value| !value.is_empty() && !value.contains('/')),
        });
        let id = id.collect::<Option<Vec<&str>>>()?.join("/");
        Some(Userset { object: Object::new(self.kind.clone(), &id)?, relation: self.relation.clone() })
    }
}

impl Part {
    fn parse(text: &str) -> Option<Self> {
        match text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            Some(name) if !name.contains(['{', '}']) => Some(Self::Parameter(name.to_owned())),
            None if !text.is_empty() && !text.contains(['{', '}']) => Some(Self::Literal(text.to_owned())),
            _ => None,
        }
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(template: &str, params: &[(&str, &str)]) -> Option<String> {
        let params: Vec<_> = params.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Template::parse(template).unwrap().fill(&params).map(|userset| userset.to_string())
    }

    #[test]
    fn a_template_is_filled_in_from_the_path() {
        for (template, expected) in [
            ("document:{id}#viewer", "document:7#viewer"),
            ("repo:{org}/{id}#admin", "repo:acme/7#admin"),
            ("repo:all/{id}#admin", "repo:all/7#admin"),
            ("system:postern#operator", "system:postern#operator"),
        ] {
            assert_eq!(filled(template, &[("id", "7"), ("org", "acme")]).as_deref(), Some(expected));
        }
    }

    #[test]
    fn a_value_that_can_be_no_id_names_nothing() {
        for value in ["", "*", "7#viewer", "a b", "a\n", "\u{2028}", "a/b", &"x".repeat(1025)] {
            assert_eq!(filled("document:{id}#viewer", &[("id", value)]), None, "{value}");
        }
        assert_eq!(filled("document:{id}#viewer", &[]), None);
        assert_eq!(filled("document:{id}#viewer", &[("id", "1:2@user")]).as_deref(), Some("document:1:2@user#viewer"));
    }

    #[test]
    fn what_is_no_template_is_refused() {
        for bad in [
            "",
            "document",
            "document:{id}",
            "document#viewer",
            "{type}:7#viewer",
            "document:{id}#{relation}",
            "document:#viewer",
            "document:*#viewer",
            "document:{a}-{b}#viewer",
            "document:x{id}#viewer",
            "document:{id#viewer",
            "document:{{id}}#viewer",
            "document:{id}/#viewer",
            "document:a b#viewer",
            "document:{id}#viewer#x",
            "viewer@document:{id}",
        ] {
            assert_eq!(Template::parse(bad), None, "{bad}");
        }
    }
}
