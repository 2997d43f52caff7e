//! The one place where Rust is entered from C, and what crosses there: texts, and the warnings that leave.

use std::{
    cell::RefCell,
    collections::VecDeque,
    ffi::{c_char, c_int},
    panic::{AssertUnwindSafe, catch_unwind},
    ptr, slice,
};

use crate::config::mask;

thread_local! {
    static WARNINGS: RefCell<VecDeque<(Level, String)>> = const { RefCell::new(VecDeque::new()) };
}

/// What PHP is to make of a text; the values are those of shim.h.
#[derive(Clone, Copy)]
pub enum Level {
    /// `E_WARNING`: something did not work.
    Warning = 1,
    /// `E_NOTICE`: something should be looked at one day.
    Notice = 2,
}

/// Runs the body of an `extern "C"` function. A panic must not leave one (it would abort PHP): it becomes a warning and
/// `fallback`, that function's failure value.
pub fn guarded<T>(fallback: T, body: impl FnOnce() -> T) -> T {
    // Unwind safety: what a panic leaves behind half done is a session, which fallback makes PHP give up.
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|_| {
        warn("rustredis: internal error, please report it with the text that PHP's error output has".into());
        fallback
    })
}

/// Leaves a warning for handler.c, which raises it when no Rust is on the stack.
pub fn warn(text: String) {
    tell(Level::Warning, text);
}

/// The same for a text of another level.
pub fn tell(level: Level, text: String) {
    WARNINGS.with_borrow_mut(|warnings| warnings.push_back((level, text)));
}

/// Drops what a bailout kept from being raised.
pub fn drop_warnings() {
    WARNINGS.with_borrow_mut(VecDeque::clear);
}

/// The oldest warning; see shim.h.
#[unsafe(no_mangle)]
unsafe extern "C" fn rustredis_next_warning(text: *mut c_char, size: usize) -> c_int {
    guarded(0, || {
        let Some((level, warning)) = WARNINGS.with_borrow_mut(VecDeque::pop_front) else { return 0 };
        // SAFETY: handler.c passes a buffer of `size` bytes.
        unsafe { copy_text(&warning, text, size) };
        level as c_int
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
