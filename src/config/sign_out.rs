//! How a person who signs out here signs out at the provider too, and how the provider tells of sign-outs.

use super::address::Issuer;
use super::oauth2::endpoint;
use super::provider::parameters;
use super::table::Table;
use super::value::{choice, flag, parsed, word};

/// Parameters of the logout request that are Postern's to set.
const OWN_PARAMETERS: [&str; 4] = ["client_id", "id_token_hint", "post_logout_redirect_uri", "state"];

const LOGOUTS: [(&str, Logout); 2] = [("provider", Logout::Provider), ("local", Logout::Local)];

const LOGOUT_TOKENS: [(&str, LogoutTokens); 3] =
    [("standard", LogoutTokens::Standard), ("strict", LogoutTokens::Strict), ("legacy", LogoutTokens::Legacy)];

/// What a sign-out asks of the provider, and what is believed of its notices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignOut {
    /// `logout`: whether who signs out here is signed out at the provider too. Default `provider`.
    pub logout: Logout,
    /// `id_token_hint`: whether logout names the session to the provider by its ID token. Default true.
    pub id_token_hint: bool,
    /// `logout_params`: fixed extra parameters of the logout request; none that Postern itself sends.
    pub params: Vec<(String, String)>,
    /// `end_session_endpoint`: where the provider ends its session, in place of what its metadata says.
    pub endpoint: Option<String>,
    /// `logout_return_parameter`: the name that a logout of the provider's own has for the address to return to. Such a
    /// request has that, `client_id` and `logout_params`, and nothing else.
    pub return_parameter: Option<String>,
    /// `logout_tokens`: what its back-channel logout tokens are like. Default `standard`.
    pub tokens: LogoutTokens,
}

/// Where a sign-out ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Logout {
    /// Here, and then at the provider (RP-Initiated Logout).
    Provider,
    /// Here: the provider's own session goes on.
    Local,
}

/// What a provider's logout tokens are like (Back-Channel Logout §2.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogoutTokens {
    /// By the final text: `exp` is there, `typ` is `logout+jwt` or missing.
    Standard,
    /// With what the final text only recommends: `typ` is there too.
    Strict,
    /// As earlier drafts allowed: `typ` may be `JWT` or missing, `exp` may be missing.
    Legacy,
}

/// Reads the keys about sign-out.
pub(super) fn read(table: &mut Table<'_>, issuer: Option<&Issuer>) -> SignOut {
    let logout = table.optional("logout", choice(&LOGOUTS));
    let params = parameters(table, "logout_params", &OWN_PARAMETERS);
    let id_token_hint = table.optional("id_token_hint", flag);
    let tokens = table.optional("logout_tokens", choice(&LOGOUT_TOKENS));
    let endpoint = endpoint(table, "end_session_endpoint", issuer);
    let return_parameter =
        table.optional("logout_return_parameter", parsed("a parameter's name of visible ASCII characters", word));
    if return_parameter.is_some() && !table.has("end_session_endpoint") {
        table.problem("logout_return_parameter", "needs `end_session_endpoint`: metadata names no logout of that kind");
    }
    SignOut {
        logout: logout.unwrap_or(Logout::Provider),
        id_token_hint: id_token_hint.unwrap_or(true),
        params,
        endpoint,
        return_parameter,
        tokens: tokens.unwrap_or(LogoutTokens::Standard),
    }
}
