//! A provider of SAML: what to enter there, and how it is believed.

use postern::config::{Config, Provider, Saml, SamlMetadata, SamlSubject};

/// Lines below the provider's name.
pub(super) fn describe(config: &Config, provider: &Provider, saml: &Saml) -> String {
    let address = |endpoint: &str| config.public_url.join(&format!("/auth/saml/{endpoint}/{}", provider.id));
    let own = saml.entity_id.clone().unwrap_or_else(|| address("metadata"));
    let source = match &saml.metadata {
        SamlMetadata::Published { at, pins } => {
            format!("{}, {} pinned", at.as_str(), if pins.len() == 1 { "one certificate" } else { "two certificates" })
        }
        SamlMetadata::Given(_) => "given, with every key in it".to_owned(),
    };
    let subject = match &saml.subject {
        SamlSubject::NameId => "NameID".to_owned(),
        SamlSubject::Attribute(name) => format!("the attribute {name}"),
    };
    let encrypted = match &saml.encryption {
        Some(how) if how.required => ", assertions have to be encrypted",
        Some(_) => ", assertions may be encrypted",
        None => "",
    };
    let signed = if saml.signing.is_some() { "signed" } else { "not signed" };
    format!(
        "    SAML 2.0, experimental    requests are {signed}, people are told apart by {subject}{encrypted}\n    \
         our metadata              {}\n    our entityID              {own}\n    \
         assertion consumer URL    {}\n    single logout URL         {}\n    its metadata              {source}\n",
        address("metadata"),
        address("acs"),
        address("slo"),
    )
}
