//! The move of a session away from an id, as it is remembered for its undoing.

use crate::protocol::SessionId;

/// The move of a session away from an id.
pub struct Moved {
    id: SessionId,
    /// The token of the lock, and of the mark that the move leaves, if its answer has not come.
    token: Option<String>,
}

impl Moved {
    pub(super) fn new(id: SessionId) -> Self {
        Self { id, token: None }
    }

    /// A move of which nobody knows if Redis has carried it out.
    pub(super) fn perhaps(id: SessionId, token: String) -> Self {
        Self { id, token: Some(token) }
    }

    pub(super) fn id(&self) -> &SessionId {
        &self.id
    }

    pub(super) fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }
}
