//! The client certificates that the server knows.

use crate::moment::Timestamp;
use crate::pki::certificate::Certificate;
use crate::pki::key_thumbprint::key_thumbprint;
use crate::pki::thumbprint::Thumbprint;
use crate::protocol::ids::ClientId;

/// How the server came to know a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateOrigin {
    /// A client showed it, and a token rests on it.
    Seen,
    /// This server's own authority issued it.
    Issued,
    /// It stands in the registration of its client, which has not shown it yet.
    Registered,
}

/// A client certificate that the server knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownCertificate {
    /// Its thumbprint, which tokens are bound to (RFC 8705, 3.1).
    pub thumbprint: Thumbprint,
    /// Whose it is.
    pub client: ClientId,
    /// The trust community by whose rules it was judged, if it was.
    pub community: Option<String>,
    /// The certificate in DER.
    pub der: Vec<u8>,
    /// Its subject in the text form of RFC 4514.
    pub subject: String,
    /// Its issuer in the text form of RFC 4514.
    pub issuer: String,
    /// Its serial number in lower-case hexadecimal.
    pub serial: String,
    /// From when it is valid.
    pub not_before: Timestamp,
    /// Until when it is valid.
    pub not_after: Timestamp,
    /// How the server came to know it.
    pub origin: CertificateOrigin,
    /// Which certificate it renews.
    pub renews: Option<Thumbprint>,
    /// Since when the server knows it.
    pub first_seen_at: Timestamp,
    /// When and why it was revoked.
    pub revocation: Option<(Timestamp, String)>,
}

impl CertificateOrigin {
    /// Reads the word of the table.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "seen" => Some(Self::Seen),
            "issued" => Some(Self::Issued),
            "registered" => Some(Self::Registered),
            _ => None,
        }
    }

    /// The word in the table.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Seen => "seen",
            Self::Issued => "issued",
            Self::Registered => "registered",
        }
    }
}

impl KnownCertificate {
    /// What is known of a certificate that a client shows.
    #[must_use]
    pub fn seen(
        (leaf, der): (&Certificate, &[u8]),
        client: &ClientId,
        community: Option<&str>,
        now: Timestamp,
    ) -> Self {
        Self {
            thumbprint: leaf.thumbprint(),
            client: client.clone(),
            community: community.map(str::to_owned),
            der: der.to_vec(),
            subject: leaf.subject_text(),
            issuer: leaf.issuer_text(),
            serial: leaf.serial_text(),
            not_before: leaf.not_before(),
            not_after: leaf.not_after(),
            origin: CertificateOrigin::Seen,
            renews: None,
            first_seen_at: now,
            revocation: None,
        }
    }

    /// By what its key is known again.
    #[must_use]
    pub fn key_thumbprint(&self) -> Option<String> {
        let leaf = Certificate::parse(&self.der).ok()?;
        Some(key_thumbprint(leaf.public_key_info()))
    }
}
