//! Commands, packed once and sent as they are.

use std::io::IoSlice;

/// More bytes than this are sent from where they lie; fewer are copied beside the other arguments.
const LARGE: usize = 16 << 10;

/// What a command takes without the session in it.
const CAPACITY: usize = 1000;

/// Room in front of the arguments for `*<how many>\r\n`.
const HEADER: usize = 8;

/// A command as Redis reads it. It can be sent as often as it must.
#[derive(Clone)]
pub struct Command<'a> {
    /// `HEADER` bytes, then the arguments.
    packed: Vec<u8>,
    arguments: u32,
    /// An argument too large to be copied, and where in `packed` it belongs.
    large: Option<(&'a [u8], usize)>,
    /// Where the arguments behind the script's name begin.
    after_script: usize,
}

impl<'a> Command<'a> {
    /// A command that has no arguments yet.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let mut packed = Vec::with_capacity(CAPACITY);
        packed.resize(HEADER, 0);
        let mut command = Self { packed, arguments: 0, large: None, after_script: 0 };
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
        command.after_script = command.packed.len();
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
        command.after_script = command.packed.len();
        command.packed.extend_from_slice(&self.packed[self.after_script..]);
        command.arguments = self.arguments;
        command.large =
            self.large.map(|(bytes, place)| (bytes, place - self.after_script + command.after_script));
        command
    }

    /// A copy that keeps all arguments itself.
    #[must_use]
    pub fn to_owned(&self) -> Command<'static> {
        let mut packed = self.packed.clone();
        if let Some((bytes, place)) = self.large {
            packed.splice(place..place, bytes.iter().copied());
        }
        Command { packed, arguments: self.arguments, large: None, after_script: self.after_script }
    }

    /// Adds an argument.
    pub fn arg(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        let bytes = bytes.as_ref();
        self.packed.reserve(bytes.len() + OVERHEAD);
        self.length(bytes.len());
        self.packed.extend_from_slice(bytes);
        self.packed.extend_from_slice(b"\r\n");
        self
    }

    /// Adds a number.
    pub fn number(&mut self, number: u64) -> &mut Self {
        match digit(number) {
            Some(digit) => {
                self.arguments += 1;
                self.packed.extend_from_slice(&[b'$', b'1', b'\r', b'\n', digit, b'\r', b'\n']);
                self
            }
            None => self.arg(decimal(number, &mut [0; DIGITS])),
        }
    }

    /// Adds the one argument that may be large; it is not copied then.
    pub fn data(&mut self, bytes: &'a [u8]) -> &mut Self {
        if bytes.len() < LARGE || self.large.is_some() {
            return self.arg(bytes);
        }
        self.length(bytes.len());
        self.large = Some((bytes, self.packed.len()));
        self.packed.extend_from_slice(b"\r\n");
        self
    }

    /// Begins an argument. Most have less than a hundred bytes.
    fn length(&mut self, length: usize) {
        self.arguments += 1;
        let length = length as u64;
        match (digit(length), digit(length / 10), digit(length % 10)) {
            (Some(one), ..) => self.packed.extend_from_slice(&[b'$', one, b'\r', b'\n']),
            (None, Some(ten), Some(one)) => self.packed.extend_from_slice(&[b'$', ten, one, b'\r', b'\n']),
            _ => {
                self.packed.push(b'$');
                self.packed.extend_from_slice(decimal(length, &mut [0; DIGITS]));
                self.packed.extend_from_slice(b"\r\n");
            }
        }
    }

    /// What goes over the wire, in up to three pieces.
    pub fn pieces(&mut self) -> [IoSlice<'_>; 3] {
        let mut digits = [0; DIGITS];
        let count = decimal(self.arguments.into(), &mut digits);
        // Right before the arguments. No command here has a million of them.
        let start = HEADER - count.len() - 3;
        self.packed[start] = b'*';
        self.packed[start + 1..HEADER - 2].copy_from_slice(count);
        self.packed[HEADER - 2..HEADER].copy_from_slice(b"\r\n");
        let (large, place) = self.large.unwrap_or((b"", self.packed.len()));
        let (before, after) = self.packed.split_at(place);
        [IoSlice::new(&before[start..]), IoSlice::new(large), IoSlice::new(after)]
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
