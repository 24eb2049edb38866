//! What a provider's table says of its place among the others: on the page where people choose one, and behind their
//! e-mail addresses.

use serde_json::Value;

use super::Provider;
use super::pages::image;
use super::require::domain;
use super::table::Table;
use super::value::{choice, flag, list, one_of, whole_number};

const ICONS: [(&str, Icon); 3] = [("building", Icon::Building), ("people", Icon::People), ("key", Icon::Key)];
const OTHER_ACCOUNTS: [(&str, OtherAccount); 3] =
    [("select_account", OtherAccount::SelectAccount), ("login", OtherAccount::Login), ("none", OtherAccount::None)];
const LAST: u32 = 9999;
const MAX_DOMAINS: usize = 64;

/// A provider among the others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProviderChoice {
    /// `order`: its place on the page. Default: that in the file.
    pub order: Option<u32>,
    /// `hidden`: whether the page leaves it out. Default false.
    pub hidden: bool,
    /// `icon`. Default: the first letter of its name.
    pub icon: Option<Icon>,
    /// `domains`: whose e-mail addresses belong to it. Default none.
    pub domains: Vec<String>,
    /// `other_account`: how it is asked for another account. Default `select_account`.
    pub other_account: OtherAccount,
}

/// What stands beside a provider's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Icon {
    /// `building`: of ours.
    Building,
    /// `people`: of ours.
    People,
    /// `key`: of ours.
    Key,
    /// An image of the deployment's, by its path.
    Image(String),
}

impl Icon {
    /// The path of an image.
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        if let Self::Image(path) = self { Some(path) } else { None }
    }
}

/// How a provider is asked to let a signed-in person choose another account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OtherAccount {
    /// By `prompt=select_account` (OpenID Connect Core §3.1.2.1).
    #[default]
    SelectAccount,
    /// By `prompt=login`: it knows no other.
    Login,
    /// Not at all: only a sign-out there helps.
    None,
}

/// Reads the keys of a provider's table that are about this.
pub(super) fn read(table: &mut Table<'_>) -> ProviderChoice {
    let domains = table.optional("domains", list("a domain such as `example.com`", domain)).unwrap_or_default();
    if domains.len() > MAX_DOMAINS {
        table.problem("domains", format!("expected at most {MAX_DOMAINS}, found {}", domains.len()));
    }
    ProviderChoice {
        order: table.optional("order", whole_number(0, LAST)),
        hidden: table.optional("hidden", flag).unwrap_or(false),
        icon: table.optional("icon", icon),
        domains,
        other_account: table.optional("other_account", choice(&OTHER_ACCOUNTS)).unwrap_or_default(),
    }
}

fn icon(value: &Value) -> Result<Icon, String> {
    let word = value.as_str().unwrap_or_default();
    if let Some((_, icon)) = ICONS.iter().find(|(name, _)| *name == word) {
        return Ok(icon.clone());
    }
    image(value)
        .map(Icon::Image)
        .map_err(|message| message.replacen("expected ", &format!("expected {} or ", one_of(&ICONS)), 1))
}

/// Two providers cannot both be the one behind an address, and one that is neither shown nor found is there for nobody.
pub(super) fn refuse_contradictions(table: &Table<'_>, providers: &[Provider]) {
    for (place, provider) in providers.iter().enumerate() {
        let before = providers.iter().take(place);
        let shared = before.flat_map(|other| other.choice.domains.iter().map(move |domain| (other, domain)));
        for (other, domain) in shared.filter(|(_, domain)| provider.choice.domains.contains(domain)) {
            table.problem_in(
                provider.id.as_str(),
                "domains",
                format!("`{domain}` is one of provider `{}` already", other.id),
            );
        }
    }
    let is_reachable = |provider: &Provider| !provider.choice.hidden || !provider.choice.domains.is_empty();
    if let (Some(first), false) = (providers.first(), providers.iter().any(is_reachable)) {
        table.problem_in(
            first.id.as_str(),
            "hidden",
            "all providers are hidden and none has `domains`: people could choose none",
        );
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::provider;
    use super::super::tests::{problems, small, with};
    use super::*;

    #[test]
    fn a_provider_that_says_nothing_is_shown() {
        assert_eq!(provider(|_| ()).choice, ProviderChoice::default());
    }

    #[test]
    fn its_place_icon_and_domains_are_read() {
        let choice = provider(|table| {
            table["order"] = json!(3);
            table["icon"] = json!("building");
            table["domains"] = json!(["example.com", "example.org"]);
            table["other_account"] = json!("login");
        })
        .choice;
        assert_eq!(
            (choice.order, choice.icon, choice.other_account),
            (Some(3), Some(Icon::Building), OtherAccount::Login)
        );
        assert_eq!(choice.domains, ["example.com", "example.org"]);
        assert_eq!(provider(|table| table["icon"] = json!("/")).choice.icon, Some(Icon::Image("/".to_owned())));
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        let wrong = |key: &str, value: Value| {
            let mut vars = small();
            vars["PROVIDERS"]["corp"][key] = value;
            problems(&vars).join("\n")
        };
        for (key, value, expected) in [
            ("icon", json!("google"), "PROVIDERS.corp.icon: expected `building` or `people` or `key` or a path"),
            ("icon", json!("/api/icon.svg"), "PROVIDERS.corp.icon: expected the path of an image"),
            ("domains", json!(["Example.com"]), "PROVIDERS.corp.domains: expected a domain"),
            ("hidden", json!(true), "PROVIDERS.corp.hidden: all providers are hidden"),
            ("other_account", json!("consent"), "PROVIDERS.corp.other_account: expected"),
            ("order", json!(-1), "PROVIDERS.corp.order: expected a whole number"),
        ] {
            assert!(wrong(key, value).starts_with(expected), "{key}");
        }
        let mut vars = small();
        let mut other = vars["PROVIDERS"]["corp"].clone();
        other["issuer"] = json!("https://other.example.com");
        other["domains"] = json!(["example.com"]);
        vars["PROVIDERS"]["corp"]["domains"] = json!(["example.com"]);
        vars["PROVIDERS"]["other"] = other;
        let vars = with(vars, &["SESSION"], json!({}));
        assert_eq!(problems(&vars), ["PROVIDERS.other.domains: `example.com` is one of provider `corp` already"]);
    }
}
