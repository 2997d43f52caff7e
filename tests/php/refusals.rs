//! Redis answers, but with an error. Each error is one warning that names the cause, shows no
//! secret, and leaves nothing behind.

use crate::support::acl;
use crate::support::php::{Php, Running, STEPS};
use crate::support::redis::Server;
use crate::support::session;

fn process(php: &Php) -> Running {
    let mut process = php.spawn(STEPS);
    process.expect("ready");
    process
}

/// Checks that the start of a session fails with one warning that contains each of `words`.
fn refused(process: &mut Running, words: &[&str]) -> String {
    let step = process.step("start('known')");
    assert_eq!(step.result, "false");
    let warning = step.only_warning().to_lowercase();
    for word in words {
        assert!(warning.contains(word), "no {word:?} in {step:#?}");
    }
    step.messages
}

fn works(server: &Server, mut process: Running) {
    session::seed(server, "known");
    assert_eq!(process.step("increment('known')").assert_silent().result, "1");
    process.wait().assert_no_crash();
}

#[test]
fn a_wrong_password_is_named_and_kept_secret() {
    let server = Server::with_args(&["--requirepass", "open sesame"]);
    let mut process =
        process(&Php::new(&server.save_path()).default_user().ini("rustredis.password", "wrongsecret"));
    let messages = refused(&mut process, &["password", "rustredis.password"]);
    assert!(!messages.contains("wrongsecret"), "{messages}");
    process.wait().assert_no_crash();
}

#[test]
fn a_missing_password_is_named() {
    let server = Server::with_args(&["--requirepass", "open sesame"]);
    let mut process = process(&Php::new(&server.save_path()).default_user());
    refused(&mut process, &["password", "rustredis.password"]);
    process.wait().assert_no_crash();
}

#[test]
fn a_superfluous_password_is_named_and_kept_secret() {
    let server = Server::start();
    let mut process =
        process(&Php::new(&server.save_path()).default_user().ini("rustredis.password", "wrongsecret"));
    let messages = refused(&mut process, &["password"]);
    assert!(!messages.contains("wrongsecret"), "{messages}");
    process.wait().assert_no_crash();
}

#[test]
fn a_user_without_permission_is_named() {
    let server = Server::start();
    server.command::<()>(&["ACL", "SETUSER", "limited", "on", ">pw", "~other:*", "+@all"]);
    let php =
        Php::new(&server.save_path()).ini("rustredis.username", "limited").ini("rustredis.password", "pw");
    session::seed(&server, "known");
    let mut process = process(&php);
    refused(&mut process, &["permission"]);
    server.command::<()>(&["ACL", "SETUSER", "limited", "allkeys"]);
    works(&server, process);
}

#[test]
fn a_database_that_does_not_exist_is_named() {
    let server = Server::start();
    let mut process = process(&Php::new(&format!("{}?database=99", server.save_path())));
    refused(&mut process, &["database"]);
    process.wait().assert_no_crash();
}

#[test]
fn a_read_only_replica_is_named() {
    let server = Server::start();
    session::seed(&server, "known");
    let mut process = process(&Php::new(&server.save_path()));
    // The named master does not exist, so the server keeps its data.
    server.command::<()>(&["REPLICAOF", "127.0.0.1", "1"]);
    refused(&mut process, &["replica"]);
    server.command::<()>(&["REPLICAOF", "NO", "ONE"]);
    works(&server, process);
}

#[test]
fn a_value_of_another_type_is_named_and_leaves_no_lock() {
    let server = Server::start();
    server.command::<()>(&["RPUSH", &session::key("known"), "not a session"]);
    let mut process = process(&Php::new(&server.save_path()));
    refused(&mut process, &["k..."]);
    assert!(!session::is_locked(&server, "known"));
    assert_eq!(server.command::<String>(&["TYPE", &session::key("known")]), "list");
    works(&server, process);
}

#[test]
fn a_server_that_takes_no_more_clients_is_named() {
    let server = Server::with_args(&[]);
    session::seed(&server, "known");
    // The server notices closed connections late, so a closed client counts for a moment longer.
    let mut others = [server.connection(), server.connection()];
    let mut limit = |clients: &str| {
        let set = redis::cmd("CONFIG").arg(&["SET", "maxclients", clients]).query::<()>(&mut others[0]);
        set.expect("the number of clients can be limited");
    };
    limit("2");
    let mut process = process(&Php::new(&server.save_path()));
    refused(&mut process, &["clients"]);
    limit("100");
    works(&server, process);
}

/// A session of over 1 KB is stored beside its place before the script moves it there. If the
/// script is refused, that copy must not outlive a logout by the lifetime of a session.
#[test]
fn a_copy_that_no_script_moves_is_gone_soon() {
    let server = Server::start();
    let large = |id: &str| format!("start('{id}') && ($_SESSION['text'] = random_bytes(2000))");
    let php = Php::new(&server.save_path());
    session::seed(&server, "moved");
    session::seed(&server, "refused");
    // Without transactions, a session is saved by a script.
    acl::without_transactions(&server);
    let mut moved = process(&php);
    moved.step(&large("moved")).assert_silent();
    assert_eq!(moved.step("session_write_close()").assert_silent().result, "true");
    let left: i64 = server.command(&["TTL", &session::key_at(&server, "moved")]);
    assert!(left > 1000, "the session has its own lifetime: {left}");

    let mut refused = process(&php);
    refused.step(&large("refused")).assert_silent();
    let user = if acl::is_wanted() { acl::USER } else { "default" };
    server.nodes().for_each(|node| node.own(&["ACL", "SETUSER", user, "-evalsha", "-eval"]));
    let step = refused.step("session_write_close()");
    assert!(step.only_warning().contains("NOPERM"), "{step:?}");
    let copies = server.nodes().flat_map(|node| {
        let names: Vec<String> = node.own(&["KEYS", "*_NEW:*"]);
        names.into_iter().map(|name| node.own::<i64>(&["TTL", &name]))
    });
    let copies: Vec<_> = copies.collect();
    assert!(copies.len() == 1 && (1..=60).contains(&copies[0]), "{copies:?}");
}

/// If RENAME is refused, the value goes into the script, and the copy that was to be moved must not
/// outlive a logout.
#[test]
fn a_copy_that_cannot_be_moved_is_deleted() {
    let server = Server::start();
    let user = if acl::is_wanted() { acl::USER } else { "default" };
    server.nodes().for_each(|node| node.own(&["ACL", "SETUSER", user, "-rename"]));
    for (locking, id) in [("1", "locked"), ("0", "unlocked")] {
        session::seed(&server, id);
        let mut process = process(&Php::new(&server.save_path()).ini("rustredis.locking", locking));
        process.step(&format!("start('{id}') && ($_SESSION['text'] = random_bytes(2000))")).assert_silent();
        assert_eq!(process.step("session_write_close()").assert_silent().result, "true");
        let copies: Vec<String> =
            server.nodes().flat_map(|node| node.own::<Vec<String>>(&["KEYS", "*_NEW:*"])).collect();
        assert!(copies.is_empty(), "{copies:?}");
        let stored: usize = server.command(&["STRLEN", &session::key_at(&server, id)]);
        assert!(stored > 2000, "{id}: {stored}");
    }
}
