//! The list of a user's sessions: the script in Redis and its rules in memory give the same answers
//! to the same calls.

use std::{sync::Arc, thread, time::Duration};

use phpsess_rs::{
    config::{IniValues, Settings},
    protocol::{Keys, OnLimit, SessionId, UserCall, UserList, list_name},
    store::{Store, memory::MemoryStore, redis::RedisStore},
};
use redis::Commands;

use crate::support::{random::Random, redis::Server};

const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
const LIFE: u64 = 60_000;

fn keys(user: &str) -> Keys {
    let name = SessionId::parse(list_name(user.as_bytes()).as_bytes()).unwrap();
    Keys::of_list("PHPREDIS_SESSION:", &name, false)
}

/// The order is that of the times of a clock, which the two servers do not share.
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
    for round in 0..60 {
        let keys = keys(&format!("user {round}"));
        for _ in 0..20 {
            // Each bump has a time of its own on both servers.
            thread::sleep(Duration::from_millis(2));
            memory.server().advance(2);
            let name = random.pick(&NAMES).unwrap();
            let few = random.between(0, 3);
            let before = random.pick(&NAMES).filter(|before| *before != name && few == 0);
            // A life that is over before the next call.
            let life = if random.between(0, 7) == 0 { 1 } else { LIFE };
            let limit = random.between(0, 3);
            let on_limit = if random.between(0, 1) == 0 { OnLimit::Oldest } else { OnLimit::Refuse };
            let dropped = [name, "none"];
            let stays = random.between(0, 1) == 0;
            let names_before = random.between(0, 1) == 0;
            // The value that a session has on both lists, or had, or not.
            let values = [
                redis.user_list(&keys, &UserCall::List).unwrap(),
                memory.user_list(&keys, &UserCall::List).unwrap(),
            ]
            .map(|list| {
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
                redis.user_list(&keys, &leave(&there)).unwrap();
                memory.user_list(&keys, &leave(&here)).unwrap();
            }
            let is_known = random.between(0, 1) == 0;
            let call = match random.between(0, 7) {
                0..4 => UserCall::Bind { name, life, before, limit, on_limit, stays, is_known },
                4 | 5 => UserCall::Bump { name, life, before, stays },
                6 => UserCall::List,
                _ => UserCall::Drop(&dropped),
            };
            let (theirs, ours) =
                (redis.user_list(&keys, &call).unwrap(), memory.user_list(&keys, &call).unwrap());
            assert_eq!(told(&theirs), told(&ours), "{call:?}");
        }
        let ttl: i64 = server.connection().pttl(keys.data()).unwrap();
        assert!(ttl == -2 || ttl > 0 && ttl <= LIFE.cast_signed(), "{ttl}");
    }
}

#[test]
fn an_old_mark_is_that_of_an_earlier_session() {
    let server = Server::start();
    let settings = Settings::parse(&server.save_path(), &IniValues::default()).unwrap();
    let (mut redis, mut memory) = (RedisStore::new(Arc::new(settings)), MemoryStore::default());
    for (user, age, is_known, stays_one) in
        [("known", 20_000, true, true), ("old", 20_000, false, false), ("young", 5_000, false, true)]
    {
        let keys = keys(user);
        let bind = |name, is_known| UserCall::Bind {
            name,
            life: LIFE,
            before: None,
            limit: 1,
            on_limit: OnLimit::Oldest,
            stays: false,
            is_known,
        };
        memory.user_list(&keys, &bind("a", false)).unwrap();
        memory.server().advance(age);
        memory.user_list(&keys, &bind("b", false)).unwrap();
        let now = redis.user_list(&keys, &bind("b", false)).unwrap().now;
        let mark = format!("-{}|{}", now - age, now + LIFE);
        let () = server.connection().hset(keys.data(), "a", mark).unwrap();
        for answer in [
            redis.user_list(&keys, &bind("a", is_known)).unwrap(),
            memory.user_list(&keys, &bind("a", is_known)).unwrap(),
        ] {
            let of = |name: &str| answer.sessions.iter().any(|one| one.is_victim && one.id.as_str() == name);
            assert_eq!((of("a"), of("b")), (stays_one, !stays_one), "{user}");
        }
    }
}
