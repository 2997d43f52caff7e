//! Redis Cluster: which node has a session, and the way there.
//!
//! A process keeps one map of the slots for each cluster. It is asked for on first use, and again when a node sends us
//! elsewhere, does not answer, or says that the cluster is down: of any node that answers, those of the map first, the
//! seeds of session.save_path after them.
//!
//! What a node says while a slot moves: MOVED (it is another's), ASK (this key is on its way), TRYAGAIN (some of these
//! keys are). None of them has carried anything out. [`Cluster::follow`] goes where the first two point; waiting for the
//! third to pass is its caller's.

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
    error::StoreError,
    process::{PerProcess, stats},
    resp::Command,
};
use slots::{Redirect, SlotMap, interned};

/// So often in a row a command is sent elsewhere before the nodes are held to disagree.
const HOPS: usize = 5;
/// A map that was read this recently is not read again for a slot that moved ...
const SETTLED: Duration = Duration::from_secs(1);
/// ... nor for a node that is lost.
const FRESH: Duration = Duration::from_millis(100);
/// No node gets less time than this to tell the map, however many there are.
const SHARE: Duration = Duration::from_millis(100);
/// A script can set session.save_path to anything: more clusters than this replace the oldest ones.
const MAX_CLUSTERS: usize = 32;

/// What to do about one address that shards by itself, as proxies and managed services have it.
const NO_CLUSTER: &str = "this server knows no CLUSTER SLOTS: write tcp://host:port in session.save_path, and give \
                          rustredis.prefix a hash tag, such as {app}:, if the server shards by itself";

/// How a command goes to a node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    /// Over the connection that is there.
    Straight,
    /// With ASKING before it.
    Asking,
    /// Over a new connection. The node has named its own address: another server has that now.
    Anew,
}

/// One cluster, as this process knows it.
pub struct Cluster {
    /// The seeds, with the credentials and the TLS of every node.
    target: Arc<Target>,
    /// Never held during I/O.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    map: Option<SlotMap>,
    doubt: Option<Doubt>,
    asked: Option<Instant>,
    /// Which node is asked first the next time: one that is cut off must not be it for ever.
    turn: usize,
}

/// Why the map may be wrong.
enum Doubt {
    /// A slot is now served by this node.
    Moved(Arc<Target>),
    /// This node does not answer.
    Lost(Arc<Target>),
    /// The cluster is down, or nobody serves a slot.
    Down,
}

/// Only request threads lock it, and only to find a cluster: what a fork leaves locked inside one is the parent's.
static CLUSTERS: PerProcess<Vec<Arc<Cluster>>> = PerProcess::new(Vec::new());

/// The cluster of a target, if it is one.
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

/// What is known of one cluster, for phpinfo() and `rustredis_status()`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterStatus {
    /// The seeds, without secrets.
    pub target: String,
    /// How many masters it has.
    pub masters: usize,
    /// How many of the 16384 slots somebody serves; 0 before the first use.
    pub slots: usize,
}

/// The clusters of this process.
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
    /// Sends a command to the node that has `slot`, and wherever it is sent from there. `send` is given the node and the
    /// way.
    pub fn follow(
        &self,
        slot: u16,
        timeouts: Timeouts,
        mut send: impl FnMut(&Arc<Target>, Way) -> Result<Value, StoreError>,
    ) -> Result<Value, StoreError> {
        let (mut node, mut way) = (self.owner(slot, timeouts)?, Way::Straight);
        for _ in 0..HOPS {
            let answer = self.learn(&node, send(&node, way));
            let Err(StoreError::Server(error)) = &answer else { return answer };
            (node, way) = match Redirect::parse(error, &node) {
                Some(Redirect::Moved(to)) => {
                    let way = if to == node.endpoint { Way::Anew } else { Way::Straight };
                    (self.moved(slot, to), way)
                }
                Some(Redirect::Ask(to)) => (self.known(to), Way::Asking),
                None => return answer,
            };
        }
        self.doubts(Doubt::Down);
        Err(StoreError::Connect(io::Error::other(format!(
            "the nodes of {} do not agree on who serves hash slot {slot}",
            self.target
        ))))
    }

    /// Sends a command that must not be sent on: to the node that has `slot`. That it should have gone elsewhere is
    /// known the next time.
    pub fn at_owner(
        &self,
        slot: u16,
        timeouts: Timeouts,
        send: impl FnOnce(&Arc<Target>) -> Result<Value, StoreError>,
    ) -> Result<Value, StoreError> {
        let node = self.owner(slot, timeouts)?;
        let answer = self.learn(&node, send(&node));
        if let Err(StoreError::Server(error)) = &answer
            && let Some(Redirect::Moved(to)) = Redirect::parse(error, &node)
        {
            self.moved(slot, to);
        }
        answer
    }

    /// The node that has `slot`, unless somebody must be asked.
    pub fn known_owner(&self, slot: u16) -> Option<Arc<Target>> {
        self.state.lock().owner(slot)
    }

    /// The node that has `slot`.
    pub fn owner(&self, slot: u16, timeouts: Timeouts) -> Result<Arc<Target>, StoreError> {
        if let Some(node) = self.known_owner(slot) {
            return Ok(node);
        }
        // Nobody serves it, by a map that is new: the others go on with that map.
        if !self.state.lock().has_no_owner(slot) {
            self.ask(timeouts)?;
        }
        let owner = self.state.lock().map.as_ref().and_then(|map| map.owner(slot).cloned());
        owner.ok_or_else(|| {
            let text = format!("no node of {} serves hash slot {slot}", self.target);
            StoreError::Connect(io::Error::other(text))
        })
    }

    /// What a failure tells about the node.
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
        stats::REDIRECTS.add();
        interned(endpoint, self.state.lock().map.as_ref().map_or(&[], SlotMap::nodes), &self.target)
    }

    fn doubts(&self, doubt: Doubt) {
        self.state.lock().doubt = Some(doubt);
    }

    /// Asks for the map. All nodes together have the time for connecting; those that do not answer share it.
    fn ask(&self, timeouts: Timeouts) -> Result<(), StoreError> {
        let deadline = Instant::now() + timeouts.connect;
        let nodes = self.to_ask();
        // The next time goes on where this one ends.
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
            // One more share, for the node that has the session.
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
                    refusal = refusal.or(Some(problem).filter(|p| matches!(p, StoreError::Server(_))));
                }
            }
        }
        let mut state = self.state.lock();
        state.asked = Some(Instant::now());
        if state.map.is_some() && matches!(state.doubt, Some(Doubt::Moved(_))) {
            // What was moved is known; the rest is as good as it was.
            return Ok(());
        }
        Err(refusal.unwrap_or_else(|| problems.into_error("no node of the cluster answers")))
    }

    /// Everybody who may know: first who has just been named, last who did not answer. Seeds take turns with the nodes of
    /// the map, which may be dead, all of them; so may the seeds be.
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
        let mut connection = Connection::open_by(node, timeouts, until).map_err(unanswered)?;
        connection.answers_until(until, timeouts.read);
        let reply =
            connection.request(Command::new("CLUSTER").arg("SLOTS"), Duration::ZERO).map_err(|error| {
                match error {
                    StoreError::Server(error) if error.is_unknown_command() => {
                        StoreError::Connect(io::Error::other(NO_CLUSTER))
                    }
                    error => unanswered(error),
                }
            })?;
        let state = self.state.lock();
        let map = SlotMap::parse(reply, node, state.map.as_ref().map_or(&[], SlotMap::nodes))?;
        if map.covered() == 0 {
            let text = "it knows no node that serves a slot";
            return Err(StoreError::Connect(io::Error::other(text)));
        }
        Ok(map)
    }
}

/// One of these, one of those.
fn in_turns(known: &[Arc<Target>], seeds: &[Arc<Target>]) -> Vec<Arc<Target>> {
    let at = |nodes: &[Arc<Target>], n: usize| nodes.get(n).cloned();
    (0..known.len().max(seeds.len())).flat_map(|n| [at(known, n), at(seeds, n)]).flatten().collect()
}

impl State {
    /// Whether nobody has a slot, unless that must be asked.
    fn has_no_owner(&self, slot: u16) -> bool {
        self.asked.is_some_and(|asked| asked.elapsed() < FRESH)
            && self.map.as_ref().is_some_and(|map| map.owner(slot).is_none())
    }

    /// Who has a slot, unless that must be asked.
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
        // Each asking goes on where the one before has ended: all come to be asked.
        let mut seen = std::collections::BTreeSet::new();
        for turn in 0..102 {
            cluster.state.lock().turn = turn;
            seen.extend(asked(1));
        }
        assert_eq!(seen.len(), 101);
    }
}
