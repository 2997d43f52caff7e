//! The memory that all processes of a host share for their counters: anonymous, or a file
//! (`rustredis.metrics_file`).

use std::{
    ffi::CStr,
    fs::{File, OpenOptions},
    io, mem,
    os::{
        fd::AsRawFd,
        unix::fs::{MetadataExt, OpenOptionsExt},
    },
    path::Path,
    ptr,
    sync::{Once, OnceLock},
    thread,
    time::Duration,
};

use libc::c_int;

use super::{
    boundary::{Say, say},
    ini, sys,
};
use crate::{
    config::Setting,
    process::{
        stats::{self, Memory},
        without_number,
    },
};

/// The reason why the file is not used, and whether an administrator should do something.
static PROBLEM: OnceLock<(String, bool)> = OnceLock::new();

/// A process gets the file ready within this many tries, with a pause after each.
const TRIES: u32 = 100;
const PAUSE: Duration = Duration::from_millis(10);

/// Maps the memory, once in a process; called in MINIT, after the settings are known, and before
/// FPM and Apache fork. If there is no memory, each process counts for itself.
pub fn map() {
    static MAPPED: Once = Once::new();
    MAPPED.call_once(|| {
        let path = ini::text(Setting::MetricsFile);
        let (file, problem) =
            if path.is_empty() { (None, None) } else { in_file(Path::new(&path), is_command_line()) };
        if let Some(problem) = problem {
            let mut text = format!("rustredis: rustredis.metrics_file={path} is not used: {problem}");
            // A command line has no counters that anybody looks for.
            if !is_command_line() {
                text += ". The counters are kept in memory, and begin at zero with each reload";
            }
            // The user of a command line may lack the right to read it, and the web server's PHP,
            // which makes it, may not have been started yet.
            let is_advice = !is_command_line()
                || !path.starts_with('/')
                || opened(Path::new(&path), OpenOptions::new().read(true)).is_ok();
            if is_advice {
                say(Say::Advice, text.clone());
            }
            let _ = PROBLEM.set((text, is_advice));
        }
        let anonymous = || {
            let memory = mapped(None, libc::PROT_READ | libc::PROT_WRITE)?;
            memory.get_ready();
            Some(memory)
        };
        if let Some(memory) = file.or_else(anonymous) {
            stats::share(memory, is_alive);
        }
    });
}

/// The reason why `rustredis.metrics_file` is not used.
pub fn problem() -> Option<&'static str> {
    PROBLEM.get().map(|(text, _)| text.as_str())
}

/// The same if an administrator should do something.
pub fn advice() -> Option<&'static str> {
    PROBLEM.get().filter(|(_, is_advice)| *is_advice).map(|(text, _)| text.as_str())
}

/// Returns true for `php` itself, which no web server has started.
pub fn is_command_line() -> bool {
    // SAFETY: sapi_module.name is a C string for the life of the process.
    unsafe { CStr::from_ptr(sys::rustredis_sapi()) == c"cli" }
}

/// Returns the memory of the file if this process may count there, and a problem otherwise.
///
/// A command line that may only read the file shows what is in it, which another server's PHP does
/// not. Nor does a command line make the file: it would belong to the user of any script.
fn in_file(path: &Path, is_command_line: bool) -> (Option<&'static Memory>, Option<String>) {
    if !path.is_absolute() {
        return (None, Some("it is no absolute path".into()));
    }
    match open(path, true, !is_command_line).and_then(|file| writable(&file)) {
        Ok(memory) => (Some(memory), None),
        Err(problem) if !is_command_line => (None, Some(problem)),
        Err(_) => {
            let shown = open(path, false, false).and_then(|file| readable(&file)).map(stats::show);
            (None, shown.err())
        }
    }
}

fn opened(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    // A user who may write to the folder could lead a link anywhere, or let PHP wait for a pipe.
    options.custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC | libc::O_NONBLOCK).open(path)
}

fn open(path: &Path, is_writer: bool, is_maker: bool) -> Result<File, String> {
    let mut options = OpenOptions::new();
    options.read(true).write(is_writer).create(is_maker).mode(0o640);
    let file = opened(path, &mut options).map_err(without_number)?;
    let about = file.metadata().map_err(without_number)?;
    if !about.is_file() {
        return Err("it is no ordinary file".into());
    }
    // SAFETY: the call has no arguments and cannot fail.
    let own = unsafe { libc::geteuid() };
    // Its owner could cut it off, which would end each process that counts in it.
    if is_writer && about.uid() != own {
        return Err(format!("it belongs to the user {}, and PHP was started by {own}", about.uid()));
    }
    if is_writer && about.mode() & 0o022 != 0 {
        return Err("other users may write to it: take that right away (chmod 640)".into());
    }
    Ok(file)
}

/// Maps a file in which this process counts, and makes it if it is empty.
fn writable(file: &File) -> Result<&'static Memory, String> {
    lock(file)?;
    let size = mem::size_of::<Memory>() as u64;
    let len = file.metadata().map_err(without_number)?.len();
    if len != 0 && len != size {
        return Err(other_layout());
    }
    // A page for which there is no room would end the process at its first use. A file of the right
    // size may have holes.
    // SAFETY: the descriptor is open.
    let result = unsafe { libc::posix_fallocate(file.as_raw_fd(), 0, size.cast_signed()) };
    if result != 0 {
        let _ = file.set_len(len);
        return Err(without_number(io::Error::from_raw_os_error(result)));
    }
    let memory = mapped(Some(file), libc::PROT_READ | libc::PROT_WRITE).ok_or_else(last)?;
    if memory.is_of_another_layout() {
        return Err(other_layout());
    }
    memory.get_ready();
    // The mapping keeps the open file, and the lock with it, for the life of the process.
    // SAFETY: the descriptor is open.
    unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_UN) };
    Ok(memory)
}

fn readable(file: &File) -> Result<&'static Memory, String> {
    if file.metadata().map_err(without_number)?.len() != mem::size_of::<Memory>() as u64 {
        return Err(other_layout());
    }
    let memory = mapped(Some(file), libc::PROT_READ).ok_or_else(last)?;
    if memory.is_ready() { Ok(memory) } else { Err(other_layout()) }
}

/// Keeps others from making the same file meanwhile.
fn lock(file: &File) -> Result<(), String> {
    for _ in 0..TRIES {
        // SAFETY: the descriptor is open.
        if unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) } == 0 {
            return Ok(());
        }
        thread::sleep(PAUSE);
    }
    Err("another program has locked it".into())
}

fn mapped(file: Option<&File>, access: c_int) -> Option<&'static Memory> {
    let (kind, descriptor) = file.map_or((libc::MAP_ANONYMOUS, -1), |file| (0, file.as_raw_fd()));
    let size = mem::size_of::<Memory>();
    // SAFETY: a new mapping, which touches no memory that is in use.
    let place = unsafe { libc::mmap(ptr::null_mut(), size, access, libc::MAP_SHARED | kind, descriptor, 0) };
    // SAFETY: the mapping is as large as a Memory, aligned to a page as it must be, valid for
    // atomic numbers whatever its bytes are, and never unmapped. A mapping that cannot be written
    // is only shown.
    (place != libc::MAP_FAILED).then(|| unsafe { &*place.cast::<Memory>() })
}

fn other_layout() -> String {
    "it has the layout of another version of this extension, or is no such file; delete it, and reload PHP"
        .into()
}

fn last() -> String {
    without_number(io::Error::last_os_error())
}

/// Returns true if there is such a process, of whichever user.
fn is_alive(pid: u32) -> bool {
    let Ok(pid) = libc::pid_t::try_from(pid) else { return false };
    // SAFETY: signal 0 only asks.
    let answer = unsafe { libc::kill(pid, 0) };
    answer == 0 || io::Error::last_os_error().raw_os_error() != Some(libc::ESRCH)
}
