//! A failure as C reads it, for the exceptions.

use std::ffi::{c_char, c_int};

use super::boundary::{copy_text, guarded, has_size};
use crate::{
    protocol::Known,
    session::{Cause, Flaw},
};

/// `rustredis_failure` of shim.h.
#[repr(C)]
pub struct FailureInC {
    kind: i64,
    pid: i64,
    held_ms: i64,
    host: [c_char; 256],
    sapi: [c_char; 64],
    uri: [c_char; 1024],
}

has_size!(FailureInC, 1368);

/// Describes a failure for C. A panic in `cause` leaves a failure of no known kind.
///
/// # Safety
/// `failure` points to a variable in C.
pub unsafe fn tell_failure(cause: impl FnOnce() -> Cause, failure: *mut FailureInC) {
    // SAFETY: the caller's contract; all bytes of the variable may be 0.
    let failure = unsafe {
        failure.write_bytes(0, 1);
        &mut *failure
    };
    (failure.pid, failure.held_ms) = (-1, -1);
    guarded((), || failure.describe(&cause()));
}

impl FailureInC {
    fn describe(&mut self, cause: &Cause) {
        self.kind = match cause {
            Cause::Other => 0,
            Cause::Connection => 1,
            Cause::Lock(_) => 2,
            Cause::Refusal => 3,
            Cause::Loss => 4,
            Cause::Destruction => 5,
        };
        let Cause::Lock(holder) = cause else { return };
        let Known { host, pid, sapi, age, uri } = holder.known();
        self.pid = pid.and_then(|pid| pid.parse().ok()).unwrap_or(-1);
        self.held_ms = age.and_then(|age| i64::try_from(age).ok()).unwrap_or(-1);
        // SAFETY: the three are arrays of these sizes.
        unsafe {
            copy_text(&host, self.host.as_mut_ptr(), self.host.len());
            copy_text(&sapi, self.sapi.as_mut_ptr(), self.sapi.len());
            copy_text(&uri, self.uri.as_mut_ptr(), self.uri.len());
        }
    }
}

/// RUSTREDIS_UNDECODED and RUSTREDIS_NOT_ENCODED of shim.h.
pub fn flaw(number: c_int) -> Flaw {
    if number == 1 { Flaw::Undecoded } else { Flaw::NotEncoded }
}
