//! Releases of locks that their requests do not want, sent without a wait for the answer.
//!
//! A request has taken the lock of an unknown id (strict mode), or of an id that another session
//! has, and goes on at once. If such a release gets lost with its connection, the lock would stay
//! for its lease. So the pool entry of the connection keeps the release until its answer is there,
//! and hands the lock to [`renewal::give_back`] if none comes.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::renewal::{self, Home};
use crate::{
    client::connection::{Connection, Sent},
    config::Settings,
    error::StoreError,
    protocol::Keys,
};

/// The result of a look for the answer.
pub enum Looked {
    /// The answer may yet arrive.
    Pending(Box<Posted>),
    /// The release is over.
    Over,
    /// The same, and the connection is of no further use: it has gone silent, or the rest of an
    /// answer may follow.
    Spoilt,
}

/// A release whose answer nobody waits for.
pub struct Posted {
    home: Home,
    settings: Arc<Settings>,
    keys: Keys,
    token: String,
    /// The command, as it was sent over the entry's connection.
    sent: Sent,
    at: Instant,
}

impl Posted {
    /// Keeps all that is needed to give the lock of this token back.
    pub fn new(home: Home, settings: &Arc<Settings>, keys: &Keys, token: &str, sent: Sent) -> Self {
        let (settings, keys, token) = (settings.clone(), keys.clone(), token.to_owned());
        Self { home, settings, keys, token, sent, at: Instant::now() }
    }

    /// Looks for the answer.
    pub fn look(self: Box<Self>, connection: &mut Connection) -> Looked {
        let has_time = self.at.elapsed() < self.settings.read_timeout;
        // Requests may wait for this thread.
        let answer = connection.answer_if_there(self.sent, Duration::from_millis(1));
        let looked = match &answer {
            None if has_time => return Looked::Pending(self),
            Some(Ok(_) | Err(StoreError::Server(_))) => Looked::Over,
            None | Some(Err(_)) => Looked::Spoilt,
        };
        if !matches!(answer, Some(Ok(_))) {
            self.give_back();
        }
        looked
    }

    /// Ends the release before its connection is given up.
    pub fn end(self, connection: &mut Connection) {
        if !matches!(connection.arrived(self.sent), Some(Ok(_))) {
            self.give_back();
        }
    }

    /// Waits for the answer at the end of the process.
    pub fn finish(self, connection: &mut Connection, limit: Duration) {
        if connection.answer_to(self.sent, limit.min(self.settings.read_timeout)).is_err() {
            self.give_back();
        }
    }

    fn give_back(self) {
        renewal::give_back(self.home, &self.settings, &self.keys, self.token);
    }
}
