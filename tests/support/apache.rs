//! A real Apache with PHP as its module.

use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use super::fastcgi::Response;
use super::http;
use super::php::{self, Php};
use super::poll::{self, SOON};
use super::port::Port;
use super::process;
use super::temp_dir::TempDir;

/// Debian's folder of Apache modules.
const MODULES: &str = "/usr/lib/apache2/modules";

/// Apache (the program that `APACHE` names, or Debian's) with the PHP module that `LIBPHP` names,
/// or Debian's for the PHP under test. A thread-safe PHP runs under the event MPM, another one
/// under prefork.
pub struct Apache {
    dir: TempDir,
    port: Port,
    process: Child,
}

/// The number of requests that are served at a time.
#[derive(Clone, Copy)]
pub struct Workers {
    /// Processes of Apache.
    pub processes: u32,
    /// Threads of each process: 1 if PHP is not thread-safe.
    pub threads: u32,
}

impl Workers {
    /// `count` workers: threads of two processes, or processes if PHP is not thread-safe.
    pub fn in_all(count: u32) -> Self {
        if php::is_thread_safe() {
            Self { processes: 2, threads: count / 2 }
        } else {
            Self { processes: count, threads: 1 }
        }
    }
}

impl Apache {
    /// A server with the settings of `php` (but cookies are on) that answers every path with the
    /// page `script` (without `<?php`). `directives` are added to its configuration.
    pub fn start(php: &Php, workers: Workers, directives: &str, script: &str) -> Self {
        let dir = TempDir::new("apache");
        // A debug build of PHP warns, and stops at an assertion when the process ends, if a new
        // process of Apache installs its handler of SIGTERM during the first requests:
        // docs/testing.md.
        let ini = php.clone().ini("session.use_cookies", "1").ini("zend.signal_check", "0").ini_file();
        fs::write(dir.join("php.ini"), ini).expect("the settings can be written");
        fs::write(dir.join("page.php"), format!("<?php {script}")).expect("the page can be written");
        let port = Port::free();
        let config = config(&dir, port.number(), workers) + directives;
        fs::write(dir.join("apache.conf"), config).expect("the configuration can be written");
        let mut apache = Self { process: spawn(&dir), dir, port };
        poll::until("Apache listens", SOON, || {
            let ended = apache.process.try_wait().expect("the process can be asked");
            assert!(ended.is_none(), "Apache does not start: {}", apache.log());
            apache.log().contains("resuming normal operations")
        });
        apache
    }

    /// Sends a GET for a path, with a query string if there is one, and the cookies of a Cookie
    /// header. `cookies` may be empty.
    pub fn get(&self, path: &str, cookies: &str) -> Response {
        self.try_get(path, cookies)
            .unwrap_or_else(|error| panic!("Apache does not answer ({error}): {}", self.log()))
    }

    /// Like [`Apache::get`], for use while Apache restarts. With threads, Apache then closes some
    /// connections without an answer, whatever the page does.
    pub fn try_get(&self, path: &str, cookies: &str) -> io::Result<Response> {
        http::get(self.port.number(), path, cookies)
    }

    /// Restarts gracefully: new processes replace the old ones, which finish their requests.
    /// Returns when Apache serves again.
    pub fn restart(&self) {
        let starts = || self.log().matches("resuming normal operations").count();
        let before = starts();
        process::signal(self.process.id(), "USR1");
        poll::until("Apache restarts", SOON, || starts() > before);
    }

    /// The processes that serve requests.
    pub fn children(&self) -> Vec<u32> {
        process::children(self.process.id())
    }

    /// The log of Apache and PHP.
    pub fn log(&self) -> String {
        ["error.log", "output.log"]
            .map(|name| fs::read_to_string(self.dir.join(name)).unwrap_or_default())
            .concat()
    }

    /// Panics if a process of this server crashed.
    pub fn assert_no_crash(&self) {
        let log = self.log();
        assert!(!log.contains("exit signal") && !log.contains("Assertion"), "{log}");
    }
}

impl Drop for Apache {
    fn drop(&mut self) {
        // On TERM, the first process ends the others as well. A process that has ended needs no
        // signal.
        if matches!(self.process.try_wait(), Ok(None)) {
            process::signal(self.process.id(), "TERM");
            let _ = self.process.wait();
        }
    }
}

fn spawn(dir: &TempDir) -> Child {
    let program =
        std::env::var_os("APACHE").map_or_else(|| PathBuf::from("/usr/sbin/apache2"), PathBuf::from);
    let output = fs::File::create(dir.join("output.log")).expect("the log opens");
    Command::new(&program)
        .args(["-D", "FOREGROUND", "-f"])
        .arg(dir.join("apache.conf"))
        // The machine's own configuration is not read.
        .env("PHP_INI_SCAN_DIR", "")
        .stdin(Stdio::null())
        .stdout(output.try_clone().expect("the log has a second handle"))
        .stderr(output)
        // Apache signals its whole process group when it ends, so it must not share the test's
        // group.
        .process_group(0)
        .spawn()
        .unwrap_or_else(|error| panic!("cannot run {} ({error}): set APACHE", program.display()))
}

fn config(dir: &TempDir, port: u16, workers: Workers) -> String {
    let path = dir.path().display();
    let Workers { processes, threads } = workers;
    let all = processes * threads;
    let mpm = if php::is_thread_safe() {
        format!(
            "LoadModule mpm_event_module {MODULES}/mod_mpm_event.so\n\
             ServerLimit {processes}\n\
             StartServers {processes}\n\
             ThreadLimit {threads}\n\
             ThreadsPerChild {threads}\n\
             MaxRequestWorkers {all}\n\
             MinSpareThreads 1\n\
             MaxSpareThreads {all}\n"
        )
    } else {
        format!(
            "LoadModule mpm_prefork_module {MODULES}/mod_mpm_prefork.so\n\
             ServerLimit {processes}\n\
             StartServers {processes}\n\
             MaxRequestWorkers {processes}\n\
             MaxSpareServers {all}\n"
        )
    };
    let user = if dir.owned_by_root() { "User nobody\nGroup nogroup\n" } else { "" };
    let libphp = libphp();
    assert!(libphp.exists(), "{} does not exist: set LIBPHP", libphp.display());
    format!(
        "{mpm}\
         LoadModule authz_core_module {MODULES}/mod_authz_core.so\n\
         LoadModule alias_module {MODULES}/mod_alias.so\n\
         LoadModule php_module {}\n\
         ServerRoot {path}\n\
         ServerName localhost\n\
         DefaultRuntimeDir {path}\n\
         PidFile {path}/apache.pid\n\
         ErrorLog {path}/error.log\n\
         Listen 127.0.0.1:{port}\n\
         GracefulShutdownTimeout 20\n\
         {user}\
         PHPIniDir {path}\n\
         AliasMatch \"^/\" {path}/page.php\n\
         <FilesMatch \"\\.php$\">\nSetHandler application/x-httpd-php\n</FilesMatch>\n",
        libphp.display()
    )
}

fn libphp() -> PathBuf {
    std::env::var_os("LIBPHP").map_or_else(
        || {
            let version = php::answer("echo PHP_MAJOR_VERSION, '.', PHP_MINOR_VERSION;");
            PathBuf::from(MODULES).join(format!("libphp{version}.so"))
        },
        PathBuf::from,
    )
}
