//! The clock that PHP's `hrtime()` reads. Rust's `Instant` does not tell its number.

use std::time::Instant;

use crate::support::php::Php;

#[derive(Clone, Copy)]
pub struct Clock {
    start: Instant,
    /// The time of PHP's clock at `start`.
    shown: u64,
}

impl Clock {
    /// Asks PHP for the time until an answer is fast enough.
    pub fn set(php: &Php) -> Self {
        let mut php = php.spawn(r#"while (fgets(STDIN)) fwrite(STDOUT, "time " . hrtime(true) . "\n");"#);
        let ask = |_| {
            let before = Instant::now();
            php.send("now");
            let (_, shown) = php.expect("time ");
            (before.elapsed(), before, shown)
        };
        let (trip, before, shown) = (0..50).map(ask).min_by_key(|asked| asked.0).expect("it was asked");
        Self { start: before + trip / 2, shown: shown.parse().expect("hrtime is a number") }
    }

    /// The time in nanoseconds.
    pub fn now(&self) -> u64 {
        self.shown + u64::try_from(self.start.elapsed().as_nanos()).expect("no run lasts centuries")
    }
}
