//! Commands, packed once and sent as they are.

use std::io::IoSlice;

/// More bytes than this are sent from where they lie; fewer are copied beside the other arguments.
const LARGE: usize = 16 << 10;

/// What a command takes without the session in it.
const CAPACITY: usize = 1000;

/// Room in front of the arguments for `*<how many>\r\n`.
const HEADER: usize = 8;

/// Arguments, as Redis reads them.
#[derive(Clone)]
struct Packed<'a> {
    bytes: Vec<u8>,
    /// An argument too large to be copied, and where in `bytes` it belongs.
    large: Option<(&'a [u8], usize)>,
}

/// A command as Redis reads it. It can be sent as often as it must.
#[derive(Clone)]
pub struct Command<'a> {
    /// `HEADER` bytes, then the arguments.
    packed: Packed<'a>,
    arguments: u32,
    /// Where the arguments behind the script's name begin.
    after_script: usize,
}

/// Several short commands that are sent together.
pub struct Batch<'a> {
    packed: Packed<'a>,
    commands: u64,
}

/// An argument of one of them.
#[derive(Clone, Copy)]
pub enum Arg<'s, 'a> {
    Text(&'s str),
    Number(u64),
    /// As [`Command::data`].
    Data(&'a [u8]),
}

impl<'a> Packed<'a> {
    fn arg(&mut self, bytes: &[u8]) {
        self.bytes.reserve(bytes.len() + OVERHEAD);
        self.length(bytes.len());
        self.bytes.extend_from_slice(bytes);
        self.bytes.extend_from_slice(b"\r\n");
    }

    fn number(&mut self, number: u64) {
        match digit(number) {
            Some(digit) => self.bytes.extend_from_slice(&[b'$', b'1', b'\r', b'\n', digit, b'\r', b'\n']),
            None => self.arg(decimal(number, &mut [0; DIGITS])),
        }
    }

    fn data(&mut self, bytes: &'a [u8]) {
        if bytes.len() < LARGE || self.large.is_some() {
            return self.arg(bytes);
        }
        self.length(bytes.len());
        self.large = Some((bytes, self.bytes.len()));
        self.bytes.extend_from_slice(b"\r\n");
    }

    /// Begins an argument. Most have less than a hundred bytes.
    fn length(&mut self, length: usize) {
        match u8::try_from(length) {
            Ok(n @ 0..10) => self.bytes.extend_from_slice(&[b'$', b'0' + n, b'\r', b'\n']),
            Ok(n @ 10..100) => {
                self.bytes.extend_from_slice(&[b'$', b'0' + n / 10, b'0' + n % 10, b'\r', b'\n']);
            }
            _ => {
                self.bytes.push(b'$');
                self.bytes.extend_from_slice(decimal(length as u64, &mut [0; DIGITS]));
                self.bytes.extend_from_slice(b"\r\n");
            }
        }
    }

    /// What goes over the wire from `start` on, in up to three pieces.
    fn pieces(&self, start: usize) -> [IoSlice<'_>; 3] {
        let (large, place) = self.large.unwrap_or((b"", self.bytes.len()));
        let (before, after) = self.bytes.split_at(place);
        [IoSlice::new(&before[start..]), IoSlice::new(large), IoSlice::new(after)]
    }
}

impl<'a> Batch<'a> {
    /// No commands yet. They are packed where these bytes are now.
    #[must_use]
    pub fn new(mut bytes: Vec<u8>) -> Self {
        bytes.clear();
        Self { packed: Packed { bytes, large: None }, commands: 0 }
    }

    /// The bytes, for the next batch.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.packed.bytes
    }

    /// Adds a command.
    pub fn add(&mut self, words: &[Arg<'_, 'a>]) {
        self.commands += 1;
        self.packed.bytes.push(b'*');
        self.packed.bytes.extend_from_slice(decimal(words.len() as u64, &mut [0; DIGITS]));
        self.packed.bytes.extend_from_slice(b"\r\n");
        for word in words {
            match *word {
                Arg::Text(text) => self.packed.arg(text.as_bytes()),
                Arg::Number(number) => self.packed.number(number),
                Arg::Data(bytes) => self.packed.data(bytes),
            }
        }
    }

    /// How many replies they have.
    #[must_use]
    pub fn commands(&self) -> u64 {
        self.commands
    }

    /// What goes over the wire, in up to three pieces.
    pub fn pieces(&self) -> [IoSlice<'_>; 3] {
        self.packed.pieces(0)
    }
}

impl<'a> Command<'a> {
    /// A command that has no arguments yet.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let mut bytes = Vec::with_capacity(CAPACITY);
        bytes.resize(HEADER, 0);
        let mut command = Self { packed: Packed { bytes, large: None }, arguments: 0, after_script: 0 };
        command.arg(name);
        command
    }

    /// A script by the name that Redis gives it, with its keys.
    #[must_use]
    pub fn evalsha(sha: &str, keys: &[&str]) -> Self {
        Self::script("EVALSHA", sha, keys)
    }

    /// A script by its text.
    #[must_use]
    pub fn eval(text: &str, keys: &[&str]) -> Self {
        Self::script("EVAL", text, keys)
    }

    fn script(name: &str, script: &str, keys: &[&str]) -> Self {
        let mut command = Self::new(name);
        command.arg(script);
        command.after_script = command.packed.bytes.len();
        command.number(keys.len() as u64);
        for key in keys {
            command.arg(key);
        }
        command
    }

    /// The same script by its text, for a server that does not know its name.
    #[must_use]
    pub fn to_eval(&self, text: &str) -> Self {
        let mut command = Self::new("EVAL");
        command.arg(text);
        command.after_script = command.packed.bytes.len();
        command.packed.bytes.extend_from_slice(&self.packed.bytes[self.after_script..]);
        command.arguments = self.arguments;
        command.packed.large =
            self.packed.large.map(|(bytes, place)| (bytes, place - self.after_script + command.after_script));
        command
    }

    /// A copy that keeps all arguments itself.
    #[must_use]
    pub fn to_owned(&self) -> Command<'static> {
        let mut bytes = self.packed.bytes.clone();
        if let Some((large, place)) = self.packed.large {
            bytes.splice(place..place, large.iter().copied());
        }
        let packed = Packed { bytes, large: None };
        Command { packed, arguments: self.arguments, after_script: self.after_script }
    }

    /// Adds an argument.
    pub fn arg(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.arguments += 1;
        self.packed.arg(bytes.as_ref());
        self
    }

    /// Adds a number.
    pub fn number(&mut self, number: u64) -> &mut Self {
        self.arguments += 1;
        self.packed.number(number);
        self
    }

    /// Adds the one argument that may be large; it is not copied then.
    pub fn data(&mut self, bytes: &'a [u8]) -> &mut Self {
        self.arguments += 1;
        self.packed.data(bytes);
        self
    }

    /// What goes over the wire, in up to three pieces.
    pub fn pieces(&mut self) -> [IoSlice<'_>; 3] {
        let mut digits = [0; DIGITS];
        let count = decimal(self.arguments.into(), &mut digits);
        // Right before the arguments. No command here has a million of them.
        let start = HEADER - count.len() - 3;
        let header = &mut self.packed.bytes[start..HEADER];
        header[0] = b'*';
        header[1..=count.len()].copy_from_slice(count);
        header[1 + count.len()..].copy_from_slice(b"\r\n");
        self.packed.pieces(start)
    }
}

/// The digits of the largest number.
const DIGITS: usize = 20;

/// What an argument has around its bytes, at most.
const OVERHEAD: usize = DIGITS + 5;

fn digit(number: u64) -> Option<u8> {
    u8::try_from(number).ok().filter(|&number| number < 10).map(|number| b'0' + number)
}

fn decimal(mut number: u64, digits: &mut [u8; DIGITS]) -> &[u8] {
    let mut start = DIGITS;
    loop {
        start -= 1;
        digits[start] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return &digits[start..];
        }
    }
}
