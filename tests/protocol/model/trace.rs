//! A way through the states, as text.

use phpsess_rs::protocol::AcquireReply;

use super::world::{Answer, Command, Doing, Event, Setup, World, count, name};

/// Describes `events` one by one, and the violation at the end.
pub fn trace(setup: &Setup, events: &[Event]) -> String {
    let mut world = World::new(setup);
    let mut lines = Vec::new();
    for event in events {
        let what = describe(&world, *event);
        let result = world.apply(setup, *event);
        let lock = world.server.holder(&setup.keys).map_or("free", |holder| {
            let token = holder.split('|').next().unwrap_or_default();
            if token == holder { "handed over" } else { token.trim_start_matches("t:0") }
        });
        let ticket = if world.server.has_ticket(&setup.keys) { ", a ticket" } else { "" };
        let waiters = world.server.waiters(&setup.keys);
        lines.push(format!(
            "{:>7} ms  {what:<60} lock: {lock}{ticket}; waiters: {waiters}",
            world.server.now()
        ));
        if let Err(violation) = result {
            lines.push(format!("{:>10}  {violation}", "=>"));
        }
    }
    lines.join("\n")
}

fn describe(world: &World, event: Event) -> String {
    let sends = |c: usize| match &world.clients[c].doing {
        Doing::Rest => "a new ACQUIRE".to_owned(),
        Doing::Ask(acquire, _) => format!("ACQUIRE {}", acquire.token),
        Doing::Wait(block) => format!("BLPOP for {block} ms"),
        Doing::Blocked => "BLPOP".to_owned(),
        Doing::Claim(_) => "CLAIM".to_owned(),
        Doing::Work(work) => format!("RELEASE with {}", work.value + 1),
        Doing::Done | Doing::Crashed => "nothing".to_owned(),
    };
    match event {
        Event::Serve(c) => format!("{}: {}", name(c), sends(c)),
        Event::ServeAhead(c) => format!("{}: CLAIM, which was sent ahead", name(c)),
        Event::Answer(c) => {
            let answer = world.clients[c].answer.as_ref().map(|(answer, _)| tell(answer));
            format!("{} is told: {}", name(c), answer.unwrap_or_default())
        }
        Event::Break(c) if world.clients[c].ahead.is_some() => {
            format!("{}: the connection breaks with CLAIM on its way", name(c))
        }
        Event::Break(c) if world.clients[c].answer.is_some() => {
            format!("{}: the answer to {} is lost", name(c), sends(c))
        }
        Event::Break(c) => format!("{}: the connection breaks with {} on its way", name(c), sends(c)),
        Event::Late(i) => {
            let (c, command) = &world.transit[i];
            let command = match command {
                Command::Ask(acquire) => format!("ACQUIRE {}", acquire.token),
                Command::Wait(_) => "BLPOP".to_owned(),
                Command::Claim(_) => "CLAIM".to_owned(),
                Command::Release(work) => format!("RELEASE with {}", work.value + 1),
            };
            format!("{}: {command} arrives after all", name(*c))
        }
        Event::HangUp(i) => format!("the server drops a connection of {}", name(world.blocked[i].client)),
        Event::Crash(c) => format!("{} is killed", name(c)),
        Event::End => "another client destroys the session".to_owned(),
        Event::Cut => "the replica gets no commands from here on".to_owned(),
        Event::FailOver { sent } => {
            format!(
                "the replica takes over, with {} lost",
                if sent { "every command on its way" } else { "every answer" }
            )
        }
        Event::EndAgain => "the same DESTROY comes again".to_owned(),
        Event::Until(time) => format!("{} ms pass", time - world.server.now()),
    }
}

fn tell(answer: &Answer) -> String {
    match answer {
        Answer::AcquireReply(AcquireReply::Held(loaded)) => {
            format!("yours, at {}", count(loaded.data.as_deref()))
        }
        Answer::AcquireReply(AcquireReply::Busy { block, .. }) => format!("busy, block for {block} ms"),
        Answer::AcquireReply(other) => format!("{other:?}"),
        Answer::Woken(None) => "no ticket came".to_owned(),
        Answer::Woken(Some(ticket)) => format!("a ticket, at {}", count(ticket.loaded.data.as_deref())),
        Answer::Claimed(true) => "claimed".to_owned(),
        Answer::Claimed(false) => "too late to claim".to_owned(),
        Answer::Released(released) => format!("{released:?}").to_lowercase(),
    }
}
