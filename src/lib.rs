//! phpsess_rs: a PHP extension that keeps `$_SESSION` in Redis (`session.save_handler=rustredis`).
//!
//! The map:
//!
//! - [`config`]: `session.save_path` and the `rustredis.*` ini settings, parsed into one
//!   [`config::Settings`]
//! - [`codec`]: the `json` session serializer
//! - [`compression`]: the stored form of a session, plain or compressed
//! - [`session`]: PHP's requests to a save handler, as a state machine over [`store::Store`]
//! - [`lock`]: an attempt to get a session's lock, as a state machine without I/O
//! - [`slot`]: Redis Cluster's hash slots
//! - [`store`]: Redis (connection, pool, scripts) and an in-memory stand-in for tests, behind one
//!   trait
//! - [`process`]: the identity of this process, at little cost
//! - `php`: the module, its callbacks and everything `unsafe`; only with the feature `php`

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
