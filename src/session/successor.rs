//! The end of a session by a request that came under an id which the session has left.

use std::mem;

use super::{
    Hold, Session,
    metadata::Metadata,
    user::{End, ROUNDS, places},
};
use crate::{
    error::StoreError,
    protocol::{Dead, Keys, Listed, Live, Op, Reason, ReleaseReply, SessionId, State, UserCall},
    store::Store,
};

/// The session that PHP has under an id which the session has left.
pub(super) struct Left {
    /// The name of the list of its user, if it has one.
    list: Option<String>,
}

impl Left {
    fn by(mark: &Dead) -> Self {
        mark.live().map_or(Self { list: None }, |live| Self::of(live.user()))
    }

    fn of(list: &str) -> Self {
        Self { list: Some(list.to_owned()).filter(|list| !list.is_empty()) }
    }
}

/// A failure that was told.
pub(super) struct Told;

/// The fate of a session that may have come back to an id.
enum Return {
    /// It is not there.
    None,
    /// It has ended.
    Ended,
    /// It has left the id once more.
    Left(Left),
}

/// The next id of a session, and its state.
struct Next {
    listed: Listed,
    state: Option<State>,
}

impl<S: Store> Session<S> {
    /// Looks if another request has moved the session since this one has read it: this one is then
    /// as late as one that has come under the old id. That takes a trip. The lock keeps others from
    /// it for as long as it lasts, and if they lock.
    pub(super) fn notice_move(&mut self, id: &SessionId) -> Result<(), StoreError> {
        let Some(mut current) =
            self.current.take_if(|current| current.id == *id && !current.is_new && !current.is_overtaken())
        else {
            return Ok(());
        };
        let state = match self.store.time_left(&current.keys) {
            Ok(left) => left.state,
            Err(error) => {
                self.current = Some(current);
                return Err(error);
            }
        };
        let is_moved = |state: &String| {
            let is_mark = |state| matches!(state, State::Dead(Dead { reason: Reason::Regenerated, .. }));
            current.loaded.state.as_ref() != Some(state) && is_mark(State::parse(state))
        };
        if let Some(state) = state.filter(is_moved) {
            self.give_up_places(&mut current);
            current.loaded.state = Some(state);
            current.metadata = Metadata::new(None, &current.loaded, current.loaded.mark_of_move());
            let hold = mem::replace(&mut current.hold, Hold::Overtaken);
            let was_locked = matches!(hold, Hold::Locked { .. });
            // If Redis does not answer, the lock is given back later.
            let _ = self.let_hold_go(&current.keys, hold);
            if was_locked {
                self.released(&mut current);
            }
        }
        self.current = Some(current);
        Ok(())
    }

    /// Returns the session that PHP has under this id, if it has left the id.
    pub(super) fn left_behind(&self, id: &SessionId) -> Option<Left> {
        let current = self.current.as_ref().filter(|current| current.id == *id)?;
        let mark = current.loaded.mark_of_move().filter(|_| matches!(current.hold, Hold::Overtaken))?;
        Some(Left::by(&mark))
    }

    /// Returns the session that another request has moved away from this id a moment ago. Returns
    /// `None` if it has ended since.
    pub(super) fn left_since(&mut self, id: &SessionId) -> Result<Option<Left>, Told> {
        Ok(match self.state_of(id)? {
            Some(State::Dead(mark)) if mark.reason == Reason::Regenerated => Some(Left::by(&mark)),
            // It has come back, without a copy.
            Some(State::Live(live)) => Some(Left::of(live.user())),
            _ => None,
        })
    }

    /// Ends the copy that a session has left under this id, and the session itself, if the list of
    /// its user tells where it goes on. Returns `None` if nothing does, and false after a failure.
    pub(super) fn end_left(&mut self, id: &SessionId, left: &Left) -> Option<bool> {
        let mut list = left.list.clone();
        let mut was_back = false;
        for _ in 0..ROUNDS {
            // Without its copy, the session cannot come back to this id from now on.
            if !self.delete_copy(id.as_str()) {
                return Some(false);
            }
            match self.end_returned(id) {
                Ok(Return::Ended) => was_back = true,
                Ok(Return::None) => {}
                Ok(Return::Left(left)) => {
                    list = left.list.or(list);
                    continue;
                }
                Err(Told) => return Some(false),
            }
            let ended = list.as_deref().and_then(|list| Some((list, self.list_keys(list)?)));
            return match ended.map_or(Some(false), |(list, keys)| self.end_successors(id, list, &keys)) {
                Some(is_over) => (is_over || was_back).then_some(true),
                None => Some(false),
            };
        }
        None
    }

    /// Ends the session if it has come back to this id.
    fn end_returned(&mut self, id: &SessionId) -> Result<Return, Told> {
        let Some(seen) = self.ask_session(id).ok_or(Told)?.state else { return Ok(Return::None) };
        let State::Live(live) = State::parse(&seen) else { return Ok(Return::None) };
        // Another request may move it before this.
        let reply = self.store.write(&self.keys(id), &self.write_of(Op::LogOut, 1, Some(&seen)));
        if matches!(reply, Ok(ReleaseReply::Dead)) {
            return Ok(Return::Left(Left::of(live.user())));
        }
        let reply = reply.map(|reply| self.without_copy(reply));
        if self.answered(id, "was not destroyed", reply) { Ok(Return::Ended) } else { Err(Told) }
    }

    /// Ends the session under each id that it got after this one. Returns false if there was none,
    /// and `None` after a failure.
    fn end_successors(&mut self, id: &SessionId, list: &str, keys: &Keys) -> Option<bool> {
        let (mut ids, mut is_over, mut is_marked) = (vec![id.clone()], false, false);
        for _ in 0..ROUNDS {
            let answer = self.ask_list(keys, &UserCall::List)?;
            let Some(Next { listed, state }) = self.next_of(&mut ids, &answer.sessions).ok()? else {
                if is_over || is_marked || !answer.sessions.iter().any(|listed| listed.id == *id) {
                    break;
                }
                (is_marked, is_over) = (true, self.end_on_its_way(id, list, keys)?);
                continue;
            };
            ids.push(listed.id.clone());
            if let Some(before) = listed.before.as_ref().filter(|_| state.is_none() && !is_marked) {
                // It is not stored yet, and may have left this id, too.
                is_over |= self.end_on_its_way(before, list, keys)?;
                is_marked = true;
            }
            let was_moved = match state {
                Some(State::Dead(Dead { reason: Reason::Regenerated, .. })) => true,
                Some(State::Dead(_)) => {
                    is_over = true;
                    continue;
                }
                _ => false,
            };
            match self.end_listed(&listed, list, answer.now, &Reason::Logout) {
                End::Ended | End::Over => is_over = true,
                // It has another user by now.
                End::Comes | End::Stale => continue,
                End::Failed => return None,
            }
            if was_moved {
                self.delete_copy(listed.id.as_str());
            }
            let names = [listed.id.as_str(), id.as_str()];
            self.store.post_to_list(keys, &UserCall::Drop(if is_marked { &names[..1] } else { &names }));
        }
        Some(is_over)
    }

    /// Ends a session under the id that it is about to leave: the last one under which it was
    /// stored. Returns false if it was perhaps stored under another one before, and `None` after a
    /// failure.
    fn end_on_its_way(&mut self, id: &SessionId, list: &str, keys: &Keys) -> Option<bool> {
        // The request that moves it looks at this mark when the list has the new id.
        if !self.end_id(id, &Reason::Logout, list, "was not destroyed") {
            return None;
        }
        // That request takes the place off the list when it has stored the session, and before it
        // looks at the mark for the last time.
        let answer = self.ask_list(keys, &UserCall::List)?;
        let Some(place) = answer.sessions.iter().find(|listed| listed.id == *id) else {
            return Some(false);
        };
        // It may get no answer to that look. The list then tells it of the end.
        self.ask_list(keys, &UserCall::End(&places(&[place])))?;
        Some(true)
    }

    /// Returns the id of the session that PHP has, if that has left it, and each id under which it
    /// goes on. Returns `None` after a failure.
    pub(super) fn own_ids(&mut self, sessions: &[Listed]) -> Option<Vec<SessionId>> {
        let own = self.current.as_ref().filter(|current| current.is_overtaken());
        let mut ids: Vec<_> = own.map(|own| own.id.clone()).into_iter().collect();
        while !ids.is_empty()
            && let Some(next) = self.next_of(&mut ids, sessions).ok()?
        {
            ids.push(next.listed.id);
        }
        Some(ids)
    }

    /// Returns a session on the list that has had one of these ids, if there is one, and adds the
    /// id that it had between them.
    fn next_of(&mut self, ids: &mut Vec<SessionId>, sessions: &[Listed]) -> Result<Option<Next>, Told> {
        for listed in sessions {
            if ids.contains(&listed.id) {
                continue;
            }
            let state = self.state_of(&listed.id)?;
            let is_one = |name: &str| ids.iter().any(|id| id.as_str() == name);
            let is_next = listed.before.as_ref().is_some_and(|before| ids.contains(before))
                || copy_of(state.as_ref()).is_some_and(|copy| is_one(&copy));
            if is_next {
                return Ok(Some(Next { listed: listed.clone(), state }));
            }
            let copy = copy_of(state.as_ref()).and_then(|copy| SessionId::parse(copy.as_bytes()));
            let Some(before) = listed.before.clone().or(copy) else { continue };
            // It may have moved twice.
            if copy_of(self.state_of(&before)?.as_ref()).is_some_and(|copy| is_one(&copy)) {
                ids.push(before);
                return Ok(Some(Next { listed: listed.clone(), state }));
            }
        }
        Ok(None)
    }

    fn state_of(&mut self, id: &SessionId) -> Result<Option<State>, Told> {
        let left = self.ask_session(id).ok_or(Told)?;
        Ok(left.state.as_deref().map(State::parse))
    }
}

/// Returns the id of the copy that the session has left.
fn copy_of(state: Option<&State>) -> Option<String> {
    let copy = match state? {
        State::Live(Live { copy, .. }) => copy.clone(),
        State::Dead(dead) => dead.copy(),
        State::Opaque(_) => None,
    };
    copy.map(|copy| copy.id)
}
