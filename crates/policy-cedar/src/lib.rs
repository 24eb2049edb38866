//! Policies in Cedar, as a [`PolicyEngine`] to hand in to Postern's gateway.
//!
//! Services may ask about things that Postern knows nothing of, once a version declares them beside the schema
//! (`*.cedarschema`): [`PolicySet::evaluate`].
//!
//! [`PolicySet::parse`] makes the files of a version a set that has met the schema ([`base.cedarschema`](SCHEMA)), and
//! [`PolicySet::decide`] asks it. Nothing permits → deny; a `forbid` that holds → deny, whatever permits; a policy that
//! cannot be evaluated → deny.

mod claims;
mod domain;
mod engine;
mod limits;
mod management;
mod names;
mod nearest;
mod problem;
mod question;
mod reads;
mod rehearsal;
mod schema;
mod schema_limits;
mod set;
mod slices;
mod step_up;
mod zones;

use postern::policy::PolicyEngine;

pub use engine::Cedar;
pub use management::actions as management_actions;
pub use schema::{MANAGEMENT_SCHEMA, SCHEMA};
pub use set::PolicySet;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

/// The engine.
#[must_use]
pub const fn engine() -> &'static dyn PolicyEngine {
    &Cedar
}
