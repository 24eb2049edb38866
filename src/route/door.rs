//! Rules of Postern's own endpoints: they say who comes in, and lead nowhere.

use super::{
    Access, Authentication, BrowserCache, Guard, Methods, Paths, Pattern, RequestHeaders, Requirements, Route, Token,
    WEBSOCKET_BUFFER,
};
use crate::limit::RouteLimits;

impl Guard {
    /// One that asks for this, and for nothing else.
    #[must_use]
    pub const fn new(authenticate: Vec<Authentication>, requirements: Requirements) -> Self {
        Self {
            authenticate,
            requirements,
            policy: false,
            facts: Vec::new(),
            token: Token::None,
            headers: Vec::new(),
            touch: true,
            revocation: None,
            cache: BrowserCache::None,
        }
    }
}

impl Route {
    /// The rule of endpoints of ours. `None` where the pattern or a method is none.
    #[must_use]
    pub fn door(name: String, at: (&str, &[&str]), access: Access, limits: RouteLimits) -> Option<Self> {
        let (pattern, methods) = at;
        Some(Self {
            name,
            pattern: Pattern::parse(pattern).ok()?,
            methods: Methods::parse(methods.iter().copied()).ok()?,
            upstream: None,
            strip_prefix: None,
            access,
            cors: None,
            security_headers: None,
            limits,
            paths: Paths::Exact,
            request_headers: RequestHeaders::default(),
            websocket_buffer: WEBSOCKET_BUFFER,
            mcp: None,
        })
    }
}
