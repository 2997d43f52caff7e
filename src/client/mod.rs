//! The client: sockets, names, TLS, connections, and the ways to a master (Sentinel, Cluster).

pub(crate) mod cluster;
pub(crate) mod connection;
pub(crate) mod dns;
pub(crate) mod route;
pub(crate) mod sentinel;
pub(crate) mod stream;
mod switch;
mod tls_error;
mod unreachable;

pub use cluster::{ClusterStatus, clusters};
pub use stream::Timeouts;
pub use switch::end_searches;
