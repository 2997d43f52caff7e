//! A server on a real socket that plays Redis, and does not always tell the truth.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::replies::{self, Answer, Then};
use crate::support::random::Random;

/// Each connection has a thread, which ends with the connection.
pub struct Liar {
    pub port: u16,
    state: Arc<State>,
}

struct State {
    mood: Mutex<Mood>,
    /// Answers that begin with `ok`.
    oks: AtomicU64,
    /// Each `ok` in another place, such as behind the answer.
    surplus: AtomicU64,
    commands: AtomicU64,
    lies: AtomicU64,
}

struct Mood {
    random: Random,
    /// The percentage of commands that are answered by a lie.
    lies: u64,
    secrets: Vec<String>,
    /// Nothing is answered any more, but half of a release.
    silent: bool,
}

impl Liar {
    /// `secrets` are texts that the errors may contain.
    pub fn start(secrets: &[&str]) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port exists");
        let port = listener.local_addr().expect("a bound listener has an address").port();
        let secrets = secrets.iter().map(|&secret| secret.to_owned()).collect();
        let state = Arc::new(State {
            mood: Mutex::new(Mood { random: Random::new(0), lies: 0, secrets, silent: false }),
            oks: AtomicU64::new(0),
            surplus: AtomicU64::new(0),
            commands: AtomicU64::new(0),
            lies: AtomicU64::new(0),
        });
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                // An error means that the client has given up, as it should.
                thread::spawn(move || serve(&stream, &state));
            }
        });
        Self { port, state }
    }

    /// Takes the next lies, and their frequency, from these random numbers.
    pub fn choose(&self, mut random: Random) {
        let lies = random.pick(&[10, 40, 90]).expect("there are some");
        let mut mood = lock(&self.state.mood);
        mood.random = random;
        mood.lies = lies;
    }

    /// Answers half of a release from now on, and nothing more over any connection.
    pub fn fall_silent(&self) {
        lock(&self.state.mood).silent = true;
    }

    /// The number of answers so far that began with `ok`.
    pub fn oks(&self) -> u64 {
        self.state.oks.load(SeqCst)
    }

    /// The number of times that an `ok` was not at the beginning of an answer, and may have been
    /// taken for the answer to the next command.
    pub fn surplus(&self) -> u64 {
        self.state.surplus.load(SeqCst)
    }

    /// The numbers of commands and lies so far.
    pub fn told(&self) -> (u64, u64) {
        (self.state.commands.load(SeqCst), self.state.lies.load(SeqCst))
    }
}

fn serve(stream: &TcpStream, state: &State) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_write_timeout(Some(Duration::from_secs(5)))?;
    let mut reader = BufReader::new(stream);
    while let Some(command) = read_command(&mut reader)? {
        let honest = replies::honest(&command);
        state.commands.fetch_add(1, SeqCst);
        if lock(&state.mood).silent {
            if replies::says_ok(&honest) {
                let mut stream = stream;
                stream.write_all(&honest[..honest.len() / 2])?;
            }
            break;
        }
        let answer = {
            let mut mood = lock(&state.mood);
            let Mood { random, lies, secrets, .. } = &mut *mood;
            // Commands of a connection's setup get fewer lies, so that most clients get past it.
            // The script of its probe has one key.
            let is_script = command[0] == b"EVALSHA" || command[0] == b"EVAL";
            let is_setup = !is_script || command.get(2).is_some_and(|keys| keys == b"1");
            let odds = if is_setup { *lies / 8 } else { *lies };
            if random.between(0, 99) < odds {
                state.lies.fetch_add(1, SeqCst);
                let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
                replies::lie(random, &honest, &secrets)
            } else {
                Answer { bytes: honest.clone(), drip: None, then: Then::GoOn }
            }
        };
        let first = u64::from(replies::says_ok(&answer.bytes));
        state.oks.fetch_add(first, SeqCst);
        state.surplus.fetch_add(replies::oks_in(&answer.bytes).saturating_sub(first), SeqCst);
        send(stream, &answer)?;
        match &answer.then {
            Then::GoOn => {}
            Then::Close => return Ok(()),
            Then::Silence => break,
            Then::Endless(piece) => {
                let mut stream = stream;
                for _ in 0..Then::pieces(piece) {
                    stream.write_all(piece)?;
                }
                return Ok(());
            }
        }
    }
    // Reads until the client ends the connection.
    std::io::copy(&mut reader, &mut std::io::sink()).map(drop)
}

fn send(mut stream: &TcpStream, answer: &Answer) -> std::io::Result<()> {
    let Some(drip) = answer.drip else { return stream.write_all(&answer.bytes) };
    for byte in &answer.bytes {
        stream.write_all(&[*byte])?;
        thread::sleep(drip);
    }
    Ok(())
}

/// An array of strings, or `None` at the end of the stream.
fn read_command(reader: &mut impl BufRead) -> std::io::Result<Option<Vec<Vec<u8>>>> {
    let Some(count) = read_length(reader, '*')? else { return Ok(None) };
    let mut words = Vec::new();
    for _ in 0..count {
        let length = read_length(reader, '$')?.ok_or(std::io::ErrorKind::UnexpectedEof)?;
        let mut word = vec![0; length + 2];
        reader.read_exact(&mut word)?;
        word.truncate(length);
        words.push(word);
    }
    Ok(Some(words))
}

fn read_length(reader: &mut impl BufRead, kind: char) -> std::io::Result<Option<usize>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let number = line.trim_end().strip_prefix(kind).and_then(|text| text.parse().ok());
    number.map(Some).ok_or_else(|| std::io::Error::other(format!("the client sent {line:?}")))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
