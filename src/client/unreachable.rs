//! The problems of nodes that did not answer, with each problem named only once.

use std::{fmt, io};

use crate::{error::StoreError, process::without_number};

/// The nodes that were asked in vain, grouped by their problem.
#[derive(Default)]
pub struct Unreachable(Vec<(String, String)>);

impl Unreachable {
    /// Adds a node and its problem.
    pub fn add(&mut self, (host, port): &(String, u16), problem: String) {
        let node = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
        match self.0.iter_mut().find(|(_, text)| *text == problem) {
            Some((nodes, _)) => nodes.extend([", ", &node]),
            None => self.0.push((node, problem)),
        }
    }

    /// Returns the error for a request that was never sent: `what`, and the problems.
    pub fn into_error(self, what: impl fmt::Display) -> StoreError {
        StoreError::Connect(io::Error::other(self.into_text(what)))
    }

    /// Returns `what` and the problems as text.
    pub fn into_text(self, what: impl fmt::Display) -> String {
        let problems: Vec<_> = self.0.iter().map(|(nodes, text)| format!("{nodes}: {text}")).collect();
        format!("{what} ({})", problems.join("; "))
    }
}

/// Returns a failure in the words that users search for.
pub fn cause(problem: &StoreError) -> String {
    match problem {
        StoreError::Connect(error) => without_number(error),
        problem => without_number(problem),
    }
}
