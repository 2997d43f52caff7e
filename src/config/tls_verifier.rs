//! PHP's ways to verify less of a server's certificate: `verify_peer`, `verify_peer_name`, `allow_self_signed`.

use std::sync::Arc;

use rustls::{
    CertificateError, DigitallySignedStruct, Error, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_name,
    },
    crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::ParsedCertificate,
};

use super::tls::is_authority;

/// Verifies what the options ask for; that the server has the certificate's key, always.
#[derive(Debug)]
pub struct Verifier {
    /// None: any certificate will do.
    pub inner: Option<Arc<WebPkiServerVerifier>>,
    /// The certificates of cafile and capath: a server may show one of them as its own.
    pub pinned: Vec<CertificateDer<'static>>,
    pub any_name: bool,
    pub self_signed: bool,
    pub algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(inner) = &self.inner else { return Ok(ServerCertVerified::assertion()) };
        match inner.verify_server_cert(certificate, intermediates, name, ocsp, now) {
            // The name comes last: all else is good.
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if self.any_name => Ok(ServerCertVerified::assertion()),
            // A certificate alone whose issuer nobody knows is one that signed itself.
            Err(Error::InvalidCertificate(CertificateError::UnknownIssuer))
                if self.self_signed && intermediates.is_empty() =>
            {
                Ok(ServerCertVerified::assertion())
            }
            // Dates are good, too: they come first.
            Err(Error::InvalidCertificate(problem)) if is_authority(&problem) => {
                if self.self_signed && intermediates.is_empty() {
                    return Ok(ServerCertVerified::assertion());
                }
                if !self.pinned.iter().any(|pinned| pinned == certificate) {
                    return Err(Error::InvalidCertificate(problem));
                }
                if !self.any_name {
                    verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
                }
                Ok(ServerCertVerified::assertion())
            }
            result => result,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
