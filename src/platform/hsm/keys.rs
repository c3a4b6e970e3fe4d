//! Key pairs in a token: made so that they cannot leave it, found by their identifier, used to sign.

use aws_lc_rs::digest::{SHA256, SHA384, digest};
use cryptoki::mechanism::eddsa::{EddsaParams, EddsaSignatureScheme};
use cryptoki::mechanism::rsa::{PkcsMgfType, PkcsPssParams};
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{Attribute, AttributeType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::KeyId;
use super::error::{Asked, HsmError};
use super::pool::{Seat, What};
use crate::jose::algorithm::Algorithm;
use crate::jose::base64url;
use crate::jose::jwk::Jwk;

/// The curves by their object identifiers in DER (RFC 5480, 2.1.1.1; RFC 8410, 3).
const P256: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const P384: &[u8] = &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22];
const ED25519: &[u8] = &[0x06, 0x03, 0x2b, 0x65, 0x70];
/// 65537.
const EXPONENT: &[u8] = &[1, 0, 1];
const RSA_BITS: u64 = 2048;
/// What a new key signs to show that it is the one of its public half.
const ANSWER: &[u8] = b"a key that was just made";

/// Asks for no more than an answer.
pub(super) fn greet(seat: &mut Seat<'_>) -> Result<(), HsmError> {
    seat.session().get_session_info().asked("how a session is")?;
    seat.library().get_token_info(seat.slot()).asked("about itself").map(drop)
}

/// Makes a key pair; the answer is its public half. One that is not as it must be is destroyed again.
pub(super) fn generate(
    seat: &mut Seat<'_>,
    algorithm: Algorithm,
    id: &KeyId,
    label: &str,
) -> Result<Value, HsmError> {
    let (making, signing, numbers) = match algorithm {
        Algorithm::Es256 => {
            (Mechanism::EccKeyPairGen, MechanismType::ECDSA, vec![Attribute::EcParams(P256.to_vec())])
        }
        Algorithm::Es384 => {
            (Mechanism::EccKeyPairGen, MechanismType::ECDSA, vec![Attribute::EcParams(P384.to_vec())])
        }
        Algorithm::EdDsa => (
            Mechanism::EccEdwardsKeyPairGen,
            MechanismType::EDDSA,
            vec![Attribute::EcParams(ED25519.to_vec())],
        ),
        Algorithm::Rs256 | Algorithm::Rs384 | Algorithm::Ps256 | Algorithm::Ps384 => {
            let bits = Attribute::ModulusBits(RSA_BITS.into());
            let exponent = Attribute::PublicExponent(EXPONENT.to_vec());
            (Mechanism::RsaPkcsKeyPairGen, rsa(algorithm).mechanism_type(), vec![bits, exponent])
        }
    };
    let known = seat.library().get_mechanism_list(seat.slot()).asked("what it can do")?;
    if ![making.mechanism_type(), signing].iter().all(|needed| known.contains(needed)) {
        return Err(HsmError::Unsupported(algorithm.as_str()));
    }
    let named = [Attribute::Token(true), Attribute::Id(id.0.clone()), Attribute::Label(label.into())];
    let public = [named.as_slice(), &numbers, &[Attribute::Verify(true)]].concat();
    let secret = [
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Sign(true),
    ];
    let private = [named.as_slice(), &secret].concat();
    seat.session().generate_key_pair(&making, &public, &private).asked("to make a key pair")?;
    let made = prove(seat, algorithm, id);
    if made.is_err() {
        destroy(seat, id)?;
    }
    made
}

/// That a new key stays where it is, and signs what its public half verifies.
fn prove(seat: &mut Seat<'_>, algorithm: Algorithm, id: &KeyId) -> Result<Value, HsmError> {
    let handle = private(seat, id)?;
    let asked = [AttributeType::Sensitive, AttributeType::Extractable];
    let told = seat.session().get_attributes(handle, &asked).asked("how a key is kept")?;
    if told != [Attribute::Sensitive(true), Attribute::Extractable(false)] {
        return Err(HsmError::Unfit("it can leave the token"));
    }
    let public = public_jwk(seat, algorithm, id)?;
    let signature = sign(seat, algorithm, id, ANSWER)?;
    let jwk = Jwk::parse(&public).map_err(|_| HsmError::Unfit("its public half is no key"))?;
    jwk.verify(algorithm, ANSWER, &signature).map_err(|_| HsmError::Unfit("its signatures do not verify"))?;
    // Whoever asked for it has gone, and will not know its name.
    if Instant::now() >= seat.deadline { Err(HsmError::Silent) } else { Ok(public) }
}

/// Signs a message; the signature is as JWS wants it (RFC 7518, 3), which for ECDSA is what tokens give.
pub(super) fn sign(
    seat: &mut Seat<'_>,
    algorithm: Algorithm,
    id: &KeyId,
    message: &[u8],
) -> Result<Vec<u8>, HsmError> {
    let key = private(seat, id)?;
    let signed = match algorithm {
        Algorithm::Es256 => seat.session().sign(&Mechanism::Ecdsa, key, digest(&SHA256, message).as_ref()),
        Algorithm::Es384 => seat.session().sign(&Mechanism::Ecdsa, key, digest(&SHA384, message).as_ref()),
        Algorithm::EdDsa => {
            let pure = Mechanism::Eddsa(EddsaParams::new(EddsaSignatureScheme::Pure));
            seat.session().sign(&pure, key, message)
        }
        Algorithm::Rs256 | Algorithm::Rs384 | Algorithm::Ps256 | Algorithm::Ps384 => {
            seat.session().sign(&rsa(algorithm), key, message)
        }
    };
    signed.asked("to sign")
}

/// The public half of a key.
pub(super) fn public_jwk(seat: &mut Seat<'_>, algorithm: Algorithm, id: &KeyId) -> Result<Value, HsmError> {
    let handle = seat.find(What::Public, id, |session| find(session, ObjectClass::PUBLIC_KEY, id))?;
    let read = |kind: AttributeType| {
        let told = seat.session().get_attributes(handle, &[kind]).asked("for a public key")?;
        match told.into_iter().next() {
            Some(
                Attribute::EcPoint(bytes) | Attribute::Modulus(bytes) | Attribute::PublicExponent(bytes),
            ) => Ok(bytes),
            Some(_) | None => Err(HsmError::Unfit("its public half is not told")),
        }
    };
    let (curve, length) = match algorithm {
        Algorithm::Es256 => ("P-256", 32),
        Algorithm::Es384 => ("P-384", 48),
        Algorithm::EdDsa => {
            let x = point(read(AttributeType::EcPoint)?, 32);
            return Ok(json!({"kty": "OKP", "crv": "Ed25519", "x": base64url::encode(&x)}));
        }
        Algorithm::Rs256 | Algorithm::Rs384 | Algorithm::Ps256 | Algorithm::Ps384 => {
            let (n, e) = (read(AttributeType::Modulus)?, read(AttributeType::PublicExponent)?);
            return Ok(json!({"kty": "RSA", "n": number(&n), "e": number(&e)}));
        }
    };
    // An uncompressed point: one byte, then both coordinates (SEC 1, 2.3.3).
    let point = point(read(AttributeType::EcPoint)?, 1 + 2 * length);
    let coordinates = point.split_first().filter(|(form, rest)| **form == 4 && rest.len() == 2 * length);
    let (_, coordinates) = coordinates.ok_or(HsmError::Unfit("its public half is no point of its curve"))?;
    let (x, y) = coordinates.split_at(length);
    Ok(json!({"kty": "EC", "crv": curve, "x": base64url::encode(x), "y": base64url::encode(y)}))
}

/// Removes a key pair, or what is left of it.
pub(super) fn destroy(seat: &mut Seat<'_>, id: &KeyId) -> Result<(), HsmError> {
    seat.forget(id);
    let found = seat.session().find_objects(&[Attribute::Token(true), Attribute::Id(id.0.clone())]);
    for object in found.asked("for what to remove")? {
        seat.session().destroy_object(object).asked("to remove a key")?;
    }
    Ok(())
}

/// Finds an object of a class by its identifier.
pub(super) fn find(
    session: &Session,
    class: ObjectClass,
    id: &KeyId,
) -> Result<Option<ObjectHandle>, HsmError> {
    let wanted = [Attribute::Token(true), Attribute::Class(class), Attribute::Id(id.0.clone())];
    Ok(session.find_objects(&wanted).asked("for a key")?.into_iter().next())
}

fn private(seat: &mut Seat<'_>, id: &KeyId) -> Result<ObjectHandle, HsmError> {
    seat.find(What::Private, id, |session| find(session, ObjectClass::PRIVATE_KEY, id))
}

/// How to sign with RSA (RFC 7518, 3.3 and 3.5).
fn rsa(algorithm: Algorithm) -> Mechanism<'static> {
    let salted = |hash_alg, mgf, length: u64| PkcsPssParams { hash_alg, mgf, s_len: length.into() };
    match algorithm {
        Algorithm::Ps256 => {
            Mechanism::Sha256RsaPkcsPss(salted(MechanismType::SHA256, PkcsMgfType::MGF1_SHA256, 32))
        }
        Algorithm::Ps384 => {
            Mechanism::Sha384RsaPkcsPss(salted(MechanismType::SHA384, PkcsMgfType::MGF1_SHA384, 48))
        }
        Algorithm::Rs384 => Mechanism::Sha384RsaPkcs,
        Algorithm::Rs256 | Algorithm::Es256 | Algorithm::Es384 | Algorithm::EdDsa => Mechanism::Sha256RsaPkcs,
    }
}

/// A point without the octet string that tokens put it in; some do not (PKCS#11 3.1, 6.3.3).
fn point(told: Vec<u8>, length: usize) -> Vec<u8> {
    match told.as_slice() {
        [0x04, inner, rest @ ..] if usize::from(*inner) == length && rest.len() == length => rest.to_vec(),
        _ => told,
    }
}

/// A number as JWK writes it: without leading zeros (RFC 7518, 6.3.1).
fn number(bytes: &[u8]) -> String {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    base64url::encode(bytes.get(zeros..).unwrap_or_default())
}
