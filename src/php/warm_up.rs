//! Makes the dynamic linker look up at PHP's start the functions that it would otherwise look up on
//! first use.
//!
//! php-fpm and Apache fork their workers after the start. Without this, each worker looks the
//! functions up by itself, and each search goes through the tables of all libraries that PHP is
//! linked to: most of a megabyte per worker, in pages that no other code there touches. This
//! library's own calls are bound when it is loaded (Rust links it so), but these are not:
//! - the crate getrandom, and Rust's threads, ask `dlsym` on first use;
//! - Debian's C library binds its own calls into the dynamic linker on first use: one for a thread
//!   with a new stack, and another for a thread that gets the stack of an ended thread.

use std::thread;

use crate::process::{random_hex, threads};

pub fn look_up_now() {
    let _ = random_hex();
    for _ in ["on a new stack", "on that stack again"] {
        // If no thread can start here, the first thread of a worker does the lookup.
        if let Ok(thread) = threads::starting(|| thread::Builder::new().spawn(|| ())) {
            let _ = thread.join();
        }
    }
}
