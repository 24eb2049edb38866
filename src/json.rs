//! Strict JSON (stub)
