//! Tables in Markdown, put between two marks of a page. The text around the marks stays.

use std::fmt::Write;
use std::fs;

use super::process::root;

/// A table. The first column is text, the others are numbers.
pub struct Table {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub fn new(head: &[&str]) -> Self {
        Self { head: head.iter().map(|&cell| cell.to_owned()).collect(), rows: Vec::new() }
    }

    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    pub fn markdown(&self) -> String {
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let mut text = line(&self.head);
        text += &line(
            &std::iter::once("---".to_owned())
                .chain(self.head[1..].iter().map(|_| "---:".to_owned()))
                .collect::<Vec<_>>(),
        );
        self.rows.iter().for_each(|row| text += &line(row));
        text
    }
}

/// Puts `text` between `<!-- measured: name -->` and `<!-- end: name -->` of the page, or at the
/// end of a page without those marks.
pub fn publish(page: &str, name: &str, text: &str) {
    let (begin, end) = (format!("<!-- measured: {name} -->\n"), format!("<!-- end: {name} -->\n"));
    let old = fs::read_to_string(root().join(page)).unwrap_or_default();
    let (before, after) = match (old.find(&begin), old.find(&end)) {
        (Some(from), Some(to)) => (&old[..from], &old[to + end.len()..]),
        _ => (&*old, ""),
    };
    let gap = if before.is_empty() || before.ends_with("\n\n") { "" } else { "\n" };
    let new = format!("{before}{gap}{begin}\n{}\n\n{end}{after}", text.trim());
    write_page(page, &new);
}

/// Writes a file of the checkout.
pub fn write_page(page: &str, text: &str) {
    let path = root().join(page);
    let written = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&path, text));
    written.unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
}

/// Nanoseconds as microseconds.
pub fn us(ns: f64) -> String {
    if ns < 99_500.0 { format!("{:.1}", ns / 1e3) } else { format!("{:.0}", ns / 1e3) }
}

/// Nanoseconds as milliseconds.
pub fn ms(ns: f64) -> String {
    if ns < 9_950_000.0 { format!("{:.2}", ns / 1e6) } else { format!("{:.1}", ns / 1e6) }
}

pub fn times(ratio: f64) -> String {
    format!("{ratio:.2}")
}

pub fn paragraph(text: &mut String, line: &str) {
    writeln!(text, "{line}\n").expect("a String takes all");
}
