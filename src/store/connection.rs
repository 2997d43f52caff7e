//! One connection: its set-up in one trip, and requests with a bounded wait.
//!
//! The `redis` crate gives the protocol (packing and parsing); the socket is ours, because its own connection cannot
//! bound a whole answer in time and size, nor be closed with a reset.

use std::{
    io::{self, Write},
    time::{Duration, Instant},
};

use redis::{Cmd, ErrorKind, Parser, RedisError, Value};

use super::{
    ServerError, StoreError, sentinel, stats,
    stream::{Stream, Timeouts},
};
use crate::config::{Endpoint, Target};

/// After this long without use a connection may have been closed by the other side: worth a look before use.
const FRESH: Duration = Duration::from_millis(500);

pub struct Connection {
    stream: Stream,
    parser: Parser,
    packed: Vec<u8>,
    /// Replies that were not waited for and come before the next one.
    owed: u32,
    used: Instant,
    timeout: Duration,
}

impl Connection {
    /// Connects, and sends AUTH, SELECT and CLIENT SETNAME in one trip. With Sentinel, to the master of this moment.
    pub fn open(target: &Target, timeouts: Timeouts) -> Result<Self, StoreError> {
        if let Endpoint::Sentinel(sentinel) = &target.endpoint {
            return sentinel::open(sentinel, target, timeouts);
        }
        let stream =
            Stream::connect(&target.endpoint, target.tls.as_ref(), timeouts).map_err(StoreError::Connect)?;
        let mut connection = Self {
            stream,
            parser: Parser::new(),
            packed: Vec::new(),
            owed: 0,
            used: Instant::now(),
            timeout: timeouts.read,
        };
        match connection.introduce(target) {
            Ok(()) => Ok(connection),
            // Nothing was carried out yet: that is what the difference between the two is about.
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
            Err(error) => Err(error),
        }
    }

    fn introduce(&mut self, target: &Target) -> Result<(), StoreError> {
        let mut needed = 0;
        if let Some(password) = &target.password {
            let mut auth = redis::cmd("AUTH");
            if let Some(username) = &target.username {
                auth.arg(username);
            }
            auth.arg(password.reveal()).write_packed_command(&mut self.packed);
            needed += 1;
        }
        if target.database != 0 {
            redis::cmd("SELECT").arg(target.database).write_packed_command(&mut self.packed);
            needed += 1;
        }
        redis::cmd("CLIENT").arg("SETNAME").arg("phpsess_rs").write_packed_command(&mut self.packed);

        self.stream.expect_within(self.timeout).map_err(|e| self.io_error(e))?;
        let sent = self.flush();
        stats::TRIPS.add();
        let mut refused = None;
        for left in (0..=needed).rev() {
            match self.reply() {
                // The name is a courtesy to whoever reads CLIENT LIST, and an ACL may forbid it.
                Ok(Value::ServerError(error)) if left == 0 && error.code() == "NOPERM" => {}
                Ok(Value::ServerError(error)) => refused = refused.or(Some(server_error(&error))),
                Ok(_) => {}
                // A server that is full says so and closes, perhaps before it has read what we sent.
                Err(error) => {
                    let reason = refused.map(StoreError::Server);
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

    /// Whether this connection can be used as it is. Costs nothing for one that was used a moment ago.
    pub fn is_usable(&self) -> bool {
        self.used.elapsed() < FRESH || self.owed > 0 || !self.stream.is_closed()
    }

    /// Sends a command and waits for its reply, `extra` longer than usual.
    pub fn request(&mut self, command: &Cmd, extra: Duration) -> Result<Value, StoreError> {
        self.stream.expect_within(self.timeout + extra).map_err(|e| self.io_error(e))?;
        self.send(command)?;
        stats::TRIPS.add();
        while self.owed > 0 {
            self.owed -= 1;
            self.reply()?;
        }
        match self.reply()? {
            Value::ServerError(error) => Err(StoreError::Server(server_error(&error))),
            value => Ok(value),
        }
    }

    /// Sends a command whose reply the next request reads and drops.
    pub fn send_ahead(&mut self, command: &Cmd) -> Result<(), StoreError> {
        self.stream.expect_within(self.timeout).map_err(|e| self.io_error(e))?;
        self.send(command)?;
        self.owed += 1;
        Ok(())
    }

    /// Closes with a reset.
    pub fn abort(self) {
        self.stream.reset_on_drop();
    }

    fn send(&mut self, command: &Cmd) -> Result<(), StoreError> {
        command.write_packed_command(&mut self.packed);
        self.flush()
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        let sent = self.stream.write_all(&self.packed).and_then(|()| self.stream.flush());
        self.packed.clear();
        // One huge session must not stay in every idle worker.
        self.packed.shrink_to(64 << 10);
        sent.map_err(|error| self.io_error(error))
    }

    fn reply(&mut self) -> Result<Value, StoreError> {
        match self.parser.parse_value(&mut self.stream) {
            Ok(value) => {
                self.used = Instant::now();
                Ok(value)
            }
            Err(error) => Err(self.redis_error(&error)),
        }
    }

    fn redis_error(&mut self, error: &RedisError) -> StoreError {
        if error.kind() == ErrorKind::Parse {
            return StoreError::Protocol("not the Redis protocol".into());
        }
        let failure = self.stream.failure();
        if failure.kind() == io::ErrorKind::FileTooLarge {
            return StoreError::Protocol(failure.to_string());
        }
        self.io_error(failure)
    }

    fn io_error(&self, error: io::Error) -> StoreError {
        match error.kind() {
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => StoreError::Timeout(self.timeout),
            _ => StoreError::Broken(error),
        }
    }
}

/// What a server that expects TLS does with plain text: it closes the connection, perhaps after an alert.
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

pub fn server_error(error: &redis::ServerError) -> ServerError {
    ServerError::parse(&match error.details() {
        Some(details) => [error.code(), " ", details].concat(),
        None => error.code().to_owned(),
    })
}
