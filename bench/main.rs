//! `make bench`: rustredis beside phpredis, files and the bare round trips, interleaved in one run.
//! The results are written into docs/benchmarks.md and docs/lock.md.

mod codec;
mod connections;
mod contention;
mod cost;
mod crowd;
mod floor;
mod frameworks;
mod load;
mod login;
mod picture;
mod process;
mod report;
mod single;
mod stats;
#[path = "../tests/support/mod.rs"]
mod support;
mod system;
mod waiting;

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};

use picture::Group;
use support::redis::Server;
use support::temp_dir::TempDir;

/// In measurements of one process, Redis and that process have a core each.
const REDIS_CORE: &str = "0";
const CLIENT_CORE: usize = 1;

/// State that the parts of the benchmark share.
pub struct Bench {
    server: Server,
    dir: TempDir,
    files: Cell<u32>,
    /// Do a tenth of the work, to see that all of it runs.
    quick: bool,
    /// Write nothing into docs/.
    dry: bool,
}

impl Bench {
    fn cycles(&self, full: u32) -> u32 {
        if self.quick { full / 10 } else { full }
    }

    fn rounds(&self, full: u32) -> u32 {
        if self.quick { 3 } else { full }
    }

    /// Bars for the pages, as a Markdown image.
    fn picture(&self, name: &str, title: &str, unit: &str, groups: &[Group]) -> String {
        let file = format!("images/{}-{name}.svg", system::name());
        if !self.dry {
            report::write_page(&format!("docs/{file}"), &picture::bars(title, unit, groups));
        }
        format!("![{title}]({file})\n")
    }

    /// Creates a folder with this name.
    fn folder(&self, name: &str) -> String {
        let path = self.dir.join(name);
        fs::create_dir_all(&path).expect("a folder can be made");
        path.display().to_string()
    }

    /// Returns the path of a file that does not exist yet.
    fn new_file(&self, name: &str) -> PathBuf {
        self.files.set(self.files.get() + 1);
        self.dir.join(&format!("{name}{}", self.files.get()))
    }
}

/// A part of the report, and its name on the command line.
type Part = (&'static str, fn(&Bench) -> String);
const PARTS: [Part; 9] = [
    ("single", single::run),
    ("connections", connections::run),
    ("login", login::run),
    ("waiting", waiting::run),
    ("contention", contention::run),
    ("cost", cost::run),
    ("codec", codec::run),
    ("load", load::run),
    ("frameworks", frameworks::run),
];

/// The arguments: `quick` measures little, `dry` writes no page, and part names select the parts to
/// run.
fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    if let [mode, address, file] = &words[..]
        && mode == "--floor"
    {
        return floor::serve(address, Path::new(file));
    }
    let said = |word: &str| words.iter().any(|given| given == word);
    let known =
        |word: &String| ["quick", "dry"].contains(&&**word) || PARTS.iter().any(|(name, _)| name == word);
    assert!(
        words.iter().all(known),
        "words are quick, dry, single, connections, login, waiting, contention, cost, codec, load, frameworks; not {words:?}"
    );
    let all = !PARTS.iter().any(|(name, _)| said(name));

    let bench = Bench {
        server: Server::start(),
        dir: TempDir::new("bench"),
        files: Cell::new(0),
        quick: said("quick"),
        dry: said("dry"),
    };
    let system = system::describe(&bench);
    let mut report = system.clone();
    for (name, run) in PARTS.into_iter().filter(|(name, _)| all || said(name)) {
        eprintln!("bench: {name}");
        let part = run(&bench);
        println!("{part}");
        if name == "contention" && !bench.dry {
            // In docs/lock.md the part is a section of a chapter.
            let text = (system.clone() + &part).replace("## ", "### ");
            report::publish("docs/lock.md", &system::name(), &text);
        }
        report.push_str(&part);
        report.push('\n');
    }
    if !bench.dry {
        report::publish("docs/benchmarks.md", &system::name(), &report);
    }
}
