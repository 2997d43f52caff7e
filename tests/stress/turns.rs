//! One at a time, first come, first served, and no wait without a bound.

use std::collections::{BTreeMap, BTreeSet};

use super::log::{Disturbance, Log, Outcome, Visit};
use super::probe::Slowness;

const MS: u64 = 1_000_000;
/// The time after a disturbance during which its consequences may last.
const AFTERMATH: u64 = 3000 * MS;
/// The most that one disturbance may cost the waiting requests: a lease, a hand-over that no
/// request takes, and some slack.
const STALL: u64 = 2250 * MS;
/// Requests that came closer to each other than this came together.
const TOGETHER: u64 = 5 * MS;
/// Below this, a busy machine may have kept the overtaken process from asking. Such cases must be
/// rare.
const CLEARLY_LATER: u64 = 100 * MS;
const RARE: usize = 200;
/// A request that waits longer than this asks again, which costs the place in the queue. The value
/// is three quarters of the longest block.
const ONE_BLOCK: u64 = 600 * MS;
/// The most that a hand-over may cost, and any wait, while nothing disturbs it. A busy machine may
/// hold up the proxy, whose delays are not logged. A missed wake-up costs most of a lease.
const HAND_OVER: u64 = 5 * MS;
const ANY_WAIT: u64 = 200 * MS;

/// The results of the waits.
#[derive(Default, Debug)]
pub struct Turns {
    pub violations: Vec<String>,
    /// Undisturbed pairs of requests of which one came later while the other waited.
    pub pairs: usize,
    /// Requests that came first and were served later, and by how much.
    pub overtaken: Vec<String>,
    /// The longest wait, in nanoseconds.
    pub longest_wait: u64,
    pub longest_calm_wait: u64,
    /// The longest undisturbed time during which a session was free although a request waited for
    /// it.
    pub longest_calm_idle: u64,
    /// Times from one request's write to the next one's start, sorted.
    pub hand_overs: Vec<u64>,
    pub calm: usize,
}

/// Judges the log. `longest` is the limit of any wait, in nanoseconds.
pub fn check(log: &Log, disturbances: &[Disturbance], slow: &Slowness, longest: u64) -> Turns {
    let mut turns = Turns::default();
    let troubles: Vec<_> = disturbances.iter().map(|disturbance| Trouble::new(disturbance, log)).collect();
    let mut sessions = BTreeMap::<&str, Vec<&Visit>>::new();
    for visit in &log.visits {
        sessions.entry(&visit.session).or_default().push(visit);
    }
    for (name, mut visits) in sessions {
        visits.sort_by_key(|visit| visit.wait);
        let here: Vec<_> = troubles.iter().filter(|trouble| trouble.meets(name)).collect();
        let session = Session { name, visits, troubles: here, slow };
        session.check_exclusion(&mut turns);
        session.check_calm(&mut turns);
        session.check_order(&mut turns);
        session.check_waits(longest, &mut turns);
    }
    turns.hand_overs.sort_unstable();
    if turns.overtaken.len() > 1 + turns.pairs / RARE {
        turns.violations.push(format!("no order: {:#?}", turns.overtaken));
    }
    turns
}

/// A disturbance, with the sessions that it can have met.
struct Trouble<'a> {
    by: &'a Disturbance,
    /// The sessions, or `None` for all.
    sessions: Option<BTreeSet<&'a str>>,
}

impl<'a> Trouble<'a> {
    fn new(by: &'a Disturbance, log: &'a Log) -> Self {
        let sessions = by.worker.map(|worker| {
            let theirs = log.visits.iter().filter(|visit| visit.worker == worker);
            // The worker went on for a moment after the decision.
            theirs
                .filter(|visit| visit.wait <= by.to && visit.gone >= by.from)
                .map(|visit| visit.session.as_str())
                .collect()
        });
        Self { by, sessions }
    }

    fn meets(&self, session: &str) -> bool {
        self.sessions.as_ref().is_none_or(|sessions| sessions.contains(session))
    }
}

struct Session<'a> {
    name: &'a str,
    /// The visits, in the order in which they came.
    visits: Vec<&'a Visit>,
    troubles: Vec<&'a Trouble<'a>>,
    slow: &'a Slowness,
}

impl Session<'_> {
    fn in_trouble(&self, from: u64, to: u64) -> impl Iterator<Item = &Disturbance> {
        let meets = move |by: &&Disturbance| by.from <= to && by.to + AFTERMATH >= from;
        self.troubles.iter().map(|trouble| trouble.by).filter(meets)
    }

    fn is_calm(&self, from: u64, to: u64) -> bool {
        self.in_trouble(from, to).next().is_none()
    }

    /// Two requests whose writes were both accepted never had the session at once. In calm times,
    /// no two requests had it at once at all.
    fn check_exclusion(&self, turns: &mut Turns) {
        let mut holds: Vec<(u64, u64, &Visit)> = self
            .visits
            .iter()
            .filter(|visit| matches!(visit.outcome, Outcome::Accepted | Outcome::Left))
            .filter_map(|visit| {
                let got = visit.got.as_ref()?.at;
                Some((got, visit.write.unwrap_or(got), *visit))
            })
            .collect();
        holds.sort_by_key(|hold| hold.0);
        for pair in holds.windows(2) {
            let ((_, left, first), (came, _, second)) = (pair[0], pair[1]);
            let accepted = [first, second].iter().all(|visit| visit.outcome == Outcome::Accepted);
            if came < left && (accepted || self.is_calm(first.wait, second.last())) {
                self.report(turns, &format!("{} and {} had it at once", first.tag, second.tag));
            }
            if first.write.is_some() && second.wait < left && self.is_calm(first.wait, came) {
                turns.hand_overs.push(came.saturating_sub(left));
            }
        }
    }

    /// While nothing is disturbed, everything works.
    fn check_calm(&self, turns: &mut Turns) {
        for visit in &self.visits {
            if !self.is_calm(visit.wait, visit.gone.min(visit.last() + AFTERMATH)) {
                continue;
            }
            turns.calm += 1;
            if !matches!(visit.outcome, Outcome::Accepted | Outcome::Left) {
                self.report(turns, &format!("without a cause: {} {:?}", visit.tag, visit.outcome));
            }
        }
    }

    fn check_order(&self, turns: &mut Turns) {
        for (place, first) in self.visits.iter().enumerate() {
            let Some(got) = &first.got else { continue };
            // A process that has to connect first is not in the queue yet when its log says so.
            if first.is_first || got.at - first.wait > ONE_BLOCK || !self.is_calm(first.wait, got.at) {
                continue;
            }
            let behind = self.visits[place..].iter().take_while(|second| second.wait < got.at);
            let mut overtaken = None;
            for second in behind {
                // The first request's command may have reached Redis this much later than its log
                // says.
                let late = got.delayed + self.slow.within(first.wait, second.wait);
                if second.wait < first.wait + TOGETHER + late {
                    continue;
                }
                turns.pairs += 1;
                if second.got.as_ref().is_some_and(|second| second.at < got.at) {
                    overtaken = Some(second);
                }
            }
            let Some(second) = overtaken else { continue };
            let later = second.wait - first.wait;
            let what = format!("{} overtook {}, who came {} ms earlier", second.tag, first.tag, later / MS);
            if later > CLEARLY_LATER {
                self.report(turns, &what);
            }
            turns.overtaken.push(format!("{}: {what}", self.name));
        }
    }

    fn check_waits(&self, longest: u64, turns: &mut Turns) {
        let mut holds: Vec<(u64, u64)> = self
            .visits
            .iter()
            .filter(|visit| matches!(visit.outcome, Outcome::Accepted | Outcome::Left))
            .filter_map(|visit| visit.hold())
            .collect();
        holds.sort_unstable();
        for visit in &self.visits {
            let Some(until) = visit.waited_until() else { continue };
            let wait = until - visit.wait;
            turns.longest_wait = turns.longest_wait.max(wait);
            let idle = idle(&holds, visit.wait, until);
            let mut allowed = ANY_WAIT + self.delays(visit.wait, until);
            let mut stopped = 0;
            let mut calm = true;
            for trouble in self.in_trouble(visit.wait, until) {
                calm = false;
                let length = trouble.to - trouble.from;
                allowed += STALL;
                if trouble.worker.is_none_or(|worker| worker == visit.worker) {
                    allowed += length;
                    stopped += length;
                }
            }
            if calm {
                turns.longest_calm_wait = turns.longest_calm_wait.max(wait);
                turns.longest_calm_idle = turns.longest_calm_idle.max(idle);
            }
            if idle > allowed {
                let (idle, allowed) = (idle / MS, allowed / MS);
                let what =
                    format!("{} waited {idle} ms while nobody had it; {allowed} were allowed", visit.tag);
                self.report(turns, &what);
            }
            if wait > longest + stopped {
                self.report(turns, &format!("{} waited for {} ms", visit.tag, wait / MS));
            }
        }
    }

    /// The most that the hand-overs of this time may have cost, including the delays of the
    /// machine.
    fn delays(&self, from: u64, to: u64) -> u64 {
        let first = self.visits.partition_point(|visit| visit.wait + 60_000 * MS < from);
        let near = self.visits[first..].iter().take_while(|visit| visit.wait < to);
        let served = near.filter_map(|visit| visit.got.as_ref()).filter(|got| got.at >= from && got.at <= to);
        served.map(|got| got.delayed + HAND_OVER).sum::<u64>() + self.slow.within(from, to)
    }

    fn report(&self, turns: &mut Turns, what: &str) {
        turns.violations.push(format!("{}: {what}", self.name));
    }
}

/// The time between `from` and `to` during which the session was free.
fn idle(holds: &[(u64, u64)], from: u64, to: u64) -> u64 {
    // No hold is longer than a minute.
    let first = holds.partition_point(|hold| hold.0 + 60_000 * MS < from);
    let (mut idle, mut held_until) = (0, from);
    for &(got, left) in holds[first..].iter().take_while(|hold| hold.0 < to).filter(|hold| hold.1 > from) {
        idle += got.saturating_sub(held_until);
        held_until = held_until.max(left);
    }
    idle + to.saturating_sub(held_until)
}
