//! The sessions that a handler class has only looked at.

use super::print::Print;
use crate::protocol::SessionId;

/// The number of sessions that are remembered. A write to a forgotten session is compared with
/// nothing.
const MAX: usize = 64;

/// The sessions that a handler class has read without keeping their locks, each with the print of
/// its value.
#[derive(Default)]
pub struct Looks(Vec<(SessionId, Print)>);

impl Looks {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Notes the value of a session. The session that was noted first is forgotten if there are too
    /// many.
    pub fn note(&mut self, id: SessionId, print: Print) {
        self.0.retain(|(other, _)| *other != id);
        if self.0.len() == MAX {
            self.0.remove(0);
        }
        self.0.push((id, print));
    }

    /// Notes a new value of a session that was looked at.
    pub fn replace(&mut self, id: &SessionId, text: &[u8]) {
        if let Some((_, print)) = self.0.iter_mut().find(|(other, _)| other == id) {
            *print = Print::of(text);
        }
    }

    pub fn print_of(&self, id: &SessionId) -> Option<&Print> {
        self.0.iter().find_map(|(other, print)| (other == id).then_some(print))
    }
}
