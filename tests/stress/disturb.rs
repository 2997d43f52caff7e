//! What happens to the workers and to Redis, at random.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use super::clock::Clock;
use super::fleet::{Fleet, State};
use super::log::Disturbance;
use super::random::Random;
use crate::support::redis::Server;

pub struct Disturber {
    clock: Clock,
    random: Random,
    pub done: Vec<Disturbance>,
    /// Keys that were found without an end of their life after a restart.
    pub eternal: Vec<String>,
}

#[derive(Clone, Copy)]
enum Kind {
    Kill(State),
    /// Between the answer that the session is taken and the wait for it, if luck has it.
    KillAsWaitBegins,
    Stop(Option<State>),
    RestartServer,
    StopServer,
    FlushScripts,
    DropConnections,
}

/// How often each comes, in a hundred.
const KINDS: [(u64, Kind); 10] = [
    (18, Kind::Kill(State::Holding)),
    (12, Kind::Kill(State::Waiting)),
    (5, Kind::Kill(State::Between)),
    (15, Kind::KillAsWaitBegins),
    (8, Kind::Stop(Some(State::Holding))),
    (12, Kind::Stop(None)),
    (10, Kind::RestartServer),
    (4, Kind::StopServer),
    (8, Kind::FlushScripts),
    (8, Kind::DropConnections),
];

impl Disturber {
    pub fn new(clock: Clock, seed: u64) -> Self {
        Self { clock, random: Random::new(seed), done: Vec::new(), eternal: Vec::new() }
    }

    /// Disturbs for this long, at most `gap` milliseconds apart, and leaves nobody stopped.
    pub fn disturb(&mut self, fleet: &mut Fleet, server: &mut Server, length: Duration, gap: u64) {
        let end = Instant::now() + length;
        let mut next = Instant::now();
        while Instant::now() < end {
            self.resume(fleet, false);
            if Instant::now() >= next {
                self.strike(fleet, server);
                next = Instant::now() + Duration::from_millis(self.random.between(gap / 10, gap));
            }
            thread::sleep(Duration::from_millis(2));
        }
        self.resume(fleet, true);
    }

    /// How often each was done.
    pub fn counts(&self) -> String {
        let mut counts = BTreeMap::new();
        for done in &self.done {
            *counts.entry(done.what).or_insert(0) += 1;
        }
        let counts: Vec<_> = counts.iter().map(|(what, count)| format!("{count} x {what}")).collect();
        counts.join(", ")
    }

    fn resume(&mut self, fleet: &mut Fleet, all: bool) {
        for (worker, from) in fleet.tend(all) {
            self.note(from, Some(worker), "worker stopped");
        }
    }

    fn strike(&mut self, fleet: &mut Fleet, server: &mut Server) {
        let from = self.clock.now();
        match self.kind() {
            Kind::Kill(state) => {
                let Some(victim) = self.random.pick(&fleet.in_state(Some(state))) else { return };
                fleet.kill(victim);
                let what = match state {
                    State::Between => "killed between requests",
                    State::Waiting => "waiter killed",
                    State::Holding => "holder killed",
                };
                self.note(from, Some(victim), what);
            }
            Kind::KillAsWaitBegins => {
                let Some(victim) = self.random.pick(&fleet.in_state(None)) else { return };
                let limit = Instant::now() + Duration::from_millis(100);
                let is_waiting = || fleet.state(victim) == Some(State::Waiting);
                while is_waiting() && Instant::now() < limit {}
                while !is_waiting() && Instant::now() < limit {}
                thread::sleep(Duration::from_micros(self.random.between(0, 300)));
                fleet.kill(victim);
                self.note(from, Some(victim), "killed as its wait began");
            }
            Kind::Stop(state) => {
                let Some(victim) = self.random.pick(&fleet.in_state(state)) else { return };
                // From less than the lease to well over it.
                fleet.stop(victim, self.clock, Duration::from_millis(self.random.between(300, 2500)));
            }
            Kind::RestartServer => {
                server.kill9();
                thread::sleep(Duration::from_millis(self.random.between(0, 200)));
                server.restart();
                self.note(from, None, "Redis killed and started again");
                self.eternal.extend(eternal_keys(server));
            }
            Kind::StopServer => {
                server.pause();
                thread::sleep(Duration::from_millis(self.random.between(50, 1500)));
                server.resume();
                self.note(from, None, "Redis stopped");
            }
            Kind::FlushScripts => {
                server.command::<()>(&["SCRIPT", "FLUSH"]);
                self.note(from, None, "scripts flushed");
            }
            Kind::DropConnections => {
                server.command::<()>(&["CLIENT", "KILL", "TYPE", "normal"]);
                self.note(from, None, "connections dropped");
            }
        }
    }

    fn kind(&mut self) -> Kind {
        let mut left = self.random.between(1, KINDS.iter().map(|(weight, _)| weight).sum());
        let found = KINDS.iter().find(|(weight, _)| {
            let here = left <= *weight;
            left = left.saturating_sub(*weight);
            here
        });
        found.expect("the weights add up").1
    }

    fn note(&mut self, from: u64, worker: Option<usize>, what: &'static str) {
        self.done.push(Disturbance { from, to: self.clock.now(), worker, what });
    }
}

/// The keys that have no TTL.
pub fn eternal_keys(server: &Server) -> Vec<String> {
    let keys: Vec<String> = server.command(&["KEYS", "*"]);
    keys.into_iter().filter(|key| server.command::<i64>(&["PTTL", key]) == -1).collect()
}
