//! The names in a certification request, and in the certificate that it would renew: the same, and in the same words
//! (RFC 7030, 4.2.2).

use x509_parser::certificate::X509Certificate;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::cri_attributes::ParsedCriAttribute;
use x509_parser::extensions::X509Extension;
use x509_parser::oid_registry::OID_X509_EXT_SUBJECT_ALT_NAME;
use x509_parser::prelude::FromDer;
use x509_parser::x509::X509Name;

use super::name::DistinguishedName;

/// A subject and its alternative names. What a request says of them is not believed; it may only say what is so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestedNames {
    subject: DistinguishedName,
    common_name: Option<String>,
    /// The content of the extension in DER.
    alternatives: Option<Vec<u8>>,
}

impl RequestedNames {
    /// The names of a request in DER (RFC 2986; RFC 2985, 5.4.2); `None` when they cannot be read or stand there twice.
    #[must_use]
    pub fn of_request(der: &[u8]) -> Option<Self> {
        let (_, request) = X509CertificationRequest::from_der(der).ok()?;
        let info = &request.certification_request_info;
        let extensions = info.iter_attributes().filter_map(|attribute| match attribute.parsed_attribute() {
            ParsedCriAttribute::ExtensionRequest(asked) => Some(&asked.extensions),
            ParsedCriAttribute::ChallengePassword(_) | ParsedCriAttribute::UnsupportedAttribute => None,
        });
        Self::of(&info.subject, extensions.flatten())
    }

    /// The names of a certificate in DER.
    #[must_use]
    pub fn of_certificate(der: &[u8]) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        Self::of(certificate.subject(), certificate.extensions().iter())
    }

    fn of<'e, 'd: 'e>(
        subject: &X509Name<'_>,
        extensions: impl Iterator<Item = &'e X509Extension<'d>>,
    ) -> Option<Self> {
        let mut alternatives = extensions.filter(|found| found.oid == OID_X509_EXT_SUBJECT_ALT_NAME);
        let first = alternatives.next().map(|found| found.value.to_vec());
        if alternatives.next().is_some() {
            return None;
        }
        let mut common = subject.iter_common_name();
        let common_name = match (common.next(), common.next()) {
            (Some(one), None) => one.as_str().ok().map(str::to_owned),
            (None, _) | (_, Some(_)) => None,
        };
        Some(Self { subject: DistinguishedName::of_x509(subject).ok()?, common_name, alternatives: first })
    }

    /// The one common name of the subject.
    #[must_use]
    pub fn common_name(&self) -> Option<&str> {
        self.common_name.as_deref()
    }
}
