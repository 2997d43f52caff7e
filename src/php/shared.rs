//! The memory that all processes of a host share for their counters.

use std::{mem, ptr};

use crate::process::stats::{self, Memory};

/// Maps the memory, once in a process; called in MINIT, before FPM and Apache fork. If there is no
/// memory, each process counts for itself.
pub fn map() {
    static MAPPED: std::sync::Once = std::sync::Once::new();
    MAPPED.call_once(|| {
        if let Some(memory) = anonymous() {
            stats::share(memory, is_alive);
        }
    });
}

fn anonymous() -> Option<&'static Memory> {
    // SAFETY: a new mapping, which touches no memory that is in use.
    let place = unsafe {
        libc::mmap(
            ptr::null_mut(),
            mem::size_of::<Memory>(),
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_SHARED | libc::MAP_ANONYMOUS,
            -1,
            0,
        )
    };
    if place == libc::MAP_FAILED {
        return None;
    }
    // SAFETY: the mapping is as large as a Memory, aligned to a page as it must be, zeroed (valid
    // for its atomic numbers), and never unmapped.
    let memory = unsafe { &*place.cast::<Memory>() };
    memory.get_ready();
    Some(memory)
}

/// Returns true if there is such a process, of whichever user.
fn is_alive(pid: u32) -> bool {
    let Ok(pid) = libc::pid_t::try_from(pid) else { return false };
    // SAFETY: signal 0 only asks.
    let answer = unsafe { libc::kill(pid, 0) };
    answer == 0 || std::io::Error::last_os_error().raw_os_error() != Some(libc::ESRCH)
}
