//! Certificates that stand in a token, where vendors and administrators put those of its keys.

use cryptoki::object::{Attribute, AttributeInfo, AttributeType, CertificateType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;
use tokio::time::Instant;

use super::error::{Asked, HsmError};
use super::pool::Seat;

/// No more of them are looked at.
const MOST: usize = 1_000;
/// What is larger is not read.
const LARGEST: usize = 32 * 1024;
/// Labels are for people.
const LONGEST_LABEL: usize = 200;

/// What a token shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// Up to 1,000 of its certificates.
    pub certificates: Vec<TokenCertificate>,
    /// Whether it has more.
    pub has_more: bool,
}

/// A certificate of a token, as it stands there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TokenCertificate {
    /// Its label.
    pub label: String,
    /// What should be a certificate in DER; nothing where the token does not show it, or it is too large.
    pub der: Vec<u8>,
}

/// Reads the certificates of the token.
pub(super) fn all(seat: &mut Seat<'_>) -> Result<Shown, HsmError> {
    let wanted = [
        Attribute::Token(true),
        Attribute::Class(ObjectClass::CERTIFICATE),
        Attribute::CertificateType(CertificateType::X_509),
    ];
    // The search is over before anything else is asked: a session has one operation at a time.
    let found: cryptoki::error::Result<Vec<ObjectHandle>> =
        seat.session().iter_objects(&wanted).asked(SEARCHED)?.take(MOST + 1).collect();
    let found = found.asked(SEARCHED)?;
    let has_more = found.len() > MOST;
    let mut certificates = Vec::new();
    for object in found.into_iter().take(MOST) {
        if Instant::now() >= seat.deadline {
            return Err(HsmError::Silent);
        }
        certificates.push(read(seat.session(), object).asked("for a certificate")?);
    }
    Ok(Shown { certificates, has_more })
}

const SEARCHED: &str = "for certificates";

fn read(session: &Session, object: ObjectHandle) -> cryptoki::error::Result<TokenCertificate> {
    let shown = [AttributeType::Label, AttributeType::Value];
    let sizes = session.get_attribute_info(object, &shown)?;
    let is_fit = |size: &AttributeInfo| matches!(size, AttributeInfo::Available(1..=LARGEST));
    let fit: Vec<AttributeType> =
        shown.into_iter().zip(&sizes).filter(|(_, size)| is_fit(size)).map(|(kind, _)| kind).collect();
    let mut read = TokenCertificate { label: String::new(), der: Vec::new() };
    for attribute in session.get_attributes(object, &fit)? {
        if let Attribute::Label(label) = attribute {
            let label = String::from_utf8_lossy(&label);
            read.label = label.chars().filter(|c| !c.is_control()).take(LONGEST_LABEL).collect();
        } else if let Attribute::Value(der) = attribute {
            read.der = der;
        }
    }
    Ok(read)
}
