//! Secret keys in a token, for sealing: AES-256-GCM whose key never leaves.

use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::aead::GcmParams;
use cryptoki::object::{Attribute, AttributeType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;
use cryptoki::types::Ulong;

use super::KeyId;
use super::error::{Asked, HsmError};
use super::keys::find;
use super::pool::{Seat, What};

/// The length of a nonce in bytes, and of a tag in bits (NIST SP 800-38D, 5.2).
const NONCE: usize = 12;
const TAG_BITS: u64 = 128;
/// An AES key, in bytes.
const LENGTH: u64 = 32;

/// The identifiers of the keys with a label, in order.
pub(super) fn labelled(seat: &Seat<'_>, label: &str) -> Result<Vec<KeyId>, HsmError> {
    let wanted =
        [Attribute::Token(true), Attribute::Class(ObjectClass::SECRET_KEY), Attribute::Label(label.into())];
    let mut ids = Vec::new();
    for object in seat.session().find_objects(&wanted).asked("for a key")? {
        let told = seat.session().get_attributes(object, &[AttributeType::Id]).asked("for a key's id")?;
        ids.extend(told.into_iter().filter_map(|attribute| {
            let Attribute::Id(id) = attribute else { return None };
            (!id.is_empty()).then_some(KeyId(id))
        }));
    }
    ids.sort();
    Ok(ids)
}

/// Makes a key.
pub(super) fn generate(seat: &Seat<'_>, id: &KeyId, label: &str) -> Result<(), HsmError> {
    let wanted = [
        Attribute::Token(true),
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Encrypt(true),
        Attribute::Decrypt(true),
        Attribute::ValueLen(Ulong::from(LENGTH)),
        Attribute::Id(id.0.clone()),
        Attribute::Label(label.into()),
    ];
    seat.session().generate_key(&Mechanism::AesKeyGen, &wanted).asked("to make a key").map(drop)
}

/// Encrypts: the nonce, then the text with its tag. Some tokens choose the nonce themselves; what comes back counts.
pub(super) fn encrypt(
    seat: &mut Seat<'_>,
    id: &KeyId,
    (nonce, aad): ([u8; NONCE], &[u8]),
    plaintext: &[u8],
) -> Result<Vec<u8>, HsmError> {
    let key = secret(seat, id)?;
    let mut nonce = nonce;
    let params = GcmParams::new(&mut nonce, aad, Ulong::from(TAG_BITS)).asked("to encrypt")?;
    let encrypted = seat.session().encrypt(&Mechanism::AesGcm(params), key, plaintext).asked("to encrypt")?;
    Ok([nonce.as_slice(), &encrypted].concat())
}

/// Decrypts what was encrypted under a key with the same associated data.
pub(super) fn decrypt(
    seat: &mut Seat<'_>,
    id: &KeyId,
    aad: &[u8],
    ciphertext: &[u8],
) -> Result<Vec<u8>, HsmError> {
    let too_short = HsmError::Unfit("a sealed text is too short");
    let (nonce, text) = ciphertext.split_first_chunk::<NONCE>().ok_or(too_short)?;
    let key = secret(seat, id)?;
    let mut nonce = *nonce;
    let params = GcmParams::new(&mut nonce, aad, Ulong::from(TAG_BITS)).asked("to decrypt")?;
    seat.session().decrypt(&Mechanism::AesGcm(params), key, text).asked("to decrypt")
}

fn secret(seat: &mut Seat<'_>, id: &KeyId) -> Result<ObjectHandle, HsmError> {
    let look = |session: &Session| find(session, ObjectClass::SECRET_KEY, id);
    seat.find(What::Secret, id, look)
}
