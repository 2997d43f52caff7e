//! The move of a session away from an id, as it is remembered for its undoing.

use crate::protocol::SessionId;

/// The move of a session away from an id.
pub struct Moved {
    id: SessionId,
    /// The token of the mark that the move has left.
    token: String,
    /// Set if an answer tells that Redis has carried it out.
    is_sure: bool,
}

impl Moved {
    pub(super) fn new(id: SessionId, token: String, is_sure: bool) -> Self {
        Self { id, token, is_sure }
    }

    pub(super) fn id(&self) -> &SessionId {
        &self.id
    }

    pub(super) fn token(&self) -> &str {
        &self.token
    }

    pub(super) fn is_sure(&self) -> bool {
        self.is_sure
    }
}
