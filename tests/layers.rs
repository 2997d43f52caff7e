//! The layers of src/: each folder names only those below it, and the core below the wall does no I/O.

use std::fs;
use std::path::{Path, PathBuf};

/// From the top down. A file names its own layer and those behind it in this list.
const LAYERS: [&str; 12] = [
    "php",
    "session",
    "lock",
    "store",
    "client",
    "config",
    "codec",
    "compression",
    "protocol",
    "error",
    "resp",
    "process",
];

/// Folders and files without sockets, threads and clocks.
const PURE: [&str; 5] = ["protocol", "resp", "codec", "compression", "lock/attempt"];

/// Words of I/O that nothing in `PURE` may contain.
const IO: [&str; 4] = ["crate::client", "std::net", "std::thread", "Instant::now"];

struct Source {
    /// Relative to src/, without the extension.
    path: String,
    /// Without comments, and without the unit tests at its end.
    code: String,
}

impl Source {
    fn layer(&self) -> &str {
        self.path.split('/').next().unwrap_or_default()
    }

    /// The folders and files of src/ that it names from the root.
    fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        for rest in self.code.split("crate::").skip(1) {
            let list = rest.strip_prefix('{').map_or(rest, |list| &list[..end_of_list(list)]);
            let is_list = list.len() < rest.len();
            for item in if is_list { items(list) } else { vec![list] } {
                let name: String =
                    item.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                names.push(name);
            }
        }
        names
    }
}

/// The index of the brace that closes a list.
fn end_of_list(list: &str) -> usize {
    let mut depth = 1;
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at;
        }
    }
    list.len()
}

/// The items of a list, with their own lists.
fn items(list: &str) -> Vec<&str> {
    let (mut items, mut depth, mut start) = (Vec::new(), 0, 0);
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                items.push(&list[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    items.push(&list[start..]);
    items.retain(|item| !item.trim().is_empty());
    items
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("the entry can be read").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
    found
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let source = |path: &PathBuf| {
        let text = fs::read_to_string(path).expect("the file can be read");
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let code: String = code.lines().map(|line| line.split("//").next().unwrap_or_default()).fold(
            String::new(),
            |mut code, line| {
                code.push_str(line);
                code.push('\n');
                code
            },
        );
        let path = path.strip_prefix(&root).expect("it is in src/").with_extension("");
        Source { path: path.to_string_lossy().into_owned(), code }
    };
    // Unit tests in files of their own may look upwards: those of the store use sessions.
    let is_code = |source: &Source| !source.path.split('/').any(|part| part == "tests");
    files(&root).iter().map(source).filter(is_code).collect()
}

#[test]
fn no_file_names_a_layer_above_its_own() {
    let sources = sources();
    assert!(sources.len() > 50, "{}", sources.len());
    let rank = |layer: &str| LAYERS.iter().position(|known| *known == layer);
    let mut upwards = Vec::new();
    for source in sources.iter().filter(|source| source.path != "lib") {
        let own = rank(source.layer()).unwrap_or_else(|| panic!("{} is in no layer", source.path));
        for name in source.names() {
            match rank(&name) {
                Some(other) if other < own => upwards.push(format!("{} names {name}", source.path)),
                // Such as VERSION, which is the crate's own.
                _ => {}
            }
        }
    }
    assert!(upwards.is_empty(), "{upwards:#?}");
}

#[test]
fn there_is_no_io_below_the_wall() {
    let mut found = Vec::new();
    let mut looked_at = 0;
    for source in sources() {
        if PURE.iter().any(|pure| source.path == *pure || source.path.starts_with(&format!("{pure}/"))) {
            looked_at += 1;
            let words = IO.iter().filter(|word| source.code.contains(**word));
            found.extend(words.map(|word| format!("{} has {word}", source.path)));
            if source.names().iter().any(|name| name == "client" || name == "store") {
                found.push(format!("{} names the client or the store", source.path));
            }
        }
    }
    assert!(looked_at > 25, "{looked_at}");
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn names_are_found_in_all_forms_of_use() {
    let code = "use crate::{\n    config::{Endpoint, Target},\n    error::StoreError,\n};\nlet x = crate::process::id();\n";
    let source = Source { path: "client/pool".into(), code: code.into() };
    assert_eq!(source.layer(), "client");
    assert_eq!(source.names(), ["config", "error", "process"]);
}
