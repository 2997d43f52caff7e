//! A socket on which every wait is bounded.
//!
//! The system's own receive timeout bounds one call, not an answer: a server that sends a byte now and then would
//! hold a request for ever. [`Stream`] also keeps a deadline for the whole answer and a limit on its size.

use std::{
    io::{self, Read, Write},
    mem::MaybeUninit,
    time::{Duration, Instant},
};

use socket2::{Domain, SockAddr, Socket, TcpKeepalive, Type};

use super::resolve;
use crate::config::Endpoint;

/// Redis' own limit on a string (proto-max-bulk-len), plus what an answer has around it.
const MAX_ANSWER: usize = (512 << 20) + (64 << 10);

/// Finds out about a peer that vanished without a word (a firewall that forgot the connection) while idle.
const KEEPALIVE: Duration = Duration::from_mins(1);

pub struct Stream {
    socket: Socket,
    deadline: Instant,
    /// What the socket's receive timeout is set to now; changing it is a system call.
    receive_timeout: Duration,
    allowance: usize,
    /// Why the last read failed. The parser's own error keeps that to itself.
    failure: Option<io::ErrorKind>,
}

impl Stream {
    /// Connects within `timeout`, trying each address of a name in turn.
    pub fn connect(endpoint: &Endpoint, timeout: Duration, receive_timeout: Duration) -> io::Result<Self> {
        let deadline = Instant::now() + timeout;
        let socket = match endpoint {
            Endpoint::Unix(path) => {
                let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
                socket.connect_timeout(&SockAddr::unix(path)?, timeout)?;
                socket
            }
            Endpoint::Tcp { host, port } => {
                let addresses = resolve::addresses(host, *port, timeout)?;
                let mut last = io::Error::new(io::ErrorKind::NotFound, format!("{host} has no address"));
                let connected = addresses.into_iter().find_map(|address| {
                    let left =
                        deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
                    tcp(&address.into(), left).map_err(|error| last = error).ok()
                });
                connected.ok_or(last)?
            }
        };
        socket.set_read_timeout(Some(receive_timeout))?;
        socket.set_write_timeout(Some(receive_timeout))?;
        Ok(Self { socket, deadline, receive_timeout, allowance: MAX_ANSWER, failure: None })
    }

    /// Starts an exchange that must be over in `timeout`.
    pub fn expect_within(&mut self, timeout: Duration) -> io::Result<()> {
        // Zero would mean "no timeout" to the system.
        let timeout = timeout.max(Duration::from_millis(1));
        if timeout != self.receive_timeout {
            self.socket.set_read_timeout(Some(timeout))?;
            self.receive_timeout = timeout;
        }
        self.deadline = Instant::now() + timeout;
        self.allowance = MAX_ANSWER;
        Ok(())
    }

    /// Why reading stopped; the end of the stream if it did not fail.
    pub fn failure(&self) -> io::ErrorKind {
        self.failure.unwrap_or(io::ErrorKind::UnexpectedEof)
    }

    /// Makes dropping this stream reset the connection: what is still on its way must not reach Redis later than a
    /// repeat on another connection.
    pub fn reset_on_drop(&self) {
        let _ = self.socket.set_linger(Some(Duration::ZERO));
    }

    /// Whether the peer has closed an idle connection, without waiting and without consuming anything.
    pub fn is_closed(&self) -> bool {
        let mut byte = [MaybeUninit::uninit()];
        if self.socket.set_nonblocking(true).is_err() {
            return true;
        }
        let peeked = self.socket.peek(&mut byte);
        if self.socket.set_nonblocking(false).is_err() {
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

impl Read for Stream {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let result = loop {
            match self.socket.read(buf) {
                Ok(n) if n > self.allowance => {
                    break Err(io::Error::new(io::ErrorKind::InvalidData, "an answer of over 512 MiB"));
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
        if let Err(error) = &result {
            self.failure = Some(error.kind());
        }
        result
    }
}

impl Write for Stream {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        loop {
            match self.socket.write(buf) {
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
        Ok(())
    }
}
