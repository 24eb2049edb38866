//! Documents and pages that are the same for everybody.

pub(super) mod assertion_keys;
pub(super) mod client_keys;
pub(super) mod client_script;
pub(super) mod protected_resource;
pub(super) mod resource_url;
