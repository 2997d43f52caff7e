//! The rules of the scripts that can be taken away, for tests.

/// A rule of the scripts that a counterexample taught. Tests take one away to see that they would notice.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Rule {
    /// A release compares the lock with its token before it writes.
    CompareOnRelease,
    /// A send that arrives behind its own repeat changes nothing.
    LastSendWins,
    /// A repeated release is told what its first send did.
    Receipts,
    /// A release hands the lock to those who wait.
    HandOver,
    /// A handed-over lock lasts only until it should have been claimed.
    ShortHandOver,
    /// A ticket disappears before the lock that it stands for.
    TicketDiesFirst,
    /// A ticket that is not the lock's value is thrown away.
    VoidStaleTickets,
    /// A claim compares the lock with its ticket.
    ClaimCompares,
    /// A claim starts a whole lease.
    ClaimExtends,
    /// Each waiter has a deadline of its own.
    DeadlinePerWaiter,
    /// Who asks again does not count itself among the waiters.
    LeaveBeforeCounting,
}

/// The rules that a server follows: all of them, unless a test says otherwise.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Rules {
    without: &'static [Rule],
}

impl Rules {
    /// All rules but these.
    #[must_use]
    pub fn without(rules: &'static [Rule]) -> Self {
        Self { without: rules }
    }

    pub(super) fn have(self, rule: Rule) -> bool {
        !self.without.contains(&rule)
    }
}
