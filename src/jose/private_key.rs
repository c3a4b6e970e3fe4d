//! Private keys as JWK (RFC 7518, 6.2.2 and 6.3.2; RFC 8037, 2), for development keys that other
//! libraries must be able to import.

use aws_lc_rs::encoding::AsBigEndian;
use aws_lc_rs::rsa::KeyPairComponents;
use aws_lc_rs::signature::{
    EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, RsaKeyPair, RsaPublicKeyComponents,
};
use serde_json::Value;
use zeroize::Zeroizing;

use super::algorithm::{Algorithm, Scheme};
use super::base64url;
use super::der;
use super::jwk::JwkError;
use super::material::{Curve, Members, uncompressed};
use super::signing::{KeyError, Pair};

/// The private members of a pair, by name.
pub(super) fn members(pair: &Pair) -> Result<Vec<(&'static str, String)>, KeyError> {
    match pair {
        Pair::Rsa(_) => {
            let pkcs8 = pair.to_pkcs8()?;
            let [_version, _n, _e, d, p, q, dp, dq, qi] =
                der::rsa_numbers(&pkcs8).ok_or(KeyError::Encoding)?;
            let named = [("d", d), ("p", p), ("q", q), ("dp", dp), ("dq", dq), ("qi", qi)];
            Ok(named.into_iter().map(|(name, number)| (name, base64url::encode(number))).collect())
        }
        Pair::Ec(pair) => {
            let d = pair.private_key().as_be_bytes().map_err(|_| KeyError::Encoding)?;
            Ok(vec![("d", base64url::encode(d.as_ref()))])
        }
        Pair::Ed25519(pair) => {
            let seed = pair.seed().and_then(|seed| seed.as_be_bytes());
            let seed = seed.map_err(|_| KeyError::Encoding)?;
            Ok(vec![("d", base64url::encode(seed.as_ref()))])
        }
    }
}

/// Reads a pair; its public numbers must be those of its private ones.
pub(super) fn parse(algorithm: Algorithm, value: &Value) -> Result<Pair, KeyError> {
    let members = Members(value.as_object().ok_or(JwkError::NotAnObject)?);
    match algorithm.scheme() {
        Scheme::Rsa { .. } => rsa_pair(members),
        Scheme::Ec { signing, .. } => ec_pair(members, algorithm, signing),
        Scheme::Ed25519 => {
            expect_type(members, "OKP")?;
            let (seed, x) = (secret(members, "d")?, members.bytes("x")?);
            let pair = (seed.len() == Curve::Ed25519.length())
                .then(|| Ed25519KeyPair::from_seed_and_public_key(&seed, &x));
            pair.and_then(Result::ok).map(Pair::Ed25519).ok_or(KeyError::Rejected)
        }
    }
}

fn rsa_pair(members: Members<'_>) -> Result<Pair, KeyError> {
    expect_type(members, "RSA")?;
    let components = KeyPairComponents {
        public_key: RsaPublicKeyComponents { n: members.bytes("n")?, e: members.bytes("e")? },
        d: secret(members, "d")?,
        p: secret(members, "p")?,
        q: secret(members, "q")?,
        dP: secret(members, "dp")?,
        dQ: secret(members, "dq")?,
        qInv: secret(members, "qi")?,
    };
    RsaKeyPair::from_components(&components).map(Pair::Rsa).map_err(|_| KeyError::Rejected)
}

fn ec_pair(
    members: Members<'_>,
    algorithm: Algorithm,
    signing: &'static EcdsaSigningAlgorithm,
) -> Result<Pair, KeyError> {
    expect_type(members, "EC")?;
    let curve = if algorithm == Algorithm::Es384 { Curve::P384 } else { Curve::P256 };
    let (d, x, y) = (secret(members, "d")?, members.bytes("x")?, members.bytes("y")?);
    if [d.len(), x.len(), y.len()] != [curve.length(); 3] {
        return Err(KeyError::Rejected);
    }
    EcdsaKeyPair::from_private_key_and_public_key(signing, &d, &uncompressed(&x, &y))
        .map(Pair::Ec)
        .map_err(|_| KeyError::Rejected)
}

fn secret(members: Members<'_>, name: &'static str) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    Ok(Zeroizing::new(members.bytes(name)?))
}

fn expect_type(members: Members<'_>, key_type: &str) -> Result<(), KeyError> {
    if members.required("kty")? == key_type { Ok(()) } else { Err(KeyError::Rejected) }
}
