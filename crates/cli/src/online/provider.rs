//! A provider with whom people sign in, by its metadata and keys.

use postern::config::{ClientAuth, Inability, Logout, Provider, ResponseMode};
use postern::json;
use postern::oidc::metadata::{self, MAX_BYTES, Metadata};
use serde_json::{Map, Value};

use super::fapi;
use super::keys::{self, KeysFor};
use super::{Examiner, listed, shown, unusable};

/// Holds what it publishes against its entry of `PROVIDERS`.
pub(super) fn examine(examiner: &mut Examiner<'_>, provider: &Provider) {
    // Without OpenID Connect it publishes nothing that is read here.
    if !provider.is_openid() {
        return;
    }
    let table = format!("PROVIDERS.{}", provider.id);
    let path = format!("{table}.issuer");
    let Some(body) = examiner.body(&path, &metadata::url(&provider.issuer)) else { return };
    let metadata = match Metadata::parse(body.as_bytes(), &provider.issuer) {
        Ok(metadata) => metadata,
        Err(error) => return examiner.problem(&path, unusable(&error, &provider.issuer)),
    };
    let Ok(document) = json::parse_object(body.as_bytes(), MAX_BYTES) else { return };
    let mut one = Examined { examiner, provider, table: &table, document: &document };
    one.flow();
    one.client_authentication();
    one.bound_tokens();
    one.id_tokens();
    one.requests();
    fapi::examine(&mut one, &metadata);
    one.endpoints(&metadata);
    one.logout(&metadata);
    let algorithms_path = format!("{table}.id_token_algs");
    let keys = KeysFor {
        path: &path,
        algorithms_path: &algorithms_path,
        algorithms: &provider.id_token_algs,
        url: &metadata.jwks_uri,
    };
    if let Some(count) = keys::examine(examiner, &keys) {
        examiner.read(format!("{} ({}): metadata and {count} keys", provider.id, provider.issuer.as_str()));
    }
}

/// A provider, with what it says of itself.
pub(super) struct Examined<'a, 'b> {
    examiner: &'a mut Examiner<'b>,
    pub(super) provider: &'a Provider,
    table: &'a str,
    pub(super) document: &'a Map<String, Value>,
}

impl Examined<'_, '_> {
    pub(super) fn problem(&mut self, key: &str, message: String) {
        let path = format!("{}.{key}", self.table);
        self.examiner.problem(&path, message);
    }

    /// `message` follows the path.
    fn warning(&mut self, key: &str, message: &str) {
        let path = format!("{}.{key}", self.table);
        self.examiner.warning(format!("`{path}` {message}"));
    }

    fn is_entra(&self) -> bool {
        self.provider.issuer.as_str().starts_with("https://login.microsoftonline.com/")
    }

    pub(super) fn says(&self, name: &str) -> bool {
        self.document.get(name) == Some(&Value::Bool(true))
    }

    /// What it lists, unless `wanted` is among it. `usual`: what it means by saying nothing.
    pub(super) fn lacks(&self, name: &str, wanted: &str, usual: &[&'static str]) -> Option<String> {
        let offered = listed(self.document, name).unwrap_or_else(|| usual.to_vec());
        (!offered.is_empty() && !offered.contains(&wanted)).then(|| shown(&offered))
    }

    /// The code flow with a refresh token (OpenID Connect Discovery §3).
    fn flow(&mut self) {
        if let Some(offered) = self.lacks("response_types_supported", "code", &["code"]) {
            self.problem(
                "issuer",
                format!("it does not offer the response type `code` that a sign-in uses, but {offered}"),
            );
        }
        let usual = ["authorization_code", "implicit"];
        if let Some(offered) = self.lacks("grant_types_supported", "authorization_code", &usual) {
            self.problem("issuer", format!("it does not offer the grant type `authorization_code`, but {offered}"));
        }
        let refresh = listed(self.document, "grant_types_supported");
        let asks = self.provider.scopes.iter().any(|scope| scope == "offline_access");
        if asks && refresh.is_some_and(|offered| !offered.contains(&"refresh_token")) {
            self.warning("scopes", "has `offline_access`, and it does not offer the grant type `refresh_token`: access tokens are not renewed");
        }
        if matches!(self.provider.client_auth, ClientAuth::None)
            && listed(self.document, "code_challenge_methods_supported").is_none()
        {
            self.warning("client_auth", "is `none`, and it does not say that it knows PKCE (`code_challenge_methods_supported`), which alone protects such a client");
        }
    }

    fn client_authentication(&mut self) {
        let method = match &self.provider.client_auth {
            ClientAuth::Basic(_) => "client_secret_basic",
            ClientAuth::Post(_) => "client_secret_post",
            ClientAuth::SecretJwt(_) => "client_secret_jwt",
            ClientAuth::PrivateKeyJwt(_) => "private_key_jwt",
            ClientAuth::Tls(shown) if shown.self_signed => "self_signed_tls_client_auth",
            ClientAuth::Tls(_) => "tls_client_auth",
            ClientAuth::None => "none",
            // A secret as it is sent, though it is signed anew for each request.
            ClientAuth::Apple(_) => "client_secret_post",
        };
        if let Some(offered) = self.lacks("token_endpoint_auth_methods_supported", method, &["client_secret_basic"]) {
            self.problem(
                "client_auth",
                format!("it takes {offered} (`token_endpoint_auth_methods_supported`), found `{method}`"),
            );
        }
        if let ClientAuth::PrivateKeyJwt(how) = &self.provider.client_auth {
            let algorithm = how.algorithm.name();
            if let Some(offered) = self.lacks("token_endpoint_auth_signing_alg_values_supported", algorithm, &[]) {
                self.problem(
                    "client_assertion.alg",
                    format!(
                        "it takes {offered} (`token_endpoint_auth_signing_alg_values_supported`), found `{algorithm}`"
                    ),
                );
            }
        }
    }

    fn bound_tokens(&mut self) {
        let knows = |offered: Vec<&str>| offered.contains(&"ES256");
        let offered = listed(self.document, "dpop_signing_alg_values_supported");
        if self.provider.binds_by_dpop() && !offered.is_some_and(knows) {
            let message =
                "it does not say that it takes proofs by ES256 (`dpop_signing_alg_values_supported`), found `dpop`";
            self.problem("sender_constrained", message.to_owned());
        }
    }

    fn id_tokens(&mut self) {
        let Some(offered) = listed(self.document, "id_token_signing_alg_values_supported") else { return };
        let accepted: Vec<&str> = self.provider.id_token_algs.iter().map(|algorithm| algorithm.name()).collect();
        if !accepted.iter().any(|name| offered.contains(name)) {
            self.problem(
                "id_token_algs",
                format!(
                    "it signs ID tokens by {} (`id_token_signing_alg_values_supported`), found {}",
                    shown(&offered),
                    shown(&accepted)
                ),
            );
        }
    }

    /// What is asked for at sign-in.
    fn requests(&mut self) {
        let scopes = listed(self.document, "scopes_supported").unwrap_or_default();
        // Those of APIs are seldom listed; Entra lists none of them.
        let is_of_an_api = |scope: &str| scope.contains("://") || self.is_entra();
        let is_strange = |scope: &&String| !scopes.contains(&scope.as_str()) && !is_of_an_api(scope);
        let strange: Vec<&String> = self.provider.scopes.iter().filter(is_strange).collect();
        if !(scopes.is_empty() || strange.is_empty()) {
            self.warning("scopes", &format!("asks for {}, which is not among its `scopes_supported`: if it does not know them, it may refuse every sign-in", shown(&strange)));
        }
        let classes = listed(self.document, "acr_values_supported").unwrap_or_default();
        let strange: Vec<&String> =
            self.provider.acr_values.iter().filter(|value| !classes.contains(&value.as_str())).collect();
        if !(classes.is_empty() || strange.is_empty()) {
            self.warning(
                "acr_values",
                &format!("asks for {}, which is not among its `acr_values_supported`", shown(&strange)),
            );
        }
        let modes = ["query", "fragment"];
        let mode = self.provider.response_mode;
        if mode != ResponseMode::Query
            && let Some(offered) = self.lacks("response_modes_supported", mode.word(), &modes)
        {
            self.problem(
                "response_mode",
                format!("it offers {offered} (`response_modes_supported`), found `{}`", mode.word()),
            );
        }
        let prompts = self.provider.prompt.clone().unwrap_or_default();
        for prompt in prompts.split(' ').filter(|prompt| !prompt.is_empty()) {
            if let Some(offered) = self.lacks("prompt_values_supported", prompt, &[]) {
                self.warning("prompt", &format!("is `{prompt}`, and it offers {offered} (`prompt_values_supported`)"));
            }
        }
        self.resource();
    }

    /// Two providers that take another parameter in place of `resource` (RFC 8707).
    fn resource(&mut self) {
        if self.provider.resource.is_none() {
            return;
        }
        let issuer = self.provider.issuer.as_str();
        if self.is_entra() {
            self.problem(
                "resource",
                "Entra refuses `resource`: ask for a scope of the API such as `api://ID/read`".to_owned(),
            );
        } else if issuer.ends_with(".auth0.com/") {
            self.warning(
                "resource",
                "may be ignored by Auth0: `authorization_params = { audience = \"…\" }` names the API there",
            );
        }
    }

    fn endpoints(&mut self, metadata: &Metadata) {
        if self.provider.userinfo && metadata.userinfo_endpoint.is_none() {
            self.problem("userinfo", "it has no `userinfo_endpoint` that can be used, found `true`".to_owned());
        }
        for name in &metadata.left_out {
            self.warning(
                "issuer",
                &format!(
                    "leads to metadata with a `{name}` that is not used: expected an https URL at a public address"
                ),
            );
        }
    }

    fn logout(&mut self, metadata: &Metadata) {
        let provider = self.provider;
        let has_endpoint = provider.sign_out.endpoint.is_some() || metadata.end_session_endpoint.is_some();
        if provider.sign_out.logout == Logout::Provider && !has_endpoint {
            self.warning("logout", "is `provider`, and it has no `end_session_endpoint`: a sign-out ends the session here alone. Say so by `logout = \"local\"`");
        }
        if provider.frontchannel_logout && !self.says("frontchannel_logout_supported") {
            self.warning("frontchannel_logout", "is `true`, and it does not say that it supports front-channel logout");
        }
        let is_known = provider.cannot.contains(&Inability::BackchannelLogout);
        if !is_known && !self.says("backchannel_logout_supported") {
            self.warning("issuer", "is of a provider that does not say that it supports back-channel logout: a sign-out elsewhere, or a blocked account, ends no session here before its time");
        }
    }
}
