//! A sentinel that names any server that a test wants, and a server that answers as a test wants.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// The sentinel lives as long as the test process.
pub struct FakeSentinel {
    address: SocketAddr,
    master: Arc<Mutex<SocketAddr>>,
}

/// The answer to a command of this name, if it is another one than usual.
type Answers = fn(&str) -> Option<&'static str>;

impl FakeSentinel {
    pub fn start(master: SocketAddr) -> Self {
        Self::with_answers(master, |_| None)
    }

    /// A server that gives these answers, and names itself where it is asked as a sentinel.
    pub fn server(answers: Answers) -> Self {
        let server = Self::with_answers(SocketAddr::from(([127, 0, 0, 1], 0)), answers);
        server.name(server.address);
        server
    }

    fn with_answers(master: SocketAddr, answers: Answers) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port exists");
        let address = listener.local_addr().expect("a bound listener has an address");
        let master = Arc::new(Mutex::new(master));
        let named = Arc::clone(&master);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let named = Arc::clone(&named);
                // An error is the end of the connection.
                thread::spawn(move || serve(&client, &named, answers));
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

fn serve(client: &TcpStream, master: &Mutex<SocketAddr>, answers: Answers) -> Option<()> {
    let mut reader = BufReader::new(client);
    loop {
        let count = number(&mut reader, '*')?;
        let mut words = Vec::new();
        for _ in 0..count {
            let mut word = vec![0; number(&mut reader, '$')? + 2];
            reader.read_exact(&mut word).ok()?;
            words.push(String::from_utf8(word).ok()?.trim_end().to_owned());
        }
        let answer = match &*words[0] {
            command if answers(command).is_some() => answers(command)?.to_owned(),
            "SENTINEL" => {
                let master = *master.lock().expect("no thread panics with it");
                let (host, port) = (master.ip().to_string(), master.port().to_string());
                format!("*2\r\n${}\r\n{host}\r\n${}\r\n{port}\r\n", host.len(), port.len())
            }
            "CLIENT" | "AUTH" => "+OK\r\n".to_owned(),
            command => format!("-ERR unknown command '{command}'\r\n"),
        };
        (&*client).write_all(answer.as_bytes()).ok()?;
    }
}

/// The number of the next line, behind this sign.
fn number(reader: &mut impl BufRead, sign: char) -> Option<usize> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    line.trim_end().strip_prefix(sign)?.parse().ok()
}
