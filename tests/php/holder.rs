//! The text about the lock's holder that a request gets when its wait was in vain.

use std::thread;

use crate::support::fpm::Fpm;
use crate::support::php::Php;
use crate::support::poll::{self, SOON};
use crate::support::redis::Server;
use crate::support::session;

/// Holds its session until the named file appears.
const PAGE: &str = r#"
    ini_set("rustredis.lock_wait", $_GET["wait"] ?? "30");
    echo session_start() ? "mine" : "not mine";
    while (isset($_GET["until"]) && !file_exists($_GET["until"])) { usleep(1000); clearstatcache(); }
"#;

/// The text that the second request gets while the first one holds the session.
fn told(holder_uri: &str) -> String {
    let server = Server::start();
    session::seed(&server, "shared");
    let fpm =
        Fpm::start(&Php::new(&server.save_path()).ini("rustredis.lock_holder_uri", holder_uri), 2, PAGE);
    let done = std::env::temp_dir().join(format!("rr-holder-{}-{holder_uri}", server.port()));
    let query = format!("until={}&token=secret", done.display());
    thread::scope(|scope| {
        let holder = scope.spawn(|| fpm.get(&query, "PHPSESSID=shared"));
        poll::until("the session is held", SOON, || session::is_locked(&server, "shared"));
        let page = fpm.get("wait=0", "PHPSESSID=shared");
        std::fs::write(&done, "").expect("the temporary folder can be written");
        holder.join().expect("the page that holds the session ends");
        std::fs::remove_file(&done).expect("it was just written");
        format!("{}{}", page.body, page.stderr)
    })
}

#[test]
fn the_warning_names_host_process_and_kind_of_php() {
    let text = told("0");
    assert!(text.contains("not mine"), "{text}");
    assert!(text.contains("pid ") && text.contains("fpm-fcgi") && text.contains("for 0."), "{text}");
    assert!(!text.contains("serving"), "{text}");
}

#[test]
fn the_page_is_named_where_that_is_wanted_without_its_query() {
    let text = told("1");
    assert!(text.contains("serving /"), "{text}");
    assert!(!text.contains("secret") && !text.contains("until"), "{text}");
}
