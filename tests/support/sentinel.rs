//! A master, replicas and three sentinels, all of the test's own.

use std::fs::{self, File};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use redis::{Client, FromRedisValue};

use super::acl;
use super::poll::{self, SOON};
use super::port::Port;
use super::process;
use super::redis::{FREE_PORT, Server};
use super::redis_program;
use super::temp_dir::TempDir;
use super::tls::Certificates;

/// The name that the sentinels know the master by.
pub const NAME: &str = "sessions";

/// The time without an answer after which the sentinels take a master for dead.
pub const DOWN_AFTER: Duration = Duration::from_secs(1);

/// Servers, of which the first begins as the master, and three sentinels with a quorum of two.
pub struct Group {
    pub servers: Vec<Server>,
    pub sentinels: Vec<Sentinel>,
}

/// The credentials that servers and sentinels ask of clients and of each other.
#[derive(Clone, Copy, Default)]
pub struct Access<'a> {
    pub password: Option<&'a str>,
    pub sentinel_password: Option<&'a str>,
    /// All of them present the certificate `server`. The test itself connects in plain text.
    pub certificates: Option<&'a Certificates>,
}

/// One sentinel process.
pub struct Sentinel {
    port: Port,
    tls_port: Option<Port>,
    process: Child,
    password: Option<String>,
    _dir: TempDir,
}

impl Group {
    /// Starts a group, and waits until a failover would work.
    pub fn start() -> Self {
        Self::with(Access::default())
    }

    /// Like [`Group::start`], with passwords or TLS.
    pub fn with(access: Access<'_>) -> Self {
        Self::of(2, &[], access)
    }

    /// Like [`Group::with`], with `count` servers and further arguments for them.
    pub fn of(count: usize, more: &[&str], access: Access<'_>) -> Self {
        let mut args = vec!["--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1"];
        args.extend(more);
        if let Some(password) = access.password {
            args.extend(["--requirepass", password, "--masterauth", password]);
        }
        let settings = access.certificates.map(|certificates| certificates.settings("server", "no"));
        if let Some(settings) = &settings {
            args.extend(settings.iter().flat_map(|(name, value)| [*name, value]));
            args.extend(["--tls-replication", "yes", "--tls-port", FREE_PORT]);
        }
        let servers: Vec<_> = (0..count).map(|_| Server::with_rights(&args, acl::for_sentinel())).collect();
        let master = known_port(&servers[0]);
        for replica in &servers[1..] {
            replica.command::<()>(&["REPLICAOF", "127.0.0.1", &master.to_string()]);
        }
        let replicas = (count - 1).to_string();
        poll::until("the replicas are in sync", SOON, || {
            let in_sync = |replica: &Server| {
                replica.info("replication").get("master_link_status").is_some_and(|status| status == "up")
            };
            servers[1..].iter().all(in_sync)
        });
        let sentinels = (0..3).map(|_| Sentinel::start(master, access)).collect();
        let group = Self { servers, sentinels };
        poll::until("the sentinels know each other and the replica", SOON, || {
            group.sentinels.iter().all(|sentinel| {
                let master = sentinel.master();
                let field = |name: &str| {
                    let at = master.iter().position(|word| word == name)?;
                    master.get(at + 1).cloned()
                };
                field("num-other-sentinels").as_deref() == Some("2")
                    && field("num-slaves").as_deref() == Some(&*replicas)
                    && field("flags").as_deref() == Some("master")
            })
        });
        group
    }

    /// The save path of this group.
    pub fn save_path(&self) -> String {
        let port = |sentinel: &Sentinel| sentinel.tls_port.as_ref().unwrap_or(&sentinel.port).number();
        let nodes: Vec<_> = self.sentinels.iter().map(|s| format!("127.0.0.1:{}", port(s))).collect();
        format!("sentinel://{}/{NAME}", nodes.join(","))
    }

    /// Waits until a replica is the master, as it says itself and as all sentinels say, and returns
    /// its number.
    pub fn until_replaced(&self) -> usize {
        poll::until("a replica takes over", Duration::from_mins(1), || self.replacement().is_some());
        let new = self.replacement().expect("it has taken over");
        self.until_master(new, &[0, 1, 2]);
        new
    }

    fn replacement(&self) -> Option<usize> {
        (1..self.servers.len()).find(|&n| role(&self.servers[n]) == "master")
    }

    /// Waits until these sentinels name this server as the master, and the server agrees.
    pub fn until_master(&self, server: usize, sentinels: &[usize]) {
        let port = known_port(&self.servers[server]).to_string();
        poll::until("the failover is over", Duration::from_mins(1), || {
            role(&self.servers[server]) == "master"
                && sentinels.iter().all(|&n| {
                    let words = ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME];
                    let address: Vec<String> = self.sentinels[n].command(&words);
                    address.get(1) == Some(&port)
                })
        });
    }
}

/// The port that the sentinels and the other servers know.
fn known_port(server: &Server) -> u16 {
    match server.tls_port() {
        0 => server.port(),
        port => port,
    }
}

/// `master` or `slave`, or empty while a server that changes its role ends its connections.
pub fn role(server: &Server) -> String {
    let ask = || {
        let mut connection = Client::open(server.connection_info())?.get_connection_with_timeout(SOON)?;
        redis::cmd("INFO").arg("replication").query::<String>(&mut connection)
    };
    let text = ask().unwrap_or_default();
    let role = text.lines().find_map(|line| line.strip_prefix("role:"));
    role.unwrap_or_default().to_owned()
}

impl Sentinel {
    fn start(master: u16, access: Access<'_>) -> Self {
        let program = redis_program::path();
        let dir = TempDir::new("sentinel");
        let port = Port::free();
        let mut config = format!(
            "port {}\nbind 127.0.0.1\nprotected-mode no\ndir {}\n\
             sentinel monitor {NAME} 127.0.0.1 {master} 2\n\
             sentinel down-after-milliseconds {NAME} {}\n\
             sentinel failover-timeout {NAME} 5000\n",
            port.number(),
            dir.path().display(),
            DOWN_AFTER.as_millis(),
        );
        let mut add = |line: &[&str]| config.push_str(&(line.join(" ") + "\n"));
        if let Some(password) = access.sentinel_password {
            add(&["requirepass", password]);
            // Before Redis 6.2, sentinels use their own password for each other.
            if redis_program::version() >= (6, 2) {
                add(&["sentinel sentinel-pass", password]);
            }
        }
        if let Some(password) = access.password {
            add(&["sentinel auth-pass", NAME, password]);
        }
        let tls_port = access.certificates.map(|certificates| {
            let tls_port = Port::free();
            for (name, value) in certificates.settings("server", "no") {
                add(&[name.trim_start_matches('-'), &value]);
            }
            add(&["tls-replication yes"]);
            add(&["tls-port", &tls_port.number().to_string()]);
            tls_port
        });
        let file = dir.join("sentinel.conf");
        fs::write(&file, config).expect("the configuration can be written");
        let log_path = dir.join("sentinel.log");
        let log = File::create(&log_path).expect("the log opens");
        let process = Command::new(&program)
            .arg(&file)
            .arg("--sentinel")
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("the log has a second handle"))
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot run {program} ({error}): set REDIS_SERVER"));
        let password = access.sentinel_password.map(str::to_owned);
        let mut sentinel = Self { port, tls_port, process, password, _dir: dir };
        poll::until("a sentinel answers", SOON, || {
            let ended = sentinel.process.try_wait().expect("the process can be asked");
            assert!(ended.is_none(), "{}", fs::read_to_string(&log_path).unwrap_or_default());
            sentinel.try_command::<String>(&["PING"]).is_ok()
        });
        sentinel
    }

    /// The answer to SENTINEL MASTER, a flat list of names and values.
    pub fn master(&self) -> Vec<String> {
        self.command(&["SENTINEL", "MASTER", NAME])
    }

    /// Sends one command over a new connection.
    pub fn command<T: FromRedisValue>(&self, words: &[&str]) -> T {
        self.try_command(words).unwrap_or_else(|error| panic!("{words:?}: {error}"))
    }

    fn try_command<T: FromRedisValue>(&self, words: &[&str]) -> redis::RedisResult<T> {
        let user = self.password.as_ref().map_or_else(String::new, |password| format!(":{password}@"));
        let url = format!("redis://{user}127.0.0.1:{}", self.port.number());
        let mut connection = Client::open(url)?.get_connection_with_timeout(SOON)?;
        connection.set_read_timeout(Some(SOON))?;
        redis::cmd(words[0]).arg(&words[1..]).query(&mut connection)
    }

    /// `kill -9`
    pub fn kill9(&mut self) {
        self.process.kill().expect("the sentinel can be killed");
        self.process.wait().expect("the sentinel ends");
    }

    /// SIGSTOP: the sentinel accepts connections and does not answer.
    pub fn pause(&self) {
        process::signal(self.process.id(), "STOP");
    }
}

impl Drop for Sentinel {
    fn drop(&mut self) {
        // Both calls fail only if the process has ended, which is the aim.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
