//! The processes that are measured: PHP with one of the save handlers, and the bare client.

use std::fmt;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// The store of the sessions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Handler {
    Rustredis,
    Phpredis,
    Files,
    /// rustredis in another build, the file that the environment names as BEFORE.
    Before,
}

impl Handler {
    /// The handlers of this run: the first three, and the other build if one is named.
    pub fn all() -> Vec<Self> {
        let mut all = vec![Self::Rustredis, Self::Phpredis, Self::Files];
        all.extend(before().map(|_| Self::Before));
        all
    }

    /// The handlers whose sessions are in Redis.
    pub fn in_redis() -> Vec<Self> {
        Self::all().into_iter().filter(|handler| *handler != Self::Files).collect()
    }
}

impl fmt::Display for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rustredis => "rustredis",
            Self::Phpredis => "phpredis",
            Self::Files => "files",
            Self::Before => "before",
        })
    }
}

/// The settings of one PHP process.
#[derive(Clone)]
pub struct Setup {
    pub handler: Handler,
    /// The path in the form that phpredis and rustredis both read, or the folder for files.
    pub save_path: String,
    pub locking: bool,
    /// `session.serialize_handler`
    pub serializer: &'static str,
    /// The authority that PHP's own streams, and so phpredis, trust to sign server certificates.
    pub authority: String,
}

impl Setup {
    pub fn new(handler: Handler, save_path: &str) -> Self {
        Self {
            handler,
            save_path: save_path.to_owned(),
            locking: true,
            serializer: "php",
            authority: String::new(),
        }
    }

    pub fn unlocked(self) -> Self {
        Self { locking: false, ..self }
    }

    /// The arguments of any PHP program.
    pub fn arguments(&self) -> Vec<String> {
        let lock = if self.locking { "1" } else { "0" };
        let mut ini = vec![
            ("session.use_strict_mode", "1"),
            ("session.use_cookies", "0"),
            ("session.cache_limiter", ""),
            ("session.gc_probability", "0"),
            ("display_errors", "stderr"),
            ("session.save_path", &self.save_path),
            ("session.serialize_handler", self.serializer),
            ("openssl.cafile", &self.authority),
        ];
        let module = before().filter(|_| self.handler == Handler::Before).unwrap_or_else(module);
        let module_path = module.to_str().expect("the module's path is UTF-8");
        match self.handler {
            Handler::Rustredis | Handler::Before => ini.extend([
                ("extension", module_path),
                ("session.save_handler", "rustredis"),
                ("rustredis.locking", lock),
                ("rustredis.lock_wait", "60"),
                ("rustredis.lock_max_waiters", "0"),
            ]),
            Handler::Phpredis => ini.extend([
                // Debian's phpredis is built against igbinary.
                ("extension", "igbinary"),
                ("extension", "redis"),
                ("session.save_handler", "redis"),
                ("redis.session.locking_enabled", lock),
                ("redis.session.lock_expire", "30"),
                // phpredis waits as long as rustredis does with the settings above.
                ("redis.session.lock_retries", "3000"),
            ]),
            Handler::Files => ini.push(("session.save_handler", "files")),
        }
        // The json serializer is part of the extension. The others are modules if PHP does not have
        // them built in.
        match (self.serializer, self.handler) {
            ("json", Handler::Phpredis | Handler::Files) => ini.push(("extension", module_path)),
            (name @ ("igbinary" | "msgpack"), _) => ini.push(("extension", name)),
            _ => {}
        }
        let settings = ini.iter().flat_map(|(name, value)| ["-d".into(), format!("{name}=\"{value}\"")]);
        std::iter::once("-n".to_owned()).chain(settings).collect()
    }
}

/// The path of the extension that is measured.
pub fn module() -> PathBuf {
    std::env::var_os("MODULE").map_or_else(|| root().join("modules/phpsess_rs.so"), PathBuf::from)
}

/// The path of another build to measure beside this one.
fn before() -> Option<PathBuf> {
    std::env::var_os("BEFORE").map(PathBuf::from)
}

/// The root of the checkout.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub fn php() -> String {
    std::env::var("PHP").unwrap_or_else(|_| "php".into())
}

/// A process that does jobs, see worker.php. The process is killed when this value is dropped.
pub struct Worker {
    process: Child,
    jobs: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Worker {
    /// Starts PHP, on one core if `core` is given.
    pub fn php(setup: &Setup, core: Option<usize>) -> Self {
        let mut command = vec![php()];
        command.extend(setup.arguments());
        command.push(root().join("bench/worker.php").display().to_string());
        Self::start(&command, core)
    }

    pub fn start(command: &[String], core: Option<usize>) -> Self {
        let mut words = pinned(core);
        words.extend_from_slice(command);
        let mut process = Command::new(&words[0])
            .args(&words[1..])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot run {} ({error})", words[0]));
        let jobs = process.stdin.take().expect("standard input is piped");
        let answers = BufReader::new(process.stdout.take().expect("standard output is piped"));
        Self { process, jobs, answers }
    }

    /// Sends a job.
    pub fn begin(&mut self, job: &str) {
        writeln!(self.jobs, "{job}").expect("the worker takes jobs");
    }

    /// Waits for the answer to the job.
    pub fn finish(&mut self) -> Vec<u64> {
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("the worker answers");
        let numbers: Result<Vec<_>, _> = line.split_whitespace().map(str::parse).collect();
        match numbers {
            Ok(numbers) if !numbers.is_empty() => numbers,
            _ => panic!("the worker says {line:?}"),
        }
    }

    pub fn run(&mut self, job: &str) -> Vec<u64> {
        self.begin(job);
        self.finish()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // Both calls fail only if the process has ended, which is the aim.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn pinned(core: Option<usize>) -> Vec<String> {
    core.map_or_else(Vec::new, |core| vec!["taskset".into(), "-c".into(), core.to_string()])
}

/// Restricts a running process, with all its threads, to these cores (`0`, `0-3`).
pub fn pin(pid: u32, cores: &str) {
    let done = Command::new("taskset")
        .args(["-apc", cores, &pid.to_string()])
        .stdout(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    assert!(done, "taskset cannot pin process {pid}");
}

/// Keeps cores from falling asleep, by loops of the lowest priority. The time that a core takes to
/// wake up depends on the machine, above all on a virtual one, and is longer than the times that
/// are measured.
pub struct Awake(Vec<Child>);

impl Awake {
    pub fn on(cores: &[&str]) -> Self {
        let spin = |core: &&str| {
            Command::new("chrt")
                .args(["--idle", "0", "taskset", "-c", core, "sh", "-c", "while :; do :; done"])
                .spawn()
                .unwrap_or_else(|error| panic!("cannot run chrt ({error})"))
        };
        Self(cores.iter().map(spin).collect())
    }
}

impl Drop for Awake {
    fn drop(&mut self) {
        for process in &mut self.0 {
            // Both calls fail only if the process has ended, which is the aim.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// The output of a program, trimmed.
pub fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("cannot run {program} ({error})"));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
