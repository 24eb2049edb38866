//! `PROVIDERS.ID.saml`: a provider that speaks SAML 2.0 in place of OpenID Connect. Experimental.
//!
//! Its `issuer` is its entityID. What is about clients, codes and tokens has no meaning for it: such keys are mistakes.

use serde_json::Value;

use super::address::Issuer;
use super::client_auth::ClientAuth;
use super::fapi::{Par, RequestRules};
use super::id_token_encryption::{self, IdTokenEncryption};
use super::preset::Kind;
use super::provider::{Inability, LoginParameter, Provider, ResponseMode, ends, strength};
use super::provider_choice;
use super::secrets::{SecretOwner, Secrets};
use super::sign_out::{Logout, LogoutTokens, SignOut};
use super::table::Table;
use super::value::{choice, flag, label, list, parsed, paths, text, word};
use crate::claims::path::ClaimPath;
use crate::ids::ProviderId;
use crate::jose::Algorithm;
use crate::secret::Secret;

/// The SAML Worker reads no more.
const MAX_METADATA_BYTES: usize = 256 * 1024;
/// One, and the one that comes after it.
const MAX_PINS: usize = 2;
/// What we say ourselves.
pub(crate) const OWN_CLAIMS: [&str; 2] = ["iss", "sub"];
const ATTRIBUTE: &str = "attr:";
const ENTITY: &str = "an entityID: an absolute URI of at most 1,024 visible ASCII characters";
const METADATA: &str = "an https URL, or the metadata itself: an XML document";
const PIN: &str = "the SHA-256 fingerprint of a certificate: 64 hexadecimal digits, perhaps with colons";
const LOGOUTS: [(&str, Logout); 2] = [("provider", Logout::Provider), ("local", Logout::Local)];
const ALGORITHMS: [(&str, Algorithm); 2] = [("RS256", Algorithm::Rs256), ("ES256", Algorithm::Es256)];

const FORMATS: [(&str, NameIdFormat); 4] = [
    ("persistent", NameIdFormat("urn:oasis:names:tc:SAML:2.0:nameid-format:persistent")),
    ("transient", NameIdFormat(NameIdFormat::TRANSIENT)),
    ("email", NameIdFormat("urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress")),
    ("unspecified", NameIdFormat("urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified")),
];

/// How a provider of SAML is asked and believed.
#[derive(Clone, Debug)]
pub struct Saml {
    /// `metadata`, or the secret in its place.
    pub metadata: SamlMetadata,
    /// `entity_id`: what we are called there. `None`: the address of our metadata.
    pub entity_id: Option<String>,
    /// `subject`: by what people are told apart.
    pub subject: SamlSubject,
    /// `claims`: which claims are which attributes; every attribute is also a claim by its own names.
    pub claims: Vec<(String, String)>,
    /// `emails_verified`: whether the provider's word for an e-mail address is enough. Default false.
    pub emails_verified: bool,
    /// `name_id_format`: which names are asked for. Default: none in particular.
    pub name_id_format: Option<NameIdFormat>,
    /// `sign_requests`: the key that signs what we ask. `None`: nothing is signed.
    pub signing: Option<SamlSigning>,
    /// `encrypted`: whether its assertions are encrypted for us. `None`: they are not.
    pub encryption: Option<IdTokenEncryption>,
}

/// Where the endpoints and keys of a provider come from.
#[derive(Clone, Debug)]
pub enum SamlMetadata {
    /// From an address. Keys there count by their fingerprints alone: whoever answers there cannot add one.
    Published {
        /// The address.
        at: Issuer,
        /// `certificates`: the SHA-256 of each certificate that counts, in small hexadecimal digits; one or two.
        pins: Vec<String>,
    },
    /// From the configuration, or a secret: every signing key in it counts.
    Given(String),
}

/// By what people are told apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SamlSubject {
    /// Their `NameID`, which must last.
    NameId,
    /// The only value of this attribute.
    Attribute(String),
}

/// The format of a `NameID` (SAML Core §8.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NameIdFormat(pub &'static str);

impl NameIdFormat {
    /// Another name at each sign-in.
    pub const TRANSIENT: &'static str = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient";
}

/// What our requests are signed with.
#[derive(Clone, Debug)]
pub struct SamlSigning {
    /// The private key as a JWK, perhaps with its certificate in `x5c`.
    pub key: Secret<String>,
    /// RS256 or ES256.
    pub algorithm: Algorithm,
}

/// Reads the table of a provider that has a table `saml`: as [`Table::section`] does, by code of its own.
#[inline(never)]
pub(super) fn read(id: ProviderId, mut table: Table<'_>, secrets: &Secrets<'_>, development: bool) -> Option<Provider> {
    let issuer = table.required("issuer", ENTITY, entity);
    let saml = table.table("saml").and_then(|inner| rules(inner, secrets, (&id, development)));
    let name = table.optional("name", parsed("a name of 1 to 80 characters", label));
    let (acr_values, max_age, cannot) = strength(&mut table, Kind::OpenId);
    let (session_max, not_before) = ends(&mut table);
    let logout = table.optional("logout", choice(&LOGOUTS)).unwrap_or(Logout::Provider);
    let roles = paths(&mut table, "roles");
    let permissions = paths(&mut table, "permissions");
    let tenant = table.optional("tenant", parsed(ClaimPath::EXPECTED, ClaimPath::parse));
    let choice = provider_choice::read(&mut table);
    table.finish();
    Some(Provider {
        name: name.unwrap_or_else(|| id.to_string()),
        id,
        issuer: issuer?,
        client_id: String::new(),
        client_auth: ClientAuth::None,
        scopes: Vec::new(),
        // It posts its answers.
        response_mode: ResponseMode::FormPost,
        id_token_algs: Vec::new(),
        trusted_audiences: None,
        pass_through: vec![LoginParameter::Prompt, LoginParameter::AcrValues, LoginParameter::MaxAge],
        pass_through_own: Vec::new(),
        prompt: None,
        acr_values,
        max_age,
        resource: None,
        authorization_params: Vec::new(),
        sign_out: sign_out(logout),
        revocation: None,
        session_max,
        not_before,
        // It tells of sign-outs in its own way.
        cannot: cannot.into_iter().chain([Inability::BackchannelLogout]).collect(),
        oauth2: None,
        saml: Some(Box::new(saml?)),
        requests: RequestRules { par: Par::Off, signed: false, fapi2: false },
        sender_constrained: None,
        encrypted_id_token: None,
        frontchannel_logout: false,
        userinfo: false,
        roles: roles.unwrap_or_default(),
        permissions: permissions.unwrap_or_default(),
        tenant,
        choice,
    })
}

/// What the provider is called. With a `#` in it, policies could name none of its people, and every decision about them would be
/// a denial.
fn entity(value: &Value) -> Result<Issuer, String> {
    let issuer = parsed(ENTITY, Issuer::parse_entity)(value)?;
    if issuer.as_str().contains('#') {
        return Err("expected an entityID without `#`: policies name people by `ISSUER#SUBJECT`, and the first `#` ends the issuer".to_owned());
    }
    Ok(issuer)
}

const fn sign_out(logout: Logout) -> SignOut {
    SignOut {
        logout,
        id_token_hint: false,
        params: Vec::new(),
        endpoint: None,
        return_parameter: None,
        tokens: LogoutTokens::Standard,
    }
}

fn rules(mut table: Table<'_>, secrets: &Secrets<'_>, (id, development): (&ProviderId, bool)) -> Option<Saml> {
    let owner = SecretOwner::Provider(id);
    let metadata = metadata(&mut table, secrets, &owner, development);
    let entity_id = table.optional(
        "entity_id",
        parsed("an absolute URI", |text| Issuer::parse_entity(text).map(|entity| entity.as_str().to_owned())),
    );
    let subject = table.optional("subject", parsed("`nameid`, or `attr:` and the name of an attribute", subject));
    let claims = table.table("claims").map(|inner| claims(&inner)).unwrap_or_default();
    let emails_verified = table.optional("emails_verified", flag).unwrap_or(false);
    let name_id_format = table.optional("name_id_format", choice(&FORMATS));
    let is_transient = name_id_format.is_some_and(|format| format.0 == NameIdFormat::TRANSIENT);
    //
    if is_transient && !matches!(subject, Some(SamlSubject::Attribute(_))) {
        table.problem("name_id_format", "is another name at each sign-in: `subject` has to name an attribute");
    }
    let signs = table.optional("sign_requests", flag).unwrap_or(false);
    let algorithm = table.optional("signing_alg", choice(&ALGORITHMS));
    if algorithm.is_some() && !signs {
        table.problem("signing_alg", "is about `sign_requests`, which is not on");
    }
    let algorithm = algorithm.unwrap_or(Algorithm::Rs256);
    let key = if signs { secrets.private_key(&owner.private_key_name(), algorithm) } else { None };
    let signing = key.map(|key| SamlSigning { key, algorithm });
    let encryption = id_token_encryption::read_saml(&mut table, secrets, (id, signing.as_ref()));
    table.finish();
    if signs && signing.is_none() {
        return None;
    }
    Some(Saml {
        metadata: metadata?,
        entity_id,
        subject: subject.unwrap_or(SamlSubject::NameId),
        claims,
        emails_verified,
        name_id_format,
        signing,
        encryption,
    })
}

fn metadata(
    table: &mut Table<'_>,
    secrets: &Secrets<'_>,
    owner: &SecretOwner<'_>,
    development: bool,
) -> Option<SamlMetadata> {
    let has_pins = table.has("certificates");
    let pins = table.optional("certificates", list(PIN, pin));
    let is_given = table.has("metadata");
    let given = table.optional("metadata", parsed(METADATA, |text| place(text, development)));
    let metadata = match given {
        Some(metadata) => metadata,
        None if is_given => return None,
        None => {
            let text = secrets.required(&owner.metadata_name())?;
            let Some(metadata) = document(text.expose()) else {
                secrets.problem(&owner.metadata_name(), "expected the metadata itself: an XML document");
                return None;
            };
            metadata
        }
    };
    match (metadata, pins) {
        (SamlMetadata::Published { .. }, None) => {
            // Those that are wrong have their own problem.
            if !has_pins {
                table.problem(
                    "certificates",
                    "expected the fingerprints of the certificates that count: an address alone is not trusted with keys",
                );
            }
            None
        }
        (SamlMetadata::Published { at, .. }, Some(pins)) => {
            if !(1..=MAX_PINS).contains(&pins.len()) {
                table.problem("certificates", format!("expected one or {MAX_PINS}, found {}", pins.len()));
            }
            Some(SamlMetadata::Published { at, pins })
        }
        (SamlMetadata::Given(_), Some(_)) => {
            table.problem(
                "certificates",
                "is about metadata at an address: of that in the configuration every key counts",
            );
            None
        }
        (given @ SamlMetadata::Given(_), None) => Some(given),
    }
}

fn claims(table: &Table<'_>) -> Vec<(String, String)> {
    let mut claims = Vec::new();
    for (claim, attribute) in table.entries() {
        match text(attribute).map(word) {
            _ if OWN_CLAIMS.contains(&claim) || word(claim).is_none() => {
                table.problem(claim, "expected the name of a claim that is no identity");
            }
            Ok(Some(attribute)) => claims.push((claim.to_owned(), attribute)),
            Ok(None) => table.problem(claim, "expected the name of an attribute"),
            Err(message) => table.problem(claim, message),
        }
    }
    claims
}

/// An address, still without fingerprints, or the metadata itself.
fn place(text: &str, development: bool) -> Option<SamlMetadata> {
    let published = |at| SamlMetadata::Published { at, pins: Vec::new() };
    document(text).or_else(|| Issuer::parse_address(text, development).map(published))
}

fn document(text: &str) -> Option<SamlMetadata> {
    let is_document = text.trim_start().starts_with('<') && text.len() <= MAX_METADATA_BYTES;
    is_document.then(|| SamlMetadata::Given(text.trim().to_owned()))
}

fn pin(text: &str) -> Option<String> {
    let digits = text.replace(':', "").to_ascii_lowercase();
    super::certificates::fingerprint(&digits).map(|_| digits)
}

fn subject(text: &str) -> Option<SamlSubject> {
    match text.strip_prefix(ATTRIBUTE) {
        Some(name) => word(name).map(SamlSubject::Attribute),
        None => (text == "nameid").then_some(SamlSubject::NameId),
    }
}

#[cfg(test)]
mod tests;
