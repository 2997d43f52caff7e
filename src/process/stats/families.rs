//! The rows of `rustredis_metrics()`: one line for each counter and histogram.

/// Makes [`Count`] and [`COUNTERS`] of one row for each family: its name, its meaning, the name of
/// its label, and its series, each with the label's value.
macro_rules! counters {
    ($($family:literal, $help:literal, $label:literal { $($count:ident $value:literal),* })*) => {
        /// A counter.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[allow(missing_docs, reason = "the rows tell")]
        pub enum Count {
            $($($count,)*)*
        }

        pub(super) const COUNTERS: &[Family] = &[
            $(Family { name: $family, help: $help, label: $label, series: &[$(($value, Count::$count)),*] },)*
        ];
    };
}

// A row without a label has one series with an empty value. A new row changes the layout of the
// memory, which is noticed (see `layout`).
counters! {
    "sessions_started", "Sessions that were started or read, and how: locked, only read, without locking, under an id \
     that was retired meanwhile, or not at all", "mode" {
        StartedLocked "locked", StartedRead "read", StartedUnlocked "unlocked", StartedRetired "retired",
        StartFailed "failed"
    }
    "round_trips", "Times that a process waited for an answer of a server", "" { Trips "" }
    "reconnects", "Connections that broke and were replaced", "" { Reconnects "" }
    "redirects", "Commands that a node of a Cluster sent to another node", "" { Redirects "" }
    "lock_waits", "Requests that had to wait for their turn", "" { LockWaits "" }
    "lock_failures", "Requests that did not get the lock in time, or met too many waiters", "reason" {
        LockTimeout "timeout", LockFull "full"
    }
    "locked_unchanged", "Requests that held a lock and changed nothing: their pages could use read_and_close", "" {
        LockedUnchanged ""
    }
    "unused_prefetches", "Sessions that were requested ahead, and that their page has not started", "" {
        UnusedPrefetches ""
    }
    "writes", "Writes of sessions: stored, only kept alive as nothing had changed, refused, or failed because of Redis",
     "result" {
        WritesStored "stored", WritesUnchanged "unchanged", WritesRefused "refused", WritesFailed "failed"
    }
    "writes_refused", "Refused writes, by the reason", "reason" {
        RefusedLost "lock_lost", RefusedDestroyed "destroyed", RefusedOvertaken "moved", RefusedCopy "copy", RefusedSaved "saved_before",
        RefusedChanged "changed", RefusedEnded "ended", RefusedTooLarge "too_large", RefusedReadOnly "read_only",
        RefusedUnread "unread", RefusedNotEncoded "not_encoded", RefusedForked "forked"
    }
    "errors", "Failures of Redis or on the way to it", "kind" {
        ErrorConnect "connect", ErrorPool "pool", ErrorBroken "broken", ErrorTimeout "timeout", ErrorRefused "refused",
        ErrorDemoted "demoted", ErrorProtocol "protocol", ErrorTooLarge "memory_limit"
    }
    "unknown_ids", "Ids in strict mode under which no session is stored; guessing shows here", "" { UnknownIds "" }
    "bad_ids", "Ids that cannot be session ids", "" { BadIds "" }
    "grace_reads", "Reads of the copy that a session leaves under its old id", "" { GraceReads "" }
    "sessions_ended", "Sessions that were ended, by the reason", "reason" {
        EndedLogout "logout", EndedRegenerated "regenerated", EndedRevoked "revoked", EndedLimit "limit", EndedAbsolute "absolute"
    }
    "asides", "Values that could not be decoded, and were kept aside", "" { Asides "" }
}

impl Count {
    /// The counters of all sessions that were started or read.
    pub const STARTS: [Self; 5] = [
        Self::StartedLocked,
        Self::StartedRead,
        Self::StartedUnlocked,
        Self::StartedRetired,
        Self::StartFailed,
    ];
}

/// Makes [`Observed`] and [`HISTOGRAMS`] likewise: the name, the meaning, and the bounds.
macro_rules! histograms {
    ($($observed:ident $name:literal, $help:literal, $bounds:ident)*) => {
        /// A histogram.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[allow(missing_docs, reason = "the rows tell")]
        pub enum Observed {
            $($observed,)*
        }

        pub(super) const HISTOGRAMS: &[Distribution] = &[
            $(Distribution { name: $name, help: $help, bounds: &$bounds },)*
        ];
    };
}

histograms! {
    LockWait "lock_wait_seconds", "The times for which requests waited for their turn", LOCK_TIMES
    LockHold "lock_hold_seconds", "The times for which requests held a lock", LOCK_TIMES
    PoolWait "pool_wait_seconds", "The times for which requests waited for a connection of the pool", LOCK_TIMES
    SessionBytes "session_bytes", "The sizes of stored sessions", SIZES
}

/// The histogram of each server.
pub(super) const EXCHANGE: Distribution = Distribution {
    name: "exchange_seconds",
    help: "The times from a request to Redis to its answer, without the waits for a lock",
    bounds: &EXCHANGE_TIMES,
};

pub(super) struct Family {
    pub name: &'static str,
    pub help: &'static str,
    pub label: &'static str,
    pub series: &'static [(&'static str, Count)],
}

pub(super) struct Distribution {
    pub name: &'static str,
    pub help: &'static str,
    pub bounds: &'static Bounds,
}

/// The upper bounds of a histogram's buckets. Times are in nanoseconds, and shown in seconds.
pub(super) struct Bounds {
    /// The last bucket has all larger values.
    pub upper: [u64; BUCKETS],
    pub texts: [&'static str; BUCKETS],
    /// The lowest bucket for a number whose highest bit is this one. No more than one bound lies
    /// among those numbers, so that one comparison finds the bucket.
    first: [u8; 64],
}

pub(super) const BUCKETS: usize = 16;

impl Bounds {
    const fn new(all: &[(u64, &'static str); BUCKETS - 1]) -> Self {
        let mut bounds = Self { upper: [u64::MAX; BUCKETS], texts: ["+Inf"; BUCKETS], first: [0; 64] };
        let mut i = 0;
        while i < all.len() {
            (bounds.upper[i], bounds.texts[i]) = all[i];
            i += 1;
        }
        let (mut bit, mut bucket) = (0, 0);
        while bit < 64 {
            while bounds.upper[bucket] < 1 << bit {
                bucket += 1;
            }
            let most = u64::MAX >> (63 - bit);
            assert!(bucket + 1 == BUCKETS || bounds.upper[bucket + 1] >= most, "two bounds are too near");
            #[allow(clippy::cast_possible_truncation, reason = "there are 16")]
            let first = bucket as u8;
            bounds.first[bit] = first;
            bit += 1;
        }
        bounds
    }

    /// Returns the bucket of a value.
    pub fn bucket(&self, value: u64) -> usize {
        // No index is out of range. The remainders are there for the compiler, which then leaves
        // out its checks.
        let first = usize::from(self.first[(value | 1).ilog2() as usize]) % BUCKETS;
        (first + usize::from(value > self.upper[first])) % BUCKETS
    }
}

const MS: u64 = 1_000_000;

static EXCHANGE_TIMES: Bounds = Bounds::new(&[
    (MS / 10, "0.0001"),
    (MS / 4, "0.00025"),
    (MS / 2, "0.0005"),
    (MS, "0.001"),
    (MS * 5 / 2, "0.0025"),
    (5 * MS, "0.005"),
    (10 * MS, "0.01"),
    (25 * MS, "0.025"),
    (50 * MS, "0.05"),
    (100 * MS, "0.1"),
    (250 * MS, "0.25"),
    (500 * MS, "0.5"),
    (1000 * MS, "1.0"),
    (2500 * MS, "2.5"),
    (5000 * MS, "5.0"),
]);

static LOCK_TIMES: Bounds = Bounds::new(&[
    (MS / 2, "0.0005"),
    (MS, "0.001"),
    (MS * 5 / 2, "0.0025"),
    (5 * MS, "0.005"),
    (10 * MS, "0.01"),
    (25 * MS, "0.025"),
    (50 * MS, "0.05"),
    (100 * MS, "0.1"),
    (250 * MS, "0.25"),
    (500 * MS, "0.5"),
    (1000 * MS, "1.0"),
    (2500 * MS, "2.5"),
    (5000 * MS, "5.0"),
    (10_000 * MS, "10.0"),
    (30_000 * MS, "30.0"),
]);

static SIZES: Bounds = Bounds::new(&[
    (128, "128.0"),
    (256, "256.0"),
    (512, "512.0"),
    (1 << 10, "1024.0"),
    (2 << 10, "2048.0"),
    (4 << 10, "4096.0"),
    (8 << 10, "8192.0"),
    (16 << 10, "16384.0"),
    (32 << 10, "32768.0"),
    (64 << 10, "65536.0"),
    (128 << 10, "131072.0"),
    (256 << 10, "262144.0"),
    (1 << 20, "1048576.0"),
    (4 << 20, "4194304.0"),
    (16 << 20, "16777216.0"),
]);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_in_the_first_bucket_whose_bound_it_does_not_exceed() {
        for bounds in [&EXCHANGE_TIMES, &LOCK_TIMES, &SIZES] {
            let near = bounds.upper.iter().flat_map(|bound| [bound - 1, *bound, bound.saturating_add(1)]);
            for value in near.chain((0..64).map(|bit| 1 << bit)).chain([0, u64::MAX]) {
                let expected = bounds.upper.iter().position(|bound| value <= *bound);
                assert_eq!(Some(bounds.bucket(value)), expected, "{value}");
            }
        }
    }
}
