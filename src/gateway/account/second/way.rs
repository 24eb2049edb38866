//! Where a person wanted to go when they were asked for a second factor.

use crate::config::PublicUrl;
use crate::oidc::return_to::ReturnTo;

/// The page of a person's factors.
pub(super) const PAGE: &str = "/auth/second";
/// The page where one is proven.
pub(super) const VERIFY: &str = "/auth/second/verify";

/// Where to go on, if that was said.
#[derive(Clone, Debug, Default)]
pub(super) struct Way(Option<ReturnTo>);

impl Way {
    /// What the query says. Whatever is no place of ours is none.
    pub(super) fn of_query(query: Option<&str>, own: &PublicUrl) -> Self {
        let said = form_urlencoded::parse(query.unwrap_or_default().as_bytes()).find(|(name, _)| name == "return_to");
        Self::parse(said.as_ref().map(|(_, value)| &**value), own)
    }

    /// The same of a form's field. The page that asks is no place to come back to.
    pub(super) fn parse(text: Option<&str>, own: &PublicUrl) -> Self {
        let leads_on = |way: &ReturnTo| !way.as_str().starts_with(VERIFY);
        Self(text.and_then(|text| ReturnTo::parse_nearest(text, own)).filter(leads_on))
    }

    /// The factors themselves, whatever was said before.
    pub(super) fn to_factors(&self) -> String {
        match self.said() {
            None => PAGE.to_owned(),
            Some(way) => with_return(PAGE, way),
        }
    }

    /// Where it leads, if that was said.
    pub(super) fn said(&self) -> Option<&str> {
        self.0.as_ref().map(ReturnTo::as_str)
    }

    /// Where it leads.
    pub(super) fn onward(&self) -> &str {
        self.said().unwrap_or("/")
    }
}

/// The page that asks for a proof, and comes back to this one of ours.
pub(super) fn verify_and_back(here: &str) -> String {
    with_return(VERIFY, here)
}

fn with_return(page: &str, way: &str) -> String {
    let query = form_urlencoded::Serializer::new(String::new()).append_pair("return_to", way).finish();
    format!("{page}?{query}")
}
