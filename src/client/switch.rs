//! Asks the sentinels for the current master while connections to it are in use.
//!
//! Sentinel demotes an old master seconds after the promotion of the new one, and all data that the
//! old master accepts in the meantime is lost. Each process therefore asks again while it works, at
//! most once a second, over a connection to a sentinel that it keeps open. The question goes out
//! before a request to the master, and a later request takes the answer if it has arrived. Two
//! requests wait for the answer if the previous one is too old: a write, and one to which the master
//! said that it does not have the session. No other request waits.

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
    process::Shared,
};

/// The time between two questions, and the largest age of an answer before a write.
const PERIOD: Duration = Duration::from_secs(1);
/// The largest age of an answer if the master does not have a session. The visitor may have logged
/// in at another master, and would be logged out here.
const FRESH: Duration = Duration::from_millis(100);
/// The longest time for which a sentinel that does not answer, or the search for another sentinel,
/// may hold up a request.
const SEARCH: Duration = Duration::from_millis(100);
/// The longest pause after a search that found no sentinel.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// The time for which a sentinel that names the previous master counts as behind the others.
/// Sentinels tell each other of a change every two seconds, but one of them may be cut off.
const BEHIND: Duration = Duration::from_secs(30);
/// The largest number of groups. A script can set `session.save_path` to any value, and further
/// groups replace the oldest.
const MAX_GROUPS: usize = 32;

/// A group of sentinels and their answers.
struct Group {
    target: Arc<Target>,
    /// The last server that confirmed its own role as the master.
    last: Endpoint,
    /// The master that a sentinel has named since then.
    named: Option<Endpoint>,
    /// The previous master, and the time when it was left.
    left: Option<(Endpoint, Instant)>,
    sentinel: Option<Connection>,
    /// Set if this sentinel has named `last`. Such a sentinel cannot name the previous master
    /// merely because it is behind.
    is_ahead: bool,
    /// The question that has no answer yet.
    pending: Option<Sent>,
    asked: Instant,
    /// The time of the last question that has an answer. The answer may have waited for as long as
    /// this process did nothing.
    heard: Instant,
    /// The number of the sentinel to search for next, after `pause`.
    turn: usize,
    pause: Duration,
}

/// The age that the last answer of the sentinels may have.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// Any age: nothing waits for an answer.
    Last,
    /// The answer is good enough for a write.
    Recent,
    /// The answer is good enough to believe that a session does not exist.
    Fresh,
}

impl Word {
    /// Returns the largest age, if there is one.
    fn age(self) -> Option<Duration> {
        match self {
            Self::Last => None,
            Self::Recent => Some(PERIOD),
            Self::Fresh => Some(FRESH),
        }
    }
}

static GROUPS: Shared<Vec<Group>> = Shared::empty();

/// Returns the master that this process knows, and the master that was left lately.
pub fn known(target: &Arc<Target>) -> (Option<Endpoint>, Option<Endpoint>) {
    let (last, left) = GROUPS.lock().iter().find(|group| group.is_of(target)).map(Group::before).unzip();
    (last, left.flatten().map(|(master, _)| master))
}

/// Opens a connection to the master. Returns it together with the master's address.
pub fn open(
    sentinel: &Sentinel,
    target: &Arc<Target>,
    timeouts: Timeouts,
    probe: &str,
) -> Result<(Connection, Endpoint), StoreError> {
    let known = GROUPS.lock().iter().find(|group| group.is_of(target)).map(Group::before);
    let (last, left) = known.unzip();
    let left = left.flatten();
    let left_now = left.as_ref().map(|(master, _)| master);
    let Found { connection, master, sentinel } =
        sentinel::open(sentinel, target, timeouts, last, left_now, Some(probe))?;
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

/// Returns true if the sentinels name another master than `to`. A word that is too old is waited
/// for, but for no longer than [`SEARCH`] for each of two sentinels.
pub fn has_moved(sentinel: &Sentinel, target: &Arc<Target>, to: &Endpoint, word: Word) -> bool {
    let mut groups = GROUPS.lock();
    let Some(group) = groups.iter_mut().find(|group| group.is_of(target)) else { return false };
    let had_sentinel = group.sentinel.is_some();
    let mut searched = group.go_on(sentinel);
    group.await_word(sentinel, word);
    if word == Word::Fresh && had_sentinel && searched.is_none() && group.sentinel.is_none() {
        searched = Some(group.next_turn());
    }
    if let Some(node) = searched.and_then(|turn| sentinel.nodes.get(turn % sentinel.nodes.len().max(1))) {
        // Other threads do not wait for the search.
        drop(groups);
        let found =
            sentinel::connect(sentinel, node, target, Timeouts { connect: SEARCH, read: SEARCH }).ok();
        groups = GROUPS.lock();
        let Some(group) = groups.iter_mut().find(|group| group.is_of(target)) else { return false };
        group.pause = if found.is_some() { PERIOD } else { (group.pause * 2).min(LONGEST_PAUSE) };
        group.sentinel = found;
        group.is_ahead = false;
        group.ask(sentinel);
        group.await_word(sentinel, word);
        return group.names_another(to);
    }
    group.names_another(to)
}

impl Group {
    fn is_of(&self, target: &Arc<Target>) -> bool {
        Arc::ptr_eq(&self.target, target) || self.target == *target
    }

    /// Returns the last master, and the master that was left lately. If a sentinel has named
    /// another master since, the last master is also the one that was left.
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

    /// Takes the answer if it has arrived, and asks again if the time has come. If there is no
    /// sentinel to ask, returns the number of the sentinel to search for.
    fn go_on(&mut self, sentinel: &Sentinel) -> Option<usize> {
        if let (Some(connection), Some(sent)) = (&mut self.sentinel, self.pending)
            && let Some(answer) = connection.answer_if_there(sent, SEARCH)
        {
            self.take(sentinel, answer);
        }
        if self.asked.elapsed() < self.pause {
            return None;
        }
        if self.pending.take().is_some() {
            // The sentinel had a whole period to answer.
            self.sentinel = None;
        }
        self.ask(sentinel);
        if self.sentinel.is_some() {
            return None;
        }
        Some(self.next_turn())
    }

    /// Returns the number of the sentinel to search for now.
    fn next_turn(&mut self) -> usize {
        self.asked = Instant::now();
        self.turn = self.turn.wrapping_add(1);
        self.turn
    }

    fn await_word(&mut self, sentinel: &Sentinel, word: Word) {
        let Some(age) = word.age() else { return };
        if self.heard.elapsed() < age {
            return;
        }
        if self.asked.elapsed() >= age {
            // The answer to an older question may be as old as that question.
            if let (Some(connection), Some(sent)) = (&mut self.sentinel, self.pending.take()) {
                connection.forget(sent);
            }
            self.ask(sentinel);
        }
        if let (Some(connection), Some(sent)) = (&mut self.sentinel, self.pending) {
            let answer = connection.answer_to(sent, SEARCH);
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
                self.heard = self.asked;
            }
            Err(_) => self.sentinel = None,
        }
    }

    fn ask(&mut self, sentinel: &Sentinel) {
        let Some(connection) = &mut self.sentinel else { return };
        match connection.send_awaited(&mut sentinel::question(sentinel), SEARCH) {
            Ok(sent) => {
                self.pending = Some(sent);
                self.asked = Instant::now();
            }
            Err(_) => self.sentinel = None,
        }
    }
}
