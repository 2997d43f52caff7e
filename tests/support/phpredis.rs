//! phpredis, for the tests that set it beside ours: what `extension=redis.so` loads. Where `PHP` names a PHP without it,
//! there is nothing to compare with and those tests pass without having run.

use super::php::Php;

/// PHP with its sessions in phpredis' handler of this name. It has our extension loaded as well, as all servers have
/// before the first is switched.
pub fn handler(name: &str, save_path: &str) -> Php {
    Php::new(save_path)
        // Debian's phpredis is linked against these.
        .ini("extension", "igbinary.so")
        .ini("extension", "msgpack.so")
        .ini("extension", "redis.so")
        .ini("session.save_handler", name)
}

/// Whether there is a phpredis to test with.
pub fn is_here() -> bool {
    let script = "echo extension_loaded('redis') ? 'here' : '';";
    let here = handler("redis", "tcp://127.0.0.1:1").run(script).stdout.ends_with("here");
    assert!(here || std::env::var_os("PHP").is_some(), "there is no phpredis: run scripts/setup test first");
    here
}
