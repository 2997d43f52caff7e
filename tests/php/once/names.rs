//! A name with the addresses of a master and of its replica, in a file of hosts that only the PHP
//! process sees.

use std::fs::{self, Permissions};
use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::thread;

use crate::support::php::{Php, STEPS};
use crate::support::poll::{self, SOON};
use crate::support::proxy::Proxy;
use crate::support::redis::Server;
use crate::support::session;
use crate::support::temp_dir::TempDir;

/// Runs PHP with these settings, this script and this file of hosts.
const WITH_HOSTS: &str = r#"#!/bin/sh
exec unshare "$4" sh -c 'mount --bind "$3" /etc/hosts && exec "${PHP:-php}" -c "$1" "$2"' sh "$@"
"#;

/// The options of `unshare` that this machine allows: as root, or as any user if the kernel permits
/// it.
fn unshare() -> Option<&'static str> {
    ["-m", "-rm"].into_iter().find(|how| {
        Command::new("unshare").args([how, "true"]).output().is_ok_and(|out| out.status.success())
    })
}

/// Leads connections of 127.0.0.9 to another address of this machine.
fn lead(port: u16, to: String) {
    let listener = TcpListener::bind(("127.0.0.9", port)).expect("the port is free at this address");
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let server = TcpStream::connect(&to).expect("the server takes connections");
            for (from, to) in [(&client, &server), (&server, &client)] {
                let [mut from, mut to] = [from, to].map(|stream| stream.try_clone().expect("a clone"));
                // An error is the end of the connection.
                thread::spawn(move || {
                    let _ = io::copy(&mut from, &mut to);
                    to.shutdown(Shutdown::Write)
                });
            }
        }
    });
}

#[test]
fn a_replica_among_the_addresses_of_a_name_is_left_for_the_master_and_avoided() {
    let Some(how) = unshare() else {
        println!("SKIPPED: this machine lets nobody make a mount namespace (unshare -m)");
        return;
    };
    let [master, replica] = [(); 2].map(|()| Server::with_args(&["--repl-diskless-sync-delay", "0"]));
    session::seed(&master, "known");
    replica.command::<()>(&["REPLICAOF", "127.0.0.1", &master.port().to_string()]);
    poll::until("the replica has it", SOON, || session::counter(&replica, "known") == Some(0));
    // The resolver prefers 127.0.0.1, or keeps the order of the file.
    let to_replica = Proxy::in_front_of(&replica);
    let port = to_replica.addr().rsplit_once(':').and_then(|(_, port)| port.parse().ok());
    let port = port.expect("an address ends with a port");
    lead(port, master.addr());
    let dir = TempDir::new("hosts");
    let (program, hosts) = (dir.join("with-hosts"), dir.join("hosts"));
    fs::write(&program, WITH_HOSTS).expect("it can be written");
    fs::set_permissions(&program, Permissions::from_mode(0o755)).expect("its mode can be set");
    fs::write(&hosts, "127.0.0.1 pair.example\n127.0.0.9 pair.example\n").expect("it can be written");
    let php = Php::new(&format!("tcp://pair.example:{port}"));
    let mut process = php.spawn_in(&program, STEPS, &[hosts.to_str().expect("UTF-8"), how]);
    process.expect("ready");
    for n in ["1", "2", "3"] {
        assert_eq!(process.step("increment('known')").assert_silent().result, n);
        master.command::<u64>(&["CLIENT", "KILL", "TYPE", "normal"]);
    }
    assert_eq!(to_replica.counts().connections, 1, "the replica came first, and only once");
}
