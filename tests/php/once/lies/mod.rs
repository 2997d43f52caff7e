//! A Redis that lies: wrong types, wrong lengths, halves of answers, endless answers, a byte now
//! and then. With none of these answers may the handler crash, hang, fill the memory, show a
//! secret, fail without a warning, or call a session saved that Redis has not confirmed.
//!
//! `make fuzz` runs it for `FUZZ_SECONDS`; `FUZZ_SEED` makes the same choices again. `make test`
//! makes a fixed number of choices from a fixed seed.

mod liar;
mod replies;

use std::fs;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::fuzz;
use crate::support::php::{Php, STEPS};
use crate::support::random::Random;
use liar::Liar;
use phpsess_rs::config::{IniValues, Setting, Settings};
use phpsess_rs::session::{Access, Leave, Session, Writer};
use phpsess_rs::store::{close_connections, redis::RedisStore};

const ID: &str = "0123456789abcdefghijklmnop";
const PASSWORD: &str = "topsecret,of-the-user";
/// A session is at most a few requests, each within its timeout. The limit is far above their sum,
/// for a busy machine.
const NO_HANG: Duration = Duration::from_secs(20);
/// More memory than an answer of 16 MiB may become, and less than it would become value by value.
const MUCH_MEMORY: u64 = 200 << 20;

/// The resident memory of a process, in bytes.
fn resident(pid: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("Linux has /proc");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kilobytes.expect("the kernel says how much") << 10
}

/// The result of one request, as PHP would see it.
struct Outcome {
    started: bool,
    saved: Option<bool>,
    warnings: Vec<String>,
}

fn request(settings: &Arc<Settings>, random: &mut Random) -> Outcome {
    let mut session = Session::new(RedisStore::new(settings.clone()), settings.clone(), "h|1|cli|");
    let id = ID.as_bytes();
    let access = if random.between(0, 5) == 0 { Access::Read } else { Access::Update };
    // Some requests check the id first, as strict mode does.
    let known = random.between(0, 1) == 0 || session.validate(id, access, 60);
    let started = known && session.read(id, access, 60);
    let mut saved = None;
    if started {
        let writer = match random.between(0, 2) {
            0 => Writer::Php,
            1 => Writer::Saving,
            _ => Writer::Class,
        };
        if writer != Writer::Php {
            session.remember(id);
        }
        session.drop_value();
        saved = match random.between(0, 5) {
            0 => None,
            1 => Some(session.touch(id, b"n|i:1;", 60, writer)),
            2 => Some(session.destroy(id, Leave::Ended)),
            3 => Some(session.set_aside(id)),
            4 => Some(session.write(id, b"n|i:2;", 60, writer) && session.write(id, b"n|i:3;", 60, writer)),
            _ => Some(session.write(id, b"n|i:2;", 60, writer)),
        };
    }
    session.close();
    Outcome { started, saved, warnings: session.take_warnings() }
}

fn settings(port: u16, locking: bool) -> Arc<Settings> {
    let texts = IniValues::default()
        .with(Setting::Password, PASSWORD)
        .with(Setting::ConnectTimeout, "0.2")
        .with(Setting::ReadTimeout, "0.25")
        .with(Setting::LockWait, "0.2")
        .with(Setting::Locking, if locking { "1" } else { "0" });
    Arc::new(Settings::parse(&format!("tcp://127.0.0.1:{port}"), &texts).expect("these are settings"))
}

/// Watches the resident memory until this value is dropped.
struct Peak {
    highest: Arc<AtomicU64>,
    over: Arc<AtomicBool>,
}

impl Peak {
    fn watch() -> Self {
        let peak = Self { highest: Arc::new(AtomicU64::new(0)), over: Arc::new(AtomicBool::new(false)) };
        let (highest, over) = (Arc::clone(&peak.highest), Arc::clone(&peak.over));
        thread::spawn(move || {
            while !over.load(SeqCst) {
                highest.fetch_max(resident("self"), SeqCst);
                thread::sleep(Duration::from_millis(2));
            }
        });
        peak
    }
}

impl Drop for Peak {
    fn drop(&mut self) {
        self.over.store(true, SeqCst);
    }
}

fn judge(outcome: &Outcome, was_ok: bool) {
    let Outcome { started, saved, warnings } = outcome;
    for warning in warnings {
        assert!(warning.starts_with("rustredis: "), "{warning}");
        assert!(warning.len() < 2000, "{} bytes: {warning:.200}", warning.len());
        for secret in [ID, PASSWORD] {
            assert!(!warning.contains(secret), "{warning}");
        }
        assert!(!warning.contains(char::is_control), "{warning:?}");
    }
    if *saved == Some(false) {
        assert!(!warnings.is_empty(), "a failed write without a word");
    }
    if *saved == Some(true) {
        assert!(*started && was_ok, "called saved, without an answer that said so");
    }
}

/// Each request must have asked the server. A request that sent nothing was answered by the rest of
/// an earlier lie, which in real life may be the session of another user.
fn assert_asked(run: &fuzz::Done, commands: u64) {
    assert!(commands >= run.trials, "only {commands} commands: {run}");
}

/// The memory of this process is that of all tests that run now, so this one runs in another.
#[test]
fn the_store_believes_nothing() {
    let alone = concat!(module_path!(), "::the_store_alone_believes_nothing");
    let alone = alone.split_once("::").expect("the program's name comes first").1;
    let program = std::env::current_exe().expect("this program has a path");
    let output = Command::new(program)
        .args(["--exact", alone, "--ignored", "--nocapture"])
        .output()
        .expect("this program can be run");
    print!("{}", String::from_utf8_lossy(&output.stdout));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"), "it ran no test");
}

#[test]
#[ignore = "the test above runs it"]
fn the_store_alone_believes_nothing() {
    let liar = Liar::start(&[ID, PASSWORD]);
    let (locked, unlocked) = (settings(liar.port, true), settings(liar.port, false));
    let before = resident("self");
    let peak = Peak::watch();
    let (mut started, mut saved, mut longest) = (0, 0, Duration::ZERO);
    let run = fuzz::run("lying Redis, store", 400, |random| {
        liar.choose(Random::new(random.next()));
        let settings = if random.between(0, 3) == 0 { &unlocked } else { &locked };
        let (oks, surplus) = (liar.oks(), liar.surplus());
        let start = Instant::now();
        let outcome = request(settings, random);
        longest = longest.max(start.elapsed());
        assert!(start.elapsed() < NO_HANG, "{:?} for one request", start.elapsed());
        let spare = liar.surplus() > surplus;
        judge(&outcome, liar.oks() > oks || spare);
        if spare {
            // The request may still be on its way.
            close_connections();
        }
        started += u32::from(outcome.started);
        saved += u32::from(outcome.saved == Some(true));
        let grown = peak.highest.load(SeqCst).saturating_sub(before);
        assert!(grown < MUCH_MEMORY, "the memory grew by {} MiB", grown >> 20);
    });
    let (commands, lies) = liar.told();
    println!(
        "{run}; {commands} commands, {lies} lies, {started} sessions started, {saved} saved, longest request {longest:.1?}, \
         {} MiB more memory at most",
        peak.highest.load(SeqCst).saturating_sub(before) >> 20
    );
    // Both outcomes must occur, or the test has tried nothing.
    assert!(started > 20 && saved > 10 && lies > 100);
    assert_asked(&run, commands);
}

/// A deferred release of which half an answer comes, from a server that hangs from then on.
#[test]
fn a_server_that_hangs_behind_half_an_answer_costs_each_start_one_timeout() {
    let liar = Liar::start(&[]);
    let texts = IniValues::default()
        .with(Setting::ConnectTimeout, "3")
        .with(Setting::ReadTimeout, "3")
        .with(Setting::WriteAck, "deferred");
    let settings = Settings::parse(&format!("tcp://127.0.0.1:{}", liar.port), &texts);
    let settings = Arc::new(settings.expect("these are settings"));
    let session = || Session::new(RedisStore::new(settings.clone()), settings.clone(), "h|1|cli|");
    let id = ID.as_bytes();
    for n in 0..3 {
        let mut session = session();
        assert!(session.read(id, Access::Update, 60));
        session.drop_value();
        if n == 2 {
            liar.fall_silent();
        }
        assert!(session.write(id, b"n|i:2;", 60, Writer::Php));
        session.close();
    }
    for n in 0..3 {
        let mut session = session();
        let start = Instant::now();
        assert!(!session.read(id, Access::Update, 60));
        let took = start.elapsed();
        // Half of what is between one and two is for a busy machine.
        assert!(took < Duration::from_millis(5800), "start {n}: {took:?}");
        session.close();
    }
}

#[test]
fn php_lives_on() {
    let liar = Liar::start(&[ID, PASSWORD]);
    let php = Php::new(&format!("tcp://127.0.0.1:{}?timeout=0.2&read_timeout=0.25", liar.port))
        .ini("rustredis.password", PASSWORD)
        .ini("rustredis.lock_wait", "0.2")
        .ini("session.serialize_handler", "json")
        .deadline(Duration::from_mins(2) + fuzz::seconds().unwrap_or_default());
    let mut process = php.spawn(STEPS);
    process.expect("ready");
    let before = resident(&process.pid().to_string());
    let mut saved = 0;
    let run = fuzz::run("lying Redis, PHP", 100, |random| {
        liar.choose(Random::new(random.next()));
        let start = Instant::now();
        let step = process.step(&format!("increment('{ID}')"));
        assert!(start.elapsed() < NO_HANG, "{:?} for one request", start.elapsed());
        // PHP itself warns about a value that it cannot decode.
        assert!(
            step.result != "false" || !step.messages.trim().is_empty(),
            "a failure without a word: {step:?}"
        );
        assert!(!step.messages.contains("Fatal error"), "{step:?}");
        for secret in [ID, PASSWORD] {
            assert!(!step.messages.contains(secret), "{step:?}");
        }
        saved += u32::from(step.result != "false");
        if step.result == "false" {
            // A session that could not be written is still open.
            process.step("session_status() === PHP_SESSION_ACTIVE ? session_abort() : true");
        }
        let now = resident(&process.pid().to_string());
        assert!(now.saturating_sub(before) < MUCH_MEMORY, "PHP has {} MiB", now >> 20);
    });
    let (commands, lies) = liar.told();
    println!("{run}; {commands} commands, {lies} lies, {saved} requests that saved");
    assert!(saved > 5 && lies > 20);
    assert_asked(&run, commands);
    process.wait().assert_no_crash();
}

#[test]
fn a_seed_makes_the_same_lies_again() {
    let lies = |seed| {
        let mut random = Random::new(seed);
        (0..200).map(|_| replies::lie(&mut random, b"*1\r\n$2\r\nok\r\n", &[ID]).bytes).collect::<Vec<_>>()
    };
    assert_eq!(lies(7), lies(7));
    assert_ne!(lies(7), lies(8));
}
