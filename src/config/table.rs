//! A table of the configuration, read key by key: what is wrong is reported with its path and the
//! reading goes on; what nobody asked for is refused at the end.

use serde_json::{Map, Value};

use super::problem::{Report, path};
use super::value::found;

/// The most edits at which a key is taken for a misspelt other one.
const MISSPELT: usize = 2;

/// What is said of a key that [`is_secret`].
pub(super) const SECRET: &str = "belongs in a secret, take it out of the file and use `wrangler secret put`";

/// Whether a key, in lower case, is that of something that nobody should read.
pub(super) fn is_secret(key: &str) -> bool {
    key == "postern_keys" || key.ends_with("secret") || key.ends_with("private_key")
}

/// A table being read. Ends with [`Table::finish`].
pub(super) struct Table<'a> {
    path: String,
    entries: &'a Map<String, Value>,
    group: Option<Group<'a>>,
    /// Of a table in a group: the route that it is read for.
    reader: Option<String>,
    asked: Vec<&'static str>,
    report: &'a Report,
}

/// What says the keys that a route does not say itself.
struct Group<'a> {
    path: String,
    entries: &'a Map<String, Value>,
    /// The name of the route.
    reader: String,
}

impl<'a> Table<'a> {
    /// The table of all variables.
    pub(super) const fn top(entries: &'a Map<String, Value>, report: &'a Report) -> Self {
        Self { path: String::new(), entries, group: None, reader: None, asked: Vec::new(), report }
    }

    /// The keys that this table lacks are those of `group` from now on, each as a whole. What is wrong with them is reported
    /// as the group's, once for all routes; `name` is this route's.
    pub(super) fn join(&mut self, group: &Self, name: &str) {
        self.group = Some(Group { path: group.path.clone(), entries: group.entries, reader: name.to_owned() });
    }

    /// Whether the value at `key` is that of the group.
    pub(super) fn is_of_group(&self, key: &str) -> bool {
        self.group_of(key).is_some()
    }

    /// What `parse` makes of the value at `key`; `None` when that is wrong or absent, which is reported.
    pub(super) fn required<T>(
        &mut self,
        key: &'static str,
        what: &str,
        parse: impl FnOnce(&'a Value) -> Result<T, String>,
    ) -> Option<T> {
        if !self.has(key) {
            self.problem(key, format!("expected {what}, found nothing"));
        }
        self.optional(key, parse)
    }

    /// What `parse` makes of the value at `key`; `None` when it is absent, or wrong, which is reported.
    pub(super) fn optional<T>(
        &mut self,
        key: &'static str,
        parse: impl FnOnce(&'a Value) -> Result<T, String>,
    ) -> Option<T> {
        let value = self.peek(key)?;
        self.given(key, value, parse)
    }

    /// What `parse` makes of a value that is there. Most keys are not, and an isolate compiles for its first request what that
    /// runs through: the reader of a key is code of its own, so that it is compiled where the key is met.
    #[inline(never)]
    fn given<T>(&self, key: &str, value: &'a Value, parse: impl FnOnce(&'a Value) -> Result<T, String>) -> Option<T> {
        parse(value).map_err(|message| self.problem(key, message)).ok()
    }

    /// The value at `key`, whatever it is. It is read by who asks.
    pub(super) fn peek(&mut self, key: &'static str) -> Option<&'a Value> {
        self.ask(key);
        self.get(key)
    }

    fn ask(&mut self, key: &'static str) {
        if !self.asked.contains(&key) {
            self.asked.push(key);
        }
    }

    /// The value at `key` that the table has itself. It does not count as read.
    pub(super) fn own(&self, key: &str) -> Option<&'a Value> {
        self.entries.get(key)
    }

    /// The table at `key`; `None` when it is absent, or no table, which is reported.
    pub(super) fn table(&mut self, key: &'static str) -> Option<Self> {
        self.ask(key);
        self.inner(key, self.get(key)?)
    }

    /// What `read` makes of the table at `key`; `None` when it is absent, or no table, which is reported. As with single keys,
    /// `read` is code of its own.
    pub(super) fn section<T>(&mut self, key: &'static str, read: impl FnOnce(Self) -> T) -> Option<T> {
        #[inline(never)]
        fn given<'a, T>(table: Table<'a>, read: impl FnOnce(Table<'a>) -> T) -> T {
            read(table)
        }
        Some(given(self.table(key)?, read))
    }

    /// The table at `key`, or `Some(None)` where that says `false`; `None` when it is absent, or neither, which is reported.
    pub(super) fn table_or_false(&mut self, key: &'static str) -> Option<Option<Self>> {
        self.ask(key);
        match self.get(key)? {
            Value::Bool(false) => Some(None),
            value @ Value::Object(_) => self.inner(key, value).map(Some),
            other => {
                self.problem(key, format!("expected a table or `false`, found {}", found(other)));
                None
            }
        }
    }

    /// Every table in this one, by its key: for tables whose keys are names.
    pub(super) fn tables(&self) -> Vec<(&'a str, Self)> {
        let tables = self.entries.iter();
        tables.filter_map(|(key, value)| Some((key.as_str(), self.inner(key, value)?))).collect()
    }

    /// The same table with other keys and values. What it says of `preset` was read before.
    pub(super) fn holding<'b>(&self, entries: &'b Map<String, Value>) -> Table<'b>
    where
        'a: 'b,
    {
        let asked = vec!["preset"];
        Table { path: self.path.clone(), entries, group: None, reader: None, asked, report: self.report }
    }

    /// Every key and value in this one: for tables whose keys are names.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&'a str, &'a Value)> {
        self.entries.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// Whether `key` is there, right or wrong.
    pub(super) fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// Reports what is wrong with the value at `key`.
    pub(super) fn problem(&self, key: &str, message: impl Into<String>) {
        match self.group_of(key) {
            Some(group) => self.report.add_for(path(&group.path, key), message, &group.reader),
            None => self.add(path(&self.path, key), message),
        }
    }

    /// Reports what is wrong with the value at `key` of the table `name` in this one.
    pub(super) fn problem_in(&self, name: &str, key: &str, message: impl Into<String>) {
        self.add(path(&path(&self.path, name), key), message);
    }

    /// Reports what is wrong with the value at `key` of this group, as the route of this name has it.
    pub(super) fn problem_for(&self, route: &str, key: &str, message: impl Into<String>) {
        self.report.add_for(path(&self.path, key), message, route);
    }

    /// Reports what is wrong with the value that these keys lead to, one table within another.
    pub(super) fn problem_at(&self, keys: &[&str], message: impl Into<String>) {
        self.report.add(keys.iter().fold(self.path.clone(), |place, key| path(&place, key)), message);
    }

    /// Reports what is wrong with this table as a whole.
    pub(super) fn problem_here(&self, message: impl Into<String>) {
        self.add(self.path.clone(), message);
    }

    /// Refuses every key that was not asked for.
    pub(super) fn finish(self) {
        let shared = self.group.iter().flat_map(|group| group.entries.keys());
        let shared = shared.filter(|key| !self.entries.contains_key(*key));
        for key in self.entries.keys().chain(shared).filter(|key| !self.asked.contains(&key.as_str())) {
            self.problem(key, self.why_unknown(key));
        }
    }

    fn get(&self, key: &str) -> Option<&'a Value> {
        self.entries.get(key).or_else(|| self.group.as_ref()?.entries.get(key))
    }

    /// The group, if the value at `key` is its.
    fn group_of(&self, key: &str) -> Option<&Group<'a>> {
        self.group.as_ref().filter(|group| !self.entries.contains_key(key) && group.entries.contains_key(key))
    }

    fn add(&self, path: String, message: impl Into<String>) {
        match &self.reader {
            Some(reader) => self.report.add_for(path, message, reader),
            None => self.report.add(path, message),
        }
    }

    fn inner(&self, key: &str, value: &'a Value) -> Option<Self> {
        let (place, reader) = match self.group_of(key) {
            Some(group) => (&group.path, Some(&group.reader)),
            None => (&self.path, self.reader.as_ref()),
        };
        if let Value::Object(entries) = value {
            let (path, reader) = (path(place, key), reader.cloned());
            return Some(Self { path, entries, group: None, reader, asked: Vec::new(), report: self.report });
        }
        self.problem(key, format!("expected a table, found {}", found(value)));
        None
    }

    /// Never repeats the value: it may be a secret in the wrong place.
    fn why_unknown(&self, key: &str) -> String {
        let lower = key.to_ascii_lowercase();
        if is_secret(&lower) {
            return SECRET.to_owned();
        }
        let distance = |known: &&str| strsim::osa_distance(&lower, &known.to_ascii_lowercase());
        match self.asked.iter().min_by_key(|known| distance(known)).filter(|known| distance(known) <= MISSPELT) {
            Some(known) => format!("unknown key, did you mean `{known}`?"),
            None if self.asked.is_empty() => "unknown key, this table has none".to_owned(),
            None => format!("unknown key, expected one of {}", listed(&self.asked)),
        }
    }
}

fn listed(keys: &[&str]) -> String {
    keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ")
}
