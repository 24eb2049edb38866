//! What people see and do of their own: who they are to us, and their sessions.

pub(super) mod me;
pub(super) mod sessions;
