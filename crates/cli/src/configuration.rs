//! The configuration file: variables that are bundled with the Worker, beside those in wrangler's file.
//!
//! The Worker reads JSON alone. One in TOML, or in JSON with comments, is what it is made of: `postern json` does that.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use lexopt::{Arg, Parser};
use postern::config::{SCHEMA, Settings};
use serde_json::{Map, Value};

use super::files::{exists, read};
use super::source::{Source, Syntax};
use super::{Answer, USAGE};

/// What the Worker reads.
const JSON: &str = "postern.json";
/// What that may be made of.
const SOURCES: [&str; 2] = ["postern.toml", "postern.jsonc"];

/// A configuration file, read.
pub(super) struct Configuration {
    /// The file as it is called.
    pub(super) name: String,
    /// What it says, and in which line.
    pub(super) source: Source,
    /// The JSON that the Worker gets.
    json: String,
}

impl Configuration {
    /// The file that is named, or the one in the folder of wrangler's file; `none` stands for no file.
    ///
    /// # Errors
    /// When it cannot be read, when it is not clear which is meant, or when the JSON is not what the other file says.
    pub(super) fn find(named: Option<&Path>, wrangler: &Path) -> Result<Option<Self>, String> {
        if let Some(file) = named {
            return if file.as_os_str() == "none" { Ok(None) } else { Self::read(file).map(Some) };
        }
        let beside = |name: &&str| Some(wrangler.with_file_name(name)).filter(|file| exists(file));
        let sources: Vec<PathBuf> = SOURCES.iter().filter_map(beside).collect();
        let json = beside(&JSON);
        match (sources.as_slice(), json) {
            ([], None) => Ok(None),
            ([], Some(json)) => Self::read(&json).map(Some),
            ([source], None) => Self::read(source).map(Some),
            ([source], Some(json)) => Self::made(source, &json).map(Some),
            _ => Err(format!("there are `{}`: name one with `--file`", SOURCES.join("` and `"))),
        }
    }

    /// `source`, where `json` says the same.
    fn made(source: &Path, json: &Path) -> Result<Self, String> {
        let (source, json) = (Self::read(source)?, Self::read(json)?);
        if source.said() == json.said() {
            return Ok(source);
        }
        let (from, to) = (source.name, json.name);
        Err(format!("{to}: it does not say what `{from}` says, make it anew: `postern json {from} > {to}`"))
    }

    fn read(file: &Path) -> Result<Self, String> {
        let (name, text) = (file.display().to_string(), read(file)?);
        let source = Source::parse(Syntax::of(file), &text).map_err(|why| format!("{name}: {why}"))?;
        let is_made = file.extension().is_none_or(|extension| extension != "json");
        let json = if is_made { Value::Object(source.values.clone()).to_string() } else { text };
        Ok(Self { name, source, json })
    }

    /// All that it says, but for the schema that an editor reads.
    fn said(&self) -> BTreeMap<&String, &Value> {
        self.source.values.iter().filter(|(name, _)| *name != SCHEMA).collect()
    }

    /// What the Worker reads of it.
    pub(super) fn settings(&self) -> Settings {
        Settings::of_file(&self.json)
    }

    /// Its variables, whatever else is wrong with it.
    pub(super) const fn vars(&self) -> &Map<String, Value> {
        &self.source.values
    }
}

/// `postern json FILE`: the JSON that the Worker reads.
pub(super) fn run(mut parser: Parser) -> Result<Answer, lexopt::Error> {
    let mut file = None;
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Long("help") | Arg::Short('h') => return Ok(Answer::good(USAGE.to_owned())),
            Arg::Value(value) if file.is_none() => file = Some(PathBuf::from(value)),
            other => return Err(other.unexpected()),
        }
    }
    let Some(file) = file else { return Err("expected a file".into()) };
    let told = |read: Configuration| Answer::good(format!("{:#}\n", Value::Object(read.source.values)));
    Ok(Configuration::read(&file).map_or_else(Answer::misused, told))
}
