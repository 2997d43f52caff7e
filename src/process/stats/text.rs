//! The counters as OpenMetrics text.

use std::fmt::Write;

use super::{
    super::printable,
    families::{COUNTERS, Distribution, EXCHANGE, HISTOGRAMS},
    is_alive,
    memory::Observations,
    shown,
};

/// The program that shows the metrics.
pub struct About<'a> {
    /// The version of the extension.
    pub version: &'a str,
    /// The version of PHP.
    pub php: &'a str,
    /// The name of PHP's server API.
    pub sapi: &'a str,
}

/// Returns the metrics of all processes. No label tells a secret, an id or a page.
#[must_use]
pub fn render(about: &About<'_>) -> String {
    let totals = shown().totals(is_alive);
    let mut text = String::with_capacity(16 << 10);
    let About { version, php, sapi } = about;
    head(&mut text, "build_info", "gauge", "The extension, and the PHP that shows these metrics");
    line(&mut text, "build_info", &[("version", version), ("php", php), ("sapi", sapi)], &"1");
    for family in COUNTERS {
        head(&mut text, family.name, "counter", family.help);
        let name = format!("{}_total", family.name);
        for (value, count) in family.series {
            let label = (family.label, *value);
            let labels = if family.label.is_empty() { &[][..] } else { &[label] };
            line(&mut text, &name, labels, &totals.counts[*count as usize]);
        }
    }
    for (distribution, sum) in HISTOGRAMS.iter().zip(&totals.histograms) {
        histogram(&mut text, distribution, &[(None, sum)]);
    }
    let exchanges: Vec<_> = totals.exchanges.iter().map(|(name, sum)| (Some(name.as_str()), sum)).collect();
    histogram(&mut text, &EXCHANGE, &exchanges);
    if let Some(now) = totals.now {
        for (name, help, value) in [
            ("processes", "Processes that live and have used a session", now.processes),
            ("locks_held", "Locks that living processes hold", now.held),
            ("lock_waiters", "Requests of living processes that wait for their turn", now.waiting),
        ] {
            head(&mut text, name, "gauge", help);
            line(&mut text, name, &[], &value);
        }
        let name = "pool_connections";
        head(&mut text, name, "gauge", "Connections in the pools of living processes");
        for (target, idle, used) in &now.connections {
            for (state, value) in [("idle", idle), ("used", used)] {
                line(&mut text, name, &[("target", target), ("state", state)], value);
            }
        }
    }
    text.push_str("# EOF\n");
    text
}

fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(text, "# TYPE rustredis_{name} {kind}\n# HELP rustredis_{name} {help}.");
}

fn line(text: &mut String, name: &str, labels: &[(&str, &str)], value: &dyn std::fmt::Display) {
    let _ = write!(text, "rustredis_{name}");
    for (index, (label, of)) in labels.iter().enumerate() {
        // A file may have names from elsewhere.
        let of = printable(of).replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        let _ = write!(text, "{}{label}=\"{of}\"", if index == 0 { '{' } else { ',' });
    }
    let _ = writeln!(text, "{} {value}", if labels.is_empty() { "" } else { "}" });
}

fn histogram(text: &mut String, distribution: &Distribution, series: &[(Option<&str>, &Observations)]) {
    let name = distribution.name;
    head(text, name, "histogram", distribution.help);
    for (target, observations) in series {
        let target = target.map(|target| ("target", target));
        let mut count = 0;
        for (bound, in_bucket) in distribution.bounds.texts.iter().zip(observations.buckets) {
            count += in_bucket;
            let labels: Vec<_> = target.into_iter().chain([("le", *bound)]).collect();
            line(text, &format!("{name}_bucket"), &labels, &count);
        }
        let labels = target.as_slice();
        line(text, &format!("{name}_count"), labels, &count);
        let sum = observations.sum;
        let shown = if name.ends_with("_seconds") {
            format!("{}.{:09}", sum / 1_000_000_000, sum % 1_000_000_000)
        } else {
            sum.to_string()
        };
        line(text, &format!("{name}_sum"), labels, &shown);
    }
}
