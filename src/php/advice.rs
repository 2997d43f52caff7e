//! What an operator should change one day, although all works: it shows in phpinfo() and in `rustredis_status()`, and is
//! written into the error log once by each process. It is never raised: applications take any message of
//! session_start() for a failure.

use std::ffi::{c_char, c_int};

use super::boundary::{Say, copy_text, guarded, say};
use crate::process::Own;

/// There are few kinds of advice, but a script can set a value to anything.
const MAX: usize = 16;

static GIVEN: Own<Vec<String>> = Own::new(Vec::new());

/// Gives an advice, once in a process.
pub fn advise(text: String) {
    let mut given = GIVEN.lock();
    if given.len() < MAX && !given.contains(&text) {
        given.push(text.clone());
        drop(given);
        say(Say::Advice, text);
    }
}

/// See shim.h.
#[unsafe(no_mangle)]
unsafe extern "C" fn rustredis_advice_get(index: usize, text: *mut c_char, size: usize) -> c_int {
    guarded(0, || {
        let Some(advice) = GIVEN.lock().get(index).cloned() else { return 0 };
        // SAFETY: info.c passes a buffer of `size` bytes.
        unsafe { copy_text(&advice, text, size) };
        1
    })
}
