//! Compiles the C files of `src/php/` against the installed PHP headers and sets the linker flags
//! of a PHP module.
//!
//! Without the `php` feature there is nothing to do. `PHP_CONFIG` names the `php-config` to use
//! (default: the one on PATH). ext-php-rs reads `PHP` and `PHP_CONFIG` in the same way.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    #[cfg(feature = "php")]
    php::build();
}

#[cfg(feature = "php")]
mod php {
    use std::process::Command;

    pub fn build() {
        println!("cargo:rerun-if-changed=src/php");
        ext_php_rs_build::emit_rerun_if_env_changed();
        ext_php_rs_build::emit_check_cfg();

        let mut shim = cc::Build::new();
        shim.files(
            [
                "handler",
                "cookie",
                "messages",
                "msgpack",
                "masking",
                "metrics",
                "ownership",
                "exceptions",
                "kept_id",
                "object",
                "prefetch",
                "lifetime",
                "admin",
                "user",
                "worker",
                "ini",
                "info",
                "json_encode",
                "json_decode",
                "storable",
                "encoding",
            ]
            .map(source),
        );
        shim.warnings(true).extra_warnings(true).flag_if_supported("-Werror");
        // PHP's own headers do not compile cleanly under -Wextra.
        shim.flag_if_supported("-Wno-unused-parameter").flag_if_supported("-Wno-sign-compare");
        for dir in include_dirs() {
            shim.flag("-isystem").flag(dir);
        }
        shim.compile("phpsess_shim");

        // The C files and Rust call each other's functions directly, even if another library
        // defines functions with the same names.
        println!("cargo:rustc-cdylib-link-arg=-Wl,-Bsymbolic");
        // The pool's thread runs code of this library until the process ends, but PHP unloads
        // extensions at module shutdown (and mod_php reloads them on a graceful restart). This flag
        // keeps the library mapped.
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }

    fn source(name: &str) -> String {
        format!("src/php/{name}.c")
    }

    fn include_dirs() -> Vec<String> {
        let php_config = std::env::var("PHP_CONFIG").unwrap_or_else(|_| "php-config".into());
        let output = Command::new(&php_config).arg("--includes").output().unwrap_or_else(|error| {
            panic!("cannot run {php_config} ({error}): install PHP's headers, on Debian the package php-dev")
        });
        String::from_utf8_lossy(&output.stdout)
            .split_whitespace()
            .filter_map(|flag| flag.strip_prefix("-I"))
            .map(str::to_owned)
            .collect()
    }
}
