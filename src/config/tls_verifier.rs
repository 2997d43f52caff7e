//! PHP's options that verify less of a server's certificate: `verify_peer`, `verify_peer_name`,
//! `allow_self_signed`.

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
use webpki::EndEntityCert;

/// Verifies as much as the options ask for, and in any case that the server has the certificate's
/// key, unless the certificate cannot be read.
#[derive(Debug)]
pub struct Verifier {
    /// The verifier of chains, or `None` to accept any certificate.
    pub inner: Option<Arc<WebPkiServerVerifier>>,
    /// The certificates of cafile and capath: a server may show one of them as its own.
    pub pinned: Vec<CertificateDer<'static>>,
    pub any_name: bool,
    pub self_signed: bool,
    pub algorithms: WebPkiSupportedAlgorithms,
}

impl Verifier {
    /// Verifies the name unless `verify_peer_name` is off. PHP does so even for a certificate that
    /// it does not verify.
    fn named(
        &self,
        certificate: &CertificateDer<'_>,
        name: &ServerName<'_>,
    ) -> Result<ServerCertVerified, Error> {
        if !self.any_name {
            verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    /// Accepts the signature of a version 1 certificate, which no library here can read, if the
    /// options verify nothing. An attacker in between could then show a certificate of their own
    /// anyway.
    fn signed(
        &self,
        result: Result<HandshakeSignatureValid, Error>,
    ) -> Result<HandshakeSignatureValid, Error> {
        match result {
            Err(Error::InvalidCertificate(problem))
                if self.inner.is_none() && self.any_name && is_version_1(&problem) =>
            {
                Ok(HandshakeSignatureValid::assertion())
            }
            result => result,
        }
    }
}

/// Returns true if a certificate names itself as its issuer. OpenSSL, and with it PHP, recognises a
/// self-signed certificate by that. Neither checks the signature, which anybody can make.
fn signed_itself(certificate: &CertificateDer<'_>) -> bool {
    EndEntityCert::try_from(certificate)
        .is_ok_and(|certificate| certificate.issuer() == certificate.subject())
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
        let Some(inner) = &self.inner else { return self.named(certificate, name) };
        match inner.verify_server_cert(certificate, intermediates, name, ocsp, now) {
            // rustls verifies the name last, so everything else is good.
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if self.any_name => Ok(ServerCertVerified::assertion()),
            // rustls verifies the dates first, so they are good.
            Err(Error::InvalidCertificate(CertificateError::UnknownIssuer))
                if self.self_signed && signed_itself(certificate) =>
            {
                self.named(certificate, name)
            }
            Err(Error::InvalidCertificate(problem))
                if is_authority(&problem)
                    && (self.pinned.iter().any(|pinned| pinned == certificate)
                        || self.self_signed && signed_itself(certificate)) =>
            {
                self.named(certificate, name)
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
        self.signed(verify_tls12_signature(message, certificate, signature, &self.algorithms))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.signed(verify_tls13_signature(message, certificate, signature, &self.algorithms))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// Returns true if a certificate was refused because it has X.509 version 1, which has no field for
/// the names to verify.
#[must_use]
pub fn is_version_1(problem: &CertificateError) -> bool {
    matches!(problem, CertificateError::Other(cause) if format!("{:?}", cause.0) == "UnsupportedCertVersion")
}

/// Returns true if a certificate was refused because it may sign others, as the certificates that
/// `openssl req -x509` makes.
#[must_use]
pub fn is_authority(problem: &CertificateError) -> bool {
    // This error has a type of a crate that rustls does not re-export.
    matches!(problem, CertificateError::Other(cause) if format!("{:?}", cause.0) == "CaUsedAsEndEntity")
}
