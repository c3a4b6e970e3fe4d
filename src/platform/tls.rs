//! TLS 1.2 with AEAD suites, and 1.3; certificates that can be replaced while running; and a listener
//! that takes any client certificate whose key the peer holds, to be judged for each client.

use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::client::verify_server_name;
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{DigitallySignedStruct, DistinguishedName, Error, ServerConfig, SignatureScheme};

use crate::protocol::error::Fault;

const CERTIFICATE: &str = "tls.certificate_file";
const KEY: &str = "tls.key_file";

/// The server's own certificate, which can be replaced while running. Clones share it.
#[derive(Clone, Debug)]
pub struct ServerCertificate(Arc<ArcSwap<CertifiedKey>>);

impl ServerCertificate {
    /// Reads a certificate chain and its key, both in PEM. A fault names the key of the configuration that is at fault.
    pub fn read(chain: &[u8], key: &[u8]) -> Result<Self, Fault> {
        Ok(Self(Arc::new(ArcSwap::from_pointee(certified(chain, key)?))))
    }

    /// The same, with what the responder of its authority has answered of it, in DER.
    #[must_use]
    pub fn stapled(self, answer: Option<Vec<u8>>) -> Self {
        let certified = CertifiedKey { ocsp: answer, ..CertifiedKey::clone(&self.0.load()) };
        Self(Arc::new(ArcSwap::from_pointee(certified)))
    }

    /// Whether clients that look for a host find its name in it (RFC 9110, 4.3.4).
    #[must_use]
    pub fn is_for(&self, host: &str) -> bool {
        let certified = self.0.load();
        let leaf = certified.cert.first().and_then(|leaf| ParsedCertificate::try_from(leaf).ok());
        let name = ServerName::try_from(host.trim_matches(['[', ']'])).ok();
        leaf.zip(name).is_some_and(|(leaf, name)| verify_server_name(&leaf, &name).is_ok())
    }

    /// Replaces it by another one for handshakes to come; open connections go on.
    pub fn replace_by(&self, other: &Self) {
        self.0.store(other.0.load_full());
    }
}

impl ResolvesServerCert for ServerCertificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

/// Makes the cryptography of this process the one that everything uses.
pub fn install() {
    // A second call finds the same provider there.
    drop(aws_lc_rs::default_provider().install_default());
}

/// A listener that never asks for a client certificate.
#[must_use]
pub fn without_client_certificate(certificate: &ServerCertificate) -> ServerConfig {
    ServerConfig::builder().with_no_client_auth().with_cert_resolver(Arc::new(certificate.clone()))
}

/// A listener that asks for a client certificate and goes on without one.
#[must_use]
pub fn with_client_certificate(certificate: &ServerCertificate) -> ServerConfig {
    let verifier = Arc::new(Possession { provider: Arc::new(aws_lc_rs::default_provider()) });
    ServerConfig::builder()
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(certificate.clone()))
}

fn certified(chain: &[u8], key: &[u8]) -> Result<CertifiedKey, Fault> {
    let chain: Result<Vec<CertificateDer<'static>>, _> = CertificateDer::pem_slice_iter(chain).collect();
    let chain = chain.map_err(|error| Fault::new(CERTIFICATE, format!("holds no PEM: {error}")))?;
    if chain.is_empty() {
        return Err(Fault::new(CERTIFICATE, "holds no PEM certificate"));
    }
    let key = PrivateKeyDer::from_pem_slice(key)
        .map_err(|error| Fault::new(KEY, format!("holds no private key in PEM: {error}")))?;
    CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider()).map_err(unusable)
}

/// The library speaks of any certificate as the peer's.
fn unusable(error: Error) -> Fault {
    if let Error::InvalidCertificate(why) = error {
        let wanted = "the server's certificate must be one of X.509 version 3";
        return Fault::new(CERTIFICATE, format!("cannot be used ({why}): {wanted}"));
    }
    if matches!(error, Error::InconsistentKeys(_)) {
        return Fault::new(KEY, "holds the key of another certificate than that of tls.certificate_file");
    }
    Fault::new(KEY, format!("cannot be used: {error}"))
}

/// Judges possession alone: the signature of the handshake. Who issued the certificate, whether it is
/// current and whose it is, is judged with the client at each request.
#[derive(Debug)]
struct Possession {
    provider: Arc<CryptoProvider>,
}

impl ClientCertVerifier for Possession {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    /// Of X.509 version 1, which has no room for the names of hosts.
    const FIRST_VERSION: &str = "-----BEGIN CERTIFICATE-----
MIIBFzCBvQIUdHyT4ZKea0VKf/3tnmC38AfLKZMwCgYIKoZIzj0EAwIwDTELMAkG
A1UEAwwCdjEwIBcNMjYxMTIyMTkwMzUxWhgPMjEyNjEwMjkxOTAzNTFaMA0xCzAJ
BgNVBAMMAnYxMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEZwqwVz4IERNFikwW
3NzMtQRRVKmDsinFJC+96C70PqgNIP+Kzfh6p/lClUCtlOucLIljgsYOeKww9C/V
/uxXzzAKBggqhkjOPQQDAgNJADBGAiEAqMtpequusViRvXHz9011I71Y/rzFgjxC
tz0mW7eN6PsCIQDqGuxhIdzFycA/N5qyQ1oZnjjlZ4KF1N6ZMX/crTgH/Q==
-----END CERTIFICATE-----
";

    #[test]
    fn a_certificate_that_cannot_be_used_is_told_by_its_key_of_the_configuration() {
        let (key, other) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let names = vec!["as.example".to_owned(), "127.0.0.1".to_owned()];
        let chain = CertificateParams::new(names).unwrap().self_signed(&key).unwrap().pem();
        let (key, other) = (key.serialize_pem(), other.serialize_pem());
        let rows = [
            (FIRST_VERSION, &*key, CERTIFICATE, "the server's certificate must be one of X.509 version 3"),
            ("garbage", &*key, CERTIFICATE, "holds no PEM certificate"),
            (&*chain, "garbage", KEY, "holds no private key in PEM"),
            (&*chain, &*other, KEY, "holds the key of another certificate"),
        ];
        for (chain, key, named, says) in rows {
            let fault = ServerCertificate::read(chain.as_bytes(), key.as_bytes()).unwrap_err();
            let told = fault.to_string();
            assert!(fault.doing() == named && told.contains(says) && !told.contains("peer"), "{told}");
        }
        let own = ServerCertificate::read(chain.as_bytes(), key.as_bytes()).unwrap();
        let hosts = ["as.example", "127.0.0.1", "[::1]", "other.example"];
        assert_eq!(hosts.map(|host| own.is_for(host)), [true, true, false, false]);
    }
}
