//! The ports that tests start their servers on: two tests must never talk to one server.

use std::collections::BTreeSet;
use std::path::Path;
use std::thread;

use crate::support::php::Php;
use crate::support::port::{PORTS, Port};

/// With this many random numbers out of 10,000, several would be equal by chance.
const MANY: usize = 500;

#[test]
fn no_port_is_given_twice_while_it_is_held() {
    let ports: Vec<Port> = thread::scope(|scope| {
        let threads: Vec<_> =
            (0..4).map(|_| scope.spawn(|| (0..MANY / 4).map(|_| Port::free()).collect::<Vec<_>>())).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("there are enough ports")).collect()
    });
    let numbers: BTreeSet<u16> = ports.iter().map(Port::number).collect();
    assert_eq!(numbers.len(), MANY);
    assert!(numbers.iter().all(|number| PORTS.contains(number)));

    let support = Path::new(env!("CARGO_MANIFEST_DIR")).join("php-tests/support/redis-server.inc");
    let script =
        format!("require '{}'; for ($i = 0; $i < {MANY}; $i++) echo free_port(), ' ';", support.display());
    let output = Php::new("tcp://127.0.0.1").run(&script);
    let of_php: BTreeSet<u16> = output
        .assert_clean()
        .stdout
        .split_whitespace()
        .map(|number| number.parse().expect("a port is a number"))
        .collect();
    assert_eq!(of_php.len(), MANY);
    assert!(of_php.iter().all(|number| PORTS.contains(number)));
    assert_eq!(numbers.intersection(&of_php).collect::<Vec<_>>(), Vec::<&u16>::new());
}
