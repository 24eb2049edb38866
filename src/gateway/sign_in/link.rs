//! What a route wants of a sign-in → the link to the login page that asks for it.

use crate::authz::StepUp;
use crate::config::Provider;
use crate::oidc::transaction::asked_tag;
use crate::route::Requirements;
use crate::time::Seconds;

/// The login page, which asks for nothing in particular.
pub(crate) const LOGIN: &str = "/auth/login";
/// The page where a person proves a second factor of ours, and goes on from there.
pub(crate) const VERIFY: &str = "/auth/second/verify";

/// The login page, which asks for another account than the one at hand, and leads back to `here`.
pub(crate) fn other_account(here: &str) -> String {
    SignIn::default().link_with(&[("prompt", "select_account"), ("return_to", here)])
}

/// What the login page is to ask the provider for; or that it is not the provider who is asked, but the person for a second
/// factor of ours.
#[derive(Clone, Debug, Default)]
pub(crate) struct SignIn {
    second: bool,
    provider: Option<String>,
    acr_values: Vec<String>,
    max_age: Option<Seconds>,
}

impl SignIn {
    /// For whoever is not signed in: at once as the route wants it, so that nobody signs in twice.
    pub(crate) fn first(required: &Requirements) -> Self {
        Self { second: false, provider: None, acr_values: required.acr.clone(), max_age: required.max_age }
    }

    /// For whoever is signed in at `provider`, but not so. `None` where that cannot be asked of the provider.
    pub(crate) fn again(provider: &Provider, wanted: &StepUp) -> Option<Self> {
        Some(Self {
            second: false,
            provider: Some(provider.id.to_string()),
            acr_values: provider.acr_values_for(&wanted.acr_values)?,
            max_age: provider.max_age_for(wanted.max_age)?,
        })
    }

    /// For whoever is signed in, and is to prove a second factor of ours.
    pub(crate) fn second() -> Self {
        Self { second: true, ..Self::default() }
    }

    /// Whether it is a second factor of ours that is asked for.
    pub(crate) const fn is_second(&self) -> bool {
        self.second
    }

    /// The login page that asks for it.
    pub(crate) fn link(&self) -> String {
        self.link_with(&[])
    }

    /// The same, to come back to `here` from.
    pub(crate) fn link_back_to(&self, here: &str) -> String {
        self.link_with(&[("return_to", here)])
    }

    /// The same, with what is behind `#` in the browser's address taken along.
    pub(crate) fn link_keeping_fragment(&self, here: &str) -> String {
        self.link_with(&[("return_to", here), ("fragment", "keep")])
    }

    /// What is noted of it when somebody comes back from such a sign-in.
    pub(crate) fn tag(&self) -> Option<String> {
        asked_tag(&self.acr_values, self.max_age)
    }

    fn link_with(&self, more: &[(&str, &str)]) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let own = [
            ("provider", self.provider.clone()),
            ("acr_values", Some(self.acr_values.join(" ")).filter(|values| !values.is_empty())),
            ("max_age", self.max_age.map(|max_age| max_age.get().to_string())),
        ];
        for (name, value) in own.into_iter().filter_map(|(name, value)| Some((name, value?))) {
            query.append_pair(name, &value);
        }
        let query = query.extend_pairs(more).finish();
        let page = if self.second { VERIFY } else { LOGIN };
        if query.is_empty() { page.to_owned() } else { format!("{page}?{query}") }
    }
}
