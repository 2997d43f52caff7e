//! Looks up the addresses of host names within a deadline.
//!
//! The C library's resolver has no timeout of its own beyond that of resolv.conf (by default 5 s
//! and 2 tries for each server). Each name is therefore looked up on a thread, which is left behind
//! if the lookup takes too long. The thread owns all its data and ends with the resolver's own
//! timeout.
//!
//! The result of a slow lookup also serves later calls. Otherwise, no connection could ever be made
//! if every lookup took all or most of the time for connecting. Each time an earlier result is
//! used, the name is looked up again in the background. A result that leads to no server of use is
//! dropped, and the next lookup is waited for: the name may lead elsewhere by now.

use std::{
    io, mem,
    net::{IpAddr, SocketAddr, ToSocketAddrs},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::{
    error::seconds,
    process::{Shared, threads},
};

/// The time for which the result of a slow lookup remains valid.
const LATE: Duration = Duration::from_mins(1);
/// The time for which an address that did not answer comes after the other addresses of its name.
const AVOIDED: Duration = Duration::from_secs(30);
/// The largest number of lookups. A script can set `session.save_path` to any value, and each name
/// that is looked up has a thread.
const MAX_LOOKUPS: usize = 16;
/// The largest number of addresses that did not answer. Further addresses replace the oldest.
const MAX_AVOIDED: usize = 256;
/// The stack of a lookup's thread. Name services are modules of the C library that expect a
/// program's ordinary threads.
const STACK: usize = 2 << 20;

type Found = Result<Vec<SocketAddr>, (io::ErrorKind, String)>;

/// The addresses of a name.
#[derive(Debug)]
pub struct Addresses {
    /// The addresses in the order in which they should be tried.
    pub all: Vec<SocketAddr>,
    /// Set if they are the result of an earlier lookup.
    pub are_kept: bool,
}

struct Lookup {
    name: String,
    /// The mutex is the standard library's: a lock of `parking_lot` leaves a trace in a forked
    /// child.
    found: Mutex<State>,
    arrival: Condvar,
}

#[derive(Default)]
struct State {
    answer: Option<Answer>,
    /// Set while a thread looks the name up again.
    again: bool,
    /// Set once the answer is of no use. The lookup is then kept only for as long as its thread
    /// runs, because it counts among the [`MAX_LOOKUPS`].
    is_dropped: bool,
}

#[derive(Clone)]
struct Answer {
    found: Found,
    at: Instant,
    /// The time that the resolver needed for the answer.
    took: Duration,
}

/// Lookups that are under way, and the results of slow lookups.
static LOOKUPS: Shared<Vec<Arc<Lookup>>> = Shared::empty();

static AVOID: Shared<Vec<(SocketAddr, Instant)>> = Shared::empty();

impl Lookup {
    fn of(name: &str) -> Arc<Self> {
        Arc::new(Self { name: name.to_owned(), found: Mutex::default(), arrival: Condvar::new() })
    }

    fn found(&self) -> MutexGuard<'_, State> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns true if the lookup is under way or has a result that is still valid.
    fn is_good(&self) -> bool {
        match &*self.found() {
            State { is_dropped: true, again, .. } => *again,
            State { answer: None, .. } => true,
            State { answer: Some(answer), .. } => answer.found.is_ok() && answer.at.elapsed() < LATE,
        }
    }

    fn is_of(&self, host: &str) -> bool {
        self.name == host && !self.found().is_dropped
    }

    /// Drops the result if it is of no use. Returns true if there was one.
    fn drop_if(&self, is_useless: impl Fn(&[SocketAddr]) -> bool) -> bool {
        let mut state = self.found();
        let Some(Answer { found: Ok(found), .. }) = &state.answer else { return false };
        let drops = !state.is_dropped && is_useless(found);
        state.is_dropped |= drops;
        drops
    }

    fn run(&self) {
        let start = Instant::now();
        let found = (self.name.as_str(), 0).to_socket_addrs();
        let found = found.map(Iterator::collect).map_err(|error| (error.kind(), error.to_string()));
        self.answer(found, start.elapsed());
    }

    fn answer(&self, found: Found, took: Duration) {
        let mut state = self.found();
        state.again = false;
        if found.is_ok() || state.answer.is_none() {
            state.answer = Some(Answer { found, at: Instant::now(), took });
        }
        self.arrival.notify_all();
    }

    /// Looks the name up again in the background, for later calls.
    fn ask_again(self: &Arc<Self>) {
        if mem::replace(&mut self.found().again, true) {
            return;
        }
        let own = self.clone();
        if threads::spawn("rustredis-dns", STACK, move || own.run()).is_err() {
            self.found().again = false;
        }
    }
}

/// Returns the addresses of a name.
pub fn addresses(host: &str, port: u16, timeout: Duration) -> io::Result<Addresses> {
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Ok(Addresses { all: vec![SocketAddr::new(ip, port)], are_kept: false });
    }
    let lookup = lookup(host)?;
    let state = lookup.found();
    let are_kept = state.answer.is_some();
    let waiting = lookup.arrival.wait_timeout_while(state, timeout, |state| state.answer.is_none());
    let answer = waiting.unwrap_or_else(PoisonError::into_inner).0.answer.clone();
    let Some(Answer { found, took, .. }) = answer else {
        return Err(io::Error::new(
            io::ErrorKind::TimedOut,
            format!(
                "the resolver has not found the name {host} within {} s (of rustredis.connect_timeout)",
                seconds(timeout)
            ),
        ));
    };
    // After a slow lookup, the time that is left may be too short to connect. The result is then
    // kept for the next call.
    if took < timeout / 2 {
        LOOKUPS.lock().retain(|other| !Arc::ptr_eq(other, &lookup));
    } else if are_kept {
        lookup.ask_again();
    }
    let mut all = found.map_err(|(kind, text)| io::Error::new(kind, text))?;
    for address in &mut all {
        address.set_port(port);
    }
    Ok(Addresses { all: in_order(all), are_kept })
}

/// Returns the lookup of this name: one that is under way or was slow, or a new one.
fn lookup(host: &str) -> io::Result<Arc<Lookup>> {
    let mut lookups = LOOKUPS.lock();
    lookups.retain(|lookup| lookup.is_good());
    if let Some(lookup) = lookups.iter().find(|lookup| lookup.is_of(host)) {
        return Ok(lookup.clone());
    }
    if lookups.len() >= MAX_LOOKUPS
        && let Some(slow) = lookups.iter().position(|lookup| lookup.found().answer.is_some())
    {
        lookups.remove(slow);
    }
    if lookups.len() >= MAX_LOOKUPS {
        return Err(io::Error::other(format!(
            "the name {host} was not looked up: the resolver has not answered for {MAX_LOOKUPS} others"
        )));
    }
    let lookup = Lookup::of(host);
    let own = lookup.clone();
    threads::spawn("rustredis-dns", STACK, move || own.run())?;
    lookups.push(lookup.clone());
    Ok(lookup)
}

/// Alternates between the two address families, because one of them may lead nowhere. Each family
/// keeps the order of the system. Addresses that did not answer a moment ago come last.
fn in_order(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let Some(first) = addresses.first().map(SocketAddr::is_ipv6) else { return addresses };
    let (one, other): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|address| address.is_ipv6() == first);
    let (mut one, mut other) = (one.into_iter(), other.into_iter());
    let mut ordered = Vec::with_capacity(one.len() + other.len());
    while one.len() + other.len() > 0 {
        ordered.extend(one.next());
        ordered.extend(other.next());
    }
    ordered.dedup();
    let mut avoid = AVOID.lock();
    avoid.retain(|(_, at)| at.elapsed() < AVOIDED);
    ordered.sort_by_key(|address| avoid.iter().any(|(avoided, _)| avoided == address));
    ordered
}

/// Drops the result of an earlier lookup, because none of its addresses answered.
pub fn forget(host: &str) {
    for lookup in LOOKUPS.lock().iter().filter(|lookup| lookup.name == host) {
        lookup.drop_if(|_| true);
    }
}

/// Records that this address did not answer, or that its server is of no use. `has_others` tells if
/// the name has other addresses. Returns true if another try may lead to another server.
pub fn avoid(address: SocketAddr, has_others: bool) -> bool {
    let mut avoid = AVOID.lock();
    avoid.retain(|(_, at)| at.elapsed() < AVOIDED);
    let known = avoid.iter().position(|(avoided, _)| *avoided == address);
    if let Some(place) = known {
        avoid.remove(place);
    } else if avoid.len() == MAX_AVOIDED {
        avoid.remove(0);
    }
    avoid.push((address, Instant::now()));
    drop(avoid);
    if has_others && known.is_none() {
        return true;
    }
    // The other addresses were tried before this one.
    let leads_there = |found: &[SocketAddr]| found.iter().any(|other| other.ip() == address.ip());
    LOOKUPS.lock().iter().filter(|lookup| lookup.drop_if(leads_there)).count() > 0
}

/// Keeps this address as the result of a slow lookup, and has nobody look again.
#[cfg(test)]
pub fn keep(host: &str, address: SocketAddr) {
    let lookup = Lookup::of(host);
    lookup.found().again = true;
    lookup.answer(Ok(vec![address]), LATE);
    LOOKUPS.lock().push(lookup);
}

#[cfg(test)]
pub fn is_avoided(address: SocketAddr) -> bool {
    AVOID.lock().iter().any(|(avoided, _)| *avoided == address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_take_turns_and_those_that_do_not_answer_come_last() {
        let list =
            |texts: &[&str]| -> Vec<SocketAddr> { texts.iter().map(|text| text.parse().unwrap()).collect() };
        let all = list(&["[2001:db8::1]:1", "[2001:db8::2]:1", "192.0.2.1:1", "192.0.2.2:1"]);
        let turns = list(&["[2001:db8::1]:1", "192.0.2.1:1", "[2001:db8::2]:1", "192.0.2.2:1"]);
        assert_eq!(in_order(all.clone()), turns);
        assert!(avoid(turns[0], true) && avoid(turns[2], true));
        assert!(!avoid(turns[2], true), "it is avoided already");
        assert_eq!(
            in_order(all),
            list(&["192.0.2.1:1", "192.0.2.2:1", "[2001:db8::1]:1", "[2001:db8::2]:1"])
        );
    }

    /// Starts a lookup that the test answers in place of the resolver.
    fn unanswered(name: &str) -> Arc<Lookup> {
        let lookup = Lookup::of(name);
        // The test itself stands for the lookup's thread.
        lookup.found().again = true;
        LOOKUPS.lock().push(lookup.clone());
        lookup
    }

    fn one(ip: &str) -> Vec<SocketAddr> {
        vec![SocketAddr::new(ip.parse().unwrap(), 0)]
    }

    fn found(name: &str, port: u16, timeout: Duration) -> Vec<SocketAddr> {
        addresses(name, port, timeout).unwrap().all
    }

    #[test]
    fn a_late_answer_is_there_for_the_next_who_asks() {
        let timeout = Duration::from_millis(10);
        let lookup = unanswered("late.invalid");
        let error = addresses("late.invalid", 1, timeout).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        lookup.answer(Ok(one("192.0.2.9")), timeout * 2);
        for port in [7, 8] {
            assert_eq!(
                found("late.invalid", port, timeout),
                [SocketAddr::new("192.0.2.9".parse().unwrap(), port)]
            );
        }
    }

    #[test]
    fn an_answer_that_leaves_hardly_any_time_is_there_for_the_next_who_asks() {
        let timeout = Duration::from_mins(1);
        let lookup = unanswered("slow.invalid");
        let asker = std::thread::spawn(move || found("slow.invalid", 7, timeout));
        lookup.answer(Ok(one("192.0.2.9")), timeout / 10 * 9);
        let first = asker.join().unwrap();
        // The test stands for the thread that looks the name up again.
        lookup.found().again = true;
        assert_eq!(found("slow.invalid", 7, timeout), first);
        lookup.answer(Ok(one("192.0.2.10")), timeout / 10 * 9);
        let next = found("slow.invalid", 7, timeout);
        assert_eq!(next, [SocketAddr::new("192.0.2.10".parse().unwrap(), 7)]);
        // A lookup that fails leaves the earlier result in place.
        lookup.answer(Err((io::ErrorKind::NotFound, "no".into())), timeout);
        assert_eq!(found("slow.invalid", 7, timeout), next);
    }

    #[test]
    fn an_answer_whose_server_is_of_no_use_is_dropped() {
        let timeout = Duration::from_mins(1);
        let lookup = unanswered("old.invalid");
        lookup.answer(Ok(one("192.0.2.19")), timeout / 10 * 9);
        lookup.found().again = true;
        assert!(addresses("old.invalid", 7, timeout).unwrap().are_kept);
        assert!(!avoid("192.0.2.20:7".parse().unwrap(), false), "the name does not have this address");
        assert!(avoid("192.0.2.19:7".parse().unwrap(), false));
        assert!(!avoid("192.0.2.19:7".parse().unwrap(), false), "it is dropped already");
        // The old lookup's thread still counts, and its answer is for no call.
        let next = unanswered("old.invalid");
        next.answer(Ok(one("192.0.2.21")), timeout);
        assert_eq!(found("old.invalid", 7, timeout), ["192.0.2.21:7".parse().unwrap()]);
        let is_counted = || LOOKUPS.lock().iter().any(|other| Arc::ptr_eq(other, &lookup));
        assert!(is_counted());
        lookup.answer(Ok(one("192.0.2.19")), timeout);
        assert_eq!(found("old.invalid", 7, timeout), ["192.0.2.21:7".parse().unwrap()]);
        assert!(!is_counted());
    }

    #[test]
    fn an_address_keeps_its_zone() {
        let timeout = Duration::from_mins(1);
        let found = found("fe80::1%1", 7, timeout);
        assert_eq!(found.iter().map(ToString::to_string).collect::<Vec<_>>(), ["[fe80::1%1]:7"]);
    }

    #[test]
    fn an_answer_that_came_fast_is_for_those_who_wait_for_it() {
        let timeout = Duration::from_mins(1);
        let lookup = unanswered("fast.invalid");
        lookup.answer(Ok(one("192.0.2.9")), Duration::from_millis(1));
        addresses("fast.invalid", 7, timeout).unwrap();
        assert!(LOOKUPS.lock().iter().all(|other| !Arc::ptr_eq(other, &lookup)));
    }
}
