//! A path of certificates that leads to an anchor.

/// A path that was found, from the leaf to an anchor. Whether something on it was revoked is judged apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedPath {
    /// The certificates in DER, the leaf first, each issued by the next; without the anchor.
    pub certificates: Vec<Vec<u8>>,
    /// The anchor's certificate in DER.
    pub anchor: Vec<u8>,
}
