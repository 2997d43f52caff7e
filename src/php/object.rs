//! The objects of the class `RustRedis\SessionHandler`, as object.c calls them. shim.h describes
//! the functions.
//!
//! An object is a map of ids to [`Session`]s. C knows it by a number, so that PHP can't free what
//! is in use here. Everything belongs to one thread.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    ffi::{c_char, c_int},
    mem,
    sync::Arc,
    time::Duration,
};

use super::{
    boundary::{Say, bytes, copy_text, guarded, has_size, say, warn},
    failure::{FailureInC, flaw, tell_failure},
    identity, ini, left_ids,
    mod_data::{before_close, give_back_prefetched, with_live},
    moves, sys,
    ttl::ttl,
};
use crate::{
    config::{IniValues, LockFailure, LockSettings, ObjectSettings, Settings, Target},
    process,
    protocol::{Keys, SessionId},
    resp::limit_strings,
    session::{Access, Cause, Heritage, Leave, Session, Writer},
    store::redis::RedisStore,
};

/// The most ids of which one object remembers something. The connections limit the number of
/// locks; of the sessions without a lock, the one that was used first is forgotten.
const MAX_IDS: usize = 1024;

/// The number of different settings that are kept. An application makes its object anew in each
/// request.
const CACHED: usize = 8;

struct Object {
    pid: u32,
    settings: ObjectSettings,
    /// The TTL in seconds, or `None` for `session.gc_maxlifetime`.
    ttl: Option<u64>,
    sessions: HashMap<SessionId, Entry>,
    /// The heritage of the session that was written or destroyed last, for the one under whose id
    /// session_regenerate_id() continues it.
    left: Option<Heritage>,
    /// The id that session_regenerate_id() has left last. The handler class that has this object
    /// may write or destroy twice.
    retired: Option<SessionId>,
    /// PHP's handler class has opened the object and has not closed it yet.
    is_open: bool,
    /// Counts the calls, for the order of the entries.
    calls: u64,
    cause: Cause,
    /// The value that a call returns, until C has its copy.
    value: Vec<u8>,
}

struct Entry {
    session: Session<RedisStore>,
    /// The fiber that has begun with this session, or 0 outside of fibers.
    fiber: usize,
    /// Set if it is PHP's own session, which is one for all fibers.
    is_phps: bool,
    /// Set if the code outside of fibers was refused this session, as a fiber had its lock.
    was_refused: bool,
    last_call: u64,
}

/// Settings with their texts and the process that has parsed them.
struct Parsed {
    pid: u32,
    path: String,
    texts: IniValues,
    settings: ObjectSettings,
}

thread_local! {
    /// The objects that are not in use at the moment.
    static OBJECTS: RefCell<Vec<(u64, Object)>> = const { RefCell::new(Vec::new()) };
    static LAST: Cell<u64> = const { Cell::new(0) };
    static CACHE: RefCell<Vec<Parsed>> = const { RefCell::new(Vec::new()) };
}

/// The result of a call; the values are those of shim.h.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Answer {
    Failed = 0,
    Yes = 1,
    No = 2,
}

impl From<bool> for Answer {
    fn from(yes: bool) -> Self {
        if yes { Self::Yes } else { Self::No }
    }
}

/// Returns true if an object of this thread has this lock. The object whose call is running is not
/// asked.
pub fn holds(target: &Target, keys: &Keys) -> bool {
    let pid = process::id();
    OBJECTS.with_borrow(|objects| {
        let own = objects.iter().filter(|(_, object)| object.pid == pid);
        let mut sessions = own.flat_map(|(_, object)| object.sessions.values());
        sessions.any(|entry| entry.session.holds(target, keys))
    })
}

/// Returns true if another object, or `$_SESSION`, has this lock in this thread. A prefetch that
/// has it gives it back.
fn is_held_elsewhere(target: &Target, keys: &Keys) -> bool {
    give_back_prefetched(target, keys);
    holds(target, keys) || with_live(|handler| handler.session.holds(target, keys)).unwrap_or(false)
}

/// The locked sessions of this thread's objects, for `rustredis_status()`.
pub fn locked() -> Vec<(String, Duration)> {
    let pid = process::id();
    OBJECTS.with_borrow(|objects| {
        let own = objects.iter().filter(|(_, object)| object.pid == pid);
        own.flat_map(|(_, object)| object.sessions.values())
            .filter_map(|entry| entry.session.locked())
            .collect()
    })
}

/// The number of connections that the objects of this thread keep.
fn connections(own: &Object) -> usize {
    let count = |object: &Object| object.sessions.values().filter(|entry| entry.session.is_locked()).count();
    let others: usize = OBJECTS.with_borrow(|objects| {
        objects.iter().filter(|(_, object)| object.pid == own.pid).map(|(_, object)| count(object)).sum()
    });
    others + count(own)
}

/// Frees the objects that PHP has not freed; called at the end of a request.
pub fn end_request() {
    for (_, object) in OBJECTS.take() {
        end(object);
    }
}

/// Releases and forgets what the objects hold; called between the requests of a worker.
pub fn start_over() {
    let mut objects = OBJECTS.take();
    let pid = process::id();
    for (_, object) in objects.iter_mut().filter(|(_, object)| object.pid == pid) {
        object.release_all(0);
        object.sessions.clear();
        object.value = Vec::new();
        object.cause = Cause::Other;
        object.forget_the_previous_id();
    }
    OBJECTS.set(objects);
}

/// Forgets what a call of session_regenerate_id() has left for itself. A handler class around an
/// object may pass on only a part of the next call, which is perhaps that of another visitor.
pub fn end_of_move() {
    OBJECTS.with_borrow_mut(|objects| {
        for (_, object) in objects.iter_mut() {
            object.forget_the_previous_id();
        }
    });
}

/// Releases the locks of an object.
fn end(mut object: Object) {
    if object.pid == process::id() {
        object.release_all(0);
    } else {
        // The connections are the parent's.
        mem::forget(object);
    }
}

impl Object {
    /// Returns a session without any state. If the other sessions of this thread have all
    /// connections, none can become free while it waits.
    fn new_session(&self, settings: &Arc<Settings>) -> Session<RedisStore> {
        let mut settings = settings.clone();
        if connections(self) >= settings.pool_size as usize && !settings.pool_wait.is_zero() {
            Arc::make_mut(&mut settings).pool_wait = Duration::ZERO;
        }
        let info = identity::of_this_request(&settings, self.pid);
        let mut session = Session::new(RedisStore::new(settings.clone()), settings, info)
            .beside(is_held_elsewhere)
            .amid(identity::SURROUNDINGS);
        session.leave_for_good(left_ids::for_good(|| sys::rustredis_takes_cookie()));
        session
    }

    fn forget_the_previous_id(&mut self) {
        self.left = None;
        self.retired = None;
    }

    /// Notes that session_regenerate_id() has left this id.
    fn note_move(&mut self, id: &SessionId) {
        self.retired = Some(id.clone());
        left_ids::note(id);
    }

    fn has_retired(&self, id: &SessionId) -> bool {
        self.retired.as_ref() == Some(id) && !self.sessions.contains_key(id)
    }

    fn own_settings(&self) -> &Arc<Settings> {
        if self.settings.locking { &self.settings.locked } else { &self.settings.unlocked }
    }

    fn keep(&mut self, id: SessionId, session: Session<RedisStore>, fiber: usize, is_phps: bool) {
        if self.sessions.len() >= MAX_IDS && !self.sessions.contains_key(&id) {
            let free = self.sessions.iter().filter(|(_, entry)| !entry.session.is_locked());
            if let Some(first) = free.min_by_key(|(_, entry)| entry.last_call).map(|(id, _)| id.clone()) {
                self.sessions.remove(&first);
            }
        }
        self.calls += 1;
        self.sessions
            .insert(id, Entry { session, fiber, is_phps, was_refused: false, last_call: self.calls });
    }

    /// Reports the warnings of a call: as an exception, or in the log after a success.
    fn tell(&mut self, session: &mut Session<RedisStore>, answer: Answer) {
        let when = if answer == Answer::Failed { Say::Now } else { Say::Logged };
        if answer == Answer::Failed {
            self.cause = session.cause().clone();
        }
        let read_only = session.take_read_only();
        session.take_warnings().into_iter().chain(read_only).for_each(|warning| say(when, warning));
    }

    /// Passes the session of this id to `body`, which `changes` it or only reads, and keeps it.
    fn with_session(
        &mut self,
        id: &SessionId,
        fiber: usize,
        anew: bool,
        changes: bool,
        body: impl FnOnce(&mut Session<RedisStore>) -> Answer,
    ) -> Answer {
        let known = self.sessions.remove(id).filter(|_| !anew);
        let (mut session, fiber, is_phps) = match known {
            Some(entry) => (entry.session, entry.fiber, entry.is_phps),
            None => (self.new_session(self.own_settings()), fiber, is_phps_own(id)),
        };
        // Code of the application may use other sessions meanwhile.
        let is_moved = sys::changes_this_id(id.as_str().as_bytes());
        let is_leaving = is_moved && sys::rustredis_is_leaving();
        if let Some(left) = self.left.as_ref().filter(|_| !changes && is_moved && !is_leaving) {
            session.inherit_late(left.clone());
        }
        let answer = body(&mut session);
        if changes && is_leaving {
            self.left = session.leaves_something().then(|| session.heritage());
        }
        self.tell(&mut session, answer);
        session.rest();
        self.keep(id.clone(), session, fiber, is_phps);
        answer
    }

    /// Passes a session to `body` that has no lock and is not kept. If the lock of this id is held
    /// here, the session of the lock is passed, which has a connection.
    fn aside(&mut self, id: &SessionId, body: impl FnOnce(&mut Session<RedisStore>) -> Answer) -> Answer {
        let Some(mut entry) = self.take_locked(id) else {
            let mut session = self.new_session(&self.settings.unlocked);
            let answer = body(&mut session);
            self.tell(&mut session, answer);
            return answer;
        };
        let answer = body(&mut entry.session);
        self.tell(&mut entry.session, answer);
        self.sessions.insert(id.clone(), entry);
        answer
    }

    /// Takes the session of this id out of the map if its lock is held.
    fn take_locked(&mut self, id: &SessionId) -> Option<Entry> {
        self.sessions.get(id).filter(|entry| entry.session.is_locked())?;
        self.sessions.remove(id)
    }

    fn peek(&mut self, id: &SessionId) -> Answer {
        let mut value = None;
        let answer = self.aside(id, |session| {
            let answered = session.peek(id.as_str().as_bytes(), &mut value);
            if answered { value.is_some().into() } else { Answer::Failed }
        });
        self.value = value.unwrap_or_default();
        answer
    }

    fn goes_on(&self, id: &SessionId) -> bool {
        self.sessions.get(id).is_some_and(|entry| entry.session.goes_on())
    }

    /// Returns true if PHP asks for its own session in session_reset(), which goes on with it.
    fn resets(&self, id: &SessionId) -> bool {
        self.sessions.get(id).is_some_and(|entry| entry.session.is_read())
            && sys::rustredis_resets_a_session()
            && sys::is_own_id(id.as_str().as_bytes())
    }

    /// Returns true if another fiber has begun with this session and has its lock. PHP's own
    /// functions may go on with PHP's session in any fiber.
    fn is_of_another_fiber(&self, id: &SessionId, fiber: usize) -> bool {
        let Some(entry) = self.sessions.get(id) else { return false };
        entry.session.is_locked()
            && entry.fiber != fiber
            && !(entry.is_phps && sys::rustredis_is_called_by_php())
    }

    /// Returns true if a write here would be one of a fiber over the session of another, under the
    /// lock of that. A fiber may leave its session to the code outside of fibers, unless that has
    /// asked for the session itself, and was refused.
    fn is_left_to(&self, id: &SessionId, fiber: usize) -> bool {
        let was_refused = self.sessions.get(id).is_some_and(|entry| entry.was_refused);
        !self.is_of_another_fiber(id, fiber) || (fiber == 0 && !was_refused)
    }

    fn refuse_as_held_by_fiber(&mut self, id: &SessionId, fiber: usize) -> Answer {
        if let Some(entry) = self.sessions.get_mut(id).filter(|_| fiber == 0) {
            entry.was_refused = true;
        }
        self.refuse_as_held(id)
    }

    fn refuse_as_held(&mut self, id: &SessionId) -> Answer {
        let mut session = self.new_session(&self.settings.locked);
        session.refuse_as_held(id.as_str().as_bytes());
        self.tell(&mut session, Answer::Failed);
        Answer::Failed
    }

    /// Reads a session. A handler class that only checks that an id exists (`reason`) leaves no
    /// lock on one that does not.
    fn read(&mut self, id: &SessionId, access: Access, reason: c_int, ttl: u64, fiber: usize) -> Answer {
        if self.is_of_another_fiber(id, fiber) {
            return self.refuse_as_held_by_fiber(id, fiber);
        }
        let resets = self.resets(id);
        let anew = !self.goes_on(id) && !resets;
        self.with_session(id, fiber, anew, false, |session| {
            if resets || session.is_stale() {
                session.read_anew();
            }
            let bytes = id.as_str().as_bytes();
            let is_read = match reason {
                0 => session.read(bytes, access, ttl),
                reason => session.look(bytes, access, ttl, reason == 2),
            };
            if is_read { Answer::Yes } else { Answer::Failed }
        })
    }

    fn validate(&mut self, id: &SessionId, access: Access, ttl: u64, fiber: usize) -> Answer {
        if self.is_of_another_fiber(id, fiber) {
            return self.refuse_as_held_by_fiber(id, fiber);
        }
        if self.sessions.get(id).is_some_and(|entry| entry.session.is_stale()) {
            self.release(id);
        }
        let bytes = id.as_str().as_bytes();
        // A class may have read a new id in its create_sid(), and has its lock then.
        if sys::rustredis_changes_the_id()
            && self.sessions.get(id).is_some_and(|entry| entry.session.is_missing(bytes))
        {
            return Answer::No;
        }
        let anew = !self.goes_on(id) && !self.resets(id);
        // PHP has made an id, and asks if it is free. Its read follows.
        let is_made = anew && sys::changes_this_id(bytes) && !sys::rustredis_is_leaving();
        let answer = self.with_session(id, fiber, anew, false, |session| {
            let known =
                if is_made { session.is_taken(bytes, ttl) } else { session.is_known(bytes, access, ttl) };
            known.map_or(Answer::Failed, Answer::from)
        });
        if answer == Answer::No && !is_made {
            // A session that vanished while this call waited for its lock has left the lock.
            self.release(id);
        }
        answer
    }

    /// Locks a session. With `tries`, "no" is the answer if its lock is taken.
    fn lock(
        &mut self,
        id: &SessionId,
        ttl: u64,
        wait: Option<Duration>,
        fiber: usize,
        tries: bool,
    ) -> Answer {
        if self.sessions.get(id).is_some_and(|entry| entry.session.is_locked()) {
            return if tries { Answer::No } else { self.refuse_as_held(id) };
        }
        let mut settings = self.settings.locked.clone();
        let lock = settings.lock.as_ref();
        if lock.is_some_and(|lock| wait.is_some() || lock.failure != LockFailure::Fail) {
            let lock = lock.map(|lock| LockSettings {
                wait: wait.unwrap_or(lock.wait),
                failure: LockFailure::Fail,
                ..lock.clone()
            });
            settings = Arc::new(Settings { lock, ..Settings::clone(&settings) });
        }
        let mut session = self.new_session(&settings);
        let answer = if session.lock(id.as_str().as_bytes(), ttl) { Answer::Yes } else { Answer::Failed };
        if tries && answer == Answer::Failed && matches!(session.cause(), Cause::Lock(_)) {
            return Answer::No;
        }
        self.tell(&mut session, answer);
        if answer == Answer::Yes {
            if let Some(earlier) = self.sessions.get_mut(id) {
                session.follow(&mut earlier.session);
            }
            self.keep(id.clone(), session, fiber, false);
        }
        answer
    }

    fn put(&mut self, id: &SessionId, data: &[u8], changed: bool, ttl: u64, fiber: usize) -> Answer {
        if !self.is_left_to(id, fiber) {
            return self.refuse_as_held(id);
        }
        let (bytes, mut is_left) = (id.as_str().as_bytes(), false);
        let is_own = sys::is_own_id(bytes);
        let moves = is_own && sys::rustredis_keeps_the_old_id();
        // A class may write a first record in its read(). PHP's save follows.
        let writer = if is_own && sys::rustredis_is_own_read() { Writer::Class } else { Writer::Saving };
        if moves && self.has_retired(id) {
            return Answer::Yes;
        }
        let answer = self.with_session(id, fiber, false, true, |session| {
            if moves {
                session.ask_end(bytes);
            }
            is_left = moves && session.retires(bytes, data);
            let done = if is_left {
                let is_left = session.retire(bytes, sys::rustredis_is_emptied());
                moves::note(session, ttl);
                is_left
            } else {
                let is_saved = session.put(bytes, data, changed, ttl, writer);
                if is_saved && changed {
                    left_ids::note_save(bytes);
                }
                is_saved
            };
            if done { Answer::Yes } else { Answer::Failed }
        });
        if is_left && answer == Answer::Yes {
            self.note_move(id);
            self.release(id);
            self.sessions.remove(id);
        }
        answer
    }

    fn destroy(&mut self, id: &SessionId, how: c_int, ttl: u64, fiber: usize) -> Answer {
        if !self.is_left_to(id, fiber) {
            return self.refuse_as_held(id);
        }
        let (bytes, moves) = (id.as_str().as_bytes(), how == 3);
        if moves && self.has_retired(id) {
            return Answer::Yes;
        }
        let answer = self.with_session(id, fiber, false, true, |session| {
            let done = match how {
                0 => session.destroy(bytes, Leave::Ended),
                1 => session.set_aside(bytes),
                3 => {
                    let is_left = session.destroy(bytes, Leave::moved(sys::rustredis_is_emptied()));
                    moves::note(session, ttl);
                    is_left
                }
                _ => true,
            };
            if done { Answer::Yes } else { Answer::Failed }
        });
        if answer == Answer::Yes {
            if moves {
                self.note_move(id);
            }
            self.release(id);
            // A session of this id that the caller writes next is a new one.
            self.sessions.remove(id);
        }
        answer
    }

    /// Releases a lock. The values that were read and written are remembered: a later write goes
    /// over nothing else.
    fn release(&mut self, id: &SessionId) {
        let Some(entry) = self.sessions.get_mut(id) else { return };
        entry.session.close();
        // The lock goes back in the background if its server does not answer.
        entry.session.take_warnings().into_iter().for_each(|warning| say(Say::Logged, warning));
        entry.session.rest();
        if !entry.session.is_worth_keeping() {
            self.sessions.remove(id);
        }
    }

    /// Does what a handler class has kept from the session that PHP gives up. Sessions that were
    /// written or destroyed have told already.
    fn before_close(&mut self) {
        if !self.sessions.values().any(|entry| entry.session.has_metadata()) {
            return;
        }
        let changes_id = sys::rustredis_changes_the_id();
        let gives_up = changes_id || moves::is_under_way() || sys::rustredis_destroys_a_session();
        if self.left.is_some() || !gives_up {
            return;
        }
        let own = self.sessions.iter_mut().find(|(id, _)| sys::is_own_id(id.as_str().as_bytes()));
        if let Some((_, Entry { session, .. })) = own {
            before_close(session, self.ttl);
            self.left = (changes_id && session.leaves_something()).then(|| session.heritage());
        }
    }

    /// Releases what this fiber has begun, or everything outside of fibers.
    fn release_all(&mut self, fiber: usize) {
        self.before_close();
        let ids: Vec<_> = self.sessions.keys().cloned().collect();
        for id in
            ids.iter().filter(|id| fiber == 0 || !self.is_of_another_fiber(id, fiber)).collect::<Vec<_>>()
        {
            self.release(id);
        }
    }
}

/// Returns true if PHP's own function asks for PHP's own session.
fn is_phps_own(id: &SessionId) -> bool {
    sys::rustredis_is_called_by_php() && sys::is_own_id(id.as_str().as_bytes())
}

/// Runs `body` with an object. The object is out of the list for that time, so that a panic frees
/// it.
fn with_object(handle: u64, body: impl FnOnce(&mut Object) -> Answer) -> c_int {
    let answer = guarded(Answer::Failed, || {
        let taken = OBJECTS.with_borrow_mut(|objects| {
            let at = objects.iter().position(|(known, _)| *known == handle)?;
            Some(objects.swap_remove(at).1)
        });
        let Some(mut object) = taken else {
            warn("rustredis: this RustRedis\\SessionHandler was given up after an internal error".into());
            return Answer::Failed;
        };
        let answer = if object.pid == process::id() {
            limit_strings(|| sys::rustredis_memory_left());
            object.cause = Cause::Other;
            body(&mut object)
        } else {
            warn(format!(
                "rustredis: this RustRedis\\SessionHandler belongs to process {}, which forked this one: make another in \
                 the child",
                object.pid
            ));
            Answer::Failed
        };
        OBJECTS.with_borrow_mut(|objects| objects.push((handle, object)));
        answer
    });
    answer as c_int
}

fn parsed(path: &str, texts: &IniValues) -> Result<ObjectSettings, String> {
    let pid = process::id();
    CACHE.with_borrow_mut(|cache| {
        // The TLS client of a parsed target has locks that the threads of its process take.
        cache.retain(|known| known.pid == pid);
        if let Some(known) = cache.iter().find(|known| known.path == path && known.texts == *texts) {
            return Ok(known.settings.clone());
        }
        let settings = ObjectSettings::parse(path, texts).map_err(|error| error.to_string())?;
        if cache.len() == CACHED {
            cache.remove(0);
        }
        cache.push(Parsed { pid, path: path.to_owned(), texts: texts.clone(), settings: settings.clone() });
        Ok(settings)
    })
}

/// An option of the constructor, as C passes it.
#[repr(C)]
pub struct OptionInC {
    name: *const c_char,
    name_len: usize,
    value: *const c_char,
    value_len: usize,
}

has_size!(OptionInC, 32);

/// The argument of the constructor that a message is about, as PHP counts.
const SAVE_PATH: c_int = 1;
const OPTIONS: c_int = 2;

/// Returns a new object, or the number of the argument that is not valid and a text about it.
fn make(own_path: &str, path: Option<&str>, options: &[(&str, &str)]) -> Result<Object, (c_int, String)> {
    // A thread-safe PHP and any other one get a pool of the same size.
    let mut texts = IniValues::collect(true, ini::text);
    if let Some(path) = path {
        texts = texts.for_servers_of(path, own_path);
    }
    let mut ttl = None;
    for (name, value) in options {
        if *name == "ttl" {
            let seconds = value.parse().ok().filter(|seconds| (1..=i64::from(i32::MAX)).contains(seconds));
            let seconds = seconds.and_then(|seconds| u64::try_from(seconds).ok());
            let text = "must have a good value for \"ttl\": it is a number of seconds, at least 1".to_owned();
            ttl = Some(seconds.ok_or((OPTIONS, text))?);
        } else {
            texts = texts.with_option(name, value).map_err(|bad| (OPTIONS, bad.to_string()))?;
        }
    }
    let argument = if path.is_some() { SAVE_PATH } else { 0 };
    let settings = parsed(path.unwrap_or(own_path), &texts).map_err(|text| {
        let text = if argument == 0 { text } else { text.replacen("session.save_path", "is not valid", 1) };
        (argument, text)
    })?;
    let pid = process::id();
    Ok(Object {
        pid,
        settings,
        ttl,
        sessions: HashMap::new(),
        left: None,
        retired: None,
        is_open: false,
        calls: 0,
        cause: Cause::Other,
        value: Vec::new(),
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rustredis_object_new(
    own_path: *const c_char,
    own_path_len: usize,
    path: *const c_char,
    path_len: usize,
    options: *const OptionInC,
    count: usize,
    argument: *mut c_int,
    text: *mut c_char,
    size: usize,
) -> u64 {
    guarded(0, || {
        // SAFETY: object.c passes a C string with its length, and a Zend string or null.
        let (own_path, path) = unsafe {
            let path = (!path.is_null()).then(|| String::from_utf8_lossy(bytes(path, path_len)));
            (String::from_utf8_lossy(bytes(own_path, own_path_len)), path)
        };
        // SAFETY: object.c passes `count` options, each with two Zend strings.
        let options: Vec<_> = (0..count)
            .map(|i| unsafe {
                let option = &*options.add(i);
                (
                    String::from_utf8_lossy(bytes(option.name, option.name_len)),
                    String::from_utf8_lossy(bytes(option.value, option.value_len)),
                )
            })
            .collect();
        let options: Vec<_> = options.iter().map(|(name, value)| (&**name, &**value)).collect();
        match make(&own_path, path.as_deref(), &options) {
            Ok(object) => {
                LAST.set(LAST.get() + 1);
                OBJECTS.with_borrow_mut(|objects| objects.push((LAST.get(), object)));
                LAST.get()
            }
            Err((about, reason)) => {
                // SAFETY: object.c passes a variable and a buffer of `size` bytes.
                unsafe {
                    *argument = about;
                    copy_text(&reason, text, size);
                }
                0
            }
        }
    })
}

#[unsafe(no_mangle)]
extern "C" fn rustredis_object_free(handle: u64) {
    guarded((), || {
        let freed = OBJECTS.with_borrow_mut(|objects| {
            let at = objects.iter().position(|(known, _)| *known == handle)?;
            Some(objects.swap_remove(at).1)
        });
        freed.into_iter().for_each(end);
    });
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rustredis_object_takes(id: *const c_char, id_len: usize) -> c_int {
    // SAFETY: object.c passes a Zend string.
    guarded(0, || c_int::from(SessionId::parse(unsafe { bytes(id, id_len) }).is_some()))
}

/// The calls, with the values of shim.h.
mod call {
    pub const CHECK: i32 = 0;
    pub const READ: i32 = 1;
    pub const WRITE: i32 = 2;
    pub const TOUCH: i32 = 3;
    pub const DESTROY: i32 = 4;
    pub const VALIDATE: i32 = 5;
    pub const LOCK: i32 = 6;
    pub const TRY_LOCK: i32 = 7;
    pub const RELEASE: i32 = 8;
    pub const RELEASE_ALL: i32 = 9;
    pub const IS_LOCKED: i32 = 10;
    pub const PEEK: i32 = 11;
    pub const EXISTS: i32 = 12;
}

/// `rustredis_call` of shim.h.
#[repr(C)]
pub struct CallInC {
    id: *const c_char,
    id_len: usize,
    data: *const c_char,
    data_len: usize,
    maxlifetime: i64,
    wait: f64,
    fiber: usize,
    how: c_int,
    read_only: c_int,
    value: *const c_char,
    value_len: usize,
    is_overtaken: c_int,
}

has_size!(CallInC, 88);

#[unsafe(no_mangle)]
unsafe extern "C" fn rustredis_object_call(handle: u64, what: c_int, call: *mut CallInC) -> c_int {
    let run = |object: &mut Object| {
        // SAFETY: object.c passes a variable of its own, with Zend strings or empty texts.
        let (call, id, data) = unsafe {
            let call = &mut *call;
            (&*call, bytes(call.id, call.id_len), bytes(call.data, call.data_len))
        };
        match what {
            call::CHECK => return Answer::Yes,
            call::RELEASE_ALL => {
                object.release_all(call.fiber);
                return Answer::Yes;
            }
            _ => {}
        }
        let Some(id) = SessionId::parse(id) else { return Answer::No };
        let ttl = object.ttl.unwrap_or_else(|| ttl(call.maxlifetime));
        let access = Access::of(call.read_only != 0);
        match what {
            call::READ => object.read(&id, access, call.how, ttl, call.fiber),
            call::WRITE => object.put(&id, data, true, ttl, call.fiber),
            call::TOUCH => object.put(&id, data, false, ttl, call.fiber),
            call::DESTROY => object.destroy(&id, call.how, ttl, call.fiber),
            call::VALIDATE => object.validate(&id, access, ttl, call.fiber),
            call::LOCK => {
                let wait = (call.wait >= 0.0).then(|| Duration::from_secs_f64(call.wait));
                object.lock(&id, ttl, wait, call.fiber, false)
            }
            call::TRY_LOCK => object.lock(&id, ttl, Some(Duration::ZERO), call.fiber, true),
            call::RELEASE => {
                // A fiber that was refused has nothing to release.
                if object.is_left_to(&id, call.fiber) {
                    object.release(&id);
                }
                Answer::Yes
            }
            call::IS_LOCKED => object.sessions.get(&id).is_some_and(|entry| entry.session.is_locked()).into(),
            call::PEEK => object.peek(&id),
            call::EXISTS => object.aside(&id, |session| {
                session.exists(id.as_str().as_bytes()).map_or(Answer::Failed, Answer::from)
            }),
            _ => Answer::Failed,
        }
    };
    with_object(handle, |object| {
        object.value = Vec::new();
        let answer = run(object);
        // SAFETY: as above.
        unsafe {
            let call = &mut *call;
            let id = SessionId::parse(bytes(call.id, call.id_len));
            let read = id.filter(|_| what == call::READ).and_then(|id| object.sessions.get(&id));
            let value = read.map_or(&*object.value, |entry| entry.session.value());
            call.is_overtaken = c_int::from(
                read.is_some_and(|entry| entry.session.is_overtaken(bytes(call.id, call.id_len))),
            );
            // The bytes stay where they are until the next call or rustredis_object_done.
            (call.value, call.value_len) = (value.as_ptr().cast(), value.len());
        }
        answer
    })
}

#[unsafe(no_mangle)]
extern "C" fn rustredis_object_set_open(handle: u64, is_open: bool) -> c_int {
    let set = || {
        OBJECTS.with_borrow_mut(|objects| {
            if let Some((_, object)) = objects.iter_mut().find(|(known, _)| *known == handle) {
                object.is_open = is_open;
            }
            objects.iter().any(|(_, object)| object.is_open)
        })
    };
    guarded(false, set).into()
}

#[unsafe(no_mangle)]
extern "C" fn rustredis_leave_open_objects(fiber: usize) {
    let open = || {
        let pid = process::id();
        OBJECTS.with_borrow_mut(|objects| {
            let is_open = |object: &mut Object| mem::take(&mut object.is_open) && object.pid == pid;
            objects.iter_mut().filter_map(|(handle, object)| is_open(object).then_some(*handle)).collect()
        })
    };
    for handle in guarded(Vec::new(), open) {
        with_object(handle, |object| {
            object.release_all(fiber);
            Answer::Yes
        });
    }
}

/// See shim.h. Until this call, a write of the session is refused: PHP may have run out of memory.
#[unsafe(no_mangle)]
unsafe extern "C" fn rustredis_object_done(handle: u64, id: *const c_char, id_len: usize) {
    with_object(handle, |object| {
        // SAFETY: object.c passes a Zend string.
        let id = SessionId::parse(unsafe { bytes(id, id_len) });
        object.value = Vec::new();
        if let Some((id, entry)) = id.and_then(|id| object.sessions.get_mut(&id).map(|entry| (id, entry))) {
            entry.session.remember(id.as_str().as_bytes());
            entry.session.note_look(id.as_str().as_bytes());
            entry.session.drop_value();
        }
        Answer::Yes
    });
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rustredis_object_is_missing(handle: u64, id: *const c_char, id_len: usize) -> c_int {
    guarded(0, || {
        // SAFETY: handler.c passes a Zend string with its length.
        let Some(id) = SessionId::parse(unsafe { bytes(id, id_len) }) else { return 0 };
        OBJECTS.with_borrow(|objects| {
            let own = objects.iter().find(|(known, _)| *known == handle);
            let entry = own.and_then(|(_, object)| object.sessions.get(&id));
            entry.is_some_and(|entry| entry.session.is_missing(id.as_str().as_bytes())).into()
        })
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rustredis_object_lose(handle: u64, id: *const c_char, id_len: usize, number: c_int) {
    let lose = || {
        // SAFETY: handler.c passes a Zend string with its length.
        let id = unsafe { bytes(id, id_len) };
        let pid = process::id();
        OBJECTS.with_borrow_mut(|objects| {
            let own = objects.iter_mut().find(|(known, object)| *known == handle && object.pid == pid);
            let entry = own.and_then(|(_, object)| object.sessions.get_mut(&SessionId::parse(id)?));
            match entry {
                Some(entry) => entry.session.lose(id, flaw(number)),
                None => flaw(number).count(),
            }
        });
    };
    guarded((), lose);
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rustredis_object_failure(handle: u64, failure: *mut FailureInC) {
    let cause = || {
        OBJECTS.with_borrow(|objects| {
            let own = objects.iter().find(|(known, _)| *known == handle);
            own.map_or(Cause::Other, |(_, object)| object.cause.clone())
        })
    };
    // SAFETY: object.c passes a variable of its own.
    unsafe { tell_failure(cause, failure) };
}
