//! PHP's built-in web server (`php -S`) with the extension loaded.

use std::fs::{self, File};
use std::io;
use std::process::{Child, Command, Stdio};

use super::fastcgi::Response;
use super::http;
use super::php::{self, Php};
use super::poll::{self, SOON};
use super::port::Port;
use super::process;
use super::temp_dir::TempDir;

/// `php -S` on a free port of 127.0.0.1. All requests go to one page.
pub struct CliServer {
    dir: TempDir,
    port: Port,
    process: Child,
}

impl CliServer {
    /// A server of `workers` processes with the settings of `php` (but cookies are on) and further
    /// environment variables, which serves the page `script` (without `<?php`).
    pub fn start(php: &Php, workers: usize, script: &str, env: &[(&str, &str)]) -> Self {
        let dir = TempDir::new("cli-server");
        fs::write(dir.join("page.php"), format!("<?php {script}")).expect("the page can be written");
        let log = File::create(dir.join("output.log")).expect("the log opens");
        let port = Port::free();
        let process = Command::new(php::program())
            .args(php.clone().ini("session.use_cookies", "1").arguments())
            .args(["-S", &format!("127.0.0.1:{}", port.number())])
            .arg(dir.join("page.php"))
            .env("PHP_CLI_SERVER_WORKERS", workers.to_string())
            .envs(env.iter().copied())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("the log has a second handle"))
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot run php ({error}): set PHP"));
        let mut server = Self { dir, port, process };
        poll::until("php -S listens", SOON, || {
            let ended = server.process.try_wait().expect("the process can be asked");
            assert!(ended.is_none(), "php -S does not start: {}", server.log());
            // Each worker says it.
            server.log().matches("Development Server").count() >= workers
        });
        server
    }

    /// The process id of the first process, which serves requests as well.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Sends a GET with a query string and the cookies of a Cookie header. Both may be empty.
    pub fn try_get(&self, query: &str, cookies: &str) -> io::Result<Response> {
        http::get(self.port.number(), &format!("/?{query}"), cookies)
    }

    /// The log of all processes.
    pub fn log(&self) -> String {
        fs::read_to_string(self.dir.join("output.log")).unwrap_or_default()
    }
}

impl Drop for CliServer {
    fn drop(&mut self) {
        // The workers would outlive the first process.
        for worker in process::children(self.process.id()) {
            process::signal(worker, "KILL");
        }
        // Both calls fail only if the process has ended, which is the aim.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
