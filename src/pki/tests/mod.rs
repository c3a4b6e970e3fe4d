//! Certificates made for the purpose, at fixed dates.

mod certificate;
mod chain;
mod handed_on;
mod identity;
mod name;
mod ocsp;
mod revocation;
mod rules;
mod signing_request;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DistinguishedName,
    DnType, DnValue, ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams,
    SanType, SerialNumber,
};
use time::macros::datetime;

use crate::moment::Timestamp;
use crate::pki::{Certificate, PathFault, PathRules, TrustStore, TrustedPath};

const NOW: Timestamp = datetime!(2026-03-01 12:00 UTC);
const LAST_YEAR: Timestamp = datetime!(2025-01-01 0:00 UTC);
const LAST_MONTH: Timestamp = datetime!(2026-02-01 0:00 UTC);
const NEXT_MONTH: Timestamp = datetime!(2026-04-01 0:00 UTC);
const NEXT_YEAR: Timestamp = datetime!(2027-01-01 0:00 UTC);

type Authority = CertifiedIssuer<'static, KeyPair>;

fn named(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CountryName, DnValue::PrintableString("US".try_into().unwrap()));
    name.push(DnType::OrganizationName, "Example Health");
    name.push(DnType::CommonName, common_name);
    name
}

fn params(common_name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = named(common_name);
    params.not_before = LAST_YEAR;
    params.not_after = NEXT_YEAR;
    params
}

fn authority_params(common_name: &str) -> CertificateParams {
    let mut params = params(common_name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn client_params(common_name: &str) -> CertificateParams {
    let mut params = params(common_name);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params.serial_number = Some(SerialNumber::from(7_u64));
    params
}

fn root() -> Authority {
    root_of(authority_params("Root"))
}

fn root_of(params: CertificateParams) -> Authority {
    Authority::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn under(issuer: &Authority, params: CertificateParams) -> Authority {
    Authority::signed_by(params, KeyPair::generate().unwrap(), issuer).unwrap()
}

fn leaf(issuer: &Authority, params: &CertificateParams) -> Vec<u8> {
    params.signed_by(&KeyPair::generate().unwrap(), issuer).unwrap().der().to_vec()
}

fn der(authority: &Authority) -> Vec<u8> {
    authority.der().to_vec()
}

fn store(root: &Authority) -> TrustStore {
    TrustStore::parse(root.pem().as_bytes()).unwrap()
}

fn at(store: &TrustStore, chain: &[Vec<u8>], now: Timestamp) -> Result<TrustedPath, PathFault> {
    store.judge(chain, &PathRules::default(), now)
}

fn refused<T>(verdict: Result<T, PathFault>) -> String {
    match verdict {
        Ok(_) => "trusted".to_owned(),
        Err(fault) => fault.as_str().to_owned(),
    }
}

fn list_params(revoked: &[u64]) -> CertificateRevocationListParams {
    CertificateRevocationListParams {
        this_update: LAST_MONTH,
        next_update: NEXT_MONTH,
        crl_number: SerialNumber::from(1_u64),
        issuing_distribution_point: None,
        revoked_certs: revoked
            .iter()
            .map(|serial| RevokedCertParams {
                serial_number: SerialNumber::from(*serial),
                revocation_time: LAST_YEAR,
                reason_code: None,
                invalidity_date: None,
            })
            .collect(),
        key_identifier_method: KeyIdMethod::Sha256,
    }
}

fn list(issuer: &Authority, revoked: &[u64]) -> Vec<u8> {
    list_params(revoked).signed_by(issuer).unwrap().der().to_vec()
}

fn self_signed(params: &CertificateParams) -> Certificate {
    let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
    Certificate::parse(certificate.der()).unwrap()
}

fn bearing(names: Vec<SanType>) -> Certificate {
    let mut params = client_params("client");
    params.subject_alt_names = names;
    self_signed(&params)
}

fn dns(name: &str) -> SanType {
    SanType::DnsName(name.try_into().unwrap())
}

fn uri(name: &str) -> SanType {
    SanType::URI(name.try_into().unwrap())
}

fn email(name: &str) -> SanType {
    SanType::Rfc822Name(name.try_into().unwrap())
}
