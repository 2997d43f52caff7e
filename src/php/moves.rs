//! The session that session_regenerate_id() has moved away from its id, until the function returns.
//!
//! PHP can still give the change of the id up: a handler class throws, exits or fails after its
//! parent has moved the session, or the new session cannot be opened. No browser learns of the new
//! id then, and the session comes back to the old one. The same is tried if no answer tells whether
//! the session was moved.

use std::{cell::Cell, sync::Arc};

use super::mod_data::beside;
use crate::{
    config::Settings,
    process,
    session::{Moved, Session},
    store::redis::RedisStore,
};

struct Move {
    pid: u32,
    settings: Arc<Settings>,
    moved: Moved,
    /// The TTL that the session has if it comes back, in seconds.
    ttl: u64,
}

thread_local! {
    static LAST: Cell<Option<Move>> = const { Cell::new(None) };
}

/// Notes a move, if the session was just moved, or may have been.
pub fn note(session: &mut Session<RedisStore>, ttl: u64) {
    if let Some(moved) = session.take_moved() {
        let ttl = session.ttl_of_return(ttl);
        LAST.set(Some(Move { pid: process::id(), settings: session.settings().clone(), moved, ttl }));
    }
}

/// PHP goes on under the new id.
pub fn complete() {
    LAST.set(None);
}

/// PHP does not go on under the new id.
pub fn undo() {
    if let Some(Move { settings, moved, ttl, .. }) = LAST.take().filter(|last| last.pid == process::id()) {
        beside(settings, |session| {
            session.bring_back(&moved, ttl);
        });
    }
}
