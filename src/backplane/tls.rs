//! TLS towards Redis: ring, the certificates of the system, and those of a file.

use std::path::Path;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls_platform_verifier::Verifier;

/// Trusts what the system trusts, and the certificates of `file`.
///
/// # Errors
/// When nobody could be trusted: the file cannot be read, or there is neither file nor system.
pub(super) fn config(file: Option<&Path>) -> Result<ClientConfig, String> {
    let provider: Arc<CryptoProvider> = ring::default_provider().into();
    let own = file.map(read).transpose()?.unwrap_or_default();
    let verifier = Verifier::new_with_extra_roots(own, Arc::clone(&provider)).map_err(|error| {
        format!("no certificate authority to trust ({error}): name its file, or install ca-certificates")
    })?;
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .dangerous() // says rustls of every verifier of one's own; this one verifies
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(config)
}

fn read(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let failed = |why: String| format!("{}: {why}", file.display());
    let pem = std::fs::read(file).map_err(|error| failed(error.to_string()))?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let certificates = certificates.map_err(|error| failed(error.to_string()))?;
    if certificates.is_empty() {
        return Err(failed("no certificate in it (PEM, BEGIN CERTIFICATE)".into()));
    }
    Ok(certificates)
}
