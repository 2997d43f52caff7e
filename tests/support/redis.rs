//! A real Redis server of the test's own, in a temporary folder.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::thread;
use std::time::Duration;

use redis::{Client, Connection, ConnectionInfo, FromRedisValue, IntoConnectionInfo};

use super::acl;
use super::cluster;
use super::poll::{self, SOON};
use super::port::Port;
use super::process;
use super::redis_program;
use super::temp_dir::TempDir;

/// A `redis-server` (or the program that `REDIS_SERVER` names) on a free TCP port of 127.0.0.1 and
/// on a Unix socket. The server stores nothing on disk unless its arguments say so, and ends when
/// this value is dropped.
pub struct Server {
    dir: TempDir,
    port: Port,
    args: Vec<String>,
    /// The ports among the arguments.
    _more_ports: Vec<Port>,
    /// The rights of the `REDIS_ACL=1` user on this server, beyond those that every such user has.
    rights: &'static str,
    process: Option<Child>,
    stopped: AtomicBool,
    /// The port that is announced to clients of a Cluster, or 0 if the server announces its own.
    announced: AtomicU16,
    /// The other nodes of a Cluster, of which this server is the first.
    others: Vec<Server>,
}

/// A placeholder for a free port among the arguments of a server.
pub const FREE_PORT: &str = "<free port>";

/// Returns true if `REDIS_TOPOLOGY=cluster` asks for a Cluster in the place of every server that
/// has no arguments of its own.
pub fn wants_cluster() -> bool {
    match std::env::var("REDIS_TOPOLOGY").as_deref() {
        Ok("cluster") => true,
        Ok("single") | Err(_) => false,
        Ok(other) => panic!("REDIS_TOPOLOGY is single or cluster, not {other}"),
    }
}

impl Server {
    /// Starts a server. Under `REDIS_TOPOLOGY=cluster`, starts three masters of a Cluster, which
    /// act as one.
    pub fn start() -> Self {
        if wants_cluster() { cluster::masters(&[]) } else { Self::with_args(&[]) }
    }

    /// Starts a server with further arguments, such as `["--maxmemory", "4mb"]`.
    pub fn with_args(args: &[&str]) -> Self {
        Self::with_rights(args, "")
    }

    /// Like [`Server::with_args`], for a server that needs more rights under `REDIS_ACL=1` than a
    /// server alone.
    pub fn with_rights(args: &[&str], rights: &'static str) -> Self {
        let mut more_ports = Vec::new();
        let arg = |arg: &&str| {
            if *arg != FREE_PORT {
                return (*arg).to_owned();
            }
            more_ports.push(Port::free());
            more_ports[more_ports.len() - 1].number().to_string()
        };
        let args = args.iter().map(arg).collect();
        let mut server = Self {
            dir: TempDir::new("redis"),
            port: Port::free(),
            args,
            _more_ports: more_ports,
            rights,
            process: None,
            stopped: AtomicBool::new(false),
            announced: AtomicU16::new(0),
            others: Vec::new(),
        };
        assert!(server.spawn(), "redis-server does not start: {}", server.log());
        server
    }

    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// The path of the Unix socket.
    pub fn socket(&self) -> PathBuf {
        self.dir.join("redis.sock")
    }

    /// `127.0.0.1:port`
    pub fn addr(&self) -> String {
        format!("127.0.0.1:{}", self.port())
    }

    /// The save path of this server over TCP.
    pub fn save_path(&self) -> String {
        if !self.is_cluster() {
            return format!("tcp://{}", self.addr());
        }
        let nodes: Vec<_> = self.nodes().map(Self::addr).collect();
        format!("cluster://{}", nodes.join(","))
    }

    /// Makes this server the first node of a Cluster.
    pub fn join(&mut self, others: Vec<Server>) {
        self.others = others;
    }

    pub fn is_cluster(&self) -> bool {
        !self.others.is_empty()
    }

    /// All nodes of a Cluster, or this server alone.
    pub fn nodes(&self) -> impl Iterator<Item = &Server> {
        std::iter::once(self).chain(&self.others)
    }

    /// The nodes of a Cluster that run and are not stopped, or this server alone.
    pub fn living(&self) -> impl Iterator<Item = &Server> {
        self.nodes().filter(|node| node.is_up() || !self.is_cluster())
    }

    /// Returns true if the server runs and is not stopped.
    pub fn is_up(&self) -> bool {
        self.process.is_some() && !self.stopped.load(Ordering::Relaxed)
    }

    /// One node of a Cluster.
    pub fn node(&self, number: usize) -> &Server {
        self.nodes().nth(number).expect("there are so many nodes")
    }

    /// One node of a Cluster, to kill or restart.
    pub fn node_mut(&mut self, number: usize) -> &mut Server {
        match number.checked_sub(1) {
            None => self,
            Some(other) => &mut self.others[other],
        }
    }

    /// The port that other nodes connect to. Unless it is set, the bus port follows from the port
    /// for clients.
    pub fn bus_port(&self) -> u16 {
        let over_tls = self.args.iter().any(|arg| arg == "--tls-cluster");
        match self.port_argument("--cluster-port") {
            0 => 10_000 + if over_tls { self.tls_port() } else { self.port() },
            port => port,
        }
    }

    /// The port for TLS, or 0.
    pub fn tls_port(&self) -> u16 {
        self.port_argument("--tls-port")
    }

    fn port_argument(&self, name: &str) -> u16 {
        let port = self.args.iter().skip_while(|arg| *arg != name).nth(1);
        port.map_or(0, |port| port.parse().expect("a port is a number"))
    }

    /// Returns true if clients are told this port for the node. Before Redis 6.2, clients without
    /// TLS are told the TLS port as well.
    pub fn has_port(&self, port: u16) -> bool {
        port != 0 && [self.port(), self.tls_port(), self.announced.load(Ordering::Relaxed)].contains(&port)
    }

    /// Announces this port to clients of the Cluster.
    pub fn announce(&self, port: u16) {
        self.announced.store(port, Ordering::Relaxed);
        self.set("cluster-announce-port", &port.to_string());
    }

    /// Sends CONFIG SET to this node.
    pub fn set(&self, name: &str, value: &str) {
        self.own::<()>(&["CONFIG", "SET", name, value]);
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.process.as_ref().expect("the server runs").id()
    }

    /// The server's log.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// Opens a new TCP connection, logged in if the server asks for a password.
    pub fn connection(&self) -> Connection {
        connect(self.connection_info()).expect("the test's own server answers")
    }

    /// The parameters with which the `redis` crate connects over TCP.
    pub fn connection_info(&self) -> ConnectionInfo {
        self.with_password(self.addr().replace("127.0.0.1", "redis://127.0.0.1"))
    }

    /// Sends one command over a new connection. In a Cluster, the command goes to the node that has
    /// the key.
    pub fn command<T: FromRedisValue>(&self, words: &[&str]) -> T {
        let mut node = self.living().next().expect("a node is up");
        for _ in 0..100 {
            match node.ask(words) {
                Ok(answer) => return answer,
                Err(error) => match error.redirect_node() {
                    Some((address, _)) => {
                        let port = address.strip_prefix("127.0.0.1:").and_then(|port| port.parse().ok());
                        let at = |other: &&Server| port.is_some_and(|port| other.has_port(port));
                        node = self.nodes().find(at).unwrap_or_else(|| panic!("{words:?}: {error}"));
                    }
                    // The slot of the key is being moved.
                    None if self.is_cluster() && error.code() == Some("TRYAGAIN") => {
                        thread::sleep(Duration::from_millis(20));
                    }
                    None => panic!("{words:?}: {error}"),
                },
            }
        }
        panic!("{words:?}: the nodes do not agree on who has it");
    }

    /// Sends one command to this node.
    pub fn own<T: FromRedisValue>(&self, words: &[&str]) -> T {
        self.ask(words).unwrap_or_else(|error| panic!("{words:?}: {error}"))
    }

    fn ask<T: FromRedisValue>(&self, words: &[&str]) -> redis::RedisResult<T> {
        redis::cmd(words[0]).arg(&words[1..]).query(&mut connect(self.connection_info())?)
    }

    /// All `field:value` lines of one section of INFO; in a Cluster, of the first node.
    pub fn info(&self, section: &str) -> BTreeMap<String, String> {
        fields(&self.own::<String>(&["INFO", section]))
    }

    /// All `field:value` lines of CLUSTER INFO.
    pub fn cluster_info(&self) -> BTreeMap<String, String> {
        fields(&self.own::<String>(&["CLUSTER", "INFO"]))
    }

    /// One number of INFO, summed over the nodes.
    pub fn info_number(&self, section: &str, field: &str) -> u64 {
        let number = |node: &Server| {
            let value = node.info(section).get(field).and_then(|value| value.parse::<u64>().ok());
            value.unwrap_or_else(|| panic!("INFO {section} has no number {field}"))
        };
        self.living().map(number).sum()
    }

    /// The number of calls of each command since the server started, by its lower-case name. The
    /// numbers include commands that scripts call, and the INFO of this function.
    pub fn info_commandstats(&self) -> BTreeMap<String, u64> {
        let mut sums = BTreeMap::new();
        for (field, value) in self.living().flat_map(|node| node.info("commandstats")) {
            let calls = value.strip_prefix("calls=").and_then(|rest| rest.split(',').next());
            let calls: Option<u64> = calls.and_then(|calls| calls.parse().ok());
            let command = field.trim_start_matches("cmdstat_").to_owned();
            *sums.entry(command).or_default() += calls.expect("commandstats counts calls");
        }
        sums
    }

    /// The number of commands that were carried out, including those of scripts. Commands by which
    /// only tests ask or set up are left out.
    pub fn carried_out(&self) -> u64 {
        let ours = |name: &str| !["info", "ping", "config"].contains(&name) && !name.starts_with("config|");
        self.info_commandstats().iter().filter(|(name, _)| ours(name)).map(|(_, calls)| calls).sum()
    }

    /// The number of connections that wait in a blocking command.
    pub fn blocked_clients(&self) -> u64 {
        self.info_number("clients", "blocked_clients")
    }

    /// The number of connections that wait in a blocking command on this node of a Cluster.
    pub fn blocked_alone(&self) -> u64 {
        let blocked = self.info("clients").get("blocked_clients").and_then(|n| n.parse().ok());
        blocked.expect("INFO counts blocked clients")
    }

    /// Ends the server as `kill -9` does. [`Server::restart`] starts it again.
    pub fn kill9(&mut self) {
        let mut process = self.process.take().expect("the server runs");
        process.kill().expect("the server can be killed");
        process.wait().expect("the server ends");
    }

    /// Starts the server again on the same port and folder. A server that still runs is killed
    /// first. Without `--appendonly yes` the server comes back empty.
    pub fn restart(&mut self) {
        if self.process.is_some() {
            self.kill9();
        }
        // A process that the server forked for a replica may hold the port for a moment.
        poll::until("redis-server starts again on its port", SOON, || self.spawn());
    }

    /// Removes a file of the server, such as `nodes.conf`. The server must not run.
    pub fn lose(&self, file: &str) {
        assert!(self.process.is_none(), "it runs");
        fs::remove_file(self.dir.join(file)).expect("the file was there");
    }

    /// SIGSTOP: the kernel still accepts connections, but the server does not answer.
    pub fn pause(&self) {
        for node in self.nodes() {
            node.pause_alone();
        }
    }

    /// Like [`Server::pause`], for this node of a Cluster only.
    pub fn pause_alone(&self) {
        self.stopped.store(true, Ordering::Relaxed);
        process::signal(self.pid(), "STOP");
    }

    /// SIGCONT
    pub fn resume(&self) {
        for node in self.nodes().filter(|node| node.process.is_some()) {
            process::signal(node.pid(), "CONT");
            node.stopped.store(false, Ordering::Relaxed);
        }
    }

    /// Starts the process and waits until it answers. Returns false if the process ended instead.
    fn spawn(&mut self) -> bool {
        let program = redis_program::path();
        // A socket file that a killed server left would look like the new server's.
        let _ = fs::remove_file(self.socket());
        let log = File::options().create(true).append(true).open(self.log_path()).expect("the log opens");
        let mut process = Command::new(&program)
            .args(["--bind", "127.0.0.1", "--port", &self.port().to_string(), "--daemonize", "no"])
            // An append-only file must contain every answered write. Under the default (everysec),
            // Redis puts writes off for up to two seconds while the disk is busy.
            .args(["--save", "", "--appendonly", "no", "--appendfsync", "no"])
            .args([Path::new("--unixsocket"), &self.socket(), Path::new("--dir"), self.dir.path()])
            .args(&self.args)
            .args(acl::server_args(self.rights))
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("the log has a second handle"))
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot run {program} ({error}): set REDIS_SERVER"));

        // The connection uses the Unix socket, which Redis creates when it listens on its ports.
        let socket = self.with_password(format!("redis+unix://{}", self.socket().display()));
        let answers = poll::until_some("redis-server answers PING", SOON, || {
            if process.try_wait().expect("the process can be asked").is_some() {
                return Some(false);
            }
            let mut connection = connect(socket.clone()).ok()?;
            redis::cmd("PING").query::<String>(&mut connection).ok().map(|_| true)
        });
        if answers {
            self.process = Some(process);
        }
        answers
    }

    fn log_path(&self) -> PathBuf {
        self.dir.join("redis.log")
    }

    fn with_password(&self, url: String) -> ConnectionInfo {
        let info = url.into_connection_info().expect("the URL of our own server parses");
        let password = self.args.iter().skip_while(|arg| *arg != "--requirepass").nth(1);
        let Some(password) = password else { return info };
        let settings = info.redis_settings().clone().set_password(password);
        info.set_redis_settings(settings)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            // Both calls fail only if the process has ended, which is the aim.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

fn connect(info: ConnectionInfo) -> redis::RedisResult<Connection> {
    let connection = Client::open(info)?.get_connection_with_timeout(SOON)?;
    connection.set_read_timeout(Some(SOON))?;
    connection.set_write_timeout(Some(Duration::from_secs(5)))?;
    Ok(connection)
}

/// `field:value` lines.
fn fields(text: &str) -> BTreeMap<String, String> {
    text.lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(field, value)| (field.to_owned(), value.to_owned()))
        .collect()
}
