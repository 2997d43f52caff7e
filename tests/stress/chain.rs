//! No update is lost: each session's values must be one chain, n to n + 1, of writes that were not
//! refused.

use std::collections::{BTreeMap, BTreeSet};

use super::log::{Log, Outcome, Visit};

/// A session's counter and the tag of the request that wrote it.
pub type Value = (u64, String);

/// The outcome of the writes.
#[derive(Default, Debug)]
pub struct Writes {
    pub violations: Vec<String>,
    pub accepted: usize,
    pub refused: usize,
    /// The number of writes in the chain whose request was killed, or was told of an error.
    pub unknown_there: usize,
    /// The number of such writes that are not in the chain.
    pub unknown_gone: usize,
}

/// Compares the log with the values that Redis has at the end.
pub fn check(log: &Log, finals: &BTreeMap<String, Value>) -> Writes {
    let mut writes = Writes::default();
    for (session, last) in finals {
        Session::new(log, session, last).check(&mut writes);
    }
    writes
}

struct Session<'a> {
    name: &'a str,
    last: &'a Value,
    visits: Vec<&'a Visit>,
    /// The time before and after each read, the value, and its writer.
    reads: Vec<(u64, u64, u64, &'a str)>,
    /// The writers of each value, as readers saw them.
    seen: BTreeMap<u64, BTreeSet<&'a str>>,
}

impl<'a> Session<'a> {
    fn new(log: &'a Log, name: &'a str, last: &'a Value) -> Self {
        let visits: Vec<_> = log.visits.iter().filter(|visit| visit.session == name).collect();
        let locked = visits.iter().filter_map(|visit| {
            let got = visit.got.as_ref()?;
            Some((visit.wait, got.at, got.n, got.by.as_str()))
        });
        let peeks = log.peeks.iter().filter(|peek| peek.session == name);
        let reads: Vec<_> =
            locked.chain(peeks.map(|peek| (peek.from, peek.to, peek.n, peek.by.as_str()))).collect();
        let mut seen = BTreeMap::<_, BTreeSet<_>>::new();
        for &(_, _, n, by) in &reads {
            seen.entry(n).or_default().insert(by);
        }
        seen.entry(last.0).or_default().insert(&last.1);
        Self { name, last, visits, reads, seen }
    }

    fn check(&self, writes: &mut Writes) {
        self.check_accepted(writes);
        let authors = self.authors(writes);
        self.check_links(&authors, writes);
        self.check_reads(&authors, writes);
        for visit in self.visits.iter().filter(|visit| visit.write.is_some()) {
            let there = authors.values().any(|author| author.tag == visit.tag);
            match &visit.outcome {
                Outcome::Accepted => writes.accepted += 1,
                Outcome::Refused => writes.refused += 1,
                _ if there => writes.unknown_there += 1,
                _ => writes.unknown_gone += 1,
            }
        }
    }

    fn check_accepted(&self, writes: &mut Writes) {
        let mut accepted = BTreeMap::<u64, &str>::new();
        for visit in self.visits.iter().filter(|visit| visit.outcome == Outcome::Accepted) {
            let n = value(visit);
            if let Some(other) = accepted.insert(n, &visit.tag) {
                self.report(writes, &format!("lost update: {other} and {} both saved n = {n}", visit.tag));
            }
            if n > self.last.0 {
                self.report(writes, &format!("lost update: {} saved n = {n}, which is not there", visit.tag));
            }
            if self.seen.get(&n).is_some_and(|seen| !seen.contains(visit.tag.as_str())) {
                self.report(writes, &format!("lost update: n = {n} of {} was replaced", visit.tag));
            }
        }
    }

    /// The request that wrote each value.
    fn authors(&self, writes: &mut Writes) -> BTreeMap<u64, &'a Visit> {
        let by_tag: BTreeMap<&str, &Visit> =
            self.visits.iter().map(|visit| (visit.tag.as_str(), *visit)).collect();
        let mut authors = BTreeMap::new();
        for (&n, tags) in self.seen.range(1..) {
            if tags.len() > 1 {
                self.report(writes, &format!("n = {n} was written by each of {tags:?}"));
            }
            for tag in tags {
                match by_tag.get(tag) {
                    Some(&visit) if visit.write.is_some() && value(visit) == n => {
                        if visit.outcome == Outcome::Refused {
                            self.report(
                                writes,
                                &format!("n = {n} of {tag} is there although it was refused"),
                            );
                        }
                        authors.insert(n, visit);
                    }
                    _ => self.report(writes, &format!("n = {n} is by {tag}, who never wrote it")),
                }
            }
        }
        authors
    }

    fn check_links(&self, authors: &BTreeMap<u64, &Visit>, writes: &mut Writes) {
        for n in 1..=self.last.0 {
            let Some(author) = authors.get(&n) else {
                self.report(writes, &format!("nobody wrote n = {n}"));
                continue;
            };
            let before =
                n.checked_sub(1).and_then(|n| authors.get(&n)).map_or("-", |visit| visit.tag.as_str());
            let read = author.got.as_ref().map_or("", |got| got.by.as_str());
            if read != before {
                let tag = &author.tag;
                self.report(
                    writes,
                    &format!("n = {n} of {tag} follows that of {read}, but {before} wrote last"),
                );
            }
        }
    }

    /// A read after an accepted write finds that value or a later one, and no read finds a value
    /// before it is written.
    fn check_reads(&self, authors: &BTreeMap<u64, &Visit>, writes: &mut Writes) {
        let mut accepted: Vec<(u64, u64)> = self
            .visits
            .iter()
            .filter(|visit| visit.outcome == Outcome::Accepted)
            .filter_map(|visit| Some((visit.end?, value(visit))))
            .collect();
        accepted.sort_unstable();
        let mut highest = 0;
        for (_, n) in &mut accepted {
            highest = highest.max(*n);
            *n = highest;
        }
        for &(from, to, n, by) in &self.reads {
            let before = accepted.partition_point(|(end, _)| *end < from);
            let due = before.checked_sub(1).map_or(0, |last| accepted[last].1);
            if n < due {
                self.report(writes, &format!("n = {n} of {by} was read at {from} after n = {due} was saved"));
            }
            if authors.get(&n).and_then(|author| author.write).is_some_and(|write| write > to) {
                self.report(writes, &format!("n = {n} of {by} was read at {to} before it was written"));
            }
        }
    }

    fn report(&self, writes: &mut Writes, what: &str) {
        writes.violations.push(format!("{}: {what}", self.name));
    }
}

fn value(visit: &Visit) -> u64 {
    visit.got.as_ref().map_or(0, |got| got.n + 1)
}
