//! The ids that session_regenerate_id() has left in this request.
//!
//! Other requests under such an id are late: they keep it, and store nothing. This request is not,
//! once it has destroyed the session: PHP takes the first of these ids out of the cookie again.

use std::cell::RefCell;

use crate::protocol::SessionId;

/// The number of ids that are remembered.
const MOST: usize = 16;

#[derive(Default)]
struct Left {
    ids: Vec<SessionId>,
    /// Set if the session was destroyed under its last id.
    is_ended: bool,
    /// Set if PHP has taken one of the ids out of the cookie since. It keeps that for the next
    /// session_start().
    is_taken: bool,
}

thread_local! {
    static LEFT: RefCell<Left> = RefCell::default();
}

/// Remembers an id.
pub fn note(id: &SessionId) {
    LEFT.with_borrow_mut(|left| {
        if left.ids.len() < MOST && !left.ids.contains(id) {
            left.ids.push(id.clone());
        }
    });
}

/// Notes that a session was destroyed.
pub fn note_end() {
    LEFT.with_borrow_mut(|left| (left.is_ended, left.is_taken) = (!left.ids.is_empty(), false));
}

/// Returns the ids under which no session of this request lives on, if `takes_cookie` tells that
/// PHP is about to take one out of the cookie, or has told so before. A script may name any id.
pub fn for_good(takes_cookie: impl FnOnce() -> bool) -> Vec<SessionId> {
    LEFT.with_borrow_mut(|left| {
        left.is_taken = left.is_ended && (left.is_taken || takes_cookie());
        if left.is_taken { left.ids.clone() } else { Vec::new() }
    })
}

/// Notes that the request has stored a session. Under one of these ids, it is one that another
/// request may move from now on.
pub fn note_save(id: &[u8]) {
    LEFT.with_borrow_mut(|left| {
        if left.is_taken && left.ids.iter().any(|own| own.as_str().as_bytes() == id) {
            (left.is_ended, left.is_taken) = (false, false);
        }
    });
}

/// Forgets them at the end of the request.
pub fn forget() {
    LEFT.take();
}
