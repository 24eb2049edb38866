//! A browser: keeps cookies, holds back those that `SameSite` holds back, and says where it comes from.

use std::cell::RefCell;
use std::collections::BTreeMap;

use futures::executor::block_on;
use postern::gateway::{Disposition, Gateway};
use postern::http::{
    self, ClientCertificate, HeaderMap, HeaderName, HeaderValue, Method, Peer, RequestHead, StatusCode, header,
};
use postern::ports::{BodyError, RequestBody};
use postern::upstream::ForwardPlan;
use serde_json::Value;

use super::{AuthorizationResponse, CANARY, Provider, World};

/// The origin of every deployment here that is one site.
pub const ORIGIN: &str = "https://app.example.com";

/// A request about to be sent.
pub struct Asked {
    method: Method,
    path: String,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Result<String, BodyError>,
    cross_site: bool,
    address: String,
    certificate: Option<ClientCertificate>,
    network: String,
}

impl Asked {
    /// By a program that tells nothing about itself.
    pub fn new(method: &str, path: &str) -> Self {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        Self {
            method,
            path: path.to_owned(),
            headers: Vec::new(),
            body: Ok(String::new()),
            cross_site: false,
            certificate: None,
            address: "192.0.2.1".to_owned(),
            network: "64500".to_owned(),
        }
    }

    /// By a program that has this access token.
    pub fn bearing(path: &str, token: &str) -> Self {
        Self::new("GET", path).with("authorization", &format!("Bearer {token}"))
    }

    /// A person goes there, by the address bar or from a page of ours.
    pub fn navigation(path: &str) -> Self {
        Self::new("GET", path).fetch_metadata("same-origin", "navigate", "document")
    }

    /// A person is sent there by a page of another site.
    pub fn from_elsewhere(path: &str) -> Self {
        Self { cross_site: true, ..Self::new("GET", path).fetch_metadata("cross-site", "navigate", "document") }
    }

    /// A script of our own page asks.
    pub fn script(method: &str, path: &str) -> Self {
        Self::new(method, path).fetch_metadata("same-origin", "cors", "empty")
    }

    /// A person posts a form of a page of ours.
    pub fn form(path: &str) -> Self {
        let asked = Self::new("POST", path).fetch_metadata("same-origin", "navigate", "document");
        asked.with("origin", ORIGIN).with("content-type", "application/x-www-form-urlencoded")
    }

    /// A page of another site posts a form.
    pub fn form_from_elsewhere(path: &str, body: &str) -> Self {
        let asked = Self::new("POST", path).fetch_metadata("cross-site", "navigate", "document");
        let asked = asked.with("content-type", "application/x-www-form-urlencoded");
        Self { cross_site: true, body: Ok(body.to_owned()), ..asked }
    }

    /// Its path and query.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// One header more.
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((HeaderName::from_static(name), HeaderValue::try_from(value).unwrap()));
        self
    }

    /// Header lines more, whatever they are, before and after the others.
    pub fn between(mut self, before: &[(HeaderName, HeaderValue)], after: &[(HeaderName, HeaderValue)]) -> Self {
        self.headers = before.iter().cloned().chain(self.headers).chain(after.iter().cloned()).collect();
        self
    }

    /// From another place.
    pub fn at_address(mut self, address: &str) -> Self {
        self.address = address.to_owned();
        self
    }

    /// From another network, as the platform numbers them.
    pub fn in_network(mut self, number: &str) -> Self {
        self.network = number.to_owned();
        self
    }

    /// On a connection of which the platform says this.
    pub fn on_connection(mut self, certificate: ClientCertificate) -> Self {
        self.certificate = Some(certificate);
        self
    }

    /// With a body that cannot be read.
    pub fn with_body(mut self, body: Result<&str, BodyError>) -> Self {
        self.body = body.map(str::to_owned);
        self
    }

    fn fetch_metadata(self, site: &str, mode: &str, dest: &str) -> Self {
        self.with("sec-fetch-site", site).with("sec-fetch-mode", mode).with("sec-fetch-dest", dest)
    }

    fn head(&self, origin: &str, cookies: &str) -> RequestHead {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            headers.append(name.clone(), value.clone());
        }
        if !cookies.is_empty() {
            headers.append(header::COOKIE, HeaderValue::try_from(cookies).unwrap());
        }
        let peer = Peer {
            address: Some(self.address.clone()),
            country: Some("PT".to_owned()),
            city: Some("Lisbon".to_owned()),
            network_number: Some(self.network.clone()),
            ray: None,
            user_agent: None,
            tls: None,
            certificate: self.certificate.clone(),
        };
        RequestHead { method: self.method.clone(), url: format!("{origin}{}", self.path), headers, peer }
    }
}

struct Body(Result<String, BodyError>);

impl RequestBody for Body {
    async fn text(self, max_bytes: usize) -> Result<String, BodyError> {
        self.0.and_then(|text| if text.len() > max_bytes { Err(BodyError::TooLarge) } else { Ok(text) })
    }
}

/// One browser, at one site.
pub struct Browser<'w> {
    pub world: &'w World,
    pub gateway: &'w Gateway,
    cookies: RefCell<BTreeMap<String, (String, String)>>,
}

impl<'w> Browser<'w> {
    pub fn new(world: &'w World, gateway: &'w Gateway) -> Self {
        Self { world, gateway, cookies: RefCell::default() }
    }

    /// Sends a request, and keeps what cookies come back.
    pub fn send(&self, asked: &Asked) -> Answered {
        block_on(self.send_later(asked))
    }

    /// The same, to be driven beside others.
    pub async fn send_later(&self, asked: &Asked) -> Answered {
        self.world.beside(self.gateway, self.send_alone(asked)).await
    }

    /// The same, without what the request starts to have done beside it.
    pub async fn send_alone(&self, asked: &Asked) -> Answered {
        let sessions_before = self.world.sessions();
        let origin = self.gateway.config().public_url.origin();
        let head = asked.head(origin, &self.cookies_for(asked.cross_site, asked.method == Method::GET));
        let outcome = self.gateway.handle(self.world, &head, Body(asked.body.clone())).await;
        if let Disposition::Forward(plan) = &outcome {
            self.gateway.forwarded(self.world, plan, Ok(StatusCode::OK));
        }
        let answered = Answered { outcome, event: Value::Null, sessions_before, sessions_after: self.world.sessions() };
        for cookie in answered.set_cookies() {
            self.keep(&cookie);
        }
        self.with_its_event(answered)
    }

    /// Exactly one event was written about it, found by its request id, and nothing secret stands in it or the answer.
    fn with_its_event(&self, answered: Answered) -> Answered {
        let id = match &answered.outcome {
            Disposition::Respond(reply) => reply.headers["x-request-id"].to_str().unwrap().to_owned(),
            Disposition::Forward(plan) => plan.request_id.clone(),
        };
        let lines = self.world.lines.borrow();
        let about: Vec<&String> = lines.iter().filter(|line| line.contains(&id)).collect();
        assert_eq!(about.len(), 1, "{about:?}");
        assert!(!about[0].contains(CANARY), "{}", about[0]);
        if let Disposition::Respond(reply) = &answered.outcome {
            let shown = format!("{}{:?}", reply.body, reply.headers);
            assert!(!shown.contains(CANARY) && !leaks_in_headers(reply), "{shown}");
        }
        Answered { event: serde_json::from_str(about[0]).unwrap(), ..answered }
    }

    /// A person goes to a page.
    pub fn go(&self, path: &str) -> Answered {
        self.send(&Asked::navigation(path))
    }

    /// Begins a login: where the provider is to be found, with everything it needs.
    pub fn begin(&self, query: &str) -> String {
        let answered = self.go(&format!("/auth/login?{query}"));
        assert_eq!(answered.event["reason"], "login.started");
        answered.location()
    }

    /// Comes back from the provider.
    pub fn come_back(&self, response: &AuthorizationResponse) -> Answered {
        self.send(&Asked::from_elsewhere(&response.target()))
    }

    /// A whole login at `corp`, as far as it goes.
    pub fn login(&self) -> Answered {
        self.login_at(&self.world.corp, "provider=corp")
    }

    /// A whole login, as far as it goes.
    pub fn login_at(&self, provider: &Provider, query: &str) -> Answered {
        self.come_back(&provider.authorize(&self.begin(query)))
    }

    /// A login that must succeed, as `subject`, in the provider's session `sid`.
    pub fn signed_in_as(self, subject: &'static str, sid: &'static str) -> Self {
        self.world.corp.bend_claims(move |claims| {
            claims["sub"] = subject.into();
            claims["sid"] = sid.into();
        });
        self.signed_in()
    }

    /// A login that must succeed.
    pub fn signed_in(self) -> Self {
        assert_eq!(self.login().event["reason"], "login.succeeded");
        self
    }

    /// Whether its session lives. To ask is nobody's presence.
    pub fn is_in(&self) -> bool {
        self.send(&Asked::script("GET", "/auth/me?touch=false")).reply().status.as_u16() == 200
    }

    /// The cookie's value, if it is there.
    pub fn cookie(&self, name: &str) -> Option<String> {
        self.cookies.borrow().get(name).map(|(value, _)| value.clone())
    }

    /// Takes the cookies of an answer to a request that went without those of this browser.
    pub fn keep_all(&self, answered: &Answered) {
        answered.set_cookies().iter().for_each(|cookie| self.keep(cookie));
    }

    /// Puts a cookie there.
    pub fn plant(&self, name: &str, value: &str) {
        self.cookies.borrow_mut().insert(name.to_owned(), (value.to_owned(), "Lax".to_owned()));
    }

    /// The names of the logins under way.
    pub fn logins_under_way(&self) -> Vec<String> {
        self.cookies.borrow().keys().filter(|name| name.starts_with("__Host-postern-login-")).cloned().collect()
    }

    /// The names of the cookies that remember where logins were to lead.
    pub fn ways_back(&self) -> Vec<String> {
        self.cookies.borrow().keys().filter(|name| name.starts_with("__Host-postern-back-")).cloned().collect()
    }

    /// Throws a cookie away.
    pub fn forget(&self, name: &str) {
        self.cookies.borrow_mut().remove(name);
    }

    /// Throws the session's cookies away.
    pub fn signed_out(&self) -> &Self {
        self.forget("__Host-postern");
        self.forget("__Host-postern-arrived");
        self
    }

    fn cookies_for(&self, cross_site: bool, get: bool) -> String {
        let sent = |same_site: &str| !cross_site || same_site == "None" || (same_site == "Lax" && get);
        let cookies = self.cookies.borrow();
        let pairs = cookies.iter().filter(|(_, (_, same_site))| sent(same_site));
        pairs.map(|(name, (value, _))| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    /// Takes a cookie as a browser does that knows what `__Host-` asks for.
    fn keep(&self, set_cookie: &str) {
        let (pair, attributes) = set_cookie.split_once("; ").unwrap();
        let (name, value) = pair.split_once('=').unwrap();
        let attributes: Vec<&str> = attributes.split("; ").collect();
        for required in ["HttpOnly", "Secure", "Path=/"] {
            assert!(attributes.contains(&required), "{set_cookie}");
        }
        assert!(!set_cookie.contains("Domain") && name.starts_with("__Host-"), "{set_cookie}");
        let same_site = attributes.iter().find_map(|attribute| attribute.strip_prefix("SameSite=")).unwrap();
        if attributes.contains(&"Max-Age=0") {
            self.cookies.borrow_mut().remove(name);
        } else {
            self.cookies.borrow_mut().insert(name.to_owned(), (value.to_owned(), same_site.to_owned()));
        }
    }
}

fn leaks_in_headers(reply: &http::Response) -> bool {
    reply.headers.values().any(|value| String::from_utf8_lossy(value.as_bytes()).contains(CANARY))
}

/// What came of a request, and the one event about it.
pub struct Answered {
    pub outcome: Disposition,
    pub event: Value,
    sessions_before: usize,
    sessions_after: usize,
}

impl Answered {
    /// The answer.
    pub fn reply(&self) -> &http::Response {
        match &self.outcome {
            Disposition::Respond(reply) => reply,
            Disposition::Forward(plan) => panic!("forwarded to {}", plan.path_and_query),
        }
    }

    /// The request to the upstream.
    pub fn forwarded(&self) -> &ForwardPlan {
        match &self.outcome {
            Disposition::Forward(plan) => plan,
            Disposition::Respond(reply) => panic!("answered {} {}", reply.status, self.event),
        }
    }

    /// Where the answer sends the browser.
    pub fn location(&self) -> String {
        self.reply().headers[header::LOCATION].to_str().unwrap().to_owned()
    }

    /// The answer as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.reply().body).unwrap()
    }

    /// Every `Set-Cookie` of the answer.
    pub fn set_cookies(&self) -> Vec<String> {
        let headers = match &self.outcome {
            Disposition::Respond(reply) => reply.headers.clone(),
            Disposition::Forward(plan) => plan.answer_edits(StatusCode::OK, &HeaderMap::new()).applied(),
        };
        headers.get_all(header::SET_COOKIE).iter().map(|value| value.to_str().unwrap().to_owned()).collect()
    }

    /// What every refusal must be: this status and this reason, no session cookie, no session more
    /// than before, nothing forwarded, and nothing in it that helps whom it refuses.
    #[track_caller]
    pub fn assert_refused(&self, status: u16, reason: &str) {
        let Disposition::Respond(reply) = &self.outcome else { panic!("forwarded instead of {reason}") };
        assert_eq!((&self.event["reason"], reply.status.as_u16()), (&Value::from(reason), status), "{}", self.event);
        assert_eq!((&self.event["outcome"], &self.event["status"]), (&Value::from("deny"), &Value::from(status)));
        let starts_session = |cookie: &String| cookie.starts_with("__Host-postern=") && !cookie.contains("Max-Age=0");
        assert!(!self.set_cookies().iter().any(starts_session), "{:?}", self.set_cookies());
        assert!(self.sessions_after <= self.sessions_before, "a session was begun");
        assert!(reply.body.contains(self.event["request_id"].as_str().unwrap()), "{}", reply.body);
        assert!(!reply.body.contains(reason), "{}", reply.body);
        assert_eq!(reply.headers[header::CACHE_CONTROL], "private, no-store");
        if reply.headers[header::CONTENT_TYPE] == "application/problem+json" {
            //
            assert_eq!(self.json()["status"], status);
        } else {
            assert_eq!(reply.headers[header::CONTENT_TYPE], "text/html; charset=utf-8");
        }
    }
}
