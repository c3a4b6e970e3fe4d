//! Issuing a client's certificate. What stands in it comes from the registration; of the request, the key alone.

use rcgen::{
    CertificateParams, CrlDistributionPoint, CustomExtension, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose, SanType, SerialNumber, SubjectPublicKeyInfo,
};
use time::Duration;
use x509_cert::der::asn1::{Any, Ia5StringRef};
use x509_cert::der::{Encode, Tag};
use x509_cert::spki::ObjectIdentifier;

use crate::model::authority::AuthorityName;
use crate::model::certificate::{CertificateOrigin, KnownCertificate};
use crate::model::community::OWN;
use crate::moment::Timestamp;
use crate::pki::certificate::Certificate;
use crate::pki::signing_request::SigningRequest;
use crate::pki::thumbprint::Thumbprint;
use crate::platform::entropy::Entropy;
use crate::protocol::error::{Doing, ErrorCode, Failure, Fault, Reason, Refusal};
use crate::protocol::ids::ClientId;
use crate::store::{self, Tx};

use super::authorities::{Chain, Opened};
use super::{CertificateAuthority, Terms};

/// By how much certificates are valid before they were issued, for clocks that are slow.
pub(super) const BACKDATED: Duration = Duration::minutes(5);
/// AuthorityInfoAccess (RFC 5280, 4.2.2.1).
const AUTHORITY_INFO_ACCESS: [u64; 9] = [1, 3, 6, 1, 5, 5, 7, 1, 1];
/// The access method of OCSP.
const OCSP: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1");

/// What is to be issued.
#[derive(Clone, Debug)]
pub struct Issuing {
    /// For which client.
    pub client: ClientId,
    /// The request, whose key is certified.
    pub request: SigningRequest,
    /// The certificate that it takes the place of.
    pub renews: Option<Thumbprint>,
}

/// A certificate that was signed. It counts once it has been kept.
#[derive(Clone, Debug)]
pub struct IssuedCertificate {
    /// What the server knows of it.
    pub known: KnownCertificate,
    /// The certificates above it.
    pub chain: Chain,
}

impl IssuedCertificate {
    /// Refuses it if the authority that signed it was revoked meanwhile; until the end of the transaction, nobody revokes
    /// that. It comes before any certificate is locked, as where certificates are revoked.
    pub async fn stands(&self, tx: &mut Tx) -> Result<(), Failure> {
        if store::authority::is_revoked_locked(tx, &self.known.issuer).await? {
            let told = "the authority that issues certificates was revoked meanwhile: try again";
            return Err(Refusal::new(ErrorCode::Conflict, told, Reason::new("authority_revoked")).into());
        }
        Ok(())
    }

    /// Keeps it, in the transaction of the change that it belongs to.
    pub async fn keep(&self, tx: &mut Tx) -> Result<(), Fault> {
        store::certificate::note(tx, &self.known).await?;
        Ok(())
    }
}

impl CertificateAuthority {
    /// Signs a certificate. Whether the client may have it, and that it is kept, is up to the caller.
    pub async fn issue(&self, issuing: Issuing, now: Timestamp) -> Result<IssuedCertificate, Failure> {
        let authorities = self.needed().await?;
        // No certificate outlasts the authority that vouches for it.
        let until = authorities.issuing.authority.not_after;
        if until <= now {
            let told =
                "the authority that issues certificates has expired: run `hilum pki rollover` on the server";
            return Err(Refusal::new(ErrorCode::Conflict, told, Reason::new("authority_expired")).into());
        }
        let times = (now, until.min(now + self.terms.certificate));
        let (terms, entropy, above) =
            (self.terms.clone(), self.entropy.clone(), authorities.chain(&authorities.issuing.authority));
        let authority = self.opened(&authorities.issuing).await?;
        let doing = "signing a certificate";
        let (client, renews) = (issuing.client.clone(), issuing.renews);
        let signing = move || sign(&authority, &terms, &entropy, (&issuing, times));
        let der = tokio::task::spawn_blocking(signing).await.doing(doing)??;
        let leaf = Certificate::parse(&der).doing("reading a certificate that was just signed")?;
        let known = KnownCertificate {
            origin: CertificateOrigin::Issued,
            renews,
            ..KnownCertificate::seen((&leaf, &der), &client, Some(OWN), now)
        };
        Ok(IssuedCertificate { known, chain: above })
    }
}

fn sign(
    authority: &Opened,
    terms: &Terms,
    entropy: &Entropy,
    (issuing, (now, until)): (&Issuing, (Timestamp, Timestamp)),
) -> Result<Vec<u8>, Fault> {
    let doing = "signing a certificate";
    let key = SubjectPublicKeyInfo::from_der(issuing.request.public_key_info()).doing(doing)?;
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, issuing.client.as_str());
    let name = client_uri(&terms.issuer, &issuing.client);
    params.subject_alt_names = vec![SanType::URI(name.try_into().doing(doing)?)];
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params.use_authority_key_identifier_extension = true;
    params.crl_distribution_points =
        vec![CrlDistributionPoint { uris: vec![list_url(terms, authority.name)] }];
    params.custom_extensions = vec![responder(terms).doing(doing)?];
    params.serial_number = Some(SerialNumber::from(serial_number(entropy)?));
    (params.not_before, params.not_after) = (now - BACKDATED, until);
    let signed = params.signed_by(&key, &authority.issuer()?).doing(doing)?;
    Ok(signed.der().to_vec())
}

/// The URI by which a certificate of this PKI names its client.
#[must_use]
pub fn client_uri(issuer: &str, client: &ClientId) -> String {
    format!("{issuer}/clients/{client}")
}

/// Where a revocation list is to be had.
#[must_use]
pub fn list_url(terms: &Terms, name: AuthorityName) -> String {
    format!("{}/pki/crl/{name}.crl", terms.distribution)
}

/// 128 random bits, after one that is set: positive, and of one length (RFC 5280, 4.1.2.2).
pub(super) fn serial_number(entropy: &Entropy) -> Result<Vec<u8>, Fault> {
    let random: [u8; 16] = entropy.bytes().doing("making a serial number")?;
    Ok([&[1], random.as_slice()].concat())
}

/// Where the responder answers.
#[must_use]
pub fn responder_url(terms: &Terms) -> String {
    format!("{}/pki/ocsp", terms.distribution)
}

/// Tells where the responder answers.
fn responder(terms: &Terms) -> Result<CustomExtension, x509_cert::der::Error> {
    let url = responder_url(terms);
    let text = Ia5StringRef::new(&url)?;
    // uniformResourceIdentifier [6] IMPLICIT IA5String: the tag alone is another.
    let mut location = text.to_der()?;
    if let Some(tag) = location.first_mut() {
        *tag = 0x86;
    }
    let described = Any::new(Tag::Sequence, [OCSP.to_der()?, location].concat())?;
    let content = Any::new(Tag::Sequence, described.to_der()?)?.to_der()?;
    Ok(CustomExtension::from_oid_content(&AUTHORITY_INFO_ACCESS, content))
}
