//! Servers: their addresses, users and databases.

use std::{fmt, path::PathBuf, sync::Arc};

use super::{secret::Secret, tls::Tls};

/// A server, with the user and database for the sessions there. Each target has one pool.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Target {
    /// The server.
    pub endpoint: Endpoint,
    /// The ACL user, or `None` for Redis' default user.
    pub username: Option<String>,
    /// Its password.
    pub password: Option<Secret>,
    /// The number of the database.
    pub database: u32,
    /// The TLS options, or `None` for plain text.
    pub tls: Option<Tls>,
}

/// The servers of a save path with their weights, at least one. Most paths have one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shards(Vec<(Arc<Target>, u32)>);

impl Shards {
    /// Wraps servers with their weights: one at least.
    pub(super) fn new(servers: Vec<(Arc<Target>, u32)>) -> Self {
        Self(servers)
    }

    /// Returns true for a Redis Cluster, which is always the only entry.
    #[must_use]
    pub fn is_cluster(&self) -> bool {
        matches!(self.0[0].0.endpoint, Endpoint::Cluster(_))
    }

    /// Returns true if several servers share the sessions.
    #[must_use]
    pub fn are_several(&self) -> bool {
        self.0.len() > 1
    }

    /// Returns all servers, each of them once.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Target>> {
        let mut all: Vec<Arc<Target>> = Vec::new();
        for (target, _) in &self.0 {
            if !all.contains(target) {
                all.push(target.clone());
            }
        }
        all
    }

    /// Returns a route to each server with sessions.
    #[must_use]
    pub fn routes(&self) -> Vec<u32> {
        let mut next = 0;
        let starts = self.0.iter().rev().filter(|(_, weight)| *weight > 0).map(|(_, weight)| {
            let start = next;
            next += weight;
            start
        });
        starts.collect()
    }

    /// Returns the server of a session, as phpredis finds it (`redis_pool_get_sock` in its
    /// redis_session.c): the first four bytes of the id as a number, modulo the sum of the weights,
    /// counted from the last server of the path. phpredis counts from the last one because it puts
    /// each server that it reads in front of its list.
    #[must_use]
    pub fn of(&self, route: u32) -> &Arc<Target> {
        if let [(only, _)] = &self.0[..] {
            return only;
        }
        let total: u64 = self.0.iter().map(|(_, weight)| u64::from(*weight)).sum();
        let mut position = u64::from(route) % total.max(1);
        for (target, weight) in self.0.iter().rev() {
            match position.checked_sub((*weight).into()) {
                Some(rest) => position = rest,
                None => return target,
            }
        }
        // Never reached, because the position is below the sum.
        &self.0[0].0
    }
}

/// The address of a server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Endpoint {
    /// `tcp://host:port`
    Tcp {
        /// A name or an address.
        host: String,
        /// The port.
        port: u16,
    },
    /// `unix:///path`
    Unix(PathBuf),
    /// The server that the sentinels name as the master.
    Sentinel(Sentinel),
    /// The nodes of a Redis Cluster that are asked for all other nodes, each with host and port.
    Cluster(Vec<(String, u16)>),
}

/// The sentinels of a master.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sentinel {
    /// The host and port of each sentinel.
    pub nodes: Vec<(String, u16)>,
    /// The name of the master in the sentinels.
    pub master: String,
    /// The ACL user of the sentinels themselves.
    pub username: Option<String>,
    /// Its password.
    pub password: Option<Secret>,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "tcp://[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "tcp://{host}:{port}"),
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Sentinel(Sentinel { nodes, master, username: _, password: _ }) => {
                write!(f, "sentinel://{}/{master}", list(nodes))
            }
            Self::Cluster(seeds) => write!(f, "cluster://{}", list(seeds)),
        }
    }
}

impl Endpoint {
    /// Returns the name of this server in metrics, which every local user may see: the address, but
    /// no path of a file. All sockets of a machine have one name.
    #[must_use]
    pub fn label(&self) -> String {
        match self {
            Self::Tcp { host, port } if host.contains(':') => format!("[{host}]:{port}"),
            Self::Tcp { host, port } => format!("{host}:{port}"),
            Self::Unix(_) => "unix".into(),
            Self::Sentinel(sentinel) => list(&sentinel.nodes),
            Self::Cluster(seeds) => list(seeds),
        }
    }
}

fn list(nodes: &[(String, u16)]) -> String {
    let nodes: Vec<_> = nodes.iter().map(|(host, port)| format!("{host}:{port}")).collect();
    nodes.join(",")
}

/// Shows the target in messages. The struct is destructured, so that a new field has to be decided
/// upon here.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { endpoint, username: _, password: _, database, tls } = self;
        endpoint.fmt(f)?;
        if tls.is_some() {
            f.write_str(" (TLS)")?;
        }
        match database {
            0 => Ok(()),
            n => write!(f, " (database {n})"),
        }
    }
}
