//! The one place where Rust is entered from C, and the warnings that leave by it.

use std::{
    cell::RefCell,
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
};

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

/// The oldest warning.
pub fn next_warning() -> Option<(Level, String)> {
    WARNINGS.with_borrow_mut(VecDeque::pop_front)
}

/// Drops what a bailout kept from being raised.
pub fn drop_warnings() {
    WARNINGS.with_borrow_mut(VecDeque::clear);
}
