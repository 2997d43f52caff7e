//! The administrator's functions for admin.c; see shim.h.

use std::{
    cell::{Cell, RefCell},
    ffi::{CStr, c_char, c_int},
    mem, ptr,
    sync::Arc,
};

use ext_php_rs::{args::Arg, builders::FunctionBuilder, flags::DataType};

use super::{
    boundary::{bytes, guarded, has_size, warn},
    failure::{FailureInC, tell_failure},
    ini, sys,
};
use crate::{
    config::{Setting, Settings},
    error::StoreError,
    process,
    protocol::{
        Known, SessionId, State,
        admin::{Listed, Name},
    },
    resp::limit_strings,
    session::Cause,
    store::admin::{Admin, Locked, Page, Report, Stored},
};

/// The number of save paths whose connections are kept: an import reads at one and writes at
/// another.
const KEPT: usize = 2;

thread_local! {
    static ADMINS: RefCell<(u32, Vec<Admin>)> = const { RefCell::new((0, Vec::new())) };
    /// The answer to the last question, and the number of its items that C has taken. A bailout
    /// leaves the rest here until the request ends.
    static ANSWER: RefCell<Vec<Item>> = const { RefCell::new(Vec::new()) };
    static TAKEN: Cell<usize> = const { Cell::new(0) };
}

/// A part of an answer. C builds PHP's values of them, because its allocations can bail out.
pub enum Item {
    Null,
    Bool(bool),
    Number(i64),
    Text(Vec<u8>),
    /// This many values follow.
    List(usize),
    /// This many pairs of a text and a value follow.
    Map(usize),
    /// A number of nanoseconds, which C shows as milliseconds.
    Time(u64),
}

/// `rustredis_item` of shim.h.
#[repr(C)]
struct ItemInC {
    kind: c_int,
    number: i64,
    text: *const c_char,
}

has_size!(ItemInC, 24);

/// `rustredis_order` of shim.h.
#[repr(C)]
struct Order {
    path: *const c_char,
    path_len: usize,
    what: c_int,
    name: *const c_char,
    name_len: usize,
    cursor: *const c_char,
    cursor_len: usize,
    data: *const c_char,
    data_len: usize,
    state: *const c_char,
    state_len: usize,
    ttl: i64,
    state_ttl: i64,
    replace: c_int,
    keep_state: c_int,
}

has_size!(Order, 112);

/// The functions, for the module.
pub fn functions() -> [FunctionBuilder<'static>; 7] {
    let scan = FunctionBuilder::new("rustredis_scan", sys::rustredis_scan)
        .not_required()
        .arg(Arg::new("cursor", DataType::String).allow_null().default("null"))
        .arg(Arg::new("kind", DataType::String).default("\"sessions\""))
        .returns(DataType::Array, false, false);
    let server = FunctionBuilder::new("rustredis_server", sys::rustredis_server).returns(
        DataType::Array,
        false,
        false,
    );
    let stored = FunctionBuilder::new("rustredis_stored", sys::rustredis_stored)
        .arg(Arg::new("name", DataType::String))
        .returns(DataType::Array, false, true);
    let store = FunctionBuilder::new("rustredis_store", sys::rustredis_store)
        .arg(Arg::new("id", DataType::String))
        .arg(Arg::new("data", DataType::String))
        .not_required()
        .arg(Arg::new("ttl_ms", DataType::Long).allow_null().default("null"))
        .arg(Arg::new("state", DataType::String).allow_null().default("null"))
        .arg(Arg::new("state_ttl_ms", DataType::Long).allow_null().default("null"))
        .arg(Arg::new("replace", DataType::Bool).default("false"))
        .arg(Arg::new("keep_state", DataType::Bool).default("false"))
        .returns(DataType::Bool, false, false);
    let forget = FunctionBuilder::new("rustredis_forget", sys::rustredis_forget)
        .arg(Arg::new("name", DataType::String))
        .returns(DataType::Bool, false, false);
    let unlock = FunctionBuilder::new("rustredis_unlock", sys::rustredis_unlock)
        .arg(Arg::new("id", DataType::String))
        .returns(DataType::Bool, false, false);
    let lock = FunctionBuilder::new("rustredis_lock", sys::rustredis_lock_of)
        .arg(Arg::new("id", DataType::String))
        .returns(DataType::Array, false, true);
    [scan, server, stored, store, forget, unlock, lock]
}

/// Forgets the connections and the rest of an answer; called at the end of a request.
pub fn end_request() {
    ANSWER.take();
    let (pid, admins) = ADMINS.take();
    if pid != process::id() {
        // The sockets are also the parent's.
        mem::forget(admins);
    }
}

#[unsafe(no_mangle)]
extern "C" fn rustredis_may_administer() -> c_int {
    guarded(0, || {
        // SAFETY: the name is a static string of PHP.
        let sapi = unsafe { CStr::from_ptr(sys::rustredis_sapi()) };
        c_int::from(sapi == c"cli" || ini::flag(Setting::Admin))
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rustredis_administer(order: *const Order, failure: *mut FailureInC) -> c_int {
    guarded(0, || {
        limit_strings(|| sys::rustredis_memory_left());
        // SAFETY: admin.c passes a variable of its own, whose texts are valid during the call.
        let order = unsafe { &*order };
        // SAFETY: as above.
        let path = unsafe { bytes(order.path, order.path_len) };
        let answer = match ini::settings(path) {
            Ok(settings) => with_admin(settings, |admin| {
                let answer = carry_out(order, admin);
                admin.rest();
                answer
            }),
            Err(error) => Err((format!("rustredis: {error}"), Cause::Other)),
        };
        match answer {
            Ok(items) => {
                answer_with(items);
                1
            }
            Err((text, cause)) => {
                warn(text);
                // SAFETY: admin.c passes a variable of its own.
                unsafe { tell_failure(|| cause, failure) };
                0
            }
        }
    })
}

/// Keeps an answer for C.
pub fn answer_with(items: Vec<Item>) {
    ANSWER.set(items);
    TAKEN.set(0);
}

/// Gives the next item of the answer; see shim.h.
#[unsafe(no_mangle)]
unsafe extern "C" fn rustredis_next_item(item: *mut ItemInC) -> c_int {
    guarded(0, || {
        let next = ANSWER.with_borrow(|answer| {
            let (kind, number, text) = match answer.get(TAKEN.get())? {
                Item::Null => (0, 0, ptr::null()),
                Item::Bool(value) => (1, i64::from(*value), ptr::null()),
                Item::Number(number) => (2, *number, ptr::null()),
                Item::Text(text) => (3, count(text.len()), text.as_ptr().cast()),
                Item::List(length) => (4, count(*length), ptr::null()),
                Item::Map(length) => (5, count(*length), ptr::null()),
                Item::Time(time) => (6, time.cast_signed(), ptr::null()),
            };
            Some(ItemInC { kind, number, text })
        });
        let Some(next) = next else { return 0 };
        TAKEN.set(TAKEN.get() + 1);
        // SAFETY: admin.c passes a variable of its own.
        unsafe { item.write(next) };
        1
    })
}

#[unsafe(no_mangle)]
extern "C" fn rustredis_forget_answer() {
    guarded((), || drop(ANSWER.take()));
}

fn count(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

type Answer = Result<Vec<Item>, (String, Cause)>;

/// Runs `body` with the connections that these settings had before.
fn with_admin(settings: Arc<Settings>, body: impl FnOnce(&mut Admin) -> Answer) -> Answer {
    ADMINS.with_borrow_mut(|(pid, admins)| {
        if *pid != process::id() {
            mem::forget(mem::take(admins));
            *pid = process::id();
        }
        let place = admins.iter().position(|admin| admin.is_for(&settings)).unwrap_or_else(|| {
            if admins.len() == KEPT {
                admins.remove(0);
            }
            admins.push(Admin::new(settings));
            admins.len() - 1
        });
        body(&mut admins[place])
    })
}

fn carry_out(order: &Order, admin: &mut Admin) -> Answer {
    let text = |text: *const c_char, len: usize| {
        // SAFETY: the texts of an order are valid during the call.
        (!text.is_null()).then(|| unsafe { bytes(text, len) })
    };
    let name = text(order.name, order.name_len).unwrap_or_default();
    let cursor = text(order.cursor, order.cursor_len).map(String::from_utf8_lossy);
    let answer = match order.what {
        0 => {
            let Some(listed) = Listed::parse(name) else {
                return Err(("rustredis: the kind is sessions, locks or asides".into(), Cause::Other));
            };
            match admin.scan(listed, cursor.as_deref()) {
                Ok(None) => {
                    return Err((
                        "rustredis: no server has this place of a scan, or it is of other sessions: begin again".into(),
                        Cause::Other,
                    ));
                }
                page => page.map(|page| page.map_or_else(Vec::new, of_page)),
            }
        }
        1 => admin.reports().map(of_reports),
        2 => admin.stored(&named(name)?).map(of_stored),
        3 => {
            let value = Stored {
                data: text(order.data, order.data_len).unwrap_or_default().to_vec(),
                ttl: u64::try_from(order.ttl).ok(),
                state: text(order.state, order.state_len)
                    .map(|state| {
                        state_of(state).map(|state| (state.to_vec(), u64::try_from(order.state_ttl).ok()))
                    })
                    .transpose()?,
            };
            admin.store(&id_of(name)?, &value, order.replace != 0, order.keep_state != 0).map(of_flag)
        }
        4 => match named(name)? {
            Name::Aside(name) => admin.forget_aside(&name).map(of_flag),
            Name::Session(_) => {
                return Err(("rustredis: only a value that was set aside is deleted".into(), Cause::Other));
            }
        },
        5 => admin.unlock(&id_of(name)?).map(of_flag),
        _ => admin.locked(&id_of(name)?).map(of_locked),
    };
    answer.map_err(|error| {
        let cause = match error {
            StoreError::Server(_) | StoreError::Demoted(_) => Cause::Refusal,
            StoreError::TooLarge(_) => Cause::Other,
            _ => Cause::Connection,
        };
        // A save path can name several servers, and the script need not know it.
        let text = match admin.asked() {
            Some(place) => format!("rustredis: the request to {place} failed: {error}"),
            None => format!("rustredis: {error}"),
        };
        (text, cause)
    })
}

const BAD_NAME: &str = "rustredis: the name is neither a session id nor that of a value that was set aside";

fn named(name: &[u8]) -> Result<Name, (String, Cause)> {
    Name::parse(name).ok_or_else(|| (BAD_NAME.to_owned(), Cause::Other))
}

fn id_of(name: &[u8]) -> Result<SessionId, (String, Cause)> {
    SessionId::parse(name).ok_or_else(|| (BAD_NAME.to_owned(), Cause::Other))
}

/// A text of another form would become a part of what waiting requests are handed over.
fn state_of(state: &[u8]) -> Result<&[u8], (String, Cause)> {
    let text = String::from_utf8_lossy(state);
    if text.contains(char::is_control) || matches!(State::parse(&text), State::Opaque(_)) {
        let text = "rustredis: the state is not one that docs/wire-format.md describes";
        return Err((text.to_owned(), Cause::Other));
    }
    Ok(state)
}

fn of_flag(flag: bool) -> Vec<Item> {
    vec![Item::Bool(flag)]
}

pub fn word(word: &str) -> Item {
    Item::Text(word.as_bytes().to_vec())
}

pub fn number(number: Option<u64>) -> Item {
    number.map_or(Item::Null, |number| Item::Number(i64::try_from(number).unwrap_or(i64::MAX)))
}

fn of_page(page: Page) -> Vec<Item> {
    let mut items = vec![Item::Map(3), word("names"), Item::List(page.names.len())];
    items.extend(page.names.iter().map(|name| word(name.as_str())));
    items.extend([word("cursor"), page.next.map_or(Item::Null, |next| Item::Text(next.into_bytes()))]);
    items.extend([word("total"), number(page.total)]);
    items
}

fn of_stored(stored: Option<Stored>) -> Vec<Item> {
    let Some(Stored { data, ttl, state }) = stored else { return vec![Item::Null] };
    let (state, state_ttl) = state.unzip();
    vec![
        Item::Map(4),
        word("data"),
        Item::Text(data),
        word("ttl_ms"),
        number(ttl),
        word("state"),
        state.map_or(Item::Null, Item::Text),
        word("state_ttl_ms"),
        number(state_ttl.flatten()),
    ]
}

fn of_locked(locked: Option<Locked>) -> Vec<Item> {
    let Some(Locked { holder, ttl, waiters }) = locked else { return vec![Item::Null] };
    let Known { host, pid, sapi, age, uri } = holder.known();
    let text = |text: &str| if text.is_empty() { Item::Null } else { word(text) };
    vec![
        Item::Map(8),
        word("holder"),
        word(&holder.to_string()),
        word("host"),
        text(&host),
        word("pid"),
        number(pid.and_then(|pid| pid.parse().ok())),
        word("sapi"),
        text(&sapi),
        word("uri"),
        text(&uri),
        word("held_ms"),
        number(age),
        word("ttl_ms"),
        number(ttl),
        word("waiters"),
        number(Some(waiters)),
    ]
}

fn of_reports(reports: Vec<Report>) -> Vec<Item> {
    let mut items = vec![Item::List(reports.len())];
    for report in reports {
        let Report {
            node,
            user,
            prefix,
            in_cluster,
            error,
            latency,
            info,
            config,
            refused,
            missed,
            absent,
            unanswered,
            keys_refused,
        } = report;
        items.extend([Item::Map(13), word("node"), word(&node), word("user"), word(&user)]);
        items.extend([word("prefix"), word(&prefix), word("cluster"), Item::Bool(in_cluster)]);
        items.extend([word("error"), error.map_or(Item::Null, |error| word(&error))]);
        items.extend([word("latency_us"), Item::List(latency.len())]);
        items.extend(latency.into_iter().map(|micros| number(Some(micros))));
        items.push(word("info"));
        push_pairs(&mut items, info);
        items.push(word("config"));
        push_pairs(&mut items, config);
        let unanswered = unanswered.into_iter().map(str::to_owned).collect();
        for (name, commands) in
            [("refused", refused), ("missed", missed), ("absent", absent), ("unanswered", unanswered)]
        {
            items.extend([word(name), Item::List(commands.len())]);
            items.extend(commands.iter().map(|command| word(command)));
        }
        items.extend([word("keys_refused"), Item::Bool(keys_refused)]);
    }
    items
}

fn push_pairs(items: &mut Vec<Item>, pairs: Option<Vec<(String, String)>>) {
    let Some(pairs) = pairs else { return items.push(Item::Null) };
    items.push(Item::Map(pairs.len()));
    items.extend(pairs.iter().flat_map(|(name, value)| [word(name), word(value)]));
}
