//! Certificates of the tests: an authority of their own, which is not the development authority.

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationList, CertificateRevocationListParams, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SanType,
    SerialNumber,
};
use time::{Duration, OffsetDateTime};

/// A certificate and its key, in PEM.
#[derive(Clone)]
pub struct Identity {
    /// The certificate.
    pub certificate: String,
    /// Its key.
    pub key: String,
    /// The certificate in DER.
    pub der: Vec<u8>,
}

/// An authority that issues certificates.
pub struct Authority {
    /// Its own certificate, in PEM.
    pub pem: String,
    /// The certificates that lead from what it issues to its root, in PEM; of a root none.
    chain: String,
    issuer: Issuer<'static, KeyPair>,
}

#[expect(
    clippy::disallowed_methods,
    reason = "certificates of the tests are current by this machine's clock"
)]
fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::OrganizationName, "Tests");
    params.distinguished_name.push(DnType::CommonName, name);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    // For so long that nobody is told of their end.
    (params.not_before, params.not_after) = (now() - Duration::days(1), now() + Duration::days(100));
    params
}

fn authority_params(name: &str) -> CertificateParams {
    let mut params = params(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages.extend([KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign]);
    params
}

fn client_params(uri: &str) -> CertificateParams {
    let mut params = params("client");
    params.subject_alt_names = vec![SanType::URI(uri.try_into().expect("a URI"))];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params
}

impl Authority {
    /// A new authority.
    pub fn new(name: &str) -> Self {
        Self::of_key(name, KeyPair::generate().expect("a key"))
    }

    /// The certificate of an authority that ends in so many days, in PEM.
    pub fn ending(name: &str, days: i64) -> String {
        let mut params = authority_params(name);
        params.not_after = now() + Duration::days(days);
        params.self_signed(&KeyPair::generate().expect("a key")).expect("a certificate").pem()
    }

    /// A new authority with a key of another kind.
    pub fn of_key(name: &str, key: KeyPair) -> Self {
        let params = authority_params(name);
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Self { pem, chain: String::new(), issuer: Issuer::new(params, key) }
    }

    /// An authority under this one, changed before it is signed. What it issues is shown with its certificate.
    pub fn under(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut params = authority_params(name);
        change(&mut params);
        let key = KeyPair::generate().expect("a key");
        let pem = params.signed_by(&key, &self.issuer).expect("a certificate").pem();
        Self { chain: format!("{pem}{}", self.chain), pem, issuer: Issuer::new(params, key) }
    }

    /// A certificate for the server.
    pub fn server(&self) -> Identity {
        let mut params = params("server");
        params.subject_alt_names = ["localhost", "127.0.0.1"]
            .map(|name| {
                name.parse()
                    .map_or_else(|_| SanType::DnsName(name.try_into().expect("a name")), SanType::IpAddress)
            })
            .to_vec();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.issue(&params)
    }

    /// A certificate for a client that shows a URI.
    pub fn client(&self, uri: &str) -> Identity {
        self.client_with(uri, |_| {})
    }

    /// A certificate for a client, changed before it is signed.
    pub fn client_with(&self, uri: &str, change: impl FnOnce(&mut CertificateParams)) -> Identity {
        let mut params = client_params(uri);
        change(&mut params);
        self.issue(&params)
    }

    /// A certificate for a client with a key of another kind.
    pub fn client_of_key(&self, uri: &str, key: &KeyPair) -> Identity {
        self.issue_for(&client_params(uri), key)
    }

    fn issue(&self, params: &CertificateParams) -> Identity {
        self.issue_for(params, &KeyPair::generate().expect("a key"))
    }

    fn issue_for(&self, params: &CertificateParams, key: &KeyPair) -> Identity {
        let certificate = params.signed_by(key, &self.issuer).expect("a certificate");
        let shown = format!("{}{}", certificate.pem(), self.chain);
        Identity { certificate: shown, key: key.serialize_pem(), der: certificate.der().to_vec() }
    }

    /// A revocation list with these serial numbers.
    pub fn revoke(&self, serials: &[u64]) -> String {
        self.list(serials, |_| {}).pem().expect("its text")
    }

    /// A revocation list in DER, changed before it is signed.
    pub fn list_with(
        &self,
        serials: &[u64],
        change: impl FnOnce(&mut CertificateRevocationListParams),
    ) -> Vec<u8> {
        self.list(serials, change).der().to_vec()
    }

    fn list(
        &self,
        serials: &[u64],
        change: impl FnOnce(&mut CertificateRevocationListParams),
    ) -> CertificateRevocationList {
        let revoked = |serial: &u64| RevokedCertParams {
            serial_number: SerialNumber::from(*serial),
            revocation_time: now() - Duration::hours(1),
            reason_code: None,
            invalidity_date: None,
        };
        let mut list = CertificateRevocationListParams {
            this_update: now() - Duration::hours(1),
            next_update: now() + Duration::days(7),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: serials.iter().map(revoked).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        change(&mut list);
        list.signed_by(&self.issuer).expect("a list")
    }
}

impl Identity {
    /// A certificate that nobody issued but itself.
    pub fn self_signed(name: &str) -> Self {
        let mut params = params(name);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate");
        Self { certificate: certificate.pem(), key: key.serialize_pem(), der: certificate.der().to_vec() }
    }

    /// Its `x5t#S256` (RFC 8705, 3.1).
    pub fn thumbprint(&self) -> String {
        hilum::jose::thumbprint::sha256_base64url(&self.der)
    }

    /// The key that `self_signed_tls_client_auth` registers.
    pub fn jwk(&self) -> serde_json::Value {
        let certificate = hilum::pki::certificate::Certificate::parse(&self.der).expect("a certificate");
        hilum::commands::dev::fixtures::certificate_jwk(&certificate).expect("its key")
    }
}
