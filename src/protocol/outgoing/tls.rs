//! TLS towards sites: ring, the certificates of the system, nothing that the process must have installed.

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;

/// The TLS side of calls to sites. Without a certificate store on this system, as in an empty container, it
/// trusts nobody: `https` sites are then refused one by one, `http` ones work.
///
/// # Errors
/// When ring supports none of the TLS versions.
pub(super) fn config() -> Result<ClientConfig, rustls::Error> {
    let ring: Arc<CryptoProvider> = ring::default_provider().into();
    let builder = ClientConfig::builder_with_provider(ring).with_safe_default_protocol_versions()?;
    let mut config = match builder.clone().with_platform_verifier() {
        Ok(trusting) => trusting.with_no_client_auth(),
        Err(error) => {
            tracing::warn!(reason = %error, "no certificates of the system: calls to https sites will fail");
            builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth()
        }
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
