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
        stats::{self, Host, Memory},
        without_number,
    },
};

/// The reason why the file is not used, and whether an administrator should do something.
static PROBLEM: OnceLock<(String, bool)> = OnceLock::new();

/// The file in which this process and its children count. Its lock is theirs for as long as one of
/// them lives.
static COUNTED_IN: OnceLock<(File, &'static Memory)> = OnceLock::new();

/// A process gets the file ready within this many tries, with a pause after each.
const TRIES: u32 = 100;
const PAUSE: Duration = Duration::from_millis(10);

const SIZE: u64 = mem::size_of::<Memory>() as u64;

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
            memory.get_ready(is_command_line());
            Some(memory)
        };
        if let Some(memory) = file.or_else(anonymous) {
            stats::share(memory, Host { is_alive, mend });
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
/// A command line shows what is in the file, and counts there only if no web server does: the
/// commands of an administrator are no requests of the site. Nor does a command line make the file:
/// it would belong to the user of any script.
fn in_file(path: &Path, is_command_line: bool) -> (Option<&'static Memory>, Option<String>) {
    if !path.is_absolute() {
        return (None, Some("it is no absolute path".into()));
    }
    let shown = || open(path, false, false).and_then(|file| readable(&file));
    if is_command_line
        && let Ok(memory) = shown()
        && !memory.is_of_command_line()
    {
        stats::show(memory);
        return (None, None);
    }
    match open(path, true, !is_command_line).and_then(|file| writable(file, is_command_line)) {
        Ok(memory) => (Some(memory), None),
        Err(problem) if !is_command_line => (None, Some(problem)),
        Err(_) => (None, shown().map(stats::show).err()),
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
    if is_writer && about.nlink() > 1 {
        return Err("it has a second name, and may be a file of another program".into());
    }
    if is_writer && about.mode() & 0o022 != 0 {
        return Err("other users may write to it: take that right away (chmod 640)".into());
    }
    Ok(file)
}

/// Maps a file in which this process counts, and makes it if it is empty.
fn writable(file: File, is_command_line: bool) -> Result<&'static Memory, String> {
    let memory = claim(&file, is_command_line).inspect_err(|_| {
        // A mapping keeps the open file, and the lock with it, for the life of the process.
        lock(&file, libc::LOCK_UN);
    })?;
    let (_, memory) = COUNTED_IN.get_or_init(|| (file, memory));
    if !is_command_line {
        memory.serve();
    }
    Ok(memory)
}

/// Takes a share of the file's lock, which all processes have that count in it.
///
/// A process that has the whole lock is alone. It may make the file, and it may take the file over
/// from another container, where the same process ids mean other processes.
fn claim(file: &File, is_command_line: bool) -> Result<&'static Memory, String> {
    let mut problem = "another program has locked it";
    let mut known = None;
    for _ in 0..TRIES {
        for how in [libc::LOCK_EX, libc::LOCK_SH] {
            if !lock(file, how) {
                continue;
            }
            let memory = known.map_or_else(|| whole(file), Ok)?;
            known = Some(memory);
            if !memory.is_ready() || how == libc::LOCK_EX && !memory.is_here() {
                memory.get_ready(is_command_line);
            }
            // Another process may have had the whole lock between the two.
            if how == libc::LOCK_SH && memory.is_here() {
                return Ok(memory);
            }
        }
        lock(file, libc::LOCK_UN);
        if known.is_some() {
            problem = "PHP of another container counts in it: give each container a file of its own";
        }
        thread::sleep(PAUSE);
    }
    // A program that may read the file can lock it, too. A file that is ready needs no lock.
    if known.is_none() {
        let memory = whole(file)?;
        if memory.is_ready() && memory.is_here() {
            return Ok(memory);
        }
    }
    Err(problem.into())
}

/// Maps a file with all its bytes.
fn whole(file: &File) -> Result<&'static Memory, String> {
    let len = file.metadata().map_err(without_number)?.len();
    if len != 0 && len != SIZE {
        return Err(other_layout());
    }
    fill(file).inspect_err(|_| {
        let _ = file.set_len(len);
    })?;
    let memory = mapped(Some(file), libc::PROT_READ | libc::PROT_WRITE).ok_or_else(last)?;
    if memory.is_of_another_layout() { Err(other_layout()) } else { Ok(memory) }
}

/// Gives a file its size. A page for which there is no room would end the process at its first use.
/// A file of the right size may have holes.
fn fill(file: &File) -> Result<(), String> {
    // SAFETY: the descriptor is open.
    match unsafe { libc::posix_fallocate(file.as_raw_fd(), 0, SIZE.cast_signed()) } {
        0 => Ok(()),
        problem => Err(without_number(io::Error::from_raw_os_error(problem))),
    }
}

/// A file that somebody has cut off ends each process at its next count. The first one that takes
/// the place of such a process gives the file its size again, with counts that begin at zero.
fn mend() {
    let Some((file, memory)) = COUNTED_IN.get() else { return };
    let is_cut = file.metadata().is_ok_and(|about| about.len() < SIZE);
    if is_cut && fill(file).is_ok() && !memory.is_ready() {
        memory.get_ready(is_command_line());
    }
}

fn readable(file: &File) -> Result<&'static Memory, String> {
    if file.metadata().map_err(without_number)?.len() != SIZE {
        return Err(other_layout());
    }
    let memory = mapped(Some(file), libc::PROT_READ).ok_or_else(last)?;
    if memory.is_ready() { Ok(memory) } else { Err(other_layout()) }
}

/// Takes the lock of a file, or a share of it, unless another process has it.
fn lock(file: &File, how: c_int) -> bool {
    // SAFETY: the descriptor is open.
    unsafe { libc::flock(file.as_raw_fd(), how | libc::LOCK_NB) == 0 }
}

fn mapped(file: Option<&File>, access: c_int) -> Option<&'static Memory> {
    let (kind, descriptor) = file.map_or((libc::MAP_ANONYMOUS, -1), |file| (0, file.as_raw_fd()));
    // SAFETY: a new mapping, which touches no memory that is in use.
    let place = unsafe {
        libc::mmap(ptr::null_mut(), mem::size_of::<Memory>(), access, libc::MAP_SHARED | kind, descriptor, 0)
    };
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
