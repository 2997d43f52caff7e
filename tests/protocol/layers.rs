//! The layers of src/: each folder names only those below it, and the core below the wall does no
//! I/O.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use crate::tree::files;

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
const PURE: [&str; 6] = ["protocol", "resp", "codec", "compression", "lock/attempt", "store/retry"];

/// The beginnings of paths that nothing in `PURE` may have: sockets, threads, files and the system.
const IO: [&str; 8] = ["client", "store", "std::net", "std::thread", "std::fs", "std::os", "libc", "socket2"];

/// The ends of paths that nothing in `PURE` may have: clocks.
const CLOCKS: [&str; 2] = ["Instant::now", "SystemTime::now"];

struct Source {
    /// Relative to src/, without the extension.
    path: String,
    /// As [`code_of`] gives it.
    code: String,
}

/// A file by its place: `store/pool` for src/store/pool.rs, `store` for src/store/mod.rs.
type Place = String;

/// The files of src/ and the items that entry files export again from files below them.
struct Tree {
    files: BTreeMap<Place, String>,
    exports: BTreeMap<(Place, String), Vec<String>>,
}

impl Tree {
    fn new(sources: Vec<Source>) -> Self {
        let place = |path: &str| path.strip_suffix("/mod").unwrap_or(path).to_owned();
        let files = sources.into_iter().filter(|source| source.path != "lib");
        let mut tree = Self {
            files: files.map(|source| (place(&source.path), source.code)).collect(),
            exports: BTreeMap::new(),
        };
        let mut exports = BTreeMap::new();
        for (file, code) in &tree.files {
            for (is_exported, path) in uses(code) {
                if let Some(path) = tree.absolute(file, &path).filter(|_| is_exported) {
                    let name = path.last().cloned().unwrap_or_default();
                    exports.insert((file.clone(), name), path);
                }
            }
        }
        tree.exports = exports;
        tree
    }

    /// A path as it is written in `file`, counted from src/; `None` for those of other crates.
    fn absolute(&self, file: &str, path: &[String]) -> Option<Vec<String>> {
        let mut place: Vec<String> = file.split('/').map(str::to_owned).collect();
        let mut rest = path;
        match path.first()?.as_str() {
            "crate" => return Some(path[1..].to_vec()),
            "self" => rest = &path[1..],
            "super" => {
                while rest.first().is_some_and(|name| name == "super") {
                    place.pop()?;
                    rest = &rest[1..];
                }
            }
            child if self.files.contains_key(&format!("{file}/{child}")) => {}
            _ => return None,
        }
        place.extend(rest.iter().cloned());
        Some(place)
    }

    /// The file that an item is defined in.
    fn home(&self, path: &[String]) -> Option<Place> {
        let is_file = |length: &usize| self.files.contains_key(&path[..*length].join("/"));
        let length = (1..=path.len()).rev().find(is_file)?;
        let file = path[..length].join("/");
        let item = path.get(length).map(|item| (file.clone(), item.clone()));
        match item.and_then(|item| self.exports.get(&item)) {
            Some(exported) => self.home(&[exported, &path[length + 1..]].concat()),
            None => Some(file),
        }
    }

    /// The files that a file names, in `use` lines or by a path from the root or from above.
    fn named_by(&self, file: &str) -> BTreeSet<Place> {
        let code = &self.files[file];
        let used = uses(code).into_iter().filter(|(is_exported, _)| !is_exported).map(|(_, path)| path);
        let paths = used.chain(inline_paths(code)).filter_map(|path| self.absolute(file, &path));
        paths.filter_map(|path| self.home(&path)).filter(|home| home != file).collect()
    }

    /// The layers above its own that a file names, also those that it exports again.
    fn layers_above(&self, file: &str) -> BTreeSet<String> {
        let rank = |layer: &str| LAYERS.iter().position(|known| *known == layer);
        let own = file.split('/').next().and_then(rank).unwrap_or_else(|| panic!("{file} is in no layer"));
        let paths =
            paths(&self.files[file]).filter_map(|path| self.absolute(file, &path)?.into_iter().next());
        paths.filter(|layer| rank(layer).is_some_and(|other| other < own)).collect()
    }

    /// The paths of a file that lead to I/O.
    fn io_of(&self, file: &str) -> BTreeSet<String> {
        let code = &self.files[file];
        let paths = paths(code).map(|path| self.absolute(file, &path).unwrap_or(path).join("::"));
        let is_io = |path: &String| {
            // A pair of durations.
            if path == "client::Timeouts" {
                return false;
            }
            IO.iter().any(|io| is_in(path, io, "::")) || CLOCKS.iter().any(|clock| path.ends_with(clock))
        };
        paths.filter(is_io).collect()
    }
}

/// The paths of the `use` lines, each with `true` if the line is `pub`.
fn uses(code: &str) -> Vec<(bool, Vec<String>)> {
    let mut found = Vec::new();
    for statement in code.split(';') {
        if let Some((is_exported, tree)) = use_line(statement) {
            expand(tree, &[], &mut |path| found.push((is_exported, path)));
        }
    }
    found
}

/// The tree of a statement that is a `use` line at its end, and `true` if the line is `pub`.
fn use_line(statement: &str) -> Option<(bool, &str)> {
    let is_line = |start: &&str| start.is_empty() || start.starts_with("pub");
    let lines = statement.match_indices("use ").map(|(at, word)| {
        let start = statement[..at].rsplit('\n').next().unwrap_or_default().trim_start();
        (start, &statement[at + word.len()..])
    });
    lines.last().filter(|(start, _)| is_line(start)).map(|(start, tree)| (!start.is_empty(), tree))
}

/// Calls `take` with each path of a `use` tree.
fn expand(tree: &str, above: &[String], take: &mut dyn FnMut(Vec<String>)) {
    let (head, list) = tree.split_once('{').map_or((tree, None), |(head, list)| (head, Some(list)));
    let names = head.split("::").map(|name| name.split(" as ").next().unwrap_or_default().trim());
    let path: Vec<String> =
        above.iter().cloned().chain(names.filter(|name| !name.is_empty()).map(str::to_owned)).collect();
    match list {
        Some(list) => {
            for item in items(&list[..end_of_list(list)]) {
                expand(item, &path, take);
            }
        }
        None => take(path),
    }
}

/// Returns true if a path is this place or one inside it.
fn is_in(path: &str, place: &str, separator: &str) -> bool {
    path.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with(separator))
}

/// All paths of a file.
fn paths(code: &str) -> impl Iterator<Item = Vec<String>> {
    uses(code).into_iter().map(|(_, path)| path).chain(inline_paths(code))
}

/// The paths outside of `use` lines.
fn inline_paths(code: &str) -> Vec<Vec<String>> {
    let is_path = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let statements = code.split(';').filter(|statement| use_line(statement).is_none());
    let words = statements.flat_map(|statement| statement.split(move |c| !is_path(c)));
    let paths = words.filter(|word| word.contains("::") && !word.starts_with("::"));
    paths.map(|path| path.split("::").filter(|name| !name.is_empty()).map(str::to_owned).collect()).collect()
}

/// The code of a file: without its unit tests, which stand at its end, comments and the texts in
/// it.
fn code_of(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let mut code = String::new();
    for line in text.lines() {
        let mut is_text = false;
        let mut chars = line.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '\\' if is_text => drop(chars.next()),
                '"' => is_text = !is_text,
                '/' if !is_text && chars.peek() == Some(&'/') => break,
                '\'' if !is_text && chars.peek() == Some(&'"') => drop(chars.next()),
                c if !is_text => code.push(c),
                _ => {}
            }
        }
        code.push('\n');
    }
    code
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

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let source = |path: &PathBuf| {
        let text = fs::read_to_string(path).expect("the file can be read");
        let code = code_of(&text);
        let path = path.strip_prefix(&root).expect("it is in src/").with_extension("");
        Source { path: path.to_string_lossy().into_owned(), code }
    };
    // Unit tests in files of their own may look upwards: those of the store use sessions.
    let is_code = |source: &Source| !source.path.split('/').any(|part| part == "tests");
    files(&root, &["rs"]).iter().map(source).filter(is_code).collect()
}

#[test]
fn no_file_names_a_layer_above_its_own() {
    let tree = Tree::new(sources());
    assert!(tree.files.len() > 50, "{}", tree.files.len());
    let named = tree.files.keys().map(|file| (file, tree.layers_above(file)));
    let upwards: Vec<_> = named.filter(|(_, layers)| !layers.is_empty()).collect();
    assert!(upwards.is_empty(), "{upwards:#?}");
}

#[test]
fn there_is_no_io_below_the_wall() {
    let tree = Tree::new(sources());
    let pure = tree.files.keys().filter(|file| PURE.iter().any(|folder| is_in(file, folder, "/")));
    let pure: Vec<_> = pure.collect();
    assert!(pure.len() > 25, "{}", pure.len());
    let found: Vec<_> =
        pure.into_iter().map(|file| (file, tree.io_of(file))).filter(|(_, io)| !io.is_empty()).collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn no_files_name_each_other_in_a_circle() {
    let tree = Tree::new(sources());
    let mut left: BTreeMap<Place, BTreeSet<Place>> =
        tree.files.keys().map(|file| (file.clone(), tree.named_by(file))).collect();
    assert!(left.values().map(BTreeSet::len).sum::<usize>() > 150, "{left:#?}");
    // The last file of a chain names no other that is left. It is in no circle.
    loop {
        let files: BTreeSet<Place> = left.keys().cloned().collect();
        for names in left.values_mut() {
            names.retain(|name| files.contains(name));
        }
        left.retain(|_, names| !names.is_empty());
        if left.len() == files.len() {
            break;
        }
    }
    assert!(left.is_empty(), "circles among: {left:#?}");
}

#[test]
fn a_circle_is_found_through_an_entry_file() {
    let file = |path: &str, code: &str| Source { path: path.into(), code: code.into() };
    let tree = Tree::new(vec![
        file("a/mod", "mod b;\nmod c;\npub use b::{B, other as Alias};\n"),
        file("a/b", "use super::c;\nlet x = c::C;\n"),
        file("a/c", "use crate::{\n    a::{B, b},\n    d,\n};\n"),
        file("d", "use std::fmt;\nlet x = crate::a::c::C;\n"),
    ]);
    let named = |file: &str| tree.named_by(file).into_iter().collect::<Vec<_>>();
    assert_eq!(named("a"), Vec::<Place>::new());
    assert_eq!(named("a/b"), ["a/c"]);
    assert_eq!(named("a/c"), ["a/b", "d"]);
    assert_eq!(named("d"), ["a/c"]);
}

#[test]
fn layers_and_io_are_found_in_all_forms_of_use() {
    let file = |path: &str, code: &str| Source { path: path.into(), code: code_of(code) };
    let tree = Tree::new(vec![
        file(
            "client/pool",
            "use crate::{\n    config::{Endpoint, Target},\n    lock::Attempt,\n};\nlet x = crate::process::id();\n",
        ),
        file("store/pool", "use super::super::session::Session;\n"),
        file("resp/mod", "const X: &str = \"redis://\"; fn f() { crate::store::x(); } // crate::php::x\n"),
        file("protocol/a", "use std::{fmt, net::TcpStream};\nuse super::super::client::Route;\n"),
        file("protocol/b", "use std::{thread, time::Instant};\nlet now = Instant::now();\n"),
        file("protocol/c", "let now = std::time::SystemTime::now();\nlet c = '\"'; libc::getpid();\n"),
        file(
            "protocol/d",
            "use std::time::Duration;\nuse super::a;\n/// std::net, Instant::now\nlet x = Duration::ZERO;\n",
        ),
    ]);
    let above = |file: &str| tree.layers_above(file).into_iter().collect::<Vec<_>>();
    assert_eq!(above("client/pool"), ["lock"]);
    assert_eq!(above("store/pool"), ["session"]);
    assert_eq!(above("resp"), ["store"]);
    assert_eq!(above("protocol/a"), ["client"]);
    assert_eq!(above("protocol/d"), Vec::<String>::new());
    let io = |file: &str| tree.io_of(file).into_iter().collect::<Vec<_>>();
    assert_eq!(io("resp"), ["store::x"]);
    assert_eq!(io("protocol/a"), ["client::Route", "std::net::TcpStream"]);
    assert_eq!(io("protocol/b"), ["Instant::now", "std::thread"]);
    assert_eq!(io("protocol/c"), ["libc::getpid", "std::time::SystemTime::now"]);
    assert_eq!(io("protocol/d"), Vec::<String>::new());
}
