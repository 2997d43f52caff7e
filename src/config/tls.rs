//! TLS with phpredis' `stream[...]` options, which are PHP's SSL context options.

use std::{fs, path::PathBuf, sync::Arc, time::SystemTime};

use rustls::{
    ClientConfig, RootCertStore,
    client::WebPkiServerVerifier,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
};

use super::{ini, tls_verifier::Verifier};
use crate::process::PerProcess;

/// The TLS options of a server. The default verifies the server's certificate against the system's
/// authorities and the server's name.
#[derive(Clone, Debug)]
pub struct Tls {
    options: Options,
    client: Option<Arc<ClientConfig>>,
}

/// See the PHP manual, "SSL context options".
#[derive(Clone, PartialEq, Eq, Debug)]
struct Options {
    verify_peer: bool,
    verify_peer_name: bool,
    allow_self_signed: bool,
    cafile: Option<PathBuf>,
    capath: Option<PathBuf>,
    local_cert: Option<PathBuf>,
    local_pk: Option<PathBuf>,
    peer_name: Option<String>,
}

/// Compares the options only, not the client that was made from them.
impl PartialEq for Tls {
    fn eq(&self, other: &Self) -> bool {
        self.options == other.options
    }
}

impl Eq for Tls {}

impl Default for Tls {
    fn default() -> Self {
        let options = Options {
            verify_peer: true,
            verify_peer_name: true,
            allow_self_signed: false,
            cafile: None,
            capath: None,
            local_cert: None,
            local_pk: None,
            peer_name: None,
        };
        Self { options, client: None }
    }
}

impl Tls {
    /// Sets an option by its PHP name.
    pub(super) fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let flag = || ini::flag(value).ok_or_else(|| format!("stream[{name}] is 1 or 0"));
        let options = &mut self.options;
        match name {
            "verify_peer" => options.verify_peer = flag()?,
            "verify_peer_name" => options.verify_peer_name = flag()?,
            "allow_self_signed" => options.allow_self_signed = flag()?,
            "cafile" => options.cafile = Some(value.into()),
            "capath" => options.capath = Some(value.into()),
            "local_cert" => options.local_cert = Some(value.into()),
            "local_pk" => options.local_pk = Some(value.into()),
            "peer_name" if ServerName::try_from(value).is_err() => {
                return Err("stream[peer_name] is no name that a certificate can have".into());
            }
            "peer_name" => options.peer_name = Some(value.into()),
            // SNI is always sent.
            "SNI_enabled" if flag()? => {}
            "passphrase" => {
                return Err(
                    "stream[passphrase] is not supported: store the key without one, readable by PHP only"
                        .into(),
                );
            }
            _ => {
                return Err("it has a stream[...] option that is not supported; supported are verify_peer, \
                            verify_peer_name, allow_self_signed, cafile, capath, local_cert, local_pk and peer_name"
                    .into());
            }
        }
        Ok(())
    }

    /// Reads the certificates and keys now, so that an error in them is reported when the setting
    /// is read.
    pub(super) fn checked(mut self) -> Result<Self, String> {
        self.client = Some(self.options.shared_client()?);
        Ok(self)
    }

    /// The client configuration for a connection.
    ///
    /// # Panics
    /// Never panics for a value that is part of [`Settings`](super::Settings): those have been
    /// checked.
    #[must_use]
    pub fn client(&self) -> Arc<ClientConfig> {
        self.client.clone().expect("settings hold only TLS that was checked")
    }

    /// The name that the server's certificate must be valid for.
    #[must_use]
    pub fn expected_name(&self, host: &str) -> String {
        // Certificates have no zones.
        let host = host.split('%').next().unwrap_or(host);
        self.options.peer_name.as_deref().unwrap_or(host).to_owned()
    }

    /// The same name in the form that rustls takes.
    pub fn server_name(&self, host: &str) -> Result<ServerName<'static>, String> {
        let name = self.expected_name(host);
        ServerName::try_from(name.clone())
            .map_err(|_| format!("{name:?} is no name that a certificate can have"))
    }
}

/// The number of clients to keep. A limit is needed because a script can set session.save_path to
/// anything.
const MAX_CLIENTS: usize = 16;

/// The clients made from options, reused as long as the files that the options name stay the same.
/// Reading the system's authorities takes milliseconds, and each ini_set() has the settings read
/// again.
static CLIENTS: PerProcess<Vec<Made>> = PerProcess::new(Vec::new());

/// The options, the state of their files at that time, and the client made from both.
type Made = (Options, Vec<Stamp>, Arc<ClientConfig>);

/// A file's time of modification, and its size in bytes.
type Stamp = Option<(SystemTime, u64)>;

impl Options {
    fn shared_client(&self) -> Result<Arc<ClientConfig>, String> {
        let stamp = |file: &PathBuf| {
            let data = fs::metadata(file).ok()?;
            Some((data.modified().ok()?, data.len()))
        };
        let files = [&self.cafile, &self.capath, &self.local_cert, &self.local_pk];
        let stamps: Vec<Stamp> = files.into_iter().flatten().map(stamp).collect();
        let mut clients = CLIENTS.lock();
        if let Some((.., client)) = clients.iter().find(|(of, then, _)| of == self && *then == stamps) {
            return Ok(client.clone());
        }
        clients.retain(|(of, ..)| of != self);
        let client = Arc::new(self.client()?);
        if clients.len() == MAX_CLIENTS {
            clients.remove(0);
        }
        clients.push((self.clone(), stamps, client.clone()));
        Ok(client)
    }

    fn client(&self) -> Result<ClientConfig, String> {
        let provider = Arc::new(ring::default_provider());
        let mut pinned = Vec::new();
        let inner = if self.verify_peer {
            pinned = self.own_authorities()?;
            let roots = Arc::new(self.roots(&pinned)?);
            let verifier = WebPkiServerVerifier::builder_with_provider(roots, provider.clone()).build();
            Some(verifier.map_err(|error| format!("stream[cafile]: {error}"))?)
        } else {
            None
        };
        let verifier = Verifier {
            inner,
            pinned,
            any_name: !self.verify_peer_name,
            self_signed: self.allow_self_signed,
            algorithms: provider.signature_verification_algorithms,
        };
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let Some(certificate) = &self.local_cert else { return Ok(builder.with_no_client_auth()) };
        let chain = certificates(certificate, "stream[local_cert]")?;
        // PHP looks into local_cert for the key, too.
        let (option, key) = match &self.local_pk {
            Some(key) => ("stream[local_pk]", key),
            None => ("stream[local_cert], as stream[local_pk] is not set", certificate),
        };
        let key = PrivateKeyDer::from_pem_file(key)
            .map_err(|error| format!("{option}: no private key can be read from this file: {error}"))?;
        builder.with_client_auth_cert(chain, key).map_err(|error| format!("stream[local_cert]: {error}"))
    }

    /// The certificates in cafile and capath.
    fn own_authorities(&self) -> Result<Vec<CertificateDer<'static>>, String> {
        let mut found = Vec::new();
        if let Some(file) = &self.cafile {
            found.extend(certificates(file, "stream[cafile]")?);
        }
        if let Some(folder) = &self.capath {
            let files = fs::read_dir(folder)
                .map_err(|error| format!("stream[capath]: this folder cannot be read: {error}"))?;
            for file in files.flatten() {
                // Such a folder also holds links and lists that are no certificates.
                found.extend(certificates(&file.path(), "stream[capath]").unwrap_or_default());
            }
        }
        Ok(found)
    }

    fn roots(&self, own: &[CertificateDer<'static>]) -> Result<RootCertStore, String> {
        let mut roots = RootCertStore::empty();
        let mut found = own.to_vec();
        if self.cafile.is_none() && self.capath.is_none() {
            // A bad file among the system's certificates must not prevent all TLS.
            found.extend(rustls_native_certs::load_native_certs().certs);
        }
        roots.add_parsable_certificates(found);
        if roots.is_empty() {
            return Err(
                "no certificate authority is known: set stream[cafile] (or install ca-certificates)".into()
            );
        }
        Ok(roots)
    }
}

fn certificates(file: &PathBuf, option: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let problem = |error: &dyn std::fmt::Display| {
        format!("{option}: no certificate can be read from this file: {error}")
    };
    let found = CertificateDer::pem_file_iter(file).map_err(|error| problem(&error))?;
    let found = found.collect::<Result<Vec<_>, _>>().map_err(|error| problem(&error))?;
    if found.is_empty() { Err(problem(&"there is none in it")) } else { Ok(found) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_server_has_no_zone() {
        let tls = Tls::default().checked().unwrap();
        assert_eq!(tls.expected_name("fe80::1%lo"), "fe80::1");
        assert!(tls.server_name("fe80::1%lo").is_ok());
    }

    #[test]
    fn what_the_same_options_make_is_made_once() {
        let made = || {
            let mut tls = Tls::default();
            tls.set("verify_peer", "0").unwrap();
            tls.set("peer_name", "made-once").unwrap();
            tls.checked().unwrap().client()
        };
        let first = made();
        assert!(Arc::ptr_eq(&first, &made()));
        let mut other = Tls::default();
        other.set("verify_peer", "0").unwrap();
        other.set("peer_name", "another").unwrap();
        assert!(!Arc::ptr_eq(&first, &other.checked().unwrap().client()));
    }
}
