//! Debian's frameworks and applications, as scripts/frameworks unpacks them, and the pages on them
//! in tests/frameworks/.

use std::path::{Path, PathBuf};

use super::php::{self, Php};

/// The folder with Debian's packages, if scripts/frameworks has started this program.
pub fn packages() -> Option<PathBuf> {
    Some(PathBuf::from(std::env::var_os("FRAMEWORKS")?).join("root"))
}

/// The script of a page.
pub fn page(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/frameworks").join(name);
    format!("require '{}';", path.display())
}

/// The folder of the libraries that the packages' own modules and programs need.
pub fn libraries(root: &Path) -> String {
    format!("{}/usr/lib/{}-linux-gnu", root.display(), std::env::consts::ARCH)
}

/// PHP with the modules that the packages need, and with what a production server sets.
pub fn php(save_path: &str, root: &Path) -> Php {
    let include_path = format!(".:{0}/usr/share/php:/usr/share/php", root.display());
    let php = Php::new(save_path)
        .ini("include_path", &include_path)
        .ini("display_errors", "0")
        .ini("log_errors", "1")
        // Debian's frameworks are older than its PHP.
        .ini("error_reporting", "22527");
    // Otherwise each page compiles its framework.
    let opcache = extension_dir().join("opcache.so");
    let php = if opcache.exists() {
        php.ini("zend_extension", &opcache.display().to_string()).ini("opcache.enable_cli", "1")
    } else {
        php
    };
    modules(root).iter().fold(php, |php, module| php.ini("extension", module))
}

fn extension_dir() -> PathBuf {
    php::answer("echo ini_get('extension_dir');").into()
}

/// PHP's shared modules that the packages use: this machine's own, or else the packages'.
fn modules(root: &Path) -> Vec<String> {
    let own = extension_dir();
    let unpacked = root.join(own.strip_prefix("/").expect("the folder has an absolute path"));
    let built_in = php::answer("echo strtolower(implode(' ', get_loaded_extensions()));");
    // A module comes after the ones that it needs.
    let names = [
        "ctype",
        "iconv",
        "tokenizer",
        "mbstring",
        "dom",
        "xml",
        "simplexml",
        "posix",
        "fileinfo",
        "intl",
        "pdo",
        "sqlite3",
        "pdo_sqlite",
        "mysqlnd",
        "mysqli",
        "igbinary",
        "redis",
    ];
    names
        .into_iter()
        .filter(|name| !built_in.split(' ').any(|module| module == *name))
        .filter_map(|name| {
            let file = format!("{name}.so");
            let found = [own.join(&file), unpacked.join(&file)].into_iter().find(|path| path.exists())?;
            Some(found.display().to_string())
        })
        .collect()
}
