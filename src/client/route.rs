//! The way to the server that has a session: this file alone tells a Cluster from a single server,
//! and a server from the master that sentinels name.

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use redis::Value;

pub use super::switch::Word;
use super::{
    cluster::{self, Cluster, Hop},
    connection::Connection,
    sentinel,
    stream::Timeouts,
    switch,
};
use crate::{
    config::{Endpoint, Target},
    error::{StoreError, seconds},
};

/// The way to a session's server.
#[derive(Clone)]
pub enum Route {
    /// One server, or the master that its sentinels name.
    Server(Arc<Target>),
    /// The node of a Cluster that has a hash slot.
    Slot(Arc<Cluster>, u16),
}

impl Route {
    /// Returns the way to `target`, and in a Cluster to the owner of `slot`.
    #[must_use]
    pub fn new(target: &Arc<Target>, slot: Option<u16>) -> Self {
        match cluster::of(target).zip(slot) {
            Some((cluster, slot)) => Self::Slot(cluster, slot),
            None => Self::Server(target.clone()),
        }
    }

    /// Returns true if others choose the master: sentinels, or the nodes of a Cluster.
    #[must_use]
    pub fn is_elected(&self) -> bool {
        match self {
            Self::Server(target) => is_elected(target),
            Self::Slot(..) => true,
        }
    }

    /// Returns true if the session can move to another server, as in a Cluster.
    #[must_use]
    pub fn can_move(&self) -> bool {
        matches!(self, Self::Slot(..))
    }

    /// Returns the master at the end of this connection, or the one that the process knows, if
    /// sentinels choose it.
    #[must_use]
    pub fn master(&self, connection: Option<&Connection>) -> Option<Endpoint> {
        match self {
            Self::Server(target) if self.is_elected() => {
                // The connection may be gone if a lock is to be given back.
                connection.and_then(Connection::master).cloned().or_else(|| switch::known(target).last)
            }
            _ => None,
        }
    }

    /// Returns the server, or `None` if the map of the Cluster must be read first.
    #[must_use]
    pub fn known_server(&self) -> Option<Arc<Target>> {
        match self {
            Self::Server(target) => Some(target.clone()),
            Self::Slot(cluster, slot) => cluster.known_owner(*slot),
        }
    }

    /// Returns the server, and reads the map of the Cluster if necessary.
    pub fn server(&self, timeouts: Timeouts) -> Result<Arc<Target>, StoreError> {
        match self {
            Self::Server(target) => Ok(target.clone()),
            Self::Slot(cluster, slot) => cluster.owner(*slot, timeouts),
        }
    }

    /// Returns the server as far as it is known, or the seeds of the Cluster.
    #[must_use]
    pub fn server_or_seeds(&self) -> Arc<Target> {
        match self {
            Self::Server(target) => target.clone(),
            Self::Slot(cluster, slot) => {
                cluster.known_owner(*slot).unwrap_or_else(|| cluster.seeds().clone())
            }
        }
    }

    /// Sends a command to the server, and follows the redirects from there. `send` gets the server
    /// and the way to send the command.
    pub fn follow(
        &self,
        timeouts: Timeouts,
        mut send: impl FnMut(&Arc<Target>, Hop) -> Result<Value, StoreError>,
    ) -> Result<Value, StoreError> {
        match self {
            Self::Server(target) => send(target, Hop::Direct),
            Self::Slot(cluster, slot) => cluster.follow(*slot, timeouts, send),
        }
    }

    /// Sends a command to the server, without following redirects. A redirect corrects the map for
    /// the next command.
    pub fn send_once(
        &self,
        timeouts: Timeouts,
        send: impl FnOnce(&Arc<Target>) -> Result<Value, StoreError>,
    ) -> Result<Value, StoreError> {
        match self {
            Self::Server(target) => send(target),
            Self::Slot(cluster, slot) => cluster.at_owner(*slot, timeouts, send),
        }
    }

    /// Records the doubt that a failure raises about a node of the Cluster.
    pub fn learn(&self, node: &Arc<Target>, result: Result<Value, StoreError>) -> Result<Value, StoreError> {
        match self {
            Self::Server(_) => result,
            Self::Slot(cluster, _) => cluster.learn(node, result),
        }
    }

    /// Opens a connection to this server for a request. It begins with a probe with the key
    /// `probe`.
    ///
    /// A master that others have chosen may hang, or its machine may be gone, while they choose
    /// another. A third of the time is therefore left to ask them again.
    pub fn open(
        &self,
        server: &Arc<Target>,
        mut timeouts: Timeouts,
        probe: &str,
    ) -> Result<Connection, StoreError> {
        if self.is_elected() {
            timeouts.connect = timeouts.connect * 2 / 3;
        }
        match (self, &server.endpoint) {
            (Self::Server(_), Endpoint::Sentinel(sentinel)) => {
                let (connection, master) = switch::open(sentinel, server, timeouts, probe)?;
                Ok(led_to(master, connection))
            }
            (Self::Server(_), _) => Connection::open(server, timeouts, None, Some(probe))
                .map_err(|failure| with_limit(failure, timeouts.connect)),
            (Self::Slot(..), _) => {
                let within = Timeouts { read: timeouts.read.min(timeouts.connect / 2), ..timeouts };
                let until = Instant::now() + timeouts.connect;
                Connection::open(server, within, Some(until), Some(probe)).map_err(sentinel::unanswered)
            }
        }
    }
}

/// Opens a connection to a server, or to the master that its sentinels name, for work on locks
/// outside of requests.
pub fn open_beside(server: &Arc<Target>, timeouts: Timeouts) -> Result<Connection, StoreError> {
    let Endpoint::Sentinel(sentinel) = &server.endpoint else {
        return Connection::open(server, timeouts, None, None);
    };
    let found = sentinel::open(sentinel, server, timeouts, switch::known(server), None)?;
    Ok(led_to(found.master, found.connection))
}

/// Returns true if others choose the master: sentinels, or the nodes of a Cluster.
#[must_use]
pub fn is_elected(server: &Target) -> bool {
    matches!(server.endpoint, Endpoint::Sentinel(_) | Endpoint::Cluster(_))
}

/// Returns the servers that have sessions: the nodes of a Cluster that serve slots, or the server
/// itself.
pub fn masters(server: &Arc<Target>, timeouts: Timeouts) -> Result<Vec<Arc<Target>>, StoreError> {
    cluster::of(server).map_or_else(|| Ok(vec![server.clone()]), |cluster| cluster.owners(timeouts))
}

/// Names the limit in the failure of a try to connect that was never answered.
fn with_limit(failure: StoreError, limit: Duration) -> StoreError {
    match failure {
        StoreError::Connect(error)
            if error.kind() == io::ErrorKind::TimedOut && error.get_ref().is_none() =>
        {
            let limit = seconds(limit);
            let text = format!("no answer within {limit} s (of rustredis.connect_timeout)");
            StoreError::Connect(io::Error::new(io::ErrorKind::TimedOut, text))
        }
        failure => failure,
    }
}

fn led_to(master: Endpoint, mut connection: Connection) -> Connection {
    connection.lead_to(master);
    connection
}

/// Returns true if the sentinels have named the successor of this connection's master. `word` tells
/// how old their last answer may be.
pub fn has_moved(server: &Arc<Target>, connection: &Connection, word: Word) -> bool {
    match (&server.endpoint, connection.master()) {
        (Endpoint::Sentinel(sentinel), Some(master)) => switch::has_moved(sentinel, server, master, word),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_does_not_answer_is_told_with_the_limit() {
        let shown = |error| with_limit(StoreError::Connect(error), Duration::from_secs(6)).to_string();
        let expected = "cannot connect: no answer within 6 s (of rustredis.connect_timeout). ";
        assert!(shown(io::ErrorKind::TimedOut.into()).starts_with(expected));
        let resolver = shown(io::Error::new(io::ErrorKind::TimedOut, "the resolver"));
        assert!(resolver.starts_with("cannot connect: the resolver. "));
        assert!(shown(io::ErrorKind::ConnectionRefused.into()).contains("refused"));
    }
}
