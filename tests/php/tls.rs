//! TLS: the certificates that PHP's stream options accept, and the message of each failure.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use crate::support::php::{Php, Running, STEPS, Step};
use crate::support::session;
use crate::support::tls::Server;

/// A part of every path in this test, which no message may show.
const SECRET: &str = "topsecret";
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

fn process(save_path: &str) -> Running {
    let mut process = Php::new(save_path).ini("rustredis.connect_timeout", "1").spawn(STEPS);
    process.expect("ready");
    process
}

/// Checks that a session is written and read back without a message.
fn works(server: &Server, save_path: &str) {
    session::seed(&server.redis, "known");
    let mut process = process(save_path);
    for n in ["1", "2"] {
        assert_eq!(process.step("increment('known')").assert_silent().result, n, "{save_path}");
    }
    assert_eq!(session::counter(&server.redis, "known"), Some(2), "{save_path}");
    process.wait().assert_clean();
}

/// Checks that a session start fails at once, with one warning that contains each of `words`.
fn refused(save_path: &str, words: &[&str]) -> Step {
    let mut process = process(&format!("{save_path}&auth={SECRET}"));
    let start = Instant::now();
    let step = process.step("start('known')");
    let took = start.elapsed();
    assert_eq!(step.result, "false");
    let warning = step.only_warning();
    for word in words {
        assert!(warning.contains(word), "no {word:?} in {step:#?}");
    }
    assert!(!step.messages.contains(SECRET), "{step:#?}");
    assert!(took < CONNECT_TIMEOUT + Duration::from_millis(700), "{save_path} took {took:?}");
    println!("{warning}");
    process.wait().assert_no_crash();
    step
}

/// A server that accepts connections and never answers.
fn mute() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port exists");
    let port = listener.local_addr().expect("a bound listener has an address").port();
    (listener, port)
}

/// `scripts/test` skips tests with this in their names if the server cannot speak TLS.
mod over_tls {
    use std::io::Write;
    use std::thread;
    use std::time::Duration;

    use super::{mute, process, refused, works};
    use crate::support::{php::Php, session, tls::Certificates, tls::Server};

    #[test]
    fn a_server_of_a_known_authority_is_let_in() {
        let certificates = Certificates::new();
        let server = certificates.server("server", "no");
        let ca = certificates.path("ca.pem");
        let port = server.port;
        works(&server, &server.save_path(&format!("stream[cafile]={ca}")));
        works(&server, &server.save_path(&format!("stream%5Bcafile%5D={ca}")));
        works(&server, &format!("tls://localhost:{port}?stream[cafile]={ca}"));
        works(&server, &format!("ssl://localhost:{port}?stream[cafile]={ca}&stream[verify_peer]=1"));
        works(&server, &format!("rediss://127.0.0.1:{port}/0?stream[cafile]={ca}"));
        works(&server, &format!("redis://127.0.0.1:{port}?tls=1&stream[cafile]={ca}"));
        let folder = certificates.authority_folder();
        works(&server, &server.save_path(&format!("stream[capath]={}", folder.display())));
    }

    #[test]
    fn each_side_proves_itself_under_mutual_tls() {
        let certificates = Certificates::new();
        let server = certificates.server("server", "yes");
        let file = |name| certificates.path(name);
        let ca = format!("stream[cafile]={}", file("ca.pem"));
        let (pem, key) = (file("client.pem"), file("client.key"));
        works(&server, &server.save_path(&format!("{ca}&stream[local_cert]={pem}&stream[local_pk]={key}")));

        // PHP, too, takes both from one file.
        let both = file("both.pem");
        let text =
            [std::fs::read(&pem), std::fs::read(&key)].map(|part| part.expect("the file is there")).concat();
        std::fs::write(&both, text).expect("the file can be written");
        works(&server, &server.save_path(&format!("{ca}&stream[local_cert]={both}")));

        // The step is repeated because the refusal comes after the client's side of the handshake
        // is over.
        for _ in 0..10 {
            refused(&server.save_path(&ca), &["client certificate", "stream[local_cert]"]);
        }
        let (own, own_key) = (file("self.pem"), file("self.key"));
        refused(
            &server.save_path(&format!("{ca}&stream[local_cert]={own}&stream[local_pk]={own_key}")),
            &["client certificate", "authority"],
        );
    }

    #[test]
    fn the_options_that_verify_less_do() {
        let certificates = Certificates::new();
        let ca = format!("stream[cafile]={}", certificates.path("ca.pem"));
        let elsewhere = certificates.server("elsewhere", "no");
        works(&elsewhere, &elsewhere.save_path(&format!("{ca}&stream[peer_name]=elsewhere.example")));
        works(&elsewhere, &elsewhere.save_path(&format!("{ca}&stream[verify_peer_name]=0")));
        works(&elsewhere, &elsewhere.save_path("stream[verify_peer]=0&stream[verify_peer_name]=0"));
        // As in PHP, the name is checked independently of the certificate.
        refused(&elsewhere.save_path("stream[verify_peer]=0"), &["127.0.0.1", "stream[peer_name]"]);
        works(&elsewhere, &elsewhere.save_path("stream[verify_peer]=0&stream[peer_name]=elsewhere.example"));

        let own = certificates.server("self", "no");
        works(&own, &own.save_path(&format!("{ca}&stream[allow_self_signed]=1")));
        works(&own, &own.save_path(&format!("stream[cafile]={}", certificates.path("self.pem"))));
        works(&own, &own.save_path("stream[verify_peer]=0&stream[verify_peer_name]=0"));
        refused(&own.save_path(&ca), &["certificate", "stream[cafile]"]);
    }

    /// Returns true if PHP's own TLS accepts the same certificate and options.
    fn php_accepts(server: &Server, options: &[(&str, String)]) -> bool {
        let pairs: Vec<_> = options.iter().map(|(name, value)| format!("'{name}' => '{value}'")).collect();
        let script = format!(
            "$context = stream_context_create(['ssl' => [{}]]);
             $stream = @stream_socket_client('tls://127.0.0.1:{}', $code, $text, 5, STREAM_CLIENT_CONNECT, $context);
             echo $stream ? 'yes' : 'no';",
            pairs.join(", "),
            server.port
        );
        let output = Php::new("").run(&script);
        match output.assert_no_crash().stdout.trim() {
            "yes" => true,
            "no" => false,
            other => panic!("{other}"),
        }
    }

    #[test]
    fn every_option_lets_in_what_phps_own_tls_lets_in() {
        let certificates = Certificates::new();
        let ca = || ("cafile", certificates.path("ca.pem"));
        let stranger = || ("cafile", certificates.path("stranger-ca.pem"));
        let off = |name: &'static str| (name, "0".to_owned());
        let on = |name: &'static str| (name, "1".to_owned());
        let named = || ("peer_name", "elsewhere.example".to_owned());
        let cases = [
            vec![ca()],
            vec![stranger()],
            vec![ca(), named()],
            vec![ca(), off("verify_peer_name")],
            vec![stranger(), off("verify_peer_name")],
            vec![off("verify_peer")],
            vec![off("verify_peer"), named()],
            vec![off("verify_peer"), off("verify_peer_name")],
            vec![ca(), on("allow_self_signed")],
            vec![stranger(), on("allow_self_signed")],
            vec![ca(), on("allow_self_signed"), named()],
            vec![ca(), on("allow_self_signed"), off("verify_peer_name")],
        ];
        let mut let_in = 0;
        for name in ["server", "elsewhere", "self", "expired"] {
            let server = certificates.server(name, "no");
            session::seed(&server.redis, "known");
            for case in &cases {
                let query: Vec<_> =
                    case.iter().map(|(name, value)| format!("stream[{name}]={value}")).collect();
                // The read takes no lock, because this process is killed and the next one would
                // wait for it.
                let start = "start('known', ['read_and_close' => true])";
                let ours = process(&server.save_path(&query.join("&"))).step(start).result == "true";
                assert_eq!(ours, php_accepts(&server, case), "{name}, {case:?}");
                let_in += u32::from(ours);
            }
        }
        // Some combinations must be accepted and some refused.
        assert!((10..40).contains(&let_in), "{let_in}");
    }

    #[test]
    fn an_unknown_authority_is_named() {
        let certificates = Certificates::new();
        let server = certificates.server("server", "no");
        let stranger = certificates.path("stranger-ca.pem");
        refused(&server.save_path(&format!("stream[cafile]={stranger}")), &["authority", "stream[cafile]"]);
        // The system's authorities have not signed it either.
        refused(&server.save_path("stream[verify_peer]=1"), &["authority", "stream[cafile]"]);
        // The issuer is unknown, but the certificate is not self-signed.
        refused(
            &server.save_path(&format!("stream[cafile]={stranger}&stream[verify_peer_name]=0")),
            &["authority", "stream[cafile]"],
        );
    }

    #[test]
    fn a_wrong_name_is_named() {
        let certificates = Certificates::new();
        let ca = format!("stream[cafile]={}", certificates.path("ca.pem"));
        let server = certificates.server("elsewhere", "no");
        refused(&server.save_path(&ca), &["127.0.0.1", "stream[peer_name]"]);
        refused(
            &server.save_path(&format!("{ca}&stream[peer_name]=nowhere.example")),
            &["nowhere.example", "stream[peer_name]"],
        );
    }

    /// PHP's own TLS does fall back on the common name.
    #[test]
    fn a_common_name_is_no_name() {
        let certificates = Certificates::new();
        let server = certificates.server("common", "no");
        let path = format!("tls://localhost:{}?stream[cafile]={}", server.port, certificates.path("ca.pem"));
        refused(&path, &["localhost", "stream[peer_name]"]);
        works(&server, &format!("{path}&stream[verify_peer_name]=0"));
    }

    #[test]
    fn a_certificate_of_version_1_serves_where_nothing_is_verified() {
        let certificates = Certificates::new();
        certificates.version_1("old");
        let server = certificates.server("old", "no");
        let ca = certificates.path("ca.pem");
        let nothing = "stream[verify_peer]=0&stream[verify_peer_name]=0";
        works(&server, &server.save_path(nothing));
        refused(&server.save_path(&format!("stream[cafile]={ca}")), &["version 1", "subjectAltName"]);
        refused(&server.save_path("stream[verify_peer]=0"), &["version 1", "stream[verify_peer_name]=0"]);
    }

    #[test]
    fn an_expired_certificate_is_named() {
        let certificates = Certificates::new();
        let ca = format!("stream[cafile]={}", certificates.path("ca.pem"));
        let server = certificates.server("expired", "no");
        refused(&server.save_path(&ca), &["certificate", "expired"]);
        refused(&server.save_path(&format!("{ca}&stream[verify_peer_name]=0")), &["certificate", "expired"]);
        refused(&server.save_path(&format!("{ca}&stream[allow_self_signed]=1")), &["certificate", "expired"]);
    }

    #[test]
    fn the_option_is_named_whose_file_cannot_be_read() {
        let certificates = Certificates::new();
        let server = certificates.server("server", "yes");
        let ca = format!("stream[cafile]={}", certificates.path("ca.pem"));
        let pem = certificates.path("client.pem");
        for (query, words) in [
            (
                format!("{ca}&stream[local_cert]={pem}&stream[local_pk]=/nowhere.key"),
                ["stream[local_pk]", "No such file"],
            ),
            (
                format!("{ca}&stream[local_cert]={pem}"),
                ["stream[local_cert], as stream[local_pk] is not set", "no private key"],
            ),
            (format!("{ca}&stream[local_cert]=/nowhere.pem"), ["stream[local_cert]", "No such file"]),
            ("stream[cafile]=/nowhere.pem".into(), ["stream[cafile]", "No such file"]),
            ("stream[capath]=/nowhere".into(), ["stream[capath]", "No such file"]),
        ] {
            // A message quotes no part of a path, because a part that was not escaped may be a
            // password.
            let step = refused(&server.save_path(&query), &words);
            assert!(!step.messages.contains("nowhere"), "{step:#?}");
        }
    }

    #[test]
    fn plain_text_to_a_tls_port_and_tls_to_a_plain_one_are_named_in_time() {
        let certificates = Certificates::new();
        let server = certificates.server("server", "no");
        let ca = format!("stream[cafile]={}", certificates.path("ca.pem"));
        refused(&format!("tcp://127.0.0.1:{}?database=0", server.port), &["TLS"]);
        refused(&format!("tls://127.0.0.1:{}?{ca}", server.redis.port()), &["does not speak TLS"]);
    }

    #[test]
    fn a_server_that_stalls_the_handshake_costs_no_more_than_connecting() {
        let certificates = Certificates::new();
        let ca = format!("stream[cafile]={}", certificates.path("ca.pem"));
        let (_listener, port) = mute();
        refused(&format!("tls://127.0.0.1:{port}?{ca}"), &["TLS"]);

        // The server sends a byte of a handshake now and then.
        let (listener, port) = mute();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("the client comes");
            for byte in [22, 3, 3, 64, 0].into_iter().chain([2].into_iter().cycle()) {
                // The write fails when the client gives up.
                if stream.write_all(&[byte]).is_err() {
                    return;
                }
                thread::sleep(Duration::from_millis(100));
            }
        });
        refused(&format!("tls://127.0.0.1:{port}?{ca}"), &["TLS"]);
    }

    #[test]
    fn a_password_may_hold_any_character() {
        let certificates = Certificates::new();
        let server = certificates.server("server", "no");
        let ca = format!("stream[cafile]={}", certificates.path("ca.pem"));
        let printable: String = (' '..='~').collect();
        let password = format!("{printable}\u{e9}\u{1f511}");
        server.redis.command::<()>(&[
            "ACL",
            "SETUSER",
            "web,1",
            "on",
            &format!(">{password}"),
            "~*",
            "+@all",
        ]);
        let encoded = password.bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat();
        works(&server, &server.save_path(&format!("{ca}&auth[]=web%2C1&auth[]={encoded}")));
        works(&server, &server.save_path(&format!("auth[user]=web%2C1&auth[pass]={encoded}&{ca}")));
        works(&server, &format!("rediss://web%2C1:{encoded}@127.0.0.1:{}?{ca}", server.port));
    }

    #[test]
    fn an_idle_connection_is_kept_and_large_sessions_fit() {
        let certificates = Certificates::new();
        let server = certificates.server("server", "no");
        session::seed(&server.redis, "known");
        let mut process =
            process(&server.save_path(&format!("stream[cafile]={}", certificates.path("ca.pem"))));
        assert_eq!(process.step("increment('known')").assert_silent().result, "1");
        for n in ["2", "3"] {
            thread::sleep(Duration::from_secs(1));
            assert_eq!(process.step("increment('known')").assert_silent().result, n);
        }
        let write =
            "start('known') && ($_SESSION['x'] = str_repeat('0123456789', 800000)) && session_write_close()";
        assert_eq!(process.step(write).assert_silent().result, "true");
        let read = "start('known', ['read_and_close' => true]) ? [strlen($_SESSION['x']), md5($_SESSION['x']) === md5(str_repeat('0123456789', 800000))] : 0";
        assert_eq!(process.step(read).assert_silent().result, "[8000000,true]");
        assert_eq!(process.step("rustredis_status()['reconnects']").result, "0");

        // A connection that the server closed is replaced without a message.
        server.redis.command::<u64>(&["CLIENT", "KILL", "TYPE", "normal"]);
        thread::sleep(Duration::from_secs(1));
        assert_eq!(process.step(read).assert_silent().result, "[8000000,true]");
        assert_eq!(process.step("rustredis_status()['reconnects']").result, "1");
    }
}
