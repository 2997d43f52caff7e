//! The setup of a connection.

use std::{
    io::{self, IoSlice},
    time::{Duration, Instant},
};

use redis::Value;

use super::Connection;
use crate::{
    client::stream::{Stream, Timeouts},
    config::{Endpoint, Target},
    error::{ServerError, StoreError, server_error},
    process::stats,
    protocol::{reply, transaction::Transactions},
    resp::{Command, Replies},
};

impl Connection {
    /// Connects, and sends AUTH, SELECT, TIME and CLIENT SETNAME in one trip.
    pub fn open(target: &Target, timeouts: Timeouts) -> Result<Self, StoreError> {
        Self::open_until(target, timeouts, None)
    }

    /// Connects as [`Connection::open`] does, with a deadline for the whole setup.
    pub fn open_by(target: &Target, timeouts: Timeouts, until: Instant) -> Result<Self, StoreError> {
        Self::open_until(target, timeouts, Some(until))
    }

    fn open_until(target: &Target, timeouts: Timeouts, until: Option<Instant>) -> Result<Self, StoreError> {
        let stream =
            Stream::connect(&target.endpoint, target.tls.as_ref(), timeouts).map_err(StoreError::Connect)?;
        let mut connection = Self {
            stream,
            replies: Replies::new(),
            sent: 0,
            read: 0,
            awaited: Vec::new(),
            runs_scripts: false,
            transactions: Transactions::default(),
            packed: Vec::new(),
            used: Instant::now(),
            limit: timeouts.read,
            in_doubt: false,
            doubted: 0,
            until: until.map(|until| until.min(Instant::now() + timeouts.read)),
            leaves_time: false,
            master: None,
            clock: None,
        };
        // The resolver may have used most of the time. A timeout is then not the server's fault.
        let had_time = connection
            .until
            .is_none_or(|until| until.saturating_duration_since(Instant::now()) >= timeouts.read / 2);
        let introduced = connection.introduce(target);
        match introduced {
            Ok(()) | Err(StoreError::Server(_)) => {}
            Err(StoreError::Timeout(_)) if !had_time => {}
            Err(_) => connection.stream.avoid_address(),
        }
        match introduced {
            Ok(()) => Ok(connection),
            Err(StoreError::Server(error)) if error.is_full() => Err(StoreError::full(&error)),
            // No command was carried out yet, which is the difference between the two errors.
            Err(StoreError::Broken(error)) => {
                Err(StoreError::Connect(if expects_tls(target, error.kind()) {
                    io::Error::other(MAYBE_TLS)
                } else {
                    error
                }))
            }
            Err(StoreError::Protocol(_)) if expects_tls(target, io::ErrorKind::UnexpectedEof) => {
                Err(StoreError::Connect(io::Error::other(MAYBE_TLS)))
            }
            Err(error @ StoreError::Protocol(_)) => {
                Err(StoreError::Connect(io::Error::other(error.to_string())))
            }
            Err(error) => Err(error),
        }
    }

    fn introduce(&mut self, target: &Target) -> Result<(), StoreError> {
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
        let mut pieces: Vec<IoSlice> = commands.iter_mut().flat_map(Command::pieces).collect();
        let sent = self.stream.send(&mut pieces).map_err(|error| self.io_error(error));
        stats::TRIPS.add();
        let (mut refused, mut no_time) = (None, None);
        for left in (0..=last).rev() {
            match self.next_reply() {
                // The clock matters only to requests that wait for our lock, and sentinels do not
                // have TIME. Any other problem shows again in the reply to CLIENT SETNAME, unless
                // the server closes the connection first.
                Ok(Value::ServerError(error)) if left == 1 => no_time = Some(server_error(&error)),
                Ok(value) if left == 1 => self.clock = reply::time(value).map(|ms| (ms, Instant::now())),
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
        refused.map_or(Ok(()), |error| Err(StoreError::Server(error)))
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

fn expects_tls(target: &Target, kind: io::ErrorKind) -> bool {
    target.tls.is_none()
        && matches!(target.endpoint, Endpoint::Tcp { .. })
        && matches!(
            kind,
            io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe
        )
}
