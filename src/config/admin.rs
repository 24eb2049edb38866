//! `ADMIN`: who may see and end the sessions of others.

use super::admin_services::{self, AdminServices};
use super::require::{self, Known};
use super::table::Table;
use super::value::{flag, list};
use crate::ids::ProviderId;
use crate::time::Seconds;

/// OpenID Connect Core §2: a `sub` has at most 255 ASCII characters.
pub(super) const MAX_SUBJECT_BYTES: usize = 255;

/// Whom `ADMIN` names; at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Administrators {
    principals: Vec<Administrator>,
    services: Option<AdminServices>,
    /// `blocks`: whether there is a block list. Then each request by a token asks it.
    pub blocks: bool,
    /// `second`: how long ago people who administer proved a second factor of ours at most. `None`: they are not asked.
    pub second: Option<Seconds>,
}

/// One of the people of `ADMIN.principals`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Administrator {
    /// The provider they sign in with.
    pub provider: ProviderId,
    /// What that provider calls them (`sub`); never an e-mail address.
    pub subject: String,
}

impl Administrators {
    /// Whether `provider` calls one of them `subject`. Compared byte for byte.
    #[must_use]
    pub fn contains(&self, provider: &str, subject: &str) -> bool {
        self.principals.iter().any(|one| one.provider.as_str() == provider && one.subject == subject)
    }

    /// All people, in the order of the configuration.
    #[must_use]
    pub fn all(&self) -> &[Administrator] {
        &self.principals
    }

    /// The services that may do some things; `None`: no token is looked at.
    #[must_use]
    pub const fn services(&self) -> Option<&AdminServices> {
        self.services.as_ref()
    }
}

/// Whether `ADMIN` says that there is a block list, for what is read before it.
pub(super) fn has_blocks(top: &mut Table<'_>) -> bool {
    top.peek("ADMIN").and_then(|admin| admin.get("blocks")) == Some(&serde_json::Value::Bool(true))
}

/// Reads `ADMIN`; `providers` are the ids of all providers.
pub(super) fn read(mut table: Table<'_>, providers: &[ProviderId], known: &Known<'_>) -> Option<Administrators> {
    let what = "`PROVIDER|SUBJECT`, the id of a provider and what it calls the person";
    let parse = list(what, |text| one(text, providers));
    let principals = if table.has("services") {
        table.optional("principals", parse)
    } else {
        table.required("principals", &format!("a list of {what}"), parse)
    };
    if principals.as_ref().is_some_and(Vec::is_empty) {
        table.problem("principals", "expected at least one, or no `ADMIN`");
    }
    let services = table.table("services").and_then(|table| admin_services::read(&table, known));
    let blocks = table.optional("blocks", flag).unwrap_or_default();
    let second = require::second(&mut table, known);
    table.finish();
    let principals = principals.unwrap_or_default();
    let names_somebody = !principals.is_empty() || services.is_some();
    names_somebody.then_some(Administrators { principals, services, blocks, second })
}

fn one(text: &str, providers: &[ProviderId]) -> Option<Administrator> {
    let (provider, subject) = text.split_once('|')?;
    let provider = providers.iter().find(|id| id.as_str() == provider)?.clone();
    is_subject(subject).then(|| Administrator { provider, subject: subject.to_owned() })
}

/// Whether a text can be a `sub` at all.
pub(super) fn is_subject(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_SUBJECT_BYTES && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::tests::{parse, problems, small, with};
    use crate::time::Seconds;

    fn admin(principals: Value) -> Value {
        with(small(), &["ADMIN"], json!({ "principals": principals }))
    }

    #[test]
    fn administrators_are_named_by_provider_and_subject() {
        let config = parse(&admin(json!(["corp|248289761001", "corp|a|b"]))).unwrap();
        let admin = config.admin.unwrap();
        assert!(admin.contains("corp", "248289761001") && admin.contains("corp", "a|b"));
        for (provider, subject) in
            [("corp", "24828976100"), ("Corp", "248289761001"), ("", "248289761001"), ("corp", "")]
        {
            assert!(!admin.contains(provider, subject), "{provider} {subject}");
        }
        assert_eq!(admin.all().len(), 2);
    }

    #[test]
    fn people_who_administer_may_be_asked_for_a_second_factor() {
        let table = |second: Value| json!({ "principals": ["corp|x"], "second": second });
        let with_second = |admin: Value| with(with(small(), &["SECOND"], json!({})), &["ADMIN"], admin);
        let asked = parse(&with_second(table(json!("15m")))).unwrap().admin.unwrap();
        assert_eq!(asked.second, Some(Seconds::minutes(15)));
        assert_eq!(parse(&admin(json!(["corp|x"]))).unwrap().admin.unwrap().second, None);
        let lines = problems(&with_second(table(json!("30s"))));
        assert!(lines.len() == 1 && lines[0].starts_with("ADMIN.second: "), "{lines:?}");
        let lines = problems(&with(small(), &["ADMIN"], table(json!("15m"))));
        assert_eq!(lines, ["ADMIN.second: nobody has a second factor: there is no `SECOND`"]);
    }

    #[test]
    fn without_the_table_there_is_no_administrator() {
        assert!(parse(&small()).unwrap().admin.is_none());
    }

    #[test]
    fn what_names_nobody_is_refused() {
        for bad in [
            json!([]),
            json!(["corp"]),
            json!(["corp|"]),
            json!(["nobody|x"]),
            json!(["corp|x", "corp|x"]),
            json!("corp|x"),
            json!([1]),
        ] {
            let lines = problems(&admin(bad.clone()));
            assert!(lines.len() == 1 && lines[0].starts_with("ADMIN.principals: "), "{bad}: {lines:?}");
        }
        let lines = problems(&with(small(), &["ADMIN"], json!({})));
        assert!(lines[0].starts_with("ADMIN.principals: expected a list"), "{lines:?}");
        let lines = problems(&with(small(), &["ADMIN"], json!({ "principals": ["corp|x"], "everyone": true })));
        assert!(lines[0].starts_with("ADMIN.everyone: unknown key"), "{lines:?}");
    }
}
