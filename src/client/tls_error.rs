//! TLS errors in words that say which setting to check.

use std::io;

use rustls::{AlertDescription as Alert, CertificateError as Certificate, Error};

use crate::config::{is_authority, is_version_1};

/// Returns the same error with a message that names a setting. `name` is the name that the server's
/// certificate must be valid for.
pub fn explain(error: io::Error, name: &str) -> io::Error {
    let Some(cause) = error.get_ref().and_then(|cause| cause.downcast_ref::<Error>()) else {
        return match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe
                if !name.is_empty() =>
            {
                io::Error::new(error.kind(), "the server does not speak TLS, or refused it")
            }
            _ => error,
        };
    };
    let text = match cause {
        Error::InvalidCertificate(problem) => certificate(problem, name),
        Error::AlertReceived(Alert::CertificateRequired) => {
            "the server asks for a client certificate: set stream[local_cert] and stream[local_pk]".into()
        }
        Error::AlertReceived(Alert::UnknownCA) => {
            "the server does not know the authority of our client certificate (stream[local_cert])".into()
        }
        Error::AlertReceived(Alert::CertificateExpired) => {
            "the server says that our client certificate (stream[local_cert]) has expired".into()
        }
        Error::AlertReceived(Alert::BadCertificate | Alert::CertificateUnknown) => {
            "the server does not accept our client certificate (stream[local_cert])".into()
        }
        Error::AlertReceived(Alert::HandshakeFailure) => {
            "the server refused TLS: it may ask for a client certificate (stream[local_cert]), or share no \
             cipher with us"
                .into()
        }
        Error::InvalidMessage(_) => "the server does not speak TLS".into(),
        cause => format!("TLS: {cause}"),
    };
    io::Error::new(io::ErrorKind::InvalidData, text)
}

fn certificate(problem: &Certificate, name: &str) -> String {
    match problem {
        Certificate::UnknownIssuer => {
            "no authority known here has signed the server's certificate: see stream[cafile]".into()
        }
        Certificate::Expired | Certificate::ExpiredContext { .. } => {
            "the server's certificate has expired".into()
        }
        Certificate::NotValidYet | Certificate::NotValidYetContext { .. } => {
            "the server's certificate is not valid yet: is the clock right?".into()
        }
        Certificate::NotValidForName | Certificate::NotValidForNameContext { .. } => {
            format!("the server's certificate is not for {name:?}: see stream[peer_name]")
        }
        problem if is_authority(problem) => {
            "the server shows an authority's certificate as its own: see stream[cafile] and \
             stream[allow_self_signed]"
                .into()
        }
        problem if is_version_1(problem) => {
            "the server's certificate is of X.509 version 1, which cannot be verified: make one of version 3, with \
             subjectAltName (openssl x509 -req -extfile), or set stream[verify_peer]=0 and stream[verify_peer_name]=0"
                .into()
        }
        problem => format!("the server's certificate is not valid: {problem}"),
    }
}
