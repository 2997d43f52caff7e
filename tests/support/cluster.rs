//! A Redis Cluster of the test's own: masters that share the slots, with or without replicas.

use std::ops::{Deref, DerefMut};
use std::time::Duration;

use redis::Value;

use super::acl;
use super::poll::{self, SOON};
use super::redis::{FREE_PORT, Server};
use super::redis_program;

/// The number of masters. The first one has the first third of the slots.
pub const MASTERS: usize = 3;

const SLOTS: usize = 16384;

/// The time without an answer after which a node counts as failing, in tests of failing nodes.
pub const NODE_TIMEOUT: Duration = Duration::from_secs(1);

/// A [`Server`] of several nodes, which acts as all of them together: commands go to the node that
/// has the key, and numbers are sums.
pub struct Cluster {
    first: Server,
}

impl Deref for Cluster {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.first
    }
}

impl DerefMut for Cluster {
    fn deref_mut(&mut self) -> &mut Server {
        &mut self.first
    }
}

/// Three masters, which keep their roles whatever happens.
pub fn masters(args: &[&str]) -> Server {
    let cluster = form(args, 0);
    for node in cluster.nodes() {
        // A busy machine must not make a node look dead.
        node.set("cluster-node-timeout", "60000");
    }
    cluster.first
}

/// Three masters with a replica each: node n + 3 replicates node n.
pub fn with_replicas() -> Cluster {
    let cluster = form(&[], MASTERS);
    let ids: Vec<String> = cluster.nodes().map(|node| node.own(&["CLUSTER", "MYID"])).collect();
    for (replica, id) in cluster.nodes().skip(MASTERS).zip(&ids) {
        poll::until("the replica knows its master", SOON, || {
            replica.own::<String>(&["CLUSTER", "NODES"]).lines().any(|line| line.starts_with(id))
        });
        replica.own::<()>(&["CLUSTER", "REPLICATE", id]);
    }
    poll::until("every master has its replica, and everybody knows", SOON, || {
        let linked =
            |server: &Server| server.info("replication").get("master_link_status").is_some_and(|s| s == "up");
        let slots = |server: &Server| server.own::<Vec<Vec<Value>>>(&["CLUSTER", "SLOTS"]);
        cluster.nodes().skip(MASTERS).all(linked)
            && cluster.nodes().all(|node| slots(node).iter().all(|range| range.len() == 4))
    });
    for node in cluster.nodes() {
        node.set("cluster-node-timeout", &NODE_TIMEOUT.as_millis().to_string());
    }
    cluster
}

fn form(args: &[&str], replicas: usize) -> Cluster {
    // Before Redis 7 the bus has the port plus 10,000. If that port is taken, the server starts
    // with another one.
    let since_7 = ["--cluster-port", FREE_PORT, "--cluster-allow-replica-migration", "no"];
    let common = [
        &["--cluster-enabled", "yes", "--cluster-node-timeout", "500"][..],
        &["--cluster-replica-validity-factor", "0"],
        if redis_program::version() < (7, 0) { &[] } else { &since_7 },
        &["--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1"],
        args,
    ]
    .concat();
    let node = || Server::with_rights(&common, acl::for_cluster());
    let others = (1..MASTERS + replicas).map(|_| node()).collect();
    let mut cluster = Cluster { first: node() };
    cluster.first.join(others);
    for (number, node) in cluster.nodes().enumerate() {
        node.own::<()>(&["CLUSTER", "SET-CONFIG-EPOCH", &(number + 1).to_string()]);
        if number < MASTERS {
            let bound = |n: usize| SLOTS * n / MASTERS;
            // ADDSLOTSRANGE exists since Redis 7.
            let slots: Vec<String> =
                (bound(number)..bound(number + 1)).map(|slot| slot.to_string()).collect();
            let words = ["CLUSTER", "ADDSLOTS"].into_iter().chain(slots.iter().map(String::as_str));
            node.own::<()>(&words.collect::<Vec<_>>());
        }
        if number > 0 {
            let (port, bus) = (node.port().to_string(), node.bus_port().to_string());
            cluster.own::<()>(&["CLUSTER", "MEET", "127.0.0.1", &port, &bus]);
        }
    }
    cluster.until_whole();
    cluster
}

impl Cluster {
    /// Wraps a server that is the first node of a Cluster.
    pub fn of(first: Server) -> Self {
        assert!(first.is_cluster());
        Self { first }
    }

    /// Waits until every living node knows all nodes and serves.
    pub fn until_whole(&self) {
        let count = self.nodes().count().to_string();
        poll::until("the cluster serves all slots", Duration::from_mins(1), || {
            self.living().all(|node| {
                let info = node.cluster_info();
                let is = |field: &str, value: &str| info.get(field).is_some_and(|text| text == value);
                is("cluster_state", "ok")
                    && is("cluster_known_nodes", &count)
                    && is("cluster_slots_ok", "16384")
            })
        });
    }

    /// The slot of a key, as the cluster calculates it.
    pub fn slot(&self, key: &str) -> u16 {
        let node = self.living().next().expect("a node is up");
        node.own(&["CLUSTER", "KEYSLOT", key])
    }

    /// The number of the node that serves a key, as the node `by` sees it.
    pub fn owner(&self, key: &str, by: usize) -> usize {
        let slot = self.slot(key);
        let ranges: Vec<Vec<Value>> = self.node(by).own(&["CLUSTER", "SLOTS"]);
        let number = |value: &Value| redis::from_redis_value_ref::<u16>(value).expect("a number");
        let has = |range: &&Vec<Value>| (number(&range[0])..=number(&range[1])).contains(&slot);
        let range = ranges.iter().find(has).expect("somebody serves the slot");
        let Value::Array(master) = &range[2] else { panic!("no master: {range:?}") };
        let port = number(&master[1]);
        self.nodes().position(|node| node.has_port(port)).expect("it is one of ours")
    }

    /// An id of a session whose slot is on this node.
    pub fn id_on(&self, node: usize, name: &str) -> String {
        let key = |id: &String| self.owner(&super::session::key_at(self, id), 0) == node;
        (0..1000).map(|n| format!("{name}{n}")).find(key).expect("a third of them is there")
    }

    /// Begins to move a slot. The source keeps the keys until [`Cluster::move_keys`].
    pub fn begin_move(&self, slot: u16, from: usize, to: usize) {
        let ids: Vec<String> =
            [from, to].map(|n| self.node(n).own::<String>(&["CLUSTER", "MYID"])).into_iter().collect();
        let slot = slot.to_string();
        self.node(to).own::<()>(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &ids[0]]);
        self.node(from).own::<()>(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &ids[1]]);
    }

    /// Moves the keys of a slot that is being moved.
    pub fn move_keys(&self, slot: u16, from: usize, to: usize) {
        let (port, text) = (self.node(to).port().to_string(), slot.to_string());
        loop {
            let keys: Vec<String> = self.node(from).own(&["CLUSTER", "GETKEYSINSLOT", &text, "100"]);
            if keys.is_empty() {
                return;
            }
            let mut words = vec!["MIGRATE", "127.0.0.1", &port, "", "0", "5000", "KEYS"];
            words.extend(keys.iter().map(String::as_str));
            self.node(from).own::<()>(&words);
        }
    }

    /// Ends the move: the target serves the slot. The other masters are told as well, as redis-cli
    /// does.
    pub fn end_move(&self, slot: u16, to: usize) {
        let (id, slot): (String, _) = (self.node(to).own(&["CLUSTER", "MYID"]), slot.to_string());
        let masters = || self.nodes().take(MASTERS).enumerate();
        for (_, node) in masters().filter(|(n, _)| *n == to).chain(masters().filter(|(n, _)| *n != to)) {
            node.own::<()>(&["CLUSTER", "SETSLOT", &slot, "NODE", &id]);
        }
    }

    /// Moves a slot with its keys, from beginning to end.
    pub fn move_slot(&self, slot: u16, from: usize, to: usize) {
        self.begin_move(slot, from, to);
        self.move_keys(slot, from, to);
        self.end_move(slot, to);
    }

    /// Waits until `node` is the master of the slots that it replicated, and all living nodes know.
    pub fn until_master(&self, node: usize, of: &str) {
        poll::until("the replica takes over", Duration::from_mins(1), || {
            let up = (0..self.nodes().count()).filter(|n| self.node(*n).is_up());
            let mut up = up.peekable();
            up.peek().is_some() && up.all(|by| self.owner(of, by) == node)
        });
    }
}
