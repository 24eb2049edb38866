//! Raw bindings → [`Config`], or every problem at once.

use crate::jose::Algorithm;
use crate::keyring::KeyRing;
pub use crate::provider_id::ProviderId;
use crate::route::Router;
use crate::secret::Secret;
use crate::time::Seconds;

/// A deployment, checked: whoever holds one may rely on every value in it.
#[derive(Debug)]
pub struct Config {
    /// `PUBLIC_URL`: the one origin the browser knows.
    pub public_url: PublicUrl,
    /// `PROVIDERS`, by id in alphabetical order; at least one.
    pub providers: Vec<Provider>,
    /// `SESSION`.
    pub session: SessionConfig,
    /// `ROUTES`.
    pub routes: Router,
    /// Secret `POSTERN_KEYS`.
    pub keys: KeyRing,
}

/// The origin Postern is reached at: `https`, or `http` on a loopback host (development only).
/// Origin comes from here alone, never from `Host`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl(String);

/// An issuer identifier (OIDC Discovery §3): an `https` URL without query or fragment, compared byte for byte.
/// `http` on a loopback host is accepted only when [`PublicUrl`] is such a one too.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Issuer(String);

/// One OpenID provider.
#[derive(Clone, Debug)]
pub struct Provider {
    /// The key of its table.
    pub id: ProviderId,
    /// `name`: what people read on the chooser; the id when absent.
    pub name: String,
    /// `issuer`.
    pub issuer: Issuer,
    /// `client_id`.
    pub client_id: String,
    /// `client_auth`, with its secret.
    pub client_auth: ClientAuth,
    /// `scopes`; contains `openid`. Default `["openid", "profile", "email"]`.
    pub scopes: Vec<String>,
    /// `response_mode`. Default `query`.
    pub response_mode: ResponseMode,
    /// `id_token_algs`: what its ID tokens may be signed with. Default `["RS256"]`.
    pub id_token_algs: Vec<Algorithm>,
    /// `pass_through`: which of `prompt`, `login_hint`, `acr_values`, `max_age` a login link may set. Default all.
    pub pass_through: Vec<LoginParameter>,
    /// `prompt`, sent on every login unless a login link sets one.
    pub prompt: Option<String>,
    /// `acr_values`, asked for on every login and then required of the ID token.
    pub acr_values: Vec<String>,
    /// `max_age`, asked for on every login and then required; a login link can only lower it.
    pub max_age: Option<Seconds>,
    /// `resource` (RFC 8707): which API the access token is for.
    pub resource: Option<String>,
    /// `authorization_params`: fixed extra parameters (for example `audience`); none that Postern itself sends.
    pub authorization_params: Vec<(String, String)>,
    /// `id_token_hint`: whether logout names the session to the provider by its ID token. Default true.
    pub id_token_hint: bool,
}

/// How Postern proves to a provider that it is the client.
#[derive(Clone, Debug)]
pub enum ClientAuth {
    /// `client_secret_basic` (RFC 6749 §2.3.1): the default.
    Basic(Secret<String>),
    /// `client_secret_post` (RFC 6749 §2.3.1).
    Post(Secret<String>),
    /// `private_key_jwt` (RFC 7523): an ES256 key as a private JWK.
    PrivateKeyJwt(Secret<String>),
}

/// How the provider hands over the authorization response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseMode {
    /// In the redirect's query.
    Query,
    /// In a form that the browser posts (OAuth 2.0 Form Post Response Mode).
    FormPost,
}

/// A parameter that `/auth/login` may hand on to the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginParameter {
    /// `prompt`
    Prompt,
    /// `login_hint`
    LoginHint,
    /// `acr_values`
    AcrValues,
    /// `max_age`
    MaxAge,
}

/// `SESSION`: clocks and cookie.
#[derive(Clone, Debug)]
pub struct SessionConfig {
    /// `idle`: how long a session lives without a request. Default 1 h.
    pub idle: Seconds,
    /// `absolute`: how long it lives at most. Default 8 h.
    pub absolute: Seconds,
    /// `same_site`. Default `strict`.
    pub same_site: SameSite,
    /// `max_per_subject`: the oldest session ends when one more begins. Default 20.
    pub max_per_subject: u32,
    /// `claims`: which ID token claims the session keeps and `/auth/me` tells. Default: the names, `email`, `email_verified`, `picture`, `locale`.
    pub claims: Vec<String>,
}

/// `SameSite` of the session cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SameSite {
    /// Sent only from our own pages; a link from elsewhere is bounced once through ourselves.
    Strict,
    /// Also sent on links from elsewhere.
    Lax,
}
