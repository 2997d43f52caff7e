//! A socket on which every wait is bounded.
//!
//! The system's own receive timeout bounds one call, not an answer: a server that sends a byte now and then would
//! hold a request for ever. [`Stream`] also keeps a deadline for the whole answer and a limit on its size.

use std::{
    io::{self, Read, Write},
    mem::MaybeUninit,
    time::{Duration, Instant},
};

use rustls::{ClientConnection, StreamOwned};
use socket2::{Domain, SockAddr, Socket, TcpKeepalive, Type};

use super::{resolve, tls_problem};
use crate::config::{Endpoint, Tls};

/// Redis' own limit on a string (proto-max-bulk-len), plus what an answer has around it.
const MAX_ANSWER: usize = (512 << 20) + (64 << 10);

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
    /// Why the last read failed. The parser's own error keeps that to itself.
    failure: Option<io::Error>,
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
            Endpoint::Sentinel(_) => {
                return Err(io::Error::other("a sentinel is asked before its master is connected"));
            }
        };
        let channel = match tls {
            None => Channel::Plain(socket),
            Some(tls) => Channel::Tls(Box::new(handshake(socket, tls, host, deadline)?)),
        };
        let mut stream =
            Self { channel, deadline, receive_timeout: timeouts.read, allowance: MAX_ANSWER, failure: None };
        stream.socket().set_read_timeout(Some(timeouts.read))?;
        stream.socket().set_write_timeout(Some(timeouts.read))?;
        stream.expect_within(timeouts.read)?;
        Ok(stream)
    }

    fn socket(&self) -> &Socket {
        match &self.channel {
            Channel::Plain(socket) => socket,
            Channel::Tls(tls) => &tls.sock.socket,
        }
    }

    /// Starts an exchange that must be over in `timeout`.
    pub fn expect_within(&mut self, timeout: Duration) -> io::Result<()> {
        // Zero would mean "no timeout" to the system.
        let timeout = timeout.max(Duration::from_millis(1));
        if timeout != self.receive_timeout {
            self.socket().set_read_timeout(Some(timeout))?;
            self.receive_timeout = timeout;
        }
        self.deadline = Instant::now() + timeout;
        if let Channel::Tls(tls) = &mut self.channel {
            tls.sock.deadline = self.deadline;
        }
        self.allowance = MAX_ANSWER;
        Ok(())
    }

    /// Why reading stopped; the end of the stream if it did not fail.
    pub fn failure(&mut self) -> io::Error {
        self.failure.take().unwrap_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    /// Makes dropping this stream reset the connection: what is still on its way must not reach Redis later than a
    /// repeat on another connection.
    pub fn reset_on_drop(&self) {
        let _ = self.socket().set_linger(Some(Duration::ZERO));
    }

    /// Whether the peer has closed an idle connection, without waiting and without consuming anything.
    pub fn is_closed(&self) -> bool {
        let mut byte = [MaybeUninit::uninit()];
        if self.socket().set_nonblocking(true).is_err() {
            return true;
        }
        let peeked = self.socket().peek(&mut byte);
        if self.socket().set_nonblocking(false).is_err() {
            return true;
        }
        // Nothing to read is how an idle connection looks; an end, an error or unasked-for bytes are not.
        !matches!(peeked, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
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

impl Read for Stream {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let result = loop {
            let read = match &mut self.channel {
                Channel::Plain(socket) => socket.read(buf),
                Channel::Tls(tls) => tls.read(buf).map_err(|error| tls_problem::explain(error, "")),
            };
            match read {
                Ok(n) if n > self.allowance => {
                    break Err(io::Error::new(io::ErrorKind::FileTooLarge, "an answer of over 512 MiB"));
                }
                Ok(n) => {
                    self.allowance -= n;
                    break self.check_deadline().map(|()| n);
                }
                // PHP's timers interrupt us; the wait goes on.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                    if let Err(late) = self.check_deadline() {
                        break Err(late);
                    }
                }
                // How a receive timeout looks.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    break Err(io::ErrorKind::TimedOut.into());
                }
                Err(error) => break Err(error),
            }
        };
        result.map_err(|error| {
            // The parser's error will not say what it was.
            let kind = error.kind();
            self.failure = Some(error);
            kind.into()
        })
    }
}

impl Write for Stream {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        loop {
            let written = match &mut self.channel {
                Channel::Plain(socket) => socket.write(buf),
                Channel::Tls(tls) => tls.write(buf),
            };
            match written {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => self.check_deadline()?,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Err(io::ErrorKind::TimedOut.into());
                }
                Ok(n) => {
                    self.check_deadline()?;
                    return Ok(n);
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.channel {
            Channel::Plain(_) => Ok(()),
            // A long write leaves a part of it in the TLS layer's buffer.
            Channel::Tls(tls) => tls.flush(),
        }
    }
}
