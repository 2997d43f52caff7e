//! The value of a session's state key: the metadata of a living session, or the end of a dead one.
//!
//! A session without metadata has no state. A text that is neither of the two forms stays as it is:
//! a later version may have written it, and it counts as the mark of an end.

use std::fmt;

/// The longest label of a session in bytes.
pub const MAX_LABEL: usize = 512;

/// The time for which requests under a session's old id count as late, after the session went on
/// under another id.
pub const LATE_MS: u64 = 10_000;

/// The value of a state key. The text that it is read from and the text that it prints are the
/// same.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum State {
    /// The session lives.
    Live(Live),
    /// The session was ended.
    Dead(Dead),
    /// A text of an unknown form.
    Opaque(String),
}

/// The metadata of a living session:
/// `live|<created_ms>|<auth_ms>|<idle_s>|<end_ms>|<bumped_ms>|<copy>|<user>|<label>`. Times are by
/// the clock of Redis.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Live {
    /// The time in milliseconds at which the session was created. A session with another such time
    /// is another session.
    pub created: u64,
    /// The time in milliseconds at which a user logged in.
    pub authenticated: Option<u64>,
    /// The idle lifetime in seconds, if the session has one of its own.
    pub idle: Option<u64>,
    /// The time in milliseconds at which the session ends, no matter how it is used.
    pub end: Option<u64>,
    /// The time in milliseconds at which this value was last written.
    pub bumped: Option<u64>,
    /// The read-only copy for requests that come under the session's earlier id.
    pub copy: Option<Frozen>,
    user: String,
    label: String,
}

/// The read-only copy of a session under its earlier id: `<until_ms>:<id>`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Frozen {
    /// The time in milliseconds at which the copy ends.
    pub until: u64,
    /// The earlier id.
    pub id: String,
}

/// The end of a session: `dead|<reason>|<ms>|<token>`. If a copy stays under the id, what was
/// behind `live|` in its state stands before the token. If the session had left a copy under
/// another id, the same fields are there, and all but that of the copy are empty.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Dead {
    /// The reason.
    pub reason: Reason,
    /// The time in milliseconds of the end, by the clock of Redis.
    pub at: u64,
    /// The metadata of the session that has left a copy, or the name of an earlier copy, as text,
    /// or nothing.
    pub kept: String,
    /// The name of the destroy, which tells a repeat of it from a further one. A `+` stands before
    /// it if another client had ended the session before.
    pub token: String,
}

/// The reason for which a session ended.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Reason {
    /// The application destroyed the session.
    Logout,
    /// The session goes on under another id.
    Regenerated,
    /// Another session of the user, or an administrator, ended the session.
    Revoked,
    /// The user has logged in more often than a limit allows.
    Limit,
    /// The absolute timeout was over.
    Absolute,
    /// It was not used for its idle lifetime, and was found on a list later.
    Idle,
    /// A reason that a later version knows.
    Other(String),
}

impl Reason {
    /// The word in the state.
    #[must_use]
    pub fn word(&self) -> &str {
        match self {
            Self::Logout => "logout",
            Self::Regenerated => "regenerated",
            Self::Revoked => "revoked",
            Self::Limit => "limit",
            Self::Absolute => "absolute",
            Self::Idle => "idle",
            Self::Other(word) => word,
        }
    }

    fn of(word: &str) -> Self {
        match word {
            "logout" => Self::Logout,
            "regenerated" => Self::Regenerated,
            "revoked" => Self::Revoked,
            "limit" => Self::Limit,
            "absolute" => Self::Absolute,
            "idle" => Self::Idle,
            other => Self::Other(other.to_owned()),
        }
    }
}

/// Returns true if this is the state that was seen, or the mark that was seen after
/// [`Op::TakeCopy`](super::Op::TakeCopy), which changes its token.
#[must_use]
pub fn is_still(state: &[u8], seen: &[u8]) -> bool {
    let but_token = || &seen[..=seen.iter().rposition(|&byte| byte == b'|').unwrap_or(0)];
    state == seen
        || seen.starts_with(b"dead|") && state.strip_suffix(Dead::TAKEN.as_bytes()) == Some(but_token())
}

impl Dead {
    /// The token of a mark after [`Op::TakeCopy`](super::Op::TakeCopy).
    pub const TAKEN: &str = "taken";

    /// The text by which the mark of an end names the copy that the session had left before.
    #[must_use]
    pub fn naming(copy: &Frozen) -> String {
        format!("|||||{}:{}||", copy.until, copy.id)
    }

    /// The copy that the session had left under its earlier id.
    #[must_use]
    pub fn copy(&self) -> Option<Frozen> {
        frozen(self.kept.split('|').nth(5)?)
    }

    /// The metadata that the session had, if it has left a copy.
    #[must_use]
    pub fn live(&self) -> Option<Live> {
        live(&format!("{LIVE}{}", self.kept)).map(|live| Live { copy: None, ..live })
    }
}

impl State {
    /// Reads the value of a state key.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        live(text)
            .map(Self::Live)
            .or_else(|| dead(text).map(Self::Dead))
            .unwrap_or_else(|| Self::Opaque(text.to_owned()))
    }

    /// Returns the metadata of a living session.
    #[must_use]
    pub fn live(&self) -> Option<&Live> {
        if let Self::Live(live) = self { Some(live) } else { None }
    }

    /// Returns true if the session that was read with the state `seen` has ended, by its present
    /// state: that is another mark of an end, or belongs to a session that was created at another
    /// time. A session that lives on may get a state, or another one.
    #[must_use]
    pub fn has_died(seen: Option<&str>, now: Option<&str>) -> bool {
        let Some(now) = now else { return false };
        let is_live = |text: &str| Self::identity(text).len() < text.len();
        match seen {
            Some(seen) if is_live(seen) || !is_live(now) => Self::identity(seen) != Self::identity(now),
            Some(_) => false,
            None => !is_live(now),
        }
    }

    /// Returns the part of a value that stays the same for as long as the session lives. A write is
    /// refused if another session has taken the place of the one that was read, or if it was
    /// destroyed since: the identity of its state is then another one.
    #[must_use]
    pub fn identity(text: &str) -> &str {
        match text.strip_prefix(LIVE).and_then(|fields| fields.split_once('|')) {
            Some((created, _)) => &text[..LIVE.len() + created.len()],
            None => text,
        }
    }
}

impl Live {
    /// The state of a session that begins now.
    #[must_use]
    pub fn new(now: u64) -> Self {
        Self { created: now, bumped: Some(now), ..Self::default() }
    }

    /// The name of the index that lists the sessions of this one's user. Empty if there is no user.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// Returns true if the session has a user.
    #[must_use]
    pub fn has_user(&self) -> bool {
        !self.user.is_empty()
    }

    /// Returns true if the session has a user, and not the one of this list.
    #[must_use]
    pub fn is_of_another(&self, list: &str) -> bool {
        !self.user.is_empty() && self.user != list
    }

    /// The application's own text for its list of a user's sessions.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Adds the user and the label. A character that would end a field or a line becomes a space,
    /// and a label ends after [`MAX_LABEL`] bytes.
    #[must_use]
    pub fn of_user(self, user: &str, label: &str) -> Self {
        let one_line = |text: &str| text.replace(|c: char| c.is_control(), " ");
        let mut label = one_line(label);
        let end = label.floor_char_boundary(MAX_LABEL);
        label.truncate(end);
        Self { user: one_line(user).replace('|', " "), label, ..self }
    }

    /// Takes the user, the login and the label away.
    #[must_use]
    pub fn without_user(self) -> Self {
        Self { authenticated: None, user: String::new(), label: String::new(), ..self }
    }

    /// Sets the absolute timeout in milliseconds, counted from the later of creation and login.
    #[must_use]
    pub fn ending_after(self, timeout: Option<u64>) -> Self {
        let start = self.authenticated.unwrap_or(0).max(self.created);
        Self { end: timeout.map(|timeout| start.saturating_add(timeout)), ..self }
    }

    /// Returns true if a session with nothing else needs no metadata: it only tells of a copy,
    /// which is soon over.
    #[must_use]
    pub fn is_for_a_copy(&self) -> bool {
        let Self { created: _, authenticated, idle, end, bumped: _, copy, user, label } = self;
        copy.is_some()
            && (authenticated, idle, end) == (&None, &None, &None)
            && user.is_empty()
            && label.is_empty()
    }

    /// Returns true if the absolute end is over.
    #[must_use]
    pub fn has_ended(&self, now: u64) -> bool {
        self.end.is_some_and(|end| end <= now)
    }

    /// The idle lifetime in seconds. `usual` is that of a session without one of its own.
    #[must_use]
    pub fn idle_or(&self, usual: u64) -> u64 {
        self.idle.unwrap_or(usual)
    }

    /// The TTL in seconds that a use of the session now gives it, or 0 if the session has ended.
    /// The last second counts as a full one.
    #[must_use]
    pub fn ttl(&self, now: u64, usual: u64) -> u64 {
        let idle = self.idle_or(usual);
        self.end.map_or(idle, |end| idle.min(end.saturating_sub(now).div_ceil(1000)))
    }

    /// The TTL of the state itself in milliseconds, with which it outlives the session.
    #[must_use]
    pub fn own_ttl(&self, now: u64, usual: u64) -> u64 {
        let idle = self.idle_or(usual).saturating_mul(1000);
        let ttl = match self.end {
            Some(end) => end.saturating_sub(now).saturating_add(idle.min(DAY)),
            None => idle.saturating_mul(2),
        };
        ttl.min(MAX_TTL)
    }

    /// Returns true if the state is to be written again from time to time. With an end, it lives
    /// until after that, but the list of a user needs bumps.
    #[must_use]
    pub fn lives_by_bumps(&self) -> bool {
        (self.end.is_none() || !self.user.is_empty()) && !self.is_for_a_copy()
    }

    /// Returns true if the state is to be written again: it was not for half the idle lifetime. A
    /// time in the future is that of a clock that was set back since.
    #[must_use]
    pub fn needs_a_bump(&self, now: u64, usual: u64) -> bool {
        let half = self.idle_or(usual).saturating_mul(500);
        self.bumped.is_none_or(|bumped| bumped.abs_diff(now) > half)
    }
}

/// The longest time in milliseconds for which a state tells of an absolute end that is over.
const DAY: u64 = 86_400_000;

/// The longest TTL in milliseconds, a thousand years. Redis refuses one that ends after 2^63.
const MAX_TTL: u64 = 31_557_600_000_000;

const LIVE: &str = "live|";

fn live(text: &str) -> Option<Live> {
    let mut fields = text.strip_prefix(LIVE)?.splitn(8, '|');
    let created = number(fields.next()?)?;
    let mut times = [None; 4];
    for time in &mut times {
        let text = fields.next()?;
        *time = if text.is_empty() { None } else { Some(number(text)?) };
    }
    let [authenticated, idle, end, bumped] = times;
    let copy = match fields.next()? {
        "" => None,
        text => Some(frozen(text)?),
    };
    let (user, label) = (fields.next()?.to_owned(), fields.next()?.to_owned());
    let live = Live { created, authenticated, idle, end, bumped, copy, user, label };
    is_one_line(text).then_some(live)
}

fn frozen(text: &str) -> Option<Frozen> {
    let (until, id) = text.split_once(':')?;
    Some(Frozen { until: number(until)?, id: id.to_owned() })
}

fn dead(text: &str) -> Option<Dead> {
    let mut fields = text.strip_prefix("dead|")?.splitn(3, '|');
    let (reason, at, rest) = (Reason::of(fields.next()?), number(fields.next()?)?, fields.next()?);
    let (kept, token) = rest.rsplit_once('|').unwrap_or(("", rest));
    let dead = Dead { reason, at, kept: kept.to_owned(), token: token.to_owned() };
    let has_a_gap = kept.is_empty() && rest.starts_with('|');
    (is_one_line(text) && !has_a_gap).then_some(dead)
}

/// A ticket has the state as one of its lines.
fn is_one_line(text: &str) -> bool {
    !text.contains('\n')
}

/// Reads a number only as it would be printed.
fn number(text: &str) -> Option<u64> {
    let is_plain = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| is_plain)
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Live(live) => live.fmt(f),
            Self::Dead(dead) => dead.fmt(f),
            Self::Opaque(text) => f.write_str(text),
        }
    }
}

impl fmt::Display for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { created, authenticated, idle, end, bumped, copy, user, label } = self;
        write!(f, "{LIVE}{created}")?;
        for number in [authenticated, idle, end, bumped] {
            f.write_str("|")?;
            if let Some(number) = number {
                number.fmt(f)?;
            }
        }
        f.write_str("|")?;
        if let Some(Frozen { until, id }) = copy {
            write!(f, "{until}:{id}")?;
        }
        write!(f, "|{user}|{label}")
    }
}

impl fmt::Display for Dead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let space = if self.kept.is_empty() { "" } else { "|" };
        write!(f, "dead|{}|{}|{}{space}{}", self.reason.word(), self.at, self.kept, self.token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_prints_the_same_text() {
        let full = Live {
            created: 5,
            authenticated: Some(6),
            idle: Some(7),
            end: Some(8),
            bumped: Some(9),
            copy: Some(Frozen { until: 10, id: "i".into() }),
            user: "u".into(),
            label: "My|phone".into(),
        };
        assert_eq!(State::parse("live|5|6|7|8|9|10:i|u|My|phone"), State::Live(full.clone()));
        assert_eq!(full.to_string(), "live|5|6|7|8|9|10:i|u|My|phone");
        let bare = Live { created: 5, ..Live::default() };
        assert_eq!(State::parse("live|5|||||||"), State::Live(bare));
        let dead = Dead { reason: Reason::Absolute, at: 17, kept: String::new(), token: "o:1:2".into() };
        assert_eq!((dead.live(), dead.copy()), (None, None));
        assert_eq!(State::parse("dead|absolute|17|o:1:2"), State::Dead(dead));
        let kept = "5|6|7|8|9|10:i|u|My|phone".to_owned();
        let dead = Dead { reason: Reason::Regenerated, at: 17, kept, token: "o:1:2".into() };
        assert_eq!(dead.to_string(), "dead|regenerated|17|5|6|7|8|9|10:i|u|My|phone|o:1:2");
        assert_eq!(State::parse(&dead.to_string()), State::Dead(dead.clone()));
        assert_eq!(dead.live(), Some(Live { copy: None, ..full.clone() }));
        assert_eq!(dead.copy(), full.copy);
        let kept = Dead::naming(&Frozen { until: 10, id: "i".into() });
        let dead = Dead { reason: Reason::Revoked, at: 17, kept, token: "o:1:2".into() };
        assert_eq!(dead.to_string(), "dead|revoked|17||||||10:i|||o:1:2");
        assert_eq!(State::parse(&dead.to_string()), State::Dead(dead.clone()));
        assert_eq!((dead.live(), dead.copy()), (None, full.copy));
        for reason in ["logout", "regenerated", "revoked", "limit", "absolute", "idle", "unheard-of", ""] {
            let State::Dead(dead) = State::parse(&format!("dead|{reason}|1|t")) else { panic!("{reason}") };
            assert_eq!((dead.reason.word(), matches!(dead.reason, Reason::Other(_))), {
                (reason, ["unheard-of", ""].contains(&reason))
            });
        }
    }

    #[test]
    fn loses_no_text_of_another_form() {
        let texts = [
            "",
            "live",
            "live|",
            "live|5",
            "live|5||||||",
            "live|5|||||i||",
            "live|5|||||x:i||",
            "live|x|||||||",
            "live|05|||||||",
            "live|+5|||||||",
            "live|-5|||||||",
            "live||||||||",
            "live|5| |||||||",
            "live|18446744073709551616|||||||",
            "LIVE|5|||||||",
            "live|5|||||||a\nb",
            "dead",
            "dead|logout",
            "dead|logout|1",
            "dead|logout|x|t",
            "dead|logout||t",
            "dead|logout|1|t\n",
            "dead|logout|1||t",
            "o:0123:1",
            "0123|left|17",
            "alive|1",
            "live|5|1.5||||||",
            "dead|\u{fc}|1|\u{fc}",
        ];
        for text in texts {
            assert_eq!(State::parse(text).to_string(), text);
            let is_opaque = matches!(State::parse(text), State::Opaque(_));
            assert_eq!(is_opaque, text != "dead|\u{fc}|1|\u{fc}", "{text}");
        }
    }

    #[test]
    fn a_session_keeps_its_identity_until_it_ends() {
        let identity = State::identity;
        assert_eq!(identity("live|5|6|7|8|9|u|l"), identity("live|5||||99||"));
        assert_ne!(identity("live|5||||||"), identity("live|6||||||"));
        assert_ne!(identity("live|5||||||"), identity("live|55||||||"));
        assert_eq!(identity("dead|logout|1|a"), "dead|logout|1|a");
        assert_ne!(identity("dead|logout|1|a"), identity("dead|logout|1|b"));
        assert_eq!(identity("o:1"), "o:1");
        assert_eq!(identity("live|"), "live|");
    }

    #[test]
    fn a_use_prolongs_a_session_to_its_end_at_most() {
        let live = Live { created: 1000, authenticated: Some(5000), ..Live::default() };
        assert_eq!(live.ttl(9000, 1800), 1800);
        let live = live.ending_after(Some(7_200_000));
        assert_eq!(live.end, Some(7_205_000));
        assert_eq!(live.ttl(9000, 1800), 1800);
        assert_eq!(live.ttl(7_203_900, 1800), 2);
        assert_eq!(live.ttl(7_204_999, 1800), 1);
        assert!(!live.has_ended(7_204_999) && live.has_ended(7_205_000));
        assert_eq!((live.ttl(7_205_000, 1800), live.ttl(u64::MAX, 1800)), (0, 0));
        assert_eq!(live.ending_after(None).end, None);
        let later = Live { created: 9000, authenticated: Some(5000), ..Live::default() };
        assert_eq!(later.ending_after(Some(1)).end, Some(9001));
        assert_eq!(Live::new(u64::MAX).ending_after(Some(u64::MAX)).end, Some(u64::MAX));
    }

    #[test]
    fn a_lifetime_of_its_own_comes_before_the_usual_one() {
        let live = Live { idle: Some(60), ..Live::new(0) };
        assert_eq!((live.ttl(0, 1800), live.own_ttl(0, 1800)), (60, 120_000));
        assert!(!live.needs_a_bump(30_000, 1800) && live.needs_a_bump(30_001, 1800));
    }

    #[test]
    fn the_state_outlives_the_session() {
        for timeout in [None, Some(1), Some(3_600_000), Some(10_000_000)] {
            let live = Live::new(1_000_000).ending_after(timeout);
            // The session is used for the last time just before a bump is due.
            let last = 1_000_000 + 900_000;
            assert!(!live.needs_a_bump(last, 1800) && live.needs_a_bump(last + 1, 1800));
            let session = last + live.ttl(last, 1800) * 1000;
            assert!(1_000_000 + live.own_ttl(1_000_000, 1800) > session, "{timeout:?}");
        }
        let month = Live { idle: Some(30 * 86_400), ..Live::new(0) };
        assert_eq!(month.own_ttl(0, 1), 60 * DAY);
        assert_eq!(month.ending_after(Some(90 * DAY)).own_ttl(DAY, 1), 90 * DAY);
        let long = Live { idle: Some(u64::MAX), ..Live::new(0) }.ending_after(Some(u64::MAX));
        assert_eq!(long.own_ttl(0, 1), MAX_TTL);
    }

    #[test]
    fn a_clock_that_was_set_back_delays_no_bump() {
        let live = Live::new(10_000_000);
        assert!(live.needs_a_bump(1_000, 1800));
        assert!(Live { bumped: None, ..live }.needs_a_bump(10_000_000, 1800));
    }

    #[test]
    fn a_label_stays_in_its_field() {
        let live = Live::new(5).of_user("USER:ab|c", "a\nb|\0c");
        assert_eq!(live.to_string(), "live|5||||5||USER:ab c|a b| c");
        assert_eq!(State::parse(&live.to_string()), State::Live(live));
        let long = Live::new(5).of_user("", &"\u{20ac}".repeat(300));
        assert_eq!(long.label().len(), 510);
        assert_eq!(State::parse(&long.to_string()).live().map(Live::label), Some(long.label()));
    }
}
