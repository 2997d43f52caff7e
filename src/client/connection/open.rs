//! The setup of a connection.

use std::{
    io::{self, IoSlice},
    mem,
    net::SocketAddr,
    time::{Duration, Instant},
};

use redis::Value;

use super::{Connection, Reserve};
use crate::{
    client::{
        dns::{self, Flaw, Worth},
        stream::{Stream, Timeouts, share},
    },
    config::{Endpoint, Target},
    error::{ServerError, StoreError, seconds, server_error},
    process::{clock, stats::Meter},
    protocol::{
        first_try::Turn,
        probe::{self, Capabilities, Scope},
        reply,
        transaction::Transactions,
    },
    resp::{Command, Replies},
};

impl Connection {
    /// Connects, and sends AUTH, SELECT, TIME and CLIENT SETNAME in one trip, and with them the
    /// probe with the key `probe` ([`crate::protocol::probe`]). `until` is a deadline for the whole
    /// setup.
    ///
    /// If the probe meets a replica, the other addresses of the name are tried, too, within what is
    /// left of the time for connecting. If none of them leads to a master, the first replica is
    /// connected, because sessions can be read there. Without a probe, the caller does the same
    /// with [`Connection::open_another`].
    pub fn open(
        target: &Target,
        timeouts: Timeouts,
        until: Option<Instant>,
        probe: Option<&str>,
    ) -> Result<Self, StoreError> {
        let deadline = Instant::now() + timeouts.connect;
        let mut opened = Self::open_one(target, timeouts, until, probe, None)?;
        if probe.is_none() {
            return Ok(opened);
        }
        let rest = mem::take(&mut opened.stream.rest);
        if !opened.capabilities.replica || rest.is_empty() {
            return Ok(opened);
        }
        opened.avoid_address();
        let is_master = |other: &mut Self| {
            let is_replica = other.capabilities.replica;
            if is_replica {
                other.avoid_address();
            }
            !is_replica
        };
        let master = Self::open_one_of(&rest, target, timeouts, deadline, until, probe, is_master);
        Ok(master.unwrap_or(opened))
    }

    /// Connects to another address of the server's name, for which `is_wanted` returns true. Each
    /// address is tried once after this name was looked up.
    pub fn open_another(
        &mut self,
        target: &Target,
        timeouts: Timeouts,
        is_wanted: impl FnMut(&mut Self) -> bool,
    ) -> Option<Self> {
        let deadline = Instant::now() + timeouts.connect;
        let rest = mem::take(&mut self.stream.rest);
        Self::open_one_of(&rest, target, timeouts, deadline, None, None, is_wanted)
    }

    /// Connects to one of these addresses. Those that did not answer lately have only a part of the
    /// time for connecting: a master that is back needs no more.
    fn open_one_of(
        addresses: &[SocketAddr],
        target: &Target,
        timeouts: Timeouts,
        deadline: Instant,
        until: Option<Instant>,
        probe: Option<&str>,
        mut is_wanted: impl FnMut(&mut Self) -> bool,
    ) -> Option<Self> {
        for (tried, address) in addresses.iter().enumerate() {
            let end = match dns::worth(*address) {
                Worth::None => continue,
                Worth::Part(divisor) => share(deadline, 0).min(Instant::now() + timeouts.connect / divisor),
                Worth::Full => share(deadline, addresses.len() - tried - 1),
            };
            let time = end.saturating_duration_since(Instant::now());
            let within = Timeouts { connect: time, read: timeouts.read.min(time) };
            let until = until.map_or(end, |until| until.min(end));
            if let Ok(mut other) = Self::open_one(target, within, Some(until), probe, Some(*address))
                && is_wanted(&mut other)
            {
                return Some(other);
            }
        }
        None
    }

    /// Does the same at one of the addresses of the name, or at the first one that answers.
    fn open_one(
        target: &Target,
        timeouts: Timeouts,
        until: Option<Instant>,
        probe: Option<&str>,
        at: Option<SocketAddr>,
    ) -> Result<Self, StoreError> {
        let all = probe.map(|key| (key, Scope::All));
        match (Self::open_with(target, timeouts, until, all, at)?, probe) {
            (Some(connection), _) => Ok(connection),
            (None, key) => {
                let scripts = key.map(|key| (key, Scope::Scripts));
                let opened = Self::open_with(target, timeouts, until, scripts, at)?;
                opened.ok_or_else(|| StoreError::Connect(io::ErrorKind::UnexpectedEof.into()))
            }
        }
    }

    /// Connects. Returns `None` if the probe has spoilt the connection.
    fn open_with(
        target: &Target,
        timeouts: Timeouts,
        until: Option<Instant>,
        probe: Option<(&str, Scope)>,
        at: Option<SocketAddr>,
    ) -> Result<Option<Self>, StoreError> {
        let (endpoint, tls) = (&target.endpoint, target.tls.as_ref());
        let stream = match at {
            None => Stream::connect(endpoint, tls, timeouts),
            Some(address) => Stream::connect_to(address, endpoint, tls, timeouts),
        };
        let stream = stream.map_err(StoreError::Connect)?;
        let mut connection = Self {
            stream,
            replies: Replies::default(),
            sent: 0,
            read: 0,
            awaited: Vec::new(),
            has_strayed: false,
            capabilities: Capabilities::default(),
            transactions: Transactions::new(Capabilities::default()),
            turn: Turn::default(),
            packed: Vec::new(),
            begun: clock::now(),
            answered: clock::now(),
            limit: timeouts.read,
            in_doubt: false,
            doubted: 0,
            until: until.map(|until| until.min(Instant::now() + timeouts.read)),
            reserve: Reserve::AfterQuiet,
            master: None,
            clock: None,
            meter: Meter::of(&target.endpoint.label()),
            trips: 0,
            pooled: None,
        };
        // The resolver may have used most of the time. A timeout is then not the server's fault.
        let had_time = connection
            .until
            .is_none_or(|until| until.saturating_duration_since(Instant::now()) >= timeouts.read / 2);
        let probe = probe.map(|(key, scope)| probe::commands(key, scope));
        let introduced = connection.introduce(target, probe.unwrap_or_default());
        match introduced {
            Ok(_) if connection.capabilities.scripts => connection.stream.prefer_address(),
            Ok(_) | Err(StoreError::Server(_)) => {}
            Err(StoreError::Timeout(_)) if !had_time => {}
            Err(StoreError::Timeout(_)) => _ = connection.stream.avoid_address(Flaw::NoAnswer),
            Err(_) => _ = connection.stream.avoid_address(Flaw::Refuses),
        }
        match introduced {
            Ok(false) => Ok(None),
            Ok(true) => Ok(Some(connection)),
            Err(StoreError::Server(error)) if error.is_full() => Err(StoreError::full(&error)),
            // No command was carried out yet, which is the difference between the two errors.
            Err(StoreError::Broken(error)) => {
                let (is_end, after) = (is_end(error.kind()), clock::since(connection.begun));
                Err(StoreError::Connect(if is_end && after >= AT_ONCE {
                    let after = seconds(after);
                    io::Error::other(format!(
                        "the server ended the connection after {after} s without an answer"
                    ))
                } else if is_end && expects_tls(target) {
                    io::Error::other(MAYBE_TLS)
                } else {
                    error
                }))
            }
            Err(StoreError::Protocol(_)) if expects_tls(target) => {
                Err(StoreError::Connect(io::Error::other(MAYBE_TLS)))
            }
            Err(error @ StoreError::Protocol(_)) => {
                Err(StoreError::Connect(io::Error::other(error.to_string())))
            }
            Err(error) => Err(error),
        }
    }

    /// Returns false if the probe has spoilt the connection.
    fn introduce(&mut self, target: &Target, mut probe: Vec<Command<'static>>) -> Result<bool, StoreError> {
        let mut commands = Vec::new();
        if let Some(password) = &target.password {
            let mut auth = Command::new("AUTH");
            if let Some(username) = &target.username {
                auth.arg(username);
            }
            auth.arg(password.reveal());
            commands.push(auth);
        }
        if target.database != 0 {
            let mut select = Command::new("SELECT");
            select.number(target.database.into());
            commands.push(select);
        }
        commands.push(Command::new("TIME"));
        let last = commands.len();
        let mut name = Command::new("CLIENT");
        name.arg("SETNAME").arg("phpsess_rs");
        commands.push(name);

        self.begin(self.limit, Duration::ZERO);
        let all = commands.iter_mut().chain(&mut probe);
        let mut pieces: Vec<IoSlice> = all.flat_map(Command::pieces).collect();
        let sent = self.stream.send(&mut pieces).map_err(|error| self.io_error(error));
        self.count_trip();
        let (mut refused, mut no_time) = (None, None);
        for left in (0..=last).rev() {
            match self.next_reply() {
                // The clock matters only to requests that wait for our lock, and sentinels do not
                // have TIME. Any other problem shows again in the reply to CLIENT SETNAME, unless
                // the server closes the connection first.
                Ok(Value::ServerError(error)) if left == 1 => no_time = Some(server_error(&error)),
                Ok(value) if left == 1 => self.clock = reply::time(value).map(|ms| (ms, clock::now())),
                // The name is a courtesy to readers of CLIENT LIST. An ACL may forbid the command,
                // and proxies do not know CLIENT.
                Ok(Value::ServerError(error)) if left == 0 && !is_about_more(&server_error(&error)) => {}
                Ok(Value::ServerError(error)) => refused = refused.or(Some(server_error(&error))),
                Ok(_) => {}
                // A server that is full says so and closes the connection, perhaps before it has
                // read our commands.
                Err(error) => {
                    let reason = refused.or(no_time).map(StoreError::Server);
                    let said =
                        matches!(&error, StoreError::Broken(e) if e.kind() == io::ErrorKind::InvalidData);
                    return Err(match sent {
                        Err(unsent) if reason.is_none() && !said => unsent,
                        _ => reason.unwrap_or(error),
                    });
                }
            }
        }
        sent?;
        match refused {
            Some(error) => Err(StoreError::Server(error)),
            None => self.read_probe(probe.len()),
        }
    }

    /// Reads the replies to the probe. Returns false if the probe has spoilt the connection.
    fn read_probe(&mut self, commands: usize) -> Result<bool, StoreError> {
        let replies: Result<Vec<_>, _> = (0..commands).map(|_| self.next_reply()).collect();
        let capabilities = match replies {
            Ok(replies) => probe::read(&replies),
            // Some proxies end the connection at a command that they do not know.
            Err(StoreError::Broken(_) | StoreError::Protocol(_)) => None,
            Err(error) => return Err(error),
        };
        let Some(capabilities) = capabilities else { return Ok(false) };
        self.capabilities = capabilities;
        self.transactions = Transactions::new(capabilities);
        Ok(true)
    }
}

/// Returns true if the server will refuse other commands as well.
fn is_about_more(error: &ServerError) -> bool {
    error.code == "NOAUTH" || error.is_passing()
}

/// The error for a server that closes the connection at once, perhaps after an alert. A server that
/// expects TLS does so with plain text.
const MAYBE_TLS: &str =
    "the server ended the connection at once (if it expects TLS, write tls:// in session.save_path)";

/// The longest time for "at once". A balancer ends a connection later, whose server hangs.
const AT_ONCE: Duration = Duration::from_secs(1);

fn expects_tls(target: &Target) -> bool {
    target.tls.is_none() && matches!(target.endpoint, Endpoint::Tcp { .. })
}

/// Returns true if the server has ended the connection.
fn is_end(kind: io::ErrorKind) -> bool {
    matches!(kind, io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe)
}
