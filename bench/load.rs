//! php-fpm with eight workers under load: requests, latency, processor time, memory.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::Bench;
use super::process::{Handler, Setup, output, root};
use super::report::{Table, ms, paragraph};
use super::stats::{float, median, quantile};
use super::support::{fastcgi, poll, process};
use super::system::redis_cpu;

const WORKERS: usize = 8;

/// A pool and the measurements of it.
struct Pool {
    handler: Handler,
    dir: PathBuf,
    process: Child,
    cookies: Vec<String>,
    latencies: Vec<f64>,
    per_second: Vec<f64>,
    php_cpu: Vec<f64>,
    redis_cpu: Vec<f64>,
}

pub fn run(bench: &Bench) -> String {
    let mut pools: Vec<_> = Handler::all().into_iter().map(|handler| Pool::start(bench, handler)).collect();
    let slice = Duration::from_millis(if bench.quick { 300 } else { 2000 });
    // The first round only warms up, so there is one more than is counted.
    for round in 0..=bench.rounds(9) {
        for pool in &mut pools {
            pool.load(bench, slice, round > 0);
        }
    }
    let mut text = String::new();
    paragraph(&mut text, "### php-fpm under load");
    paragraph(
        &mut text,
        &format!(
            "{WORKERS} workers, {WORKERS} visitors with a session each, who ask for the next page at once: a locked page \
             that changes 1 KB of session and does nothing else. FastCGI over a Unix socket; Redis over TCP. PHP, Redis \
             and the load generator share the machine. Medians of slices of {} s, taken in turns; memory of one worker \
             at the end.",
            slice.as_secs_f64(),
        ),
    );
    let mut table = Table::new(&[
        "",
        "requests/s",
        "p50, ms",
        "p99, ms",
        "PHP CPU a request, us",
        "Redis CPU a request, us",
        "RSS, KiB",
        "PSS, KiB",
        "private, KiB",
    ]);
    for pool in &pools {
        let memory = pool.memory();
        let redis = match pool.handler {
            Handler::Files => "-".to_owned(),
            _ => format!("{:.1}", median(&pool.redis_cpu)),
        };
        let cells = [
            pool.handler.to_string(),
            format!("{:.0}", median(&pool.per_second)),
            ms(median(&pool.latencies)),
            ms(quantile(&pool.latencies, 0.99)),
            format!("{:.0}", median(&pool.php_cpu)),
            redis,
        ];
        table.row(cells.into_iter().chain(memory.map(|kib| format!("{kib:.0}"))));
    }
    let bars = pools.iter().map(|pool| (pool.handler.to_string(), median(&pool.per_second))).collect();
    let title = "php-fpm, eight workers, a locked page";
    let picture = bench.picture("load", title, "requests/s", &[(String::new(), bars)]);
    format!("{text}{}\n{picture}", table.markdown())
}

impl Pool {
    fn start(bench: &Bench, handler: Handler) -> Self {
        let dir = PathBuf::from(bench.folder(&format!("fpm-{handler}")));
        let path = match handler {
            Handler::Files => bench.folder("sessions"),
            _ => bench.server.save_path() + "?persistent=1",
        };
        let mut arguments = Setup::new(handler, &path).arguments();
        arguments.extend(["-d".into(), "session.use_cookies=1".into()]);
        let at = dir.display();
        let user = if output("id", &["-u"]) == "0" { "user = root\ngroup = root" } else { "" };
        let config = format!(
            "[global]\nerror_log = {at}/fpm.log\n[pool]\n{user}\nlisten = {at}/fpm.sock\nlisten.backlog = 128\n\
             pm = static\npm.max_children = {WORKERS}\n"
        );
        fs::write(dir.join("fpm.conf"), config).expect("the configuration can be written");
        let log = File::create(dir.join("output.log")).expect("the log opens");
        let process = Command::new(program())
            .args(arguments)
            .args(["--nodaemonize", "--allow-to-run-as-root", "--fpm-config"])
            .arg(dir.join("fpm.conf"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("the log has a second handle"))
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot run {} ({error}): set PHP_FPM", program().display()));
        poll::until("php-fpm listens", poll::SOON, || {
            fs::read_to_string(dir.join("fpm.log"))
                .is_ok_and(|log| log.contains("ready to handle connections"))
        });
        let mut pool = Self {
            handler,
            dir,
            process,
            cookies: Vec::new(),
            latencies: Vec::new(),
            per_second: Vec::new(),
            php_cpu: Vec::new(),
            redis_cpu: Vec::new(),
        };
        for _ in 0..WORKERS {
            let response = get(&pool.dir, "");
            let id = response
                .cookie("PHPSESSID")
                .unwrap_or_else(|| panic!("a new visitor gets a cookie: {response:?}"));
            pool.cookies.push(format!("PHPSESSID={id}"));
        }
        pool
    }

    /// Requests pages for as long as `slice`.
    fn load(&mut self, bench: &Bench, slice: Duration, counts: bool) {
        let before = (self.cpu(), redis_cpu(&bench.server));
        let begin = Instant::now();
        let dir = &self.dir;
        let latencies: Vec<f64> = thread::scope(|scope| {
            let visitors: Vec<_> = self
                .cookies
                .iter()
                .map(|cookie| scope.spawn(move || visit(dir, cookie, begin + slice)))
                .collect();
            visitors.into_iter().flat_map(|visitor| visitor.join().expect("pages answer")).collect()
        });
        let seconds = begin.elapsed().as_secs_f64();
        if !counts {
            return;
        }
        let count = float(latencies.len() as u64);
        self.php_cpu.push((self.cpu() - before.0) * 1e6 / count);
        self.redis_cpu.push((redis_cpu(&bench.server) - before.1) * 1e6 / count);
        self.per_second.push(count / seconds);
        self.latencies.extend(latencies);
    }

    fn workers(&self) -> Vec<u32> {
        let master = self.process.id();
        let children = fs::read_to_string(format!("/proc/{master}/task/{master}/children"));
        let children = children.expect("Linux lists the children of a process");
        children.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
    }

    /// The processor time of all workers, in seconds.
    fn cpu(&self) -> f64 {
        let ticks = |pid: u32| {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("the worker lives");
            let (_, fields) = stat.rsplit_once(") ").expect("the name is in brackets");
            fields.split(' ').skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum::<f64>()
        };
        // USER_HZ is 100 on every Linux that Rust and PHP run on.
        self.workers().into_iter().map(ticks).sum::<f64>() / 100.0
    }

    /// Medians over the workers, in KiB: resident memory, the proportional share of shared memory,
    /// and private memory.
    fn memory(&self) -> [f64; 3] {
        let rollups: Vec<_> = self.workers().iter().map(|pid| format!("/proc/{pid}/smaps_rollup")).collect();
        let rollups: Vec<_> = rollups
            .iter()
            .map(|path| fs::read_to_string(path).expect("the kernel sums mappings up"))
            .collect();
        let sum = |rollup: &str, fields: &[&str]| {
            rollup
                .lines()
                .filter_map(|line| line.split_once(':'))
                .filter(|(field, _)| fields.contains(field))
                .filter_map(|(_, kib)| kib.trim().trim_end_matches(" kB").parse::<f64>().ok())
                .sum::<f64>()
        };
        [&["Rss"][..], &["Pss"], &["Private_Clean", "Private_Dirty"]]
            .map(|fields| median(&rollups.iter().map(|rollup| sum(rollup, fields)).collect::<Vec<_>>()))
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        // On TERM, the master ends its workers as well.
        process::signal(self.process.id(), "TERM");
        let _ = self.process.wait();
    }
}

fn visit(dir: &Path, cookie: &str, end: Instant) -> Vec<f64> {
    let mut latencies = Vec::new();
    while Instant::now() < end {
        let begin = Instant::now();
        let response = get(dir, cookie);
        latencies.push(begin.elapsed().as_secs_f64() * 1e9);
        assert!(response.status == 200 && response.body.parse::<u32>().is_ok(), "{response:?}");
    }
    latencies
}

fn get(dir: &Path, cookie: &str) -> fastcgi::Response {
    fastcgi::get(&dir.join("fpm.sock"), &root().join("bench/page.php"), "", cookie, poll::SOON)
        .unwrap_or_else(|error| panic!("php-fpm does not answer: {error}"))
}

fn program() -> PathBuf {
    if let Some(program) = std::env::var_os("PHP_FPM") {
        return program.into();
    }
    let version =
        output(&super::process::php(), &["-n", "-r", "echo PHP_MAJOR_VERSION, '.', PHP_MINOR_VERSION;"]);
    [format!("/usr/sbin/php-fpm{version}"), "php-fpm".into()]
        .into_iter()
        .map(PathBuf::from)
        .find(|path| path.exists() || path.is_relative())
        .expect("the last one is relative")
}
