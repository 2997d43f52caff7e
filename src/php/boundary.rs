//! The one place where C enters Rust, and the texts and messages that cross this boundary.

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

/// The time and place at which the C files report a text; the values are those of shim.h.
///
/// PHP decodes a session after a successful callback. An application's error handler may throw, and
/// while an exception is pending, classes are not loaded and objects stay empty, so a successful
/// callback raises nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Say {
    /// Raised by the failing callback itself.
    Now = 0,
    /// Raised as soon as PHP decodes nothing any more.
    Later = 1,
    /// Never raised, but written into PHP's error log.
    Logged = 2,
    /// Logged likewise, but about a state that works; see advice.rs.
    Advice = 3,
}

/// The most texts of one kind that wait for a place to be raised. Further texts are logged, and if
/// the log has as many already, they are dropped, because they have nothing new to say.
const MAX_WAITING: usize = 50;

/// Runs the body of an `extern "C"` function. A panic must not leave the function, because that
/// would abort PHP: it becomes a warning and `fallback`, the failure value of that function.
pub fn guarded<T>(fallback: T, body: impl FnOnce() -> T) -> T {
    // Unwind safety: a panic may leave a session in an incomplete state, but `fallback` makes PHP
    // give that session up.
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|_| {
        warn("rustredis: internal error, please report it with the text that PHP's error output has".into());
        fallback
    })
}

/// Stores the reason of a failure, for the callback that fails.
pub fn warn(text: String) {
    say(Say::Now, text);
}

/// Stores a text for messages.c, which reports it when no Rust frame is on the stack.
pub fn say(when: Say, text: String) {
    MESSAGES.with_borrow_mut(|messages| {
        let has_room = |when: &Say| messages[*when as usize].len() < MAX_WAITING;
        if let Some(when) = [when, Say::Logged].into_iter().find(has_room) {
            messages[when as usize].push_back(text);
        }
    });
}

/// Moves messages that were not raised during the request to the log: there was a bailout, or no
/// close.
pub fn end_request() {
    MESSAGES.with_borrow_mut(|messages| {
        for when in [Say::Now, Say::Later] {
            let rest = mem::take(&mut messages[when as usize]);
            messages[Say::Logged as usize].extend(rest);
        }
        messages[Say::Logged as usize].truncate(MAX_WAITING);
    });
}

/// Takes the oldest text of one kind; see shim.h.
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

/// See shim.h.
#[unsafe(no_mangle)]
extern "C" fn rustredis_has_messages() -> c_int {
    guarded(1, || {
        MESSAGES.with_borrow(|messages| c_int::from(messages.iter().any(|texts| !texts.is_empty())))
    })
}

/// Gives a save path as a message may show it; see shim.h.
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

/// Copies as much of `from` as fits, followed by a NUL. A NUL inside `from` would end the text
/// early.
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

/// A text that C passes.
///
/// # Safety
/// `bytes` is valid for `len` bytes during `'a`.
pub unsafe fn bytes<'a>(bytes: *const c_char, len: usize) -> &'a [u8] {
    // SAFETY: the caller's contract.
    unsafe { slice::from_raw_parts(bytes.cast(), len) }
}

/// Compares the size of a struct with that of shim.h, where the same line stands.
macro_rules! has_size {
    ($type:ty, $size:literal) => {
        #[cfg(target_pointer_width = "64")]
        const _: () = assert!(size_of::<$type>() == $size, "its copy in shim.h has another size");
    };
}
pub(super) use has_size;
