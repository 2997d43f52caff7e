//! Services in other languages that share PHP's sessions. Each is a process with an HTTP port of
//! its own.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use crate::support::poll::{self, SOON};
use crate::support::port::Port;
use crate::support::python;
use crate::support::redis::Server;
use crate::support::temp_dir::TempDir;

/// The longest time that an answer may take.
const DEADLINE: Duration = Duration::from_secs(90);

/// The services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Flask,
    /// Django behind its own server, by WSGI.
    Django,
    /// The same Django project by ASGI.
    DjangoAsgi,
    Starlette,
    Express,
    Go,
    /// tests/neighbours/express_app.mjs
    ExpressTest,
    /// tests/neighbours/django_async_app.py
    DjangoAsync,
    /// Flask in tests/neighbours/refusing_apps.py
    FlaskTest,
    /// FastAPI in tests/neighbours/refusing_apps.py
    StarletteTest,
    /// Flask-Session from PyPI, without code of this project.
    FlaskSession,
    /// starsessions from PyPI, without code of this project.
    Starsessions,
}

/// A running service. The process is killed when this value is dropped.
pub struct Neighbour {
    process: Child,
    port: Port,
    dir: TempDir,
}

/// An answer to an HTTP request.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// The value of the session cookie in the answer, empty if the answer deletes the cookie.
    pub cookie: Option<String>,
    pub body: String,
}

impl Neighbour {
    /// Starts a service on a Redis.
    pub fn start(kind: Kind, server: &Server) -> Self {
        Self::with_env(kind, &server.addr(), &[])
    }

    /// Like [`Neighbour::start`], with the Redis at another address, such as a proxy's, and with
    /// further environment variables.
    pub fn with_env(kind: Kind, addr: &str, env: &[(&str, &str)]) -> Self {
        let dir = TempDir::new("neighbour");
        let port = Port::free();
        let log = std::fs::File::create(dir.join("log")).expect("the log can be made");
        let mut command = kind.command(port.number());
        command
            .env("REDIS", format!("redis://{addr}/0"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .envs(env.iter().copied())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("the log has a second handle"))
            .stderr(log);
        let process = command.spawn().unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
        let mut neighbour = Self { process, port, dir };
        poll::until("the service answers", SOON, || {
            let ended = neighbour.process.try_wait().expect("the process can be asked");
            assert!(ended.is_none(), "{kind:?} ended: {}", neighbour.log());
            TcpStream::connect(("127.0.0.1", neighbour.port.number())).is_ok()
        });
        neighbour
    }

    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    pub fn has_ended(&mut self) -> bool {
        self.process.try_wait().expect("the process can be asked").is_some()
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.join("log")).unwrap_or_default()
    }

    pub fn get(&self, path: &str, cookie: &str) -> Answer {
        self.request("GET", path, cookie)
    }

    pub fn post(&self, path: &str, cookie: &str) -> Answer {
        self.request("POST", path, cookie)
    }

    /// Like [`Neighbour::get`], with a whole Cookie header.
    pub fn get_with(&self, path: &str, cookies: &str) -> Answer {
        self.send("GET", path, cookies)
    }

    /// Sends the request of a browser that has this cookie from PHP, or no cookie if `cookie` is
    /// empty.
    fn request(&self, method: &str, path: &str, cookie: &str) -> Answer {
        let cookies = if cookie.is_empty() { String::new() } else { format!("a=b; PHPSESSID={cookie}; c=d") };
        self.send(method, path, &cookies)
    }

    fn send(&self, method: &str, path: &str, cookies: &str) -> Answer {
        let mut stream = self.connect(method, path, cookies);
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap_or_else(|error| panic!("no answer ({error}): {}", self.log()));
        Answer::parse(&String::from_utf8_lossy(&bytes))
    }

    /// Sends a request and leaves the answer unread. To leave as a client, drop the stream.
    pub fn connect(&self, method: &str, path: &str, cookies: &str) -> TcpStream {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port.number())).expect("the service listens");
        stream.set_read_timeout(Some(DEADLINE)).expect("a timeout can be set");
        let cookie = if cookies.is_empty() { String::new() } else { format!("Cookie: {cookies}\r\n") };
        let request =
            format!("{method} {path} HTTP/1.0\r\nHost: localhost\r\nContent-Length: 0\r\n{cookie}\r\n");
        let latin: Vec<u8> =
            request.chars().map(|char| u8::try_from(char).expect("HTTP has Latin-1")).collect();
        stream.write_all(&latin).expect("the service reads");
        stream
    }
}

impl Drop for Neighbour {
    fn drop(&mut self) {
        // Both calls fail only if the process has ended, which is the aim.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Answer {
    fn parse(text: &str) -> Self {
        let (head, body) =
            text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("not an HTTP answer: {text}"));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        let cookie = head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            let value = name
                .eq_ignore_ascii_case("set-cookie")
                .then(|| value.trim_start().strip_prefix("PHPSESSID="))??;
            Some(value.split(';').next().unwrap_or_default().trim_matches('"').to_owned())
        });
        Self { status: status.expect("an answer has a status"), cookie, body: body.trim().to_owned() }
    }

    /// The JSON of a successful answer, without spaces.
    pub fn json(&self) -> String {
        assert_eq!(self.status, 200, "{self:?}");
        self.body.replace([' ', '\n'], "")
    }
}

impl Kind {
    fn command(self, port: u16) -> Command {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let address = format!("127.0.0.1:{port}");
        match self {
            Self::Flask => {
                let mut command = python_in(root.join("examples/flask"));
                command.args(["-m", "flask", "--app", "app", "run", "--port", &port.to_string()]);
                command
            }
            Self::Django => {
                let mut command = python_in(root.join("examples/django"));
                command.args(["app.py", "runserver", "--noreload", &address]);
                command
            }
            Self::DjangoAsgi => {
                let mut command = python_in(root.join("examples/django"));
                command.args(["-m", "uvicorn", "app:application", "--port", &port.to_string()]);
                command
            }
            Self::DjangoAsync => {
                let mut command = python_in(root.join("tests/neighbours"));
                command.args(["-m", "uvicorn", "django_async_app:application", "--port", &port.to_string()]);
                command
            }
            Self::ExpressTest => {
                let mut command = Command::new("node");
                command
                    .arg("express_app.mjs")
                    .current_dir(root.join("tests/neighbours"))
                    .env("PORT", port.to_string());
                command
            }
            Self::Starlette => {
                let mut command = python_in(root.join("examples/starlette"));
                command.args(["-m", "uvicorn", "app:app", "--port", &port.to_string()]);
                command
            }
            Self::FlaskTest => {
                let mut command = python_in(root.join("tests/neighbours"));
                let app = "refusing_apps:flask_app";
                command.args(["-m", "flask", "--app", app, "run", "--port", &port.to_string()]);
                command
            }
            Self::StarletteTest => {
                let mut command = python_in(root.join("tests/neighbours"));
                command.args(["-m", "uvicorn", "refusing_apps:fast_app", "--port", &port.to_string()]);
                command
            }
            Self::FlaskSession => {
                let mut command = python_in(root.join("tests/neighbours"));
                command.args([
                    "-m",
                    "flask",
                    "--app",
                    "flask_session_app",
                    "run",
                    "--port",
                    &port.to_string(),
                ]);
                command
            }
            Self::Starsessions => {
                let mut command = python_in(root.join("tests/neighbours"));
                command.args(["-m", "uvicorn", "starsessions_app:app", "--port", &port.to_string()]);
                command
            }
            Self::Express => {
                let mut command = Command::new("node");
                command
                    .arg("app.js")
                    .current_dir(root.join("examples/express"))
                    .env("PORT", port.to_string());
                command
            }
            Self::Go => {
                let mut command = Command::new(go_program());
                command.env("ADDR", address).env("SCRIPTS", root.join("src/protocol/scripts"));
                command
            }
        }
    }
}

/// The Python that scripts/setup makes, or the one that `PYTHON` names.
fn python_in(folder: PathBuf) -> Command {
    let program = python::program();
    assert!(program.exists(), "{} does not exist: run scripts/setup test first", program.display());
    let mut command = Command::new(program);
    command.current_dir(folder);
    command
}

/// The Go example, compiled against Debian's redigo.
pub fn go_program() -> PathBuf {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    let build = || {
        let program = target().join("neighbour-go");
        let output = Command::new("go")
            .args(["build", "-o"])
            .arg(&program)
            .arg(".")
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/go"))
            .envs([("GO111MODULE", "off"), ("GOPATH", "/usr/share/gocode"), ("GOFLAGS", "")])
            .output()
            .expect("go runs: scripts/setup test installs it");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        program
    };
    PROGRAM.get_or_init(build).clone()
}

fn target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("it lies in the target folder").to_owned()
}
