//! What people see and do of their own: who they are to us, their sessions, and their API keys.

pub(super) mod api_keys;
pub(super) mod me;
pub(super) mod sessions;
