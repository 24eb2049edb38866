//! `client_auth`: how Postern proves to an authorization server that it is the client, with the secret for it.

use super::binding::is_binding;
use super::issuer::TokenIssuer;
use super::problem::expected;
use super::provider::Provider;
use super::secrets::{SecretOwner, Secrets};
use super::sender_constrained;
use super::services::ServiceClient;
use super::table::Table;
use super::value::{choice, parsed, text};
use crate::ids::ProviderId;
use crate::jose::client_secret::MIN_SECRET_BYTES;
use crate::jose::{Algorithm, DEFAULT_TYP};
use crate::secret::Secret;

const ALGORITHMS: [(&str, Algorithm); 4] = [
    ("ES256", Algorithm::Es256),
    ("RS256", Algorithm::Rs256),
    ("PS256", Algorithm::Ps256),
    ("EdDSA", Algorithm::EdDsa),
];
/// The second by draft-ietf-oauth-rfc7523bis §3.
const TYPS: [(&str, &str); 2] =
    [(DEFAULT_TYP, DEFAULT_TYP), ("client-authentication+jwt", "client-authentication+jwt")];
const CLIENT_SECRET_BASIC: &str = "client_secret_basic";
const CLIENT_SECRET_JWT: &str = "client_secret_jwt";
const PRIVATE_KEY_JWT: &str = "private_key_jwt";
const TLS: [&str; 2] = ["tls_client_auth", "self_signed_tls_client_auth"];
const BINDING: &str = "a binding of `mtls_certificates`: capitals, digits and `_`";
const NONE: &str = "none";
const APPLE: &str = "apple";
const APPLE_ID: &str = "an ID of capital letters and digits";

/// How Postern proves to an authorization server that it is the client.
#[derive(Clone, Debug)]
pub enum ClientAuth {
    /// `client_secret_basic` (RFC 6749 §2.3.1): the default.
    Basic(Secret<String>),
    /// `client_secret_post` (RFC 6749 §2.3.1).
    Post(Secret<String>),
    /// `client_secret_jwt` (OpenID Connect Core §9): an assertion by the secret.
    SecretJwt(SecretAssertion),
    /// `private_key_jwt` (RFC 7523).
    PrivateKeyJwt(ClientAssertion),
    /// `tls_client_auth`, `self_signed_tls_client_auth` (RFC 8705 §2): a certificate.
    Tls(TlsCertificate),
    /// `none` (OpenID Connect Core §9): a public client, whose code PKCE alone protects. Of providers only.
    None,
    /// `apple`: a client secret that is signed for each request, as Apple wants it. Of providers only.
    Apple(AppleKey),
}

/// How client secrets for Apple are made.
#[derive(Clone, Debug)]
pub struct AppleKey {
    /// The private key as a JWK, with the key's ID as its `kid`.
    pub key: Secret<String>,
    /// `team_id`: who signs.
    pub team_id: String,
}

/// How a client's assertions are made.
#[derive(Clone, Debug)]
pub struct ClientAssertion {
    /// The private key as a JWK, perhaps with a `kid` or a certificate.
    pub key: Secret<String>,
    /// The key that comes after it, or came before: published, and signs nothing.
    pub other_key: Option<Secret<String>>,
    /// `client_assertion.alg`: ES256, RS256, PS256 or EdDSA. Default ES256.
    pub algorithm: Algorithm,
    /// `client_assertion.typ`: the header's `typ`. Default `JWT`.
    pub typ: &'static str,
    /// `client_assertion.audience`: whom they are for. Default the issuer.
    pub audience: AssertionAudience,
}

/// The certificate by which a client proves itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsCertificate {
    /// `mtls_certificate`: the binding that shows it.
    pub binding: String,
    /// Whether the server knows the certificate itself (RFC 8705 §2.2), and not its issuer (§2.1). To us it is the same.
    pub self_signed: bool,
}

/// How assertions by a client's secret are made.
#[derive(Clone, Debug)]
pub struct SecretAssertion {
    /// The secret, of 32 bytes or more.
    pub secret: Secret<String>,
    /// `client_assertion.typ`.
    pub typ: &'static str,
    /// `client_assertion.audience`.
    pub audience: AssertionAudience,
}

impl ClientAuth {
    /// The binding whose certificate is shown to the server, where that is the proof.
    #[must_use]
    pub fn certificate(&self) -> Option<&str> {
        match self {
            Self::Tls(shown) => Some(&shown.binding),
            _ => None,
        }
    }

    /// The secret or private key that is the proof, where it is one.
    #[must_use]
    pub fn secret(&self) -> Option<&Secret<String>> {
        match self {
            Self::Basic(secret) | Self::Post(secret) => Some(secret),
            Self::SecretJwt(how) => Some(&how.secret),
            Self::PrivateKeyJwt(how) => Some(&how.key),
            Self::Apple(how) => Some(&how.key),
            Self::Tls(_) | Self::None => None,
        }
    }
}

/// At `/auth/clients/ID/jwks.json` a server would take the keys of another client for those of the service too.
pub(super) fn refuse_shared_addresses(
    top: &Table<'_>,
    providers: &[Provider],
    issuers: &[TokenIssuer],
    services: &[ServiceClient],
) {
    let signs = |auth: &ClientAuth| matches!(auth, ClientAuth::PrivateKeyJwt(_));
    for service in services.iter().filter(|service| signs(&service.client_auth)) {
        let id = service.id.as_str();
        let of_provider = providers.iter().any(|one| one.id.as_str() == id && signs(&one.client_auth));
        let mut introspecting =
            issuers.iter().filter(|one| one.id.as_str() == id).filter_map(TokenIssuer::introspection);
        let other = match () {
            () if of_provider => "PROVIDERS",
            () if introspecting.any(|how| signs(&how.client_auth)) => "ISSUERS",
            () => continue,
        };
        let message = format!("would publish its key where `{other}.{id}` publishes its own: use another id");
        top.problem_at(&["SERVICES", id], message);
    }
}

/// Whom a client's assertion is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AssertionAudience {
    /// The issuer (FAPI 2.0 §5.3.3.1).
    Issuer,
    /// The endpoint that it is sent to: the token endpoint in token requests (OpenID Connect Core §9).
    Endpoint,
    /// Always this.
    Fixed(String),
}

/// Reads `client_auth` and `client_assertion` of a table, and the secret of its owner.
pub(super) fn read(table: &mut Table<'_>, secrets: &Secrets<'_>, owner: &SecretOwner<'_>) -> Option<ClientAuth> {
    read_or(table, secrets, owner, CLIENT_SECRET_BASIC)
}

/// The same of a provider. `by_key`: whether its key is the default, and not a secret.
pub(super) fn read_of_provider(
    table: &mut Table<'_>,
    secrets: &Secrets<'_>,
    id: &ProviderId,
    by_key: bool,
) -> Option<ClientAuth> {
    let default = if by_key { PRIVATE_KEY_JWT } else { CLIENT_SECRET_BASIC };
    read_or(table, secrets, &SecretOwner::Provider(id), default)
}

fn read_or(
    table: &mut Table<'_>,
    secrets: &Secrets<'_>,
    owner: &SecretOwner<'_>,
    default: &'static str,
) -> Option<ClientAuth> {
    let [tls, self_signed] = TLS;
    let proofs = [CLIENT_SECRET_BASIC, "client_secret_post", CLIENT_SECRET_JWT, PRIVATE_KEY_JWT, tls, self_signed];
    let methods: Vec<(&str, &str)> = proofs.into_iter().chain([NONE, APPLE]).map(|word| (word, word)).collect();
    // RFC 7662 §2.1, RFC 6749 §4.4: who asks about tokens, or for one of its own, proves who it is.
    let proving = methods.get(..proofs.len()).unwrap_or_default();
    let allowed = if matches!(owner, SecretOwner::Provider(_)) { &methods[..] } else { proving };
    let given = table.optional("client_auth", choice(allowed));
    let method = match given {
        Some(given) => given,
        None if table.has("client_auth") => return None,
        None => default,
    };
    let for_tokens = matches!(owner, SecretOwner::Provider(_)) && sender_constrained::wants_certificate(table);
    if table.peek("mtls_certificate").is_some() && !TLS.contains(&method) && !for_tokens {
        table.problem("mtls_certificate", format!("is about `{tls}`, and `client_auth` is `{method}`"));
    }
    match method {
        PRIVATE_KEY_JWT => return assertion(table, secrets, owner).map(ClientAuth::PrivateKeyJwt),
        CLIENT_SECRET_JWT => return secret_assertion(table, secrets, owner).map(ClientAuth::SecretJwt),
        _ => {}
    }
    if table.peek("client_assertion").is_some() {
        table.problem("client_assertion", format!("is about `{PRIVATE_KEY_JWT}`, and `client_auth` is `{method}`"));
    }
    match method {
        method if TLS.contains(&method) => {
            let binding = certificate_binding(table)?;
            Some(ClientAuth::Tls(TlsCertificate { binding, self_signed: method == self_signed }))
        }
        APPLE => apple(table, secrets, owner).map(ClientAuth::Apple),
        NONE => Some(ClientAuth::None),
        "client_secret_post" => secrets.required(&owner.client_secret_name()).map(ClientAuth::Post),
        _ => secrets.required(&owner.client_secret_name()).map(ClientAuth::Basic),
    }
}

/// Whose certificate is shown.
pub(super) fn certificate_binding(table: &mut Table<'_>) -> Option<String> {
    let binding = parsed(BINDING, |text: &str| is_binding(text).then(|| text.to_owned()));
    table.required("mtls_certificate", BINDING, binding)
}

fn apple(table: &mut Table<'_>, secrets: &Secrets<'_>, owner: &SecretOwner<'_>) -> Option<AppleKey> {
    let id = |text: &str| {
        let fits = (1..=32).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
        fits.then(|| text.to_owned())
    };
    let team_id = table.required("team_id", APPLE_ID, parsed(APPLE_ID, id));
    let key_id = table.required("key_id", APPLE_ID, parsed(APPLE_ID, id));
    let key = secrets.apple_key(&owner.private_key_name(), key_id.as_deref());
    Some(AppleKey { key: key?, team_id: team_id? })
}

fn assertion(table: &mut Table<'_>, secrets: &Secrets<'_>, owner: &SecretOwner<'_>) -> Option<ClientAssertion> {
    let mut algorithm = None;
    let mut form = AssertionForm::default();
    if let Some(mut inner) = table.table("client_assertion") {
        algorithm = inner.optional("alg", choice(&ALGORITHMS));
        form = AssertionForm::read(&mut inner);
        inner.finish();
    }
    let algorithm = algorithm.unwrap_or(Algorithm::Es256);
    let other_key = secrets.other_private_key(&owner.next_private_key_name(), algorithm);
    let key = secrets.private_key(&owner.private_key_name(), algorithm)?;
    let AssertionForm { typ, audience } = form;
    Some(ClientAssertion { key, other_key, algorithm, typ, audience })
}

fn secret_assertion(table: &mut Table<'_>, secrets: &Secrets<'_>, owner: &SecretOwner<'_>) -> Option<SecretAssertion> {
    let mut form = AssertionForm::default();
    if let Some(mut inner) = table.table("client_assertion") {
        if inner.peek("alg").is_some() {
            inner.problem("alg", format!("is about `{PRIVATE_KEY_JWT}`: by a secret it is always HS256"));
        }
        form = AssertionForm::read(&mut inner);
        inner.finish();
    }
    let secret = secrets.long(&owner.client_secret_name(), MIN_SECRET_BYTES)?;
    Some(SecretAssertion { secret, typ: form.typ, audience: form.audience })
}

/// What assertions of both kinds say.
struct AssertionForm {
    typ: &'static str,
    audience: AssertionAudience,
}

impl Default for AssertionForm {
    fn default() -> Self {
        Self { typ: DEFAULT_TYP, audience: AssertionAudience::Issuer }
    }
}

impl AssertionForm {
    fn read(table: &mut Table<'_>) -> Self {
        let typ = table.optional("typ", choice(&TYPS)).unwrap_or(DEFAULT_TYP);
        let audience = table.optional("audience", assertion_audience).unwrap_or(AssertionAudience::Issuer);
        Self { typ, audience }
    }
}

fn assertion_audience(value: &serde_json::Value) -> Result<AssertionAudience, String> {
    match text(value)? {
        "issuer" => Ok(AssertionAudience::Issuer),
        "endpoint" => Ok(AssertionAudience::Endpoint),
        text if text.starts_with("https://") && url::Url::parse(text).is_ok() => {
            Ok(AssertionAudience::Fixed(text.to_owned()))
        }
        other => Err(expected("`issuer`, `endpoint` or an https URL", other)),
    }
}
