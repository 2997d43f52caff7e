//! What the sentinels say of the master while connections to it are in use.
//!
//! Sentinel demotes an old master seconds after it has promoted the new one, and whatever the old one takes until then is
//! lost. So each process asks again while it works, at most once a second, over a connection to a sentinel that it
//! keeps. The question goes out before a request to the master, and its answer is taken when one of the next finds it there.
//! Only a write that finds the last word too old waits for the next one.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use redis::Value;

use super::{
    connection::{Connection, Sent},
    sentinel::{self, Found},
    stream::Timeouts,
};
use crate::{
    config::{Endpoint, Sentinel, Target},
    error::StoreError,
    process::PerProcess,
};

/// How old the last word of a sentinel may be.
const PERIOD: Duration = Duration::from_secs(1);
/// How long a request may be held up by a sentinel that does not answer, or while another is looked for ...
const SEARCH: Duration = Duration::from_millis(100);
/// ... and for how long at most none is looked for after that was in vain.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// So long a sentinel that names the master which was left is held to be behind the others. They tell each other every two
/// seconds, but one may be cut off.
const BEHIND: Duration = Duration::from_secs(30);
/// A script can set session.save_path to anything: more groups than this replace the oldest ones.
const MAX_GROUPS: usize = 32;

/// One group of sentinels, and what they said.
struct Group {
    target: Arc<Target>,
    /// The last one that said of itself that it is the master.
    last: Endpoint,
    /// What was named since.
    named: Option<Endpoint>,
    /// The one before, and when it was left.
    left: Option<(Endpoint, Instant)>,
    sentinel: Option<Connection>,
    /// That sentinel has named `last`: it does not go back to the master before by being behind.
    is_ahead: bool,
    /// A question without an answer yet.
    pending: Option<Sent>,
    asked: Instant,
    heard: Instant,
    /// Whom to look for next, and after which pause.
    turn: usize,
    pause: Duration,
}

/// Only request threads lock it.
static GROUPS: PerProcess<Vec<Group>> = PerProcess::new(Vec::new());

/// A connection to the master.
pub fn open(
    sentinel: &Sentinel,
    target: &Arc<Target>,
    timeouts: Timeouts,
) -> Result<(Connection, Endpoint), StoreError> {
    let known = GROUPS.lock().iter().find(|group| group.is_of(target)).map(Group::before);
    let (last, left) = known.unzip();
    let left = left.flatten();
    let left_now = left.as_ref().map(|(master, _)| master);
    let Found { connection, master, mut sentinel } =
        sentinel::open(sentinel, target, timeouts, last, left_now)?;
    if let Some(sentinel) = &mut sentinel {
        sentinel.allow(SEARCH);
    }
    let mut groups = GROUPS.lock();
    groups.retain(|group| !group.is_of(target));
    if groups.len() == MAX_GROUPS {
        groups.remove(0);
    }
    groups.push(Group {
        target: target.clone(),
        left: left.filter(|(left, _)| *left != master),
        last: master.clone(),
        named: None,
        is_ahead: sentinel.is_some(),
        sentinel,
        pending: None,
        asked: Instant::now(),
        heard: Instant::now(),
        turn: 0,
        pause: PERIOD,
    });
    Ok((connection, master))
}

/// Whether the sentinels name another master than `to`. Before a write the last word of them must not be old.
pub fn has_moved(sentinel: &Sentinel, target: &Arc<Target>, to: &Endpoint, before_write: bool) -> bool {
    let mut groups = GROUPS.lock();
    let Some(group) = groups.iter_mut().find(|group| group.is_of(target)) else { return false };
    let searched = group.go_on(sentinel);
    if before_write {
        group.await_word(sentinel);
    }
    if let Some(node) = searched.and_then(|turn| sentinel.nodes.get(turn % sentinel.nodes.len().max(1))) {
        // Others go on meanwhile.
        drop(groups);
        let found =
            sentinel::connect(sentinel, node, target, Timeouts { connect: SEARCH, read: SEARCH }).ok();
        groups = GROUPS.lock();
        let Some(group) = groups.iter_mut().find(|group| group.is_of(target)) else { return false };
        group.pause = if found.is_some() { PERIOD } else { (group.pause * 2).min(LONGEST_PAUSE) };
        group.sentinel = found;
        group.is_ahead = false;
        group.ask(sentinel);
        return group.names_another(to);
    }
    group.names_another(to)
}

impl Group {
    fn is_of(&self, target: &Arc<Target>) -> bool {
        Arc::ptr_eq(&self.target, target) || self.target == *target
    }

    /// The last master, and the one that was left lately: the last one itself if another was named since.
    fn before(&self) -> (Endpoint, Option<(Endpoint, Instant)>) {
        let left = match &self.named {
            Some(named) if *named != self.last => Some((self.last.clone(), Instant::now())),
            _ => self.left.clone().filter(|(_, at)| at.elapsed() < BEHIND),
        };
        (self.last.clone(), left)
    }

    fn is_behind(&self, master: &Endpoint) -> bool {
        let is_left = |(left, at): &(Endpoint, Instant)| left == master && at.elapsed() < BEHIND;
        !self.is_ahead && self.left.as_ref().is_some_and(is_left)
    }

    fn names_another(&self, than: &Endpoint) -> bool {
        self.named.as_ref().is_some_and(|named| named != than)
    }

    /// Takes an answer that is there, and asks if it is time to. Returns whom to look for if there is no sentinel to ask.
    fn go_on(&mut self, sentinel: &Sentinel) -> Option<usize> {
        if let (Some(connection), Some(sent)) = (&mut self.sentinel, self.pending)
            && let Some(answer) = connection.answer_if_there(sent)
        {
            self.take(sentinel, answer);
        }
        if self.asked.elapsed() < self.pause {
            return None;
        }
        if self.pending.take().is_some() {
            // It has had a whole period to answer.
            self.sentinel = None;
        }
        self.ask(sentinel);
        if self.sentinel.is_some() {
            return None;
        }
        self.asked = Instant::now();
        self.turn = self.turn.wrapping_add(1);
        Some(self.turn)
    }

    fn await_word(&mut self, sentinel: &Sentinel) {
        if self.heard.elapsed() >= PERIOD
            && let (Some(connection), Some(sent)) = (&mut self.sentinel, self.pending)
        {
            let answer = connection.answer_to(sent);
            self.take(sentinel, answer);
        }
    }

    fn take(&mut self, sentinel: &Sentinel, answer: Result<Value, StoreError>) {
        self.pending = None;
        match answer.and_then(|answer| sentinel::answer(sentinel, answer)) {
            Ok(master) => {
                if !self.is_behind(&master) {
                    self.named = Some(master);
                }
                self.heard = Instant::now();
            }
            Err(_) => self.sentinel = None,
        }
    }

    fn ask(&mut self, sentinel: &Sentinel) {
        let Some(connection) = &mut self.sentinel else { return };
        match connection.send_awaited(&mut sentinel::question(sentinel)) {
            Ok(sent) => {
                self.pending = Some(sent);
                self.asked = Instant::now();
            }
            Err(_) => self.sentinel = None,
        }
    }
}
