//! A socket on which every wait is bounded.
//!
//! The system's own receive timeout bounds one call, not an answer: a server that sends a byte now
//! and then would hold up a request forever. [`Stream`] also keeps a deadline for the whole answer
//! and a limit on its size.

use std::{
    io::{self, IoSlice, IoSliceMut, Read, Write},
    mem::MaybeUninit,
    net::SocketAddr,
    os::fd::{AsRawFd, OwnedFd},
    path::Path,
    time::{Duration, Instant},
};

use rustls::{ClientConnection, StreamOwned};
use socket2::{Domain, SockAddr, Socket, TcpKeepalive, Type};

use super::{
    dns::{self, Flaw},
    tls_error,
    unreachable::Unreachable,
};
use crate::{
    config::{Endpoint, Tls},
    process::{clock, limits, without_number},
    resp::MAX_BULK,
};

/// The limit for an answer: the longest string that Redis allows, plus the bytes around it.
const MAX_ANSWER: usize = MAX_BULK + (64 << 10);

/// The idle time before the system probes the peer. The probes reveal a peer that vanished without
/// notice, for example because a firewall forgot the connection.
const KEEPALIVE: Duration = Duration::from_mins(1);

/// The largest difference between a socket's timeout and the time left for an exchange. Each change
/// of the timeout is a system call.
const SLACK: Duration = Duration::from_millis(20);

/// Makes a write to a peer that is gone fail with an error. Without this flag, the write raises a
/// signal, whose default action ends the process.
const NO_SIGNAL: i32 = libc::MSG_NOSIGNAL;

/// The limits for connecting and for one exchange.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// The limit for connecting, which includes name resolution, TLS and the questions to
    /// sentinels.
    pub connect: Duration,
    /// The limit for one exchange.
    pub read: Duration,
}

/// Returns the end of one try if `others` may follow: each try has the same share of the time left.
pub fn share(deadline: Instant, others: usize) -> Instant {
    let now = Instant::now();
    let shares = u32::try_from(others).unwrap_or(u32::MAX).saturating_add(1);
    now + deadline.saturating_duration_since(now) / shares
}

enum Channel {
    Tcp(Bounded),
    Tls(Box<StreamOwned<ClientConnection, Bounded>>),
}

/// A socket on which every call ends by the deadline, however often the call is interrupted or
/// reads only a part.
struct Bounded {
    socket: Socket,
    /// A time of [`clock`].
    deadline: u64,
    /// The whole time, until the first call of an exchange that has just begun.
    full: Option<Duration>,
    /// The time that bytes which arrive give the rest of the answer, and the end of all such time.
    patience: u64,
    end: u64,
    /// The current timeouts of the socket itself.
    receive_timeout: Duration,
    send_timeout: Duration,
}

/// The direction in which a call on a socket waits.
#[derive(Clone, Copy)]
enum Direction {
    Receive,
    Send,
}

pub struct Stream {
    channel: Channel,
    /// The address of the server; a Unix socket has none.
    pub(super) address: Option<SocketAddr>,
    /// The addresses of the server's name that were not tried.
    pub(super) rest: Vec<SocketAddr>,
    allowance: usize,
}

impl Stream {
    /// Connects within the timeout, which the addresses of a name share.
    pub fn connect(endpoint: &Endpoint, tls: Option<&Tls>, timeouts: Timeouts) -> io::Result<Self> {
        let deadline = Instant::now() + timeouts.connect;
        let mut stream = match endpoint {
            Endpoint::Unix(path) => Self::over(unix(path, deadline)?, None, tls, "")?,
            Endpoint::Tcp { host, port } => {
                let addresses = dns::addresses(host, *port, timeouts.connect)?;
                match Self::to_one_of(&addresses.all, deadline, timeouts.connect, tls, host) {
                    // The name may lead elsewhere by now.
                    Err(error) if addresses.are_kept && dns::doubt(host) => {
                        let left = deadline.saturating_duration_since(Instant::now());
                        let Ok(now) = dns::addresses(host, *port, left) else { return Err(error) };
                        Self::to_one_of(&now.all, deadline, timeouts.connect, tls, host)?
                    }
                    connected => connected?,
                }
            }
            Endpoint::Sentinel(_) | Endpoint::Cluster(_) => {
                return Err(io::Error::other("its nodes are asked before one of them is connected"));
            }
        };
        stream.expect_within(timeouts.read, clock::now());
        Ok(stream)
    }

    /// Connects to one of the addresses of the endpoint's name.
    pub fn connect_to(
        address: SocketAddr,
        endpoint: &Endpoint,
        tls: Option<&Tls>,
        timeouts: Timeouts,
    ) -> io::Result<Self> {
        let Endpoint::Tcp { host, .. } = endpoint else { return Err(io::ErrorKind::Unsupported.into()) };
        let socket = tcp(address, Instant::now() + timeouts.connect);
        let connected = socket.and_then(|socket| Self::over(socket, Some(address), tls, host));
        let mut stream = connected.inspect_err(|error| {
            if error.kind() != limits::LIMIT {
                dns::avoid(address, flaw_of(error));
            }
        })?;
        stream.expect_within(timeouts.read, clock::now());
        Ok(stream)
    }

    /// Connects to the first address that answers. `whole` is the total time for connecting. The
    /// resolver has used a part of that time, and the rest ends at `deadline`.
    pub(super) fn to_one_of(
        addresses: &[SocketAddr],
        deadline: Instant,
        whole: Duration,
        tls: Option<&Tls>,
        host: &str,
    ) -> io::Result<Self> {
        let mut problems = Unreachable::default();
        // An address that had less than half of its fair share is not blamed for a timeout. The
        // share is fair if nothing else has used any of the time.
        let fair = whole / 2 / u32::try_from(addresses.len().max(1)).unwrap_or(u32::MAX);
        for (tried, address) in addresses.iter().enumerate() {
            let others = addresses.len() - tried - 1;
            let until = share(deadline, others);
            let was_tried = until.saturating_duration_since(Instant::now()) >= fair;
            let connected =
                tcp(*address, until).and_then(|socket| Self::over(socket, Some(*address), tls, host));
            match connected {
                Err(error) if addresses.len() > 1 && error.kind() != limits::LIMIT => {
                    if was_tried || error.kind() != io::ErrorKind::TimedOut {
                        dns::avoid(*address, flaw_of(&error));
                    }
                    problems.add(&(address.ip().to_string(), address.port()), without_number(&error));
                }
                result => {
                    return result.map(|stream| Self { rest: addresses[tried + 1..].to_vec(), ..stream });
                }
            }
        }
        let text = problems.into_text(format_args!("no address of {host} answers"));
        Err(io::Error::new(io::ErrorKind::NotConnected, text))
    }

    fn over(socket: Bounded, address: Option<SocketAddr>, tls: Option<&Tls>, host: &str) -> io::Result<Self> {
        let channel = match tls {
            None => Channel::Tcp(socket),
            Some(tls) => Channel::Tls(Box::new(handshake(socket, tls, host)?)),
        };
        Ok(Self { channel, address, rest: Vec::new(), allowance: MAX_ANSWER })
    }

    /// Marks the address of a server that accepted the connection but is of no use. Next time,
    /// another address of its name comes first. Returns true if the name may lead elsewhere by now.
    pub fn avoid_address(&self, flaw: Flaw) -> bool {
        self.address.is_some_and(|address| dns::avoid(address, flaw))
    }

    /// Marks the address of a master. Next time, it comes first.
    pub fn prefer_address(&self) {
        if let Some(address) = self.address {
            dns::prefer(address);
        }
    }

    fn bounded(&mut self) -> &mut Bounded {
        match &mut self.channel {
            Channel::Tcp(socket) => socket,
            Channel::Tls(tls) => &mut tls.sock,
        }
    }

    /// Starts an exchange that must end within `timeout` after `now`, a time of [`clock`].
    pub fn expect_within(&mut self, timeout: Duration, now: u64) {
        self.expect_life_within(timeout, timeout, now);
    }

    /// Does the same for an exchange whose silence must end within `patience`. Each arrival of
    /// bytes starts that time again, and the exchange ends within `timeout` in any case.
    pub fn expect_life_within(&mut self, patience: Duration, timeout: Duration, now: u64) {
        let bounded = self.bounded();
        bounded.patience = clock::nanoseconds(patience);
        (bounded.deadline, bounded.full) = (now.saturating_add(bounded.patience), Some(patience));
        bounded.end = now.saturating_add(clock::nanoseconds(timeout));
        self.allowance = MAX_ANSWER;
    }

    /// Prolongs the exchange to `timeout` after its beginning, a time of [`clock`], if it would end
    /// earlier.
    pub fn expect_until(&mut self, begun: u64, timeout: Duration) {
        let bounded = self.bounded();
        (bounded.full, bounded.patience) = (None, clock::nanoseconds(timeout));
        bounded.deadline = bounded.deadline.max(begun.saturating_add(bounded.patience));
        bounded.end = bounded.end.max(bounded.deadline);
    }

    /// Returns true if a silence ends the exchange before its timeout.
    pub fn ends_early(&self) -> bool {
        let bounded = match &self.channel {
            Channel::Tcp(bounded) => bounded,
            Channel::Tls(tls) => &tls.sock,
        };
        bounded.deadline < bounded.end
    }

    /// Sends all pieces.
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
            Channel::Tcp(_) => Ok(()),
            // After a long write, a part of the data is still in the TLS layer's buffer.
            Channel::Tls(tls) => tls.flush(),
        }
    }

    /// Makes the drop of this stream reset the connection. Bytes that are still on their way must
    /// not reach Redis later than a repeat over another connection.
    pub fn reset_on_drop(&mut self) {
        let _ = self.bounded().socket.set_linger(Some(Duration::ZERO));
    }

    /// Returns true if there is nothing to read: no bytes, and no end of the stream.
    pub fn is_quiet(&mut self) -> bool {
        let Channel::Tls(tls) = &mut self.channel else { return self.bounded().has_nothing() };
        match tls.conn.process_new_packets() {
            Ok(state) if state.plaintext_bytes_to_read() == 0 && !state.peer_has_closed() => {}
            _ => return false,
        }
        // The bytes may be TLS's own, such as a session ticket.
        self.bounded().has_nothing() || matches!(self.read_available(&mut [0]), Ok(None))
    }

    /// Reads the bytes that have already arrived, without waiting. Returns `None` if there are
    /// none.
    pub fn read_available(&mut self, buf: &mut [u8]) -> io::Result<Option<usize>> {
        if let Channel::Tls(tls) = &mut self.channel
            && let Ok(read) = tls.conn.reader().read(buf)
        {
            return Ok(Some(read));
        }
        self.bounded().socket.set_nonblocking(true)?;
        let read = match &mut self.channel {
            Channel::Tcp(bounded) => (&bounded.socket).read(buf),
            // The read of `StreamOwned` would wait for a whole record.
            Channel::Tls(tls) => match tls.conn.read_tls(&mut &tls.sock.socket) {
                Ok(0) => Ok(0),
                Ok(_) => tls
                    .conn
                    .process_new_packets()
                    .map_err(io::Error::other)
                    .and_then(|_| tls.conn.reader().read(buf)),
                Err(error) => Err(error),
            },
        };
        self.bounded().socket.set_nonblocking(false)?;
        match read {
            Ok(n) => Ok(Some(n)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn flaw_of(error: &io::Error) -> Flaw {
    if error.kind() == io::ErrorKind::TimedOut { Flaw::NoAnswer } else { Flaw::Refuses }
}

/// Creates a socket that never takes the place of a standard stream. If a process has closed a
/// standard stream, the next socket gets its number, and the process would print into a session's
/// connection.
fn socket(domain: Domain) -> io::Result<Socket> {
    let socket = OwnedFd::from(Socket::new(domain, Type::STREAM, None).map_err(limits::of_files)?);
    if socket.as_raw_fd() > libc::STDERR_FILENO {
        return Ok(socket.into());
    }
    // The standard library never clones to a number below 3.
    Ok(socket.try_clone().map_err(limits::of_files)?.into())
}

fn tcp(address: SocketAddr, deadline: Instant) -> io::Result<Bounded> {
    let address = SockAddr::from(address);
    let mut socket = Bounded::new(socket(address.domain())?, deadline);
    let left = socket.left()?;
    socket.socket.connect_timeout(&address, left)?;
    socket.socket.set_tcp_nodelay(true)?;
    socket.socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE))?;
    Ok(socket)
}

/// Connects, and waits while the server's backlog is full. A non-blocking socket would fail at
/// once.
fn unix(path: &Path, deadline: Instant) -> io::Result<Bounded> {
    let mut socket = Bounded::new(socket(Domain::UNIX)?, deadline);
    let address = SockAddr::unix(path)?;
    socket.in_time(Direction::Send, |socket| socket.connect(&address))?;
    Ok(socket)
}

/// Performs the TLS handshake within the time left for connecting.
fn handshake(
    mut socket: Bounded,
    tls: &Tls,
    host: &str,
) -> io::Result<StreamOwned<ClientConnection, Bounded>> {
    let name = tls.server_name(host).map_err(io::Error::other)?;
    let mut connection = ClientConnection::new(tls.client(), name).map_err(io::Error::other)?;
    while connection.is_handshaking() {
        match connection.complete_io(&mut socket) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                return Err(io::Error::new(
                    error.kind(),
                    "the TLS handshake took too long (a server that does not speak TLS waits for ever)",
                ));
            }
            Err(error) => return Err(tls_error::explain(error, &tls.expected_name(host))),
        }
    }
    Ok(StreamOwned::new(connection, socket))
}

impl Bounded {
    fn new(socket: Socket, deadline: Instant) -> Self {
        let left = deadline.saturating_duration_since(Instant::now());
        let deadline = clock::now().saturating_add(clock::nanoseconds(left));
        // Zero means no timeout, as in the system's own interface.
        let [receive_timeout, send_timeout] = [Duration::ZERO; 2];
        Self { socket, deadline, full: None, patience: 0, end: deadline, receive_timeout, send_timeout }
    }

    /// Returns the time left until the deadline. PHP's timers interrupt system calls. The wait then
    /// continues, and does not start from the beginning.
    fn left(&mut self) -> io::Result<Duration> {
        let full = self.full.take();
        match full.unwrap_or_else(|| Duration::from_nanos(self.deadline.saturating_sub(clock::now()))) {
            Duration::ZERO => Err(io::ErrorKind::TimedOut.into()),
            left => Ok(left.max(Duration::from_millis(1))),
        }
    }

    /// Prolongs the exchange after bytes have arrived.
    fn lives(&mut self, read: usize) -> usize {
        if read > 0 && self.deadline < self.end {
            let until = clock::now().saturating_add(self.patience).min(self.end);
            (self.deadline, self.full) = (self.deadline.max(until), None);
        }
        read
    }

    /// Makes a call that waits in one direction, until the deadline at most.
    fn in_time<T>(
        &mut self,
        direction: Direction,
        mut call: impl FnMut(&Socket) -> io::Result<T>,
    ) -> io::Result<T> {
        loop {
            let left = self.left()?;
            let timeout = match direction {
                Direction::Receive => &mut self.receive_timeout,
                Direction::Send => &mut self.send_timeout,
            };
            if timeout.is_zero() || left.abs_diff(*timeout) > SLACK {
                match direction {
                    Direction::Receive => self.socket.set_read_timeout(Some(left))?,
                    Direction::Send => self.socket.set_write_timeout(Some(left))?,
                }
                *timeout = left;
            }
            match call(&self.socket) {
                Err(error) if is_pause(&error) => {}
                result => return result,
            }
        }
    }

    /// Returns true if there is nothing to read, not even the end of the stream.
    fn has_nothing(&self) -> bool {
        let peeked =
            self.socket.recv_with_flags(&mut [MaybeUninit::uninit()], libc::MSG_PEEK | libc::MSG_DONTWAIT);
        matches!(peeked, Err(error) if is_pause(&error))
    }
}

/// Returns true for an interruption and for the end of the socket's own timeout. Only the deadline
/// ends a wait.
fn is_pause(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock)
}

impl Read for Bounded {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.in_time(Direction::Receive, |mut socket| socket.read(buf))?;
        Ok(self.lives(read))
    }

    fn read_vectored(&mut self, places: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        match places {
            [all] => self.read(all),
            places => {
                let read = self.in_time(Direction::Receive, |mut socket| socket.read_vectored(places))?;
                Ok(self.lives(read))
            }
        }
    }
}

impl Write for Bounded {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.in_time(Direction::Send, |socket| socket.send_with_flags(buf, NO_SIGNAL))
    }

    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        match pieces {
            [all] => self.write(all),
            pieces => {
                self.in_time(Direction::Send, |socket| socket.send_vectored_with_flags(pieces, NO_SIGNAL))
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream {
    /// Writes as much of the first pieces as the socket takes.
    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        match &mut self.channel {
            Channel::Tcp(socket) => socket.write_vectored(pieces),
            // The write of `StreamOwned` would make a TLS record of each piece.
            Channel::Tls(tls) => {
                let StreamOwned { conn, sock } = &mut **tls;
                rustls::Stream::new(conn, sock).write_vectored(pieces)
            }
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.read_vectored(&mut [IoSliceMut::new(buf)])
    }

    fn read_vectored(&mut self, places: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        let read = match &mut self.channel {
            Channel::Tcp(socket) => socket.read_vectored(places)?,
            Channel::Tls(tls) => tls.read_vectored(places).map_err(|error| tls_error::explain(error, ""))?,
        };
        self.allowance = self.allowance.checked_sub(read).ok_or_else(too_long)?;
        Ok(read)
    }
}

fn too_long() -> io::Error {
    io::Error::new(io::ErrorKind::FileTooLarge, "an answer of over 512 MiB")
}
