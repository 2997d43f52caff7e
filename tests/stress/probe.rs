//! The response time of Redis throughout a run. On a busy machine, or with a busy disk, every
//! process is late. Such a delay is no fault, and must be told from a late lock.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use redis::{Client, Connection, ConnectionInfo};

use super::clock::Clock;

/// An answer that takes longer, in nanoseconds, is slow.
const SLOW: u64 = 3_000_000;
const PAUSE: Duration = Duration::from_millis(2);

/// Measures all the time, in a thread of its own.
pub struct Probe {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Slowness>,
}

/// The times during which Redis was slow, as pairs of beginning and end in order.
#[derive(Default, Debug)]
pub struct Slowness(Vec<(u64, u64)>);

impl Probe {
    pub fn start(server: ConnectionInfo, clock: Clock) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let client = Client::open(server).expect("the test's own server has an address");
        Self { stop, thread: thread::spawn(move || watch(&client, clock, &stopped)) }
    }

    pub fn stop(self) -> Slowness {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("the probe does not panic")
    }
}

fn watch(client: &Client, clock: Clock, stop: &AtomicBool) -> Slowness {
    let mut slow = Vec::new();
    let mut connection = None;
    let mut from = clock.now();
    while !stop.load(Ordering::Relaxed) {
        if connection.is_none() {
            connection = client.get_connection_with_timeout(Duration::from_secs(1)).ok();
        }
        if connection.as_mut().is_some_and(answers) {
            let now = clock.now();
            if now - from > SLOW {
                slow.push((from, now));
            }
            thread::sleep(PAUSE);
            from = clock.now().min(now + 2 * SLOW);
        } else {
            connection = None;
            thread::sleep(PAUSE);
        }
    }
    Slowness(slow)
}

fn answers(connection: &mut Connection) -> bool {
    redis::cmd("PING").query::<String>(connection).is_ok()
}

impl Slowness {
    /// The part of this time during which Redis was slow.
    pub fn within(&self, from: u64, to: u64) -> u64 {
        let first = self.0.partition_point(|slow| slow.1 <= from);
        let slow = self.0[first..].iter().take_while(|slow| slow.0 < to);
        slow.map(|slow| slow.1.min(to).saturating_sub(slow.0.max(from))).sum()
    }

    /// Counts these times as slow, too.
    pub fn add(&mut self, times: &[(u64, u64)]) {
        let mut all = [self.0.as_slice(), times].concat();
        all.sort_unstable();
        self.0.clear();
        for (from, to) in all {
            match self.0.last_mut() {
                Some(last) if from <= last.1 => last.1 = last.1.max(to),
                _ => self.0.push((from, to)),
            }
        }
    }

    pub fn total(&self) -> u64 {
        self.within(0, u64::MAX)
    }
}
