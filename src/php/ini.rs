//! The `rustredis.*` settings in PHP: they are registered, checked, and read at most once after
//! each change.

use std::{
    cell::{Cell, RefCell},
    ffi::{CStr, c_char, c_int},
    sync::Arc,
};

use ext_php_rs::{
    flags::IniEntryPermission,
    zend::{IniEntryDef, IniEntryDefs},
};
use parking_lot::Mutex;

use super::{
    boundary::{bytes, guarded, warn},
    sys,
};
use crate::{
    config::{ConfigError, IniValues, JsonSettings, Permission, Setting, Settings},
    process,
};

/// The text that replaces the password in PHP's table of settings (`RUSTREDIS_MASK` in shim.h).
const MASK: &str = "********";

/// The number of save paths whose settings are kept. A script may alternate between a few paths;
/// further ones are parsed again.
const CACHED: usize = 8;

const ENTRIES: usize = Setting::ALL.len() + 1;
static TABLE: IniEntryDefs<ENTRIES> = IniEntryDefs::new(table());

/// The password of the process (php.ini, FPM's pool file). Before threads exist, PHP starts one
/// request at a time.
static PASSWORD: Mutex<String> = Mutex::new(String::new());

/// The passwords in sections of php.ini, for a folder or a host.
static OF_SECTIONS: Mutex<Vec<String>> = Mutex::new(Vec::new());

thread_local! {
    /// A password for this request alone (.htaccess).
    static OWN_PASSWORD: RefCell<Option<String>> = const { RefCell::new(None) };
    /// Counts the changes of settings, in any request of this thread. A change makes the parsed
    /// settings out of date.
    static GENERATION: Cell<u64> = const { Cell::new(0) };
    static CACHE: RefCell<Cache> = const { RefCell::new(Cache { pid: 0, generation: 0, parsed: Vec::new() }) };
    /// The settings of the json serializer, and the generation that they are of.
    static JSON: Cell<Option<(u64, JsonSettings)>> = const { Cell::new(None) };
}

struct Cache {
    /// The TLS client of a parsed target has locks that the threads of its process take.
    pid: u32,
    generation: u64,
    parsed: Vec<(Box<[u8]>, Arc<Settings>)>,
}

const fn table() -> [IniEntryDef; ENTRIES] {
    let mut entries = [const { IniEntryDef::end() }; ENTRIES];
    let mut i = 0;
    while i < Setting::ALL.len() {
        let setting = Setting::ALL[i];
        let permission = match setting.permission() {
            Permission::System => IniEntryPermission::System,
            Permission::PerDirectory => IniEntryPermission::System.union(IniEntryPermission::PerDir),
            Permission::Anywhere => IniEntryPermission::All,
        };
        entries[i] = IniEntryDef::new(setting.name(), setting.default_text(), permission);
        entries[i].on_modify = Some(sys::rustredis_on_modify);
        i += 1;
    }
    entries
}

/// Registers the settings; called in MINIT.
pub fn register(module_number: c_int) {
    IniEntryDef::register(TABLE.as_slice(), module_number);
}

/// Returns the settings for this save path, parsed now or earlier.
pub fn settings(save_path: &[u8]) -> Result<Arc<Settings>, ConfigError> {
    CACHE.with_borrow_mut(|cache| {
        let (pid, generation) = (process::id(), GENERATION.get());
        if (cache.pid, cache.generation) != (pid, generation) {
            cache.parsed.clear();
            (cache.pid, cache.generation) = (pid, generation);
        }
        if let Some((_, settings)) = cache.parsed.iter().find(|(path, _)| **path == *save_path) {
            return Ok(settings.clone());
        }
        let settings = Arc::new(Settings::parse(&String::from_utf8_lossy(save_path), &values())?);
        if cache.parsed.len() == CACHED {
            cache.parsed.remove(0);
        }
        cache.parsed.push((save_path.into(), settings.clone()));
        Ok(settings)
    })
}

/// The text of a setting at the moment.
pub fn text(setting: Setting) -> String {
    if setting == Setting::Password {
        return OWN_PASSWORD.with_borrow(Clone::clone).unwrap_or_else(|| PASSWORD.lock().clone());
    }
    let name: &CStr = setting.name();
    let mut len = 0;
    // SAFETY: the name is valid for its length. The returned text is valid until the setting
    // changes, which cannot happen before this function has copied it.
    let bytes = unsafe {
        let value = sys::rustredis_ini_text(name.as_ptr(), name.count_bytes(), &raw mut len);
        bytes(value, len)
    };
    String::from_utf8_lossy(bytes).into_owned()
}

/// Returns the settings of the json serializer, parsed now or earlier. They hold with every save
/// handler, so no save path is read.
pub fn json() -> JsonSettings {
    let generation = GENERATION.get();
    JSON.get().filter(|(of, _)| *of == generation).map_or_else(
        || {
            // PHP keeps only values that were checked.
            let json = JsonSettings::parse(&values()).unwrap_or_default();
            JSON.set(Some((generation, json)));
            json
        },
        |(_, json)| json,
    )
}

/// Returns a setting that is 1 or 0, whatever the save path.
pub fn flag(setting: Setting) -> bool {
    values().flag(setting).unwrap_or(false)
}

fn values() -> IniValues {
    IniValues::collect(ext_php_rs::PHP_ZTS, text)
}

/// See shim.h.
#[unsafe(no_mangle)]
unsafe extern "C" fn rustredis_ini_changed(
    name: *const c_char,
    name_len: usize,
    value: *const c_char,
    value_len: usize,
    at_startup: c_int,
) -> c_int {
    guarded(0, || {
        // SAFETY: ini.c passes two Zend strings with their lengths.
        let (name, value) = unsafe { (bytes(name, name_len), bytes(value, value_len)) };
        let Some(setting) = Setting::ALL.into_iter().find(|setting| setting.name().to_bytes() == name) else {
            return 0;
        };
        let value = String::from_utf8_lossy(value);
        if let Err(bad) = setting.check(&value) {
            warn(format!("rustredis: {bad}; the value before stays"));
            return 0;
        }
        if setting == Setting::Password {
            let own = match &*value {
                // PHP restores the entry at the end of a request, or copies it for a new thread.
                MASK => None,
                password if at_startup != 0 => {
                    password.clone_into(&mut PASSWORD.lock());
                    None
                }
                password => Some(of_section(password).unwrap_or_else(|| password.to_owned())),
            };
            OWN_PASSWORD.set(own);
        }
        GENERATION.set(GENERATION.get() + 1);
        1
    })
}

/// See shim.h. PHP may start the module more than once in a process, with the same php.ini.
#[unsafe(no_mangle)]
unsafe extern "C" fn rustredis_password_of_section(value: *const c_char, value_len: usize) -> usize {
    guarded(0, || {
        // SAFETY: ini.c passes a Zend string with its length.
        let value = unsafe { bytes(value, value_len) };
        let value = String::from_utf8_lossy(value).into_owned();
        let mut known = OF_SECTIONS.lock();
        let index = known.iter().position(|password| *password == value).unwrap_or(known.len());
        if index == known.len() {
            known.push(value);
        }
        index
    })
}

/// The password for which this mask stands.
fn of_section(mask: &str) -> Option<String> {
    let index: usize = mask.strip_prefix(MASK)?.parse().ok()?;
    OF_SECTIONS.lock().get(index).cloned()
}

/// See shim.h.
#[unsafe(no_mangle)]
unsafe extern "C" fn rustredis_password_found(value: *const c_char, value_len: usize, is_in_use: c_int) {
    guarded((), || {
        // SAFETY: ini.c passes a Zend string with its length.
        let value = unsafe { bytes(value, value_len) };
        *PASSWORD.lock() = String::from_utf8_lossy(value).into_owned();
        if is_in_use != 0 {
            OWN_PASSWORD.set(None);
        }
        GENERATION.set(GENERATION.get() + 1);
    });
}
