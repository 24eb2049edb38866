//! What people see and do of their own: who they are to us, their sessions, second factors and API keys.

pub(super) mod api_keys;
pub(super) mod me;
pub(super) mod second;
pub(super) mod sessions;
