//! `VERIFY`: another proxy asks at `/auth/verify` whether a request may pass.

use super::secrets::{Secrets, VERIFY};
use super::table::Table;
use super::value::parsed;
use crate::http::public_url::PublicUrl;
use crate::secret::{Secret, is_one_of};

const HOST: &str = "a host such as `postern.example.net`, with a port if need be";

/// Who may ask, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verify {
    /// Secret `POSTERN_VERIFY_SECRET`: what the proxy shows. Never empty; two while it changes.
    secrets: Vec<Secret<String>>,
    /// `host`: the name under which the proxy reaches us, where that is not `PUBLIC_URL`'s. Nothing but our own paths
    /// is there.
    pub host: Option<String>,
}

impl Verify {
    /// Whether this is what the proxy shows. Takes as long whichever it is, and wherever they differ.
    #[must_use]
    pub fn knows(&self, shown: &str) -> bool {
        is_one_of(&self.secrets, shown)
    }
}

/// Reads `VERIFY`; `None` when its secret is missing or wrong, which is reported.
pub(super) fn read(mut table: Table<'_>, secrets: &Secrets<'_>, public_url: Option<&PublicUrl>) -> Option<Verify> {
    let host = table.optional("host", parsed(HOST, host));
    if host.as_deref().is_some_and(|host| public_url.is_some_and(|public| public.host() == host)) {
        table.problem("host", "is `PUBLIC_URL`'s own, leave it out");
    }
    table.finish();
    Some(Verify { secrets: secrets.shared(VERIFY)?, host })
}

/// `host[:port]`, as requests name it.
pub(super) fn host(text: &str) -> Option<String> {
    let url = PublicUrl::parse(&format!("https://{text}")).filter(|_| !text.ends_with('/'));
    url.map(|url| url.host().to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::tests::{small, with};
    use super::super::{Config, Problem};

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    fn parse(verify: Value, secret: Option<&str>) -> Result<Config, Vec<Problem>> {
        let ring = format!("k1:{}", "E".repeat(43));
        let lookup = |name: &str| match name {
            "POSTERN_KEYS" => Some(ring.clone()),
            "POSTERN_VERIFY_SECRET" => secret.map(str::to_owned),
            _ => Some("hunter2".to_owned()),
        };
        Config::parse(with(small(), &["VERIFY"], verify).as_object().unwrap(), &lookup)
    }

    fn problem(verify: Value, secret: Option<&str>) -> String {
        let problems = parse(verify, secret).map(|_| ()).unwrap_err();
        assert_eq!(problems.len(), 1, "{problems:?}");
        problems[0].to_string()
    }

    #[test]
    fn the_proxy_shows_one_of_at_most_two_secrets() {
        let changing = format!("{SECRET} \n{}", SECRET.to_uppercase());
        let verify = parse(json!({}), Some(&changing)).unwrap().verify.unwrap();
        assert!(verify.knows(SECRET) && verify.knows(&SECRET.to_uppercase()));
        for other in ["", SECRET.trim_start_matches('0'), &format!("{SECRET}0"), &changing] {
            assert!(!verify.knows(other), "{other}");
        }
        assert!(!format!("{verify:?}").contains(SECRET));
    }

    #[test]
    fn a_secret_that_could_be_guessed_is_refused_and_never_repeated() {
        for bad in ["hunter2-hunter2-hunter2-hunter2", "é123456789abcdef0123456789abcdef", &format!("{SECRET} x")] {
            let line = problem(json!({}), Some(bad));
            assert!(line.starts_with("POSTERN_VERIFY_SECRET: expected 32 to 256"), "{line}");
            assert!(!line.contains("hunter2") && !line.contains(SECRET), "{line}");
        }
        assert!(problem(json!({}), None).contains("wrangler secret put POSTERN_VERIFY_SECRET"));
        assert!(problem(json!({ "secret": SECRET }), Some(SECRET)).starts_with("VERIFY.secret: belongs in a secret"));
        let three = [SECRET; 3].join(" ");
        assert!(problem(json!({}), Some(&three)).contains("or two such"));
    }

    #[test]
    fn the_proxy_may_know_us_by_another_name() {
        let host = |host: &str| parse(json!({ "host": host }), Some(SECRET)).map(|config| config.verify.unwrap().host);
        assert_eq!(host("Postern.example.net:443").unwrap().as_deref(), Some("postern.example.net"));
        assert_eq!(host("postern.example.net:8443").unwrap().as_deref(), Some("postern.example.net:8443"));
        for bad in ["", "https://postern.example.net", "postern.example.net/", "a b", "user@postern.example.net"] {
            assert!(problem(json!({ "host": bad }), Some(SECRET)).starts_with("VERIFY.host: expected a host"), "{bad}");
        }
        assert!(problem(json!({ "host": "app.example.com" }), Some(SECRET)).contains("`PUBLIC_URL`'s own"));
        let config = Config::parse(small().as_object().unwrap(), &|_| Some(format!("k1:{}", "E".repeat(43))));
        assert!(config.unwrap().verify.is_none());
    }

    #[test]
    fn a_route_without_upstream_is_for_those_who_ask() {
        let routes = json!({ "/a": { "upstream": "none" } });
        let vars = with(with(small(), &["VERIFY"], json!({})), &["ROUTES"], routes.clone());
        let secret = |name: &str| {
            let ring = format!("k1:{}", "E".repeat(43));
            Some(if name == "POSTERN_KEYS" { ring } else { SECRET.to_owned() })
        };
        let config = Config::parse(vars.as_object().unwrap(), &secret).unwrap();
        assert_eq!(config.routes.routes()[0].upstream, None);
        let without = Config::parse(with(small(), &["ROUTES"], routes).as_object().unwrap(), &secret).unwrap_err();
        assert!(without[0].to_string().contains("there is no `VERIFY`"), "{without:?}");
    }
}
