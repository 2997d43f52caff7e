//! The access that a request wants.

/// The use that a request makes of its session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// Reads the session and perhaps writes it. Takes the lock, if locking is on.
    Update,
    /// Only reads the session (`read_and_close`).
    Read,
}

impl Access {
    /// The access of a request that only reads, or of any other one.
    #[must_use]
    pub fn of(only_reads: bool) -> Self {
        if only_reads { Self::Read } else { Self::Update }
    }
}
