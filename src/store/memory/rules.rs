//! The rules of the scripts that a test can take away.

/// A rule of the scripts that a counterexample has taught. Tests take each rule away to show that
/// they would notice its absence.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Rule {
    /// A release compares the lock with its token before it writes.
    CompareOnRelease,
    /// A send that arrives behind its own repeat changes nothing.
    LastSendWins,
    /// A repeated release is told what its first send did.
    Receipts,
    /// A release hands the lock to a waiter.
    HandOver,
    /// A handed-over lock lasts only as long as a waiter has time to claim it.
    ShortHandOver,
    /// A ticket disappears before the lock that it stands for.
    TicketDiesFirst,
    /// A ticket that does not match the lock's value is thrown away.
    VoidStaleTickets,
    /// A claim compares the lock with its ticket.
    ClaimCompares,
    /// A claim starts a full lease.
    ClaimExtends,
    /// Each waiter has a deadline of its own.
    DeadlinePerWaiter,
    /// A write to a session that has ended since its read is refused.
    RefuseTheDead,
    /// A repeated destroy finds the mark that it left, and does nothing.
    EndOnce,
    /// The mark of a session that goes on under another id outlives the copy under the old one.
    MarkOutlivesCopy,
    /// A request that asks again does not count itself among the waiters.
    LeaveBeforeCounting,
}

/// The rules that a server follows: all rules, except those that a test takes away.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Rules {
    without: &'static [Rule],
}

impl Rules {
    /// Returns all rules except these.
    #[must_use]
    pub fn without(rules: &'static [Rule]) -> Self {
        Self { without: rules }
    }

    pub(super) fn have(self, rule: Rule) -> bool {
        !self.without.contains(&rule)
    }
}
