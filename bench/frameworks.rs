//! Laravel and Symfony with their own Redis sessions and with ours, in php-fpm under load.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use super::Bench;
use super::report::{Table, ms, paragraph, times};
use super::stats::{float, median, quantile, ratio};
use super::support::fpm::Fpm;
use super::support::frameworks;

const WORKERS: usize = 8;
const INCREMENTS: u32 = 200;

/// Sessions of a framework.
struct Row {
    name: &'static str,
    page: &'static str,
    cookie: &'static str,
    env: &'static [(&'static str, &'static str)],
    /// The row of the same framework without locks, which the others are compared with.
    without_locks: usize,
}

const ROWS: [Row; 6] = [
    laravel("Laravel, its redis driver", &[("LARAVEL", "redis")]),
    laravel("Laravel, its redis driver, block()", &[("LARAVEL", "redis"), ("LARAVEL_BLOCK", "1")]),
    laravel("Laravel, rustredis", &[("LARAVEL", "always")]),
    symfony("Symfony, RedisSessionHandler", &[("HANDLER", "redis")]),
    symfony("Symfony, rustredis in php.ini", &[]),
    symfony("Symfony, the class", &[("HANDLER", r"RustRedis\SessionHandler")]),
];

const fn laravel(name: &'static str, env: &'static [(&'static str, &'static str)]) -> Row {
    Row { name, page: "laravel.php", cookie: "laravel_session", env, without_locks: 0 }
}

const fn symfony(name: &'static str, env: &'static [(&'static str, &'static str)]) -> Row {
    Row { name, page: "symfony.php", cookie: "PHPSESSID", env, without_locks: 3 }
}

/// A pool and the measurements of it.
struct Pool {
    row: &'static Row,
    fpm: Fpm,
    cookies: Vec<String>,
    latencies: Vec<f64>,
    per_second: Vec<f64>,
}

pub fn run(bench: &Bench) -> String {
    let Some(root) = frameworks::packages() else {
        eprintln!("bench: frameworks: SKIPPED, scripts/frameworks has not started this run");
        return String::new();
    };
    if !root.join("usr/share/php/Illuminate").exists() || !root.join("usr/share/php/Symfony/Bundle").exists()
    {
        eprintln!("bench: frameworks: SKIPPED, this Debian lacks Laravel or Symfony");
        return String::new();
    }
    let save_path = bench.server.save_path();
    let php = frameworks::php(&save_path, &root)
        .ini("rustredis.lock_max_waiters", "0")
        .ini("rustredis.lock_wait", "60");
    let libraries = frameworks::libraries(&root);
    let root = root.display().to_string();
    let mut pools: Vec<_> = ROWS
        .iter()
        .map(|row| {
            let folder = bench.folder(row.name);
            let mut env = vec![
                ("APP_DIR", &*folder),
                ("PACKAGES", root.as_str()),
                ("SAVE_PATH", save_path.as_str()),
                ("LD_LIBRARY_PATH", libraries.as_str()),
            ];
            env.extend(row.env);
            let manager = format!("pm = static\npm.max_children = {WORKERS}\n");
            let fpm = Fpm::with_env(&php, &manager, &frameworks::page(row.page), &env);
            let mut pool = Pool { row, fpm, cookies: vec![], latencies: vec![], per_second: vec![] };
            pool.cookies = (0..WORKERS).map(|_| pool.new_visitor()).collect();
            pool
        })
        .collect();
    let slice = Duration::from_millis(if bench.quick { 300 } else { 2000 });
    // The first round only warms up, so there is one more than is counted.
    for round in 0..=bench.rounds(5) {
        for pool in &mut pools {
            pool.load(slice, round > 0);
        }
    }
    let increments = if bench.quick { INCREMENTS / 10 } else { INCREMENTS };
    let lost: Vec<_> = pools.iter().map(|pool| pool.lost_updates(increments)).collect();

    let mut text = String::new();
    paragraph(&mut text, "### Frameworks");
    paragraph(
        &mut text,
        &format!(
            "A page of Debian's Laravel and Symfony that counts in its session, in php-fpm with opcache; {WORKERS} \
             workers, {WORKERS} visitors with a session each. Medians of slices of {} s, taken in turns; the ratio is \
             that to the row of the framework's own driver without locks. Lost updates: {increments} increments of one \
             session by {WORKERS} visitors at a time.",
            slice.as_secs_f64(),
        ),
    );
    let mut table = Table::new(&["", "requests/s", "ratio", "p50, ms", "p99, ms", "lost updates"]);
    for (pool, lost) in pools.iter().zip(lost) {
        let base = &pools[pool.row.without_locks].per_second;
        table.row([
            pool.row.name.to_owned(),
            format!("{:.0}", median(&pool.per_second)),
            format!("{} x", times(ratio(&pool.per_second, base))),
            ms(median(&pool.latencies)),
            ms(quantile(&pool.latencies, 0.99)),
            lost.to_string(),
        ]);
    }
    format!("{text}{}", table.markdown())
}

impl Pool {
    fn new_visitor(&self) -> String {
        let page = self.fpm.get("do=count", "");
        let id = page.cookie(self.row.cookie);
        let id = id.unwrap_or_else(|| panic!("a new visitor gets a cookie: {page:?} {}", self.fpm.log()));
        format!("{}={id}", self.row.cookie)
    }

    /// Requests pages for as long as `slice`.
    fn load(&mut self, slice: Duration, counts: bool) {
        let begin = Instant::now();
        let fpm = &self.fpm;
        let latencies: Vec<f64> = thread::scope(|scope| {
            let visit = |cookie: &str| {
                let mut latencies = Vec::new();
                while begin.elapsed() < slice {
                    let begin = Instant::now();
                    let page = fpm.get("do=count", cookie);
                    latencies.push(begin.elapsed().as_secs_f64() * 1e9);
                    assert_eq!(page.status, 200, "{page:?}");
                }
                latencies
            };
            let visitors: Vec<_> =
                self.cookies.iter().map(|cookie| scope.spawn(move || visit(cookie))).collect();
            visitors.into_iter().flat_map(|visitor| visitor.join().expect("pages answer")).collect()
        });
        if counts {
            self.per_second.push(float(latencies.len() as u64) / begin.elapsed().as_secs_f64());
            self.latencies.extend(latencies);
        }
    }

    /// The increments of one session that are missing in the end.
    fn lost_updates(&self, increments: u32) -> i64 {
        let cookie = self.new_visitor();
        let begun = AtomicU32::new(0);
        thread::scope(|scope| {
            for _ in 0..WORKERS {
                scope.spawn(|| {
                    while begun.fetch_add(1, Relaxed) < increments {
                        let page = self.fpm.get("do=count", &cookie);
                        assert_eq!(page.status, 200, "{page:?}");
                    }
                });
            }
        });
        let page = self.fpm.get("do=show", &cookie);
        let answer: serde_json::Value = serde_json::from_str(&page.body).expect("the page answers in JSON");
        i64::from(increments) + 1 - answer["n"].as_i64().expect("the page counts")
    }
}
