//! The counts of ordinary requests with a lock, and nothing else of them: as many requests as the
//! argument says, then the metrics. tests/guard.rs compiles this program and counts its
//! instructions.

#![allow(dead_code)]

use std::env;
use std::hint::black_box;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, OnceLock};

use stats::{About, Count, Held, Meter, Observed};
use words::printable;

#[path = "../../src/process/clock.rs"]
mod clock;
#[path = "../../src/process/words.rs"]
mod words;
#[path = "../../src/process/stats/mod.rs"]
mod stats;

static SLOT: AtomicU32 = AtomicU32::new(0);

// The rest of src/process, as the counters need it in a process that never forks.

fn id() -> u32 {
    std::process::id()
}

fn slot() -> u32 {
    SLOT.load(Relaxed)
}

fn keep_slot(number: u32) {
    SLOT.store(number, Relaxed);
}

struct Shared<T>(OnceLock<Mutex<T>>);

impl<T: Default> Shared<T> {
    const fn empty() -> Self {
        Self(OnceLock::new())
    }

    fn lock(&self) -> MutexGuard<'_, T> {
        self.0.get_or_init(Mutex::default).lock().expect("there is one thread")
    }
}

fn main() {
    let requests: u64 = env::args().nth(1).and_then(|text| text.parse().ok()).expect("a number of requests");
    let meter = Meter::of("tcp://127.0.0.1:6379");
    let mut pooled = meter.pooled();
    for n in 0..requests {
        let (meter, took) = (black_box(&meter), black_box(150_000 + n));
        pooled.set_used(true);
        meter.trip();
        meter.exchange(took);
        let mut held = Held::since(meter.at(n));
        let slot = meter.at(n).slot;
        slot.add(Count::StartedLocked);
        meter.trip();
        meter.exchange(took);
        held.end_at(took);
        drop(held);
        slot.add(Count::WritesStored);
        slot.observe(Observed::SessionBytes, black_box(1000));
        black_box(&mut pooled).set_used(false);
    }
    print!("{}", stats::render(&About { version: "", php: "", sapi: "" }));
}
