//! Random trials that a seed repeats: a fixed number of them in `make test`, and as many as fit in
//! `FUZZ_SECONDS` in `make fuzz`.

use std::fmt;
use std::panic::{self, AssertUnwindSafe};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::random::Random;

/// The seed and the number of trials of a run.
pub struct Done {
    name: &'static str,
    pub trials: u64,
    seed: u64,
    took: Duration,
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, trials, seed, took } = self;
        write!(f, "{name}: {trials} trials in {took:.1?}, FUZZ_SEED={seed}")
    }
}

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

/// `FUZZ_SECONDS`
pub fn seconds() -> Option<Duration> {
    number("FUZZ_SECONDS").map(Duration::from_secs)
}

/// Runs `count` trials, or as many as there is time for, each with random numbers of its own. A
/// trial that panics is named by `FUZZ_SEED` and `FUZZ_TRIAL`, so that it can be run alone.
pub fn run(name: &'static str, count: u64, mut trial: impl FnMut(&mut Random)) -> Done {
    let seconds = seconds();
    // Each long run takes another seed.
    let fresh = || {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
        now.as_secs() << 20 ^ u64::from(now.subsec_micros())
    };
    let seed = number("FUZZ_SEED").unwrap_or_else(|| if seconds.is_some() { fresh() } else { 1 });
    let start = Instant::now();
    let alone = number("FUZZ_TRIAL");
    let mut trials = 0;
    loop {
        let over = match (alone, seconds) {
            (Some(_), _) => trials > 0,
            (None, Some(seconds)) => start.elapsed() >= seconds,
            (None, None) => trials >= count,
        };
        if over {
            return Done { name, trials, seed, took: start.elapsed() };
        }
        let number = alone.unwrap_or(trials);
        let mut random = Random::new(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ number);
        if let Err(panic) = panic::catch_unwind(AssertUnwindSafe(|| trial(&mut random))) {
            eprintln!("{name}: again with FUZZ_SEED={seed} FUZZ_TRIAL={number}");
            panic::resume_unwind(panic);
        }
        trials += 1;
    }
}
