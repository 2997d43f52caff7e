//! The floor: the cost of one cycle's trips without PHP. The bytes that the extension sends are
//! recorded, and sent again by a client that only writes those bytes and reads as many as came
//! back.

use std::fs;
use std::io::{self, BufRead, Read, Write};
use std::mem;
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Instant;

use redis::Parser;

use super::process::{Setup, Worker};

/// One request as the extension sent it, and the length of its answer.
#[derive(Clone)]
pub struct Trip {
    request: Vec<u8>,
    reply: usize,
}

/// The same number of bare PINGs.
pub fn pings(count: usize) -> Vec<Trip> {
    vec![Trip { request: b"*1\r\n$4\r\nPING\r\n".to_vec(), reply: b"+PONG\r\n".len() }; count]
}

/// The trips of one cycle of PHP on the Redis at `address`. The session exists already.
pub fn record(address: &str, setup: &Setup, job: &str) -> Vec<Trip> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port exists");
    let port = listener.local_addr().expect("a bound listener has an address").port();
    let server = TcpStream::connect(address).expect("Redis listens");
    let trips = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&trips);
    let relay = thread::spawn(move || {
        let (client, _) = listener.accept().expect("PHP connects");
        relay(client, server, &seen);
    });
    let save_path = format!("tcp://127.0.0.1:{port}");
    let mut worker = Worker::php(&Setup { save_path, ..setup.clone() }, None);
    // The first cycle connects and loads the scripts into Redis.
    worker.run(&format!("{job} 1"));
    let before = trips.lock().expect("the relay does not panic").len();
    worker.run(&format!("{job} 1"));
    drop(worker);
    relay.join().expect("the relay ends with PHP");
    let trips = trips.lock().expect("the relay did not panic");
    trips[before..].to_vec()
}

/// Copies trip by trip until the client disconnects. All commands of a trip are sent in one go.
fn relay(mut client: TcpStream, server: TcpStream, trips: &Mutex<Vec<Trip>>) {
    client.set_nodelay(true).expect("TCP has TCP_NODELAY");
    let (mut server, mut replies) = (Recorder::new(server), Parser::new());
    let (mut request, mut chunk) = (Vec::new(), vec![0; 1 << 20]);
    while let Ok(length @ 1..) = client.read(&mut chunk) {
        request.extend_from_slice(&chunk[..length]);
        let Some(commands) = commands_in(&request) else { continue };
        let request = mem::take(&mut request);
        server.stream.write_all(&request).expect("Redis reads");
        for _ in 0..commands {
            replies.parse_value(&mut server).expect("Redis answers");
        }
        let reply = mem::take(&mut server.read);
        trips.lock().expect("nobody panics").push(Trip { request, reply: reply.len() });
        client.write_all(&reply).expect("PHP reads");
    }
}

/// Counts the commands in `bytes`. Returns `None` if the last one is incomplete.
fn commands_in(mut bytes: &[u8]) -> Option<usize> {
    let mut commands = 0;
    while !bytes.is_empty() {
        for _ in 0..length_after(b'*', &mut bytes)? {
            let argument = length_after(b'$', &mut bytes)?;
            bytes = bytes.get(argument + 2..)?;
        }
        commands += 1;
    }
    Some(commands)
}

/// Takes a line such as `*3` or `$17`.
fn length_after(kind: u8, bytes: &mut &[u8]) -> Option<usize> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let line = bytes[..end].strip_prefix(&[kind])?.strip_suffix(b"\r")?;
    *bytes = &bytes[end + 1..];
    std::str::from_utf8(line).ok()?.parse().ok()
}

/// Keeps a copy of everything that is read.
struct Recorder {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Recorder {
    fn new(stream: TcpStream) -> Self {
        stream.set_nodelay(true).expect("TCP has TCP_NODELAY");
        Self { stream, read: Vec::new() }
    }
}

impl Read for Recorder {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.stream.read(buffer)?;
        self.read.extend_from_slice(&buffer[..length]);
        Ok(length)
    }
}

/// Saves the trips for [`serve`], which runs in a process of its own.
pub fn save(trips: &[Trip], file: &Path) {
    let mut bytes = Vec::new();
    for Trip { request, reply } in trips {
        bytes.extend(format!("{} {reply}\n", request.len()).bytes());
        bytes.extend(request);
    }
    fs::write(file, bytes).expect("the recording can be written");
}

fn load(file: &Path) -> Vec<Trip> {
    let bytes = fs::read(file).expect("the recording can be read");
    let (mut rest, mut trips) = (&bytes[..], Vec::new());
    let mut head = String::new();
    while rest.read_line(&mut head).expect("the recording is text and requests") > 0 {
        let (request, reply) = head.trim().split_once(' ').expect("two lengths");
        let (request, after) = rest.split_at(request.parse().expect("a length"));
        trips.push(Trip { request: request.to_vec(), reply: reply.parse().expect("a length") });
        rest = after;
        head.clear();
    }
    trips
}

/// A worker with the protocol of worker.php: each line is a job that ends with the number of
/// cycles, and the answer lists the time of each cycle.
pub fn serve(address: &str, file: &Path) {
    let trips = load(file);
    if address.starts_with('/') {
        answer_jobs(UnixStream::connect(address).expect("Redis listens"), &trips);
    } else {
        let stream = TcpStream::connect(address).expect("Redis listens");
        stream.set_nodelay(true).expect("TCP has TCP_NODELAY");
        answer_jobs(stream, &trips);
    }
}

fn answer_jobs(mut stream: impl Read + Write, trips: &[Trip]) {
    let mut buffer = vec![0; trips.iter().map(|trip| trip.reply).max().unwrap_or(0)];
    for job in io::stdin().lines() {
        let job = job.expect("jobs are text");
        let count =
            job.split(' ').next_back().and_then(|count| count.parse().ok()).expect("a job has a count");
        let times: Vec<String> = (0..count)
            .map(|_: u64| {
                let begin = Instant::now();
                for trip in trips {
                    stream.write_all(&trip.request).expect("Redis reads");
                    stream.read_exact(&mut buffer[..trip.reply]).expect("Redis answers");
                }
                begin.elapsed().as_nanos().to_string()
            })
            .collect();
        println!("{}", times.join(" "));
    }
}
