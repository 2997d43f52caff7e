//! The list of a user's sessions: the rules of `user.lua`.

use std::collections::BTreeMap;

use crate::protocol::{Listed, OnLimit, SessionId, UserCall, UserList};

/// The time in milliseconds for which the trace of a session that was ended stays.
const TRACE_MS: u64 = 60_000;

/// The time in milliseconds for which a login may be running.
const LOGIN_MS: u64 = 10_000;

/// The list of a user's sessions.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct List(BTreeMap<String, Entry>);

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Kind {
    Session,
    /// A limit has chosen it.
    Victim,
    /// It was ended.
    Trace,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Entry {
    bumped: u64,
    ends: u64,
    kind: Kind,
    before: Option<SessionId>,
}

impl Entry {
    fn value(&self) -> String {
        let Self { bumped, ends, kind, before } = self;
        let value = || Listed::value(*bumped, ends - bumped, before.as_ref());
        match kind {
            Kind::Session => value(),
            Kind::Victim => format!("-{}", value()),
            Kind::Trace => format!("~{ends}"),
        }
    }

    /// Returns true if a client names the entry so, with or without the earlier name.
    fn is_named(&self, value: &str) -> bool {
        let without = || Self { before: None, ..self.clone() }.value();
        self.value() == value || self.kind == Kind::Session && without() == value
    }
}

impl List {
    /// The names on the list.
    pub fn names(&self) -> Vec<&str> {
        self.0.keys().map(|name| &**name).collect()
    }

    /// Carries out a call.
    pub fn call(&mut self, now: u64, call: &UserCall<'_>) -> UserList {
        let mut reply = UserList { is_full: false, now, sessions: Vec::new() };
        let (name, before) = match *call {
            UserCall::Drop(names) => {
                for name in names {
                    self.0.remove(*name);
                }
                return reply;
            }
            UserCall::End(places) => {
                for (name, value) in places {
                    if let Some(entry) = self.0.get_mut(*name).filter(|entry| entry.value() == *value) {
                        *entry = Entry { bumped: now, ends: now + TRACE_MS, kind: Kind::Trace, before: None };
                    }
                }
                return reply;
            }
            UserCall::Forget(places) => {
                for (name, value) in places {
                    if self.0.get(*name).is_some_and(|entry| entry.is_named(value)) {
                        self.0.remove(*name);
                    }
                }
                return reply;
            }
            UserCall::Bump { name, life, before, stays, passed } => {
                let mut kind = self.next_kind(name, before, now, None);
                if let Some(passed) = passed.filter(|_| kind == Kind::Session) {
                    kind = self.next_kind(passed, None, now, None);
                }
                if let Some(passed) = passed.filter(|_| !self.has_trace(name, now)) {
                    self.0.remove(passed);
                }
                reply.sessions.extend(self.add(name, before, stays, (now, now + life), kind));
                return reply;
            }
            UserCall::List => ("", None),
            UserCall::Bind { name, before, .. } => (name, before),
        };
        let kind = match *call {
            UserCall::Bind { age, .. } => self.next_kind(name, before, now, age),
            _ => Kind::Session,
        };
        self.0.retain(|_, entry| entry.ends > now);
        let is_other = |of: &str| of != name && Some(of) != before;
        let of = |list: &Self, kind: Kind| -> Vec<Listed> {
            let entries = list.0.iter().filter(|(of, entry)| is_other(of) && entry.kind == kind);
            entries.filter_map(|(of, entry)| listed(of, entry)).collect()
        };
        let mut others = of(self, Kind::Session);
        reply.sessions = of(self, Kind::Victim);
        let UserCall::Bind { life, limit, on_limit, stays, .. } = *call else {
            reply.sessions.append(&mut others);
            return reply;
        };
        // A session whose login is running has two names, and is one.
        let earlier: Vec<_> = others.iter().map(|one| earlier_of(one, &others).cloned()).collect();
        let leaves = |one: &Listed| earlier.iter().flatten().any(|earlier| earlier.id == one.id);
        let count = others.iter().filter(|one| !leaves(one)).count();
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let over = if limit == 0 { 0 } else { (count + 1).saturating_sub(limit) };
        if over > 0 && on_limit == OnLimit::Refuse {
            reply.sessions.append(&mut others);
            return UserList { is_full: true, ..reply };
        }
        // It must not choose the session that has chosen it.
        let over = if kind == Kind::Victim { 0 } else { over };
        let mut oldest: Vec<_> = others.iter().filter(|one| !leaves(one)).collect();
        oldest.sort_by_key(|one| (one.bumped, one.id.as_str()));
        for victim in oldest.into_iter().take(over) {
            let mut victim = Some(victim);
            while let Some(one) = victim {
                let Some(entry) = self.0.get_mut(one.id.as_str()).filter(|own| own.kind == Kind::Session)
                else {
                    break;
                };
                entry.kind = Kind::Victim;
                let value = format!("-{}", one.value);
                reply.sessions.push(Listed { is_victim: true, value, ..one.clone() });
                victim = earlier_of(one, &others);
            }
        }
        reply.sessions.extend(self.add(name, before, stays, (now, now + life), kind));
        reply
    }

    /// Returns `Victim` if a limit has chosen the session, perhaps under its earlier name, or if it
    /// was ended. One that was read so long ago as another user's, or nobody's, may be another
    /// session than that.
    fn next_kind(&self, name: &str, before: Option<&str>, now: u64, age: Option<u64>) -> Kind {
        let is_later = |at: u64| age.is_none_or(|age| at + age > now);
        let was = self.0.get(name).or_else(|| self.0.get(before?)).filter(|entry| entry.ends > now);
        let is_victim = was.is_some_and(|was| match was.kind {
            Kind::Session => false,
            Kind::Victim => is_later(was.bumped) || now < was.bumped + LOGIN_MS,
            Kind::Trace => is_later(was.bumped),
        });
        if is_victim { Kind::Victim } else { Kind::Session }
    }

    fn has_trace(&self, name: &str, now: u64) -> bool {
        self.0.get(name).is_some_and(|own| own.kind == Kind::Trace && own.ends > now)
    }

    /// Adds a session, and returns it if it is a victim.
    fn add(
        &mut self,
        name: &str,
        before: Option<&str>,
        stays: bool,
        (bumped, ends): (u64, u64),
        kind: Kind,
    ) -> Option<Listed> {
        let earlier = before.and_then(|before| SessionId::parse(before.as_bytes()));
        let entry = Entry { bumped, ends, kind, before: earlier };
        let victim = listed(name, &entry).filter(|listed| listed.is_victim);
        // A call that comes behind the end of its session is late.
        if victim.is_some() && self.has_trace(name, bumped) {
            return victim;
        }
        if let Some(before) = before.filter(|_| !stays) {
            self.0.remove(before);
        }
        self.0.insert(name.to_owned(), entry);
        victim
    }
}

/// Returns the session's place under its earlier name. One that came later to the list is that of
/// another session.
fn earlier_of<'a>(one: &Listed, others: &'a [Listed]) -> Option<&'a Listed> {
    let before = one.before.as_ref()?;
    others.iter().find(|other| other.id == *before && other.bumped < one.bumped)
}

fn listed(name: &str, entry: &Entry) -> Option<Listed> {
    Some(Listed {
        id: SessionId::parse(name.as_bytes())?,
        bumped: entry.bumped,
        is_victim: entry.kind == Kind::Victim,
        before: entry.before.clone(),
        value: entry.value(),
    })
}
