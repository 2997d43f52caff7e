//! The list of a user's sessions: the script in Redis and its rules in memory give the same answers
//! to the same calls.

use std::sync::Arc;

use phpsess_rs::{
    config::{IniValues, Settings},
    protocol::{Keys, OnLimit, SessionId, UserCall, UserList, list_name},
    store::{Store, memory::MemoryStore, redis::RedisStore},
};
use redis::Commands;

use crate::support::{
    poll::{self, SOON},
    random::Random,
    redis::Server,
};

const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
const LIFE: u64 = 60_000;

fn keys(user: &str) -> Keys {
    let name = SessionId::parse(list_name(user.as_bytes()).as_bytes()).unwrap();
    Keys::of_list("PHPREDIS_SESSION:", &name, false)
}

/// The values have times of two clocks, which differ.
fn told(list: &UserList) -> (bool, Vec<(String, bool, Option<String>)>) {
    let text = |id: &SessionId| id.as_str().to_owned();
    let mut sessions: Vec<_> = list
        .sessions
        .iter()
        .map(|one| (text(&one.id), one.is_victim, one.before.as_ref().map(text)))
        .collect();
    sessions.sort();
    (list.is_full, sessions)
}

#[test]
fn lists_of_users_follow_the_same_rules_in_memory() {
    let server = Server::start();
    let settings = Settings::parse(&server.save_path(), &IniValues::default()).unwrap();
    let (mut redis, mut memory) = (RedisStore::new(Arc::new(settings)), MemoryStore::new());
    let mut random = Random::new(17);
    let start = redis.user_list(&keys("nobody"), &UserCall::List).unwrap().now;
    let mut both = |keys: &Keys, calls: [&UserCall<'_>; 2]| {
        let theirs = redis.user_list(keys, calls[0]).unwrap();
        let mut server = memory.server();
        let passed = theirs.now - start - server.now();
        server.advance(passed);
        drop(server);
        [theirs, memory.user_list(keys, calls[1]).unwrap()]
    };
    for round in 0..200 {
        let keys = keys(&format!("user {round}"));
        for _ in 0..20 {
            let name = random.pick(&NAMES).unwrap();
            let few = random.between(0, 3);
            let before = random.pick(&NAMES).filter(|before| *before != name && few == 0);
            let passed = random.pick(&NAMES).filter(|passed| *passed != name && Some(*passed) != before);
            // A life that is over soon.
            let life = if random.between(0, 7) == 0 { 1 } else { LIFE };
            let limit = random.between(0, 3);
            let on_limit = if random.between(0, 1) == 0 { OnLimit::Oldest } else { OnLimit::Refuse };
            let dropped = [name, "none"];
            let stays = random.between(0, 1) == 0;
            let names_before = random.between(0, 1) == 0;
            // The value that a session has on both lists, or had, or not.
            let values = both(&keys, [&UserCall::List; 2]).map(|list| {
                let value = list.sessions.into_iter().find(|one| one.id.as_str() == name);
                // A client may leave the earlier name out.
                let value = value.map_or("1|2".to_owned(), |one| one.value);
                if names_before { value } else { value.splitn(3, '|').take(2).collect::<Vec<_>>().join("|") }
            });
            let leaves = random.between(0, 7);
            if leaves < 3 {
                let still = if random.between(0, 2) > 0 { &values } else { &["1|2".into(), "1|2".into()] };
                let [there, here] = still.each_ref().map(|value| [("none", "1|2"), (name, &**value)]);
                let leave = if leaves == 0 { UserCall::Forget } else { UserCall::End };
                both(&keys, [&leave(&there), &leave(&here)]);
            }
            let age = Some(random.between(0, 9)).filter(|age| *age < 6);
            let call = match random.between(0, 7) {
                0..4 => UserCall::Bind { name, life, before, limit, on_limit, stays, age },
                4 | 5 => UserCall::Bump { name, life, before, stays, passed },
                6 => UserCall::List,
                _ => UserCall::Drop(&dropped),
            };
            let [theirs, ours] = both(&keys, [&call; 2]);
            assert_eq!(told(&theirs), told(&ours), "{call:?}");
        }
        let ttl: i64 = server.connection().pttl(keys.data()).unwrap();
        assert!(ttl == -2 || ttl > 0 && ttl <= LIFE.cast_signed(), "{ttl}");
    }
}

#[test]
fn a_session_that_was_read_after_an_end_is_another_one() {
    let server = Server::start();
    let settings = Settings::parse(&server.save_path(), &IniValues::default()).unwrap();
    let (mut redis, mut memory) = (RedisStore::new(Arc::new(settings)), MemoryStore::default());
    // The time since the session was put on the list, chosen, ended, if it was, and read, if it was
    // not this user's by then.
    for (put, ended, age, is_victim) in [
        (20_000, None, None, true),
        (20_000, None, Some(25_000), true),
        (20_000, None, Some(15_000), false),
        (5000, None, Some(1000), true),
        (30_000, Some(20_000), None, true),
        (30_000, Some(20_000), Some(25_000), true),
        (30_000, Some(20_000), Some(15_000), false),
        (5000, Some(2000), Some(1000), false),
        (90_000, Some(70_000), None, false),
    ] {
        let case = format!("{put} {ended:?} {age:?}");
        let keys = keys(&case);
        let bind = |name, age| UserCall::Bind {
            name,
            life: 2 * LIFE,
            before: None,
            limit: 1,
            on_limit: OnLimit::Oldest,
            stays: false,
            age,
        };
        memory.user_list(&keys, &bind("a", Some(0))).unwrap();
        memory.server().advance(put - ended.unwrap_or(put));
        let now = redis.user_list(&keys, &bind("b", Some(0))).unwrap().now;
        let answer = memory.user_list(&keys, &bind("b", Some(0))).unwrap();
        let mut value = format!("-{}|{}", now - put, now + LIFE);
        if let Some(ended) = ended {
            memory.user_list(&keys, &UserCall::End(&[("a", &answer.sessions[0].value)])).unwrap();
            memory.server().advance(ended);
            value = format!("~{}", now + 60_000 - ended);
        } else {
            // The mark does not tell when it was made.
            memory.server().advance(put);
        }
        let () = server.connection().hset(keys.data(), "a", &value).unwrap();
        for answer in [
            redis.user_list(&keys, &bind("a", age)).unwrap(),
            memory.user_list(&keys, &bind("a", age)).unwrap(),
        ] {
            let of = |name: &str| answer.sessions.iter().any(|one| one.is_victim && one.id.as_str() == name);
            assert_eq!((of("a"), of("b")), (is_victim, !is_victim), "{case}");
        }
        let stays: String = server.connection().hget(keys.data(), "a").unwrap();
        assert_eq!(stays == value, is_victim && ended.is_some(), "{case}: the trace stays what it is");
    }
}

#[test]
fn a_session_between_two_names_counts_once() {
    let server = Server::start();
    let settings = Settings::parse(&server.save_path(), &IniValues::default()).unwrap();
    let (mut redis, mut memory) = (RedisStore::new(Arc::new(settings)), MemoryStore::default());
    let keys = keys("moves");
    let bind = |name, before, limit, on_limit| UserCall::Bind {
        name,
        life: LIFE,
        before,
        limit,
        on_limit,
        stays: before.is_some(),
        age: Some(0),
    };
    let (refuse, oldest) = (OnLimit::Refuse, OnLimit::Oldest);
    // Each call, and whether the list is full then, with the sessions that it tells of.
    for (call, is_full, told) in [
        (bind("a", None, 0, oldest), false, &[][..]),
        (bind("b", Some("a"), 0, oldest), false, &[]),
        (bind("c", None, 2, refuse), false, &[]),
        (bind("d", None, 2, refuse), true, &["a", "b", "c"]),
        (UserCall::Bump { name: "b", life: LIFE, before: Some("a"), stays: true, passed: None }, false, &[]),
        // The one between two names was used last.
        (bind("d", None, 2, oldest), false, &["c"]),
        (UserCall::Drop(&["c"]), false, &[]),
        (bind("e", None, 2, oldest), false, &["a", "b"]),
        (UserCall::Drop(&["a", "b"]), false, &[]),
        // An earlier name may have come back to the list with another session.
        (bind("f", Some("g"), 0, oldest), false, &[]),
        (bind("g", None, 0, oldest), false, &[]),
        (bind("h", None, 4, refuse), true, &["d", "e", "f", "g"]),
    ] {
        for answer in [redis.user_list(&keys, &call).unwrap(), memory.user_list(&keys, &call).unwrap()] {
            let mut names: Vec<_> = answer.sessions.iter().map(|one| one.id.as_str()).collect();
            names.sort_unstable();
            assert_eq!((answer.is_full, &*names), (is_full, told), "{call:?}");
        }
        let now = |store: &mut RedisStore| store.user_list(&keys, &UserCall::List).unwrap().now;
        let then = now(&mut redis);
        poll::until("each call has a time of its own", SOON, || now(&mut redis) > then);
        memory.server().advance(1);
    }
}

#[test]
fn a_list_without_sessions_ends_with_its_traces() {
    let server = Server::start();
    let settings = Settings::parse(&server.save_path(), &IniValues::default()).unwrap();
    let mut redis = RedisStore::new(Arc::new(settings));
    let keys = keys("leaves");
    for leave in ["end", "drop", "forget"] {
        for name in ["a", "b"] {
            redis
                .user_list(
                    &keys,
                    &UserCall::Bump { name, life: 9 * LIFE, before: None, stays: false, passed: None },
                )
                .unwrap();
        }
        let places = redis.user_list(&keys, &UserCall::List).unwrap().sessions;
        for (i, place) in places.iter().enumerate() {
            let (id, value) = (place.id.as_str(), &*place.value);
            let (ids, values) = ([id], [(id, value)]);
            let call = match leave {
                "drop" if i == 1 => UserCall::Drop(&ids),
                "forget" if i == 1 => UserCall::Forget(&values),
                _ => UserCall::End(&values),
            };
            redis.user_list(&keys, &call).unwrap();
            let ttl: i64 = server.connection().pttl(keys.data()).unwrap();
            let longest = if i == 0 { 9 * LIFE } else { LIFE };
            assert!(
                ttl <= longest.cast_signed() && ttl > longest.cast_signed() - 30_000,
                "{leave} {i}: {ttl}"
            );
        }
        let () = server.connection().del(keys.data()).unwrap();
    }
}

#[test]
fn a_list_lives_as_long_as_the_last_of_its_sessions() {
    let server = Server::start();
    let settings = Settings::parse(&server.save_path(), &IniValues::default()).unwrap();
    let mut redis = RedisStore::new(Arc::new(settings));
    let keys = keys("remembered");
    for leave in ["end", "drop", "forget", "bump"] {
        let bump = |name, life| UserCall::Bump { name, life, before: None, stays: false, passed: None };
        redis.user_list(&keys, &bump("remembered", 90 * LIFE)).unwrap();
        redis.user_list(&keys, &bump("other", 3 * LIFE)).unwrap();
        let ttl = || server.connection().pttl::<_, i64>(keys.data()).unwrap().cast_unsigned();
        assert!(ttl() > 80 * LIFE && ttl() <= 90 * LIFE);
        let places = redis.user_list(&keys, &UserCall::List).unwrap().sessions;
        let place = places.iter().find(|place| place.id.as_str() == "remembered").unwrap();
        let places = [(place.id.as_str(), &*place.value)];
        let call = match leave {
            "drop" => UserCall::Drop(&["remembered"]),
            "forget" => UserCall::Forget(&places),
            "end" => UserCall::End(&places),
            _ => bump("remembered", 2 * LIFE),
        };
        redis.user_list(&keys, &call).unwrap();
        assert!(ttl() > 2 * LIFE && ttl() <= 3 * LIFE, "{leave}: {}", ttl());
        let () = server.connection().del(keys.data()).unwrap();
    }
}
