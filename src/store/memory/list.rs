//! The list of a user's sessions: the rules of `user.lua`.

use std::collections::BTreeMap;

use crate::protocol::{Listed, OnLimit, SessionId, UserCall, UserList};

/// The time in milliseconds for which the trace of a session that was ended stays.
const TRACE_MS: u64 = 60_000;

/// The list of a user's sessions.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct List(BTreeMap<String, Entry>);

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Entry {
    bumped: u64,
    ends: u64,
    is_victim: bool,
    /// Set if it is the trace of a session that was ended.
    is_trace: bool,
    before: Option<SessionId>,
}

impl Entry {
    fn value(&self) -> String {
        let Self { bumped, ends, is_victim, is_trace, before } = self;
        if *is_trace {
            return format!("~{ends}");
        }
        let value = Listed::value(*bumped, ends - bumped, before.as_ref());
        format!("{}{value}", if *is_victim { "-" } else { "" })
    }

    /// Returns true if a client names the entry so, with or without the earlier name.
    fn is_named(&self, value: &str) -> bool {
        let without = || Self { before: None, ..self.clone() }.value();
        self.value() == value || !self.is_victim && without() == value
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
            UserCall::End(names) => {
                for name in names {
                    if let Some(entry) = self.0.get_mut(*name) {
                        let ends = now + TRACE_MS;
                        *entry = Entry { bumped: now, ends, is_victim: false, is_trace: true, before: None };
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
            UserCall::Bump { name, life, before, stays } => {
                let is_victim = self.is_victim(name, before, now, true);
                self.add(name, before, stays, (now, now + life), is_victim);
                return reply;
            }
            UserCall::List => ("", None),
            UserCall::Bind { name, before, .. } => (name, before),
        };
        self.0.retain(|_, entry| entry.ends > now);
        let is_other = |of: &str| of != name && Some(of) != before;
        let of = |list: &Self, victims: bool| -> Vec<Listed> {
            let entries = list
                .0
                .iter()
                .filter(|(of, entry)| is_other(of) && entry.is_victim == victims && !entry.is_trace);
            let listed = |(of, entry): (&String, &Entry)| {
                let id = SessionId::parse(of.as_bytes())?;
                let before = entry.before.clone();
                let (bumped, is_victim) = (entry.bumped, entry.is_victim);
                Some(Listed { id, bumped, is_victim, before, value: entry.value() })
            };
            entries.filter_map(listed).collect()
        };
        let mut others = of(self, false);
        reply.sessions = of(self, true);
        let UserCall::Bind { life, limit, on_limit, stays, is_known, .. } = *call else {
            reply.sessions.append(&mut others);
            return reply;
        };
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let over = if limit == 0 { 0 } else { (others.len() + 1).saturating_sub(limit) };
        if over > 0 && on_limit == OnLimit::Refuse {
            reply.sessions.append(&mut others);
            return UserList { is_full: true, ..reply };
        }
        // It must not choose the session that has chosen it.
        let is_victim = self.is_victim(name, before, now, is_known);
        let over = if is_victim { 0 } else { over };
        others.sort_by(|a, b| (a.bumped, a.id.as_str()).cmp(&(b.bumped, b.id.as_str())));
        for victim in others.into_iter().take(over) {
            if let Some(entry) = self.0.get_mut(victim.id.as_str()) {
                entry.is_victim = true;
            }
            let value = format!("-{}", victim.value);
            reply.sessions.push(Listed { is_victim: true, value, ..victim });
        }
        self.add(name, before, stays, (now, now + life), is_victim);
        reply
    }

    /// Returns true if a limit has chosen the session, perhaps under its earlier name, or if it was
    /// ended, for a request that knew it before.
    fn is_victim(&self, name: &str, before: Option<&str>, now: u64, is_known: bool) -> bool {
        let was = self.0.get(name).or_else(|| self.0.get(before?));
        was.is_some_and(|entry| (entry.is_victim || is_known && entry.is_trace) && entry.ends > now)
    }

    fn add(
        &mut self,
        name: &str,
        before: Option<&str>,
        stays: bool,
        (bumped, ends): (u64, u64),
        is_victim: bool,
    ) {
        if let Some(before) = before.filter(|_| !stays) {
            self.0.remove(before);
        }
        let before = before.and_then(|before| SessionId::parse(before.as_bytes()));
        self.0.insert(name.to_owned(), Entry { bumped, ends, is_victim, is_trace: false, before });
    }
}
