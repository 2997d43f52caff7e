use super::*;

fn request(wait: u64) -> Request {
    Request {
        mode: Mode::Any,
        held_token: None,
        info: "".into(),
        lease: 10_000,
        ttl: 60,
        wait,
        max_waiters: 0,
        polling: false,
    }
}

fn busy(block: u64, now: u64) -> Event {
    busy_beside(None, block, now)
}

fn busy_beside(state: Option<&str>, block: u64, now: u64) -> Event {
    let (holder, state) = ("o:x:1|1|h|1|cli|".into(), state.map(str::to_owned));
    Event::Answer(AcquireReply::Busy { holder, endless: false, block, now, state })
}

fn sent(step: &Step) -> &Acquire {
    match step {
        Step::Acquire { acquire, .. } => acquire,
        other => panic!("not a send: {other:?}"),
    }
}

#[test]
fn every_send_has_a_token_of_its_own() {
    let (mut attempt, first) = Attempt::start(request(100), 0);
    let second = attempt.next(1, Event::Broken { fresh: false });
    assert_ne!(sent(&first).token, sent(&second).token);
    assert_eq!(sent(&first).waiter, sent(&second).waiter);
}

#[test]
fn gives_up_with_a_last_try_when_the_time_is_up() {
    let (mut attempt, _) = Attempt::start(request(100), 0);
    assert_eq!(attempt.next(1, busy(99, 7)), Step::Wait { block: 99 });
    let last = attempt.next(101, Event::Woken(None));
    assert_eq!(sent(&last).wait, 0);
    assert!(matches!(attempt.next(102, busy(0, 8)), Step::Done(Outcome::Busy(_))));
}

#[test]
fn waits_no_longer_than_its_own_time_whatever_the_server_says() {
    let (mut attempt, _) = Attempt::start(request(100), 0);
    assert_eq!(attempt.next(1, busy(u64::MAX, u64::MAX)), Step::Wait { block: 100 });
    let odd = Ticket { id: "x".into(), made: u64::MAX, loaded: SessionData::default() };
    assert!(matches!(attempt.next(2, Event::Woken(Some(odd))), Step::Claim { .. }));
    let last = attempt.next(101, Event::Claimed(false));
    assert_eq!(sent(&last).wait, 0);
    assert!(matches!(attempt.next(102, busy(5, 0)), Step::Done(Outcome::Busy(_))));
}

#[test]
fn claims_a_young_ticket_without_waiting_and_asks_about_an_old_one() {
    let ticket = |made| Ticket { id: "x".into(), made, loaded: SessionData::default() };
    for (made, later) in [(50_000, true), (50_500, true), (49_000, false), (52_000, false)] {
        let (mut attempt, _) = Attempt::start(request(5000), 1000);
        attempt.next(1000, busy(500, 50_000));
        match attempt.next(1010, Event::Woken(Some(ticket(made)))) {
            Step::Claim { later: got, .. } => assert_eq!(got, later, "{made}"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_refused_claim_starts_over() {
    let (mut attempt, _) = Attempt::start(request(5000), 0);
    attempt.next(0, busy(500, 0));
    attempt.next(1, Event::Woken(Some(Ticket { id: "x".into(), made: 0, loaded: SessionData::default() })));
    assert_eq!(sent(&attempt.next(2, Event::Claimed(false))).wait, 4998);
}

#[test]
fn a_claim_whose_answer_was_lost_counts_as_ours() {
    let (mut attempt, _) = Attempt::start(request(5000), 0);
    attempt.next(0, busy(500, 0));
    attempt.next(1, Event::Woken(Some(Ticket { id: "x".into(), made: 0, loaded: SessionData::default() })));
    assert_eq!(sent(&attempt.next(2, Event::Broken { fresh: false })).held_token.as_deref(), Some("t:x"));
}

#[test]
fn a_ticket_never_looks_younger_than_it_is() {
    let (mut attempt, _) = Attempt::start(request(5000), 0);
    // The process is stopped for a second between the server's answer and its reading, and for
    // another second with the ticket.
    attempt.next(1000, busy(5000, 70_000));
    let ticket = Ticket { id: "x".into(), made: 71_000, loaded: SessionData::default() };
    assert!(matches!(attempt.next(2000, Event::Woken(Some(ticket))), Step::Claim { later: false, .. }));
}

#[test]
fn repeats_once_outside_the_queue_and_until_the_deadline_inside() {
    let (mut attempt, _) = Attempt::start(request(100), 0);
    assert!(matches!(attempt.next(1, Event::Broken { fresh: false }), Step::Acquire { .. }));
    assert_eq!(attempt.next(2, Event::Broken { fresh: false }), Step::Failed);

    let (mut attempt, _) = Attempt::start(request(100), 0);
    assert_eq!(attempt.next(1, Event::Broken { fresh: true }), Step::Failed);

    let (mut attempt, _) = Attempt::start(request(100), 0);
    attempt.next(1, busy(50, 0));
    for now in [2, 30, 60, 99] {
        assert!(matches!(attempt.next(now, Event::Broken { fresh: true }), Step::Acquire { .. }));
    }
    assert_eq!(attempt.next(100, Event::Broken { fresh: true }), Step::Failed);
}

#[test]
fn blocks_no_longer_than_a_hand_over_after_a_ticket_may_have_been_lost() {
    let (mut attempt, _) = Attempt::start(request(9000), 0);
    attempt.next(1, busy(5000, 0));
    let again = attempt.next(2, Event::Broken { fresh: false });
    assert_eq!(sent(&again).recheck, HANDOFF_MS + SLACK_MS);
}

#[test]
fn the_recheck_is_spread_within_a_quarter() {
    for _ in 0..100 {
        let (_, step) = Attempt::start(request(1), 0);
        assert!((3750..=5000).contains(&sent(&step).recheck));
    }
}

#[test]
fn a_session_that_was_destroyed_while_we_waited_has_overtaken_us() {
    let loaded = |data: Option<&[u8]>, state: Option<&str>| {
        SessionData::new(data.map(<[u8]>::to_vec), state.map(str::to_owned))
    };
    for (before, found, expected) in [
        (None, loaded(None, Some("new")), true),
        (Some("old"), loaded(None, Some("new")), true),
        // The session was destroyed before the request, or exists again, or its first request
        // stored nothing.
        (Some("old"), loaded(None, Some("old")), false),
        (None, loaded(Some(b"x"), Some("new")), false),
        (None, loaded(None, None), false),
    ] {
        for mode in [Mode::Any, Mode::Known] {
            for by_ticket in [true, false] {
                let (mut attempt, _) = Attempt::start(Request { mode, ..request(5000) }, 0);
                assert!(matches!(attempt.next(1, busy_beside(before, 1000, 7)), Step::Wait { .. }));
                // The attempt asks again, but the state of the first answer counts.
                attempt.next(1001, Event::Woken(None));
                attempt.next(1002, busy_beside(found.state.as_deref(), 1000, 1008));
                let last = if by_ticket {
                    let ticket = Ticket { id: "1".into(), made: 1100, loaded: found.clone() };
                    attempt.next(1100, Event::Woken(Some(ticket)));
                    attempt.next(1101, Event::Claimed(true))
                } else {
                    attempt.next(2002, Event::Woken(None));
                    attempt.next(2003, Event::Answer(AcquireReply::Held(found.clone())))
                };
                match last {
                    Step::Done(Outcome::Granted(grant)) => assert_eq!(grant.overtaken, expected, "{found:?}"),
                    other => panic!("{other:?}"),
                }
            }
        }
        let (mut attempt, _) = Attempt::start(Request { mode: Mode::Known, ..request(5000) }, 0);
        attempt.next(1, busy_beside(before, 1000, 7));
        attempt.next(1001, Event::Woken(None));
        match attempt.next(1002, Event::Answer(AcquireReply::Absent(found.state.clone()))) {
            Step::Done(Outcome::Absent { overtaken, .. }) => {
                assert_eq!(overtaken, expected || found.data.is_some(), "{found:?}");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn the_first_send_for_a_known_session_says_that_it_may_give_the_lock_back() {
    let (mut attempt, first) = Attempt::start(Request { mode: Mode::Known, ..request(100) }, 0);
    let second = attempt.next(1, Event::Broken { fresh: false });
    assert!(sent(&first).token.ends_with(":0") && sent(&first).is_first_try());
    assert!(sent(&second).token.ends_with(":1") && !sent(&second).is_first_try());
}
