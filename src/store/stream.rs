//! A socket on which every wait is bounded.
//!
//! The system's own receive timeout bounds one call, not an answer: a server that sends a byte now and then would
//! hold a request for ever. [`Stream`] also keeps a deadline for the whole answer and a limit on its size.

use std::{
    io::{self, IoSlice, IoSliceMut, Read, Write},
    mem,
    time::{Duration, Instant},
};

use rustls::{ClientConnection, StreamOwned};
use socket2::{Domain, SockAddr, Socket, TcpKeepalive, Type};

use super::{resolve, resp::MAX_BULK, tls_problem};
use crate::config::{Endpoint, Tls};

/// A string of any length that Redis allows, plus what an answer has around it.
const MAX_ANSWER: usize = MAX_BULK + (64 << 10);

/// Finds out about a peer that vanished without a word (a firewall that forgot the connection) while idle.
const KEEPALIVE: Duration = Duration::from_mins(1);

/// How often the handshake looks at the clock while the server says nothing.
const TICK: Duration = Duration::from_millis(50);

/// How long connecting, and one exchange, may take.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// Connecting, with the resolving of a name, TLS, and the asking of sentinels.
    pub connect: Duration,
    /// One exchange.
    pub read: Duration,
}

enum Channel {
    Plain(Socket),
    Tls(Box<StreamOwned<ClientConnection, Bounded>>),
}

/// The socket below TLS, which reads it as often as one record takes: each time, the deadline counts.
struct Bounded {
    socket: Socket,
    deadline: Instant,
}

pub struct Stream {
    channel: Channel,
    deadline: Instant,
    /// What the socket's receive timeout is set to now; changing it is a system call.
    receive_timeout: Duration,
    allowance: usize,
    /// The exchange is not over with its first write and its first read: from there on, the clock is looked at.
    in_pieces: bool,
}

impl Stream {
    /// Connects in time, trying each address of a name in turn.
    pub fn connect(endpoint: &Endpoint, tls: Option<&Tls>, timeouts: Timeouts) -> io::Result<Self> {
        let deadline = Instant::now() + timeouts.connect;
        let (socket, host) = match endpoint {
            Endpoint::Unix(path) => {
                let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
                socket.connect_timeout(&SockAddr::unix(path)?, timeouts.connect)?;
                (socket, "")
            }
            Endpoint::Tcp { host, port } => {
                let addresses = resolve::addresses(host, *port, timeouts.connect)?;
                let mut last = io::Error::new(io::ErrorKind::NotFound, format!("{host} has no address"));
                let connected = addresses.into_iter().find_map(|address| {
                    let left =
                        deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
                    tcp(&address.into(), left).map_err(|error| last = error).ok()
                });
                (connected.ok_or(last)?, host.as_str())
            }
            Endpoint::Sentinel(_) | Endpoint::Cluster(_) => {
                return Err(io::Error::other("its nodes are asked before one of them is connected"));
            }
        };
        let channel = match tls {
            None => Channel::Plain(socket),
            Some(tls) => Channel::Tls(Box::new(handshake(socket, tls, host, deadline)?)),
        };
        let mut stream = Self {
            channel,
            deadline,
            receive_timeout: timeouts.read,
            allowance: MAX_ANSWER,
            in_pieces: false,
        };
        stream.socket().set_read_timeout(Some(timeouts.read))?;
        stream.socket().set_write_timeout(Some(timeouts.read))?;
        stream.expect_within(timeouts.read, Instant::now())?;
        Ok(stream)
    }

    fn socket(&self) -> &Socket {
        match &self.channel {
            Channel::Plain(socket) => socket,
            Channel::Tls(tls) => &tls.sock.socket,
        }
    }

    /// Starts an exchange that must be over `timeout` from now.
    pub fn expect_within(&mut self, timeout: Duration, now: Instant) -> io::Result<()> {
        // Zero would mean "no timeout" to the system.
        let timeout = timeout.max(Duration::from_millis(1));
        if timeout != self.receive_timeout {
            self.socket().set_read_timeout(Some(timeout))?;
            self.receive_timeout = timeout;
        }
        self.deadline = now + timeout;
        if let Channel::Tls(tls) = &mut self.channel {
            tls.sock.deadline = self.deadline;
        }
        self.allowance = MAX_ANSWER;
        self.in_pieces = false;
        Ok(())
    }

    /// Sends all of these.
    pub fn send(&mut self, pieces: &mut [IoSlice<'_>]) -> io::Result<()> {
        let used = pieces.iter().rposition(|piece| !piece.is_empty()).map_or(0, |last| last + 1);
        let mut pieces = &mut pieces[..used];
        while !pieces.is_empty() {
            match self.write_vectored(pieces)? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                sent => IoSlice::advance_slices(&mut pieces, sent),
            }
        }
        match &mut self.channel {
            Channel::Plain(_) => Ok(()),
            // A long write leaves a part of it in the TLS layer's buffer.
            Channel::Tls(tls) => tls.flush(),
        }
    }

    /// Makes dropping this stream reset the connection: what is still on its way must not reach Redis later than a
    /// repeat on another connection.
    pub fn reset_on_drop(&self) {
        let _ = self.socket().set_linger(Some(Duration::ZERO));
    }

    /// Reads what is there already, without waiting: none if that is nothing.
    pub fn read_available(&mut self, buf: &mut [u8]) -> io::Result<Option<usize>> {
        self.socket().set_nonblocking(true)?;
        let read = match &mut self.channel {
            Channel::Plain(socket) => socket.read(buf),
            Channel::Tls(tls) => {
                tls.sock.deadline = Instant::now() + TICK;
                tls.read(buf)
            }
        };
        self.socket().set_nonblocking(false)?;
        match read {
            Ok(n) => Ok(Some(n)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn check_deadline(&self) -> io::Result<()> {
        if Instant::now() >= self.deadline { Err(io::ErrorKind::TimedOut.into()) } else { Ok(()) }
    }
}

fn tcp(address: &SockAddr, timeout: Duration) -> io::Result<Socket> {
    let socket = Socket::new(address.domain(), Type::STREAM, None)?;
    socket.connect_timeout(address, timeout)?;
    socket.set_tcp_nodelay(true)?;
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE))?;
    Ok(socket)
}

/// The TLS handshake, within what is left for connecting.
fn handshake(
    socket: Socket,
    tls: &Tls,
    host: &str,
    deadline: Instant,
) -> io::Result<StreamOwned<ClientConnection, Bounded>> {
    let name = tls.server_name(host).map_err(io::Error::other)?;
    let mut connection = ClientConnection::new(tls.client(), name).map_err(io::Error::other)?;
    socket.set_read_timeout(Some(TICK))?;
    socket.set_write_timeout(Some(TICK))?;
    let mut socket = Bounded { socket, deadline };
    while connection.is_handshaking() {
        match connection.complete_io(&mut socket) {
            Ok(_) => {}
            Err(error) if matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock) => {}
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                return Err(io::Error::new(
                    error.kind(),
                    "the TLS handshake took too long (a server that does not speak TLS waits for ever)",
                ));
            }
            Err(error) => return Err(tls_problem::explain(error, &tls.expected_name(host))),
        }
    }
    Ok(StreamOwned::new(connection, socket))
}

impl Bounded {
    fn check(&self) -> io::Result<()> {
        if Instant::now() >= self.deadline { Err(io::ErrorKind::TimedOut.into()) } else { Ok(()) }
    }
}

impl Read for Bounded {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.check()?;
        self.socket.read(buf)
    }
}

impl Write for Bounded {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.check()?;
        self.socket.write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream {
    /// Writes what the socket takes of the first pieces.
    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        loop {
            let written = match (&mut self.channel, pieces) {
                (Channel::Plain(socket), [all]) => socket.write(all),
                (Channel::Plain(socket), pieces) => socket.write_vectored(pieces),
                // Not the owner's own write: that would make a record of each piece.
                (Channel::Tls(tls), pieces) => {
                    let StreamOwned { conn, sock } = &mut **tls;
                    rustls::Stream::new(conn, sock).write_vectored(pieces)
                }
            };
            match written {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => self.check_deadline()?,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Err(io::ErrorKind::TimedOut.into());
                }
                Ok(n) => {
                    if n < pieces.iter().map(|piece| piece.len()).sum() {
                        self.in_pieces = true;
                        self.check_deadline()?;
                    }
                    return Ok(n);
                }
                Err(error) => return Err(error),
            }
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.read_vectored(&mut [IoSliceMut::new(buf)])
    }

    fn read_vectored(&mut self, places: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        loop {
            let read = match (&mut self.channel, &mut *places) {
                (Channel::Plain(socket), [all]) => socket.read(all),
                (Channel::Plain(socket), places) => socket.read_vectored(places),
                (Channel::Tls(tls), places) => {
                    tls.read_vectored(places).map_err(|error| tls_problem::explain(error, ""))
                }
            };
            match read {
                Ok(n) => {
                    self.allowance = self.allowance.checked_sub(n).ok_or_else(too_long)?;
                    // The socket's own timeout has bounded the first read.
                    if mem::replace(&mut self.in_pieces, true) {
                        self.check_deadline()?;
                    }
                    return Ok(n);
                }
                // PHP's timers interrupt us; the wait goes on.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                    self.in_pieces = true;
                    self.check_deadline()?;
                }
                // How a receive timeout looks.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Err(io::ErrorKind::TimedOut.into());
                }
                Err(error) => return Err(error),
            }
        }
    }
}

fn too_long() -> io::Error {
    io::Error::new(io::ErrorKind::FileTooLarge, "an answer of over 512 MiB")
}
