//! The ids under which one session goes on, one after the other.

use std::mem;

use super::{current::Current, failure::Failure, moved::Moved};
use crate::protocol::{Client, Dead, Frozen, Live, SessionId};

/// The part of a session that goes over to the id under which session_regenerate_id() continues it.
#[derive(Clone, Default)]
pub struct Heritage {
    /// Set if the session was stored by an earlier request.
    was_stored: bool,
    /// The metadata. Without it, each new id would begin a new absolute lifetime.
    live: Option<Live>,
    /// The time at which the session ends, if this request does not prolong it.
    ends: Option<u64>,
    /// The earlier id, if the session has ended under it and its user has a list.
    name: Option<SessionId>,
    /// The earlier id, if the session may live on under it, too, and either its user has a list or
    /// it was not saved under that id.
    beside: Option<SessionId>,
    /// The state under that id as it was read: perhaps the mark of an earlier session's end.
    seen: Option<String>,
    /// The id that it has left. A handler class may give it the same one again.
    retired: Option<SessionId>,
    /// The move away from the id under which it was last stored, if that has left a copy.
    moved: Option<Moved>,
    /// The id that the list of the user has, too, because the session has had it in between and was
    /// not stored under it.
    passed: Option<SessionId>,
    /// The lists of the users that it had when it was last stored, or since.
    lists: Vec<String>,
    /// The request, if it has itself ended what was left under an earlier id.
    client: Option<Client>,
    /// Set if it has the user with whom it was read.
    has_kept_its_user: bool,
    /// The reason for which it has ended, if it has: PHP's values must not be stored under the next
    /// id.
    why_ended: Option<fn() -> Failure>,
}

impl Heritage {
    pub(super) fn was_stored(&self) -> bool {
        self.was_stored
    }

    pub(super) fn live(&self) -> Option<&Live> {
        self.live.as_ref()
    }

    pub(super) fn ends(&self) -> Option<u64> {
        self.ends
    }

    pub(super) fn why_ended(&self) -> Option<fn() -> Failure> {
        self.why_ended
    }

    /// The lists of former users that it has not left yet.
    pub(super) fn lists(&self) -> &[String] {
        &self.lists
    }

    /// Returns the earlier id, if the session may be looked for under it.
    pub(super) fn earlier_id(&self) -> Option<&SessionId> {
        self.name.as_ref().or(self.beside.as_ref())
    }
}

/// The part that a session takes over from its earlier id, and the part that it leaves to the next
/// one.
#[derive(Default)]
pub(super) struct Lineage {
    inherited: Heritage,
    /// The id under which the session goes on, once PHP reads that.
    heir: Option<SessionId>,
    left: Heritage,
    /// The id that session_regenerate_id() has left.
    retired: Option<SessionId>,
    /// The id that it could not leave, because the session has ended or is another request's by
    /// now. A handler class may write once more.
    unleft: Option<SessionId>,
    /// The move with which the session itself has left a copy, until it is asked for.
    moved: Option<Moved>,
}

impl Lineage {
    /// Takes over what another id has left.
    pub(super) fn inherit(&mut self, heritage: Heritage) {
        self.inherited = heritage;
        self.heir = None;
    }

    /// Forgets what another id has left.
    pub(super) fn inherit_nothing(&mut self) {
        self.inherited = Heritage::default();
    }

    /// Has this id alone inherit.
    pub(super) fn set_heir(&mut self, id: &[u8]) {
        self.heir = SessionId::parse(id);
    }

    fn is_heir(&self, id: &SessionId) -> bool {
        self.heir.as_ref().is_none_or(|heir| heir == id)
    }

    /// Returns what was taken over, for any id.
    pub(super) fn inherited(&self) -> &Heritage {
        &self.inherited
    }

    /// Returns what this id has taken over.
    pub(super) fn inherited_by(&self, id: &SessionId) -> Option<&Heritage> {
        self.is_heir(id).then_some(&self.inherited)
    }

    /// Returns the earlier id that the list of the user has in place of this one, or beside it.
    pub(super) fn listed_id(&self, id: &SessionId) -> Option<SessionId> {
        self.inherited_by(id)?.name.clone()
    }

    /// Returns true if the session lives on under its earlier id, too, as another one.
    pub(super) fn lives_beside(&self, id: &SessionId) -> bool {
        self.inherited_by(id).is_some_and(|inherited| {
            inherited.name.is_none() && inherited.beside.is_some() && inherited.retired.is_none()
        })
    }

    pub(super) fn set_listed_id(&mut self, id: Option<SessionId>) {
        self.inherited.name = id;
    }

    /// Returns the id whose place on the list this one takes.
    pub(super) fn passed_id(&self, id: &SessionId) -> Option<SessionId> {
        self.inherited_by(id)?.passed.clone()
    }

    /// Notes that this id has taken that place.
    pub(super) fn forget_passed_id(&mut self) {
        self.inherited.passed = None;
    }

    /// Returns true if the session has got this id since it was last stored, after another user.
    pub(super) fn has_changed_user(&self, id: &SessionId) -> bool {
        self.inherited_by(id).is_some_and(|inherited| !inherited.lists.is_empty())
    }

    /// Returns true if the session has the user with whom it was read, perhaps under an earlier id.
    pub(super) fn has_kept_its_user<L>(&self, current: &Current<L>) -> bool {
        let inherited = self.inherited_by(&current.id).filter(|_| current.is_missing());
        let user = current.metadata.live.as_ref().map(Live::user);
        current.has_kept_its_user()
            || inherited.is_some_and(|inherited| {
                inherited.has_kept_its_user && inherited.live.as_ref().map(Live::user) == user
            })
    }

    /// Returns the name for the marks of what this request ends under this id, if it is the earlier
    /// one.
    pub(super) fn client_of_end(&mut self, id: &SessionId) -> Option<Client> {
        let is_earlier = self.inherited.earlier_id() == Some(id);
        is_earlier.then(|| *self.inherited.client.get_or_insert_with(Client::random))
    }

    /// Returns true if this request itself has left the mark.
    pub(super) fn has_ended_itself(&self, mark: &Dead) -> bool {
        self.inherited.client.is_some_and(|client| client.has_left(mark))
    }

    /// Returns true if this is the state that was read under the earlier id.
    pub(super) fn has_seen(&self, state: Option<&String>) -> bool {
        self.inherited.seen.as_ref() == state
    }

    /// Returns the state that was read under this id, if it is the earlier one.
    pub(super) fn seen_under(&self, id: &SessionId) -> Option<String> {
        self.inherited.seen.clone().filter(|_| self.inherited.earlier_id() == Some(id))
    }

    /// Returns true if session_regenerate_id() goes on under the id that it has left.
    pub(super) fn goes_on_under(&self, id: &SessionId) -> bool {
        self.inherited_by(id).is_some_and(|inherited| inherited.retired.as_ref() == Some(id))
    }

    /// Returns what the session leaves to the next id.
    pub(super) fn heritage(&self) -> Heritage {
        Heritage { retired: self.retired.clone(), ..self.left.clone() }
    }

    /// Returns true if the heritage matters to the next id. `has_first_life` tells if a session
    /// that was never stored has another lifetime.
    pub(super) fn leaves_something(&self, has_first_life: bool) -> bool {
        (has_first_life && self.left.was_stored)
            || self.left.live.is_some()
            || self.left.ends.is_some()
            || self.left.beside.is_some()
            || self.left.why_ended.is_some()
            || self.retired.is_some()
    }

    /// Takes over what the session itself has left.
    pub(super) fn go_on(&mut self) {
        let left = self.heritage();
        (self.left, self.retired) = (Heritage::default(), None);
        self.inherit(left);
    }

    /// Keeps what this session would leave to the next id.
    pub(super) fn leave<L>(&mut self, current: &Current<L>) {
        let live = current.metadata.heritage();
        let has_user = live.as_ref().is_some_and(Live::has_user);
        self.left = Heritage {
            was_stored: !current.is_first,
            ends: current.ends,
            beside: has_user.then(|| current.id.clone()),
            seen: has_user.then(|| current.loaded.state.clone()).flatten(),
            live,
            lists: current.metadata.left.clone(),
            client: self.inherited.client,
            has_kept_its_user: self.has_kept_its_user(current),
            ..Heritage::default()
        };
    }

    /// Returns the time at which the session ends that goes on under another id.
    pub(super) fn left_end(&self) -> Option<u64> {
        self.left.ends
    }

    /// Keeps the id of a session that may have ended under it without a word to this request.
    pub(super) fn leave_beside<L>(&mut self, current: &Current<L>) {
        self.left.beside = Some(current.id.clone());
        self.left.seen.clone_from(&current.loaded.state);
    }

    /// Keeps the id that the list of the user has. It is the earlier one if the session was not
    /// stored under this one, whose place on the list the next id takes: the answer is then true.
    pub(super) fn leave_name<L>(&mut self, current: &Current<L>) -> bool {
        if !self.left.live.as_ref().is_some_and(Live::has_user) {
            return false;
        }
        let earlier = self.listed_id(&current.id).filter(|_| current.is_missing());
        let is_earlier = earlier.is_some();
        if is_earlier {
            self.left.seen = self.inherited.seen.clone();
            self.left.passed = Some(current.id.clone());
        }
        self.left.name = earlier.or_else(|| Some(current.id.clone()));
        is_earlier
    }

    /// Has the next id go on without the user, who has logged out.
    pub(super) fn leave_no_user(&mut self) {
        self.left.live = self.left.live.take().map(Live::without_user);
        self.leave_no_places();
    }

    /// Has the next id go on without any metadata.
    pub(super) fn leave_no_metadata(&mut self) {
        self.left.live = None;
        self.leave_no_places();
    }

    /// Has the next id know that the session has ended.
    pub(super) fn leave_an_end(&mut self, why: fn() -> Failure) {
        self.left.why_ended = Some(why);
    }

    fn leave_no_places(&mut self) {
        (self.left.name, self.left.beside, self.left.passed) = (None, None, None);
        self.left.lists.clear();
    }

    /// Has the next id know of this copy. A session without metadata begins now.
    pub(super) fn leave_copy(&mut self, copy: Frozen, now: u64) {
        self.left.live.get_or_insert_with(|| Live::new(now)).copy = Some(copy);
    }

    /// Notes the move with which the session itself has left a copy, or may have left one.
    pub(super) fn set_moved(&mut self, moved: Moved) {
        self.left.moved = Some(moved.clone());
        self.moved = Some(moved);
    }

    /// Returns the token of a move away from this id that had no answer.
    pub(super) fn unsure_move(&self, id: &SessionId) -> Option<&str> {
        let moved = self.left.moved.as_ref().filter(|moved| moved.id() == id && !moved.is_sure())?;
        Some(moved.token())
    }

    /// Gives a session what it would have left to the next id by a move that was not carried out.
    pub(super) fn take_back<L>(&self, id: &SessionId, current: Option<&mut Current<L>>) {
        if self.unsure_move(id).is_none() {
            return;
        }
        if let Some(current) = current.filter(|current| current.id == *id) {
            current.metadata.live.clone_from(&self.left.live);
            current.metadata.left.clone_from(&self.left.lists);
            current.ends = self.left.ends;
            current.is_first = !self.left.was_stored;
        }
    }

    /// Has the next id know of the copy that it is made of, which another request has left. The
    /// session cannot come back to that request's id.
    pub(super) fn leave_taken_copy(&mut self, id: &SessionId) {
        self.left.moved = Some(Moved::new(id.clone(), Dead::TAKEN.to_owned(), true, String::new()));
    }

    /// Returns true if the session has come to this id by a move that has left a copy, or may have
    /// left one.
    pub(super) fn inherits_a_move(&self, id: &SessionId) -> bool {
        self.inherited_move(id).is_some()
    }

    fn inherited_move(&self, id: &SessionId) -> Option<&Moved> {
        self.inherited_by(id)?.moved.as_ref()
    }

    /// Notes that the session has left this id, under which it was not stored.
    pub(super) fn leave_unsaved(&mut self, id: &SessionId) {
        if let Some(moved) = self.inherited_move(id) {
            self.set_moved(moved.then_from(id.clone(), self.left_list()));
        }
    }

    /// Returns the list of the user whom the session has, or an empty text.
    pub(super) fn left_list(&self) -> String {
        self.left.live.as_ref().map(|live| live.user().to_owned()).unwrap_or_default()
    }

    /// Takes the move with which the session itself has left a copy.
    pub(super) fn take_moved(&mut self) -> Option<Moved> {
        self.moved.take()
    }

    /// Has the next id know of no copy.
    pub(super) fn leave_no_copy(&mut self) {
        match &mut self.left.live {
            Some(live) if !live.is_for_a_copy() => live.copy = None,
            live => *live = None,
        }
    }

    /// Takes what would be left to the next id, for [`Lineage::set_left`].
    pub(super) fn take_left(&mut self) -> Heritage {
        mem::take(&mut self.left)
    }

    pub(super) fn set_left(&mut self, left: Heritage) {
        self.left = left;
    }

    /// Notes that session_regenerate_id() has left this id, or could not leave it.
    pub(super) fn note_move(&mut self, id: SessionId, is_left: bool, is_answered: bool) {
        self.unleft = Some(id.clone()).filter(|_| is_answered && !is_left);
        self.retired = Some(id).filter(|_| is_left);
    }

    /// Returns the id that session_regenerate_id() has left.
    pub(super) fn left_id(&self) -> Option<&SessionId> {
        self.retired.as_ref()
    }

    /// Returns true if session_regenerate_id() has left this id.
    pub(super) fn has_left(&self, id: &[u8]) -> bool {
        self.retired.as_ref().is_some_and(|retired| retired.as_str().as_bytes() == id)
    }

    /// Returns true if session_regenerate_id() could not leave this id.
    pub(super) fn has_stayed(&self, id: &SessionId) -> bool {
        self.unleft.as_ref() == Some(id)
    }

    /// Returns true if session_regenerate_id() could not leave some id.
    pub(super) fn has_stayed_anywhere(&self) -> bool {
        self.unleft.is_some()
    }

    /// Forgets that session_regenerate_id() could not leave this id: the session is read anew.
    pub(super) fn forget_stay(&mut self, id: &SessionId) {
        self.unleft.take_if(|own| own == id);
    }
}
