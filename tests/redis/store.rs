//! The in-memory store answers as the scripts do: the same random commands go to both.

#![allow(clippy::unwrap_used, reason = "a failed look-up is a failed test")]

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use crate::support::redis::Server;
use phpsess_rs::{
    config::{IniValues, Settings},
    protocol::{
        Acquire, AcquireReply, Claim, Client, HANDOFF_MS, Keys, Mode, Op, Proof, Reason, Release,
        ReleaseReply, SessionData, SessionId, State, Ticket, Write,
    },
    store::{Store, memory::MemoryStore, redis::RedisStore},
};

const CLIENTS: usize = 3;
const TTL: u64 = 1000;
/// The clock in memory stands still during the test, so that no key expires.
const LEASE: u64 = 600_000;

/// xorshift64
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % n as u64).expect("below a usize")
    }

    fn one_of<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())]
    }
}

/// The values that one client knows. Names that a server or its client makes up differ between the
/// stores.
#[derive(Clone)]
struct Known {
    client: Client,
    sends: u32,
    token: [Option<String>; 2],
    seen: [Option<String>; 2],
    writes: u32,
}

/// An answer without the parts that may differ: names of tickets and tombstones, and times.
#[derive(PartialEq, Eq, Debug)]
enum Answer {
    AcquireReply(&'static str, Option<Shape>, Option<String>),
    ReleaseReply(&'static str, Option<String>),
    SessionData(Shape),
    Ticket(Option<Shape>),
    Flag(bool),
    Copy(Option<Vec<u8>>),
}

/// A value and a state.
type Shape = (Option<Vec<u8>>, Option<String>);

/// The state of a living session, or the reason of an end, behind a `+` if it was not the first.
fn kind(state: &str) -> String {
    match State::parse(state) {
        State::Dead(dead) if dead.token.starts_with('+') => format!("+{}", dead.reason.word()),
        State::Dead(dead) => dead.reason.word().to_owned(),
        _ => state.to_owned(),
    }
}

fn shape(loaded: &SessionData) -> Shape {
    (loaded.data.clone(), loaded.state.as_deref().map(kind))
}

/// `token|ms|info` without the time, and a ticket without its name.
fn holder(value: &str) -> String {
    let fields: Vec<&str> = value.split('|').collect();
    let token = if fields[0].starts_with("t:") { "t:" } else { fields[0] };
    [&[token], fields.get(2..).unwrap_or(&[])].concat().join("|")
}

fn acquired(answer: &AcquireReply) -> Answer {
    match answer {
        AcquireReply::Held(loaded) => Answer::AcquireReply("held", Some(shape(loaded)), None),
        AcquireReply::Absent(state) => {
            Answer::AcquireReply("absent", Some((None, state.as_deref().map(kind))), None)
        }
        AcquireReply::Exists => Answer::AcquireReply("exists", None, None),
        AcquireReply::Busy { holder: by, block, state, .. } => {
            // The last try, a poll, or a longer block, without the milliseconds.
            let how = ["last", "poll", "block"][usize::from(*block > 0) + usize::from(*block > 20)];
            Answer::AcquireReply(how, Some((None, state.as_deref().map(kind))), Some(holder(by)))
        }
        AcquireReply::Full { holder: by, .. } => Answer::AcquireReply("full", None, Some(holder(by))),
    }
}

fn written(answer: &ReleaseReply) -> Answer {
    match answer {
        ReleaseReply::Done => Answer::ReleaseReply("done", None),
        ReleaseReply::Ended(id) => Answer::ReleaseReply("ended", Some(id.clone())),
        ReleaseReply::Gone => Answer::ReleaseReply("gone", None),
        ReleaseReply::Dead => Answer::ReleaseReply("dead", None),
        ReleaseReply::Lost { holder: by, .. } => Answer::ReleaseReply("lost", by.as_deref().map(holder)),
        ReleaseReply::Refused(error) => panic!("{error}"),
    }
}

/// One random command, sent by client `c` of one store. Every choice comes from `choice`, which is
/// the same for both.
struct Command {
    client: usize,
    kind: usize,
    mode: Mode,
    op: usize,
    wait: u64,
    max_waiters: u64,
    polling: bool,
    keep_lock: bool,
    /// Leaves the TTL as it is, if the op can do that.
    untouched: bool,
    value: Vec<u8>,
    /// The state of a living session that a write stores.
    state: Option<String>,
}

fn op_of(command: &Command) -> Op<'_> {
    match command.op {
        0 | 1 => Op::Set(&command.value),
        2 => Op::Keep,
        3 => Op::Restore(&command.value),
        4 => Op::None,
        5 => Op::Retire { grace: 30 * (command.wait / 5000), forced: command.untouched, until: "" },
        6 => Op::Drop,
        7 => Op::Delete(&Reason::Logout),
        8 => Op::LogOut,
        _ => {
            let list = if command.untouched { "u" } else { "v" };
            let by = if command.keep_lock {
                Proof::User
            } else if command.wait > 0 {
                Proof::Absence
            } else {
                Proof::Place
            };
            Op::Revoke { reason: &Reason::Revoked, list, by }
        }
    }
}

fn run(store: &mut impl Store, side: usize, keys: &Keys, command: &Command, known: &mut Known) -> Answer {
    let waiter = format!("o:client{}", command.client);
    let op = op_of(command);
    let ttl = if command.untouched && matches!(op, Op::Set(_) | Op::None) { 0 } else { TTL };
    let (token, seen) = (known.token[side].clone(), known.seen[side].clone());
    let remember = |known: &mut Known, loaded: &SessionData| known.seen[side].clone_from(&loaded.state);
    match command.kind {
        0 | 1 => {
            let send = format!("{waiter}:{}", known.sends - 1);
            let answer = store
                .acquire(
                    keys,
                    &Acquire {
                        held_token: token.filter(|_| command.kind == 1),
                        waiter,
                        token: send.clone(),
                        mode: command.mode,
                        info: "h|1|cli|".into(),
                        lease: LEASE,
                        ttl: TTL,
                        wait: command.wait,
                        max_waiters: command.max_waiters,
                        recheck: 5000,
                        polling: command.polling,
                    },
                )
                .unwrap();
            if let AcquireReply::Held(loaded) = &answer {
                known.token[side] = Some(send);
                known.writes = 0;
                remember(known, loaded);
            }
            acquired(&answer)
        }
        2 => {
            let ticket = store.wait(keys, Duration::from_millis(1)).unwrap();
            if let Some(Ticket { id, loaded, .. }) = &ticket {
                known.token[side] = Some(format!("t:{id}"));
                remember(known, loaded);
            }
            Answer::Ticket(ticket.map(|ticket| shape(&ticket.loaded)))
        }
        3 => {
            let token = token.unwrap_or_else(|| "t:none".into());
            Answer::Flag(
                store.claim(keys, &Claim { token, waiter, lease: LEASE, info: "h|1|cli|".into() }).unwrap(),
            )
        }
        4 | 5 => {
            let token = token.unwrap_or_else(|| format!("o:none:{}{}", command.client, known.sends));
            // Two ends under one token look the same if they come within a millisecond.
            if matches!(op, Op::Delete(_) | Op::Revoke { .. } | Op::LogOut | Op::Drop | Op::Retire { .. }) {
                known.token[side] = None;
            }
            let nth = if command.kind == 5 { known.writes + 1 } else { 0 };
            let answer = store.release(
                keys,
                &Release {
                    token: &token,
                    waiter: Some(&waiter),
                    op,
                    ttl,
                    seen: seen.as_deref(),
                    state: command.state.as_deref(),
                    keep_lock: command.keep_lock,
                    rewrite: command.keep_lock,
                    nth,
                    polling: command.polling,
                    dead_ms: LEASE,
                },
            );
            written(&answer.unwrap())
        }
        6 => {
            let loaded = store.read(keys, TTL).unwrap();
            remember(known, &loaded);
            Answer::SessionData(shape(&loaded))
        }
        7 => {
            let op = if op == Op::None { Op::Keep } else { op };
            let ttl = if op == Op::Keep { TTL } else { ttl };
            let state = command.state.as_deref();
            let write = Write { state, ..Write::new(op, ttl, seen.as_deref(), LEASE).by(Some(known.client)) };
            written(&store.write(keys, &write).unwrap())
        }
        8 => Answer::Copy(
            store.copy(keys, seen.as_deref().unwrap_or_default()).ok().and_then(|(copy, _)| copy.found()),
        ),
        _ => Answer::Flag(store.exists(keys).unwrap()),
    }
}

/// Runs one sequence. Returns false if the machine was so slow that hand-overs expired during it.
fn sequence(seed: u64, attempt: u32, settings: &Arc<Settings>) -> bool {
    let begun = Instant::now();
    let id = SessionId::parse(format!("seed{seed}-{attempt}").as_bytes()).unwrap();
    let keys = Keys::new("P:", &id);
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let mut memory = MemoryStore::new();
    // The clock in memory stands still, but not at the beginning of time.
    memory.server().advance(1_800_000_000_000);
    let mut redis: Vec<RedisStore> = (0..CLIENTS).map(|_| RedisStore::new(settings.clone())).collect();
    // All connections are open before the sequence.
    let another = Keys::new("Q:", &id);
    for client in &mut redis {
        assert_eq!(client.read(&another, TTL).unwrap(), SessionData::default());
    }
    let new =
        || Known { client: Client::random(), sends: 0, token: [None, None], seen: [None, None], writes: 0 };
    let mut known: Vec<_> = (0..CLIENTS).map(|_| new()).collect();
    let mut log = Vec::new();
    for step in 0..120u32 {
        let command = Command {
            client: random.below(CLIENTS),
            kind: random.one_of(&[0, 0, 0, 1, 2, 2, 3, 4, 4, 4, 5, 6, 7, 8, 9]),
            mode: random.one_of(&[Mode::Any, Mode::Any, Mode::Known, Mode::New]),
            op: random.below(10),
            wait: random.one_of(&[0, 5000, 5000]),
            max_waiters: random.one_of(&[0, 0, 1, 2]),
            polling: random.below(8) == 0,
            keep_lock: random.below(5) == 0,
            untouched: random.below(3) == 0,
            value: step.to_string().into_bytes(),
            // Another label, another creation.
            state: (random.below(3) == 0).then(|| {
                // Without an end, or before it, or after it.
                let end = random.one_of(&["", "", "4000000000000", "4000000000000", "1"]);
                let idle = random.one_of(&["", "500"]);
                // The copy of an earlier id, which still lives or is over.
                let copy = random.one_of(&["", "4000000000000:old", "0:old"]);
                format!("live|{}||{idle}|{end}||{copy}|u|{step}", random.below(2))
            }),
        };
        if command.kind == 2 && !memory.server().has_ticket(&keys) {
            // An empty BLPOP takes Redis a tenth of a second.
            continue;
        }
        let mine = &mut known[command.client];
        mine.sends += 1;
        let writes = mine.writes;
        let there = run(&mut redis[command.client], 0, &keys, &command, mine);
        mine.writes = writes;
        let here = run(&mut memory, 1, &keys, &command, mine);
        if command.kind == 5 {
            mine.writes += 1;
        }
        if begun.elapsed() > Duration::from_millis(HANDOFF_MS / 2) {
            return false;
        }
        log.push(format!(
            "{step}: client {} kind {} op {} -> {there:?}",
            command.client, command.kind, command.op
        ));
        assert_eq!(there, here, "seed {seed}, Redis left, memory right; so far:\n{}", log.join("\n"));
    }
    true
}

#[test]
fn random_commands_get_the_same_answers() {
    let server = Server::start();
    let mut settings = Settings::parse(&server.save_path(), &IniValues::default()).unwrap();
    settings.pool_size = 4;
    let settings = Arc::new(settings);
    for seed in 1..=200 {
        let done = (0..20).any(|attempt| sequence(seed, attempt, &settings));
        assert!(done, "this machine is too slow for seed {seed}");
    }
}
