//! Agents that act for people: how they get what a person, a provider or another agent lets them have.

pub mod enterprise;
pub mod exchange;
pub mod receipt;
