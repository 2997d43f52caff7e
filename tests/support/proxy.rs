//! A TCP proxy between PHP and Redis that counts round trips and can misbehave.

use std::io::{self, Read, Write};
use std::mem;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::poll::{self, SOON};
use super::random::Random;
use super::redis::Server;

/// Listens on a port of its own and forwards to one Redis server, each connection in threads of its
/// own. A proxy in front of a Cluster has a port for each node.
pub struct Proxy {
    ports: Vec<u16>,
    /// The server behind each port.
    targets: Vec<Arc<Mutex<String>>>,
    state: Arc<Mutex<State>>,
}

/// The traffic so far. Tests look at the difference between two of these values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Bursts of the client that the server has answered, or is about to answer.
    pub trips: usize,
    pub connections: usize,
    pub bytes_to_server: usize,
    pub bytes_to_client: usize,
}

impl std::ops::Sub for Counts {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self {
            trips: self.trips - earlier.trips,
            connections: self.connections - earlier.connections,
            bytes_to_server: self.bytes_to_server - earlier.bytes_to_server,
            bytes_to_client: self.bytes_to_client - earlier.bytes_to_client,
        }
    }
}

#[derive(Default)]
struct State {
    counts: Counts,
    /// The number of trips that the server has answered, at least in part.
    answered: usize,
    /// Each trip's first bytes as text, for messages of failed assertions and for checks of the
    /// requests.
    requests: Vec<String>,
    /// The trip whose reply is not forwarded. The connection is closed instead.
    swallowed: Option<usize>,
    /// The trip whose request is not forwarded. The connection is closed instead.
    lost: Option<usize>,
    delay: Duration,
    /// The trip before whose reply the client is sent an `+OK` that belongs to no request.
    stray: Option<usize>,
    /// Chooses replies that come a second time, and has counted them.
    doubling: Option<(Random, usize)>,
    open: Vec<TcpStream>,
    /// Connections with a lower number are forgotten: the proxy forwards nothing and closes
    /// nothing.
    forgotten: usize,
    closed: bool,
    /// A client that sends more bytes than this at a time is hung up on, without a word.
    limit: Option<usize>,
    /// The time by which the client learns of an end of the server's connection later.
    linger: Duration,
}

/// The side that spoke last on a connection.
#[derive(Clone, Copy, PartialEq)]
enum Speaker {
    Client,
    Server,
}

/// A client's connection to the proxy, and the proxy's connection to the server for that client.
struct Pair {
    client: TcpStream,
    server: TcpStream,
    last: Arc<Mutex<(Speaker, usize)>>,
    state: Arc<Mutex<State>>,
    number: usize,
}

impl Proxy {
    /// A proxy in front of `target`, such as `127.0.0.1:6379`.
    pub fn start(target: &str) -> Self {
        let mut proxy = Self { ports: Vec::new(), targets: Vec::new(), state: Arc::default() };
        proxy.listen(target);
        proxy
    }

    /// A proxy in front of all nodes of a server. The nodes of a Cluster then announce the proxy's
    /// address as theirs.
    pub fn in_front_of(server: &Server) -> Self {
        let mut proxy = Self { ports: Vec::new(), targets: Vec::new(), state: Arc::default() };
        for node in server.nodes() {
            let port = proxy.listen(&node.addr());
            if server.is_cluster() {
                node.announce(port);
            }
        }
        if server.is_cluster() {
            let ports = |node: &Server| {
                let text: String = node.own(&["CLUSTER", "NODES"]);
                proxy.ports.iter().all(|port| text.contains(&format!("127.0.0.1:{port}@")))
            };
            poll::until("the nodes name the proxy", SOON, || server.nodes().all(ports));
        }
        proxy
    }

    fn listen(&mut self, target: &str) -> u16 {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port exists");
        let port = listener.local_addr().expect("a bound listener has an address").port();
        let target = Arc::new(Mutex::new(target.to_owned()));
        self.targets.push(Arc::clone(&target));
        let shared = Arc::clone(&self.state);
        thread::spawn(move || {
            for client in listener.incoming() {
                if lock(&shared).closed {
                    return;
                }
                // A server that is down shows as a connection that ends at once.
                let target = lock(&target).clone();
                let Ok(pair) = client.and_then(|client| Pair::connect(client, &target, &shared)) else {
                    continue;
                };
                pair.forward();
            }
        });
        self.ports.push(port);
        port
    }

    /// `127.0.0.1:port`, separated by commas in front of a Cluster.
    pub fn addr(&self) -> String {
        let addresses: Vec<_> = self.ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
        addresses.join(",")
    }

    /// The save path that leads through this proxy.
    pub fn save_path(&self) -> String {
        let scheme = if self.ports.len() == 1 { "tcp" } else { "cluster" };
        format!("{scheme}://{}", self.addr())
    }

    pub fn counts(&self) -> Counts {
        lock(&self.state).counts
    }

    /// Returns true if each trip so far was answered. The client's next bytes are then a trip of
    /// their own.
    pub fn is_answered(&self) -> bool {
        let state = lock(&self.state);
        state.answered == state.counts.trips
    }

    /// The beginning of each trip's request from trip number `first` on, as readable text.
    pub fn requests_since(&self, first: usize) -> Vec<String> {
        lock(&self.state).requests[first..].to_vec()
    }

    /// The `nth` trip from now (1 is the next, 0 one that waits for its reply) reaches the server
    /// and is answered, but its reply is lost and the connection with it.
    pub fn swallow_reply(&self, nth: usize) {
        let mut state = lock(&self.state);
        state.swallowed = Some(state.counts.trips + nth);
    }

    /// The request of the `nth` trip from now (1 is the next) does not reach the server, and the
    /// connection is lost with it.
    pub fn lose_request(&self, nth: usize) {
        let mut state = lock(&self.state);
        state.lost = Some(state.counts.trips + nth);
    }

    /// Returns true if the request that [`Proxy::lose_request`] asked for was lost.
    pub fn has_lost(&self) -> bool {
        lock(&self.state).lost.is_none()
    }

    /// The reply to the `nth` trip from now (1 is the next) comes behind a reply that belongs to no
    /// request.
    pub fn stray_reply(&self, nth: usize) {
        let mut state = lock(&self.state);
        state.stray = Some(state.counts.trips + nth);
    }

    /// From now on, many a reply comes a second time, whole or only one of its parts: in front of
    /// the reply to one of the next trips of that connection, so that no client can see it before
    /// it asks.
    pub fn double_replies(&self, seed: u64) {
        lock(&self.state).doubling = Some((Random::new(seed), 0));
    }

    /// The number of replies that came a second time.
    pub fn doubled(&self) -> usize {
        lock(&self.state).doubling.as_ref().map_or(0, |(_, doubled)| *doubled)
    }

    /// Returns true if the reply that [`Proxy::stray_reply`] asked for was sent.
    pub fn has_strayed(&self) -> bool {
        lock(&self.state).stray.is_none()
    }

    /// Returns true if the reply that [`Proxy::swallow_reply`] asked for was lost.
    pub fn has_swallowed(&self) -> bool {
        lock(&self.state).swallowed.is_none()
    }

    /// Holds each reply back for this long.
    pub fn delay(&self, delay: Duration) {
        lock(&self.state).delay = delay;
    }

    /// Leads new connections to this server, and ends the open ones. A Cluster is not supported.
    pub fn lead_to(&self, target: &str) {
        self.lead_new_to(target);
        self.cut();
    }

    /// Leads new connections to this server, as a name does that is given to another server. Open
    /// connections stay with the old one.
    pub fn lead_new_to(&self, target: &str) {
        let [own] = &self.targets[..] else { panic!("one port, one target") };
        target.clone_into(&mut lock(own));
    }

    /// Hangs up on a client that sends more bytes than this before the server has answered.
    pub fn limit(&self, bytes: usize) {
        lock(&self.state).limit = Some(bytes);
    }

    /// Tells clients so much later that the server has closed their connections. Their messages
    /// until then are lost.
    pub fn linger(&self, time: Duration) {
        lock(&self.state).linger = time;
    }

    /// Forgets all connections, as a load balancer does: nothing passes, and neither side is told.
    /// New connections are served.
    pub fn forget(&self) {
        let mut state = lock(&self.state);
        state.forgotten = state.counts.connections;
    }

    /// Swaps the targets of the first two ports for new connections.
    pub fn swap_new(&self) {
        let [first, second, ..] = &self.targets[..] else { panic!("two ports") };
        std::mem::swap(&mut *lock(first), &mut *lock(second));
    }

    /// The number of a port of this proxy.
    pub fn port(&self, number: usize) -> u16 {
        self.ports[number]
    }

    /// Ends all connections. New ones are served.
    pub fn cut(&self) {
        cut(&mut lock(&self.state));
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let mut state = lock(&self.state);
        state.closed = true;
        cut(&mut state);
        drop(state);
        for port in &self.ports {
            // The connection wakes the thread that accepts. An error means that the thread has
            // ended already.
            let _ = TcpStream::connect(("127.0.0.1", *port));
        }
    }
}

impl Pair {
    fn connect(client: TcpStream, target: &str, state: &Arc<Mutex<State>>) -> io::Result<Self> {
        let address = target.parse().map_err(|_| io::Error::other("the target is an address and a port"))?;
        let server = TcpStream::connect_timeout(&address, SOON)?;
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        let mut shared = lock(state);
        shared.counts.connections += 1;
        shared.open.push(client.try_clone()?);
        shared.open.push(server.try_clone()?);
        let number = shared.counts.connections;
        drop(shared);
        let last = Arc::new(Mutex::new((Speaker::Server, 0)));
        Ok(Self { client, server, last, state: Arc::clone(state), number })
    }

    /// Copies both ways until one side ends.
    fn forward(self) {
        let down = self.try_clone().expect("sockets have second handles");
        thread::spawn(move || {
            // An error is the end of the connection, which the other side then sees.
            let _ = self.to_server();
            self.linger();
            self.close();
        });
        thread::spawn(move || {
            let _ = down.to_client();
            thread::sleep(lock(&down.state).linger);
            down.close();
        });
    }

    fn to_server(&self) -> io::Result<()> {
        let mut buffer = vec![0; 64 * 1024];
        let mut burst = 0;
        loop {
            let length = (&self.client).read(&mut buffer)?;
            if length == 0 {
                return Ok(());
            }
            let request = &buffer[..length];
            let mut last = lock(&self.last);
            let mut state = lock(&self.state);
            if self.number <= state.forgotten {
                continue;
            }
            state.counts.bytes_to_server += length;
            burst = if last.0 == Speaker::Server { length } else { burst + length };
            if state.limit.is_some_and(|limit| burst > limit) {
                return Ok(());
            }
            if last.0 == Speaker::Server {
                state.counts.trips += 1;
                state.requests.push(readable(request));
                *last = (Speaker::Client, state.counts.trips);
                let trip = state.counts.trips;
                if state.lost.take_if(|lost| *lost == trip).is_some() {
                    return Ok(());
                }
            }
            drop((last, state));
            (&self.server).write_all(request)?;
        }
    }

    fn to_client(&self) -> io::Result<()> {
        let mut buffer = vec![0; 64 * 1024];
        let mut again = (1, Vec::new());
        loop {
            let length = (&self.server).read(&mut buffer)?;
            if length == 0 {
                return Ok(());
            }
            let delay = lock(&self.state).delay;
            thread::sleep(delay);
            let mut last = lock(&self.last);
            let is_first = last.0 == Speaker::Client;
            last.0 = Speaker::Server;
            let trip = last.1;
            drop(last);
            let mut state = lock(&self.state);
            if self.number <= state.forgotten {
                continue;
            }
            state.answered += usize::from(is_first);
            if state.swallowed == Some(trip) {
                state.swallowed = None;
                return Ok(());
            }
            state.counts.bytes_to_client += length;
            let stray = state.stray.take_if(|stray| *stray == trip).map_or(&b""[..], |_| b"+OK\r\n");
            let mut bytes = Vec::new();
            if let Some((random, doubled)) = &mut state.doubling
                && is_first
            {
                again.0 -= 1;
                if again.0 == 0 {
                    *doubled += usize::from(!again.1.is_empty());
                    bytes = again.1;
                    // Not every reply, so that sessions come through.
                    let part = random.between(0, 1) == 1;
                    let part = if part { a_part(&buffer[..length], random) } else { &[] };
                    again = (random.between(1, 4), part.to_vec());
                }
            }
            drop(state);
            if !bytes.is_empty() {
                // The client reads what came a second time before it sees that more follows.
                (&self.client).write_all(&mem::take(&mut bytes))?;
                thread::sleep(Duration::from_millis(2));
            }
            bytes.extend_from_slice(stray);
            bytes.extend_from_slice(&buffer[..length]);
            (&self.client).write_all(&bytes)?;
        }
    }

    /// Reads what the client sends to a server that has gone.
    fn linger(&self) {
        let time = lock(&self.state).linger;
        if time.is_zero() {
            return;
        }
        let end = Instant::now() + time;
        let mut buffer = vec![0; 64 * 1024];
        let _ = self.client.set_read_timeout(Some(time));
        while Instant::now() < end && (&self.client).read(&mut buffer).is_ok_and(|length| length > 0) {}
    }

    fn close(&self) {
        // Both calls fail if the other thread closed the streams first.
        let _ = self.client.shutdown(Shutdown::Both);
        let _ = self.server.shutdown(Shutdown::Both);
    }

    fn try_clone(&self) -> io::Result<Self> {
        Ok(Self {
            client: self.client.try_clone()?,
            server: self.server.try_clone()?,
            last: Arc::clone(&self.last),
            state: Arc::clone(&self.state),
            number: self.number,
        })
    }
}

fn cut(state: &mut State) {
    for stream in state.open.drain(..) {
        // The call fails for connections that have ended already.
        let _ = stream.shutdown(Shutdown::Both);
    }
}

/// The replies in these bytes, or one of them.
fn a_part<'a>(bytes: &'a [u8], random: &mut Random) -> &'a [u8] {
    let mut ends = vec![0];
    while let Some(length) = length_of_reply(&bytes[ends[ends.len() - 1]..]) {
        ends.push(ends[ends.len() - 1] + length);
    }
    let parts: Vec<_> = ends.windows(2).map(|ends| &bytes[ends[0]..ends[1]]).collect();
    if random.between(0, 1) == 1 { bytes } else { random.pick(&parts).unwrap_or(bytes) }
}

/// The length of the first reply, or `None` if it is not all there.
fn length_of_reply(bytes: &[u8]) -> Option<usize> {
    let line = bytes.windows(2).position(|end| end == b"\r\n")? + 2;
    let number: Option<usize> = std::str::from_utf8(&bytes[1..line - 2]).ok()?.parse().ok();
    let length = match (bytes[0], number) {
        (b'$', Some(length)) => line + length + 2,
        (b'*', Some(items)) => {
            (0..items).try_fold(line, |at, _| Some(at + length_of_reply(bytes.get(at..)?)?))?
        }
        _ => line,
    };
    (length <= bytes.len()).then_some(length)
}

/// The first 300 bytes of a request, with line ends as spaces.
fn readable(request: &[u8]) -> String {
    let start = &request[..request.len().min(300)];
    String::from_utf8_lossy(start).replace("\r\n", " ")
}

/// Ignores a poisoned lock, so that a panic elsewhere in the test is not hidden behind this one.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
