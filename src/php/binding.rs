//! What the dynamic linker looks up on first use is looked up when PHP starts.
//!
//! php-fpm and Apache fork their workers after that. What is left to a worker is looked up by each of them, and each such
//! search goes through the tables of all libraries that PHP is linked to: most of a megabyte in each worker, of pages that
//! nothing else there touches. This library's own calls are bound when it is loaded (Rust links it so); these are not:
//! - the crate getrandom, and Rust's threads, ask `dlsym` on first use;
//! - Debian's C library binds its own calls into the dynamic linker on first use: one for a thread with a new stack,
//!   another for one that gets the stack of a thread that has ended.

use std::thread;

use crate::{lock::random_hex, store::threads};

pub fn look_up_now() {
    let _ = random_hex();
    for _ in ["on a new stack", "on that stack again"] {
        // Without a thread here, the first one of a worker does it.
        if let Ok(thread) = threads::starting(|| thread::Builder::new().spawn(|| ())) {
            let _ = thread.join();
        }
    }
}
