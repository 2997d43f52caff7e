//! A master behind a plain address that becomes a replica and keeps its connections, while the
//! address is given to the new master: a DNS name, a virtual IP, a managed service.

use crate::support::acl;
use crate::support::php::{Php, Running, STEPS};
use crate::support::poll::{self, SOON};
use crate::support::proxy::Proxy;
use crate::support::redis::Server;
use crate::support::session;

/// A master, its replica, and an address that leads to the master.
struct Site {
    old: Server,
    new: Server,
    address: Proxy,
}

impl Site {
    /// Starts a site with a session `known` whose counter is 0.
    fn start() -> Self {
        let [old, new] = [0, 1].map(|_| Server::with_args(&["--repl-diskless-sync-delay", "0"]));
        session::seed(&old, "known");
        new.command::<()>(&["REPLICAOF", "127.0.0.1", &old.port().to_string()]);
        let address = Proxy::start(&old.addr());
        Self { old, new, address }
    }

    fn process(&self, settings: &[(&str, &str)]) -> Running {
        let php = Php::new(&self.address.save_path());
        let php = settings.iter().fold(php, |php, (name, value)| php.ini(name, value));
        let mut process = php.spawn(STEPS);
        process.expect("ready");
        process
    }

    /// Lets the replica take over once it has all data of the master.
    fn fail_over(&self) {
        poll::until("the replica has all of it", SOON, || {
            let [old, new] = [&self.old, &self.new].map(|server| server.info("replication"));
            new.get("master_link_status").is_some_and(|status| status == "up")
                && old.get("master_repl_offset") == new.get("slave_repl_offset")
        });
        self.new.command::<()>(&["REPLICAOF", "NO", "ONE"]);
        self.address.lead_new_to(&self.new.addr());
        self.old.command::<()>(&["REPLICAOF", "127.0.0.1", &self.new.port().to_string()]);
    }

    /// Checks that no request was lost: the counter at the new master is `n`, and the lock is free.
    fn assert_counted(&self, n: u64) {
        assert_eq!(session::counter(&self.new, "known"), Some(n));
        assert!(!session::is_locked(&self.new, "known"));
    }
}

#[test]
fn a_start_over_a_kept_connection_goes_to_the_new_master() {
    for kind in ["increment('known')", "peek('known')"] {
        let site = Site::start();
        let mut process = site.process(&[]);
        for n in 1..=3 {
            assert_eq!(process.step("increment('known')").assert_silent().result, n.to_string());
        }
        site.fail_over();
        let before = site.address.counts();
        let expected = if kind.starts_with("peek") { "3" } else { "4" };
        assert_eq!(process.step(kind).assert_silent().result, expected);
        assert_eq!((site.address.counts() - before).connections, 1);
        process.step("increment('known')").assert_silent();
        assert_eq!((site.address.counts() - before).connections, 1);
    }
}

#[test]
fn a_write_of_an_open_session_goes_to_the_new_master() {
    for (sessions, transactions) in [(0, true), (2, true), (2, false)] {
        let site = Site::start();
        if !transactions {
            [&site.old, &site.new].into_iter().for_each(acl::without_transactions);
        }
        let mut process = site.process(&[]);
        for _ in 0..sessions {
            process.step("increment('known')").assert_silent();
        }
        process.step("start('known') && ++$_SESSION['n']").assert_silent();
        site.fail_over();
        assert_eq!(process.step("session_write_close()").assert_silent().result, "true");
        site.assert_counted(sessions + 1);
    }
}

#[test]
fn a_write_without_a_lock_goes_to_the_new_master() {
    let site = Site::start();
    let mut process = site.process(&[("rustredis.locking", "0")]);
    process.step("start('known') && ++$_SESSION['n']").assert_silent();
    site.fail_over();
    assert_eq!(process.step("session_write_close()").assert_silent().result, "true");
    site.assert_counted(1);
}

#[test]
fn who_waits_for_the_lock_waits_for_it_at_the_new_master() {
    let site = Site::start();
    let (mut holder, mut waiter) = (site.process(&[]), site.process(&[]));
    holder.step("start('known') && ++$_SESSION['n']").assert_silent();
    waiter.send("increment('known')");
    poll::until("the waiter is in the queue", SOON, || site.old.blocked_clients() == 1);
    site.fail_over();
    poll::until("the waiter is in the other queue", SOON, || site.new.blocked_clients() == 1);
    assert_eq!(holder.step("session_write_close()").assert_silent().result, "true");
    let (messages, result) = waiter.expect("done ");
    assert_eq!((messages.trim(), &*result), ("", "2"));
    site.assert_counted(2);
}

#[test]
fn a_write_that_was_not_waited_for_is_sent_to_the_new_master() {
    let deferred = ("rustredis.write_ack", "deferred");
    // The write is sent at the connection's next use, or at the end of the process.
    for goes_on in [true, false] {
        let site = Site::start();
        let mut process = site.process(&[deferred]);
        process.step("increment('known')").assert_silent();
        process.step("start('known') && ++$_SESSION['n']").assert_silent();
        site.fail_over();
        assert_eq!(process.step("session_write_close()").assert_silent().result, "true");
        if goes_on {
            assert_eq!(process.step("increment('known')").assert_silent().result, "3");
        }
        process.wait().assert_clean();
        site.assert_counted(if goes_on { 3 } else { 2 });
    }
}

#[test]
fn a_lease_is_renewed_at_the_new_master() {
    let site = Site::start();
    let mut process = site.process(&[("rustredis.lock_lease", "3")]);
    process.step("start('known') && ++$_SESSION['n']").assert_silent();
    // The renewing thread has a connection of its own to the old master.
    poll::until("the lease is renewed", SOON, || site.address.counts().connections == 2);
    site.fail_over();
    process.step("usleep(5000000)").assert_silent();
    assert!(session::is_locked(&site.new, "known"));
    assert_eq!(process.step("session_write_close()").assert_silent().result, "true");
    site.assert_counted(1);
}

#[test]
fn an_address_that_leads_to_a_replica_is_asked_again_by_each_request_and_once() {
    let site = Site::start();
    site.fail_over();
    site.address.lead_new_to(&site.old.addr());
    let mut process = site.process(&[]);
    for _ in 0..2 {
        let before = site.address.counts();
        let step = process.step("start('known')");
        assert_eq!(step.result, "false");
        assert!(step.only_warning().contains("session.save_path must point to the primary"), "{step:?}");
        assert_eq!((site.address.counts() - before).connections, 1);
    }
    site.address.lead_new_to(&site.new.addr());
    assert_eq!(process.step("increment('known')").assert_silent().result, "1");
}

/// The steps that look for the session `login` without a lock, each with settings.
const LOOKS: [(&str, &str); 5] = [
    ("1", "peek('login')"),
    ("0", "peek('login')"),
    ("0", "start('login') && session_abort() ? $_SESSION['n'] : false"),
    ("1", "(new RustRedis\\SessionHandler())->exists('login') ? 0 : 1"),
    ("1", "(new RustRedis\\SessionHandler())->peek('login') === null ? 1 : 0"),
];

#[test]
fn a_session_that_a_former_master_does_not_have_is_read_at_the_new_one() {
    let site = Site::start();
    let mut processes = LOOKS.map(|(locking, look)| {
        let mut process = site.process(&[("rustredis.locking", locking)]);
        process.step("(new RustRedis\\SessionHandler())->exists('known')").assert_silent();
        (process, look)
    });
    site.fail_over();
    // The replica gets nothing more.
    site.old.command::<()>(&["REPLICAOF", "127.0.0.1", "1"]);
    session::seed(&site.new, "login");
    for (process, look) in &mut processes {
        assert_eq!(process.step(look).assert_silent().result, "0", "{look}");
    }
}

#[test]
fn a_replica_that_does_not_have_a_session_logs_nobody_out() {
    let site = Site::start();
    site.fail_over();
    site.address.lead_new_to(&site.old.addr());
    site.old.command::<()>(&["REPLICAOF", "127.0.0.1", "1"]);
    for (locking, look) in LOOKS {
        for strict in ["1", "0"] {
            let settings = [
                ("rustredis.locking", locking),
                ("session.use_strict_mode", strict),
                ("session.use_cookies", "1"),
            ];
            let mut process = site.process(&settings);
            // The value of the replica is read, and no server has a new visitor's session.
            assert_eq!(process.step("peek('known')").assert_silent().result, "0");
            if locking == "0" {
                let new = "session_id('') !== false && session_start(['read_and_close' => true])";
                assert_eq!(process.step(new).assert_silent().result, "true");
            }
            process.step("header_remove('Set-Cookie')");
            let caught = format!(
                "(function() {{ try {{ return {look}; }} catch (Exception $e) {{ trigger_error($e->getMessage(), \
                 E_USER_WARNING); return false; }} }})()"
            );
            let step = process.step(&caught);
            assert_eq!(step.result, "false", "{look}");
            assert!(step.only_warning().contains("READONLY"), "{look}: {step:?}");
            let cookies = "array_values(preg_grep('/^Set-Cookie: PHPSESSID=(?!login)/', headers_list()))";
            assert_eq!(process.step(cookies).result, "[]", "{look}");
        }
    }
}
