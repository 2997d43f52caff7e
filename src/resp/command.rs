//! Commands, packed once and sent without further copies.

use std::io::IoSlice;

/// Arguments of a batch with at least this many bytes are sent from their place in memory. Shorter
/// ones are copied beside the other arguments, into memory that is there.
const LARGE: usize = 16 << 10;

/// The same for a command, whose memory would have to grow.
const LARGE_IN_COMMAND: usize = 512;

/// The room for a command without the session in it, in bytes.
const CAPACITY: usize = 1000;

/// The room in front of the arguments for `*<count>\r\n`, in bytes.
const HEADER: usize = 8;

/// Arguments in the form that Redis reads.
#[derive(Clone)]
struct Packed<'a> {
    bytes: Vec<u8>,
    /// An argument too large to copy, and its place in `bytes`.
    large: Option<(&'a [u8], usize)>,
}

/// A command in the form that Redis reads. It can be sent repeatedly.
#[derive(Clone)]
pub struct Command<'a> {
    /// `HEADER` bytes, followed by the arguments.
    packed: Packed<'a>,
    arguments: u32,
    /// The position of the arguments after the script's name.
    after_script: usize,
}

/// Several short commands that are sent together.
pub struct Batch<'a> {
    packed: Packed<'a>,
    commands: u64,
}

/// An argument of a command in a [`Batch`].
#[derive(Clone, Copy)]
pub enum Arg<'s, 'a> {
    /// A word that the program contains; see [`word`].
    Word(Word),
    /// Text.
    Text(&'s str),
    /// A text in parts.
    Joined(&'s [&'s str]),
    /// A number, written out in decimal digits.
    Number(u64),
    /// Bytes that are not copied if they are many; see [`Command::data`].
    Data(&'a [u8]),
}

/// A word in the form that Redis reads.
#[derive(Clone, Copy)]
pub struct Word {
    bytes: [u8; Self::ROOM],
    len: u8,
}

impl Word {
    const ROOM: usize = 16;

    const fn new(word: &str) -> Self {
        let word = word.as_bytes();
        assert!(word.len() < 10, "a word has fewer than 10 bytes");
        let mut bytes = [0; Self::ROOM];
        let mut len = 0u8;
        while (len as usize) < word.len() {
            bytes[4 + len as usize] = word[len as usize];
            len += 1;
        }
        (bytes[0], bytes[1], bytes[2], bytes[3]) = (b'$', b'0' + len, b'\r', b'\n');
        (bytes[4 + word.len()], bytes[5 + word.len()]) = (b'\r', b'\n');
        Self { bytes, len: len + 6 }
    }
}

/// Packs a word of fewer than 10 bytes. In a constant, that happens when the program is built, and
/// the compiler refuses a longer word.
///
/// # Panics
/// If the word is longer.
#[must_use]
pub const fn word(word: &str) -> Arg<'static, 'static> {
    Arg::Word(Word::new(word))
}

impl<'a> Packed<'a> {
    fn word(&mut self, word: Word) {
        // A copy of all bytes, of a length that the compiler knows, costs less than a copy of some.
        let end = self.bytes.len() + usize::from(word.len);
        self.bytes.extend_from_slice(&word.bytes);
        self.bytes.truncate(end);
    }

    fn arg(&mut self, bytes: &[u8]) {
        self.bytes.reserve(bytes.len() + OVERHEAD);
        self.length(bytes.len());
        self.bytes.extend_from_slice(bytes);
        self.bytes.extend_from_slice(b"\r\n");
    }

    fn joined(&mut self, parts: &[&str]) {
        let length = parts.iter().map(|part| part.len()).sum();
        self.bytes.reserve(length + OVERHEAD);
        self.length(length);
        for part in parts {
            self.bytes.extend_from_slice(part.as_bytes());
        }
        self.bytes.extend_from_slice(b"\r\n");
    }

    fn number(&mut self, number: u64) {
        match digit(number) {
            Some(digit) => self.bytes.extend_from_slice(&[b'$', b'1', b'\r', b'\n', digit, b'\r', b'\n']),
            None => self.arg(decimal(number, &mut [0; DIGITS])),
        }
    }

    fn data(&mut self, bytes: &'a [u8], large: usize) {
        if bytes.len() < large || self.large.is_some() {
            return self.arg(bytes);
        }
        self.length(bytes.len());
        self.large = Some((bytes, self.bytes.len()));
        self.bytes.extend_from_slice(b"\r\n");
    }

    /// Begins an argument with its length. Most arguments have fewer than a hundred bytes.
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

    /// The bytes to send from `start` on, in up to three pieces.
    fn pieces(&self, start: usize) -> [IoSlice<'_>; 3] {
        let (large, place) = self.large.unwrap_or((b"", self.bytes.len()));
        let (before, after) = self.bytes.split_at(place);
        [IoSlice::new(&before[start..]), IoSlice::new(large), IoSlice::new(after)]
    }
}

impl<'a> Batch<'a> {
    /// Creates a batch without commands, which reuses this buffer.
    #[must_use]
    pub fn new(mut bytes: Vec<u8>) -> Self {
        bytes.clear();
        Self { packed: Packed { bytes, large: None }, commands: 0 }
    }

    /// Returns the buffer, for the next batch.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.packed.bytes
    }

    /// Adds a command.
    pub fn add(&mut self, words: &[Arg<'_, 'a>]) {
        self.commands += 1;
        let bytes = &mut self.packed.bytes;
        if let Some(digit) = digit(words.len() as u64) {
            bytes.extend_from_slice(&[b'*', digit, b'\r', b'\n']);
        } else {
            bytes.push(b'*');
            bytes.extend_from_slice(decimal(words.len() as u64, &mut [0; DIGITS]));
            bytes.extend_from_slice(b"\r\n");
        }
        for word in words {
            match *word {
                Arg::Word(word) => self.packed.word(word),
                Arg::Text(text) => self.packed.arg(text.as_bytes()),
                Arg::Joined(parts) => self.packed.joined(parts),
                Arg::Number(number) => self.packed.number(number),
                Arg::Data(bytes) => self.packed.data(bytes, LARGE),
            }
        }
    }

    /// The number of commands, and so of replies.
    #[must_use]
    pub fn commands(&self) -> u64 {
        self.commands
    }

    /// The bytes to send, in up to three pieces.
    #[must_use]
    pub fn pieces(&self) -> [IoSlice<'_>; 3] {
        self.packed.pieces(0)
    }
}

impl<'a> Command<'a> {
    /// Creates a command without arguments.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self::with_room(name, CAPACITY)
    }

    fn with_room(name: &str, room: usize) -> Self {
        let mut bytes = Vec::with_capacity(room);
        bytes.resize(HEADER, 0);
        let mut command = Self { packed: Packed { bytes, large: None }, arguments: 0, after_script: 0 };
        command.arg(name);
        command
    }

    /// Creates a call of a script by its SHA1 digest, with its keys.
    #[must_use]
    pub fn evalsha(sha: &str, keys: &[&str]) -> Self {
        Self::script("EVALSHA", sha, keys)
    }

    /// Creates a call of a script by its text, with its keys.
    #[must_use]
    pub fn eval(text: &str, keys: &[&str]) -> Self {
        Self::script("EVAL", text, keys)
    }

    fn script(name: &str, script: &str, keys: &[&str]) -> Self {
        let mut command = Self::with_room(name, CAPACITY + script.len());
        command.arg(script);
        command.after_script = command.packed.bytes.len();
        command.number(keys.len() as u64);
        for key in keys {
            command.arg(key);
        }
        command
    }

    /// Returns the same call with the script's text, for a server that does not know the digest.
    #[must_use]
    pub fn to_eval(&self, text: &str) -> Self {
        let mut command = Self::with_room("EVAL", CAPACITY + text.len());
        command.arg(text);
        command.after_script = command.packed.bytes.len();
        command.packed.bytes.extend_from_slice(&self.packed.bytes[self.after_script..]);
        command.arguments = self.arguments;
        command.packed.large =
            self.packed.large.map(|(bytes, place)| (bytes, place - self.after_script + command.after_script));
        command
    }

    /// Returns a copy that owns all its arguments.
    #[must_use]
    pub fn to_owned(&self) -> Command<'static> {
        let [before, large, after] = self.packed.pieces(0);
        let packed = Packed { bytes: [&*before, &*large, &*after].concat(), large: None };
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

    /// Adds the one argument that may be large. A large one is not copied.
    pub fn data(&mut self, bytes: &'a [u8]) -> &mut Self {
        self.arguments += 1;
        self.packed.data(bytes, LARGE_IN_COMMAND);
        self
    }

    /// The bytes to send, in up to three pieces.
    pub fn pieces(&mut self) -> [IoSlice<'_>; 3] {
        let mut digits = [0; DIGITS];
        let count = decimal(self.arguments.into(), &mut digits);
        // The header goes right before the arguments. It has room for up to 99,999 of them, and no
        // command here has more.
        let start = HEADER - count.len() - 3;
        let header = &mut self.packed.bytes[start..HEADER];
        header[0] = b'*';
        header[1..=count.len()].copy_from_slice(count);
        header[1 + count.len()..].copy_from_slice(b"\r\n");
        self.packed.pieces(start)
    }
}

/// The digits of the largest number.
pub const DIGITS: usize = 20;

/// The most bytes that an argument has in addition to its own.
const OVERHEAD: usize = DIGITS + 5;

fn digit(number: u64) -> Option<u8> {
    u8::try_from(number).ok().filter(|&number| number < 10).map(|number| b'0' + number)
}

/// Writes a number into this room, and returns its digits.
pub fn decimal(mut number: u64, digits: &mut [u8; DIGITS]) -> &[u8] {
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
