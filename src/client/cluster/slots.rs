//! The map of hash slots to nodes, as the nodes of a Cluster report it.

use std::{collections::HashMap, sync::Arc};

use redis::Value;

use super::super::sentinel::is_host;
use crate::{
    config::{Endpoint, Target},
    error::{ServerError, StoreError},
    protocol::hash_slot::SLOTS,
};

/// The owners of all slots.
pub struct SlotMap {
    /// The masters first, then their replicas, which can be asked for a newer map.
    nodes: Vec<Arc<Target>>,
    masters: usize,
    /// The index in `nodes` of each slot's owner, or [`NOBODY`].
    owners: Box<[u16]>,
}

const NOBODY: u16 = u16::MAX;

impl SlotMap {
    /// Reads the reply of the node `asked` to CLUSTER SLOTS. Nodes that are already in `known` are
    /// reused, so that their pools are found again.
    pub fn parse(reply: Value, asked: &Target, known: &[Arc<Target>]) -> Result<Self, StoreError> {
        let nonsense = || StoreError::Protocol("an unexpected reply to CLUSTER SLOTS".into());
        let Value::Array(ranges) = reply else { return Err(nonsense()) };
        // Each range has at least one slot of its own.
        if ranges.len() > SLOTS.into() {
            return Err(nonsense());
        }
        let mut owners = vec![NOBODY; SLOTS.into()].into_boxed_slice();
        let mut nodes = Nodes::new(asked, known);
        let mut replicas = Vec::new();
        for range in ranges {
            let Value::Array(parts) = range else { return Err(nonsense()) };
            let [Value::Int(first), Value::Int(last), master, others @ ..] = &parts[..] else {
                return Err(nonsense());
            };
            let slots = usize::try_from(*first).ok().zip(usize::try_from(*last).ok());
            let (first, last) = slots.ok_or_else(nonsense)?;
            let owner = match node(master, asked) {
                Some(master) => nodes.add(master).ok_or_else(nonsense)?,
                // The node has lost its address, or its place in the cluster (`noaddr`). The other
                // ranges are still valid.
                None if is_node(master) => NOBODY,
                None => return Err(nonsense()),
            };
            owners.get_mut(first..=last).ok_or_else(nonsense)?.fill(owner);
            replicas.extend(others.iter().filter_map(|other| node(other, asked)));
        }
        let masters = nodes.all.len();
        for replica in replicas {
            nodes.add(replica);
        }
        Ok(Self { nodes: nodes.all, masters, owners })
    }

    /// Returns the node that serves a slot.
    pub fn owner(&self, slot: u16) -> Option<&Arc<Target>> {
        self.nodes.get(usize::from(*self.owners.get(usize::from(slot))?))
    }

    /// Records that `node` serves `slot` from now on.
    pub fn assign(&mut self, slot: u16, node: &Arc<Target>) {
        let place = self.nodes.iter().position(|known| Arc::ptr_eq(known, node)).unwrap_or_else(|| {
            self.nodes.push(node.clone());
            self.nodes.len() - 1
        });
        if let (Some(owner), Ok(place)) = (self.owners.get_mut(usize::from(slot)), u16::try_from(place)) {
            *owner = place;
        }
    }

    /// Returns all nodes.
    pub fn nodes(&self) -> &[Arc<Target>] {
        &self.nodes
    }

    /// Returns the nodes that serve slots.
    pub fn owners(&self) -> Vec<Arc<Target>> {
        let serves = |place: usize| self.owners.iter().any(|owner| usize::from(*owner) == place);
        (0..self.nodes.len()).filter(|place| serves(*place)).map(|place| self.nodes[place].clone()).collect()
    }

    /// Returns the number of masters at the time when the map was read.
    pub fn masters(&self) -> usize {
        self.masters
    }

    /// Returns the number of slots that a node serves.
    pub fn covered(&self) -> usize {
        self.owners.iter().filter(|owner| **owner != NOBODY).count()
    }
}

/// The nodes of a map that is being read. The reply decides their number, so each is found by a
/// hash of its text.
struct Nodes<'a> {
    asked: &'a Target,
    known: HashMap<String, &'a Arc<Target>>,
    places: HashMap<String, u16>,
    all: Vec<Arc<Target>>,
}

impl<'a> Nodes<'a> {
    fn new(asked: &'a Target, known: &'a [Arc<Target>]) -> Self {
        let known = known.iter().map(|node| (node.endpoint.to_string(), node)).collect();
        Self { asked, known, places: HashMap::new(), all: Vec::new() }
    }

    /// Returns the place of a node, or `None` if there are too many nodes.
    fn add(&mut self, endpoint: Endpoint) -> Option<u16> {
        let text = endpoint.to_string();
        if let Some(place) = self.places.get(&text) {
            return Some(*place);
        }
        let next = u16::try_from(self.all.len()).ok().filter(|place| *place != NOBODY)?;
        let known = self.known.get(&text).copied().cloned();
        self.all.push(known.unwrap_or_else(|| new_node(endpoint, self.asked)));
        self.places.insert(text, next);
        Some(next)
    }
}

/// Returns the known node with this address, so that its pool is found again. If there is none,
/// returns a new node with the credentials and the TLS settings of `like`.
pub fn interned(endpoint: Endpoint, known: &[Arc<Target>], like: &Target) -> Arc<Target> {
    match known.iter().find(|node| node.endpoint == endpoint) {
        Some(node) => node.clone(),
        None => new_node(endpoint, like),
    }
}

fn new_node(endpoint: Endpoint, like: &Target) -> Arc<Target> {
    Arc::new(Target { endpoint, ..like.clone() })
}

fn is_node(value: &Value) -> bool {
    matches!(value, Value::Array(parts) if matches!(parts.get(1), Some(Value::Int(_))))
}

/// Reads `[host, port, id, [name, value ...]]`. A nil or empty host stands for the node that was
/// asked. The host `?` stands for a name that the node does not have, and the node's address is
/// then among the names and values.
fn node(node: &Value, asked: &Target) -> Option<Endpoint> {
    let Value::Array(parts) = node else { return None };
    let text = |value: &Value| match value {
        Value::BulkString(bytes) => String::from_utf8(bytes.clone()).ok(),
        Value::SimpleString(text) => Some(text.clone()),
        _ => None,
    };
    let host = parts.first().and_then(text).filter(|host| !host.is_empty());
    let host = match host.as_deref() {
        Some("?") => {
            let Some(Value::Array(facts)) = parts.get(3) else { return None };
            let at = facts.iter().position(|fact| text(fact).as_deref() == Some("ip"))?;
            Some(text(facts.get(at + 1)?)?)
        }
        _ => host,
    };
    let Some(Value::Int(port)) = parts.get(1) else { return None };
    address(host.as_deref().unwrap_or_default(), u16::try_from(*port).ok()?, asked)
}

fn address(host: &str, port: u16, asked: &Target) -> Option<Endpoint> {
    let host = match (host, &asked.endpoint) {
        ("", Endpoint::Tcp { host, .. }) => host,
        (host, _) => host,
    };
    (port != 0 && is_host(host)).then(|| Endpoint::Tcp { host: host.to_owned(), port })
}

/// The redirect in a node's error reply.
#[derive(Debug, PartialEq, Eq)]
pub enum Redirect {
    /// This node serves the slot; the node that was asked does not.
    Moved(Endpoint),
    /// The slot is on its way to this node, which has these keys or will have them. The redirect is
    /// valid for one command only.
    Ask(Endpoint),
    /// Another node serves the slot, and has no address here. The map tells more.
    MovedSomewhere,
    /// The slot is on its way to a node that has no address here.
    AskSomewhere,
}

impl Redirect {
    /// Reads `MOVED 3999 host:port` and `ASK 3999 host:port` from the node `asked`. If the host is
    /// missing, the host of `asked` is meant. The host `?` stands for a name that the node does not
    /// have.
    pub fn parse(error: &ServerError, asked: &Target) -> Option<Self> {
        let to = || {
            let (_, place) = error.detail.split_once(' ')?;
            let (host, port) = place.trim().rsplit_once(':')?;
            let host = host.trim_start_matches('[').trim_end_matches(']');
            address(host, port.parse().ok()?, asked).filter(|_| host != "?")
        };
        match error.code.as_str() {
            "MOVED" => Some(to().map_or(Self::MovedSomewhere, Self::Moved)),
            "ASK" => Some(to().map_or(Self::AskSomewhere, Self::Ask)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    fn bulk(text: &str) -> Value {
        Value::BulkString(text.as_bytes().to_vec())
    }

    fn tcp(host: &str, port: u16) -> Endpoint {
        Endpoint::Tcp { host: host.into(), port }
    }

    fn target(endpoint: Endpoint) -> Target {
        Target { endpoint, username: None, password: None, database: 0, tls: None }
    }

    fn range(first: i64, last: i64, nodes: &[(Value, i64)]) -> Value {
        let node = |(host, port): &(Value, i64)| {
            let facts = Value::Array(vec![bulk("hostname"), bulk("h"), bulk("ip"), bulk("10.0.0.9")]);
            Value::Array(vec![host.clone(), Value::Int(*port), bulk("id"), facts])
        };
        let mut parts = vec![Value::Int(first), Value::Int(last)];
        parts.extend(nodes.iter().map(node));
        Value::Array(parts)
    }

    #[test]
    fn reads_the_map_and_keeps_known_nodes() {
        let asked = target(tcp("seed", 7000));
        let known = [Arc::new(target(tcp("10.0.0.2", 7001)))];
        let reply = Value::Array(vec![
            range(0, 5, &[(Value::Nil, 7000), (bulk("10.0.0.2"), 7001)]),
            range(6, 6, &[(bulk("10.0.0.2"), 7001)]),
            range(7, 16383, &[(bulk("?"), 7002), (bulk(""), 7003)]),
        ]);
        let mut map = SlotMap::parse(reply, &asked, &known).unwrap();
        let owner = |map: &SlotMap, slot| map.owner(slot).unwrap().endpoint.clone();
        assert_eq!(owner(&map, 0), tcp("seed", 7000));
        assert!(Arc::ptr_eq(map.owner(6).unwrap(), &known[0]));
        assert_eq!(owner(&map, 16383), tcp("10.0.0.9", 7002));
        assert_eq!((map.nodes().len(), map.masters(), map.covered()), (4, 3, 16384));
        map.assign(6, &interned(tcp("new", 1), map.nodes(), &asked));
        assert_eq!((owner(&map, 6), owner(&map, 5)), (tcp("new", 1), tcp("seed", 7000)));
        assert!(map.owner(SLOTS).is_none());
    }

    #[test]
    fn refuses_what_no_node_sends() {
        let asked = target(tcp("seed", 7000));
        let one = || range(0, 1, &[(bulk("h"), 1)]);
        assert!(SlotMap::parse(Value::Array(vec![one()]), &asked, &[]).is_ok());
        for bad in [
            Value::Nil,
            Value::Array(vec![Value::Nil]),
            Value::Array(vec![range(0, 1, &[])]),
            Value::Array(vec![range(0, 16384, &[(bulk("h"), 1)])]),
            Value::Array(vec![range(-1, 5, &[(bulk("h"), 1)])]),
            Value::Array(vec![range(5, 1, &[(bulk("h"), 1)])]),
        ] {
            assert!(SlotMap::parse(bad.clone(), &asked, &[]).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_master_without_a_usable_address_serves_nobody_and_the_others_hold() {
        let asked = target(tcp("seed", 7000));
        let long = "h".repeat(256);
        for (host, port) in [
            (bulk(""), 0),
            (Value::Nil, 0),
            (bulk("h"), 0),
            (bulk("h"), 65536),
            (bulk(&long), 1),
            (bulk("a\0b"), 1),
            (bulk("a\nb"), 1),
        ] {
            let reply = Value::Array(vec![
                range(0, 5, &[(bulk("h"), 1)]),
                range(6, 9, &[(host, port), (bulk("replica"), 2)]),
            ]);
            let map = SlotMap::parse(reply, &asked, &[]).unwrap();
            assert_eq!(map.owner(5).unwrap().endpoint, tcp("h", 1));
            assert!(map.owner(6).is_none());
            // The replica can tell later which node serves the slot.
            assert_eq!((map.masters(), map.covered(), map.nodes().len()), (1, 6, 2));
        }
    }

    #[test]
    fn reads_no_more_ranges_than_there_are_slots_and_as_many_nodes_in_passing() {
        let asked = target(tcp("seed", 7000));
        let reply = |ranges: i64| {
            let one = |n: i64| {
                range(n % 16384, n % 16384, &[(bulk(&format!("h{n}")), 1), (bulk(&format!("r{n}")), 1)])
            };
            Value::Array((0..ranges).map(one).collect())
        };
        let known: Vec<_> = (0..400_000).map(|n| Arc::new(target(tcp(&format!("h{n}"), 1)))).collect();
        let start = Instant::now();
        let map = SlotMap::parse(reply(16384), &asked, &known).unwrap();
        // A second on an idle machine. A search through all nodes for each node takes minutes.
        assert!(start.elapsed() < Duration::from_mins(1), "{:?}", start.elapsed());
        assert_eq!((map.masters(), map.nodes().len(), map.covered()), (16384, 32768, 16384));
        assert!(Arc::ptr_eq(map.owner(5).unwrap(), &known[5]));
        assert!(SlotMap::parse(reply(16385), &asked, &[]).is_err());
    }

    #[test]
    fn reads_redirects() {
        let asked = target(tcp("seed", 7000));
        let read = |line: &str| Redirect::parse(&ServerError::parse(line), &asked);
        assert_eq!(read("MOVED 3999 127.0.0.1:6381"), Some(Redirect::Moved(tcp("127.0.0.1", 6381))));
        assert_eq!(read("ASK 3999 node-1.example:6381"), Some(Redirect::Ask(tcp("node-1.example", 6381))));
        assert_eq!(read("MOVED 3999 :6381"), Some(Redirect::Moved(tcp("seed", 6381))));
        assert_eq!(read("MOVED 3999 ::1:6381"), Some(Redirect::Moved(tcp("::1", 6381))));
        for line in ["MOVED 3999", "MOVED", "MOVED 3999 ?:6381", "MOVED 1 h:99999", "MOVED 1 a\0b:1"] {
            assert_eq!(read(line), Some(Redirect::MovedSomewhere), "{line}");
        }
        for line in ["ASK 3999", "ASK 3999 ?:6381", "ASK 1 h:0", "ASK 1 h:x"] {
            assert_eq!(read(line), Some(Redirect::AskSomewhere), "{line}");
        }
        assert_eq!(read("ERR 3999 h:1"), None);
    }
}
