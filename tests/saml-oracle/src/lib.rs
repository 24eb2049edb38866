//! Nothing but its test: `tests/oracle.rs`.
