//! A sentinel that names any server that a test wants.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// The sentinel lives as long as the test process.
pub struct FakeSentinel {
    address: SocketAddr,
    master: Arc<Mutex<SocketAddr>>,
}

impl FakeSentinel {
    pub fn start(master: SocketAddr) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port exists");
        let address = listener.local_addr().expect("a bound listener has an address");
        let master = Arc::new(Mutex::new(master));
        let named = Arc::clone(&master);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let named = Arc::clone(&named);
                // An error is the end of the connection.
                thread::spawn(move || serve(&client, &named));
            }
        });
        Self { address, master }
    }

    /// Names this master from now on.
    pub fn name(&self, master: SocketAddr) {
        *self.master.lock().expect("no thread panics with it") = master;
    }

    pub fn addr(&self) -> String {
        self.address.to_string()
    }
}

fn serve(client: &TcpStream, master: &Mutex<SocketAddr>) -> Option<()> {
    let mut lines = BufReader::new(client).lines();
    loop {
        let count: usize = lines.next()?.ok()?.strip_prefix('*')?.parse().ok()?;
        let mut words = Vec::new();
        for _ in 0..count {
            lines.next()?.ok()?;
            words.push(lines.next()?.ok()?);
        }
        let answer = match &*words[0] {
            "SENTINEL" => {
                let master = *master.lock().expect("no thread panics with it");
                let (host, port) = (master.ip().to_string(), master.port().to_string());
                format!("*2\r\n${}\r\n{host}\r\n${}\r\n{port}\r\n", host.len(), port.len())
            }
            "CLIENT" => "+OK\r\n".to_owned(),
            command => format!("-ERR unknown command '{command}'\r\n"),
        };
        (&*client).write_all(answer.as_bytes()).ok()?;
    }
}
