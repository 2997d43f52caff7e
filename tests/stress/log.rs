//! The logs of the workers and of the disturber, in the format that `worker.php` describes. Times
//! are nanoseconds of the system's monotonic clock.

use std::str::FromStr;

/// One request: an attempt to count in a session.
#[derive(Clone, Debug)]
pub struct Visit {
    pub worker: usize,
    pub session: String,
    /// The request's own name. A session's value carries the tag of the request that wrote it.
    pub tag: String,
    /// True for the first request of its process.
    pub is_first: bool,
    /// The time at which it asked for the session.
    pub wait: u64,
    pub got: Option<Got>,
    /// The time at which it was about to save.
    pub write: Option<u64>,
    pub outcome: Outcome,
    /// The time at which it knew the outcome, or `None` if it was killed.
    pub end: Option<u64>,
    /// The time at which its worker was seen to do something else.
    pub gone: u64,
}

/// The session as a request found it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Got {
    pub at: u64,
    pub n: u64,
    pub by: String,
    /// The time that its process waited for a CPU while it waited for the session.
    pub delayed: u64,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    Accepted,
    /// The request had lost its lock, and was told.
    Refused,
    /// The write failed in another way, and the request was told.
    Unknown(String),
    /// The request did not want to save.
    Left,
    /// The request did not get the session, and was told.
    Failed(String),
    /// The session did not exist.
    Absent,
    /// The request's process was killed.
    Killed,
}

/// A read without the lock.
#[derive(Clone, Debug)]
pub struct Peek {
    pub session: String,
    pub from: u64,
    pub to: u64,
    pub n: u64,
    pub by: String,
}

/// A disturbance of the workers or of Redis.
#[derive(Clone, Debug)]
pub struct Disturbance {
    pub from: u64,
    pub to: u64,
    /// The worker, or `None` if all workers were disturbed.
    pub worker: Option<usize>,
    pub what: &'static str,
}

#[derive(Default, Debug)]
pub struct Log {
    pub visits: Vec<Visit>,
    pub peeks: Vec<Peek>,
    /// The number of increments that the workers set out to make, each until it was accepted.
    pub planned: usize,
    /// Lines that the reader does not understand.
    pub odd: Vec<String>,
}

impl Visit {
    fn new(worker: usize, session: &str, tag: &str, wait: u64) -> Self {
        Self {
            worker,
            session: session.to_owned(),
            tag: tag.to_owned(),
            is_first: tag.ends_with(".0"),
            wait,
            got: None,
            write: None,
            outcome: Outcome::Killed,
            end: None,
            gone: u64::MAX,
        }
    }

    /// The time for which the request had the session, as far as its log knows.
    pub fn hold(&self) -> Option<(u64, u64)> {
        let got = self.got.as_ref()?.at;
        Some((got, self.end.or(self.write).unwrap_or(got)))
    }

    /// The time at which the wait was over, with or without the session.
    pub fn waited_until(&self) -> Option<u64> {
        self.got.as_ref().map(|got| got.at).or(self.end)
    }

    /// The time of the last known event.
    pub fn last(&self) -> u64 {
        self.end.or(self.write).or(self.waited_until()).unwrap_or(self.wait)
    }
}

impl Log {
    /// Adds the log of one worker.
    pub fn add(&mut self, worker: usize, text: &str) {
        let mut open: Option<Visit> = None;
        let mut peek: Option<Peek> = None;
        let mut planned = 0;
        // A line without an end was cut off when its process was killed.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        for line in whole.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            let at = number(&words, 0);
            match (words.get(1).copied().unwrap_or(""), &mut open) {
                ("start", _) => self.visits.extend(open.take().map(|killed| Visit { gone: at, ..killed })),
                ("plan", _) => planned = planned.max(number::<usize>(&words, 2) + 1),
                ("peek", _) => {
                    let session = words[2].to_owned();
                    peek = Some(Peek { session, from: at, to: at, n: 0, by: String::new() });
                }
                ("seen", _) => self.peeks.extend(peek.take().map(|peek| Peek {
                    to: at,
                    n: number(&words, 2),
                    by: words[3].to_owned(),
                    ..peek
                })),
                ("wait", None) => open = Some(Visit::new(worker, words[2], words[3], at)),
                ("got", Some(visit)) => {
                    let (n, by, delayed) = (number(&words, 2), words[3].to_owned(), number(&words, 4));
                    visit.got = Some(Got { at, n, by, delayed });
                }
                ("write", Some(visit)) => visit.write = Some(at),
                ("end", None) => {}
                (kind, Some(visit)) if outcome(kind, "").is_some() => {
                    visit.outcome = outcome(kind, &words[2..].join(" ")).expect("known by its kind");
                    (visit.end, visit.gone) = (Some(at), at);
                    self.visits.extend(open.take());
                }
                _ => self.odd.push(format!("worker {worker}: {line}")),
            }
        }
        self.visits.extend(open);
        self.planned += planned;
    }
}

fn outcome(kind: &str, why: &str) -> Option<Outcome> {
    Some(match kind {
        "ok" => Outcome::Accepted,
        "refused" => Outcome::Refused,
        "unknown" => Outcome::Unknown(why.to_owned()),
        "left" => Outcome::Left,
        "failed" => Outcome::Failed(why.to_owned()),
        "absent" => Outcome::Absent,
        _ => return None,
    })
}

fn number<T: FromStr + Default>(words: &[&str], place: usize) -> T {
    words.get(place).and_then(|word| word.parse().ok()).unwrap_or_default()
}
