//! Each script against a real Redis, and the counterexamples that broke the first version of the
//! lock.

#![allow(clippy::unwrap_used, reason = "a failed look-up is a failed test")]

mod fixture;
mod holding;
mod lifetimes;
mod users;
mod waiting;
