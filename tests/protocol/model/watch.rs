//! The properties of every state, and the history that is needed to check them.

use phpsess_rs::protocol::{Acquire, AcquireReply, Claim, HANDOFF_MS, SLACK_MS};

use super::world::{Answer, Client, Doing, Released, Setup, Violation, Work, World, name};

/// The longest block of an attempt (`RECHECK_MS`).
const RECHECK_MS: u64 = 5000;
/// The life of a receipt in the in-memory server.
const RECEIPT_MS: u64 = 10_000;

/// The part of the history on which later events depend.
#[derive(Clone, Hash, Debug)]
pub struct Watch {
    turns: Vec<Turn>,
    /// The time for which all clients may still sleep. Each fault buys some, and there is none
    /// without a fault.
    sleep_left: u64,
    /// A client did nothing for so long that its lock or ticket expired.
    overslept: bool,
    /// A lock's lease ran out.
    expired: bool,
    /// A replica that lacked commands took the server's place.
    lost_commands: bool,
}

#[derive(Clone, Hash, Debug, Default)]
struct Turn {
    /// The end of the lease as the server promised it.
    lease: Option<u64>,
    /// The time at which the release was carried out.
    wrote: Option<u64>,
    /// The release was carried out, and found the session dead.
    dead: bool,
}

/// The state before time passed.
pub struct Before {
    now: u64,
    holder: Option<String>,
    idle: bool,
    sleeping: bool,
    /// The clients that could have done something are holders at work.
    working: bool,
}

impl Watch {
    pub fn new(clients: usize) -> Self {
        Self {
            turns: vec![Turn::default(); clients],
            sleep_left: 0,
            overslept: false,
            expired: false,
            lost_commands: false,
        }
    }

    pub fn begin(&mut self, c: usize) {
        self.turns[c] = Turn::default();
    }

    pub fn finish(&mut self, c: usize) {
        self.turns[c] = Turn::default();
    }

    /// A lease, and then a lost ticket, may pass before the next client has its turn.
    fn pardon_a_lease(&mut self, setup: &Setup) {
        self.sleep_left += setup.lease + HANDOFF_MS;
    }

    pub fn broke(&mut self, setup: &Setup) {
        self.pardon_a_lease(setup);
    }

    /// Acknowledged values are gone at the server, locks among them. Two clients may then work at a
    /// time, and one of them is refused. Nothing is written over all the same.
    pub fn lost_commands(&mut self) {
        self.lost_commands = true;
        self.overslept = true;
    }

    pub fn crashes(world: &mut World, setup: &Setup, c: usize) {
        let holds =
            world.server.holder(&setup.keys).is_some_and(|holder| holder.ends_with(&format!("|{}", name(c))));
        if holds {
            world.watch.pardon_a_lease(setup);
        } else {
            // At worst the client's ticket is lost, and the others look after their recheck.
            world.watch.sleep_left += HANDOFF_MS + RECHECK_MS + SLACK_MS;
        }
    }

    /// First come, first served: no client takes a released lock while another one is blocked.
    pub fn before_acquire(
        world: &World,
        setup: &Setup,
        acquire: &Acquire,
        c: usize,
    ) -> Result<(), Violation> {
        let Self { overslept, expired, .. } = world.watch;
        let again =
            world.server.holder(&setup.keys).is_some_and(|holder| holder.starts_with(&acquire.waiter));
        if world.has_broken(setup) || overslept || expired || again || setup.polling {
            return Ok(());
        }
        let taken = matches!(world.server.clone().acquire(&setup.keys, acquire), AcquireReply::Held(_));
        match world.blocked.first() {
            Some(first) if taken => {
                Err(format!("{} gets the lock while {} was blocked before", name(c), name(first.client)))
            }
            _ => Ok(()),
        }
    }

    pub fn acquired(
        world: &mut World,
        setup: &Setup,
        c: usize,
        acquired: &AcquireReply,
    ) -> Result<(), Violation> {
        match acquired {
            AcquireReply::Held(_) => world.watch.turns[c].lease = Some(world.server.now() + setup.lease),
            AcquireReply::Full { .. } => {
                let waiters = (0..setup.waits.len()).filter(|&other| other != c).flat_map(|other| {
                    (0..=setup.cycles).map(move |cycle| format!("o:{}{cycle}", name(other)))
                });
                let others = waiters.filter(|waiter| world.server.is_waiting(&setup.keys, waiter)).count();
                if (others as u64) < setup.max_waiters {
                    return Err(format!("{} is told that too many wait, and {others} others do", name(c)));
                }
            }
            _ => {}
        }
        Ok(())
    }

    pub fn claimed(world: &mut World, setup: &Setup, c: usize, claimed: bool) {
        if claimed {
            world.watch.turns[c].lease = Some(world.server.now() + setup.lease);
        }
    }

    /// A ticket that is young enough to work on without asking must be valid.
    pub fn starts_on_ticket(world: &World, setup: &Setup, c: usize, claim: &Claim) -> Result<(), Violation> {
        match world.server.holder(&setup.keys) {
            Some(holder) if holder == claim.token => Ok(()),
            // A replica may give a ticket out again. The release finds out.
            _ if world.watch.lost_commands => Ok(()),
            holder => Err(format!("{} works on a void ticket; the lock is {holder:?}", name(c))),
        }
    }

    /// The release of a turn that had read `work.value` changed the session, whose counter was
    /// `before`.
    pub fn written(world: &mut World, c: usize, work: &Work, before: u32) -> Result<(), Violation> {
        if before != work.value {
            let value = work.value + 1;
            return Err(format!("lost update: {} writes {value} over {before}", name(c)));
        }
        match &world.clients[c].doing {
            Doing::Work(own) if own.token == work.token => {
                world.watch.turns[c].wrote = Some(world.server.now());
                Ok(())
            }
            Doing::Crashed => Ok(()),
            _ => Err(format!("a late release of {} is carried out, which had been refused", name(c))),
        }
    }

    /// The release of a turn has given the lock back, and has written nothing.
    pub fn found_dead(world: &mut World, c: usize, work: &Work) {
        if world.clients[c].doing.token() == Some(&work.token) {
            world.watch.turns[c].dead = true;
        }
    }

    pub fn released(world: &World, c: usize, released: Released) -> Result<(), Violation> {
        let Turn { lease, wrote, .. } = world.watch.turns[c];
        let now = world.server.now();
        let by_ticket = world.clients[c].doing.token().is_some_and(|token| token.starts_with("t:"));
        match (released, wrote) {
            // Of two clients with one ticket, only one writes, and the other one finds its receipt.
            // A failover that loses commands loses that update as it loses others.
            (Released::Written, None) if world.watch.lost_commands && by_ticket => Ok(()),
            (Released::Written, None) => {
                Err(format!("{} is told that it has written, and it has not", name(c)))
            }
            (Released::Lost, _) if world.watch.lost_commands => Ok(()),
            (Released::Lost, Some(at)) if now < at + RECEIPT_MS => {
                Err(format!("{} is told that it has lost the lock, and it has written", name(c)))
            }
            (Released::Lost, None) if lease.is_some_and(|end| now < end) => {
                Err(format!("{} is refused within its lease", name(c)))
            }
            _ => Ok(()),
        }
    }

    pub fn before_time(world: &World, setup: &Setup, time: u64) -> Before {
        let holder = world.server.holder(&setup.keys).map(str::to_owned);
        let sleeping =
            world.clients.iter().any(|client| matches!(client.doing, Doing::Blocked | Doing::Ask(..)));
        let working = world.blocked.iter().all(|blocked| blocked.until >= time)
            && world.clients.iter().all(|client| match &client.doing {
                Doing::Work(work) => {
                    client.answer.is_none()
                        && client.ahead.is_none()
                        && holder
                            .as_deref()
                            .is_some_and(|holder| holder.starts_with(&format!("{}|", work.token)))
                }
                Doing::Ask(_, at) => client.answer.is_none() && *at >= time,
                Doing::Wait(_) | Doing::Claim(_) => false,
                Doing::Rest | Doing::Blocked | Doing::Done | Doing::Crashed => client.answer.is_none(),
            });
        Before { now: world.server.now(), holder, idle: world.is_idle(), sleeping, working }
    }

    pub fn after_time(world: &mut World, setup: &Setup, before: &Before) -> Result<(), Violation> {
        let same = world.server.holder(&setup.keys) == before.holder.as_deref();
        world.watch.expired |= !same;
        if !before.idle {
            if !(before.working && same) {
                world.watch.overslept = true;
                world.watch.pardon_a_lease(setup);
            }
        } else if before.sleeping && !setup.polling {
            let slept = world.server.now() - before.now;
            match world.watch.sleep_left.checked_sub(slept) {
                Some(left) => world.watch.sleep_left = left,
                None => {
                    return Err(format!("everybody sleeps for {slept} ms beside a lock that nobody uses"));
                }
            }
        }
        Ok(())
    }

    /// Checks the properties that hold after any event.
    pub fn look(world: &World, setup: &Setup) -> Result<(), Violation> {
        let overslept = world.watch.overslept;
        if world.server.copy(&setup.keys).is_some()
            && !world.server.state(&setup.keys).is_some_and(|state| state.starts_with("dead|regenerated|"))
        {
            return Err("late requests do not find the copy, because its mark is gone".into());
        }
        let holder = world.server.holder(&setup.keys);
        let at_work = |c: &usize| {
            let client = &world.clients[*c];
            let told = matches!(client.answer, Some((Answer::Released(_), _)));
            matches!(client.doing, Doing::Work(_))
                && !told
                && world.watch.turns[*c].wrote.is_none()
                && !world.watch.turns[*c].dead
        };
        let workers: Vec<usize> = (0..world.clients.len()).filter(at_work).collect();
        if workers.len() > 1 && !overslept {
            return Err(format!(
                "{} work at the same time",
                workers.iter().map(|c| name(*c)).collect::<Vec<_>>().join(" and ")
            ));
        }
        let may_write = |c: &&usize| match (&world.clients[**c].doing, holder) {
            (Doing::Work(work), Some(holder)) => holder.split('|').next() == Some(&work.token),
            _ => false,
        };
        // A replica may give a ticket out that the server before it has given out already.
        let one_ticket = |holder: &str| world.watch.lost_commands && holder.starts_with("t:");
        if workers.iter().filter(may_write).count() > 1 && !holder.is_some_and(one_ticket) {
            return Err("two clients may write".into());
        }
        let unclaimed = holder.is_some_and(|holder| holder.starts_with("t:") && !holder.contains('|'));
        let crashed = world.left.crashes < setup.faults.crashes;
        let faultless = !world.has_broken(setup) && !crashed && !overslept;
        let trying =
            world.clients.iter().any(|client| client.is_trying() || matches!(client.doing, Doing::Work(_)));
        if unclaimed && faultless && !trying {
            return Err("the lock was handed over, and nobody is there to take it".into());
        }
        if world.clients.iter().all(Client::is_over) {
            let longest = setup.lease.max(RECEIPT_MS) + HANDOFF_MS;
            if let Some(end) = world
                .server
                .ends(&setup.keys)
                .into_iter()
                .max()
                .filter(|end| *end > world.server.now() + longest)
            {
                return Err(format!("something stays until {end}"));
            }
        }
        Ok(())
    }
}
