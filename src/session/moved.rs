//! The move of a session away from an id, as it is remembered for its undoing.

use crate::protocol::SessionId;

/// The move of a session away from an id.
#[derive(Clone)]
pub struct Moved {
    id: SessionId,
    /// The token of the mark that the move has left.
    token: String,
    /// Set if an answer tells that Redis has carried it out.
    is_sure: bool,
    /// The id that the session has left since without being stored under it, if it has. A browser
    /// may have this one.
    unsaved: Option<SessionId>,
    /// The list of the user that it had when it was moved last.
    list: String,
}

impl Moved {
    pub(super) fn new(id: SessionId, token: String, is_sure: bool, list: String) -> Self {
        Self { id, token, is_sure, unsaved: None, list }
    }

    /// The same move, after another one away from an id under which nothing was stored.
    pub(super) fn then_from(&self, unsaved: SessionId, list: String) -> Self {
        Self { unsaved: Some(unsaved), list, ..self.clone() }
    }

    pub(super) fn id(&self) -> &SessionId {
        &self.id
    }

    pub(super) fn token(&self) -> &str {
        &self.token
    }

    pub(super) fn unsaved(&self) -> Option<&SessionId> {
        self.unsaved.as_ref()
    }

    pub(super) fn list(&self) -> &str {
        &self.list
    }

    pub(super) fn is_sure(&self) -> bool {
        self.is_sure
    }
}
