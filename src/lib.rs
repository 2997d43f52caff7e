//! phpsess_rs: a PHP extension that keeps `$_SESSION` in Redis (`session.save_handler=rustredis`).
//!
//! The layers, from the top down; each names only those below it (`tests/protocol/layers.rs`,
//! `docs/architecture.md`):
//!
//! - `php`: the module, its callbacks and everything `unsafe`; only with the feature `php`
//! - [`session`]: PHP's requests to a save handler, as a state machine over [`store::Store`]
//! - [`lock`]: an attempt to get a session's lock, as a state machine without I/O
//! - [`store`]: Redis behind one trait, with the pool, the renewal of leases and deferred releases,
//!   and an in-memory stand-in for tests
//! - [`client`]: sockets, names, TLS, connections, Sentinel and Cluster
//! - [`config`]: `session.save_path` and the `rustredis.*` ini settings, parsed into one
//!   [`config::Settings`]
//! - [`codec`]: the `json` session serializer
//! - [`compression`]: the stored form of a session, plain or compressed
//! - [`protocol`]: `docs/wire-format.md` in Rust: ids, the names of keys, messages and replies
//! - [`error`]: the failures of a store
//! - [`resp`]: the bytes of the Redis protocol
//! - [`process`]: the identity of this process, its threads, its counters, unique names

#![cfg_attr(not(feature = "php"), forbid(unsafe_code))]
#![deny(unsafe_code)]

pub mod client;
pub mod codec;
pub mod compression;
pub mod config;
pub mod error;
pub mod lock;
pub mod process;
pub mod protocol;
pub mod resp;
pub mod session;
pub mod store;

#[cfg(feature = "php")]
#[allow(unsafe_code, missing_docs)]
mod php;

/// The version of the extension, as phpinfo() and `rustredis_status()` show it.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
