//! TCP ports for the servers of the tests.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::net::TcpListener;
use std::ops::Range;

/// The range lies below Linux' ephemeral ports (32768), so that no connection takes one as its
/// local end, not even while a server restarts. Before Redis 7 the bus of a Cluster takes the
/// number plus 10,000, which is below as well.
pub const PORTS: Range<u16> = 12_000..22_000;

/// A TCP port of 127.0.0.1 that no other test gets while this value lives, even in another process.
/// A port is claimed by listening on the same number of 127.0.0.2 first, as `free_port()` of the
/// .phpt files does. Without the claim, a server that is slow to come up could find the server of
/// another test on its port, and its test would talk to that one.
#[derive(Debug)]
pub struct Port {
    number: u16,
    _claim: TcpListener,
}

impl Port {
    pub fn free() -> Self {
        // Any port will do: the search begins at a random number and goes up.
        let start = RandomState::new().build_hasher().finish() % u64::from(PORTS.end - PORTS.start);
        let start = u16::try_from(start).expect("it is less than the number of ports");
        let from_start = PORTS.skip(start.into()).chain(PORTS);
        from_start.into_iter().find_map(Self::claim).expect("a free port exists")
    }

    /// Returns `None` if another test has the port, or any other program listens there.
    fn claim(number: u16) -> Option<Self> {
        let claim = TcpListener::bind(("127.0.0.2", number)).ok()?;
        TcpListener::bind(("127.0.0.1", number)).ok()?;
        Some(Self { number, _claim: claim })
    }

    pub fn number(&self) -> u16 {
        self.number
    }
}
