//! The limits of this process and its system, for which no server is to blame.

use std::{io, os::unix::net::UnixDatagram};

use super::without_number;

/// The kind of an error of such a limit. Its text names the limits, so that an operator can raise
/// them.
pub const LIMIT: io::ErrorKind = io::ErrorKind::QuotaExceeded;

/// Returns the error for a thread that could not be started for this reason.
#[must_use]
pub fn of_threads(error: &io::Error) -> io::Error {
    let cause = without_number(error);
    io::Error::new(
        LIMIT,
        format!(
            "this process can start no thread ({cause}), see its limits: ulimit -u, the TasksMax of its \
             service, pids.max of its container"
        ),
    )
}

/// Names the limits in an error which says that no further file can be opened.
#[must_use]
pub fn of_files(error: io::Error) -> io::Error {
    if !matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE)) {
        return error;
    }
    let cause = without_number(&error);
    io::Error::new(
        LIMIT,
        format!(
            "this process can open no further connection or file ({cause}), see its limits: ulimit -n, the \
             LimitNOFILE of its service, fs.file-max of the system"
        ),
    )
}

/// Returns that error if no further file can be opened at the moment. The system's resolver does
/// not tell.
#[must_use]
pub fn without_files() -> Option<io::Error> {
    let error = of_files(UnixDatagram::unbound().err()?);
    (error.kind() == LIMIT).then_some(error)
}
