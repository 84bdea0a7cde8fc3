//! TLS as a client: the authorities of a PEM file, or those of the system.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

/// A configuration that trusts the authorities in `ca`, or the system's.
pub fn config(ca: Option<&Path>) -> anyhow::Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    match ca {
        Some(file) => {
            let certificates = CertificateDer::pem_file_iter(file).with_context(|| format!("--tls-ca {}", file.display()))?;
            for certificate in certificates {
                roots.add(certificate.with_context(|| format!("--tls-ca {}", file.display()))?)?;
            }
        }
        None => {
            for certificate in rustls_native_certs::load_native_certs().certs {
                // One that rustls cannot read is one that it cannot trust.
                let _ = roots.add(certificate);
            }
        }
    }
    if roots.is_empty() {
        bail!("there is no authority to trust: --tls-ca names a PEM file with one");
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
}
