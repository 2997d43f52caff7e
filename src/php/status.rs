//! The state of this process for `rustredis_status()` and phpinfo(); see shim.h.

use std::ffi::{c_char, c_int};

use super::{
    admin::{Item, answer_with, number, word},
    boundary::{bytes, copy_text, guarded, has_size, warn},
    ini,
    mod_data::{self, with_live},
    object,
};
use crate::{
    client::clusters,
    process::{
        self,
        stats::{self, Count, Needless, SlowLock},
    },
    session::{self, Last, Session},
    store::pools,
};

#[repr(C)]
struct Counters {
    pid: i64,
    starts: i64,
    trips: i64,
    lock_waits: i64,
    refused_writes: i64,
    reconnects: i64,
    redirects: i64,
    grace_reads: i64,
    grace_refusals: i64,
}

has_size!(Counters, 72);

#[repr(C)]
struct Pool {
    target: [c_char; 512],
    size: i64,
    open: i64,
    idle: i64,
}

has_size!(Pool, 536);

#[repr(C)]
struct Cluster {
    target: [c_char; 512],
    masters: i64,
    slots: i64,
}

has_size!(Cluster, 528);

#[repr(C)]
struct Lock {
    session: [c_char; 32],
    held_ms: i64,
}

has_size!(Lock, 40);

#[unsafe(no_mangle)]
extern "C" fn rustredis_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rustredis_counters_get(counters: *mut Counters) {
    let now = guarded(None, || {
        let count = |what| stats::of_this_process(what).cast_signed();
        Some(Counters {
            pid: i64::from(process::id()),
            starts: Count::STARTS.into_iter().map(count).sum(),
            trips: count(Count::Trips),
            lock_waits: count(Count::LockWaits),
            refused_writes: count(Count::WritesRefused),
            reconnects: count(Count::Reconnects),
            redirects: count(Count::Redirects),
            grace_reads: count(Count::GraceReads),
            grace_refusals: count(Count::RefusedCopy),
        })
    });
    let zero = Counters {
        pid: 0,
        starts: 0,
        trips: 0,
        lock_waits: 0,
        refused_writes: 0,
        reconnects: 0,
        redirects: 0,
        grace_reads: 0,
        grace_refusals: 0,
    };
    // SAFETY: info.c passes a struct of this layout.
    unsafe { counters.write(now.unwrap_or(zero)) };
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rustredis_pool_get(index: usize, pool: *mut Pool) -> c_int {
    guarded(0, || {
        let Some(status) = pools().into_iter().nth(index) else { return 0 };
        // SAFETY: info.c passes a struct of this layout.
        unsafe {
            copy_text(&status.target, (&raw mut (*pool).target).cast(), 512);
            (*pool).size = status.size.into();
            (*pool).open = status.open.into();
            (*pool).idle = status.idle.into();
        }
        1
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rustredis_cluster_get(index: usize, cluster: *mut Cluster) -> c_int {
    guarded(0, || {
        let Some(status) = clusters().into_iter().nth(index) else { return 0 };
        // SAFETY: info.c passes a struct of this layout.
        unsafe {
            copy_text(&status.target, (&raw mut (*cluster).target).cast(), 512);
            (*cluster).masters = i64::try_from(status.masters).unwrap_or(i64::MAX);
            (*cluster).slots = i64::try_from(status.slots).unwrap_or(i64::MAX);
        }
        1
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rustredis_lock_get(index: usize, lock: *mut Lock) -> c_int {
    guarded(0, || {
        let own = with_live(|handler| handler.session.locked()).flatten();
        let Some((session, held)) = own.into_iter().chain(object::locked()).nth(index) else { return 0 };
        // SAFETY: info.c passes a struct of this layout.
        unsafe {
            copy_text(&session, (&raw mut (*lock).session).cast(), 32);
            (*lock).held_ms = i64::try_from(held.as_millis()).unwrap_or(i64::MAX);
        }
        1
    })
}

#[unsafe(no_mangle)]
extern "C" fn rustredis_look_back() {
    guarded((), || {
        let mut items = Vec::new();
        match session::last() {
            None => items.push(Item::Null),
            Some(Last { waited, held, trips, bytes, changed, outcome, server }) => {
                items.extend([Item::Map(7), word("wait_ms"), Item::Time(waited)]);
                items.extend([word("held_ms"), Item::Time(held), word("trips"), number(Some(trips.into()))]);
                items.extend([word("bytes"), number(Some(bytes)), word("changed"), Item::Bool(changed)]);
                items.extend([word("outcome"), word(outcome), word("server")]);
                items.push(server.map_or(Item::Null, |server| word(&server.target())));
            }
        }
        let slow = stats::slow_locks();
        items.push(Item::List(slow.len()));
        for lock in slow {
            let SlowLock { at_ms, waited, held, kept_waiting, changed, given_up, session, by, holder } = lock;
            items.extend([Item::Map(9), word("at_ms"), number(Some(at_ms)), word("session"), word(&session)]);
            items.extend([word("by"), word(&by), word("waited_ms"), Item::Time(waited)]);
            items.extend([word("holder"), if holder.is_empty() { Item::Null } else { word(&holder) }]);
            items.extend([word("given_up"), Item::Bool(given_up), word("held_ms"), Item::Time(held)]);
            items.extend([
                word("kept_waiting"),
                Item::Bool(kept_waiting),
                word("changed"),
                Item::Bool(changed),
            ]);
        }
        let needless = stats::needless();
        items.push(Item::List(needless.len()));
        for Needless { script, times, held, longest } in needless {
            items.extend([Item::Map(4), word("script"), word(&script), word("times"), number(Some(times))]);
            items.extend([word("held_ms"), Item::Time(held), word("longest_ms"), Item::Time(longest)]);
        }
        answer_with(items);
    });
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rustredis_ping_of(path: *const c_char, path_len: usize) -> i64 {
    guarded(-1, || {
        // SAFETY: info.c passes a C string with its length.
        let settings = match ini::settings(unsafe { bytes(path, path_len) }) {
            Ok(settings) => settings,
            Err(error) => {
                warn(format!("rustredis: {error}"));
                return -1;
            }
        };
        let time = mod_data::beside_live(settings, object::holds, Session::ping);
        time.map_or(-1, |time| i64::try_from(time).unwrap_or(i64::MAX))
    })
}
