//! The connection over which leases are renewed. It is not one of the pool's: those are in use by the requests.

use std::{sync::Arc, time::Duration};

use redis::Value;

use super::{
    cluster::{Cluster, Way},
    connection::Connection,
    stream::Timeouts,
};
use crate::{
    config::{Endpoint, Target},
    error::StoreError,
    protocol::{
        Keys, Release, reply,
        script::{Data, RENEW, Script},
    },
    resp::Command,
};

/// Where the lock of a session is.
#[derive(Clone)]
pub struct Place {
    /// The server, or the seeds of a Cluster.
    pub target: Arc<Target>,
    /// The Cluster, and the slot in it.
    pub cluster: Option<(Arc<Cluster>, u16)>,
}

impl Place {
    /// The server that has it, as far as that is known.
    #[must_use]
    pub fn server(&self) -> Arc<Target> {
        let owner = self.cluster.as_ref().and_then(|(cluster, slot)| cluster.known_owner(*slot));
        owner.unwrap_or_else(|| self.target.clone())
    }
}

/// Renews leases, and gives locks back, one after the other.
#[derive(Default)]
pub struct Renewer {
    connection: Option<(Arc<Target>, Connection)>,
}

impl Renewer {
    /// Starts the lease of a lock again; false if the lock is not this token's any more. `keys`: lock and tombstone.
    pub fn renew(
        &mut self,
        place: &Place,
        timeouts: Timeouts,
        keys: [&str; 2],
        token: &str,
        lease: Duration,
    ) -> Result<bool, StoreError> {
        let mut answer = self.run(place, timeouts, &keys, token, lease);
        if matches!(&answer, Err(StoreError::Server(error)) if error.code == "TRYAGAIN") {
            // While a slot moves, a node refuses a script of which it has one key and not the other, and there is seldom a
            // tombstone. The lock alone is where it is.
            answer = self.run(place, timeouts, &keys[..1], token, lease);
        }
        let renewed = reply::flag(&answer?);
        if renewed.is_err() {
            // There is no telling what its next answer would be to.
            self.connection = None;
        }
        renewed
    }

    fn run(
        &mut self,
        place: &Place,
        timeouts: Timeouts,
        keys: &[&str],
        token: &str,
        lease: Duration,
    ) -> Result<Value, StoreError> {
        let Script { text, sha } = &*RENEW;
        let mut command = Command::evalsha(sha, keys);
        command.arg(token).number(u64::try_from(lease.as_millis()).unwrap_or(u64::MAX));
        match self.ask(place, timeouts, &mut command) {
            Err(StoreError::Server(error)) if error.code == "NOSCRIPT" => {
                self.ask(place, timeouts, &mut command.to_eval(text))
            }
            answer => answer,
        }
    }

    /// Releases a lock if it is this token's, over a new connection: the server has then carried out, or dropped, whatever
    /// came over those before.
    pub fn release(
        &mut self,
        place: &Place,
        timeouts: Timeouts,
        keys: &Keys,
        token: &str,
        mixed: bool,
    ) -> Result<(), StoreError> {
        self.connection = None;
        let call = Release::of_lock(token, mixed).call(keys, 0, Data::Inside);
        self.ask(place, timeouts, &mut call.by_text().command).map(drop)
    }

    fn ask(
        &mut self,
        place: &Place,
        timeouts: Timeouts,
        command: &mut Command<'_>,
    ) -> Result<Value, StoreError> {
        match &place.cluster {
            None => self.request(&place.target, timeouts, Way::Straight, command),
            Some((cluster, slot)) => {
                cluster.follow(*slot, timeouts, |node, way| self.request(node, timeouts, way, command))
            }
        }
    }

    fn request(
        &mut self,
        target: &Arc<Target>,
        timeouts: Timeouts,
        way: Way,
        command: &mut Command<'_>,
    ) -> Result<Value, StoreError> {
        // Threads of one process may hold locks on different servers.
        let mut connection = match self.connection.take() {
            Some((of, mut connection)) if of == *target && way != Way::Anew => {
                if connection.is_usable() {
                    connection
                } else {
                    Connection::open(target, timeouts)?
                }
            }
            _ => Connection::open(target, timeouts)?,
        };
        if way == Way::Asking {
            connection.send_ahead(&mut Command::new("ASKING"))?;
        }
        let answer = connection.request(command, Duration::ZERO);
        let is_useful = match &answer {
            // Sentinels are asked each time: an old master that is not demoted yet would renew what the new one lets end.
            _ if matches!(target.endpoint, Endpoint::Sentinel(_)) => false,
            Ok(_) => true,
            Err(StoreError::Server(error)) => !error.is_demotion(),
            Err(_) => false,
        };
        if is_useful {
            self.connection = Some((target.clone(), connection));
        }
        answer
    }
}
