//! The time that a page waits for its session, and the share of it that `rustredis.write_ack` and
//! `rustredis.prefetch` save.

use std::time::{Duration, Instant};

use super::Bench;
use super::process::Handler;
use super::report::{Table, ms, paragraph};
use super::stats::{float, median};
use super::support::fpm::Fpm;
use super::support::php::Php;
use super::support::proxy::Proxy;

/// The page's work before it starts the session, as frameworks do.
const WORK: Duration = Duration::from_millis(3);

const PAGE: &str = r#"
    $begin = hrtime(true);
    while (hrtime(true) - $begin < 3_000_000);
    $asked = hrtime(true);
    session_start() or exit("session_start() failed");
    $granted = hrtime(true);
    $_SESSION["n"] = ($_SESSION["n"] ?? 0) + 1;
    $_SESSION["text"] ??= str_repeat("0123456789abcdef", 61);
    $done = hrtime(true);
    session_write_close() or exit("session_write_close() failed");
    echo $granted - $asked, " ", hrtime(true) - $done;
"#;

/// A pool with one worker.
struct Site {
    name: &'static str,
    fpm: Fpm,
    cookie: String,
    start: Vec<f64>,
    write: Vec<f64>,
    page: Vec<f64>,
}

pub fn run(bench: &Bench) -> String {
    let mut text = String::new();
    paragraph(&mut text, "### What a page waits for its session");
    paragraph(
        &mut text,
        &format!(
            "php-fpm, one worker, one visitor; a page that works for {} ms, starts its session, changes it (1 KB) and \
             closes it. Medians, in milliseconds, of both calls, of both together, and of the whole answer without the \
             page's own work.",
            WORK.as_millis(),
        ),
    );
    let proxy = Proxy::start(&bench.server.addr());
    proxy.delay(Duration::from_millis(1));
    for (name, address) in [("loopback", bench.server.addr()), ("each answer 1 ms later", proxy.addr())] {
        text += &measure(bench, name, &format!("tcp://{address}?persistent=1"));
        text.push('\n');
    }
    text
}

fn measure(bench: &Bench, transport: &str, save_path: &str) -> String {
    let mut sites = [
        Site::start("rustredis", save_path, Handler::Rustredis, &[]),
        Site::start("write_ack=deferred", save_path, Handler::Rustredis, &["write_ack"]),
        Site::start("prefetch=1", save_path, Handler::Rustredis, &["prefetch"]),
        Site::start("both", save_path, Handler::Rustredis, &["write_ack", "prefetch"]),
        Site::start("phpredis", save_path, Handler::Phpredis, &[]),
        Site::start("files", &bench.folder("sessions"), Handler::Files, &[]),
    ];
    let pages = bench.cycles(50);
    // The first round only warms up, so there is one more than is counted.
    for round in 0..=bench.rounds(9) {
        for site in &mut sites {
            for _ in 0..pages {
                site.visit(round > 0);
            }
        }
    }
    let mut table =
        Table::new(&[transport, "session_start()", "session_write_close()", "together", "the answer"]);
    for site in &sites {
        let (start, write) = (median(&site.start), median(&site.write));
        let cells = [start, write, start + write, median(&site.page)].map(ms);
        table.row(std::iter::once(site.name.to_owned()).chain(cells));
    }
    table.markdown()
}

impl Site {
    fn start(name: &'static str, save_path: &str, handler: Handler, settings: &[&str]) -> Self {
        let mut php = Php::new(save_path);
        match handler {
            Handler::Rustredis | Handler::Before => {}
            Handler::Phpredis => {
                php = php
                    .ini("extension", "igbinary")
                    .ini("extension", "redis")
                    .ini("session.save_handler", "redis")
                    .ini("redis.session.locking_enabled", "1")
                    .ini("redis.session.lock_expire", "30");
            }
            Handler::Files => php = php.ini("session.save_handler", "files"),
        }
        for setting in settings {
            let value = if *setting == "prefetch" { "1" } else { "deferred" };
            php = php.ini(&format!("rustredis.{setting}"), value);
        }
        let fpm = Fpm::start(&php, 1, PAGE);
        let first = fpm.get("", "");
        let id =
            first.cookie("PHPSESSID").unwrap_or_else(|| panic!("a new visitor gets a cookie: {first:?}"));
        let cookie = format!("PHPSESSID={id}");
        Self { name, fpm, cookie, start: Vec::new(), write: Vec::new(), page: Vec::new() }
    }

    fn visit(&mut self, counts: bool) {
        let begin = Instant::now();
        let page = self.fpm.get("", &self.cookie);
        let whole = begin.elapsed().saturating_sub(WORK);
        let times: Result<Vec<u64>, _> = page.body.split(' ').map(str::parse).collect();
        let times = times.unwrap_or_else(|_| panic!("the page says {page:?}"));
        if counts {
            self.start.push(float(times[0]));
            self.write.push(float(times[1]));
            self.page.push(whole.as_secs_f64() * 1e9);
        }
    }
}
