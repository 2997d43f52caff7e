//! phpredis, for the tests that compare it with rustredis: the module that `extension=redis.so`
//! loads. If `PHP` names a PHP without phpredis, those tests pass without having run.

use super::php::Php;

/// PHP with its sessions in phpredis' handler of this name. rustredis is loaded as well, as on all
/// servers before the first one is switched.
pub fn handler(name: &str, save_path: &str) -> Php {
    Php::new(save_path)
        // Debian's phpredis is linked against these modules.
        .ini("extension", "igbinary.so")
        .ini("extension", "msgpack.so")
        .ini("extension", "redis.so")
        .ini("session.save_handler", name)
}

/// Returns true if there is a phpredis to test with.
pub fn is_here() -> bool {
    let script = "echo extension_loaded('redis') ? 'here' : '';";
    let here = handler("redis", "tcp://127.0.0.1:1").run(script).stdout.ends_with("here");
    assert!(here || std::env::var_os("PHP").is_some(), "there is no phpredis: run scripts/setup test first");
    here
}
