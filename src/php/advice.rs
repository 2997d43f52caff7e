//! Advice: things that an operator should change one day, although everything works. Advice shows
//! in phpinfo() and in `rustredis_status()`, and each process writes it once into the error log. It
//! is never raised, because applications take any message of session_start() for a failure.

use std::ffi::{c_char, c_int};

use super::{
    boundary::{Say, copy_text, guarded, say},
    shared,
};
use crate::process::PerProcess;

/// The most pieces of advice to keep. There are few kinds of advice, but a script can set a value
/// to anything.
const MAX: usize = 16;

static GIVEN: PerProcess<Vec<String>> = PerProcess::new(Vec::new());

/// Gives a piece of advice, once in a process.
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
        let given = GIVEN.lock();
        let all = shared::advice().into_iter().chain(given.iter().map(String::as_str));
        let Some(advice) = all.skip(index).map(str::to_owned).next() else { return 0 };
        drop(given);
        // SAFETY: info.c passes a buffer of `size` bytes.
        unsafe { copy_text(&advice, text, size) };
        1
    })
}
