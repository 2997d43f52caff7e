//! The comments of src/, tests/ and bench/ keep to their columns, and their sentences begin with a
//! subject.

use std::{fs, path::Path};

use crate::tree::files;

/// The columns of a comment line, with four for a tab.
const COLUMNS: usize = 100;

/// Words that begin a clause in the place of a noun.
const WORDS: [&str; 14] = [
    "What",
    "Who",
    "Whoever",
    "Whether",
    "Nobody",
    "Somebody",
    "Where",
    "How",
    "Whatever",
    "Whichever",
    "Whose",
    "Whom",
    "Wherever",
    "However",
];

/// Returns the text of a line that is a comment.
fn comment(line: &str) -> Option<&str> {
    let line = line.trim();
    let text = ["///", "//!", "//", "/*", "* ", "-- "].iter().find_map(|mark| line.strip_prefix(mark))?;
    Some(text.trim_end_matches("*/").trim())
}

/// The columns of a line.
fn width(line: &str) -> usize {
    line.chars().map(|c| if c == '\t' { 4 } else { 1 }).sum()
}

/// Returns true if a sentence begins with one of the words.
fn has_no_subject(sentence: &str) -> bool {
    let first: String = sentence.chars().take_while(|c| c.is_alphabetic()).collect();
    WORDS.contains(&first.as_str())
}

/// The faults of a text, each with the number of its line.
fn faults(text: &str) -> Vec<(usize, String)> {
    let mut faults = Vec::new();
    let mut begins = true;
    for (line, number) in text.lines().zip(1..) {
        let Some(text) = comment(line) else {
            begins = true;
            continue;
        };
        if width(line) > COLUMNS {
            faults.push((number, format!("{} columns", width(line))));
        }
        let mut sentences = text.split(". ");
        if let Some(first) = sentences.next().filter(|_| begins)
            && has_no_subject(first)
        {
            faults.push((number, first.to_owned()));
        }
        let further = sentences.filter(|sentence| has_no_subject(sentence));
        faults.extend(further.map(|sentence| (number, sentence.to_owned())));
        begins = text.is_empty() || text.ends_with('.');
    }
    faults
}

#[test]
fn comments_are_plain_sentences_within_a_hundred_columns() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let mut looked_at = 0;
    for path in ["src", "tests", "bench"]
        .iter()
        .flat_map(|folder| files(&root.join(folder), &["rs", "c", "h", "lua"]))
    {
        looked_at += 1;
        let text = fs::read_to_string(&path).expect("the file can be read");
        let path = path.strip_prefix(root).expect("it is in the project").display().to_string();
        found.extend(faults(&text).into_iter().map(|(line, fault)| format!("{path}:{line}: {fault}")));
    }
    assert!(looked_at > 200, "{looked_at}");
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn the_faults_of_a_comment_are_found() {
    let long = format!("\t/* {} */", "x".repeat(91));
    for (text, count) in [
        ("/// Who asks gets an answer.", 1),
        ("/// The answer is there. Whoever asks gets it.", 1),
        ("// An answer, which goes to\n// Whoever.", 0),
        ("// An answer.\n// Whoever asks gets it.", 1),
        ("let x = 1;\n/* How it ends.", 1),
        ("-- The lock. What is left of it.", 1),
        ("let what = \"What\"; // What", 0),
        (long.as_str(), 1),
        ("/// The rest.", 0),
    ] {
        assert_eq!(faults(text).len(), count, "{text}");
    }
}
