//! The effect of an event.

use phpsess_rs::{
    lock::{Attempt, Event as Told, Grant, Outcome, Request, Step},
    protocol::{Acquire, Mode, Op, Reason, Release, ReleaseReply, SessionData},
};

use super::{
    watch::Watch,
    world::{
        Answer, Blocked, Client, Command, Doing, Event, Habit, Released, Setup, Violation, Work, World,
        count, name,
    },
};

/// An offset for each client, because the clocks of server and clients are independent.
const SKEW: u64 = 77_777;

impl World {
    /// Lets `event` happen.
    pub fn apply(&mut self, setup: &Setup, event: Event) -> Result<(), Violation> {
        match event {
            Event::Serve(c) => self.serve(setup, c)?,
            Event::ServeAhead(c) => self.serve_ahead(setup, c),
            Event::Answer(c) => self.answer(setup, c)?,
            Event::Break(c) => self.break_off(setup, c)?,
            Event::Late(i) => self.serve_late(setup, i)?,
            Event::End => {
                self.ends_left -= 1;
                self.end_may_come_again = true;
                self.end(setup);
            }
            Event::EndAgain => {
                self.end_may_come_again = false;
                // The first command left no session, so this is the next one.
                let next = self.server.data(&setup.keys).is_some();
                self.end(setup);
                if next && self.server.data(&setup.keys).is_none() {
                    return Err("a repeated logout ends the next session".into());
                }
            }
            Event::Cut => self.replica = Some(self.server.clone()),
            Event::FailOver { sent } => self.fail_over(setup, sent)?,
            Event::HangUp(i) => drop(self.blocked.remove(i)),
            Event::Crash(c) => {
                self.crash(setup, c);
                self.forget(setup);
            }
            Event::Until(time) => self.pass(setup, time)?,
        }
        if self.left.breaks == 0 && self.left.pauses == 0 && self.failovers_left == 0 {
            while let Some(c) = self.clients.iter().position(Client::has_fresh_answer) {
                self.answer(setup, c)?;
            }
        }
        Watch::look(self, setup)
    }

    fn serve(&mut self, setup: &Setup, c: usize) -> Result<(), Violation> {
        if self.clients[c].doing == Doing::Rest {
            self.begin(setup, c)?;
        }
        let answer = match self.clients[c].doing.clone() {
            Doing::Ask(acquire, _) => {
                Watch::before_acquire(self, setup, &acquire, c)?;
                let acquired = self.server.acquire(&setup.keys, &acquire);
                Watch::acquired(self, setup, c, &acquired)?;
                Some(Answer::AcquireReply(acquired))
            }
            Doing::Wait(block) => {
                self.clients[c].doing = Doing::Blocked;
                let ticket = self.server.pop(&setup.keys);
                if ticket.is_none() {
                    self.blocked.push(Blocked { client: c, until: self.server.now() + block, gone: false });
                }
                ticket.map(|ticket| Answer::Woken(Some(ticket)))
            }
            Doing::Claim(claim) => {
                let claimed = self.server.claim(&setup.keys, &claim);
                Watch::claimed(self, setup, c, claimed);
                Some(Answer::Claimed(claimed))
            }
            Doing::Work(work) => {
                self.serve_ahead(setup, c);
                let released = self.release(setup, c, &work)?;
                Watch::released(self, c, released)?;
                Some(Answer::Released(released))
            }
            doing => panic!("nothing to send: {doing:?}"),
        };
        self.clients[c].answer = answer.map(|answer| (answer, false));
        self.hand_out(setup);
        Ok(())
    }

    fn serve_ahead(&mut self, setup: &Setup, c: usize) {
        if let Some(claim) = self.clients[c].ahead.take() {
            let claimed = self.server.claim(&setup.keys, &claim);
            Watch::claimed(self, setup, c, claimed);
        }
    }

    fn serve_late(&mut self, setup: &Setup, i: usize) -> Result<(), Violation> {
        let (c, command) = self.transit.remove(i);
        match command {
            Command::Ask(acquire) => drop(self.server.acquire(&setup.keys, &acquire)),
            Command::Wait(block) => {
                if self.server.pop(&setup.keys).is_none() {
                    self.blocked.push(Blocked { client: c, until: self.server.now() + block, gone: true });
                }
            }
            Command::Claim(claim) => {
                let claimed = self.server.claim(&setup.keys, &claim);
                Watch::claimed(self, setup, c, claimed);
            }
            Command::Release(work) => {
                self.release(setup, c, &work)?;
                self.forget(setup);
            }
        }
        self.hand_out(setup);
        Ok(())
    }

    /// Ends the session without its lock.
    fn end(&mut self, setup: &Setup) {
        let token = format!("o:end:{}", self.ends_left);
        let op = match setup.grace {
            0 => Op::Delete(&Reason::Revoked),
            grace => Op::Retire { grace, forced: true, until: "" },
        };
        let release = Release { op, dead_ms: setup.dead_ms, ..Release::of_lock(&token, false) };
        self.server.release(&setup.keys, &release);
    }

    fn release(&mut self, setup: &Setup, c: usize, work: &Work) -> Result<Released, Violation> {
        let before = count(self.server.data(&setup.keys));
        let value = (work.value + 1).to_string();
        let release = Release {
            token: &work.token,
            waiter: work.waiter.as_deref(),
            op: Op::Set(value.as_bytes()),
            ttl: 1_000_000,
            seen: work.seen.as_deref(),
            state: None,
            keep_lock: false,
            rewrite: false,
            nth: 0,
            polling: setup.polling,
            dead_ms: 1,
        };
        // The release may write a value that is there already, so it is tried on a copy of the
        // server without the session.
        let mut empty = self.server.clone();
        empty.lose(&setup.keys);
        empty.release(&setup.keys, &release);
        if empty.data(&setup.keys).is_some() {
            Watch::written(self, c, work, before)?;
        }
        match self.server.release(&setup.keys, &release) {
            ReleaseReply::Done => Ok(Released::Written),
            ReleaseReply::Lost { .. } => Ok(Released::Lost),
            ReleaseReply::Dead if self.ends_left < setup.ends => {
                Watch::found_dead(self, c, work);
                Ok(Released::Dead)
            }
            other => Err(format!("a release was told {other:?}")),
        }
    }

    /// A ticket goes to the client that has been blocked for longest.
    fn hand_out(&mut self, setup: &Setup) {
        while !self.blocked.is_empty() && self.server.has_ticket(&setup.keys) {
            let Blocked { client, gone, .. } = self.blocked.remove(0);
            let ticket = self.server.pop(&setup.keys);
            if !gone {
                self.clients[client].answer = Some((Answer::Woken(ticket), false));
            }
        }
    }

    fn begin(&mut self, setup: &Setup, c: usize) -> Result<(), Violation> {
        let request = Request {
            mode: Mode::Any,
            held_token: None,
            info: name(c).into(),
            lease: setup.lease,
            ttl: 1_000_000,
            wait: setup.waits[c],
            max_waiters: setup.max_waiters,
            polling: setup.polling,
        };
        let waiter = format!("o:{}{}", name(c), self.clients[c].cycles);
        self.clients[c].cycles -= 1;
        self.watch.begin(c);
        let (attempt, step) = Attempt::start_as(waiter, request, self.clock(c));
        self.clients[c].attempt = Some(attempt);
        self.follow(setup, c, step)
    }

    fn clock(&self, c: usize) -> u64 {
        self.server.now() + SKEW * (c as u64 + 1)
    }

    fn answer(&mut self, setup: &Setup, c: usize) -> Result<(), Violation> {
        let (answer, _) = self.clients[c].answer.take().expect("an answer");
        let told = match answer {
            Answer::Released(_) => {
                self.finish(c);
                self.forget(setup);
                return Ok(());
            }
            // The time to wait is over.
            Answer::Woken(None) if setup.habit == Habit::LeavesSilently => {
                let (mut attempt, now) = (self.attempt(c).clone(), self.clock(c));
                match attempt.next(now, Told::Woken(None)) {
                    Step::Acquire { acquire: Acquire { wait: 0, .. }, .. } => {
                        self.finish(c);
                        return Ok(());
                    }
                    _ => Told::Woken(None),
                }
            }
            Answer::AcquireReply(acquired) => Told::Answer(acquired),
            Answer::Woken(ticket) => Told::Woken(ticket),
            Answer::Claimed(claimed) => Told::Claimed(claimed),
        };
        self.tell(setup, c, told)
    }

    fn attempt(&mut self, c: usize) -> &mut Attempt {
        self.clients[c].attempt.as_mut().expect("an attempt")
    }

    fn tell(&mut self, setup: &Setup, c: usize, told: Told) -> Result<(), Violation> {
        let now = self.clock(c);
        let step = self.attempt(c).next(now, told);
        self.follow(setup, c, step)
    }

    fn follow(&mut self, setup: &Setup, c: usize, step: Step) -> Result<(), Violation> {
        self.clients[c].doing = match step {
            Step::Acquire { mut acquire, pause } => {
                if setup.habit == Habit::OneToken {
                    acquire.token = format!("{}:1", acquire.waiter);
                }
                Doing::Ask(acquire, self.server.now() + pause)
            }
            Step::Wait { block } => Doing::Wait(block),
            Step::Claim { claim, later } if later || setup.habit == Habit::TrustsOldTickets => {
                Watch::starts_on_ticket(self, setup, c, &claim)?;
                self.clients[c].ahead = Some(claim);
                return self.tell(setup, c, Told::Claimed(true));
            }
            Step::Claim { claim, .. } => Doing::Claim(claim),
            Step::Done(Outcome::Granted(Grant {
                mut token,
                waiter,
                loaded: SessionData { data, state, .. },
                ..
            })) => {
                if setup.habit == Habit::OneToken && token.starts_with("o:") {
                    token = token.rsplit_once(':').map_or(String::new(), |(waiter, _)| format!("{waiter}:1"));
                }
                self.clients[c].attempt = None;
                Doing::Work(Work { token, waiter, value: count(data.as_deref()), seen: state })
            }
            Step::Done(_) | Step::Failed => {
                self.finish(c);
                return Ok(());
            }
        };
        Ok(())
    }

    fn finish(&mut self, c: usize) {
        let client = &mut self.clients[c];
        client.attempt = None;
        client.doing = if client.cycles == 0 { Doing::Done } else { Doing::Rest };
        self.watch.finish(c);
    }

    fn break_off(&mut self, setup: &Setup, c: usize) -> Result<(), Violation> {
        self.left.breaks -= 1;
        self.watch.broke(setup);
        if self.clients[c].doing == Doing::Rest {
            self.begin(setup, c)?;
        }
        if let Some(claim) = self.clients[c].ahead.take() {
            // The client will notice when it sends its release, and will send the release again.
            self.transit.push((c, Command::Claim(claim)));
            return Ok(());
        }
        let answered = self.clients[c].answer.take().is_some();
        let doing = self.clients[c].doing.clone();
        match &doing {
            _ if answered => {}
            Doing::Ask(acquire, _) => self.transit.push((c, Command::Ask(acquire.clone()))),
            Doing::Wait(block) => self.transit.push((c, Command::Wait(*block))),
            Doing::Claim(claim) => self.transit.push((c, Command::Claim(claim.clone()))),
            Doing::Work(work) => self.transit.push((c, Command::Release(work.clone()))),
            Doing::Blocked => {
                let own = |blocked: &&mut Blocked| blocked.client == c && !blocked.gone;
                self.blocked.iter_mut().find(own).expect("a blocked connection").gone = true;
            }
            Doing::Rest | Doing::Done | Doing::Crashed => panic!("nothing to break: {doing:?}"),
        }
        match doing {
            // The client sends the same release again.
            Doing::Work(_) => Ok(()),
            _ => self.tell(setup, c, Told::Broken { fresh: false }),
        }
    }

    fn fail_over(&mut self, setup: &Setup, sent: bool) -> Result<(), Violation> {
        self.failovers_left -= 1;
        self.watch.broke(setup);
        if let Some(replica) = self.replica.take() {
            self.server.fail_over(replica);
            self.watch.lost_commands();
        }
        self.transit.clear();
        self.blocked.clear();
        for c in 0..self.clients.len() {
            self.clients[c].ahead = None;
            let answered = self.clients[c].answer.take().is_some();
            match self.clients[c].doing {
                // At work, the client sends the same release again, or for the first time.
                Doing::Work(_) | Doing::Rest | Doing::Done | Doing::Crashed => {}
                Doing::Blocked if setup.redirects && !answered => self.tell(setup, c, Told::Woken(None))?,
                _ if answered || self.clients[c].doing == Doing::Blocked => {
                    self.tell(setup, c, Told::Broken { fresh: false })?;
                }
                _ if sent && self.can_send(&self.clients[c]) => {
                    self.tell(setup, c, Told::Broken { fresh: false })?;
                }
                _ => {}
            }
        }
        self.forget(setup);
        Ok(())
    }

    /// Drops receipts that no client will ask for. States that differ in nothing else are the same.
    fn forget(&mut self, setup: &Setup) {
        let mut asked: Vec<&str> = self.clients.iter().filter_map(|client| client.doing.token()).collect();
        asked.extend(self.transit.iter().filter_map(|(_, command)| match command {
            Command::Release(work) => Some(&*work.token),
            _ => None,
        }));
        self.server.lose_receipts_but(&setup.keys, &asked);
    }

    /// The client's next command was sent before the crash, or it is never sent.
    fn crash(&mut self, setup: &Setup, c: usize) {
        self.left.crashes -= 1;
        Watch::crashes(self, setup, c);
        self.blocked.retain(|blocked| blocked.client != c || blocked.gone);
        let client = &mut self.clients[c];
        *client = Client { doing: Doing::Crashed, answer: None, ahead: None, attempt: None, cycles: 0 };
    }

    fn pass(&mut self, setup: &Setup, time: u64) -> Result<(), Violation> {
        if !self.is_idle() {
            self.left.pauses -= 1;
        }
        let before = Watch::before_time(self, setup, time);
        for answer in self.clients.iter_mut().filter_map(|client| client.answer.as_mut()) {
            answer.1 = true;
        }
        if let Some(replica) = &mut self.replica {
            replica.advance(time - self.server.now());
        }
        self.server.advance(time - self.server.now());
        for Blocked { client, gone, .. } in self.blocked.extract_if(.., |blocked| blocked.until <= time) {
            if !gone {
                self.clients[client].answer = Some((Answer::Woken(None), false));
            }
        }
        Watch::after_time(self, setup, &before)
    }
}
