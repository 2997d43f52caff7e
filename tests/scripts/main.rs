//! Each script against a real Redis, and the counterexamples that the first version of the lock fell for.

#![allow(clippy::unwrap_used, reason = "a failed look-up is a failed test")]

mod fixture;
mod holding;
#[path = "../support/mod.rs"]
mod support;
mod waiting;
