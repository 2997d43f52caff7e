//! The machine and the versions behind the measurements.

use std::fs;

use super::Bench;
use super::process::{output, php};
use super::report::paragraph;
use super::support::redis::Server;

/// The name in the marks of the pages, such as `debian12`.
pub fn name() -> String {
    release("ID") + &release("VERSION_ID")
}

fn release(field: &str) -> String {
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let line = release.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix('='));
    line.unwrap_or("unknown").trim_matches('"').to_owned()
}

/// A description of the machine.
pub fn describe(bench: &Bench) -> String {
    let ask =
        |code: &str| output(&php(), &["-n", "-d", "extension=igbinary", "-d", "extension=redis", "-r", code]);
    let versions = ask("echo PHP_VERSION, ', phpredis ', phpversion('redis');");
    let info = bench.server.info("server");
    let redis = match (info.get("valkey_version"), info.get("redis_version")) {
        (Some(version), _) => format!("Valkey {}", version.trim()),
        (None, version) => format!("Redis {}", version.map_or("?", |version| version.trim())),
    };
    let mut text = String::new();
    paragraph(&mut text, &format!("## PHP {versions}, {redis} ({})", release("PRETTY_NAME")));
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let models: Vec<_> = cpu.lines().filter(|line| line.starts_with("model name")).collect();
    let model =
        models.first().and_then(|line| line.split_once(": ")).map_or("unknown processor", |(_, name)| name);
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    paragraph(
        &mut text,
        &format!(
            "{model}, {} cores, Linux {}; load average at the start {}; phpsess_rs {} at {}, {}{}.",
            models.len(),
            output("uname", &["-r"]),
            load.split(' ').next().unwrap_or("?"),
            phpsess_rs::VERSION,
            output("git", &["describe", "--always", "--dirty"]),
            output("date", &["-u", "+%Y-%m-%d"]),
            if bench.quick { "; a quick run: these figures say little" } else { "" },
        ),
    );
    text
}

/// Seconds of processor time that Redis has used.
pub fn redis_cpu(server: &Server) -> f64 {
    let info = server.info("cpu");
    let seconds =
        |field: &str| info.get(field).and_then(|text| text.trim().parse::<f64>().ok()).unwrap_or(0.0);
    seconds("used_cpu_user") + seconds("used_cpu_sys")
}

/// The number of bytes that this node has exchanged with its clients since its last CONFIG
/// RESETSTAT.
pub fn traffic(node: &Server) -> u64 {
    let stats = node.info("stats");
    let bytes = |field: &str| stats.get(field).and_then(|text| text.trim().parse::<u64>().ok());
    ["total_net_input_bytes", "total_net_output_bytes"].iter().filter_map(|field| bytes(field)).sum()
}
