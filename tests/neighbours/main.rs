//! Tests of PHP together with others that use its sessions: Python, Node, Go, and phpredis.

mod answers;
mod examples;
mod json_contention;
mod json_msgpack;
mod json_vectors;
mod libraries;
mod neighbour;
mod phpredis_cluster;
mod phpredis_failover;
mod phpredis_mixed;
mod python;
mod python_contention;
mod settings;
#[path = "../support/mod.rs"]
mod support;
mod together;
