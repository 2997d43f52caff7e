//! A real Redis server of the test's own, in a temporary folder.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use redis::{Client, Connection, ConnectionInfo, FromRedisValue, IntoConnectionInfo};

use super::acl;
use super::poll::{self, SOON};
use super::process;
use super::temp_dir::TempDir;

/// A `redis-server` (or the program that `REDIS_SERVER` names) on a free TCP port of 127.0.0.1 and on a Unix
/// socket. It keeps nothing on disk unless its arguments say so, and ends with this value.
pub struct Server {
    dir: TempDir,
    port: u16,
    args: Vec<String>,
    process: Option<Child>,
}

impl Server {
    pub fn start() -> Self {
        Self::with_args(&[])
    }

    /// A server with further arguments, such as `["--maxmemory", "4mb"]`.
    pub fn with_args(args: &[&str]) -> Self {
        let mut server = Self {
            dir: TempDir::new("redis"),
            port: 0,
            args: args.iter().map(|&arg| arg.to_owned()).collect(),
            process: None,
        };
        // Between asking for a free port and using it, somebody else may take it.
        for _ in 0..10 {
            server.port = free_port();
            if server.spawn() {
                return server;
            }
        }
        panic!("redis-server does not start: {}", server.log());
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The path of the Unix socket.
    pub fn socket(&self) -> PathBuf {
        self.dir.join("redis.sock")
    }

    /// `127.0.0.1:port`
    pub fn addr(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The save path of this server over TCP.
    pub fn save_path(&self) -> String {
        format!("tcp://{}", self.addr())
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.process.as_ref().expect("the server runs").id()
    }

    /// What the server wrote to its log.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// A new connection over TCP, logged in if the server asks for a password.
    pub fn connection(&self) -> Connection {
        connect(self.connection_info()).expect("the test's own server answers")
    }

    /// What `redis` needs to connect over TCP.
    pub fn connection_info(&self) -> ConnectionInfo {
        self.with_password(self.addr().replace("127.0.0.1", "redis://127.0.0.1"))
    }

    /// Sends one command over a connection of its own.
    pub fn command<T: FromRedisValue>(&self, words: &[&str]) -> T {
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]);
        command.query(&mut self.connection()).unwrap_or_else(|error| panic!("{words:?}: {error}"))
    }

    /// All `field:value` lines of one section of INFO.
    pub fn info(&self, section: &str) -> BTreeMap<String, String> {
        let text: String = self.command(&["INFO", section]);
        text.lines()
            .filter_map(|line| line.split_once(':'))
            .map(|(field, value)| (field.to_owned(), value.to_owned()))
            .collect()
    }

    /// One number of INFO.
    pub fn info_number(&self, section: &str, field: &str) -> u64 {
        self.info(section)
            .get(field)
            .and_then(|value| value.parse().ok())
            .unwrap_or_else(|| panic!("INFO {section} has no number {field}"))
    }

    /// How often each command was called since the server started, by its lower-case name. Commands that
    /// scripts call count, and so does the INFO behind this.
    pub fn info_commandstats(&self) -> BTreeMap<String, u64> {
        self.info("commandstats")
            .into_iter()
            .map(|(field, value)| {
                let calls = value.strip_prefix("calls=").and_then(|rest| rest.split(',').next());
                let calls = calls.and_then(|calls| calls.parse().ok());
                (field.trim_start_matches("cmdstat_").to_owned(), calls.expect("commandstats counts calls"))
            })
            .collect()
    }

    /// Connections that wait in a blocking command.
    pub fn blocked_clients(&self) -> u64 {
        self.info_number("clients", "blocked_clients")
    }

    /// Ends the server as `kill -9` does. [`Server::restart`] starts it again.
    pub fn kill9(&mut self) {
        let mut process = self.process.take().expect("the server runs");
        process.kill().expect("the server can be killed");
        process.wait().expect("the server ends");
    }

    /// Starts the server again on the same port and folder, after killing it if it still runs. Without
    /// `--appendonly yes` it comes back empty.
    pub fn restart(&mut self) {
        if self.process.is_some() {
            self.kill9();
        }
        // Another process may hold the port for a moment, as the local end of a connection of its own.
        poll::until("redis-server starts again on its port", SOON, || self.spawn());
    }

    /// SIGSTOP: connections are still accepted by the kernel, and nobody answers.
    pub fn pause(&self) {
        process::signal(self.pid(), "STOP");
    }

    /// SIGCONT
    pub fn resume(&self) {
        process::signal(self.pid(), "CONT");
    }

    /// Starts the process and waits until it answers; false when it ended instead.
    fn spawn(&mut self) -> bool {
        let program = std::env::var("REDIS_SERVER").unwrap_or_else(|_| "redis-server".into());
        // A socket file left by a killed server would look like the new one's.
        let _ = fs::remove_file(self.socket());
        let log = File::options().create(true).append(true).open(self.log_path()).expect("the log opens");
        let mut process = Command::new(&program)
            .args(["--bind", "127.0.0.1", "--port", &self.port.to_string(), "--daemonize", "no"])
            // With an append-only file, every answered write is in it: under the default (everysec), Redis
            // puts writes off for up to two seconds while the disk is busy.
            .args(["--save", "", "--appendonly", "no", "--appendfsync", "no"])
            .args([Path::new("--unixsocket"), &self.socket(), Path::new("--dir"), self.dir.path()])
            .args(&self.args)
            .args(acl::server_args())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("the log has a second handle"))
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot run {program} ({error}): set REDIS_SERVER"));

        // Over the Unix socket, which nobody else can have, unlike the port.
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
            // Both fail only if the process is gone, which is the aim.
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

/// A TCP port of 127.0.0.1 that nobody uses now.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port exists");
    listener.local_addr().expect("a bound listener has an address").port()
}
