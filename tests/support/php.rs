//! PHP processes with the extension loaded.

use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::acl;
use super::process;
use super::temp_dir::TempDir;

/// The longest time that a script may run, unless its test says otherwise.
const DEADLINE: Duration = Duration::from_secs(90);

/// The command line of a PHP process: `php` (or the program that `PHP` names) with the module,
/// sessions in Redis, strict mode, and nothing from the machine's php.ini. Messages go to standard
/// output, in order with the script's.
#[derive(Clone)]
pub struct Php {
    ini: Vec<(String, String)>,
    deadline: Duration,
}

/// The output and exit status of a process.
#[derive(Debug)]
pub struct Output {
    pub stdout: String,
    pub stderr: String,
    pub status: ExitStatus,
}

/// A running process. The process is killed when this value is dropped.
pub struct Running {
    process: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    seen: String,
    stderr: Option<JoinHandle<String>>,
    deadline: Instant,
    _dir: TempDir,
}

impl Php {
    /// PHP with its sessions at `save_path`.
    pub fn new(save_path: &str) -> Self {
        let php = Self { ini: Vec::new(), deadline: DEADLINE };
        acl::php_settings()
            .into_iter()
            .fold(php, |php, (name, value)| php.ini(name, value))
            .ini("extension", module().to_str().expect("the module's path is UTF-8"))
            .ini("display_errors", "1")
            .ini("html_errors", "0")
            .ini("log_errors", "0")
            .ini("session.save_handler", "rustredis")
            .ini("session.save_path", save_path)
            .ini("session.use_strict_mode", "1")
            // Cookies are off because scripts print while they use sessions, which rules out
            // headers.
            .ini("session.use_cookies", "0")
            .ini("session.cache_limiter", "")
    }

    /// Logs in as the server's default user without a password, also under `REDIS_ACL=1`, unless a
    /// user is set later.
    pub fn default_user(self) -> Self {
        self.ini("rustredis.username", "").ini("rustredis.password", "")
    }

    /// Adds an ini setting. A later setting of the same name wins.
    pub fn ini(mut self, name: &str, value: &str) -> Self {
        self.ini.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Kills the process after this time instead of the default.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Runs a script (without `<?php`) to its end.
    pub fn run(&self, script: &str) -> Output {
        self.spawn(script).wait()
    }

    /// Starts a script (without `<?php`).
    pub fn spawn(&self, script: &str) -> Running {
        let dir = TempDir::new("php");
        let file = dir.join("script.php");
        fs::write(&file, format!("<?php {script}")).expect("the script can be written");
        let mut command = Command::new(program());
        command.args(self.arguments()).arg(&file);
        self.start(command, dir)
    }

    /// Starts another program, which gets the settings as a php.ini, a script (without `<?php`),
    /// and further arguments.
    pub fn spawn_in(&self, program: &Path, script: &str, arguments: &[&str]) -> Running {
        let dir = TempDir::new("php");
        let (settings, file) = (dir.join("php.ini"), dir.join("script.php"));
        fs::write(&settings, self.ini_file()).expect("the settings can be written");
        fs::write(&file, format!("<?php {script}")).expect("the script can be written");
        let mut command = Command::new(program);
        // The machine's own configuration is not read.
        command.arg(settings).arg(file).args(arguments).env("PHP_INI_SCAN_DIR", "");
        self.start(command, dir)
    }

    fn start(&self, mut command: Command, dir: TempDir) -> Running {
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot run php ({error}): set PHP"));
        let stdout = process.stdout.take().expect("standard output is piped");
        let mut stderr = process.stderr.take().expect("standard error is piped");
        Running {
            stdin: process.stdin.take(),
            lines: lines_of(stdout),
            seen: String::new(),
            stderr: Some(thread::spawn(move || {
                let mut bytes = Vec::new();
                stderr.read_to_end(&mut bytes).expect("standard error can be read");
                String::from_utf8_lossy(&bytes).into_owned()
            })),
            process,
            deadline: Instant::now() + self.deadline,
            _dir: dir,
        }
    }

    /// The ini settings as a php.ini.
    pub fn ini_file(&self) -> String {
        self.ini.iter().map(|(name, value)| format!("{name} = \"{value}\"")).collect::<Vec<_>>().join("\n")
    }

    /// The ini settings as arguments of any PHP program.
    pub fn arguments(&self) -> Vec<OsString> {
        let settings = self.ini.iter().flat_map(|(name, value)| {
            // The value is quoted because `?`, `&` and `=` have a meaning in ini files.
            ["-d".into(), format!("{name}=\"{value}\"").into()]
        });
        std::iter::once("-n".into()).chain(settings).collect()
    }
}

impl Running {
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Writes a line to the script's standard input.
    pub fn send(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().expect("standard input is open until wait()");
        writeln!(stdin, "{line}").unwrap_or_else(|error| panic!("PHP is gone ({error}): {}", self.seen));
    }

    /// Reads up to a line that begins with `prefix`. Returns everything before that line, and the
    /// line's rest.
    pub fn expect(&mut self, prefix: &str) -> (String, String) {
        let mut before = String::new();
        loop {
            let left = self.deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => {
                    self.seen.push_str(&line);
                    if let Some(rest) = line.strip_prefix(prefix) {
                        return (before, rest.trim().to_owned());
                    }
                    before.push_str(&line);
                }
                Err(RecvTimeoutError::Timeout) => panic!("PHP says no {prefix:?} in time: {}", self.seen),
                Err(RecvTimeoutError::Disconnected) => {
                    let status = self.process.wait().expect("the process can be waited for");
                    panic!("PHP ended ({status}) before {prefix:?}: {}", self.seen)
                }
            }
        }
    }

    /// Sends a line and reads up to the answer: a line that begins with `done`. The script decides
    /// what a line means, see [`STEPS`].
    pub fn step(&mut self, line: &str) -> Step {
        self.send(line);
        let (messages, result) = self.expect("done ");
        Step { messages, result }
    }

    /// `kill -9`
    pub fn kill9(&mut self) {
        process::signal(self.pid(), "KILL");
        self.process.wait().expect("the process can be waited for");
    }

    /// Waits for the end of the process, and panics if it does not come in time.
    pub fn wait(mut self) -> Output {
        drop(self.stdin.take());
        loop {
            let left = self.deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => self.seen.push_str(&line),
                Err(RecvTimeoutError::Timeout) => panic!("PHP does not end in time: {}", self.seen),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        let status = self.process.wait().expect("the process can be waited for");
        let stderr = self.stderr.take().expect("only wait() takes it");
        Output {
            stdout: std::mem::take(&mut self.seen),
            stderr: stderr.join().expect("standard error was read"),
            status,
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both calls fail only if the process has ended, which is the aim.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Output {
    /// Panics unless the script ended well and printed nothing but its own output.
    pub fn assert_clean(&self) -> &Self {
        self.assert_no_crash();
        assert!(self.status.success() && self.stderr.is_empty(), "{self:#?}");
        assert!(!self.stdout.contains("Warning: "), "{self:#?}");
        self
    }

    /// Panics if a signal ended the process.
    pub fn assert_no_crash(&self) -> &Self {
        assert_eq!(self.status.signal(), None, "{self:#?}");
        self
    }
}

/// The result of one step of a [`STEPS`] script.
#[derive(Debug)]
pub struct Step {
    /// PHP's messages.
    pub messages: String,
    /// The return value of the step, as JSON.
    pub result: String,
}

impl Step {
    /// The warnings of the extension. PHP's own warnings say `(rustredis)` or nothing.
    pub fn warnings(&self) -> Vec<&str> {
        self.messages.lines().filter(|line| line.contains("rustredis: ")).collect()
    }

    /// Panics if PHP or the extension printed a message.
    pub fn assert_silent(&self) -> &Self {
        assert_eq!(self.messages.trim(), "", "{self:?}");
        self
    }

    /// The only warning of the extension. Panics if there are more or none.
    pub fn only_warning(&self) -> &str {
        let warnings = self.warnings();
        assert_eq!(warnings.len(), 1, "exactly one warning is due: {self:#?}");
        warnings[0]
    }
}

/// A script that evaluates each line of its input in one process, and answers `done <json>`. The
/// lines are PHP expressions, which may call `start`, `increment` and `peek`.
pub const STEPS: &str = r#"
    function start(string $id, array $options = []): bool {
        session_id($id);
        return session_start($options);
    }
    function increment(string $id) {
        if (!start($id)) return false;
        $_SESSION["n"] = ($_SESSION["n"] ?? 0) + 1;
        $n = $_SESSION["n"];
        return session_write_close() ? $n : false;
    }
    function peek(string $id) {
        return start($id, ["read_and_close" => true]) ? ($_SESSION["n"] ?? null) : false;
    }
    // Not by echo: that would send the headers, after which PHP regenerates no id.
    fwrite(STDOUT, "ready\n");
    while (($line = fgets(STDIN)) !== false) {
        fwrite(STDOUT, "\ndone " . json_encode(eval("return $line;")) . "\n");
    }
"#;

/// Counts in `shared`, and prints when the session was entered and left.
pub const VISIT: &str = r#"
    echo "ready\n";
    fgets(STDIN);
    $visits = [];
    for ($i = 0; $i < 25; $i++) {
        session_id("shared");
        session_start() or exit(1);
        $enter = hrtime(true);
        $_SESSION["n"]++;
        $leave = hrtime(true);
        session_write_close();
        $visits[] = [$enter, $leave];
    }
    echo "done ", json_encode($visits), "\n";
"#;

/// The output of a line of code in the PHP under test, without the module.
pub fn answer(code: &str) -> String {
    let output = Command::new(program()).args(["-n", "-r", code]).output();
    let output = output.unwrap_or_else(|error| panic!("cannot run php ({error}): set PHP"));
    String::from_utf8(output.stdout).expect("the answer is UTF-8")
}

/// Returns true if the PHP under test runs requests in threads.
pub fn is_thread_safe() -> bool {
    answer("echo PHP_ZTS;") == "1"
}

pub fn program() -> OsString {
    std::env::var_os("PHP").unwrap_or_else(|| "php".into())
}

/// The path of the module under test.
pub fn module() -> PathBuf {
    let module = std::env::var_os("MODULE").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("modules/phpsess_rs.so"),
        PathBuf::from,
    );
    assert!(module.exists(), "{} does not exist: run make first", module.display());
    module
}

/// A stream's lines, with their line ends, as they arrive.
fn lines_of(stream: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut reader = BufReader::new(stream);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
            if sender.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                return;
            }
            line.clear();
        }
    });
    receiver
}
