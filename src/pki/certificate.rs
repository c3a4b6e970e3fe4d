//! A certificate's facts, read once.

use std::fmt;
use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{ExtendedKeyUsage, GeneralName, KeyUsage, ParsedExtension};
use x509_parser::oid_registry::{
    OID_X509_EXT_BASIC_CONSTRAINTS, OID_X509_EXT_CERTIFICATE_POLICIES, OID_X509_EXT_EXTENDED_KEY_USAGE,
    OID_X509_EXT_KEY_USAGE, OID_X509_EXT_SUBJECT_ALT_NAME, Oid,
};
use x509_parser::prelude::FromDer;

use super::name::{DistinguishedName, NameError};
use super::oid::ObjectId;
use super::rules::KeyUse;
use super::strength::{self, KeyKind};
use super::thumbprint::Thumbprint;
use crate::moment::Timestamp;

/// What a certificate says of itself. That it says so proves nothing: a chain is judged by
/// [`super::TrustStore`], a key is shown by the TLS handshake.
#[derive(Clone)]
pub struct Certificate {
    der: Vec<u8>,
    thumbprint: Thumbprint,
    subject: DistinguishedName,
    issuer: DistinguishedName,
    alternatives: AlternativeNames,
    not_before: Timestamp,
    not_after: Timestamp,
    usage: Usage,
    public_key_info: Vec<u8>,
    serial: String,
    key_kind: KeyKind,
    is_forgeable: bool,
    policies: Vec<ObjectId>,
}

/// Why bytes are not a certificate that can be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// Not one X.509 certificate in DER.
    #[error("not one X.509 certificate in DER")]
    NotACertificate,
    /// A subject or issuer that cannot be read.
    #[error("a name in the certificate cannot be read: {0}")]
    Name(#[from] NameError),
    /// An extension that cannot be read, or that occurs twice (RFC 5280, 4.2).
    #[error("an extension of the certificate cannot be read or occurs twice")]
    Extension,
    /// A subject alternative name that cannot be read.
    #[error("a subject alternative name cannot be read")]
    AlternativeName,
}

#[derive(Clone, Default)]
struct AlternativeNames {
    dns: Vec<String>,
    uris: Vec<String>,
    ip_addresses: Vec<IpAddr>,
    emails: Vec<String>,
}

/// What the key may be used for: `None` where the certificate does not say.
#[derive(Clone)]
struct Usage {
    key: Option<KeyUsage>,
    client_authentication: Option<bool>,
    /// All that ExtendedKeyUsage names.
    purposes: Vec<ObjectId>,
    authority: bool,
}

impl Certificate {
    /// Reads a certificate in DER, with nothing after it.
    pub fn parse(der: &[u8]) -> Result<Self, CertificateError> {
        let (rest, found) = X509Certificate::from_der(der).map_err(|_| CertificateError::NotACertificate)?;
        if !rest.is_empty() {
            return Err(CertificateError::NotACertificate);
        }
        Ok(Self {
            der: der.to_vec(),
            thumbprint: Thumbprint::of_der(der),
            subject: DistinguishedName::of_x509(found.subject())?,
            issuer: DistinguishedName::of_x509(found.issuer())?,
            alternatives: AlternativeNames::of(&found)?,
            not_before: found.validity().not_before.to_datetime(),
            not_after: found.validity().not_after.to_datetime(),
            usage: Usage::of(&found)?,
            public_key_info: found.public_key().raw.to_vec(),
            serial: hexadecimal(found.raw_serial()),
            key_kind: KeyKind::of_x509(found.public_key()),
            is_forgeable: strength::is_forgeable(&found.signature_algorithm),
            policies: policies(&found)?,
        })
    }

    /// The certificate as it was read.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The certificate in PEM (RFC 7468, 5).
    pub fn to_pem(&self) -> String {
        let text = STANDARD.encode(&self.der);
        let mut pem = "-----BEGIN CERTIFICATE-----\n".to_owned();
        for line in text.as_bytes().chunks(64) {
            pem.extend(line.iter().copied().map(char::from));
            pem.push('\n');
        }
        pem.push_str("-----END CERTIFICATE-----\n");
        pem
    }

    /// The SHA-256 of its DER encoding (RFC 8705, 3.1).
    pub fn thumbprint(&self) -> Thumbprint {
        self.thumbprint
    }

    /// Whom it speaks for.
    pub fn subject(&self) -> &DistinguishedName {
        &self.subject
    }

    /// Who signed it, as it says.
    pub fn issuer(&self) -> &DistinguishedName {
        &self.issuer
    }

    /// The subject in the text form of RFC 4514.
    pub fn subject_text(&self) -> String {
        self.subject.to_string()
    }

    /// The issuer in the text form of RFC 4514.
    pub fn issuer_text(&self) -> String {
        self.issuer.to_string()
    }

    /// The serial number as it is encoded, in lower-case hexadecimal.
    pub fn serial_text(&self) -> String {
        self.serial.clone()
    }

    /// The subject alternative names of type dNSName, as written; wildcards are among them.
    pub fn dns_names(&self) -> &[String] {
        &self.alternatives.dns
    }

    /// The subject alternative names of type uniformResourceIdentifier.
    pub fn uris(&self) -> &[String] {
        &self.alternatives.uris
    }

    /// The subject alternative names of type iPAddress.
    pub fn ip_addresses(&self) -> &[IpAddr] {
        &self.alternatives.ip_addresses
    }

    /// The subject alternative names of type rfc822Name.
    pub fn emails(&self) -> &[String] {
        &self.alternatives.emails
    }

    /// The first second of its validity.
    pub fn not_before(&self) -> Timestamp {
        self.not_before
    }

    /// The last second of its validity.
    pub fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// Whether `now` lies in its validity, both ends included, to the second (RFC 5280, 4.1.2.5).
    pub fn is_current(&self, now: Timestamp) -> bool {
        let now = now.unix_timestamp();
        self.not_before.unix_timestamp() <= now && now <= self.not_after.unix_timestamp()
    }

    /// Whether its key may sign a TLS handshake: there is no KeyUsage extension, or it has
    /// digitalSignature (RFC 5280, 4.2.1.3).
    pub fn may_sign(&self) -> bool {
        self.usage.key.as_ref().is_none_or(KeyUsage::digital_signature)
    }

    /// Whether its key may sign certificates: there is no KeyUsage extension, or it has keyCertSign.
    pub fn may_sign_certificates(&self) -> bool {
        self.usage.key.as_ref().is_none_or(KeyUsage::key_cert_sign)
    }

    /// Whether a KeyUsage extension is there and names a use.
    pub fn names_key_usage(&self, usage: KeyUse) -> bool {
        self.usage.key.as_ref().is_some_and(|key| match usage {
            KeyUse::DigitalSignature => key.digital_signature(),
            KeyUse::NonRepudiation => key.non_repudiation(),
            KeyUse::KeyEncipherment => key.key_encipherment(),
            KeyUse::KeyAgreement => key.key_agreement(),
        })
    }

    /// Whether an ExtendedKeyUsage extension is there and names clientAuth itself (RFC 5280,
    /// 4.2.1.12); anyExtendedKeyUsage alone does not count.
    pub fn names_client_authentication(&self) -> bool {
        self.usage.client_authentication.unwrap_or(false)
    }

    /// The purposes that its ExtendedKeyUsage names.
    pub fn purposes(&self) -> &[ObjectId] {
        &self.usage.purposes
    }

    /// The certificate policies that it names (RFC 5280, 4.2.1.4).
    pub fn policies(&self) -> &[ObjectId] {
        &self.policies
    }

    /// The kind and size of its key.
    pub fn key_kind(&self) -> KeyKind {
        self.key_kind
    }

    /// Whether its signature is over SHA-1, or what is weaker.
    pub fn is_forgeable(&self) -> bool {
        self.is_forgeable
    }

    /// Whether it is a certificate authority's (BasicConstraints with CA:TRUE).
    pub fn is_authority(&self) -> bool {
        self.usage.authority
    }

    /// The SubjectPublicKeyInfo in DER: what a self-signed certificate is matched by (RFC 8705, 2.2).
    pub fn public_key_info(&self) -> &[u8] {
        &self.public_key_info
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("subject", &self.subject_text())
            .field("thumbprint", &self.thumbprint.as_base64url())
            .finish_non_exhaustive()
    }
}

impl AlternativeNames {
    fn of(certificate: &X509Certificate<'_>) -> Result<Self, CertificateError> {
        let mut names = Self::default();
        let Some(extension) = extension(certificate, &OID_X509_EXT_SUBJECT_ALT_NAME)? else {
            return Ok(names);
        };
        let ParsedExtension::SubjectAlternativeName(found) = extension else {
            return Err(CertificateError::Extension);
        };
        for name in &found.general_names {
            match name {
                GeneralName::DNSName(text) => names.dns.push((*text).to_owned()),
                GeneralName::URI(text) => names.uris.push((*text).to_owned()),
                GeneralName::RFC822Name(text) => names.emails.push((*text).to_owned()),
                GeneralName::IPAddress(octets) => names.ip_addresses.push(address(octets)?),
                GeneralName::Invalid(..) => return Err(CertificateError::AlternativeName),
                // No client can register these (RFC 8705, 2.1.2).
                GeneralName::OtherName(..)
                | GeneralName::X400Address(_)
                | GeneralName::DirectoryName(_)
                | GeneralName::EDIPartyName(_)
                | GeneralName::RegisteredID(_) => {}
            }
        }
        Ok(names)
    }
}

impl Usage {
    fn of(certificate: &X509Certificate<'_>) -> Result<Self, CertificateError> {
        let key = match extension(certificate, &OID_X509_EXT_KEY_USAGE)? {
            None => None,
            Some(ParsedExtension::KeyUsage(usage)) => Some(*usage),
            Some(_) => return Err(CertificateError::Extension),
        };
        let extended = match extension(certificate, &OID_X509_EXT_EXTENDED_KEY_USAGE)? {
            None => None,
            Some(ParsedExtension::ExtendedKeyUsage(usage)) => Some(usage),
            Some(_) => return Err(CertificateError::Extension),
        };
        let authority = match extension(certificate, &OID_X509_EXT_BASIC_CONSTRAINTS)? {
            None => false,
            Some(found) => {
                let ParsedExtension::BasicConstraints(constraints) = found else {
                    return Err(CertificateError::Extension);
                };
                constraints.ca
            }
        };
        Ok(Self {
            key,
            client_authentication: extended.map(|usage| usage.client_auth),
            purposes: extended.map(purposes).unwrap_or_default(),
            authority,
        })
    }
}

/// What an ExtendedKeyUsage names, by the identifiers of RFC 5280, 4.2.1.12.
fn purposes(usage: &ExtendedKeyUsage<'_>) -> Vec<ObjectId> {
    let known = [
        (usage.any, "2.5.29.37.0"),
        (usage.server_auth, "1.3.6.1.5.5.7.3.1"),
        (usage.client_auth, "1.3.6.1.5.5.7.3.2"),
        (usage.code_signing, "1.3.6.1.5.5.7.3.3"),
        (usage.email_protection, "1.3.6.1.5.5.7.3.4"),
        (usage.time_stamping, "1.3.6.1.5.5.7.3.8"),
        (usage.ocsp_signing, "1.3.6.1.5.5.7.3.9"),
    ];
    let named = known.iter().filter(|(is_named, _)| *is_named).map(|(_, oid)| (*oid).to_owned());
    let others = usage.other.iter().map(Oid::to_id_string);
    named.chain(others).map(ObjectId::of_dotted).collect()
}

fn policies(certificate: &X509Certificate<'_>) -> Result<Vec<ObjectId>, CertificateError> {
    match extension(certificate, &OID_X509_EXT_CERTIFICATE_POLICIES)? {
        None => Ok(Vec::new()),
        Some(ParsedExtension::CertificatePolicies(found)) => {
            Ok(found.iter().map(|policy| ObjectId::of_dotted(policy.policy_id.to_id_string())).collect())
        }
        Some(_) => Err(CertificateError::Extension),
    }
}

/// An extension that may be there once.
fn extension<'c, 'd>(
    certificate: &'c X509Certificate<'d>,
    oid: &Oid<'_>,
) -> Result<Option<&'c ParsedExtension<'d>>, CertificateError> {
    let found = certificate.get_extension_unique(oid).map_err(|_| CertificateError::Extension)?;
    Ok(found.map(x509_parser::extensions::X509Extension::parsed_extension))
}

fn hexadecimal(octets: &[u8]) -> String {
    let digit = |half: u8| char::from_digit(u32::from(half), 16).unwrap_or_default();
    octets.iter().flat_map(|octet| [digit(octet >> 4), digit(octet & 0xf)]).collect()
}

fn address(octets: &[u8]) -> Result<IpAddr, CertificateError> {
    let v4 = <[u8; 4]>::try_from(octets).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from))
        .map_err(|_| CertificateError::AlternativeName)
}
