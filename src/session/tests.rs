//! The orders in which PHP calls a save handler, over the in-memory store.

use std::{cell::RefCell, rc::Rc, sync::Arc};

use super::{Access, Leave, Session, Writer, end::in_any_case, user::Limit};
use crate::{
    config::{IniValues, Setting, Settings},
    protocol::{Keys, OnLimit, Op, Reason, ReleaseReply, SessionData, SessionId, UserCall, Write, list_name},
    store::{Store, memory::MemoryStore},
};

pub(super) const ID: &[u8] = b"abcdefghijklmnop";
pub(super) const NEW: &[u8] = b"0123456789abcdef";
const OTHER: &[u8] = b"ghijklmnopghijkl";
pub(super) const TTL: u64 = 100;

fn session_with(store: &MemoryStore, texts: &IniValues) -> Session<MemoryStore> {
    let settings = Settings::parse("", texts).unwrap();
    Session::new(store.another(), Arc::new(settings), "host|1|cli|")
}

pub(super) fn session(store: &MemoryStore) -> Session<MemoryStore> {
    session_with(store, &IniValues::default())
}

fn unlocked() -> IniValues {
    IniValues::default().with(Setting::Locking, "0")
}

pub(super) fn keys(id: &[u8]) -> Keys {
    Keys::new("PHPREDIS_SESSION:", &SessionId::parse(id).unwrap())
}

/// Returns a server that holds one session.
pub(super) fn stored(value: &[u8]) -> MemoryStore {
    let store = MemoryStore::new();
    let mut session = session_with(&store, &unlocked());
    assert!(session.write(ID, value, TTL, Writer::Php));
    session.close();
    assert_eq!(holder(&store, ID), None);
    store
}

pub(super) fn data(store: &MemoryStore, id: &[u8]) -> Option<Vec<u8>> {
    store.server().data(&keys(id)).map(<[u8]>::to_vec)
}

pub(super) fn holder(store: &MemoryStore, id: &[u8]) -> Option<String> {
    store.server().holder(&keys(id)).map(str::to_owned)
}

pub(super) fn read(session: &mut Session<MemoryStore>, id: &[u8]) -> Vec<u8> {
    assert!(session.read(id, Access::Update, TTL), "{:?}", session.take_warnings());
    let value = session.value().to_vec();
    session.drop_value();
    value
}

/// Returns the request that has moved the stored session away from its id.
fn moves_away(store: &MemoryStore, texts: &IniValues) -> Session<MemoryStore> {
    let mut session = session_with(store, texts);
    read(&mut session, ID);
    assert!(session.destroy(ID, Leave::Moved));
    session.close();
    session
}

/// Returns the session that goes on under this id with what the earlier one has left.
fn goes_on(
    store: &MemoryStore,
    texts: &IniValues,
    earlier: &Session<MemoryStore>,
    id: &[u8],
) -> Session<MemoryStore> {
    let mut session = session_with(store, texts);
    session.inherit(earlier.heritage());
    read(&mut session, id);
    session
}

/// Returns the request that has given the stored session another user, and moved it away.
fn changes_user_and_moves(store: &MemoryStore, texts: &IniValues) -> Session<MemoryStore> {
    let mut session = session_with(store, texts);
    read(&mut session, ID);
    let no_limit = Limit { sessions: 0, on_limit: OnLimit::Oldest };
    assert_eq!(session.bind(b"v", "", no_limit, TTL), Some(true));
    assert!(session.destroy(ID, Leave::Moved));
    session.close();
    session
}

#[test]
fn a_changed_request_costs_two_trips_and_leaves_no_lock() {
    let store = stored(b"old");
    let mut session = session(&store);
    assert!(session.validate(ID, Access::Update, TTL));
    assert_eq!(read(&mut session, ID), b"old");
    assert!(holder(&store, ID).is_some());
    assert!(session.write(ID, b"new", TTL, Writer::Php));
    session.close();
    assert_eq!(session.store.trips, 2);
    assert_eq!(data(&store, ID).unwrap(), b"new");
    assert_eq!(holder(&store, ID), None);
}

#[test]
fn an_unchanged_request_only_refreshes_the_ttl() {
    let store = stored(b"old");
    let mut session = session(&store);
    read(&mut session, ID);
    store.server().advance(5000);
    assert!(session.touch(ID, b"old", TTL, Writer::Php));
    session.close();
    assert_eq!(session.store.trips, 2);
    assert_eq!(store.server().ttl(&keys(ID)), Some(TTL * 1000));
}

#[test]
fn a_session_that_vanished_is_stored_again_by_touch() {
    for texts in [IniValues::default(), unlocked()] {
        let store = stored(b"old");
        let mut session = session_with(&store, &texts);
        read(&mut session, ID);
        store.server().lose(&keys(ID));
        assert!(session.touch(ID, b"old", TTL, Writer::Php));
        session.close();
        assert_eq!(data(&store, ID).unwrap(), b"old");
        assert_eq!(holder(&store, ID), None);
    }
}

/// PHP 8.6 asks for a touch in this case, while PHP 8.5 asks for a write.
#[test]
fn a_new_session_that_stays_empty_is_stored_in_one_trip_unless_another_was_first() {
    for texts in [IniValues::default(), unlocked()] {
        let store = MemoryStore::new();
        let mut session = session_with(&store, &texts);
        read(&mut session, ID);
        assert!(session.touch(ID, b"", TTL, Writer::Php));
        session.close();
        assert_eq!(session.store.trips, 2);
        assert_eq!((data(&store, ID).unwrap(), holder(&store, ID)), (b"".to_vec(), None));
    }
    let store = MemoryStore::new();
    let [mut first, mut second] = [(); 2].map(|()| session_with(&store, &unlocked()));
    read(&mut first, ID);
    read(&mut second, ID);
    assert!(second.write(ID, b"new", TTL, Writer::Php));
    assert!(first.touch(ID, b"", TTL, Writer::Php));
    assert_eq!(data(&store, ID).unwrap(), b"new");
}

#[test]
fn read_and_close_takes_one_trip_and_no_lock() {
    let store = stored(b"old");
    store.server().lock_by(&keys(ID), "o:other:1", 1000);
    let mut session = session(&store);
    assert!(session.validate(ID, Access::Read, TTL));
    assert!(session.read(ID, Access::Read, TTL));
    session.close();
    assert_eq!((session.value(), session.store.trips), (&b"old"[..], 1));
    assert_eq!(holder(&store, ID).as_deref(), Some("o:other:1"));
}

#[test]
fn read_and_close_of_a_visitor_without_a_session_takes_one_trip_and_no_lock() {
    for strict in [true, false] {
        let store = MemoryStore::new();
        let mut session = session(&store);
        assert!(session.create(NEW, Access::Read, TTL, strict));
        assert_eq!(holder(&store, NEW), None);
        assert!(session.read(NEW, Access::Read, TTL));
        session.drop_value();
        session.close();
        assert_eq!((session.store.trips, data(&store, NEW)), (1, None), "{strict}");
    }
    // An id that is taken is none to read under.
    let store = stored(b"old");
    let mut session = session(&store);
    assert!(!session.create(ID, Access::Read, TTL, true));
}

#[test]
fn an_unknown_id_is_refused_in_strict_mode_before_anything_is_locked() {
    let store = MemoryStore::new();
    let mut session = session(&store);
    assert!(!session.validate(ID, Access::Update, TTL));
    assert_eq!(holder(&store, ID), None);
    assert!(session.create(NEW, Access::Update, TTL, true));
    assert_eq!(read(&mut session, NEW), b"");
    assert!(session.write(NEW, b"x", TTL, Writer::Php));
    session.close();
    assert_eq!(session.store.trips, 3);
    assert_eq!(data(&store, NEW).unwrap(), b"x");
}

#[test]
fn regenerating_with_deletion_costs_four_trips() {
    let store = stored(b"old");
    let mut session = session(&store);
    assert!(session.validate(ID, Access::Update, TTL));
    read(&mut session, ID);
    // session_regenerate_id(true): destroy, close, open, create_sid, validate, read
    assert!(session.destroy(ID, Leave::Moved));
    session.close();
    assert!(session.create(NEW, Access::Update, TTL, true));
    assert!(!session.validate(NEW, Access::Update, TTL));
    assert_eq!(read(&mut session, NEW), b"");
    assert!(session.write(NEW, b"new", TTL, Writer::Php));
    session.close();
    assert_eq!(session.store.trips, 4);
    assert_eq!((data(&store, ID), data(&store, NEW).unwrap()), (None, b"new".to_vec()));
}

#[test]
fn a_taken_new_id_is_refused_and_not_locked() {
    let store = stored(b"old");
    let mut session = session(&store);
    assert!(!session.create(ID, Access::Update, TTL, true));
    assert_eq!(holder(&store, ID), None);
}

#[test]
fn session_create_id_asks_without_locking() {
    let store = stored(b"old");
    let mut session = session(&store);
    read(&mut session, ID);
    assert!(session.create(NEW, Access::Update, TTL, true));
    assert!(!session.validate(NEW, Access::Update, TTL));
    assert_eq!(holder(&store, NEW), None);
    assert!(session.write(ID, b"new", TTL, Writer::Php));
    assert_eq!(data(&store, ID).unwrap(), b"new");
}

#[test]
fn a_created_id_that_is_not_used_is_given_back() {
    let store = stored(b"old");
    let mut session = session(&store);
    assert!(session.create(NEW, Access::Update, TTL, true));
    assert!(holder(&store, NEW).is_some());
    assert_eq!(read(&mut session, ID), b"old");
    assert_eq!(holder(&store, NEW), None);
}

#[test]
fn reset_reads_again_under_the_same_lock() {
    let store = stored(b"old");
    let mut session = session(&store);
    assert!(session.validate(ID, Access::Update, TTL));
    read(&mut session, ID);
    // session_reset(): open, validate, read
    assert!(session.validate(ID, Access::Update, TTL));
    assert_eq!(read(&mut session, ID), b"old");
    assert!(session.write(ID, b"new", TTL, Writer::Php));
    assert_eq!(data(&store, ID).unwrap(), b"new");
    assert_eq!(holder(&store, ID), None);
}

#[test]
fn abort_releases_the_lock_and_writes_nothing() {
    let store = stored(b"old");
    let mut session = session(&store);
    read(&mut session, ID);
    session.close();
    assert_eq!(session.store.trips, 2);
    assert_eq!((holder(&store, ID), data(&store, ID).unwrap()), (None, b"old".to_vec()));
}

#[test]
fn a_lost_lock_refuses_the_write_and_says_who_has_it() {
    let store = stored(b"old");
    let mut slow = session(&store);
    read(&mut slow, ID);
    store.server().lock_by(&keys(ID), "o:other:1|0|web2|77|fpm-fcgi|", 1000);
    assert!(!slow.write(ID, b"stale", TTL, Writer::Php));
    let warnings = slow.take_warnings();
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].contains("lost its lock") && warnings[0].contains("web2, pid 77"), "{warnings:?}");
    slow.close();
    assert!(!slow.take_warnings().iter().any(|w| w.contains("lock")), "close has nothing to add");
    assert_eq!(data(&store, ID).unwrap(), b"old");
    assert!(holder(&store, ID).unwrap().starts_with("o:other:1"));
}

#[test]
fn writes_behind_a_subclass_keep_the_lock_until_close() {
    let store = stored(b"old");
    let mut session = session(&store);
    read(&mut session, ID);
    for value in [b"one", b"two"] {
        assert!(session.write(ID, value, TTL, Writer::Class));
        assert!(holder(&store, ID).is_some());
    }
    session.close();
    assert_eq!((holder(&store, ID), data(&store, ID).unwrap()), (None, b"two".to_vec()));
}

#[test]
fn a_destroyed_session_is_not_written_back() {
    for texts in [IniValues::default(), unlocked()] {
        let store = stored(b"old");
        let mut slow = session_with(&store, &unlocked());
        read(&mut slow, ID);
        let mut logout = session_with(&store, &texts);
        read(&mut logout, ID);
        assert!(logout.destroy(ID, Leave::Ended));
        logout.close();
        assert!(!slow.write(ID, b"stale", TTL, Writer::Php));
        assert!(!slow.touch(ID, b"stale", TTL, Writer::Php));
        assert_eq!(data(&store, ID), None);
        assert!(slow.take_warnings()[0].contains("destroyed"));
    }
}

#[test]
fn a_new_session_under_a_destroyed_id_can_be_written() {
    for texts in [IniValues::default(), unlocked()] {
        let store = stored(b"old");
        let mut logout = session_with(&store, &texts);
        read(&mut logout, ID);
        assert!(logout.destroy(ID, Leave::Ended));
        logout.close();
        for value in [b"one", b"two"] {
            let mut later = session_with(&store, &texts);
            read(&mut later, ID);
            assert!(later.write(ID, value, TTL, Writer::Php), "{:?}", later.take_warnings());
            later.close();
            assert_eq!(data(&store, ID).unwrap(), value);
        }
    }
}

#[test]
fn a_request_that_did_not_get_its_turn_fails_or_reads() {
    let store = stored(b"old");
    store.server().lock_by(&keys(ID), "o:other:1|0|web2|77|cli|", 60_000);
    let wait = IniValues::default().with(Setting::LockWait, "0.5");
    let mut failing = session_with(&store, &wait);
    assert!(!failing.read(ID, Access::Update, TTL));
    assert!(failing.take_warnings()[0].contains("web2, pid 77"));

    let mut reading = session_with(&store, &wait.with(Setting::LockFailure, "readonly"));
    assert_eq!(read(&mut reading, ID), b"old");
    assert_eq!(reading.take_warnings().len(), 0, "a session_reset() may get the lock after all");
    assert!(reading.touch(ID, b"old", TTL, Writer::Php));
    assert!(!reading.write(ID, b"new", TTL, Writer::Php));
    assert!(reading.take_warnings()[0].contains("opened read-only"));
    reading.close();
    assert!(reading.take_warnings()[0].contains("is read-only for this request"));
    assert!(holder(&store, ID).unwrap().starts_with("o:other:1"));
    assert_eq!(data(&store, ID).unwrap(), b"old");
}

#[test]
fn an_outage_at_validate_keeps_the_id_and_warns_once_at_read() {
    let store = stored(b"old");
    let mut session = session(&store);
    session.store.down = 9;
    // The answer "unknown" would make PHP send a new id.
    assert!(session.validate(ID, Access::Update, TTL));
    assert!(session.take_warnings().is_empty());
    assert!(!session.read(ID, Access::Update, TTL));
    assert_eq!(session.take_warnings().len(), 1);
    assert_eq!(session.store.trips, 1, "the failure is kept, not tried again");
}

#[test]
fn an_outage_at_create_is_no_collision() {
    let store = MemoryStore::new();
    let mut session = session(&store);
    session.store.down = 9;
    assert!(session.create(NEW, Access::Update, TTL, true));
    assert!(!session.validate(NEW, Access::Update, TTL));
    assert!(!session.read(NEW, Access::Update, TTL));
    assert_eq!((session.take_warnings().len(), session.store.trips), (1, 1));
}

#[test]
fn bad_ids_are_refused_before_any_command() {
    let store = MemoryStore::new();
    let mut session = session(&store);
    for id in [&b""[..], b"a/b", b"a_b", b"x\0y", &[b'x'; 257]] {
        assert!(!session.validate(id, Access::Update, TTL));
        assert!(!session.read(id, Access::Update, TTL));
        assert!(!session.write(id, b"x", TTL, Writer::Php));
        assert!(!session.destroy(id, Leave::Ended));
        assert_eq!(session.take_warnings().len(), 3);
    }
    assert_eq!(session.store.trips, 0);
}

#[test]
fn too_large_values_are_refused_and_the_lock_is_released_at_close() {
    let store = stored(b"old");
    let mut session = session_with(&store, &IniValues::default().with(Setting::MaxValueSize, "4"));
    read(&mut session, ID);
    assert!(session.write(ID, b"1234", TTL, Writer::Class));
    assert!(!session.write(ID, b"12345", TTL, Writer::Php));
    assert!(session.take_warnings()[0].contains("rustredis.max_value_size"));
    session.close();
    assert_eq!((data(&store, ID).unwrap(), holder(&store, ID)), (b"1234".to_vec(), None));
}

#[test]
fn what_php_never_got_is_not_overwritten() {
    let store = stored(b"old");
    let mut session = session(&store);
    assert!(session.read(ID, Access::Update, TTL));
    // The test calls no drop_value, as if PHP had bailed out while it made its copy. PHP then
    // writes an empty session at shutdown.
    assert!(!session.write(ID, b"", TTL, Writer::Php));
    session.close();
    assert_eq!((data(&store, ID).unwrap(), holder(&store, ID)), (b"old".to_vec(), None));
}

#[test]
fn a_subclass_may_read_and_write_other_sessions() {
    let store = stored(b"old");
    let mut session = session(&store);
    read(&mut session, ID);
    assert_eq!(read(&mut session, NEW), b"");
    assert!(session.write(NEW, b"other", TTL, Writer::Class));
    assert_eq!(holder(&store, NEW), None);
    assert!(session.write(ID, b"own", TTL, Writer::Class));
    session.close();
    assert_eq!((data(&store, ID).unwrap(), data(&store, NEW).unwrap()), (b"own".to_vec(), b"other".to_vec()));
}

#[test]
fn waits_for_a_lock_that_ends() {
    let store = stored(b"old");
    store.server().lock_by(&keys(ID), "o:dead:1|0|h|1|cli|", 2000);
    let mut session = session(&store);
    assert_eq!(read(&mut session, ID), b"old");
    assert!(store.server().now() >= 2000);
}

#[test]
fn a_new_session_that_is_destroyed_leaves_nothing() {
    for texts in [IniValues::default(), unlocked()] {
        let store = MemoryStore::new();
        let mut session = session_with(&store, &texts);
        read(&mut session, ID);
        assert!(session.destroy(ID, Leave::Ended));
        session.close();
        let left = store.another().read(&keys(ID), TTL).unwrap();
        assert_eq!((left, holder(&store, ID)), (SessionData::default(), None));
    }
}

#[test]
fn a_new_session_that_was_stored_before_it_is_destroyed_leaves_a_mark() {
    let store = MemoryStore::new();
    let mut session = session(&store);
    read(&mut session, ID);
    assert!(session.write(ID, b"x", TTL, Writer::Class));
    assert!(session.destroy(ID, Leave::Ended));
    session.close();
    let left = store.another().read(&keys(ID), TTL).unwrap();
    assert!(left.data.is_none() && left.state.is_some());
}

#[test]
fn a_session_that_was_saved_and_given_back_is_not_saved_once_more() {
    let store = stored(b"old");
    let [mut first, mut second] = [(); 2].map(|()| session(&store));
    read(&mut first, ID);
    assert!(first.write(ID, b"one", TTL, Writer::Php));
    read(&mut second, ID);
    assert!(second.write(ID, b"two", TTL, Writer::Php));
    second.close();
    assert!(!first.write(ID, b"three", TTL, Writer::Php));
    assert!(first.take_warnings()[0].contains("gave its lock back"));
    assert_eq!(data(&store, ID).unwrap(), b"two");
}

#[test]
fn an_unknown_id_that_a_handler_class_only_looks_at_is_not_locked() {
    let store = MemoryStore::new();
    let mut session = session(&store);
    assert!(session.look(ID, Access::Update, TTL, false));
    assert_eq!((session.value(), holder(&store, ID)), (&b""[..], None));
    session.drop_value();
    // PHP makes an id of its own, and the class answers PHP's read with the value that it has seen.
    assert!(session.write(NEW, b"x", TTL, Writer::Class));
    session.close();
    assert_eq!((data(&store, NEW).unwrap(), holder(&store, NEW)), (b"x".to_vec(), None));
}

#[test]
fn a_known_id_that_a_handler_class_looks_at_is_locked() {
    let store = stored(b"old");
    let mut session = session(&store);
    assert!(session.look(ID, Access::Update, TTL, false));
    assert_eq!(session.value(), b"old");
    session.drop_value();
    assert!(holder(&store, ID).is_some());
    assert!(session.write(ID, b"new", TTL, Writer::Class));
    session.close();
    assert_eq!((data(&store, ID).unwrap(), holder(&store, ID)), (b"new".to_vec(), None));
}

/// Returns a server whose session went on under NEW.
fn moved() -> MemoryStore {
    let store = stored(b"old");
    let mut login = session(&store);
    read(&mut login, ID);
    assert!(login.destroy(ID, Leave::Moved));
    store
}

#[test]
fn a_late_request_whose_questions_find_no_server_leaves_no_lock() {
    // The command that finds no server is the acquire, that for the copy, or the release.
    for lost in 1..=3 {
        let store = moved();
        let mut late = session(&store);
        late.store.down_at = lost;
        assert!(!late.read(ID, Access::Update, TTL), "{lost}");
        late.close();
        assert_eq!(holder(&store, ID), None, "{lost}");
    }
}

#[test]
fn a_late_request_keeps_its_id_also_when_it_is_not_its_turn() {
    let store = moved();
    store.server().lock_by(&keys(ID), "o:other:1|0|web2|77|fpm-fcgi|", 1000);
    let texts = IniValues::default().with(Setting::LockWait, "0").with(Setting::LockFailure, "readonly");
    let mut late = session_with(&store, &texts);
    assert!(late.validate(ID, Access::Update, TTL));
    assert_eq!(read(&mut late, ID), b"old");
    assert!(late.touch(ID, b"old", TTL, Writer::Php));
    assert!(!late.write(ID, b"new", TTL, Writer::Php));
    let warnings = late.take_warnings();
    assert!(warnings.len() == 1 && warnings[0].contains("moved it to a new id"), "{warnings:?}");
}

#[test]
fn reset_after_a_write_without_an_answer_waits_for_no_lock_of_its_own() {
    for then in [IniValues::default(), unlocked()] {
        let store = stored(b"old");
        let mut session = session(&store);
        read(&mut session, ID);
        session.store.down = 1;
        assert!(!session.write(ID, b"new", TTL, Writer::Class));
        assert!(session.reopen(&Arc::new(Settings::parse("", &then).unwrap()), true));
        let before = store.server().now();
        assert_eq!(read(&mut session, ID), b"old");
        assert_eq!(store.server().now(), before);
        session.close();
        assert_eq!(holder(&store, ID), None);
    }
}

/// Reads and saves as a handler class does when PHP saves.
fn reads_and_saves(session: &mut Session<MemoryStore>, value: &[u8]) {
    assert!(session.read(ID, Access::Update, TTL));
    session.remember(ID);
    session.drop_value();
    assert!(session.write(ID, value, TTL, Writer::Saving));
}

#[test]
fn a_handler_class_that_saves_releases_with_its_write() {
    for value in [b"old", b"new"] {
        let store = stored(b"old");
        let mut session = session(&store);
        reads_and_saves(&mut session, value);
        assert_eq!((session.store.trips, holder(&store, ID)), (2, None));
        session.close();
        assert_eq!((session.store.trips, data(&store, ID).unwrap()), (2, value.to_vec()));
    }
}

#[test]
fn what_a_handler_class_writes_unchanged_is_only_refreshed() {
    for texts in [IniValues::default(), unlocked()] {
        let store = stored(b"old");
        let mut session = session_with(&store, &texts);
        assert!(session.read(ID, Access::Update, TTL));
        session.remember(ID);
        session.drop_value();
        // A client that knows no lock writes in between.
        let mut other = session_with(&store, &unlocked());
        assert!(other.write(ID, b"other", TTL, Writer::Php));
        store.server().advance(5000);
        assert!(session.write(ID, b"old", TTL, Writer::Saving));
        assert_eq!(data(&store, ID).unwrap(), b"other");
        assert_eq!(store.server().ttl(&keys(ID)), Some(TTL * 1000));
    }
    // The session has vanished, or was written with another value meanwhile.
    for vanishes in [true, false] {
        let store = stored(b"old");
        let mut session = session(&store);
        assert!(session.read(ID, Access::Update, TTL));
        session.remember(ID);
        session.drop_value();
        if vanishes {
            store.server().lose(&keys(ID));
        } else {
            assert!(session.write(ID, b"new", TTL, Writer::Class));
        }
        assert!(session.write(ID, b"old", TTL, Writer::Saving));
        session.close();
        assert_eq!((data(&store, ID).unwrap(), holder(&store, ID)), (b"old".to_vec(), None));
    }
}

#[test]
fn a_session_that_was_empty_and_stays_empty_is_only_refreshed() {
    let store = stored(b"");
    let mut session = session(&store);
    assert!(session.read(ID, Access::Update, TTL));
    session.drop_value();
    // A client that knows no lock writes in between.
    let mut other = session_with(&store, &unlocked());
    assert!(other.write(ID, b"other", TTL, Writer::Php));
    store.server().advance(5000);
    assert!(session.write(ID, b"", TTL, Writer::Php));
    assert_eq!(data(&store, ID).unwrap(), b"other");
    assert_eq!(store.server().ttl(&keys(ID)), Some(TTL * 1000));
    // One that was not there is stored, and one that had values is emptied.
    for before in [None, Some(&b"old"[..])] {
        let store = before.map_or_else(MemoryStore::new, stored);
        let mut session = self::session(&store);
        assert!(session.read(ID, Access::Update, TTL));
        session.drop_value();
        assert!(session.write(ID, b"", TTL, Writer::Php));
        assert_eq!(data(&store, ID).unwrap(), b"");
    }
}

#[test]
fn a_second_write_of_a_handler_class_takes_the_lock_again() {
    for (first, second) in [(b"one", b"two"), (b"old", b"two"), (b"one", b"old"), (b"one", b"one")] {
        for vanishes in [false, true] {
            let store = stored(b"old");
            let mut session = session(&store);
            reads_and_saves(&mut session, first);
            if vanishes {
                store.server().lose(&keys(ID));
            }
            assert!(session.write(ID, second, TTL, Writer::Saving), "{:?}", session.take_warnings());
            assert_eq!((data(&store, ID).unwrap(), holder(&store, ID)), (second.to_vec(), None));
            assert!(session.write(ID, b"three", TTL, Writer::Class));
            assert!(holder(&store, ID).is_some());
            session.close();
            assert_eq!((data(&store, ID).unwrap(), holder(&store, ID)), (b"three".to_vec(), None));
        }
    }
}

#[test]
fn a_second_write_of_a_handler_class_goes_over_nothing_of_others() {
    for destroys in [false, true] {
        let store = stored(b"old");
        let [mut first, mut second] = [(); 2].map(|()| session(&store));
        reads_and_saves(&mut first, b"one");
        read(&mut second, ID);
        if destroys {
            assert!(second.destroy(ID, Leave::Ended));
        } else {
            assert!(second.write(ID, b"two", TTL, Writer::Php));
        }
        second.close();
        // A refused write stays refused.
        for _ in 0..2 {
            assert!(!first.write(ID, b"three", TTL, Writer::Saving));
            let warnings = first.take_warnings();
            let word = if destroys { "destroyed" } else { "gave its lock back" };
            assert!(warnings.len() == 1 && warnings[0].contains(word), "{warnings:?}");
        }
        first.close();
        assert_eq!(data(&store, ID), (!destroys).then(|| b"two".to_vec()));
        assert_eq!(holder(&store, ID), None);
    }
}

#[test]
fn an_id_that_was_made_and_looked_at_is_locked() {
    let store = MemoryStore::new();
    let mut session = session(&store);
    assert!(session.look(NEW, Access::Update, TTL, true));
    assert_eq!(session.value(), b"");
    session.drop_value();
    assert!(holder(&store, NEW).is_some());
    assert!(session.write(NEW, b"x", TTL, Writer::Saving));
    assert_eq!((session.store.trips, data(&store, NEW).unwrap()), (2, b"x".to_vec()));
}

#[test]
fn what_could_not_be_read_is_not_overwritten() {
    let store = stored(b"old");
    store.server().lock_by(&keys(ID), "o:other:1|0|web2|77|fpm-fcgi|", 1000);
    let texts = IniValues::default().with(Setting::LockWait, "0");
    let mut session = session_with(&store, &texts);
    assert!(!session.read(ID, Access::Update, TTL));
    store.server().advance(1000);
    for writer in [Writer::Php, Writer::Saving, Writer::Class] {
        assert!(!session.write(ID, b"", TTL, writer));
        assert!(session.take_warnings().last().unwrap().contains("could not read it"));
    }
    assert_eq!(data(&store, ID).unwrap(), b"old");
    // Another try reads the session.
    assert_eq!(read(&mut session, ID), b"old");
    assert!(session.write(ID, b"new", TTL, Writer::Php));
}

/// A value that a handler class reads by hand once PHP has the session is no ground for the class'
/// next write.
#[test]
fn a_handler_class_that_reads_again_gets_no_lock_for_its_old_value() {
    for how in ["lost", "refused", "readonly", "unsure", "unlocked and destroyed"] {
        let store = stored(b"old");
        let mut texts =
            IniValues::default().with(Setting::LockWait, "0").with(Setting::LockFailure, "readonly");
        if how == "readonly" {
            store.server().lock_by(&keys(ID), "o:other:1|0|web2|77|fpm-fcgi|", 1000);
        } else if how == "unlocked and destroyed" {
            texts = unlocked();
        }
        let mut first = session_with(&store, &texts);
        assert_eq!(read(&mut first, ID), b"old");
        if how == "unsure" {
            first.store.down = 1;
            assert!(!first.write(ID, b"one", TTL, Writer::Class));
        }
        // The lease ends, and another request has its turn.
        store.server().advance(400_000);
        assert!(session_with(&store, &unlocked()).write(ID, b"two", TTL, Writer::Php));
        let mut second = session(&store);
        assert_eq!(read(&mut second, ID), b"two");
        if how == "unlocked and destroyed" {
            assert!(second.destroy(ID, Leave::Ended));
        } else {
            assert!(second.write(ID, b"three", TTL, Writer::Php));
        }
        second.close();
        if how == "refused" {
            assert!(!first.write(ID, b"one", TTL, Writer::Saving));
        }
        for writer in [Writer::Class, Writer::Saving, Writer::Php] {
            read(&mut first, ID);
            assert!(!first.write(ID, b"one", TTL, writer), "{how}");
        }
        first.close();
        let left = (how != "unlocked and destroyed").then(|| b"three".to_vec());
        assert_eq!((data(&store, ID), holder(&store, ID)), (left, None), "{how}");
    }
}

/// session_reset(), in contrast, gives PHP the value that is stored now.
#[test]
fn a_reset_after_a_lost_lock_is_a_new_start() {
    let store = stored(b"old");
    let mut first = session(&store);
    read(&mut first, ID);
    store.server().advance(400_000);
    assert!(session_with(&store, &unlocked()).write(ID, b"two", TTL, Writer::Php));
    assert!(!first.write(ID, b"one", TTL, Writer::Class));
    let settings = Arc::new(Settings::parse("", &IniValues::default()).unwrap());
    assert!(first.reopen(&settings, true));
    assert_eq!(read(&mut first, ID), b"two");
    assert!(first.write(ID, b"three", TTL, Writer::Php));
    assert_eq!(data(&store, ID).unwrap(), b"three");
}

#[test]
fn what_could_not_be_read_is_not_moved_but_may_be_destroyed_and_begun_anew() {
    let store = stored(b"old");
    store.server().lock_by(&keys(ID), "o:other:1|0|web2|77|fpm-fcgi|", 1000);
    let mut session = session_with(&store, &IniValues::default().with(Setting::LockWait, "0"));
    assert!(!session.read(ID, Access::Update, TTL));
    store.server().advance(1000);
    session.take_warnings();
    // With session_regenerate_id(true), the session under the new id would not be the stored one.
    assert!(!session.destroy(ID, Leave::Moved));
    let warnings = session.take_warnings();
    assert!(warnings.len() == 1 && warnings[0].contains("could not read it"), "{warnings:?}");
    assert_eq!(data(&store, ID).unwrap(), b"old");
    // A logout that finds no server has not happened.
    session.store.down = 9;
    assert!(!session.destroy(ID, Leave::Ended));
    session.store.down = 0;
    assert!(!session.write(ID, b"new", TTL, Writer::Class));
    assert_eq!(data(&store, ID).unwrap(), b"old");
    assert!(session.destroy(ID, Leave::Ended));
    assert_eq!(data(&store, ID), None);
    assert!(session.write(ID, b"new", TTL, Writer::Class), "{:?}", session.take_warnings());
    session.close();
    assert_eq!((data(&store, ID).unwrap(), holder(&store, ID)), (b"new".to_vec(), None));
}

#[test]
fn what_was_read_without_a_lock_on_purpose_is_never_written() {
    let store = stored(b"old");
    let mut session = session(&store);
    assert!(session.read(ID, Access::Read, TTL));
    session.drop_value();
    assert!(session_with(&store, &unlocked()).write(ID, b"new", TTL, Writer::Php));
    for writer in [Writer::Class, Writer::Saving, Writer::Php] {
        assert!(!session.write(ID, b"old", TTL, writer));
    }
    assert!(session.take_warnings()[0].contains("read_and_close"));
    assert!(session.touch(ID, b"old", TTL, Writer::Php));
    session.close();
    assert_eq!((data(&store, ID).unwrap(), holder(&store, ID)), (b"new".to_vec(), None));
}

#[test]
fn what_was_fetched_for_a_read_is_not_delivered_much_later() {
    for (texts, age) in [(IniValues::default(), 11), (unlocked(), 2)] {
        for ended in [false, true] {
            for asks_again in [false, true] {
                let store = stored(b"old");
                let mut session = session_with(&store, &texts);
                assert!(session.validate(ID, Access::Update, TTL));
                assert!(session.goes_on());
                let mut other = session_with(&store, &unlocked());
                assert!(if ended {
                    other.destroy(ID, Leave::Ended)
                } else {
                    other.write(ID, b"new", TTL, Writer::Php)
                });
                session.current.as_mut().unwrap().trace.since.time -= age * 1_000_000_000;
                if asks_again {
                    // An object begins with another session then, or gives the lock back.
                    assert!(!session.goes_on() || session.is_stale());
                    session.close();
                    assert_eq!(session.is_known(ID, Access::Update, TTL), Some(!ended));
                } else {
                    session.read_anew();
                }
                assert_eq!(read(&mut session, ID), if ended { &b""[..] } else { b"new" });
                session.close();
                assert_eq!(holder(&store, ID), None);
            }
        }
    }
}

#[test]
fn phps_own_session_takes_the_place_of_one_that_a_class_has_read_before() {
    let store = stored(b"old");
    let mut session = session(&store);
    assert_eq!(read(&mut session, NEW), b"");
    session.make_way(ID);
    assert_eq!(read(&mut session, ID), b"old");
    assert_eq!((holder(&store, ID).is_some(), holder(&store, NEW)), (true, None));
    // A second call with the same id changes nothing.
    session.make_way(ID);
    assert_eq!(read(&mut session, NEW), b"");
    assert!(session.write(ID, b"new", TTL, Writer::Saving));
    assert_eq!((data(&store, ID).unwrap(), holder(&store, ID)), (b"new".to_vec(), None));
}

#[test]
fn what_a_class_has_only_looked_at_is_not_written_over_another_value() {
    for (meanwhile, word) in
        [("nothing", None), ("written", Some("changed it")), ("destroyed", Some("destroyed it"))]
    {
        let store = stored(b"old");
        let mut first = session(&store);
        assert_eq!(read(&mut first, NEW), b"");
        assert!(first.read(ID, Access::Update, TTL));
        first.note_look(ID);
        first.drop_value();
        let mut second = session(&store);
        read(&mut second, ID);
        match meanwhile {
            "written" => assert!(second.write(ID, b"two", TTL, Writer::Php)),
            "destroyed" => assert!(second.destroy(ID, Leave::Ended)),
            _ => {}
        }
        second.close();
        let left = data(&store, ID);
        assert_eq!(first.write(ID, b"one", TTL, Writer::Class), word.is_none(), "{meanwhile}");
        let warnings = first.take_warnings();
        assert!(word.is_none_or(|word| warnings[0].contains(word)), "{meanwhile}: {warnings:?}");
        let left = if word.is_none() { Some(b"one".to_vec()) } else { left };
        assert_eq!((data(&store, ID), holder(&store, ID)), (left, None), "{meanwhile}");
        // PHP's own session is still the locked one.
        assert!(first.write(NEW, b"own", TTL, Writer::Php));
    }
}

#[test]
fn what_a_class_has_written_without_a_read_is_not_written_over_another_value() {
    for (meanwhile, word) in [
        ("nothing", None),
        ("written", Some("changed it")),
        ("destroyed", Some("destroyed it")),
        ("destroyed by itself", None),
    ] {
        let store = stored(b"old");
        let mut first = session(&store);
        assert_eq!(read(&mut first, NEW), b"");
        assert!(first.write(ID, b"first", TTL, Writer::Class));
        let mut second = session(&store);
        match meanwhile {
            "written" => {
                read(&mut second, ID);
                assert!(second.write(ID, b"two", TTL, Writer::Php));
            }
            "destroyed" => assert!(second.destroy(ID, Leave::Ended)),
            "destroyed by itself" => assert!(first.destroy(ID, Leave::Ended)),
            _ => {}
        }
        second.close();
        let left = data(&store, ID);
        assert_eq!(first.write(ID, b"again", TTL, Writer::Class), word.is_none(), "{meanwhile}");
        let warnings = first.take_warnings();
        assert!(word.is_none_or(|word| warnings[0].contains(word)), "{meanwhile}: {warnings:?}");
        let left = if word.is_none() { Some(b"again".to_vec()) } else { left };
        assert_eq!((data(&store, ID), holder(&store, ID)), (left, None), "{meanwhile}");
        // PHP's own session is still the locked one.
        assert!(first.write(NEW, b"own", TTL, Writer::Php));
    }
}

#[test]
fn a_put_overwrites_nothing_but_what_was_seen_last() {
    for (meanwhile, changed) in
        [("nothing", true), ("nothing", false), ("written", true), ("destroyed", true)]
    {
        let store = stored(b"old");
        let mut first = session(&store);
        assert!(first.read(ID, Access::Update, TTL));
        first.note_look(ID);
        first.drop_value();
        first.close();
        assert!(first.is_worth_keeping() && !first.goes_on());
        let mut second = session(&store);
        match meanwhile {
            "written" => assert!(second.put(ID, b"two", true, TTL, Writer::Saving)),
            "destroyed" => assert!(second.destroy(ID, Leave::Ended)),
            _ => {}
        }
        let left = data(&store, ID);
        // The lock is taken by the put, or before, by another value of this session.
        let mut third = session(&store);
        let locks = meanwhile == "written";
        if locks {
            assert!(third.lock(ID, TTL) && third.is_locked());
            third.follow(&mut first);
        }
        let writer = if locks { &mut third } else { &mut first };
        let is_written = meanwhile == "nothing";
        assert_eq!(
            writer.put(ID, if changed { b"one" } else { b"old" }, changed, TTL, Writer::Saving),
            is_written,
            "{meanwhile}"
        );
        let left = if is_written && changed { Some(b"one".to_vec()) } else { left };
        assert_eq!((data(&store, ID), holder(&store, ID)), (left, None), "{meanwhile}");
        // Without a close, the next put goes on from there.
        if is_written {
            assert!(first.put(ID, b"one more", true, TTL, Writer::Saving), "{:?}", first.take_warnings());
            assert_eq!(data(&store, ID).unwrap(), b"one more");
        }
    }
}

#[test]
fn a_class_that_saves_what_it_has_written_asks_for_nothing() {
    for meanwhile in ["nothing", "change", "lock", "end", "loss"] {
        let store = stored(b"old");
        let mut first = session(&store);
        assert!(first.put(ID, b"one", true, TTL, Writer::Saving));
        let mut other = session(&store);
        match meanwhile {
            "change" => assert!(other.put(ID, b"two", true, TTL, Writer::Saving)),
            "lock" => assert!(other.lock(ID, TTL)),
            "end" => assert!(other.destroy(ID, Leave::Ended)),
            "loss" => store.server().lose(&keys(ID)),
            _ => {}
        }
        let (theirs, held) = (data(&store, ID), holder(&store, ID));
        let (trips, changed) = (first.store.trips, meanwhile != "nothing");
        assert!(first.put(ID, b"one", changed, TTL, Writer::Saving), "{meanwhile}");
        let left = if meanwhile == "loss" { Some(b"one".to_vec()) } else { theirs };
        assert_eq!((data(&store, ID), holder(&store, ID)), (left, held), "{meanwhile}");
        assert_eq!(first.store.trips - trips, if meanwhile == "loss" { 3 } else { 1 }, "{meanwhile}");
    }
}

#[test]
fn a_lock_that_this_thread_has_is_not_waited_for() {
    let store = stored(b"old");
    let mut held = session(&store).beside(|_, keys| keys.lock().ends_with("_LOCK"));
    assert!(
        !held.lock(ID, TTL)
            && !held.read(ID, Access::Update, TTL)
            && !held.put(NEW, b"x", true, TTL, Writer::Saving)
    );
    assert!(matches!(held.cause(), super::Cause::Lock(_)));
    assert_eq!(held.is_known(ID, Access::Update, TTL), None);
    assert_eq!((held.store.trips, holder(&store, ID), data(&store, NEW)), (0, None, None));
    // No lock is needed for these.
    let mut value = None;
    assert!(held.peek(ID, &mut value));
    assert_eq!(
        (value.unwrap(), held.exists(ID), held.exists(NEW)),
        (b"old".to_vec(), Some(true), Some(false))
    );
    assert_eq!(store.server().ttl(&keys(ID)), Some(TTL * 1000));
}

#[test]
fn a_session_holds_only_its_own_lock() {
    let store = stored(b"old");
    let mut session = session(&store);
    assert!(session.lock(ID, TTL));
    let target = session.settings.shards.of(keys(ID).route).clone();
    assert!(session.holds(&target, &keys(ID)) && !session.holds(&target, &keys(NEW)));
    let elsewhere = crate::config::Target { database: 7, ..(*target).clone() };
    assert!(!session.holds(&elsewhere, &keys(ID)));
    session.close();
    assert!(!session.holds(&target, &keys(ID)) && !session.is_worth_keeping());
}

/// The clock of the server was changed.
#[test]
fn a_move_that_redis_calls_late_is_sent_again_without_its_deadline() {
    let op = |until| Op::Retire { grace: 10, forced: false, until };
    assert_eq!(in_any_case(op("5"), &Ok(ReleaseReply::Gone)), Some(op("")));
    for (op, reply) in [
        (op(""), ReleaseReply::Gone),
        (op("5"), ReleaseReply::Done),
        (op("5"), ReleaseReply::Dead),
        (Op::Keep, ReleaseReply::Gone),
    ] {
        assert_eq!(in_any_case(op, &Ok(reply)), None, "{op:?}");
    }
}

#[test]
fn a_session_comes_back_to_the_id_that_it_has_left_in_vain() {
    for texts in [IniValues::default(), unlocked()] {
        for deletes in [false, true] {
            let store = stored(b"old");
            let mut session = session_with(&store, &texts);
            read(&mut session, ID);
            let is_left = if deletes { session.destroy(ID, Leave::Moved) } else { session.retire(ID, false) };
            assert!(is_left);
            session.close();
            assert_eq!(data(&store, ID), None);
            let moved = session.take_moved().unwrap();
            assert!(session.bring_back(&moved, TTL), "{:?}", session.take_warnings());
            assert_eq!(data(&store, ID).unwrap(), b"old");
            assert_eq!(store.server().ttl(&keys(ID)), Some(TTL * 1000));
            assert_eq!((holder(&store, ID), session.take_moved().is_none()), (None, true));
            // The next request has it, and there is no copy any more.
            let mut next = session_with(&store, &texts);
            assert!(next.validate(ID, Access::Update, TTL));
            assert_eq!(read(&mut next, ID), b"old");
            assert!(next.write(ID, b"new", TTL, Writer::Php));
            next.close();
            assert_eq!(data(&store, ID).unwrap(), b"new");
            assert!(!session.bring_back(&moved, TTL));
        }
    }
}

#[test]
fn a_session_comes_back_if_the_answer_to_its_move_is_lost() {
    for (texts, deletes) in [IniValues::default(), unlocked()].iter().flat_map(|t| [(t, false), (t, true)]) {
        let store = stored(b"old");
        let mut session = session_with(&store, texts);
        read(&mut session, ID);
        session.store.lost_at = session.store.trips + 1;
        let is_left = if deletes { session.destroy(ID, Leave::Moved) } else { session.retire(ID, false) };
        assert!(!is_left);
        session.close();
        assert_eq!(data(&store, ID), None);
        let moved = session.take_moved().unwrap();
        session.take_warnings();
        assert!(session.bring_back(&moved, TTL));
        assert_eq!((data(&store, ID).unwrap(), holder(&store, ID)), (b"old".to_vec(), None));
        // The move of another request is not undone, and nothing is told twice.
        let mut other = session_with(&store, texts);
        read(&mut other, ID);
        assert!(other.retire(ID, false));
        other.close();
        assert!(!session.bring_back(&moved, TTL));
        assert_eq!(data(&store, ID), None);
        assert_eq!(session.take_warnings(), Vec::<String>::new());
    }
}

#[test]
fn a_session_that_moves_once_more_in_vain_is_stored_under_the_id_that_a_browser_has() {
    let hows = ["deleted", "retired", "given up"];
    for (texts, how) in [IniValues::default(), unlocked()].iter().flat_map(|t| hows.map(|how| (t, how))) {
        for is_taken in [false, true] {
            let store = stored(b"old");
            let first = moves_away(&store, texts);
            let mut second = session_with(&store, texts);
            second.inherit(first.heritage());
            assert!(second.create(NEW, Access::Update, TTL, true));
            read(&mut second, NEW);
            assert!(second.is_unsaved_after_a_move());
            match how {
                "deleted" => assert!(second.destroy(NEW, Leave::Moved)),
                "retired" => assert!(second.retire(NEW, false)),
                _ => second.bequeath_unsaved(false),
            }
            second.close();
            let moved = second.take_moved().unwrap();
            if is_taken {
                // Another request of the browser was quicker.
                let mut other = session_with(&store, texts);
                read(&mut other, NEW);
                assert!(other.write(NEW, b"other", TTL, Writer::Php));
                other.close();
            }
            assert!(second.bring_back(&moved, TTL), "{:?}", second.take_warnings());
            assert_eq!(data(&store, NEW).unwrap(), if is_taken { &b"other"[..] } else { b"old" });
            assert_eq!((data(&store, ID), holder(&store, NEW)), (None, None));
        }
    }
}

/// It has taken the copy of a session that another request moved.
#[test]
fn a_late_request_that_moves_once_more_in_vain_is_stored_under_the_id_that_its_browser_has() {
    for texts in [IniValues::default(), unlocked()] {
        for hows in ["deleted", "given up"] {
            let store = stored(b"old");
            moves_away(&store, &texts);
            let mut late = session_with(&store, &texts);
            assert_eq!(read(&mut late, ID), b"old");
            assert!(late.destroy(ID, Leave::Moved), "{:?}", late.take_warnings());
            late.close();
            assert!(late.take_moved().is_none(), "the session is no more its own under the old id");
            let mut second = goes_on(&store, &texts, &late, NEW);
            assert!(second.is_unsaved_after_a_move());
            match hows {
                "deleted" => assert!(second.destroy(NEW, Leave::Moved)),
                _ => second.bequeath_unsaved(false),
            }
            second.close();
            let moved = second.take_moved().unwrap();
            assert!(second.bring_back(&moved, TTL), "{:?}", second.take_warnings());
            assert_eq!((data(&store, ID), data(&store, NEW).as_deref()), (None, Some(&b"old"[..])));
            assert_eq!((holder(&store, ID), holder(&store, NEW)), (None, None));
        }
    }
}

#[test]
fn a_logout_beside_a_move_that_was_undone_ends_the_session() {
    for texts in [IniValues::default(), unlocked()] {
        let store = stored(b"old");
        let mut first = moves_away(&store, &texts);
        let mut late = session_with(&store, &texts);
        assert_eq!(read(&mut late, ID), b"old");
        let moved = first.take_moved().unwrap();
        assert!(first.bring_back(&moved, TTL));
        assert!(late.destroy(ID, Leave::Ended), "{:?}", late.take_warnings());
        late.close();
        assert_eq!(data(&store, ID), None);
        assert_eq!(read(&mut session_with(&store, &texts), ID), b"");
    }
}

#[test]
fn a_logout_of_a_session_that_came_back_and_moves_once_more_is_true_only_if_that_ends() {
    for (texts, has_user) in [IniValues::default(), unlocked()].iter().flat_map(|t| [(t, true), (t, false)]) {
        for act in 1.. {
            let store = if has_user { logged_in(texts) } else { stored(b"old") };
            let mut first = moves_away(&store, texts);
            let mut late = session_with(&store, texts);
            assert_eq!(read(&mut late, ID), b"old");
            let moved = first.take_moved().unwrap();
            assert!(first.bring_back(&moved, TTL));
            let second = Rc::new(RefCell::new((Some(session_with(&store, texts)), false)));
            let acts = second.clone();
            let (to, texts) = (store.another(), texts.clone());
            late.store.acts = vec![(
                late.store.trips + act,
                Rc::new(move || {
                    let mut second = acts.borrow_mut();
                    let mut session = second.0.take().unwrap();
                    if session.read(ID, Access::Update, TTL) && session.value() == b"old" {
                        session.drop_value();
                        if session.destroy(ID, Leave::Moved) {
                            session.close();
                            let mut next = session_with(&to, &texts);
                            next.inherit(session.heritage());
                            read(&mut next, NEW);
                            second.1 = next.write(NEW, b"new", TTL, Writer::Php);
                            next.close();
                        }
                    }
                }),
            )];
            let done = late.destroy(ID, Leave::Ended);
            let warnings = late.take_warnings();
            late.close();
            let (second, is_saved) = &*second.borrow();
            if second.is_some() {
                assert!(done && act > 2, "{act}: {warnings:?}");
                break;
            }
            let lives = data(&store, ID).is_some() || data(&store, NEW).is_some();
            let case = format!("{act}, user: {has_user}, saved: {is_saved}");
            assert!(!(done && lives), "{case}");
            assert!(done || !has_user && !warnings.is_empty(), "{case}: {warnings:?}");
        }
    }
}

#[test]
fn a_logout_while_a_second_move_is_undone_leaves_no_session() {
    for texts in [IniValues::default(), unlocked()] {
        for act in 1.. {
            let store = logged_in(&texts);
            let first = moves_away(&store, &texts);
            let mut late = session_with(&store, &texts);
            assert_eq!(read(&mut late, ID), b"old");
            let mut second = goes_on(&store, &texts, &first, NEW);
            assert!(second.destroy(NEW, Leave::Moved));
            let moved = second.take_moved().unwrap();
            second.close();
            let late = Rc::new(RefCell::new((late, None)));
            let logs_out = late.clone();
            second.store.acts = vec![(
                second.store.trips + act,
                Rc::new(move || {
                    let (late, done) = &mut *logs_out.borrow_mut();
                    *done = Some(late.destroy(ID, Leave::Ended));
                    late.close();
                }),
            )];
            let is_back = second.bring_back(&moved, TTL);
            let Some(done) = late.borrow().1 else {
                assert!(is_back && act > 3, "{act}");
                break;
            };
            let (old, new) = (data(&store, ID), data(&store, NEW));
            assert!(!done || old.is_none() && new.is_none(), "{act}: {old:?} {new:?}");
            assert_eq!((holder(&store, ID), holder(&store, NEW)), (None, None), "{act}");
        }
    }
}

/// Its request has looked at the state that says so, and not yet at the copy.
#[test]
fn a_late_request_takes_the_lock_of_a_session_that_has_come_back() {
    for waits in [true, false] {
        for then in ["writes", "moves", "ends"] {
            let store = stored(b"old");
            let first = Rc::new(RefCell::new(session(&store)));
            read(&mut first.borrow_mut(), ID);
            let act = |what: fn(&mut Session<MemoryStore>)| -> Rc<dyn Fn()> {
                let first = first.clone();
                Rc::new(move || what(&mut first.borrow_mut()))
            };
            let leaves = act(|first| {
                assert!(first.destroy(ID, Leave::Moved));
                first.close();
            });
            let returns = act(|first| {
                let moved = first.take_moved().unwrap();
                assert!(first.bring_back(&moved, TTL));
            });
            let mut late = session(&store);
            if waits {
                // Acquire, wait, release of the lock of a session that has moved, copy.
                late.store.acts = vec![(2, leaves), (4, returns)];
            } else {
                leaves();
                late.store.acts = vec![(2, returns)];
                assert!(late.validate(ID, Access::Update, TTL));
            }
            assert_eq!(read(&mut late, ID), b"old", "waits: {waits}");
            assert!(late.store.acts.is_empty() && holder(&store, ID).is_some(), "waits: {waits}");
            match then {
                "ends" => assert!(late.destroy(ID, Leave::Ended)),
                "moves" => assert!(late.destroy(ID, Leave::Moved), "{:?}", late.take_warnings()),
                _ => assert!(late.write(ID, b"new", TTL, Writer::Php)),
            }
            late.close();
            assert_eq!(data(&store, ID), (then == "writes").then(|| b"new".to_vec()), "waits: {waits}");
            assert_eq!(holder(&store, ID), None);
        }
    }
}

#[test]
fn a_waiter_whose_session_has_moved_and_ended_keeps_its_id_and_stores_nothing() {
    let store = stored(b"old");
    let first = Rc::new(RefCell::new(session(&store)));
    read(&mut first.borrow_mut(), ID);
    let leaves = first.clone();
    let ends = store.another();
    let mut waiter = session(&store);
    waiter.store.acts = vec![
        (
            2,
            Rc::new(move || {
                assert!(leaves.borrow_mut().destroy(ID, Leave::Moved));
                leaves.borrow_mut().close();
            }),
        ),
        (
            4,
            Rc::new(move || {
                let revoke = Write::new(Op::Delete(&Reason::Revoked), TTL, None, 1000);
                assert!(ends.clone().write(&keys(ID), &revoke).is_ok());
            }),
        ),
    ];
    assert_eq!(read(&mut waiter, ID), b"");
    assert!(waiter.store.acts.is_empty() && !waiter.write(ID, b"new", TTL, Writer::Php));
    waiter.close();
    assert_eq!((data(&store, ID), holder(&store, ID)), (None, None));
}

/// A handler class may destroy an id that is not the one of PHP's session.
#[test]
fn the_end_of_an_id_that_was_left_ends_no_session_under_the_next_one() {
    for texts in [IniValues::default(), unlocked()] {
        let store = logged_in(&texts);
        let first = moves_away(&store, &texts);
        let mut second = goes_on(&store, &texts, &first, NEW);
        assert!(second.write(NEW, b"new", TTL, Writer::Class));
        let mut another = session_with(&store, &texts);
        assert!(another.destroy(ID, Leave::Ended) && another.take_warnings().is_empty());
        assert!(second.write(NEW, b"newer", TTL, Writer::Php), "{:?}", second.take_warnings());
        second.close();
        assert_eq!(data(&store, NEW).as_deref(), Some(&b"newer"[..]));
    }
}

/// Without locking, a second read has what there is by then.
#[test]
fn a_late_request_without_lock_has_the_session_that_has_come_back() {
    let store = stored(b"old");
    let first = Rc::new(RefCell::new(session(&store)));
    read(&mut first.borrow_mut(), ID);
    assert!(first.borrow_mut().destroy(ID, Leave::Moved));
    first.borrow_mut().close();
    let mut late = session_with(&store, &unlocked());
    late.store.acts = vec![(
        2,
        Rc::new(move || {
            let moved = first.borrow_mut().take_moved().unwrap();
            assert!(first.borrow_mut().bring_back(&moved, TTL));
        }),
    )];
    assert_eq!(read(&mut late, ID), b"old");
    assert!(late.write(ID, b"new", TTL, Writer::Php));
    assert_eq!(data(&store, ID).unwrap(), b"new");
}

#[test]
fn a_logout_and_a_move_that_was_not_sent_are_not_undone() {
    for how in ["emptied", "not sent"] {
        let store = stored(b"old");
        let mut session = session(&store);
        read(&mut session, ID);
        let next = session.store.trips + 1;
        *(if how == "emptied" { &mut session.store.lost_at } else { &mut session.store.down_at }) = next;
        assert!(!session.retire(ID, how == "emptied"), "{how}");
        assert!(session.take_moved().is_none(), "{how}");
    }
}

#[test]
fn a_session_that_was_ended_meanwhile_does_not_come_back() {
    let store = stored(b"old");
    let mut session = session(&store);
    read(&mut session, ID);
    assert!(session.retire(ID, false));
    session.close();
    let mut other = session_with(&store, &unlocked());
    other.destroy(ID, Leave::Ended);
    let moved = session.take_moved().unwrap();
    assert!(!session.bring_back(&moved, TTL));
    assert_eq!(data(&store, ID), None);
}

#[test]
fn a_session_that_is_given_up_or_another_requests_does_not_come_back() {
    let store = stored(b"old");
    let mut first = session(&store);
    read(&mut first, ID);
    assert!(first.retire(ID, true));
    assert!(first.take_moved().is_none());
    let store = stored(b"old");
    let mut first = session(&store);
    read(&mut first, ID);
    assert!(first.retire(ID, false));
    first.close();
    let mut late = session(&store);
    read(&mut late, ID);
    assert!(late.retire(ID, false));
    assert!(late.take_moved().is_none());
}

#[test]
fn a_login_that_was_chosen_before_its_save_is_not_stored() {
    for locking in ["0", "1"] {
        let mut store = MemoryStore::new();
        let mut session = session_with(&store, &IniValues::default().with(Setting::Locking, locking));
        read(&mut session, ID);
        let no_limit = Limit { sessions: 0, on_limit: OnLimit::Oldest };
        assert_eq!(session.bind(b"u", "", no_limit, TTL), Some(true));
        // The login that has chosen it dies before it ends the session.
        let list =
            Keys::of_list("PHPREDIS_SESSION:", &SessionId::parse(list_name(b"u").as_bytes()).unwrap(), false);
        let bind = UserCall::Bind {
            name: "other",
            life: 2000 * TTL,
            before: None,
            limit: 1,
            on_limit: OnLimit::Oldest,
            stays: false,
            age: Some(0),
        };
        store.server().advance(1);
        assert_eq!(store.user_list(&list, &bind).unwrap().sessions.len(), 1);
        store.server().advance(5001);
        assert!(!session.write(ID, b"new", TTL, Writer::Php));
        let warnings = session.take_warnings();
        assert!(warnings[0].contains("was not saved: another request has ended it"), "{warnings:?}");
        session.close();
        assert_eq!((data(&store, ID), holder(&store, ID)), (None, None));
        let state = store.server().state(&keys(ID)).map(str::to_owned);
        assert!(state.as_ref().is_some_and(|state| state.starts_with("dead|limit|")), "{state:?}");
        let left = store.user_list(&list, &UserCall::List).unwrap().sessions;
        assert_eq!(left.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(), ["other"]);
    }
}

/// Returns a server with a session of the user "u" under [`ID`].
fn logged_in(texts: &IniValues) -> MemoryStore {
    let store = MemoryStore::new();
    log_in(&store, texts, ID);
    store
}

fn log_in(store: &MemoryStore, texts: &IniValues, id: &[u8]) {
    let mut session = session_with(store, texts);
    read(&mut session, id);
    let no_limit = Limit { sessions: 0, on_limit: OnLimit::Oldest };
    assert_eq!(session.bind(b"u", "", no_limit, TTL), Some(true), "{:?}", session.take_warnings());
    assert!(session.write(id, b"old", TTL, Writer::Php));
    session.close();
}

#[test]
fn a_request_that_was_overtaken_spares_its_own_session_under_each_id() {
    let read_only =
        || IniValues::default().with(Setting::LockWait, "0").with(Setting::LockFailure, "readonly");
    for (how, texts) in [
        ("late", IniValues::default()),
        ("late", unlocked()),
        ("before", unlocked()),
        ("before", read_only()),
    ] {
        for step in ["left", "read", "stored", "moved again"] {
            let store = logged_in(&texts);
            log_in(&store, &texts, OTHER);
            let (mut first, mut late) = (session_with(&store, &texts), session_with(&store, &texts));
            read(&mut first, ID);
            if how == "before" {
                read(&mut late, ID);
            }
            assert!(first.destroy(ID, Leave::Moved));
            first.close();
            if how == "late" {
                assert_eq!(read(&mut late, ID), b"old");
            }
            let mut second = session_with(&store, &texts);
            second.inherit(first.heritage());
            if step != "left" {
                read(&mut second, NEW);
            }
            if step == "stored" || step == "moved again" {
                assert!(second.write(NEW, b"old", TTL, Writer::Php));
                second.close();
            }
            let mut id = NEW;
            if step == "moved again" {
                id = b"0000000000000000";
                let mut third = session_with(&store, &texts);
                read(&mut third, NEW);
                assert!(third.destroy(NEW, Leave::Moved));
                third.close();
                second = session_with(&store, &texts);
                second.inherit(third.heritage());
                read(&mut second, id);
            }
            let case = format!("{how}, {step}");
            let devices = late.devices(None, TTL).unwrap();
            let is_shown = step == "stored";
            let current: Vec<_> = devices.iter().map(|device| device.is_current).collect();
            assert_eq!(current, if is_shown { &[true, false][..] } else { &[false] }, "{case}");
            assert_eq!(late.revoke(None, None, true), Some(1), "{case}: {:?}", late.take_warnings());
            assert_eq!(data(&store, OTHER), None, "{case}");
            if step == "left" {
                read(&mut second, id);
            }
            assert!(second.write(id, b"new", TTL, Writer::Php), "{case}: {:?}", second.take_warnings());
            assert_eq!(data(&store, id).as_deref(), Some(&b"new"[..]), "{case}");
            second.close();
            late.close();
        }
    }
}

/// The request that moves the session gets no answer to its look at the earlier id.
#[test]
fn a_logout_between_the_halves_of_a_move_ends_it_whatever_answer_is_lost() {
    for texts in [IniValues::default(), unlocked()] {
        for lost in 1..5 {
            let store = logged_in(&texts);
            let first = moves_away(&store, &texts);
            let mut late = session_with(&store, &texts);
            assert_eq!(read(&mut late, ID), b"old");
            assert!(late.destroy(ID, Leave::Ended), "{:?}", late.take_warnings());
            late.close();
            let mut second = session_with(&store, &texts);
            second.inherit(first.heritage());
            second.store.down_at = lost;
            let is_read = second.read(NEW, Access::Update, TTL);
            second.drop_value();
            let is_saved = is_read && second.write(NEW, b"new", TTL, Writer::Php);
            second.close();
            assert!(!is_saved, "{lost}: {:?}", second.take_warnings());
            assert_eq!((data(&store, NEW), holder(&store, NEW)), (None, None), "{lost}");
        }
    }
}

/// The session was not stored under the id between the two changes.
#[test]
fn a_logout_between_two_changes_of_the_id_ends_the_session() {
    for (texts, emptied, is_left) in [IniValues::default(), unlocked()].iter().flat_map(|texts| {
        [(false, false), (false, true), (true, false), (true, true)].map(|(e, l)| (texts, e, l))
    }) {
        for lost in 0..6 {
            let store = logged_in(texts);
            let first = moves_away(&store, texts);
            let mut second = goes_on(&store, texts, &first, NEW);
            let mut late = session_with(&store, texts);
            assert_eq!(read(&mut late, ID), b"old");
            let mut log_out = || {
                let leave = if emptied { Leave::Emptied } else { Leave::Ended };
                assert!(late.destroy(ID, leave), "{:?}", late.take_warnings());
                late.close();
            };
            let mut leaves = || {
                assert!(second.destroy(NEW, Leave::Moved));
                second.close();
            };
            if is_left {
                leaves();
                log_out();
            } else {
                log_out();
                leaves();
            }
            let mut third = session_with(&store, texts);
            third.inherit(second.heritage());
            third.store.down_at = lost;
            let is_read = third.read(OTHER, Access::Update, TTL);
            third.drop_value();
            let is_saved = is_read && third.write(OTHER, b"new", TTL, Writer::Php);
            third.close();
            let case = format!("{lost}, emptied: {emptied}, left: {is_left}");
            assert!(!is_saved, "{case}: {:?}", third.take_warnings());
            assert_eq!((data(&store, OTHER), holder(&store, OTHER)), (None, None), "{case}");
        }
    }
}

/// The list of its former user does not lead to the new id.
#[test]
fn a_logout_behind_a_change_of_user_and_id_ends_the_session() {
    for (texts, is_revoked, between) in [IniValues::default(), unlocked()]
        .iter()
        .flat_map(|t| [false, true].map(|revoked| (t, revoked)))
        .flat_map(|(t, revoked)| [false, true].map(|between| (t, revoked, between)))
    {
        let store = logged_in(texts);
        let mut other = session_with(&store, texts);
        let mut first = session_with(&store, texts);
        read(&mut first, ID);
        if between {
            assert!(first.destroy(ID, Leave::Moved));
            first.close();
            let heritage = first.heritage();
            first = session_with(&store, texts);
            first.inherit(heritage);
            read(&mut first, OTHER);
        }
        let no_limit = Limit { sessions: 0, on_limit: OnLimit::Oldest };
        assert_eq!(first.bind(b"v", "", no_limit, TTL), Some(true));
        assert!(first.destroy(if between { OTHER } else { ID }, Leave::Moved));
        first.close();
        let mut second = goes_on(&store, texts, &first, NEW);
        if is_revoked {
            assert_eq!(other.revoke(Some(b"u"), None, false), Some(1));
        } else {
            read(&mut other, ID);
            assert!(other.destroy(ID, Leave::Ended), "{:?}", other.take_warnings());
        }
        other.close();
        let case = format!("revoked: {is_revoked}, between: {between}");
        assert!(!second.write(NEW, b"new", TTL, Writer::Php), "{case}");
        second.close();
        assert_eq!((data(&store, NEW), data(&store, ID)), (None, None), "{case}");
        let devices = session_with(&store, texts).devices(Some(b"v"), TTL).unwrap();
        assert_eq!(devices.len(), 0, "{case}");
    }
}

/// The list of the former user does not lead to the new id.
#[test]
fn a_logout_behind_the_save_after_a_change_of_user_and_id_is_false() {
    for texts in [IniValues::default(), unlocked()] {
        for is_own in [false, true] {
            let store = logged_in(&texts);
            let first = changes_user_and_moves(&store, &texts);
            let mut second = goes_on(&store, &texts, &first, NEW);
            // A handler class may delete the old id by itself.
            assert!(!is_own || second.destroy(ID, Leave::Ended));
            assert!(second.write(NEW, b"new", TTL, Writer::Php), "{:?}", second.take_warnings());
            second.close();
            let mut devices = session_with(&store, &texts);
            let count = |list: Vec<_>| list.len();
            assert_eq!(devices.devices(Some(b"u"), TTL).map(count), Some(0));
            assert_eq!(devices.revoke(Some(b"u"), None, false), Some(0));
            assert_eq!(devices.devices(Some(b"v"), TTL).map(count), Some(1));
            if !is_own {
                let mut late = session_with(&store, &texts);
                assert_eq!(read(&mut late, ID), b"old");
                assert!(!late.destroy(ID, Leave::Ended));
                assert_eq!(late.take_warnings().len(), 1);
                late.close();
            }
            assert_eq!(data(&store, NEW).as_deref(), Some(&b"new"[..]));
        }
    }
}

/// A handler class deletes the old id by itself, also behind the logout or the revocation.
#[test]
fn the_own_end_of_an_old_id_hides_no_end_of_others() {
    for (texts, is_revoked, is_first) in [IniValues::default(), unlocked()]
        .iter()
        .flat_map(|t| [false, true].map(|revoked| (t, revoked)))
        .flat_map(|(t, revoked)| [false, true].map(|first| (t, revoked, first)))
    {
        let store = logged_in(texts);
        let first = changes_user_and_moves(&store, texts);
        let mut second = goes_on(&store, texts, &first, NEW);
        let mut other = session_with(&store, texts);
        assert!(!is_first || second.destroy(ID, Leave::Ended));
        if is_revoked {
            assert_eq!(other.revoke(Some(b"u"), None, false), Some(1));
        } else {
            assert!(other.destroy(ID, Leave::Ended), "{:?}", other.take_warnings());
        }
        assert!(second.destroy(ID, Leave::Ended));
        let case = format!("revoked: {is_revoked}, own end first: {is_first}");
        assert!(!second.write(NEW, b"new", TTL, Writer::Php), "{case}");
        second.close();
        assert_eq!((data(&store, NEW), data(&store, ID)), (None, None), "{case}");
        assert_eq!(session_with(&store, texts).devices(Some(b"v"), TTL).map(|list| list.len()), Some(0));
    }
}

/// The browser logs in again under an id with which it has logged out.
#[test]
fn the_own_end_of_an_old_id_with_an_earlier_mark_is_none_of_others() {
    for (texts, ends_at) in
        [IniValues::default(), unlocked()].iter().flat_map(|t| [0, 1, 2].map(|at| (t, at)))
    {
        let store = logged_in(texts);
        let mut logout = session_with(&store, texts);
        read(&mut logout, ID);
        assert!(logout.destroy(ID, Leave::Ended));
        logout.close();
        let mut first = session_with(&store, texts);
        assert_eq!(read(&mut first, ID), b"");
        let no_limit = Limit { sessions: 0, on_limit: OnLimit::Oldest };
        for user in [b"u", b"v"] {
            assert_eq!(first.bind(user, "", no_limit, TTL), Some(true));
        }
        assert!(first.destroy(ID, Leave::Moved));
        first.close();
        let mut second = goes_on(&store, texts, &first, NEW);
        assert!(ends_at != 1 || second.destroy(ID, Leave::Ended));
        second.bequeath_unsaved(false);
        second.close();
        let mut third = goes_on(&store, texts, &second, OTHER);
        assert!(ends_at != 2 || third.destroy(ID, Leave::Ended));
        assert!(third.write(OTHER, b"new", TTL, Writer::Php), "{:?}", third.take_warnings());
        third.close();
        assert_eq!(data(&store, OTHER).as_deref(), Some(&b"new"[..]));
    }
}

/// A login could not end it. The request itself makes that good, and is none the better for it.
#[test]
fn a_session_that_a_limit_has_chosen_under_an_old_id_is_not_saved_under_the_next() {
    for (texts, has_looked) in [IniValues::default(), unlocked()].iter().flat_map(|t| [(t, false), (t, true)])
    {
        let store = logged_in(texts);
        let first = changes_user_and_moves(&store, texts);
        let mut second = goes_on(&store, texts, &first, NEW);
        let mut login = session_with(&store, texts);
        read(&mut login, OTHER);
        // The list answers, and the session does not.
        login.store.down_at = login.store.trips + 2;
        let one = Limit { sessions: 1, on_limit: OnLimit::Oldest };
        assert_eq!(login.bind(b"u", "", one, TTL), Some(true));
        assert_eq!(login.take_warnings().len(), 1);
        if has_looked {
            assert_eq!(second.devices(Some(b"u"), TTL).map(|list| list.len()), Some(0));
        } else {
            assert!(login.write(OTHER, b"login", TTL, Writer::Php));
            assert_eq!(session_with(&store, texts).devices(Some(b"u"), TTL).map(|list| list.len()), Some(1));
        }
        assert!(!second.write(NEW, b"new", TTL, Writer::Php), "{has_looked}");
        second.close();
        assert_eq!((data(&store, NEW), data(&store, ID)), (None, None));
    }
}

/// A handler class saves by hand under the id in between.
#[test]
fn a_session_that_is_saved_between_two_changes_of_its_id_goes_on_and_can_be_ended() {
    for (texts, has_new_user) in
        [IniValues::default(), unlocked()].iter().flat_map(|t| [(t, false), (t, true)])
    {
        let store = logged_in(texts);
        let first =
            if has_new_user { changes_user_and_moves(&store, texts) } else { moves_away(&store, texts) };
        let mut second = goes_on(&store, texts, &first, NEW);
        assert!(second.write(NEW, b"between", TTL, Writer::Class), "{:?}", second.take_warnings());
        assert!(second.destroy(NEW, Leave::Moved), "{:?}", second.take_warnings());
        second.close();
        let mut third = goes_on(&store, texts, &second, OTHER);
        assert!(third.write(OTHER, b"new", TTL, Writer::Php), "{has_new_user}: {:?}", third.take_warnings());
        third.close();
        assert_eq!((data(&store, NEW), data(&store, OTHER)), (None, Some(b"new".to_vec())));
        let mut late = session_with(&store, texts);
        assert_eq!(read(&mut late, NEW), b"between");
        assert!(late.destroy(NEW, Leave::Ended), "{has_new_user}: {:?}", late.take_warnings());
        late.close();
        assert_eq!((data(&store, OTHER), holder(&store, OTHER)), (None, None), "{has_new_user}");
    }
}

/// The change is given up behind what a handler class has saved by hand.
#[test]
fn a_session_that_was_saved_between_two_changes_of_its_id_comes_back() {
    for (texts, was_stored) in [IniValues::default(), unlocked()].iter().flat_map(|t| [(t, false), (t, true)])
    {
        let store = if was_stored { logged_in(texts) } else { MemoryStore::new() };
        let first = moves_away(&store, texts);
        let mut second = goes_on(&store, texts, &first, NEW);
        assert!(second.write(NEW, b"between", TTL, Writer::Class), "{:?}", second.take_warnings());
        assert!(second.destroy(NEW, Leave::Moved), "{:?}", second.take_warnings());
        let moved = second.take_moved().unwrap();
        second.close();
        assert!(second.bring_back(&moved, TTL), "{:?}", second.take_warnings());
        assert_eq!(data(&store, NEW).as_deref(), Some(&b"between"[..]), "{was_stored}");
    }
}

/// It ends its new id for the logout. A handler class that saves by itself moves once more.
#[test]
fn a_session_that_was_not_saved_for_the_end_of_an_old_id_goes_on_under_no_id() {
    for (texts, writer) in [IniValues::default(), unlocked()]
        .iter()
        .flat_map(|t| [Writer::Php, Writer::Saving, Writer::Class].map(|w| (t, w)))
    {
        let store = logged_in(texts);
        let first = changes_user_and_moves(&store, texts);
        let mut second = goes_on(&store, texts, &first, NEW);
        let mut other = session_with(&store, texts);
        read(&mut other, ID);
        assert!(other.destroy(ID, Leave::Ended), "{:?}", other.take_warnings());
        other.close();
        assert!(!second.write(NEW, b"new", TTL, writer));
        second.destroy(NEW, Leave::Moved);
        second.bequeath_unsaved(false);
        second.close();
        let mut third = goes_on(&store, texts, &second, OTHER);
        assert!(!third.write(OTHER, b"new", TTL, Writer::Php), "{writer:?}");
        third.close();
        for id in [ID, NEW, OTHER] {
            assert_eq!((data(&store, id), holder(&store, id)), (None, None), "{writer:?}");
        }
    }
}

#[test]
fn a_request_that_revokes_its_former_user_goes_on_under_its_new_id() {
    for texts in [IniValues::default(), unlocked()] {
        let store = logged_in(&texts);
        let first = changes_user_and_moves(&store, &texts);
        let mut second = goes_on(&store, &texts, &first, NEW);
        assert_eq!(second.revoke(Some(b"u"), None, false), Some(1));
        assert!(second.write(NEW, b"new", TTL, Writer::Php), "{:?}", second.take_warnings());
        second.close();
        assert_eq!(data(&store, NEW).as_deref(), Some(&b"new"[..]));
    }
}

#[test]
fn an_emptied_session_has_no_user_also_after_an_earlier_change_of_its_id() {
    for texts in [IniValues::default(), unlocked()] {
        let store = logged_in(&texts);
        let first = moves_away(&store, &texts);
        let mut second = goes_on(&store, &texts, &first, NEW);
        assert!(second.destroy(NEW, Leave::Emptied));
        second.close();
        let mut third = goes_on(&store, &texts, &second, OTHER);
        assert!(!third.is_of(b"u"));
        assert!(third.write(OTHER, b"new", TTL, Writer::Php), "{:?}", third.take_warnings());
        third.close();
        let mut login = session_with(&store, &texts);
        read(&mut login, b"0000000000000000");
        let one = Limit { sessions: 1, on_limit: OnLimit::Refuse };
        assert_eq!(login.bind(b"u", "", one, TTL), Some(true), "{:?}", login.take_warnings());
    }
}

/// A bystander's session must not end for a place that leads nowhere.
#[test]
fn a_failed_change_of_the_id_takes_back_the_login_before_it() {
    for texts in [IniValues::default(), unlocked()] {
        let store = logged_in(&texts);
        let first = moves_away(&store, &texts);
        let mut second = goes_on(&store, &texts, &first, NEW);
        let one = Limit { sessions: 1, on_limit: OnLimit::Refuse };
        assert_eq!(second.bind(b"v", "", one, TTL), Some(true));
        assert!(second.destroy(NEW, Leave::Moved));
        let moved = second.take_moved().unwrap();
        second.close();
        assert!(second.bring_back(&moved, TTL));
        let mut login = session_with(&store, &texts);
        read(&mut login, OTHER);
        assert_eq!(login.bind(b"v", "", one, TTL), Some(true), "{:?}", login.take_warnings());
    }
}

#[test]
fn a_session_that_keeps_its_id_is_on_the_list_of_its_new_user() {
    for texts in [IniValues::default(), unlocked()] {
        let store = logged_in(&texts);
        let first = changes_user_and_moves(&store, &texts);
        let mut second = goes_on(&store, &texts, &first, ID);
        assert!(second.write(ID, b"new", TTL, Writer::Php), "{:?}", second.take_warnings());
        second.close();
        let mut other = session_with(&store, &texts);
        assert_eq!(other.devices(Some(b"v"), TTL).map(|list| list.len()), Some(1));
        assert_eq!(other.revoke(Some(b"v"), None, false), Some(1));
        assert_eq!(data(&store, ID), None);
    }
}

#[test]
fn a_logout_under_a_new_id_frees_the_place_of_the_old_one() {
    for texts in [IniValues::default(), unlocked()] {
        let store = logged_in(&texts);
        let first = moves_away(&store, &texts);
        let mut second = goes_on(&store, &texts, &first, NEW);
        assert!(second.destroy(NEW, Leave::Ended), "{:?}", second.take_warnings());
        second.close();
        let mut login = session_with(&store, &texts);
        read(&mut login, OTHER);
        let one = Limit { sessions: 1, on_limit: OnLimit::Refuse };
        assert_eq!(login.bind(b"u", "", one, TTL), Some(true), "{:?}", login.take_warnings());
    }
}

/// A handler class passes the destroy() of an id on that was stored, and no other.
#[test]
fn an_ended_session_is_not_stored_under_a_later_id() {
    for (texts, is_own) in [IniValues::default(), unlocked()].iter().flat_map(|t| [(t, false), (t, true)]) {
        let store = logged_in(texts);
        let mut session = moves_away(&store, texts);
        if is_own {
            let mut next = goes_on(&store, texts, &session, NEW);
            assert_eq!(next.revoke(Some(b"u"), None, false), Some(1));
            session = next;
            session.bequeath_unsaved(false);
            session.close();
        } else {
            assert_eq!(session_with(&store, texts).revoke(Some(b"u"), None, false), Some(1));
        }
        for id in [OTHER, b"0000000000000000", b"1111111111111111"] {
            let mut next = goes_on(&store, texts, &session, id);
            next.bequeath_unsaved(false);
            next.close();
            session = next;
        }
        let last = b"2222222222222222";
        let mut next = goes_on(&store, texts, &session, last);
        assert!(!next.write(last, b"new", TTL, Writer::Php));
        let why = if is_own { "rustredis_revoke()" } else { "another request destroyed it" };
        let warnings = next.take_warnings();
        assert!(matches!(&warnings[..], [warning] if warning.contains(why)), "{warnings:?}");
        next.close();
        assert_eq!((data(&store, last), holder(&store, last)), (None, None));
    }
}

#[test]
fn an_emptied_session_leaves_no_copy_behind_a_class_that_passes_nothing_on() {
    for store in [stored(b"old"), logged_in(&IniValues::default())] {
        let first = moves_away(&store, &IniValues::default());
        let mut second = goes_on(&store, &IniValues::default(), &first, NEW);
        second.bequeath_unsaved(true);
        second.close();
        assert_eq!(read(&mut session(&store), ID), b"");
    }
}

/// Its place under the id in between is the only one that this user's list has.
#[test]
fn a_session_is_listed_between_two_ids_under_which_it_is_not_stored() {
    for (texts, has_user, is_read) in [IniValues::default(), unlocked()]
        .iter()
        .flat_map(|t| [(true, false), (true, true), (false, false)].map(|(user, read)| (t, user, read)))
    {
        let store = if has_user { logged_in(texts) } else { stored(b"old") };
        let first = moves_away(&store, texts);
        let mut second = goes_on(&store, texts, &first, NEW);
        let no_limit = Limit { sessions: 0, on_limit: OnLimit::Oldest };
        assert_eq!(second.bind(b"v", "", no_limit, TTL), Some(true));
        assert!(second.destroy(NEW, Leave::Moved));
        second.close();
        let mut third = session_with(&store, texts);
        third.inherit(second.heritage());
        if is_read {
            read(&mut third, OTHER);
        }
        let mut other = session_with(&store, texts);
        assert_eq!(other.revoke(Some(b"v"), None, false), Some(1), "{:?}", other.take_warnings());
        let is_saved = third.read(OTHER, Access::Update, TTL) && {
            third.drop_value();
            third.write(OTHER, b"new", TTL, Writer::Php)
        };
        third.close();
        assert!(!is_saved);
        assert_eq!((data(&store, OTHER), holder(&store, OTHER)), (None, None));
    }
}

/// The revocation knows nothing of the copy.
#[test]
fn the_copy_ends_with_a_session_that_was_to_be_stored_again() {
    for texts in [IniValues::default(), unlocked()] {
        for act in 1.. {
            let store = logged_in(&texts);
            let first = moves_away(&store, &texts);
            let mut second = goes_on(&store, &texts, &first, NEW);
            assert!(second.destroy(NEW, Leave::Moved));
            let moved = second.take_moved().unwrap();
            second.close();
            let other = Rc::new(RefCell::new((session_with(&store, &texts), None)));
            let revokes = other.clone();
            second.store.acts = vec![(
                second.store.trips + act,
                Rc::new(move || {
                    let (other, done) = &mut *revokes.borrow_mut();
                    *done = Some(other.revoke(Some(b"u"), None, false));
                }),
            )];
            let is_back = second.bring_back(&moved, TTL);
            let Some(done) = other.borrow().1 else { break };
            assert!(done.is_some(), "{act}");
            let late = read(&mut session_with(&store, &texts), ID);
            let case = format!("{act}, back: {is_back}, revoked: {done:?}");
            assert!(done == Some(0) || late.is_empty() && data(&store, NEW).is_none(), "{case}");
        }
    }
}

/// A login that finds the list full looks at each session on it, and then ends those that are gone.
#[test]
fn a_session_that_comes_back_after_the_look_of_a_login_stays() {
    for texts in [IniValues::default(), unlocked()] {
        for (limit, on_limit) in [(1, OnLimit::Refuse), (2, OnLimit::Refuse), (2, OnLimit::Oldest)] {
            for act in 1.. {
                let store = logged_in(&texts);
                if limit == 2 {
                    log_in(&store, &texts, b"0000000000000000");
                }
                // Its idle life is over, and its state is still there.
                store.server().lose(&keys(ID));
                let limit = Limit { sessions: limit, on_limit };
                let mut login = session_with(&store, &texts);
                read(&mut login, NEW);
                let back = Rc::new(RefCell::new((session_with(&store, &texts), None)));
                let comes_back = back.clone();
                login.store.acts = vec![(
                    login.store.trips + act,
                    Rc::new(move || {
                        let (back, done) = &mut *comes_back.borrow_mut();
                        read(back, ID);
                        let is_bound = back.bind(b"u", "", limit, TTL) == Some(true);
                        *done = Some(is_bound && back.write(ID, b"back", TTL, Writer::Php));
                        back.close();
                    }),
                )];
                let is_in = login.bind(b"u", "", limit, TTL) == Some(true)
                    && login.write(NEW, b"new", TTL, Writer::Php);
                login.close();
                let Some(is_back) = back.borrow().1 else { break };
                let case = format!("{on_limit:?}, {act}, in: {is_in}, back: {is_back}");
                let living = [ID, NEW].iter().filter(|id| data(&store, id).is_some()).count();
                assert!(living > 0 && (is_in || is_back), "{case}");
                if on_limit == OnLimit::Refuse {
                    assert_eq!(living, usize::from(is_in) + usize::from(is_back), "{case}");
                }
            }
        }
    }
}

#[test]
fn a_session_that_changes_its_user_is_chosen_before_its_save_or_after() {
    for texts in [IniValues::default(), unlocked()] {
        for writer in [Writer::Php, Writer::Class] {
            let store = logged_in(&texts);
            let mut session = session_with(&store, &texts);
            read(&mut session, ID);
            let limit = Limit { sessions: 1, on_limit: OnLimit::Oldest };
            assert_eq!(session.bind(b"v", "", limit, TTL), Some(true));
            store.server().advance(1);
            let mut other = session_with(&store, &texts);
            read(&mut other, NEW);
            assert_eq!(other.bind(b"v", "", limit, TTL), Some(true));
            // No login for the next user ends a session that has another one.
            assert_eq!(data(&store, ID).as_deref(), Some(&b"old"[..]));
            assert!(other.write(NEW, b"other", TTL, Writer::Php));
            other.close();
            assert!(!session.write(ID, b"new", TTL, writer));
            let warnings = session.take_warnings();
            assert!(warnings[0].contains("was not saved: another request has ended it"), "{warnings:?}");
            session.close();
            assert_eq!((data(&store, ID), holder(&store, ID)), (None, None));
            assert_eq!(data(&store, NEW).as_deref(), Some(&b"other"[..]));
            for (user, left) in [(b"u", 0), (b"v", 1)] {
                let devices = session_with(&store, &texts).devices(Some(user), TTL).unwrap();
                assert_eq!(devices.len(), left);
            }
        }
    }
}

#[test]
fn a_session_that_stays_under_its_earlier_id_counts_for_the_next_login() {
    for binds in [false, true] {
        for texts in [IniValues::default(), unlocked()] {
            let texts = texts.with(Setting::RegenerateGrace, "0");
            let store = logged_in(&texts);
            let limit = Limit { sessions: 2, on_limit: OnLimit::Oldest };
            store.server().advance(1);
            let mut first = session_with(&store, &texts);
            read(&mut first, ID);
            assert!(first.write(ID, b"old", TTL, Writer::Php));
            first.close();
            let mut second = goes_on(&store, &texts, &first, NEW);
            if binds {
                assert_eq!(second.bind(b"u", "", limit, TTL), Some(true));
            }
            assert!(second.write(NEW, b"new", TTL, Writer::Php));
            second.close();
            assert!(data(&store, ID).is_some() && data(&store, NEW).is_some());
            store.server().advance(1);
            let mut other = session_with(&store, &texts);
            read(&mut other, b"ghijklmnopghijkl");
            assert_eq!(other.bind(b"u", "", limit, TTL), Some(true));
            assert!(other.write(b"ghijklmnopghijkl", b"other", TTL, Writer::Php));
            other.close();
            // Only the one that was not used for the longest time has ended.
            assert_eq!((data(&store, ID), data(&store, NEW)), (None, Some(b"new".to_vec())), "{binds}");
        }
    }
}

#[test]
fn a_session_that_is_ended_in_the_middle_of_its_move_counts() {
    for texts in [IniValues::default(), unlocked()] {
        for age in [0, 10_001] {
            let store = logged_in(&texts);
            store.server().advance(age);
            let first = moves_away(&store, &texts);
            assert_eq!(session_with(&store, &texts).revoke(Some(b"u"), None, false), Some(1), "{age}");
            let mut second = goes_on(&store, &texts, &first, NEW);
            assert!(!second.write(NEW, b"new", TTL, Writer::Php));
            second.close();
            assert_eq!((data(&store, ID), data(&store, NEW)), (None, None));
        }
    }
}

#[test]
fn a_session_that_leaves_a_list_takes_no_later_login_off_it() {
    for is_taken in [true, false] {
        let store = logged_in(&unlocked());
        let no_limit = Limit { sessions: 0, on_limit: OnLimit::Oldest };
        let mut session = session_with(&store, &unlocked());
        read(&mut session, ID);
        assert_eq!(session.bind(b"v", "", no_limit, TTL), Some(true));
        let mut current = session.current.take().unwrap();
        assert!(session.list_and_update_state(&mut current, TTL).is_ok());
        store.server().advance(1);
        if is_taken {
            log_in(&store, &unlocked(), ID);
        }
        assert!(session.follow_on_list(&mut current, TTL).is_none());
        let list = |user: &[u8]| {
            let name = SessionId::parse(list_name(user).as_bytes()).unwrap();
            let keys = Keys::of_list("PHPREDIS_SESSION:", &name, false);
            store.another().user_list(&keys, &UserCall::List).unwrap().sessions.len()
        };
        assert_eq!((list(b"u"), list(b"v")), (usize::from(is_taken), 1));
    }
}

#[test]
fn a_revocation_that_cannot_tell_its_own_session_fails() {
    let store = logged_in(&unlocked());
    log_in(&store, &unlocked(), NEW);
    let mut session = session_with(&store, &unlocked());
    read(&mut session, ID);
    session.store.down_at = session.store.trips + 1;
    assert_eq!(session.revoke(None, None, true), None);
    let warnings = session.take_warnings();
    assert!(warnings.len() == 1 && warnings[0].contains("can't be looked up"), "{warnings:?}");
    assert!(data(&store, NEW).is_some());
    assert_eq!(session.revoke(None, None, true), Some(1));
}
