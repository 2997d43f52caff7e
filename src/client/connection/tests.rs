use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    thread,
};

use socket2::{Domain, SockAddr, Socket, Type};

use super::*;
use crate::{
    client::{dns, stream::Timeouts},
    config::{Endpoint, Target},
};

/// Connects to a server that takes part in the setup, reads a little of the first request, and then
/// runs `then`.
fn to_server(then: impl FnOnce(TcpStream) + Send + 'static) -> Connection {
    to_server_within(Timeouts { connect: Duration::from_secs(5), read: Duration::from_secs(5) }, then)
}

fn to_server_within(timeouts: Timeouts, then: impl FnOnce(TcpStream) + Send + 'static) -> Connection {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        let mut asked = [0; 1024];
        let _ = client.read(&mut asked).unwrap();
        client.write_all(b"*2\r\n$1\r\n1\r\n$1\r\n0\r\n+OK\r\n").unwrap();
        let _ = client.read(&mut asked).unwrap();
        then(client);
    });
    Connection::open(&local(port), timeouts, None, None).unwrap()
}

fn local(port: u16) -> Target {
    Target {
        endpoint: Endpoint::Tcp { host: "127.0.0.1".into(), port },
        username: None,
        password: None,
        database: 0,
        tls: None,
    }
}

/// The time of one exchange.
const LIMIT: Duration = Duration::from_millis(300);

fn ping(connection: &mut Connection) -> Result<Value, StoreError> {
    ping_within(connection, LIMIT)
}

fn ping_within(connection: &mut Connection, limit: Duration) -> Result<Value, StoreError> {
    connection.request(&mut Command::new("PING"), limit)
}

#[test]
fn a_server_that_sends_byte_after_byte_holds_a_request_no_longer_than_the_timeout() {
    let mut connection = to_server(|mut client| {
        let _ = client.write_all(b"$1000000\r\n");
        while client.write_all(b"x").is_ok() {
            thread::sleep(Duration::from_millis(20));
        }
    });
    let start = Instant::now();
    assert!(matches!(ping(&mut connection), Err(StoreError::Timeout(_))));
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}

#[test]
fn a_server_that_does_not_read_holds_a_request_no_longer_than_the_timeout() {
    let mut connection = to_server(|client| {
        thread::sleep(Duration::from_mins(1));
        drop(client);
    });
    let data = vec![0; 64 << 20];
    let mut command = Command::new("SET");
    command.data(&data);
    let start = Instant::now();
    let result = connection.request(&mut command, LIMIT);
    assert!(matches!(result, Err(StoreError::Timeout(_))), "{result:?}");
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}

#[test]
fn an_end_in_the_middle_is_a_broken_connection() {
    let mut connection = to_server(|mut client| {
        client.write_all(b"*2\r\n$2\r\nok\r\n$5\r\nab").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        // Unread bytes would make the system reset the connection.
        let _ = client.read_to_end(&mut Vec::new());
    });
    assert!(matches!(ping(&mut connection), Err(StoreError::Broken(_))));
}

#[test]
fn only_an_end_at_once_is_a_sign_of_a_server_that_expects_tls() {
    for (after, sign) in [(0, "if it expects TLS"), (1100, "ended the connection after 1.")] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            let (mut client, _) = listener.accept().unwrap();
            let _ = client.read(&mut [0; 1024]).unwrap();
            thread::sleep(Duration::from_millis(after));
        });
        let timeouts = Timeouts { connect: Duration::from_secs(5), read: Duration::from_secs(5) };
        let Err(failure) = Connection::open(&local(port), timeouts, None, None) else { panic!() };
        assert!(failure.to_string().contains(sign), "{failure}");
    }
}

#[test]
fn an_answer_that_nobody_asked_for_is_not_taken_for_the_next_one() {
    let mut connection = to_server(|mut client| {
        client.write_all(b"+first\r\n+second\r\n").unwrap();
        let _ = client.read_to_end(&mut Vec::new());
    });
    assert_eq!(ping(&mut connection).unwrap(), Value::SimpleString("first".into()));
    assert!(matches!(ping(&mut connection), Err(StoreError::Protocol(_))));
}

#[test]
fn a_refusal_that_ends_the_connection_belongs_to_the_command_that_it_answers() {
    for answers in ["-ERR Protocol error: invalid bulk length\r\n", "+first\r\n-ERR Protocol error: x\r\n"] {
        let (sent_all, is_sent) = std::sync::mpsc::channel();
        let mut connection = to_server(move |mut client| {
            is_sent.recv().unwrap();
            client.write_all(answers.as_bytes()).unwrap();
            client.shutdown(Shutdown::Write).unwrap();
            let _ = client.read_to_end(&mut Vec::new());
        });
        let mut first = Command::new("PING");
        let mut before = Vec::new();
        for _ in 0..answers.matches("\r\n").count() {
            before.push(connection.send_awaited(&mut first, LIMIT).unwrap());
        }
        sent_all.send(()).unwrap();
        // The server has not even read this command.
        assert!(matches!(ping(&mut connection), Err(StoreError::Broken(_))), "{answers}");
        let refused = connection.arrived(before.pop().unwrap());
        assert!(matches!(&refused, Some(Err(StoreError::Server(error))) if error.is_last()), "{refused:?}");
        for earlier in before {
            assert!(matches!(connection.arrived(earlier), Some(Ok(_))));
        }
    }
}

#[test]
fn a_read_that_has_begun_ends_with_the_timeout_of_the_whole() {
    let timeouts = Timeouts { connect: Duration::from_secs(5), read: Duration::from_secs(3) };
    let mut connection = to_server_within(timeouts, |mut client| {
        thread::sleep(Duration::from_millis(2700));
        let _ = client.write_all(b"$1000000\r\n");
        let _ = client.read_to_end(&mut Vec::new());
    });
    let start = Instant::now();
    assert!(matches!(ping_within(&mut connection, timeouts.read), Err(StoreError::Timeout(_))));
    // If the second read had the whole timeout again, the request would take 5.7 s.
    assert!(start.elapsed() < Duration::from_millis(5200), "{:?}", start.elapsed());
}

/// A Unix socket whose backlog is full.
struct Crowded {
    listener: Socket,
    endpoint: Endpoint,
    _waiting: Vec<Socket>,
    _folder: Folder,
}

struct Folder(std::path::PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn crowded() -> Crowded {
    let folder = Folder(std::env::temp_dir().join(format!("phpsess-{}", crate::process::random_hex())));
    std::fs::create_dir(&folder.0).unwrap();
    let path = folder.0.join("socket");
    let unix = || Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
    let listener = unix();
    listener.bind(&SockAddr::unix(&path).unwrap()).unwrap();
    listener.listen(0).unwrap();
    let mut waiting = Vec::new();
    loop {
        let client = unix();
        client.set_nonblocking(true).unwrap();
        if client.connect(&SockAddr::unix(&path).unwrap()).is_err() {
            break;
        }
        waiting.push(client);
    }
    Crowded { listener, endpoint: Endpoint::Unix(path), _waiting: waiting, _folder: folder }
}

#[test]
fn a_unix_socket_with_a_full_backlog_is_waited_for() {
    let crowded = crowded();
    let (about_to, is_about_to) = std::sync::mpsc::channel();
    let endpoint = crowded.endpoint.clone();
    let client = thread::spawn(move || {
        about_to.send(()).unwrap();
        let long = Duration::from_mins(1);
        Stream::connect(&endpoint, None, Timeouts { connect: long, read: long }).map(drop)
    });
    is_about_to.recv().unwrap();
    // Gives the client time to find the backlog full. If the time is too short, the test shows
    // nothing, but does not fail.
    thread::sleep(Duration::from_millis(200));
    let mut accepted = Vec::new();
    while !client.is_finished() {
        crowded.listener.set_nonblocking(true).unwrap();
        accepted.extend(crowded.listener.accept());
        thread::sleep(Duration::from_millis(2));
    }
    client.join().unwrap().unwrap();
}

#[test]
fn a_unix_socket_whose_backlog_stays_full_costs_the_timeout() {
    let crowded = crowded();
    let short = Duration::from_millis(300);
    let error = Stream::connect(&crowded.endpoint, None, Timeouts { connect: short, read: short });
    assert_eq!(error.err().unwrap().kind(), io::ErrorKind::TimedOut);
}

/// Returns an address that never answers, because its backlog is full.
fn hole() -> (Socket, Vec<Socket>, std::net::SocketAddr) {
    let tcp = || Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let listener = tcp();
    listener.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    listener.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let waiting = (0..4)
        .map(|_| {
            let client = tcp();
            client.set_nonblocking(true).unwrap();
            let _ = client.connect(&address);
            client
        })
        .collect();
    (listener, waiting, address.as_socket().unwrap())
}

#[test]
fn an_address_that_does_not_answer_leaves_time_for_the_others() {
    let (first, second) = (hole(), hole());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let good = listener.local_addr().unwrap();
    let connect = |addresses: &[std::net::SocketAddr], time| {
        Stream::to_one_of(addresses, Instant::now() + time, time, None, "name")
    };
    // A dead address takes only its own share of the time, however long that is on a busy machine.
    let stream = connect(&[first.2, second.2, good], Duration::from_secs(3)).unwrap();
    assert_eq!(stream.address, Some(good));
    let error = connect(&[first.2, second.2], Duration::from_millis(200)).err().unwrap().to_string();
    for address in [first.2, second.2] {
        assert!(error.contains(&address.to_string()), "{error}");
    }
}

#[test]
fn an_address_for_which_the_resolver_has_left_no_time_is_not_avoided() {
    let whole = Duration::from_secs(3);
    for (left, is_avoided) in [(Duration::ZERO, false), (Duration::from_millis(20), false), (whole, true)] {
        let (first, second) = (hole(), hole());
        let addresses = [first.2, second.2];
        Stream::to_one_of(&addresses, Instant::now() + left, whole, None, "name").err().unwrap();
        assert_eq!(dns::is_avoided(first.2), is_avoided, "{left:?}");
    }
}

#[test]
fn a_kept_address_that_refuses_gives_way_to_a_new_lookup() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let good = listener.local_addr().unwrap();
    let connect = |host: &str| {
        dns::keep(host, vec!["127.0.0.3:0".parse().unwrap()]);
        let endpoint = Endpoint::Tcp { host: host.into(), port: good.port() };
        let timeouts = Timeouts { connect: Duration::from_secs(30), read: Duration::from_secs(30) };
        Stream::connect(&endpoint, None, timeouts)
    };
    assert_eq!(connect("localhost").unwrap().address, Some(good));
    // The new lookup finds nothing: the reason is that of the address.
    let error = connect("kept.invalid").err().unwrap();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused, "{error}");
}

#[test]
fn a_server_that_comes_back_at_its_address_needs_no_resolver() {
    let reserved = TcpListener::bind("127.0.0.4:0").unwrap();
    let address = reserved.local_addr().unwrap();
    drop(reserved);
    // No name server knows the name.
    dns::keep("restarted.invalid", vec![address]);
    let endpoint = Endpoint::Tcp { host: "restarted.invalid".into(), port: address.port() };
    let timeouts = Timeouts { connect: Duration::from_secs(30), read: Duration::from_secs(30) };
    let connect = || Stream::connect(&endpoint, None, timeouts);
    assert!(connect().is_err());
    let _back = TcpListener::bind(address).unwrap();
    assert_eq!(connect().unwrap().address, Some(address));
}

/// The time after which a slow master answers.
const SLOW: Duration = Duration::from_millis(700);

/// Starts servers at several addresses with one port, and counts their connections. The one whose
/// number is `master` is a master, and all others are replicas. A number of hundreds in front makes
/// one of them silent: 100 the first, 200 the second. A master with 10 before its number is slow.
fn several(master: &'static AtomicUsize, count: u8) -> (u16, Vec<Arc<AtomicUsize>>) {
    let listeners = loop {
        let first = TcpListener::bind("127.0.1.1:0").unwrap();
        let port = first.local_addr().unwrap().port();
        let others = (2..=count).map(|last| TcpListener::bind(SocketAddr::from(([127, 0, 1, last], port))));
        // Another process may have the port.
        if let Ok(mut all) = others.collect::<Result<Vec<_>, _>>() {
            all.insert(0, first);
            break all;
        }
    };
    let port = listeners[0].local_addr().unwrap().port();
    let serve = |(number, listener): (usize, TcpListener)| {
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = connections.clone();
        thread::spawn(move || {
            for mut client in listener.incoming().flatten() {
                counted.fetch_add(1, Relaxed);
                let (silent, master) = (master.load(Relaxed) / 100, master.load(Relaxed) % 100);
                if silent == number + 1 {
                    thread::spawn(move || client.read_to_end(&mut Vec::new()));
                    continue;
                }
                if master == number + 10 {
                    thread::sleep(SLOW);
                }
                let probe = if master % 10 == number {
                    ":1\r\n+OK\r\n:1\r\n+OK\r\n*-1\r\n"
                } else {
                    "-READONLY x\r\n+OK\r\n-READONLY x\r\n+OK\r\n*0\r\n"
                };
                let answer = format!("*2\r\n$1\r\n1\r\n$1\r\n0\r\n+OK\r\n{probe}");
                client.write_all(answer.as_bytes()).unwrap();
                thread::spawn(move || client.read_to_end(&mut Vec::new()));
            }
        });
        connections
    };
    (port, listeners.into_iter().enumerate().map(serve).collect())
}

/// The target of a name, and the addresses that it is to have: those of the first `count` servers.
fn named(host: &str, port: u16, count: u8) -> (Target, Vec<SocketAddr>) {
    let target = Target {
        endpoint: Endpoint::Tcp { host: host.into(), port },
        username: None,
        password: None,
        database: 0,
        tls: None,
    };
    (target, (1..=count).map(|last| SocketAddr::from(([127, 0, 1, last], port))).collect())
}

#[test]
fn a_name_with_several_addresses_leads_to_the_master() {
    const NONE: usize = 9;
    static MASTER: AtomicUsize = AtomicUsize::new(2);
    let (port, counts) = several(&MASTER, 3);
    let (target, addresses) = named("several.invalid", port, 3);
    let timeouts = Timeouts { connect: Duration::from_secs(30), read: Duration::from_secs(30) };
    // Returns the address of the connection, and the connections that were made to each server.
    let open = || {
        dns::keep("several.invalid", addresses.clone());
        let connection = Connection::open(&target, timeouts, None, Some("probe")).unwrap();
        assert_eq!(connection.capabilities.replica, MASTER.load(Relaxed) == NONE);
        let made: Vec<_> = counts.iter().map(|count| count.swap(0, Relaxed)).collect();
        (connection.stream.address.unwrap(), made)
    };
    assert_eq!(open(), (addresses[2], vec![1, 1, 1]));
    assert_eq!(open(), (addresses[2], vec![0, 0, 1]));
    // All three were met as replicas within a short time.
    MASTER.store(1, Relaxed);
    assert_eq!(open(), (addresses[1], vec![1, 1, 1]));
    MASTER.store(0, Relaxed);
    assert_eq!(open().0, addresses[0]);
    assert_eq!(open(), (addresses[0], vec![1, 0, 0]));
    MASTER.store(NONE, Relaxed);
    let (_, made) = open();
    assert_eq!(made, [1, 1, 1]);
}

#[test]
fn a_server_that_hangs_leaves_time_for_the_master_after_it() {
    static MASTER: AtomicUsize = AtomicUsize::new(202);
    let (port, _) = several(&MASTER, 3);
    let (target, addresses) = named("middle.invalid", port, 3);
    let timeouts = Timeouts { connect: Duration::from_secs(4), read: Duration::from_mins(5) };
    dns::keep("middle.invalid", addresses.clone());
    let connection = Connection::open(&target, timeouts, None, Some("probe")).unwrap();
    assert_eq!(connection.stream.address, Some(addresses[2]));
}

#[test]
fn a_master_that_hangs_holds_up_no_reader_of_its_replica() {
    static MASTER: AtomicUsize = AtomicUsize::new(209);
    let (port, counts) = several(&MASTER, 2);
    let (target, addresses) = named("hangs.invalid", port, 2);
    let timeouts = Timeouts { connect: Duration::from_secs(2), read: Duration::from_mins(5) };
    let open = || {
        dns::keep("hangs.invalid", addresses.clone());
        let start = Instant::now();
        let connection = Connection::open(&target, timeouts, None, Some("probe")).unwrap();
        // A busy machine may need longer than the time for connecting, but not a part of the other.
        assert!(start.elapsed() < Duration::from_mins(1), "{:?}", start.elapsed());
        let made: Vec<_> = counts.iter().map(|count| count.swap(0, Relaxed)).collect();
        (connection.stream.address.unwrap(), made)
    };
    assert_eq!(open(), (addresses[0], vec![1, 1]));
    assert_eq!(open(), (addresses[0], vec![1, 0]), "it was tried a moment ago");
    dns::age(addresses[1], Duration::from_secs(2));
    assert_eq!(open(), (addresses[0], vec![1, 1]));
    MASTER.store(1, Relaxed);
    // A server on a busy machine may need longer than its part of the time.
    let until = Instant::now() + Duration::from_mins(1);
    while open().0 != addresses[1] {
        assert!(Instant::now() < until);
        dns::age(addresses[1], Duration::from_secs(2));
    }
    assert_eq!(open(), (addresses[1], vec![0, 1]));
}

#[test]
fn a_master_that_comes_back_slowly_is_reached_within_a_few_tries() {
    static MASTER: AtomicUsize = AtomicUsize::new(209);
    let (port, _) = several(&MASTER, 2);
    let (target, addresses) = named("slow-master.invalid", port, 2);
    let timeouts = Timeouts { connect: Duration::from_secs(4), read: Duration::from_mins(5) };
    let open = || {
        dns::keep("slow-master.invalid", addresses.clone());
        let connection = Connection::open(&target, timeouts, None, Some("probe")).unwrap();
        connection.stream.address.unwrap()
    };
    assert_eq!(open(), addresses[0]);
    MASTER.store(11, Relaxed);
    let tries = (1..=30).find(|_| {
        dns::age(addresses[1], Duration::from_secs(1));
        open() == addresses[1]
    });
    // An eighth of the time for connecting is too little, and all of it is enough on any machine.
    assert!(matches!(tries, Some(2..=4)), "{tries:?}");
}

/// The server accepts connections and says nothing, so only the end of its own time shows that it
/// is of no use.
#[test]
fn an_address_whose_server_had_no_time_to_answer_is_not_avoided() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    let target = Target {
        endpoint: Endpoint::Tcp { host: "127.0.0.1".into(), port: address.port() },
        username: None,
        password: None,
        database: 0,
        tls: None,
    };
    let timeouts = Timeouts { connect: Duration::from_secs(3), read: Duration::from_millis(400) };
    for (left, is_avoided) in [(timeouts.read / 20, false), (timeouts.read, true)] {
        let opened = Connection::open(&target, timeouts, Some(Instant::now() + left), None);
        assert!(matches!(opened, Err(StoreError::Timeout(_))));
        assert_eq!(dns::is_avoided(address), is_avoided, "{left:?}");
    }
}

#[test]
fn a_connection_that_was_quiet_for_long_costs_a_part_of_the_timeout() {
    let timeouts = Timeouts { connect: Duration::from_secs(5), read: Duration::from_mins(1) };
    let silent = || {
        to_server_within(timeouts, |mut client| {
            let _ = client.read_to_end(&mut Vec::new());
        })
    };
    let mut connection = silent();
    connection.begun -= clock::nanoseconds(QUIET * 2);
    let result = ping(&mut connection);
    assert!(matches!(result, Err(StoreError::Broken(_))), "{result:?}");
    assert!(connection.end_of_doubt().is_some());
    // The answer to an earlier command arrived before the silence began, or never.
    for earlier in ["+earlier\r\n", ""] {
        let mut connection = to_server_within(timeouts, move |mut client| {
            client.write_all(earlier.as_bytes()).unwrap();
            let _ = client.read_to_end(&mut Vec::new());
        });
        connection.send_awaited(&mut Command::new("PING"), LIMIT).unwrap();
        connection.begun -= clock::nanoseconds(QUIET * 2);
        let result = ping(&mut connection);
        assert!(matches!(result, Err(StoreError::Broken(_))), "{earlier:?}: {result:?}");
        assert!(connection.end_of_doubt().is_some());
    }
    // A master that others choose has the same quarter.
    let mut connection = silent();
    connection.leave_time();
    connection.begun -= clock::nanoseconds(QUIET * 2);
    let begun = Instant::now();
    let result = connection.request(&mut Command::new("PING"), LIMIT);
    let took = begun.elapsed();
    assert!(matches!(result, Err(StoreError::Broken(_))) && took >= LIMIT / 4, "{result:?}: {took:?}");
    // A question with a short limit leaves no time for another connection.
    let mut connection = silent();
    connection.leave_no_time();
    connection.begun -= clock::nanoseconds(QUIET * 2);
    let begun = Instant::now();
    let result = connection.request(&mut Command::new("PING"), LIMIT);
    assert!(matches!(result, Err(StoreError::Timeout(_))) && begun.elapsed() >= LIMIT, "{result:?}");
    // A timeout on a connection that was in use a moment ago means that the server hangs.
    let mut connection = silent();
    let result = ping(&mut connection);
    assert!(matches!(result, Err(StoreError::Timeout(_))), "{result:?}");
    assert!(connection.end_of_doubt().is_none());
}

#[test]
fn an_answer_that_has_begun_over_a_quiet_connection_has_the_whole_timeout() {
    let timeouts = Timeouts { connect: Duration::from_secs(5), read: Duration::from_mins(1) };
    let limit = Duration::from_secs(8);
    for rest in ["+second\r\n", "$6\r\nsecond\r\n"] {
        let mut connection = to_server_within(timeouts, move |mut client| {
            client.write_all(b"+first\r\n").unwrap();
            thread::sleep(limit / QUIET_SHARE + Duration::from_millis(500));
            client.write_all(rest.as_bytes()).unwrap();
            let _ = client.read_to_end(&mut Vec::new());
        });
        connection.begun -= clock::nanoseconds(QUIET * 2);
        let mut batch = connection.batch();
        (0..2).for_each(|_| batch.add(&[crate::resp::Arg::Text("PING")]));
        let answer = connection.request_all(batch, limit);
        assert!(matches!(&answer, Ok(Value::Array(answers)) if answers.len() == 2), "{answer:?}");
    }
}

/// A master that may be replaced, and a quiet connection. Each is given up after a part of the
/// timeout if nothing arrives.
fn given_up_early() -> [fn(&mut Connection); 2] {
    [Connection::leave_time, |connection| connection.begun -= clock::nanoseconds(QUIET * 2)]
}

#[test]
fn an_answer_that_flows_has_the_whole_timeout() {
    let timeouts = Timeouts { connect: Duration::from_secs(5), read: Duration::from_mins(1) };
    for give_up_early in given_up_early() {
        let mut connection = to_server_within(timeouts, |mut client| {
            client.write_all(b"$40\r\n").unwrap();
            // A single reply, over three fourths of the timeout.
            for _ in 0..40 {
                thread::sleep(Duration::from_millis(150));
                client.write_all(b"x").unwrap();
            }
            client.write_all(b"\r\n").unwrap();
            let _ = client.read_to_end(&mut Vec::new());
        });
        give_up_early(&mut connection);
        let answer = ping_within(&mut connection, Duration::from_secs(8));
        assert!(matches!(&answer, Ok(Value::BulkString(bytes)) if bytes.len() == 40), "{answer:?}");
    }
}

#[test]
fn a_master_that_hangs_within_its_answer_leaves_time() {
    let timeouts = Timeouts { connect: Duration::from_secs(5), read: Duration::from_mins(1) };
    let mut connection = to_server_within(timeouts, |mut client| {
        client.write_all(b"$40\r\nxx").unwrap();
        let _ = client.read_to_end(&mut Vec::new());
    });
    connection.leave_time();
    let answer = ping_within(&mut connection, Duration::from_secs(2));
    assert!(matches!(&answer, Err(StoreError::Broken(_))), "{answer:?}");
    let told = answer.unwrap_err().to_string();
    assert!(told.contains("no answer within 1.") && told.contains("rustredis.read_timeout is 2 s"), "{told}");
}

#[test]
fn a_large_write_that_flows_has_the_whole_timeout() {
    let timeouts = Timeouts { connect: Duration::from_secs(5), read: Duration::from_mins(1) };
    let data = vec![b'x'; 100 << 10];
    for give_up_early in given_up_early() {
        let mut connection = to_server_within(timeouts, |mut client| {
            // The question has been read.
            client.write_all(b"+PONG\r\n").unwrap();
            let mut asked = vec![0; 16 << 10];
            for _ in 0..6 {
                thread::sleep(Duration::from_secs(1));
                assert!(client.read(&mut asked).unwrap() > 14);
            }
            client.write_all(b"+stored\r\n").unwrap();
            let _ = client.read_to_end(&mut Vec::new());
        });
        give_up_early(&mut connection);
        let mut command = Command::new("SET");
        command.data(&data);
        let answer = connection.request(&mut command, Duration::from_secs(8));
        assert!(matches!(&answer, Ok(Value::SimpleString(said)) if said == "stored"), "{answer:?}");
    }
}

#[test]
fn a_connection_that_leads_nowhere_is_not_given_a_large_write() {
    for give_up_early in given_up_early() {
        let timeouts = Timeouts { connect: Duration::from_secs(5), read: Duration::from_mins(1) };
        let (read_all, was_read) = std::sync::mpsc::channel();
        let mut connection = to_server_within(timeouts, move |mut client| {
            let mut asked = Vec::new();
            let _ = client.read_to_end(&mut asked);
            read_all.send(asked).unwrap();
        });
        give_up_early(&mut connection);
        let data = vec![b'x'; 100 << 10];
        let mut command = Command::new("SET");
        command.data(&data);
        let answer = connection.request(&mut command, Duration::from_secs(2));
        assert!(matches!(&answer, Err(StoreError::Broken(_))), "{answer:?}");
        drop(connection);
        assert_eq!(was_read.recv().unwrap(), b"", "more than the question");
    }
}
