//! Tests of the module in real PHP processes: command line, php-fpm, php-cgi and Apache.
//!
//! The modules in `once/` run with one PHP and one server only: another one does not change their
//! results.

mod apache;
mod cluster;
mod cluster_access;
mod cluster_failover;
mod concurrency;
mod contention;
mod crash;
mod demoted;
mod failures;
mod fpm;
mod frankenphp;
mod growth;
mod holder;
mod hostile_restarts;
mod metrics;
mod once;
mod prefetch;
mod reconnects;
mod refusals;
mod renewal;
mod round_trips;
mod sentinel;
mod shards;
#[path = "../support/mod.rs"]
mod support;
mod tls;
mod write_ack;
