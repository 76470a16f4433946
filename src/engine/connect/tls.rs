//! Certificates as the docker client keeps them: `ca.pem`, `cert.pem`, `key.pem` in one folder.

use std::{path::Path, sync::Arc};

use tokio_rustls::rustls::{
    self, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject},
};

use crate::engine::{error::EngineError, transport::Tls};

/// What `folder` has; the system's authorities where it has none of its own. `verify` is off only where the user's settings say so
/// (`SkipTLSVerify` of a context, or TLS without DOCKER_TLS_VERIFY).
pub(super) fn load(folder: &Path, verify: bool) -> Result<Tls, EngineError> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| settings(folder, &error))?;
    let builder = if verify {
        builder.with_root_certificates(roots(folder)?)
    } else {
        builder.dangerous().with_custom_certificate_verifier(Arc::new(AnyServer(provider)))
    };
    let (cert, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    let config = if cert.exists() && key.exists() {
        let chain: Vec<_> = CertificateDer::pem_file_iter(&cert)
            .and_then(Iterator::collect)
            .map_err(|error| settings(&cert, &error))?;
        let key = PrivateKeyDer::from_pem_file(&key).map_err(|error| settings(&key, &error))?;
        builder.with_client_auth_cert(chain, key).map_err(|error| settings(&cert, &error))?
    } else {
        builder.with_no_client_auth()
    };
    Ok(Tls::new(config))
}

fn roots(folder: &Path) -> Result<RootCertStore, EngineError> {
    let mut roots = RootCertStore::empty();
    let own = folder.join("ca.pem");
    if own.exists() {
        let certificates: Vec<_> =
            CertificateDer::pem_file_iter(&own).and_then(Iterator::collect).map_err(|error| settings(&own, &error))?;
        for certificate in certificates {
            roots.add(certificate).map_err(|error| settings(&own, &error))?;
        }
    } else {
        // One that can't be read is not needed by most; without the right one the handshake says so.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    Ok(roots)
}

fn settings(path: &Path, error: &dyn std::fmt::Display) -> EngineError {
    EngineError::Settings {
        what: format!("{} can't be used: {error}", path.display()),
        help: "see DOCKER_CERT_PATH, or the context's certificates".into(),
    }
}

/// Takes any server for the right one.
#[derive(Debug)]
struct AnyServer(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyServer {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
