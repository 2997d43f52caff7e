//! Looks up the addresses of host names within a deadline.
//!
//! The C library's resolver has no timeout of its own beyond that of resolv.conf (by default 5 s
//! and 2 tries for each server). Each name is therefore looked up on a thread, which is left behind
//! if the lookup takes too long. The thread owns all its data and ends with the resolver's own
//! timeout.
//!
//! The result of a slow lookup also serves later calls. Otherwise, no connection could ever be made
//! if every lookup took all or most of the time for connecting. Each time an earlier result is
//! used, the name is looked up again in the background. If a result leads to no server of use, the
//! next lookup is waited for, because the name may lead elsewhere by now. It is waited for once:
//! the server may only have restarted, and the resolver may be away.

use std::{
    io, mem,
    net::{IpAddr, SocketAddr, ToSocketAddrs},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::{
    error::seconds,
    process::{Shared, limits, threads},
};

/// The time for which the result of a slow lookup remains valid.
const LATE: Duration = Duration::from_mins(1);
/// The time for which an address that was of no use comes after the other addresses of its name.
const AVOIDED: Duration = Duration::from_secs(30);
/// The time between two tries of an address that does not answer, while another one has a replica.
const PAUSE: Duration = Duration::from_secs(1);
/// The divisors of the time for connecting in such tries, one after the other. A master that is
/// back needs little time, and one that is far away needs more. After these tries, one has all the
/// time.
const SHARES: [u32; 3] = [8, 4, 2];
/// The largest number of lookups. A script can set `session.save_path` to any value, and each name
/// that is looked up has a thread.
const MAX_LOOKUPS: usize = 16;
/// The largest number of addresses that were of no use. Further addresses replace the oldest.
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
    /// Set while the answer has led to no server of use, and no newer one is there.
    doubt: Option<Doubt>,
}

/// The doubt in an answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Doubt {
    /// The next call waits for a newer answer.
    Waits,
    /// A call has waited. The old answer serves until a newer one comes.
    HasWaited,
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

/// The addresses that were of no use lately, the oldest first.
static AVOID: Shared<Vec<Avoided>> = Shared::empty();

struct Avoided {
    address: SocketAddr,
    flaw: Flaw,
    /// The number of tries with a part of the time since the last one that had all of it.
    short: usize,
    /// The time of the last try.
    tried: Instant,
}

/// The reason why an address is of no use. Each try of a dead machine takes its time, so a replica,
/// which may have been promoted meanwhile, comes before it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Flaw {
    /// The server is no master.
    NoMaster,
    /// No server is there, which a try shows at once.
    Refuses,
    /// No answer comes, and a try takes all the time that it has.
    NoAnswer,
}

/// The worth of another address for a caller who has found a replica.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Worth {
    /// It is not worth a try at the moment.
    None,
    /// It has not answered lately, and is worth a part of the time for connecting, by this divisor.
    Part(u32),
    /// It is worth a try.
    Full,
}

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
            State { answer: None, .. } => true,
            State { answer: Some(answer), .. } => answer.found.is_ok() && answer.at.elapsed() < LATE,
        }
    }

    fn is_of(&self, host: &str) -> bool {
        self.name == host
    }

    /// Doubts the result if it is of no use. Returns true if the next call waits for a newer one.
    fn doubt_if(&self, is_useless: impl Fn(&[SocketAddr]) -> bool) -> bool {
        let mut state = self.found();
        let Some(Answer { found: Ok(found), .. }) = &state.answer else { return false };
        if !is_useless(found) {
            return false;
        }
        *state.doubt.get_or_insert(Doubt::Waits) == Doubt::Waits
    }

    fn run(&self) {
        let start = Instant::now();
        let found = (self.name.as_str(), 0).to_socket_addrs();
        let found = found.map(Iterator::collect).map_err(|error| {
            let error = limits::without_files().unwrap_or(error);
            (error.kind(), error.to_string())
        });
        self.answer(found, start.elapsed());
    }

    fn answer(&self, found: Found, took: Duration) {
        let mut state = self.found();
        state.again = false;
        if found.is_ok() || state.answer.is_none() {
            state.doubt = None;
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
    let mut state = lookup.found();
    let waits_for_another = state.doubt == Some(Doubt::Waits);
    if waits_for_another {
        state.doubt = Some(Doubt::HasWaited);
        drop(state);
        lookup.ask_again();
        state = lookup.found();
    }
    let was_there = state.answer.is_some();
    let is_awaited = |state: &mut State| {
        state.answer.is_none() || waits_for_another && state.again && state.doubt.is_some()
    };
    let waiting = lookup.arrival.wait_timeout_while(state, timeout, is_awaited);
    let (mut state, _) = waiting.unwrap_or_else(PoisonError::into_inner);
    let is_late = is_awaited(&mut state);
    let are_kept = was_there && !(waits_for_another && state.doubt.is_none());
    let answer = state.answer.clone().filter(|_| !is_late);
    drop(state);
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
/// keeps the order of the system. Addresses that were of no use a moment ago come last: those whose
/// server was no master, those that refused, and those that did not answer, in each group the
/// latest at its end.
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
    avoid.retain(|avoided| avoided.tried.elapsed() < AVOIDED);
    let flaw = |address: &SocketAddr| avoid.iter().find(|avoided| avoided.address == *address);
    ordered.sort_by_key(|address| flaw(address).map(|avoided| (avoided.flaw, avoided.tried)));
    ordered
}

/// Doubts the result of an earlier lookup, because none of its addresses answered. Returns true if
/// the next call waits for a newer one.
pub fn doubt(host: &str) -> bool {
    LOOKUPS.lock().iter().filter(|lookup| lookup.is_of(host) && lookup.doubt_if(|_| true)).count() > 0
}

/// Records that this address is of no use. Returns true if its name may lead elsewhere by now: an
/// earlier lookup has found only addresses that are of no use, and the next call waits for a newer
/// result.
pub fn avoid(address: SocketAddr, flaw: Flaw) -> bool {
    let mut avoid = AVOID.lock();
    avoid.retain(|avoided| avoided.tried.elapsed() < AVOIDED);
    let known = avoid.iter().position(|avoided| avoided.address == address);
    let before = known.map(|place| avoid.remove(place)).filter(|before| before.flaw == flaw);
    let short = before.map_or(0, |before| if before.short < SHARES.len() { before.short + 1 } else { 0 });
    if avoid.len() == MAX_AVOIDED {
        avoid.remove(0);
    }
    avoid.push(Avoided { address, flaw, short, tried: Instant::now() });
    let avoided: Vec<IpAddr> = avoid.iter().map(|avoided| avoided.address.ip()).collect();
    drop(avoid);
    let is_useless = |found: &[SocketAddr]| {
        let mut found = found.iter().map(SocketAddr::ip);
        found.clone().any(|ip| ip == address.ip()) && found.all(|ip| avoided.contains(&ip))
    };
    LOOKUPS.lock().iter().filter(|lookup| lookup.doubt_if(is_useless)).count() > 0
}

/// Returns the worth of this address for a caller who has found a replica.
pub fn worth(address: SocketAddr) -> Worth {
    let avoid = AVOID.lock();
    let known = avoid.iter().find(|avoided| avoided.address == address && avoided.tried.elapsed() < AVOIDED);
    match known.filter(|avoided| avoided.flaw == Flaw::NoAnswer) {
        None => Worth::Full,
        Some(silent) if silent.tried.elapsed() < PAUSE => Worth::None,
        Some(silent) => SHARES.get(silent.short).map_or(Worth::Full, |share| Worth::Part(*share)),
    }
}

/// Records that a master serves at this address.
pub fn prefer(address: SocketAddr) {
    AVOID.lock().retain(|avoided| avoided.address != address);
}

/// Keeps these addresses as the result of a slow lookup.
#[cfg(test)]
pub fn keep(host: &str, addresses: Vec<SocketAddr>) {
    let lookup = Lookup::of(host);
    lookup.answer(Ok(addresses), LATE);
    let mut lookups = LOOKUPS.lock();
    lookups.retain(|other| !other.is_of(host));
    lookups.push(lookup);
}

/// Lets this time pass for an address that is of no use.
#[cfg(test)]
pub fn age(address: SocketAddr, time: Duration) {
    for avoided in AVOID.lock().iter_mut().filter(|avoided| avoided.address == address) {
        avoided.tried -= time;
    }
}

#[cfg(test)]
pub fn is_avoided(address: SocketAddr) -> bool {
    AVOID.lock().iter().any(|avoided| avoided.address == address)
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
        avoid(turns[0], Flaw::NoMaster);
        avoid(turns[2], Flaw::NoMaster);
        let expected = ["192.0.2.1:1", "192.0.2.2:1", "[2001:db8::1]:1", "[2001:db8::2]:1"];
        assert_eq!(in_order(all.clone()), list(&expected));
        // Among the avoided ones, the one that was tried longest ago comes first, and one that does
        // not answer comes last.
        avoid(turns[0], Flaw::NoMaster);
        avoid(turns[1], Flaw::NoAnswer);
        let expected = ["192.0.2.2:1", "[2001:db8::2]:1", "[2001:db8::1]:1", "192.0.2.1:1"];
        assert_eq!(in_order(all.clone()), list(&expected));
        avoid(turns[3], Flaw::NoMaster);
        prefer(turns[0]);
        let expected = ["[2001:db8::1]:1", "[2001:db8::2]:1", "192.0.2.2:1", "192.0.2.1:1"];
        assert_eq!(in_order(all), list(&expected));
    }

    #[test]
    fn an_address_that_stays_silent_gets_more_time_from_try_to_try() {
        let address = "192.0.2.77:1".parse().unwrap();
        assert_eq!(worth(address), Worth::Full);
        for share in [Worth::Part(8), Worth::Part(4), Worth::Part(2), Worth::Full, Worth::Part(8)] {
            avoid(address, Flaw::NoAnswer);
            assert_eq!(worth(address), Worth::None);
            age(address, PAUSE);
            assert_eq!(worth(address), share);
        }
        // A server that is there and no master is worth all the time, should it become silent.
        avoid(address, Flaw::NoMaster);
        assert_eq!(worth(address), Worth::Full);
        avoid(address, Flaw::NoAnswer);
        age(address, PAUSE);
        assert_eq!(worth(address), Worth::Part(8));
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
    fn an_answer_whose_server_is_of_no_use_is_second_choice() {
        let timeout = Duration::from_mins(1);
        let lookup = unanswered("old.invalid");
        lookup.answer(Ok(one("192.0.2.19")), timeout / 10 * 9);
        lookup.found().again = true;
        assert!(addresses("old.invalid", 7, timeout).unwrap().are_kept);
        let (other, old): (SocketAddr, _) =
            ("192.0.2.20:7".parse().unwrap(), "192.0.2.19:7".parse().unwrap());
        assert!(!avoid(other, Flaw::NoMaster), "the name does not have this address");
        assert!(avoid(old, Flaw::NoMaster));
        // The first call waits for the lookup that is under way, and the next ones do not.
        let error = addresses("old.invalid", 7, Duration::from_millis(10)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(found("old.invalid", 7, timeout), [old]);
        assert!(!avoid(old, Flaw::NoMaster) && !doubt("old.invalid"), "a call has waited already");
        // A lookup that fails changes nothing.
        lookup.answer(Err((io::ErrorKind::NotFound, "no".into())), timeout);
        lookup.found().again = true;
        assert_eq!(found("old.invalid", 7, timeout), [old]);
        lookup.answer(Ok(one("192.0.2.21")), timeout);
        lookup.found().again = true;
        assert_eq!(found("old.invalid", 7, timeout), ["192.0.2.21:7".parse().unwrap()]);
        // The next doubt waits again, and takes a new answer.
        assert!(doubt("old.invalid"));
        let asker = std::thread::spawn(move || addresses("old.invalid", 7, timeout).unwrap());
        while lookup.found().doubt == Some(Doubt::Waits) {
            std::thread::yield_now();
        }
        lookup.answer(Ok(one("192.0.2.22")), timeout);
        let Addresses { all, are_kept } = asker.join().unwrap();
        assert_eq!((all, are_kept), (vec!["192.0.2.22:7".parse().unwrap()], false));
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
