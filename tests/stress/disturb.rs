//! The random disturbances of the workers and of Redis.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use super::clock::Clock;
use super::fleet::{Fleet, State};
use super::log::Disturbance;
use crate::support::poll::{self, SOON};
use crate::support::proxy::Proxy;
use crate::support::random::Random;
use crate::support::redis::Server;

pub struct Disturber {
    clock: Clock,
    random: Random,
    cards: Vec<Kind>,
    /// The way to Redis of some workers.
    proxy: Proxy,
    /// The time since which a reply is to be lost.
    losing: Option<u64>,
    armed: Instant,
    pub done: Vec<Disturbance>,
    /// Times at which workers were held up for a moment without harm.
    pub moments: Vec<(u64, u64)>,
    /// Keys that had no TTL after a restart.
    pub eternal: Vec<String>,
}

/// The worker that was to lose the next reply may have been killed before the reply came. After
/// this time, another reply is chosen.
const PATIENCE: Duration = Duration::from_millis(200);

#[derive(Clone, Copy)]
enum Kind {
    Kill(State),
    /// Kill a worker, if possible, between the answer that the session is taken and the wait for
    /// it.
    KillAsWaitBegins,
    Stop(Option<State>),
    RestartServer,
    StopServer,
    FlushScripts,
    DropConnections,
    /// Redis carries out a command, and the reply is lost.
    LoseReply,
}

/// The number of cards of each kind in the pack, which is shuffled again when it is used up. Even a
/// short run sees all kinds.
const CARDS: [(usize, Kind); 11] = [
    (3, Kind::Kill(State::Holding)),
    (2, Kind::Kill(State::Waiting)),
    (1, Kind::Kill(State::Between)),
    (3, Kind::KillAsWaitBegins),
    (4, Kind::Stop(Some(State::Holding))),
    (2, Kind::Stop(None)),
    (2, Kind::RestartServer),
    (1, Kind::StopServer),
    (1, Kind::FlushScripts),
    (1, Kind::DropConnections),
    (5, Kind::LoseReply),
];

impl Disturber {
    pub fn new(clock: Clock, seed: u64, proxy: Proxy) -> Self {
        Self {
            clock,
            random: Random::new(seed),
            cards: Vec::new(),
            proxy,
            losing: None,
            armed: Instant::now(),
            done: Vec::new(),
            moments: Vec::new(),
            eternal: Vec::new(),
        }
    }

    /// Disturbs for this long, at most `gap` milliseconds apart, and leaves no worker stopped.
    pub fn disturb(&mut self, fleet: &mut Fleet, server: &mut Server, length: Duration, gap: u64) {
        let end = Instant::now() + length;
        let mut next = Instant::now();
        while Instant::now() < end {
            self.resume(fleet, false);
            self.is_losing();
            if Instant::now() >= next {
                self.strike(fleet, server);
                next = Instant::now() + Duration::from_millis(self.random.between(gap / 10, gap));
            }
            thread::sleep(Duration::from_millis(2));
        }
        self.resume(fleet, true);
        poll::until("a reply is lost", SOON, || !self.is_losing());
    }

    /// The number of disturbances of each kind.
    pub fn counts(&self) -> String {
        let mut counts = BTreeMap::new();
        for done in &self.done {
            *counts.entry(done.what).or_insert(0) += 1;
        }
        let counts: Vec<_> = counts.iter().map(|(what, count)| format!("{count} x {what}")).collect();
        counts.join(", ")
    }

    /// Returns true if the reply that is to be lost is still to come.
    fn is_losing(&mut self) -> bool {
        if self.proxy.has_swallowed()
            && let Some(from) = self.losing.take()
        {
            self.note(from, None, "reply lost");
        }
        if self.losing.is_some() && self.armed.elapsed() > PATIENCE {
            self.arm();
        }
        self.losing.is_some()
    }

    fn arm(&mut self) {
        self.proxy.swallow_reply(1);
        self.armed = Instant::now();
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
                let Some(victim) = self.catch(fleet, state) else { return };
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
            // The stop is longer than the lease: another worker gets the session, and the write
            // must be refused.
            Kind::Stop(Some(state)) => {
                let Some(victim) = self.catch(fleet, state) else { return };
                fleet.stop(victim, from, Duration::from_millis(self.random.between(1100, 2500)));
            }
            Kind::Stop(None) => {
                let Some(victim) = self.random.pick(&fleet.in_state(None)) else { return };
                fleet.stop(victim, from, Duration::from_millis(self.random.between(100, 2000)));
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
                thread::sleep(Duration::from_millis(self.random.between(50, 700)));
                server.resume();
                self.note(from, None, "Redis stopped");
            }
            Kind::FlushScripts => {
                server.command::<()>(&["SCRIPT", "FLUSH"]);
                self.note(from, None, "scripts flushed");
            }
            Kind::DropConnections => {
                server.command::<()>(&["CLIENT", "KILL", "TYPE", "normal"]);
                self.proxy.cut();
                self.note(from, None, "connections dropped");
            }
            Kind::LoseReply => {
                if self.losing.is_none() {
                    self.arm();
                    self.losing = Some(from);
                }
                let limit = Instant::now() + PATIENCE;
                while self.is_losing() && Instant::now() < limit {
                    thread::sleep(Duration::from_millis(1));
                }
            }
        }
    }

    /// Stops a worker in this state. Workers that were too fast have lost a moment.
    fn catch(&mut self, fleet: &mut Fleet, state: State) -> Option<usize> {
        for _ in 0..100 {
            let from = self.clock.now();
            match fleet.catch(state, &mut self.random)? {
                Ok(number) => return Some(number),
                Err(()) => self.moments.push((from, self.clock.now())),
            }
        }
        None
    }

    fn kind(&mut self) -> Kind {
        if self.cards.is_empty() {
            self.cards = CARDS.iter().flat_map(|&(count, kind)| vec![kind; count]).collect();
        }
        let card = self.random.between(1, self.cards.len() as u64) - 1;
        self.cards.swap_remove(usize::try_from(card).expect("it is below a length"))
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
