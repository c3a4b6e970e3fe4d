//! What a trust community asks of a path of certificates, beyond what is asked of every path.

use super::certificate::Certificate;
use super::fault::PathFault;
use super::identity::NameKind;
use super::oid::ObjectId;
use super::strength::LeastKeys;

/// The policy that stands for every policy, in the certificate of an authority (RFC 5280, 4.2.1.4).
const ANY_POLICY: &str = "2.5.29.32.0";

/// A bit of the KeyUsage extension (RFC 5280, 4.2.1.3) that rules can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyUse {
    /// `digitalSignature`.
    DigitalSignature,
    /// `nonRepudiation`, also called `contentCommitment`.
    NonRepudiation,
    /// `keyEncipherment`.
    KeyEncipherment,
    /// `keyAgreement`.
    KeyAgreement,
}

impl KeyUse {
    const ALL: [Self; 4] =
        [Self::DigitalSignature, Self::NonRepudiation, Self::KeyEncipherment, Self::KeyAgreement];

    /// The word in registrations.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DigitalSignature => "digitalSignature",
            Self::NonRepudiation => "nonRepudiation",
            Self::KeyEncipherment => "keyEncipherment",
            Self::KeyAgreement => "keyAgreement",
        }
    }

    /// Reads the word of a registration.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let known = Self::ALL.into_iter().find(|usage| usage.as_str() == text);
        known.ok_or("must be digitalSignature, nonRepudiation, keyEncipherment or keyAgreement")
    }
}

/// What a community asks of the paths to its anchors. Whatever it says, a leaf names clientAuth, may sign, and is no
/// authority; no key is smaller than [`LeastKeys::USUAL`]; and no signature is over SHA-1 or what is weaker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathRules {
    /// The kinds of names by which clients may be known; every leaf must bear one.
    pub names: Vec<NameKind>,
    /// What the leaf's KeyUsage must name. Without any, the extension may be absent.
    pub key_usages: Vec<KeyUse>,
    /// What the leaf's ExtendedKeyUsage must name beside clientAuth.
    pub extended_key_usages: Vec<ObjectId>,
    /// Certificate policies of which one must hold for the whole path. Without any, policies are not asked for.
    pub policies: Vec<ObjectId>,
    /// The smallest keys, of the anchor too.
    pub least_keys: LeastKeys,
}

impl Default for PathRules {
    fn default() -> Self {
        Self {
            names: NameKind::ALL.to_vec(),
            key_usages: Vec::new(),
            extended_key_usages: Vec::new(),
            policies: Vec::new(),
            least_keys: LeastKeys::USUAL,
        }
    }
}

impl PathRules {
    /// Whether clients may be known by names of a kind.
    #[must_use]
    pub fn take(&self, kind: NameKind) -> bool {
        self.names.contains(&kind)
    }

    /// Judges a path that leads from a leaf by authorities to an anchor.
    pub(super) fn judge(
        &self,
        leaf: &Certificate,
        authorities: &[Certificate],
        anchor: &Certificate,
    ) -> Result<(), PathFault> {
        if leaf.is_authority() {
            return Err(PathFault::AuthorityAsLeaf);
        }
        // The verifier does not look at KeyUsage, and lets a leaf without ExtendedKeyUsage pass.
        let signs = leaf.may_sign() && self.key_usages.iter().all(|usage| leaf.names_key_usage(*usage));
        let purposes = &self.extended_key_usages;
        let serves = leaf.names_client_authentication()
            && purposes.iter().all(|purpose| leaf.purposes().contains(purpose));
        // Each authority may sign certificates if it has a KeyUsage (RFC 5280, 6.1.4 n).
        if !signs || !serves || !authorities.iter().all(Certificate::may_sign_certificates) {
            return Err(PathFault::WrongUsage);
        }
        let mut keys = authorities.iter().chain([leaf, anchor]).map(Certificate::key_kind);
        if !keys.all(|key| self.least_keys.take(key)) {
            return Err(PathFault::WeakKey);
        }
        if !self.policies.is_empty() && !self.policies.iter().any(|policy| holds(policy, leaf, authorities)) {
            return Err(PathFault::MissingPolicy);
        }
        if self.names.iter().any(|kind| kind.is_borne_by(leaf)) { Ok(()) } else { Err(PathFault::NameType) }
    }
}

/// Whether a policy holds for a whole path: the leaf names it, and each authority does or stands for all. Mapped
/// policies do not count.
fn holds(policy: &ObjectId, leaf: &Certificate, authorities: &[Certificate]) -> bool {
    let vouched = |authority: &Certificate| {
        authority.policies().iter().any(|named| named == policy || named.as_str() == ANY_POLICY)
    };
    leaf.policies().contains(policy) && authorities.iter().all(vouched)
}
