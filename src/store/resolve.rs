//! Names to addresses, within a deadline.
//!
//! The C library's resolver has no timeout of its own beyond resolv.conf's (by default 5 s and 2 tries for each
//! server), so a name is looked up on a thread that is left behind when it takes too long. It owns all it needs and
//! ends with the resolver's own timeout.

use std::{
    io,
    net::{IpAddr, SocketAddr, ToSocketAddrs},
    sync::mpsc,
    thread,
    time::Duration,
};

use super::threads;

pub fn addresses(host: &str, port: u16, timeout: Duration) -> io::Result<Vec<SocketAddr>> {
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(ip, port)]);
    }
    let (sender, receiver) = mpsc::sync_channel(1);
    let name = host.to_owned();
    threads::starting(|| {
        thread::Builder::new().name("rustredis-dns".into()).stack_size(128 * 1024).spawn(move || {
            let found = (name.as_str(), port).to_socket_addrs().map(Iterator::collect::<Vec<_>>);
            // The receiver is gone when the deadline has passed.
            let _ = sender.send(found);
        })
    })?;
    match receiver.recv_timeout(timeout) {
        Ok(found) => found,
        Err(_) => Err(io::Error::new(
            io::ErrorKind::TimedOut,
            format!("the name {host} was not resolved within {} s", timeout.as_secs_f64()),
        )),
    }
}
