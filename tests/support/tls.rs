//! Certificates of the test's own, made by the openssl program, and Redis over TLS.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::redis::{self, FREE_PORT};
use super::temp_dir::TempDir;

/// A folder with an authority (`ca.pem`) and the certificates that it signed, each as `<name>.pem`
/// and `<name>.key`: `server` and `expired` (for 127.0.0.1 and localhost), `elsewhere` (for
/// elsewhere.example), `client`, and `common`, which has localhost as its common name only. `self`
/// is self-signed, and `stranger-ca` is an authority that signed none of them.
pub struct Certificates {
    dir: TempDir,
}

/// A server that speaks TLS on one port, and plain text on another for the test itself.
pub struct Server {
    pub redis: redis::Server,
    pub port: u16,
}

const HERE: &str = "subjectAltName=IP:127.0.0.1,DNS:localhost";

impl Certificates {
    pub fn new() -> Self {
        let certificates = Self { dir: TempDir::new("tls") };
        certificates.self_signed("ca", "basicConstraints=critical,CA:TRUE");
        certificates.self_signed("stranger-ca", "basicConstraints=critical,CA:TRUE");
        certificates.self_signed("self", HERE);
        certificates.signed("server", HERE, None);
        certificates.signed("elsewhere", "subjectAltName=DNS:elsewhere.example", None);
        certificates.signed("client", "extendedKeyUsage=clientAuth", None);
        certificates.signed_as("/CN=localhost", "common", "basicConstraints=CA:FALSE", None);
        certificates.signed("expired", HERE, Some(("20200101000000Z", "20210101000000Z")));
        certificates
    }

    /// `<name>.pem` or `<name>.key` in the folder.
    pub fn path(&self, file: &str) -> String {
        self.dir.join(file).to_str().expect("the path is UTF-8").to_owned()
    }

    /// A folder that holds the authority alone, as `stream[capath]` takes it, beside files that are
    /// not certificates.
    pub fn authority_folder(&self) -> PathBuf {
        let folder = self.dir.join("authorities");
        fs::create_dir(&folder).expect("the folder can be made");
        fs::copy(self.path("ca.pem"), folder.join("3f2a.0")).expect("the authority can be copied");
        fs::write(folder.join("README"), "not a certificate").expect("the file can be written");
        folder
    }

    /// A certificate of X.509 version 1 for `localhost`, as old scripts and appliances make it.
    pub fn version_1(&self, name: &str) {
        let path = |end: &str| self.path(&format!("{name}.{end}"));
        let (key, request, pem) = (path("key"), path("csr"), path("pem"));
        let (ca, ca_key) = (self.path("ca.pem"), self.path("ca.key"));
        openssl(&[&["req", "-keyout", &key, "-out", &request, "-subj", "/CN=localhost"], &NEW_KEY]);
        let sign = ["-days", "30", "-in", &request, "-out", &pem, "-CA", &ca, "-CAkey", &ca_key];
        let help = Command::new("openssl").args(["req", "-help"]).output();
        let help = help.unwrap_or_else(|error| panic!("cannot run openssl ({error})"));
        // Before OpenSSL 3.4, a certificate without extensions has version 1. Later releases always
        // add extensions, except to a request that is signed in this way with a configuration that
        // names none.
        if String::from_utf8_lossy(&help.stderr).contains("-x509v1") {
            let configuration = path("cnf");
            fs::write(&configuration, "[req]\ndistinguished_name = none\n[none]\n")
                .expect("the file can be written");
            openssl(&[&["req", "-x509", "-x509v1", "-config", &configuration], &sign]);
        } else {
            openssl(&[&["x509", "-req", "-CAcreateserial"], &sign]);
        }
    }

    fn self_signed(&self, name: &str, extension: &str) {
        let (key, pem) = (self.path(&format!("{name}.key")), self.path(&format!("{name}.pem")));
        let subject = format!("/CN=rustredis test {name}");
        openssl(&[
            &["req", "-x509", "-days", "30", "-keyout", &key, "-out", &pem, "-subj", &subject][..],
            &["-addext", extension],
            &NEW_KEY,
        ]);
    }

    fn signed(&self, name: &str, extension: &str, validity: Option<(&str, &str)>) {
        self.signed_as(&format!("/CN=rustredis test {name}"), name, extension, validity);
    }

    fn signed_as(&self, subject: &str, name: &str, extension: &str, validity: Option<(&str, &str)>) {
        let path = |end: &str| self.path(&format!("{name}.{end}"));
        let (key, request, pem, extensions) = (path("key"), path("csr"), path("pem"), path("ext"));
        openssl(&[&["req", "-keyout", &key, "-out", &request, "-subj", subject], &NEW_KEY]);
        fs::write(&extensions, extension).expect("the file can be written");
        let (ca, ca_key) = (self.path("ca.pem"), self.path("ca.key"));
        match validity {
            None => openssl(&[
                &["x509", "-req", "-days", "30", "-in", &request, "-out", &pem],
                &["-CA", &ca, "-CAkey", &ca_key, "-CAcreateserial", "-extfile", &extensions],
            ]),
            // Only `openssl ca` takes dates, and that command needs a database.
            Some((from, to)) => {
                let (config, database) = (path("cnf"), path("db"));
                fs::write(&database, "").expect("the file can be written");
                let folder = self.dir.path().display();
                let text = format!(
                    "[ca]\ndefault_ca=own\n[own]\ndatabase={database}\nnew_certs_dir={folder}\n\
                     rand_serial=yes\ndefault_md=sha256\npolicy=any\nunique_subject=no\n[any]\n\
                     commonName=supplied\n"
                );
                fs::write(&config, text).expect("the file can be written");
                openssl(&[
                    &["ca", "-batch", "-notext", "-config", &config, "-in", &request, "-out", &pem],
                    &["-cert", &ca, "-keyfile", &ca_key, "-extfile", &extensions],
                    &["-startdate", from, "-enddate", to],
                ]);
            }
        }
    }

    /// Redis with one of the certificates. `clients` is Redis' `tls-auth-clients`: yes, no or
    /// optional.
    pub fn server(&self, name: &str, clients: &str) -> Server {
        let settings = self.settings(name, clients);
        let mut args: Vec<_> = settings.iter().flat_map(|(name, value)| [*name, value]).collect();
        args.extend(["--tls-port", FREE_PORT]);
        let redis = redis::Server::with_args(&args);
        Server { port: redis.tls_port(), redis }
    }

    /// The settings of such a server, each with its value, without the port.
    pub fn settings(&self, name: &str, clients: &str) -> [(&'static str, String); 4] {
        [
            ("--tls-cert-file", self.path(&format!("{name}.pem"))),
            ("--tls-key-file", self.path(&format!("{name}.key"))),
            ("--tls-ca-cert-file", self.path("ca.pem")),
            ("--tls-auth-clients", clients.to_owned()),
        ]
    }
}

impl Server {
    /// `tls://127.0.0.1:port` with these parameters.
    pub fn save_path(&self, query: &str) -> String {
        format!("tls://127.0.0.1:{}?{query}", self.port)
    }
}

const NEW_KEY: [&str; 5] = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

fn openssl(args: &[&[&str]]) {
    let output = Command::new("openssl").args(args.concat()).output();
    let output = output.unwrap_or_else(|error| panic!("cannot run openssl ({error})"));
    assert!(output.status.success(), "openssl {args:?}: {}", String::from_utf8_lossy(&output.stderr));
}
