//! One run: workers, disturbances, and the verdict over their logs.

use std::fmt::Write;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::chain::{self, Value, Writes};
use super::clock::Clock;
use super::disturb::{Disturber, eternal_keys};
use super::fleet::{self, Fleet, Orders};
use super::log::{Disturbance, Log};
use super::probe::{Probe, Slowness};
use super::process::Program;
use super::turns::{self, Turns};
use crate::support::php::Php;
use crate::support::proxy::Proxy;
use crate::support::redis::Server;
use crate::support::session::key;

/// `rustredis.lock_lease` and `rustredis.lock_wait`, in seconds.
const LEASE: u64 = 1;
const LOCK_WAIT: u64 = 10;
/// The time that may come on top of the wait: one answer that is never given
/// (`rustredis.read_timeout`), and some slack.
const LAST_ANSWER: u64 = 6;

pub struct Plan {
    pub seed: u64,
    /// PHP processes.
    pub php: usize,
    /// Further PHP processes, behind a proxy that loses replies.
    pub proxied: usize,
    /// Python processes, on machines that have redis-py.
    pub python: usize,
    pub sessions: usize,
    pub locking: bool,
    pub phases: Vec<Phase>,
}

#[derive(Clone, Copy)]
pub enum Phase {
    Calm(Duration),
    /// Disturbed, with at most this many milliseconds between two disturbances.
    Disturbed(Duration, u64),
}

pub struct Report {
    pub writes: Writes,
    pub violations: Vec<String>,
    pub summary: String,
}

impl Phase {
    fn length(self) -> Duration {
        match self {
            Self::Calm(length) | Self::Disturbed(length, _) => length,
        }
    }
}

/// `STRESS_SEED`, or another seed for each run.
pub fn seed() -> u64 {
    number("STRESS_SEED").unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
        u64::from(now.subsec_nanos()) ^ now.as_secs() << 20
    })
}

/// A number from the environment.
pub fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")))
}

impl Plan {
    pub fn run(&self) -> Report {
        // Answered writes survive the kill of Redis: they were written to the file before, and the
        // file outlives the process. Only a power failure would require fsync.
        let mut server = Server::with_args(&["--appendonly", "yes", "--appendfsync", "no"]);
        for name in self.names() {
            server.command::<()>(&["SET", &key(&name), "n|i:0;by|s:1:\"-\";", "EX", "1440"]);
        }
        let total: Duration = self.phases.iter().map(|phase| phase.length()).sum();
        let deadline = total + Duration::from_mins(2);
        let php = self.php(&server.save_path()).deadline(deadline);
        let proxy = Proxy::start(&server.addr());
        let proxied = self.php(&proxy.save_path()).deadline(deadline);
        let clock = Clock::set(&php);
        let until = clock.now() + nanos(total);
        let probe = Probe::start(server.connection_info(), clock);
        let more = format!(r#""url":"redis://{}/0","lease":{LEASE},"wait":{LOCK_WAIT}"#, server.addr());
        let orders = Orders { seed: self.seed, sessions: self.sessions, until, more };
        let mut fleet = Fleet::start(self.programs(php, proxied), orders);
        let mut disturber = Disturber::new(clock, self.seed, proxy);
        for phase in &self.phases {
            match *phase {
                Phase::Calm(length) => thread::sleep(length),
                Phase::Disturbed(length, gap) => disturber.disturb(&mut fleet, &mut server, length, gap),
            }
        }
        fleet.finish(Duration::from_mins(1));
        let mut slow = probe.stop();
        slow.add(&disturber.moments);
        self.judge(&fleet, &disturber, &slow, &server)
    }

    fn judge(&self, fleet: &Fleet, disturber: &Disturber, slow: &Slowness, server: &Server) -> Report {
        let mut log = Log::default();
        for number in 0..fleet.len() {
            log.add(number, &fleet.log(number));
        }
        let finals = self.names().map(|name| (name.clone(), value(server, &name))).collect();
        let writes = chain::check(&log, &finals);
        let longest = nanos(Duration::from_secs(LOCK_WAIT + LAST_ANSWER));
        let turns = turns::check(&log, &disturber.done, slow, longest);

        let mut violations: Vec<String> = log.odd.iter().map(|line| format!("odd: {line}")).collect();
        violations.extend(disturber.eternal.iter().map(|key| format!("{key} has no TTL after a restart")));
        violations.extend(if self.locking { leftovers(server) } else { Vec::new() });
        violations.extend(writes.violations.iter().chain(&turns.violations).cloned());
        if writes.accepted != log.planned {
            violations.push(format!("{} increments planned, {} accepted", log.planned, writes.accepted));
        }
        let summary = summary(&log, &writes, &turns, disturber, slow);
        if self.locking && !violations.is_empty() {
            self.keep(fleet, disturber);
        }
        Report { writes, violations, summary }
    }

    /// The names of the sessions.
    fn names(&self) -> impl Iterator<Item = String> {
        (0..self.sessions).map(|number| format!("s{number}"))
    }

    /// Writes all logs and the disturbances to one file, by time, for the analysis of a failure.
    fn keep(&self, fleet: &Fleet, disturber: &Disturber) {
        let mut lines = fleet.merged();
        lines.extend(disturber.done.iter().map(|done| {
            let Disturbance { from, to, worker, what } = done;
            format!("{from} *** {what} {worker:?} until {to}")
        }));
        lines.sort_unstable();
        fleet::keep(self.seed, &lines);
    }

    fn php(&self, save_path: &str) -> Php {
        Php::new(save_path)
            .ini("rustredis.locking", if self.locking { "1" } else { "0" })
            .ini("rustredis.lock_lease", &LEASE.to_string())
            .ini("rustredis.lock_wait", &LOCK_WAIT.to_string())
            .ini("session.gc_maxlifetime", "1440")
    }

    fn programs(&self, php: Php, proxied: Php) -> Vec<Program> {
        let python = (self.python > 0).then(Program::python).flatten();
        if self.python > 0 && python.is_none() {
            println!(
                "stress: Python SKIPPED: no Python with redis-py (PYTHON, or what scripts/setup test makes)"
            );
        }
        let mut programs = vec![Program::Php(php); self.php];
        programs.extend(vec![Program::Php(proxied); self.proxied]);
        programs.extend(python.into_iter().flat_map(|python| vec![python; self.python]));
        programs
    }
}

/// Keys that must be gone once the leases have ended.
fn leftovers(server: &Server) -> Vec<String> {
    thread::sleep(Duration::from_secs(LEASE + 1));
    let keys: Vec<String> = server.command(&["KEYS", "*"]);
    let locks = keys.iter().filter(|key| key.ends_with("_LOCK") || key.ends_with("_WAKE"));
    let locks = locks.map(|key| format!("{key} is still there"));
    locks.chain(eternal_keys(server).into_iter().map(|key| format!("{key} has no TTL at the end"))).collect()
}

fn value(server: &Server, name: &str) -> Value {
    let text: Option<String> = server.command(&["GET", &key(name)]);
    let parsed = text.as_deref().and_then(|text| {
        let (n, by) = text.strip_prefix("n|i:")?.split_once(";by|s:")?;
        Some((n.parse().ok()?, by.split('"').nth(1)?.to_owned()))
    });
    parsed.unwrap_or_else(|| panic!("session {name} is spoilt: {text:?}"))
}

fn summary(log: &Log, writes: &Writes, turns: &Turns, disturber: &Disturber, slow: &Slowness) -> String {
    let ms = |nanos: u64| Duration::from_nanos(nanos).as_secs_f64() * 1000.0;
    let percentile = |share: usize| {
        let last = turns.hand_overs.len().saturating_sub(1);
        ms(turns.hand_overs.get(last * share / 100).copied().unwrap_or(0))
    };
    let mut text = String::new();
    let Writes { accepted, refused, unknown_there, unknown_gone, .. } = writes;
    let requests = log.visits.len();
    let mut line = |line: String| writeln!(text, "stress: {line}").expect("a string takes it");
    line(format!("{} disturbances: {}", disturber.done.len(), disturber.counts()));
    line(format!(
        "{accepted} of {} increments accounted for, in {requests} requests; {refused} writes refused and reported; \
         of {} killed or cut off at the write, {unknown_there} are there",
        log.planned,
        unknown_there + unknown_gone
    ));
    line(format!(
        "Redis was slow for {:.0} ms; longest wait {:.0} ms; {} requests undisturbed: longest wait {:.0} ms, of which nobody had the session \
         {:.1} ms; hand-over {:.2} ms (median), {:.2} ms (99 %)",
        ms(slow.total()),
        ms(turns.longest_wait),
        turns.calm,
        ms(turns.longest_calm_wait),
        ms(turns.longest_calm_idle),
        percentile(50),
        percentile(99),
    ));
    line(format!(
        "{} pairs came one after the other; {} requests were overtaken {}",
        turns.pairs,
        turns.overtaken.len(),
        turns.overtaken.join(", ")
    ));
    text
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).expect("no run lasts centuries")
}
