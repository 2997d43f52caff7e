//! Clients, their connections and a server: the events that can happen next, and their effect.

use phpsess_rs::{
    lock::Attempt,
    protocol::{Acquire, AcquireReply, Claim, HANDOFF_MS, Keys, SessionId, Ticket},
    store::memory::{Rules, Server},
};

use super::watch::Watch;

/// The system to explore.
#[derive(Clone)]
pub struct Setup {
    pub keys: Keys,
    /// The number of times that each client increments the session.
    pub cycles: u8,
    /// The time that each client waits for its turn, with one entry for each client.
    pub waits: Vec<u64>,
    pub lease: u64,
    pub max_waiters: u64,
    pub polling: bool,
    pub faults: Faults,
    /// The number of times that another client ends the session without its lock.
    pub ends: u8,
    /// The session then goes on under another id, and leaves a copy for so many seconds.
    pub grace: u64,
    /// The life of the mark of its end, which outlives all repeats.
    pub dead_ms: u64,
    /// The number of times that a replica takes the place of the server.
    pub failovers: u8,
    /// The replica may lack the newest commands.
    pub lags: bool,
    /// A blocked client is sent to the new server, as in a Cluster. Otherwise its connection
    /// breaks.
    pub redirects: bool,
    pub rules: Rules,
    pub habit: Habit,
}

/// The number of faults of each kind that may happen.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Faults {
    pub crashes: u8,
    /// Broken connections. A command on its way arrives later, or never.
    pub breaks: u8,
    /// Times that pass although a client could do something.
    pub pauses: u8,
}

/// A mistake that the clients make.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Habit {
    Nothing,
    /// Each send of an attempt has the same token.
    OneToken,
    /// At the end of its wait a client leaves without a last try.
    LeavesSilently,
    /// A client works on a ticket of any age at once.
    TrustsOldTickets,
}

impl Setup {
    /// Clients that wait for 60 s under a lease of 10 s, without faults.
    pub fn new(clients: usize, cycles: u8) -> Self {
        let id = SessionId::parse(b"s").expect("an id");
        Self {
            keys: Keys::new("", &id),
            cycles,
            waits: vec![60_000; clients],
            lease: 10_000,
            max_waiters: 0,
            polling: false,
            faults: Faults { crashes: 0, breaks: 0, pauses: 0 },
            ends: 0,
            grace: 0,
            dead_ms: 1_000_000,
            failovers: 0,
            lags: false,
            redirects: false,
            rules: Rules::default(),
            habit: Habit::Nothing,
        }
    }
}

/// One event. Clients are given by their number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// The server carries out what the client sends next.
    Serve(usize),
    /// The server carries out the claim that the client sent without waiting for an answer.
    ServeAhead(usize),
    /// The client gets its answer.
    Answer(usize),
    /// The client's connection breaks, with a command or an answer on its way.
    Break(usize),
    /// A command from a broken connection arrives after all.
    Late(usize),
    /// The server notices that a blocked connection is broken.
    HangUp(usize),
    /// The client's process dies.
    Crash(usize),
    /// Another client ends the session.
    End,
    /// The same command comes again, because its answer was lost.
    EndAgain,
    /// From here on, the replica gets no commands.
    Cut,
    /// The replica takes the server's place. All connections end, and what is on its way is lost.
    /// With `sent`, the next command of each client is among that.
    FailOver { sent: bool },
    /// Time passes.
    Until(u64),
}

#[derive(Clone, Hash, Debug)]
pub struct World {
    pub server: Server,
    pub clients: Vec<Client>,
    /// Connections in BLPOP, in the order in which the server serves them.
    pub blocked: Vec<Blocked>,
    /// Commands from broken connections.
    pub transit: Vec<(usize, Command)>,
    pub left: Faults,
    pub ends_left: u8,
    /// The session was ended by a command that may come again.
    pub end_may_come_again: bool,
    pub failovers_left: u8,
    /// The replica, since it gets no commands any more.
    pub replica: Option<Server>,
    pub watch: Watch,
}

#[derive(Clone, Hash, Debug)]
pub struct Client {
    pub doing: Doing,
    /// The server's answer that the client has not seen yet, and true if time has passed since.
    pub answer: Option<(Answer, bool)>,
    pub ahead: Option<Claim>,
    pub attempt: Option<Attempt>,
    /// The number of turns that are left.
    pub cycles: u8,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Doing {
    /// Between two cycles, for any time.
    Rest,
    /// About to send this command, not before the given time.
    Ask(Acquire, u64),
    /// About to block for this many milliseconds.
    Wait(u64),
    Blocked,
    Claim(Claim),
    /// Working, and about to release.
    Work(Work),
    Done,
    Crashed,
}

/// A turn: the client's knowledge while it has the lock.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Work {
    pub token: String,
    pub waiter: Option<String>,
    /// The number that the client read.
    pub value: u32,
    /// The state that came with the number.
    pub seen: Option<String>,
}

#[derive(Clone, Hash, Debug)]
pub struct Blocked {
    pub client: usize,
    pub until: u64,
    /// The client has gone away.
    pub gone: bool,
}

#[derive(Clone, Hash, Debug)]
pub enum Command {
    Ask(Acquire),
    Wait(u64),
    Claim(Claim),
    Release(Work),
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Answer {
    AcquireReply(AcquireReply),
    Woken(Option<Ticket>),
    Claimed(bool),
    Released(Released),
}

/// The result of a release.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Released {
    Written,
    Lost,
    /// The session has ended since it was read.
    Dead,
}

/// The description of a broken rule.
pub type Violation = String;

impl World {
    pub fn new(setup: &Setup) -> Self {
        let client =
            Client { doing: Doing::Rest, answer: None, ahead: None, attempt: None, cycles: setup.cycles };
        Self {
            server: Server::with(setup.rules),
            clients: vec![client; setup.waits.len()],
            blocked: Vec::new(),
            transit: Vec::new(),
            left: setup.faults,
            ends_left: setup.ends,
            end_may_come_again: false,
            failovers_left: setup.failovers,
            replica: None,
            watch: Watch::new(setup.waits.len()),
        }
    }

    /// Everything that can happen now.
    pub fn events(&self, setup: &Setup) -> Vec<Event> {
        let mut events = Vec::new();
        let can_break = self.left.breaks > 0;
        // An answer affects only the client that gets it, so three cases are enough: at once, after
        // time has passed, or never.
        for (c, _) in self.clients.iter().enumerate().filter(|(_, client)| client.has_fresh_answer()) {
            events.push(Event::Answer(c));
            events.extend(can_break.then_some(Event::Break(c)));
        }
        let can_fail_over = self.failovers_left > 0;
        if !events.is_empty() {
            events.extend(can_fail_over.then_some(Event::FailOver { sent: true }));
            events.extend(self.times(setup).into_iter().map(Event::Until));
            return events;
        }
        let alike = setup.waits.iter().all(|wait| *wait == setup.waits[0]);
        for (c, client) in self.clients.iter().enumerate() {
            if client.is_over() {
                continue;
            }
            if client.doing == Doing::Rest {
                // The order of equal clients makes no difference, so they start in one order.
                if !alike || c == 0 || self.clients[c - 1].has_started(setup) {
                    events.push(Event::Serve(c));
                    events.extend(can_break.then_some(Event::Break(c)));
                }
                continue;
            }
            events.extend((self.left.crashes > 0).then_some(Event::Crash(c)));
            if client.answer.is_some() {
                events.push(Event::Answer(c));
            } else if self.can_send(client) {
                events.push(Event::Serve(c));
            }
            events.extend(client.ahead.is_some().then_some(Event::ServeAhead(c)));
            let connected =
                client.answer.is_some() || client.doing == Doing::Blocked || self.can_send(client);
            events.extend((can_break && connected).then_some(Event::Break(c)));
        }
        if can_fail_over {
            events.extend((setup.lags && self.replica.is_none()).then_some(Event::Cut));
            events.extend([true, false].map(|sent| Event::FailOver { sent }));
        }
        events.extend((self.ends_left > 0).then_some(Event::End));
        events.extend(self.end_may_come_again.then_some(Event::EndAgain));
        events.extend((0..self.transit.len()).map(Event::Late));
        events.extend((0..self.blocked.len()).filter(|&i| self.blocked[i].gone).map(Event::HangUp));
        events.extend(self.times(setup).into_iter().map(Event::Until));
        events
    }

    /// The times to which the clock may jump.
    fn times(&self, setup: &Setup) -> Vec<u64> {
        let now = self.server.now();
        let mut sleeps: Vec<u64> = self.blocked.iter().map(|blocked| blocked.until).collect();
        sleeps.extend(self.clients.iter().filter_map(|client| match client.doing {
            Doing::Ask(_, at) => Some(at),
            _ => None,
        }));
        let idle = self.is_idle();
        let watched =
            !self.transit.is_empty() || self.clients.iter().any(|client| client.doing == Doing::Rest);
        let mut times = sleeps;
        if !idle || watched {
            times.extend(self.server.ends(&setup.keys));
        }
        if !idle || self.server.copy(&setup.keys).is_some() {
            times.push(now + HANDOFF_MS);
        }
        times.retain(|time| *time > now);
        times.sort_unstable();
        times.dedup();
        match (idle, self.left.pauses) {
            // No client can do anything until then.
            (true, _) => times.truncate(1),
            (false, 0) => times.clear(),
            _ => {}
        }
        times
    }

    /// Returns true if only clients that have not started can do anything.
    pub fn is_idle(&self) -> bool {
        self.clients.iter().all(|client| client.answer.is_none() && !self.can_send(client))
    }

    pub fn can_send(&self, client: &Client) -> bool {
        match client.doing {
            Doing::Ask(_, at) => at <= self.server.now(),
            Doing::Wait(_) | Doing::Claim(_) | Doing::Work(_) => true,
            Doing::Rest | Doing::Blocked | Doing::Done | Doing::Crashed => false,
        }
    }

    /// Returns true if a connection has broken.
    pub fn has_broken(&self, setup: &Setup) -> bool {
        self.left.breaks < setup.faults.breaks || self.failovers_left < setup.failovers
    }
}

impl Doing {
    pub fn token(&self) -> Option<&str> {
        match self {
            Self::Work(work) => Some(&work.token),
            _ => None,
        }
    }
}

impl Client {
    pub fn has_fresh_answer(&self) -> bool {
        matches!(self.answer, Some((_, false)))
    }

    fn has_started(&self, setup: &Setup) -> bool {
        self.doing != Doing::Rest || self.cycles < setup.cycles
    }

    /// Returns true if the client does nothing any more.
    pub fn is_over(&self) -> bool {
        matches!(self.doing, Doing::Done | Doing::Crashed)
    }

    /// Returns true while the client tries to get the lock.
    pub fn is_trying(&self) -> bool {
        self.attempt.is_some()
    }
}

/// The number in the session.
pub fn count(data: Option<&[u8]>) -> u32 {
    let text = data.map_or("0", |data| str::from_utf8(data).expect("text"));
    text.parse().expect("a number")
}

pub fn name(c: usize) -> &'static str {
    ["A", "B", "C"][c]
}
