//! Files → one immutable version, named by what is in it.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::problem::PolicyProblem;
use crate::json;

/// The most files in one version.
const MAX_FILES: usize = 100;
/// The most bytes in one version, names included.
const MAX_BYTES: usize = 256 * 1024;
/// The form of the stored text; another one is another number.
const FORMAT: u32 = 1;

/// The name of a version: the SHA-256 of its canonical text, in hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Version(String);

/// The files of one version: name → text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    files: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    format: u32,
    files: BTreeMap<String, String>,
}

impl Version {
    /// The name of a text.
    #[must_use]
    pub fn of(text: &str) -> Self {
        Self(Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// Reads a name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_hex = text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        is_hex.then(|| Self(text.to_owned()))
    }

    /// The whole name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Enough of it for people to tell versions apart.
    #[must_use]
    pub fn short(&self) -> &str {
        self.0.get(..12).unwrap_or(&self.0)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Version {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("expected 64 hexadecimal digits in small letters")
    }
}

impl From<Version> for String {
    fn from(version: Version) -> Self {
        version.0
    }
}

impl Bundle {
    /// The longest stored form. Escapes make JSON of twice the text, at most, where the text is one that people write.
    pub const MAX_TEXT_BYTES: usize = 2 * MAX_BYTES;

    /// Takes files together.
    ///
    /// # Errors
    /// When there is none, or too many, or too much in them, or a name is not a plain one.
    pub fn new(files: BTreeMap<String, String>) -> Result<Self, PolicyProblem> {
        if files.is_empty() {
            return Err(PolicyProblem::of_all("expected at least one file of policies"));
        }
        if files.len() > MAX_FILES {
            return Err(PolicyProblem::of_all(format!("expected at most {MAX_FILES} files, found {}", files.len())));
        }
        if let Some(bad) = files.keys().find(|name| !is_name(name)) {
            return Err(PolicyProblem::of_all(format!(
                "expected names of files such as `teams/orders.cedar`, found `{}`",
                bad.escape_debug()
            )));
        }
        let bytes: usize = files.iter().map(|(name, text)| name.len() + text.len()).sum();
        if bytes > MAX_BYTES {
            return Err(PolicyProblem::of_all(format!(
                "expected at most {MAX_BYTES} bytes of policies, found {bytes}"
            )));
        }
        Ok(Self { files })
    }

    /// Reads the stored form.
    ///
    /// # Errors
    /// When it is none, or its files break a limit.
    pub fn from_text(text: &str) -> Result<Self, PolicyProblem> {
        let object = json::parse_object(text.as_bytes(), Self::MAX_TEXT_BYTES)
            .map_err(|why| PolicyProblem::of_all(why.to_string()))?;
        let stored: Stored = json::exactly_from_value(object.into())
            .map_err(|_| PolicyProblem::of_all("not a stored version of policies"))?;
        if stored.format != FORMAT {
            return Err(PolicyProblem::of_all(format!("expected format {FORMAT}, found {}", stored.format)));
        }
        Self::new(stored.files)
    }

    /// The stored form, canonical: the same files give the same text.
    #[must_use]
    pub fn to_text(&self) -> String {
        serde_json::json!({ "files": self.files, "format": FORMAT }).to_string()
    }

    /// Its name.
    #[must_use]
    pub fn version(&self) -> Version {
        Version::of(&self.to_text())
    }

    /// Name and text of each file, by name.
    pub fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().map(|(name, text)| (name.as_str(), text.as_str()))
    }
}

fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
    !name.is_empty() && name.len() <= 128 && name.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_version_that_says_more_is_none() {
        let stored = r#"{"files":{"a.cedar":"permit(principal, action, resource);"},"format":1}"#;
        assert_eq!(Bundle::from_text(stored).map(|bundle| bundle.to_text()), Ok(stored.to_owned()));
        assert!(Bundle::from_text(&stored.replace(r#""format""#, r#""more":1,"format""#)).is_err());
    }
}
