//! The one place where Rust is entered from C, and what crosses there: texts, and the messages that leave.

use std::{
    cell::RefCell,
    collections::VecDeque,
    ffi::{c_char, c_int},
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    ptr, slice,
};

use crate::config::mask;

thread_local! {
    static MESSAGES: RefCell<[VecDeque<String>; 4]> = const { RefCell::new([const { VecDeque::new() }; 4]) };
}

/// When and where the C files say a text; the values are those of shim.h.
///
/// PHP decodes a session after a callback that succeeded. An application's error handler may throw, and with an exception
/// pending classes are not loaded and objects stay empty: so nothing is raised there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Say {
    /// Raised by the callback itself, which fails.
    Now = 0,
    /// Raised once nothing is decoded any more.
    Later = 1,
    /// Never raised: it goes into PHP's error log.
    Logged = 2,
    /// Likewise, where nothing is wrong now: see advice.rs.
    Advice = 3,
}

/// More texts of one kind than this are logged without waiting for a place where they can be raised, and more than that
/// have nothing new to say.
const MAX_WAITING: usize = 50;

/// Runs the body of an `extern "C"` function. A panic must not leave one (it would abort PHP): it becomes a warning and
/// `fallback`, that function's failure value.
pub fn guarded<T>(fallback: T, body: impl FnOnce() -> T) -> T {
    // Unwind safety: what a panic leaves behind half done is a session, which fallback makes PHP give up.
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|_| {
        warn("rustredis: internal error, please report it with the text that PHP's error output has".into());
        fallback
    })
}

/// Leaves the reason of a failure, for the callback that fails.
pub fn warn(text: String) {
    say(Say::Now, text);
}

/// Leaves a text for messages.c, which says it when no Rust is on the stack.
pub fn say(when: Say, text: String) {
    MESSAGES.with_borrow_mut(|messages| {
        let has_room = |when: &Say| messages[*when as usize].len() < MAX_WAITING;
        if let Some(when) = [when, Say::Logged].into_iter().find(has_room) {
            messages[when as usize].push_back(text);
        }
    });
}

/// Leaves for the log what was not raised in its request: a bailout came in between, or no close.
pub fn end_request() {
    MESSAGES.with_borrow_mut(|messages| {
        for when in [Say::Now, Say::Later] {
            let rest = mem::take(&mut messages[when as usize]);
            messages[Say::Logged as usize].extend(rest);
        }
        messages[Say::Logged as usize].truncate(MAX_WAITING);
    });
}

/// The oldest text of one kind; see shim.h.
#[unsafe(no_mangle)]
unsafe extern "C" fn rustredis_next_message(when: c_int, text: *mut c_char, size: usize) -> c_int {
    guarded(0, || {
        let Ok(when) = usize::try_from(when) else { return 0 };
        let next = MESSAGES.with_borrow_mut(|messages| messages.get_mut(when).and_then(VecDeque::pop_front));
        let Some(message) = next else { return 0 };
        // SAFETY: messages.c passes a buffer of `size` bytes.
        unsafe { copy_text(&message, text, size) };
        1
    })
}

/// What a message may show of a save path; see shim.h.
#[unsafe(no_mangle)]
unsafe extern "C" fn rustredis_mask(
    path: *const c_char,
    path_len: usize,
    text: *mut c_char,
    size: usize,
) -> c_int {
    guarded(0, || {
        // SAFETY: handler.c passes a C string with its length, and a buffer of `size` bytes.
        let path = String::from_utf8_lossy(unsafe { bytes(path, path_len) });
        let masked = mask(&path);
        // SAFETY: as above.
        unsafe { copy_text(&masked, text, size) };
        c_int::from(masked != path)
    })
}

/// Copies as much of `from` as fits, with a NUL behind it; a NUL inside would end it early.
///
/// # Safety
/// `to` is valid for writes of `size` bytes, and `size` is not 0.
pub unsafe fn copy_text(from: &str, to: *mut c_char, size: usize) {
    let len = from.floor_char_boundary(from.len().min(size - 1));
    // SAFETY: `len` is less than `size`, and the two don't overlap: `from` is ours.
    unsafe {
        ptr::copy_nonoverlapping(from.as_ptr().cast(), to, len);
        *to.add(len) = 0;
    }
}

/// A text of C's.
///
/// # Safety
/// `bytes` is valid for `len` bytes during `'a`.
pub unsafe fn bytes<'a>(bytes: *const c_char, len: usize) -> &'a [u8] {
    // SAFETY: the caller's contract.
    unsafe { slice::from_raw_parts(bytes.cast(), len) }
}
