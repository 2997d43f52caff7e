//! Redis Cluster: the node that has a session, and the way to it.
//!
//! A process keeps one map of the slots for each cluster. The map is read on first use, and again
//! when a node redirects a command, does not answer, or says that the cluster is down. Any node
//! that answers can give the map: the nodes of the old map take turns with the seeds of
//! `session.save_path`.
//!
//! While a slot moves, a node answers MOVED (another node has the slot), ASK (this key is on its
//! way to another node) or TRYAGAIN (some of these keys are). In all three cases, the command was
//! not carried out. [`Cluster::follow`] follows MOVED and ASK. After TRYAGAIN, the caller waits.

mod slots;

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use redis::Value;

use super::{
    connection::Connection,
    sentinel::unanswered,
    stream::Timeouts,
    unreachable::{Unreachable, cause},
};
use crate::{
    config::{Endpoint, Target},
    error::{ServerError, StoreError},
    process::{
        PerProcess,
        stats::{self, Count},
    },
    resp::Command,
};
use slots::{Redirect, SlotMap, interned};

/// The largest number of redirects in a row. After that, the nodes are considered to disagree.
const HOPS: usize = 5;
/// A map younger than this is not read again because a slot has moved.
const SETTLED: Duration = Duration::from_secs(1);
/// A map younger than this is not read again because a node is lost or the cluster is down.
const FRESH: Duration = Duration::from_millis(100);
/// The shortest time for a node to send the map, however many nodes there are.
const SHARE: Duration = Duration::from_millis(100);
/// The largest number of clusters. A script can set `session.save_path` to any value, and further
/// clusters replace the oldest.
const MAX_CLUSTERS: usize = 32;

/// The advice for a single address that shards by itself, as proxies and managed services do.
const NO_CLUSTER: &str = "this server knows no CLUSTER SLOTS: write tcp://host:port in session.save_path, and give \
                          rustredis.prefix a hash tag, such as {app}:, if the server shards by itself";

/// The way to send a command to a node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Hop {
    /// Over the existing connection.
    Direct,
    /// With ASKING before the command.
    Asking,
    /// Over a new connection. The node has named its own address, which another server has by now.
    Reconnect,
}

/// A cluster as this process knows it.
pub struct Cluster {
    /// The seeds, with the credentials and the TLS settings of every node.
    target: Arc<Target>,
    /// This lock is never held during I/O.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    map: Option<SlotMap>,
    doubt: Option<Doubt>,
    asked: Option<Instant>,
    /// The index of the node to ask first the next time. A node that is cut off must not stay first
    /// forever.
    turn: usize,
}

/// The reason why the map may be wrong.
enum Doubt {
    /// This node now serves a slot that another node had.
    Moved(Arc<Target>),
    /// This node does not answer.
    Lost(Arc<Target>),
    /// The cluster is down, or no node serves a slot.
    Down,
}

/// Only request threads lock this list, and only to find a cluster. A cluster's own lock may be
/// locked during a fork, but a child starts with an empty list.
static CLUSTERS: PerProcess<Vec<Arc<Cluster>>> = PerProcess::new(Vec::new());

/// Returns the cluster of a target, or `None` if the target is not a cluster.
pub fn of(target: &Arc<Target>) -> Option<Arc<Cluster>> {
    if !matches!(target.endpoint, Endpoint::Cluster(_)) {
        return None;
    }
    let mut clusters = CLUSTERS.lock();
    let same = |cluster: &&Arc<Cluster>| Arc::ptr_eq(&cluster.target, target) || cluster.target == *target;
    if let Some(cluster) = clusters.iter().find(same) {
        return Some(cluster.clone());
    }
    let cluster = Arc::new(Cluster { target: target.clone(), state: Mutex::default() });
    if clusters.len() == MAX_CLUSTERS {
        clusters.remove(0);
    }
    clusters.push(cluster.clone());
    Some(cluster)
}

/// The state of one cluster, as far as it is known, for phpinfo() and `rustredis_status()`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterStatus {
    /// The seeds, without secrets.
    pub target: String,
    /// The number of masters.
    pub masters: usize,
    /// The number of slots, of 16384, that a node serves; 0 before the first use.
    pub slots: usize,
}

/// Returns the clusters of this process.
#[must_use]
pub fn clusters() -> Vec<ClusterStatus> {
    let status = |cluster: &Arc<Cluster>| {
        let state = cluster.state.lock();
        let count = |what: fn(&SlotMap) -> usize| state.map.as_ref().map_or(0, what);
        ClusterStatus {
            target: cluster.target.to_string(),
            masters: count(SlotMap::masters),
            slots: count(SlotMap::covered),
        }
    };
    CLUSTERS.lock().iter().map(status).collect()
}

impl Cluster {
    /// Sends a command to the node that has `slot`, and follows the redirects from there. `send`
    /// gets the node and the way to send the command.
    pub fn follow(
        &self,
        slot: u16,
        timeouts: Timeouts,
        mut send: impl FnMut(&Arc<Target>, Hop) -> Result<Value, StoreError>,
    ) -> Result<Value, StoreError> {
        let (mut node, mut hop) = (self.owner(slot, timeouts)?, Hop::Direct);
        let mut has_asked = false;
        for _ in 0..HOPS {
            let answer = self.learn(&node, send(&node, hop));
            let Err(StoreError::Server(error)) = &answer else { return answer };
            (node, hop) = match Redirect::parse(error, &node) {
                Some(Redirect::Moved(to)) => {
                    let hop = if to == node.endpoint { Hop::Reconnect } else { Hop::Direct };
                    (self.moved(slot, to), hop)
                }
                Some(Redirect::Ask(to)) => (self.known(to), Hop::Asking),
                // The new map leads back to the node.
                Some(Redirect::MovedSomewhere) if has_asked => break,
                Some(Redirect::MovedSomewhere) => {
                    stats::count(Count::Redirects);
                    self.ask(timeouts)?;
                    has_asked = true;
                    (self.owner(slot, timeouts)?, Hop::Direct)
                }
                // The session can be used when it has arrived.
                Some(Redirect::AskSomewhere) => {
                    let error = ServerError { code: "TRYAGAIN".into(), detail: error.detail.clone() };
                    return Err(StoreError::Server(error));
                }
                None => return answer,
            };
        }
        self.doubts(Doubt::Down);
        Err(StoreError::Connect(io::Error::other(format!(
            "the nodes of {} do not agree on who serves hash slot {slot}",
            self.target
        ))))
    }

    /// Sends a command to the node that has `slot`, without following redirects. A redirect
    /// corrects the map for the next command.
    pub fn at_owner(
        &self,
        slot: u16,
        timeouts: Timeouts,
        send: impl FnOnce(&Arc<Target>) -> Result<Value, StoreError>,
    ) -> Result<Value, StoreError> {
        let node = self.owner(slot, timeouts)?;
        let answer = self.learn(&node, send(&node));
        if let Err(StoreError::Server(error)) = &answer {
            match Redirect::parse(error, &node) {
                Some(Redirect::Moved(to)) => _ = self.moved(slot, to),
                Some(Redirect::MovedSomewhere) => self.doubts(Doubt::Down),
                Some(Redirect::Ask(_) | Redirect::AskSomewhere) | None => {}
            }
        }
        answer
    }

    /// Returns the seeds, as `session.save_path` names them.
    pub fn seeds(&self) -> &Arc<Target> {
        &self.target
    }

    /// Returns the node that has `slot`, or `None` if the map must be read first.
    pub fn known_owner(&self, slot: u16) -> Option<Arc<Target>> {
        self.state.lock().owner(slot)
    }

    /// Returns the node that has `slot`, and reads the map if necessary.
    pub fn owner(&self, slot: u16, timeouts: Timeouts) -> Result<Arc<Target>, StoreError> {
        if let Some(node) = self.known_owner(slot) {
            return Ok(node);
        }
        // If a new map shows that no node serves the slot, the map is not read again: it still
        // serves the other slots.
        if !self.state.lock().has_no_owner(slot) {
            self.ask(timeouts)?;
        }
        let owner = self.state.lock().map.as_ref().and_then(|map| map.owner(slot).cloned());
        owner.ok_or_else(|| {
            let text = format!("no node of {} serves hash slot {slot}", self.target);
            StoreError::Connect(io::Error::other(text))
        })
    }

    /// Returns the nodes that serve slots, by a map that is read now.
    pub fn owners(&self, timeouts: Timeouts) -> Result<Vec<Arc<Target>>, StoreError> {
        self.ask(timeouts)?;
        Ok(self.state.lock().map.as_ref().map_or_else(Vec::new, SlotMap::owners))
    }

    /// Records the doubt that a failure raises about the node or the cluster. A failure to connect
    /// then also names the node.
    pub fn learn(&self, node: &Arc<Target>, result: Result<Value, StoreError>) -> Result<Value, StoreError> {
        result.map_err(|failure| match failure {
            StoreError::Connect(_) => {
                self.doubts(Doubt::Lost(node.clone()));
                let text = format!("{}: {}", node.endpoint, cause(&failure));
                StoreError::Connect(io::Error::other(text))
            }
            StoreError::Timeout(_) => {
                self.doubts(Doubt::Lost(node.clone()));
                failure
            }
            StoreError::Broken(error) if error.kind() == io::ErrorKind::TimedOut => {
                self.doubts(Doubt::Lost(node.clone()));
                StoreError::Broken(error)
            }
            StoreError::Server(error) if error.code == "CLUSTERDOWN" => {
                self.doubts(Doubt::Down);
                StoreError::Server(error)
            }
            failure => failure,
        })
    }

    /// Records that a command whose answer was not read went to the wrong node.
    pub fn has_strayed(&self) {
        self.doubts(Doubt::Down);
    }

    fn moved(&self, slot: u16, to: Endpoint) -> Arc<Target> {
        let node = self.known(to);
        let mut state = self.state.lock();
        if let Some(map) = &mut state.map {
            map.assign(slot, &node);
        }
        if !matches!(state.doubt, Some(Doubt::Lost(_))) {
            state.doubt = Some(Doubt::Moved(node.clone()));
        }
        node
    }

    fn known(&self, endpoint: Endpoint) -> Arc<Target> {
        stats::count(Count::Redirects);
        interned(endpoint, self.state.lock().map.as_ref().map_or(&[], SlotMap::nodes), &self.target)
    }

    fn doubts(&self, doubt: Doubt) {
        self.state.lock().doubt = Some(doubt);
    }

    /// Reads the map from a node. All nodes together have the time for connecting, and the nodes
    /// that do not answer share it.
    fn ask(&self, timeouts: Timeouts) -> Result<(), StoreError> {
        let deadline = Instant::now() + timeouts.connect;
        let nodes = self.to_ask();
        // The next call continues where this one ends.
        let turn = self.state.lock().turn;
        let mut problems = Unreachable::default();
        let mut refusal = None;
        for (asked, node) in nodes.iter().enumerate() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let others = u32::try_from(nodes.len() - asked).unwrap_or(u32::MAX);
            self.state.lock().turn = turn.wrapping_add(asked + 1);
            // One more share is for the node that has the session.
            let share = (left / (others + 1)).max(SHARE).min(left);
            match self.ask_node(node, Timeouts { connect: share, read: timeouts.read.min(share) }) {
                Ok(map) => {
                    let mut state = self.state.lock();
                    state.map = Some(map);
                    state.doubt = None;
                    state.asked = Some(Instant::now());
                    return Ok(());
                }
                Err(problem) => {
                    if let Endpoint::Tcp { host, port } = &node.endpoint {
                        problems.add(&(host.clone(), *port), cause(&problem));
                    }
                    refusal = refusal
                        .or(Some(problem).filter(|p| matches!(p, StoreError::Server(_)) || p.is_limit()));
                }
            }
        }
        let mut state = self.state.lock();
        state.asked = Some(Instant::now());
        if state.map.is_some() && matches!(state.doubt, Some(Doubt::Moved(_))) {
            // The new owner of the moved slot is known, and the rest of the map is as good as
            // before.
            return Ok(());
        }
        Err(refusal.unwrap_or_else(|| problems.into_error("no node of the cluster answers")))
    }

    /// Returns all nodes that may have the map: first the node that was just named, last the node
    /// that did not answer. Seeds take turns with the nodes of the map, because all nodes of either
    /// kind may be dead.
    fn to_ask(&self) -> Vec<Arc<Target>> {
        let state = self.state.lock();
        let State { map, doubt, turn, .. } = &*state;
        let known = map.as_ref().map_or(&[][..], SlotMap::nodes);
        let mut seeds = Vec::new();
        if let Endpoint::Cluster(addresses) = &self.target.endpoint {
            for (host, port) in addresses {
                let seed = Endpoint::Tcp { host: host.clone(), port: *port };
                if known.iter().chain(&seeds).all(|node| node.endpoint != seed) {
                    seeds.push(interned(seed, known, &self.target));
                }
            }
        }
        let mut nodes = in_turns(known, &seeds);
        let first = *turn % nodes.len().max(1);
        nodes.rotate_left(first);
        let is = |wanted: &Arc<Target>| {
            let wanted = wanted.clone();
            move |node: &Arc<Target>| node.endpoint == wanted.endpoint
        };
        match doubt {
            Some(Doubt::Moved(to)) => {
                nodes.retain(|node| !is(to)(node));
                nodes.insert(0, to.clone());
            }
            Some(Doubt::Lost(lost)) => {
                nodes.retain(|node| !is(lost)(node));
                nodes.push(lost.clone());
            }
            Some(Doubt::Down) | None => {}
        }
        nodes
    }

    fn ask_node(&self, node: &Arc<Target>, timeouts: Timeouts) -> Result<SlotMap, StoreError> {
        let until = Instant::now() + timeouts.connect;
        let mut connection = Connection::open(node, timeouts, Some(until), None).map_err(unanswered)?;
        connection.answers_until(until);
        let reply =
            connection.request(Command::new("CLUSTER").arg("SLOTS"), timeouts.read).map_err(|error| {
                match error {
                    StoreError::Server(error) if error.is_unknown_command() => {
                        StoreError::Connect(io::Error::other(NO_CLUSTER))
                    }
                    error => unanswered(error),
                }
            })?;
        // A long reply must not be read under the lock that all requests need.
        let known = self.state.lock().map.as_ref().map_or_else(Vec::new, |map| map.nodes().to_vec());
        let map = SlotMap::parse(reply, node, &known)?;
        if map.covered() == 0 {
            let text = "it knows no node that serves a slot";
            return Err(StoreError::Connect(io::Error::other(text)));
        }
        Ok(map)
    }
}

/// Alternates between known nodes and seeds.
fn in_turns(known: &[Arc<Target>], seeds: &[Arc<Target>]) -> Vec<Arc<Target>> {
    let at = |nodes: &[Arc<Target>], n: usize| nodes.get(n).cloned();
    (0..known.len().max(seeds.len())).flat_map(|n| [at(known, n), at(seeds, n)]).flatten().collect()
}

impl State {
    /// Returns true if a new map shows that no node has the slot.
    fn has_no_owner(&self, slot: u16) -> bool {
        self.asked.is_some_and(|asked| asked.elapsed() < FRESH)
            && self.map.as_ref().is_some_and(|map| map.owner(slot).is_none())
    }

    /// Returns the node that has a slot, or `None` if the map must be read first.
    fn owner(&self, slot: u16) -> Option<Arc<Target>> {
        let patience = match &self.doubt {
            None => Duration::MAX,
            Some(Doubt::Moved(_)) => SETTLED,
            Some(Doubt::Lost(_) | Doubt::Down) => FRESH,
        };
        let is_good = self.asked.is_some_and(|asked| asked.elapsed() < patience);
        self.map.as_ref().filter(|_| is_good)?.owner(slot).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_take_turns_with_known_nodes_however_many_of_them_are_dead() {
        let target = |endpoint| Target { endpoint, username: None, password: None, database: 0, tls: None };
        let seeds = [7, 8].map(|port| ("seed".to_owned(), port));
        let all = target(Endpoint::Cluster(seeds.to_vec()));
        let node = |port: i64| {
            Value::Array(vec![
                Value::Int(port),
                Value::Int(port),
                Value::Array(vec![Value::BulkString(b"node".to_vec()), Value::Int(port)]),
            ])
        };
        let map = SlotMap::parse(Value::Array((1..=100).map(node).collect()), &all, &[]).unwrap();
        let lost = map.nodes()[0].clone();
        let cluster = Cluster { target: Arc::new(all), state: Mutex::default() };
        cluster.state.lock().map = Some(map);
        cluster.doubts(Doubt::Lost(lost.clone()));
        let asked = |count: usize| -> Vec<String> {
            cluster.to_ask()[..count].iter().map(|node| node.endpoint.to_string()).collect()
        };
        assert!(asked(4).iter().filter(|node| node.contains("seed")).count() == 2, "{:?}", asked(4));
        assert_eq!(cluster.to_ask().len(), 102);
        assert!(Arc::ptr_eq(cluster.to_ask().last().unwrap(), &lost));
        // Each call continues where the one before ended, so that all nodes get their turn.
        let mut seen = std::collections::BTreeSet::new();
        for turn in 0..102 {
            cluster.state.lock().turn = turn;
            seen.extend(asked(1));
        }
        assert_eq!(seen.len(), 101);
    }
}
