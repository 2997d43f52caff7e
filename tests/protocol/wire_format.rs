//! The times that all clients of a Redis must share are the same in the code, in
//! docs/wire-format.md and in the clients of examples/.

use std::fs;

use phpsess_rs::protocol::{FOREIGN_MS, GRACE_MS, HANDOFF_MS, MARGIN_MS, SLACK_MS, TRIAL_MS};

const TIMES: [(&str, u64); 6] = [
    ("handoff", HANDOFF_MS),
    ("margin", MARGIN_MS),
    ("slack", SLACK_MS),
    ("grace", GRACE_MS),
    ("foreign", FOREIGN_MS),
    ("trial", TRIAL_MS),
];

fn text(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn the_document_has_the_times_of_the_code() {
    let document = text("docs/wire-format.md");
    for (name, ms) in TIMES {
        let row = format!("| {name} | {ms} |");
        assert!(document.contains(&row), "docs/wire-format.md has no row {row:?}");
    }
}

#[test]
fn the_clients_in_other_languages_have_the_times_of_the_code() {
    // The other times are used only by the scripts.
    let times = [("handoff", HANDOFF_MS), ("slack", SLACK_MS), ("foreign", FOREIGN_MS)];
    let numbers = times.map(|(_, ms)| ms.to_string()).join(", ");
    for path in ["examples/python/phpsess.py", "examples/go/lock.go"] {
        assert!(text(path).contains(&format!("= {numbers}, ")), "{path}: the times are {numbers}");
    }
    let express = text("examples/express/phpsess.js");
    for (name, ms) in times {
        let constant = format!("{} = {ms},", name.to_uppercase());
        assert!(express.contains(&constant), "examples/express/phpsess.js has no {constant:?}");
    }
}
