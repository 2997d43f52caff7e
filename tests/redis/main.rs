//! Tests of the store and its scripts, which need a Redis and no PHP.

mod balancer;
mod missing_answers;
mod prefetch;
mod scripts;
mod store;
#[path = "../support/mod.rs"]
mod support;
mod transaction;
mod wire_example;
mod without_lua;
