//! A development authority and its certificates. A production start refuses all of them by the
//! organization in their names.

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DistinguishedName, DnType, Error,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, SanType, SerialNumber,
};
use time::Duration;

use crate::commands::output::Failed;
use crate::moment::Timestamp;
use crate::pki::certificate::Certificate;
use crate::protocol::error::{Doing, Fault};

use super::Options;
use super::files::Files;

/// The organization in every name here.
pub const ORGANIZATION: &str = "Hilum development";

/// The clients that have a certificate of the authority, and the URI that it shows.
pub const CLIENTS: [(&str, &str); 3] = [
    ("admin-cli", "https://admin.hilum.example/cli"),
    ("payer-es384", "https://payer.example/es384"),
    ("payer-mtls", "https://payer.example/mtls"),
];

/// The client whose certificate nobody has issued but itself.
pub const SELF_SIGNED: &str = "payer-self-signed";

/// Makes what is missing, expires soon, or is for another host.
pub fn ensure(files: &Files, options: &Options, now: Timestamp) -> Result<(), Failed> {
    if is_good(files, options, now) {
        return Ok(());
    }
    let authority = authority(now).doing("making the development authority")?;
    files.write("ca.pem", &authority.pem)?;
    files.write("ca.crl.pem", &revocations(&authority.issuer, now).doing("making the revocation list")?)?;

    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    if !names.iter().any(|name| name == options.issuer.host()) {
        names.push(options.issuer.host().to_owned());
    }
    let mut server = CertificateParams::new(names).doing("naming the server")?;
    usual(&mut server, "Hilum server", now, ExtendedKeyUsagePurpose::ServerAuth);
    issue(files, "server", &server, &authority.issuer)?;

    for (name, uri) in CLIENTS {
        let mut client = CertificateParams::default();
        let uri = uri.try_into().doing("naming a client")?;
        client.subject_alt_names = vec![SanType::URI(uri)];
        usual(&mut client, name, now, ExtendedKeyUsagePurpose::ClientAuth);
        issue(files, name, &client, &authority.issuer)?;
    }
    let mut own = CertificateParams::default();
    usual(&mut own, SELF_SIGNED, now, ExtendedKeyUsagePurpose::ClientAuth);
    let key = KeyPair::generate().doing("making a key")?;
    let certificate = own.self_signed(&key).doing("signing a certificate")?;
    files.write(&format!("{SELF_SIGNED}.pem"), &certificate.pem())?;
    files.write(&format!("{SELF_SIGNED}.key"), &key.serialize_pem())
}

/// Whether the files are there, for this host, and good for another month.
fn is_good(files: &Files, options: &Options, now: Timestamp) -> bool {
    let soon = now + Duration::days(30);
    let names = CLIENTS.iter().map(|(name, _)| *name).chain(["server", SELF_SIGNED]);
    let all = names.into_iter().all(|name| {
        let current =
            certificate(files, name).is_ok_and(|found| found.is_current(now) && found.is_current(soon));
        current && files.path(&format!("{name}.key")).exists()
    });
    let host = options.issuer.host();
    let for_host = certificate(files, "server").is_ok_and(|server| {
        let address = host.parse().is_ok_and(|address| server.ip_addresses().contains(&address));
        address || server.dns_names().iter().any(|name| name == host)
    });
    all && for_host && ["ca.pem", "ca.crl.pem"].iter().all(|name| files.path(name).exists())
}

/// Reads the certificate of a client.
pub fn certificate(files: &Files, name: &str) -> Result<Certificate, Fault> {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;
    let der =
        CertificateDer::from_pem_file(files.path(&format!("{name}.pem"))).doing("reading a certificate")?;
    Certificate::parse(&der).doing("reading a certificate")
}

struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

fn authority(now: Timestamp) -> Result<Authority, Error> {
    let mut params = CertificateParams::default();
    params.distinguished_name = named("Hilum development CA");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages =
        vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
    (params.not_before, params.not_after) = (now - Duration::days(1), now + Duration::days(730));
    let key = KeyPair::generate()?;
    let pem = params.self_signed(&key)?.pem();
    Ok(Authority { pem, issuer: Issuer::new(params, key) })
}

/// A list without entries: what is revoked is added by whoever tries revocation out.
fn revocations(issuer: &Issuer<'static, KeyPair>, now: Timestamp) -> Result<String, Error> {
    let list = CertificateRevocationListParams {
        this_update: now - Duration::days(1),
        next_update: now + Duration::days(730),
        crl_number: SerialNumber::from(1),
        issuing_distribution_point: None,
        revoked_certs: Vec::new(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    list.signed_by(issuer)?.pem()
}

fn usual(params: &mut CertificateParams, name: &str, now: Timestamp, usage: ExtendedKeyUsagePurpose) {
    params.distinguished_name = named(name);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![usage];
    params.use_authority_key_identifier_extension = true;
    (params.not_before, params.not_after) = (now - Duration::days(1), now + Duration::days(365));
}

fn named(common: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::OrganizationName, ORGANIZATION);
    name.push(DnType::CommonName, common);
    name
}

fn issue(
    files: &Files,
    name: &str,
    params: &CertificateParams,
    issuer: &Issuer<'static, KeyPair>,
) -> Result<(), Failed> {
    let key = KeyPair::generate().doing("making a key")?;
    let certificate = params.signed_by(&key, issuer).doing("signing a certificate")?;
    files.write(&format!("{name}.pem"), &certificate.pem())?;
    files.write(&format!("{name}.key"), &key.serialize_pem())
}
