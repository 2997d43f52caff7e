//! The facts about a session beside its value.

use crate::{
    error::StoreError,
    protocol::{Dead, Keys, Listed, Live, SessionData},
};

/// The facts about the session that PHP has open. Times are in seconds since 1970.
pub struct Description {
    /// The time at which it was created, if that is stored.
    pub created: Option<u64>,
    /// The time at which its user logged in.
    pub authenticated: Option<u64>,
    /// The time at which it ends without another use, if this request knows it.
    pub expires: Option<u64>,
    /// The time at which it ends however it is used.
    pub ends: Option<u64>,
    /// The name of the index of its user.
    pub user: Option<String>,
}

/// The time that a session has left, in seconds.
pub struct TimeLeft {
    /// Until it ends without another use.
    pub idle: u64,
    /// Until it ends however it is used.
    pub absolute: Option<u64>,
}

/// A place on the list of a user.
#[derive(Clone, Copy)]
pub(super) struct Place {
    /// The time, by the store's clock, at which the session got it.
    pub(super) at: u64,
    /// Set if the lifetimes have changed since: it may end before the session.
    pub(super) is_outdated: bool,
}

/// The state of a session that lives, in parts.
pub(super) struct Metadata {
    /// The metadata that the session has, or is to have with the next write.
    pub(super) live: Option<Live>,
    /// The mark beside the copy, if this is one: it has the metadata with which a session goes on
    /// that is made of the copy.
    pub(super) mark: Option<Dead>,
    /// Set if the metadata is not stored yet.
    pub(super) is_due: bool,
    /// Set if this request has given the session its user or its lifetimes.
    pub(super) is_asked: bool,
    /// The place that this request has given the session on the list of its user, until it is
    /// stored.
    pub(super) listed: Option<Place>,
    /// The places on lists that it has before it is stored with that user: the keys of each list,
    /// and the session's value there.
    pub(super) places: Vec<(Keys, String)>,
    /// Set if the list of its user may lack the session, because the server of the list was away.
    /// Its state then has no time of a bump.
    pub(super) is_unlisted: bool,
    /// The keys of that list and the failure, until they are told.
    pub(super) refusal: Option<Box<(Keys, StoreError)>>,
    /// The lists of the users that it had before, which it leaves when it is stored.
    pub(super) left: Vec<String>,
    /// Its places there: the keys of each list, and the place.
    pub(super) left_places: Vec<(Keys, Listed)>,
}

impl Metadata {
    pub(super) fn new(inherited: Option<Live>, loaded: &SessionData, mark: Option<Dead>) -> Self {
        let is_due = inherited.is_some();
        let live = inherited.or_else(|| loaded.live());
        let is_unlisted = live.as_ref().is_some_and(|live| live.has_user() && live.bumped.is_none());
        let (places, left, left_places) = (Vec::new(), Vec::new(), Vec::new());
        let (is_asked, listed, refusal) = (false, None, None);
        Self { live, mark, is_due, is_asked, listed, places, is_unlisted, refusal, left, left_places }
    }

    /// Returns what goes over to another id.
    pub(super) fn heritage(&self) -> Option<Live> {
        self.live.clone().or_else(|| self.mark.as_ref()?.live())
    }
}
