//! Answers of responders: whose, about what, of when (RFC 6960).

use proptest::prelude::*;
use rcgen::{CustomExtension, SigningKey};
use time::Duration;
use x509_cert::der::asn1::{BitString, GeneralizedTime, Null, ObjectIdentifier, OctetString};
use x509_cert::der::{Any, Decode, Encode};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::CrlReason;
use x509_cert::serial_number::SerialNumber as Serial;
use x509_cert::spki::AlgorithmIdentifierOwned;
use x509_ocsp::{
    AsResponseBytes, BasicOcspResponse, CertId, CertStatus, OcspGeneralizedTime, OcspRequest, OcspResponse,
    ResponderId, ResponseData, RevokedInfo, SingleResponse, Version,
};

use super::*;
use crate::pki::revocation::{self, AnswerFault, Link, Question, Reason, RevocationList};

const NONCE: [u8; 32] = [7; 32];

const NONE: [Box<RevocationList>; 0] = [];

/// What a responder says, and how.
#[derive(Clone)]
struct Saying {
    status: CertStatus,
    this_update: Timestamp,
    next_update: Option<Timestamp>,
    nonce: Option<[u8; 32]>,
    by_sha_256: bool,
    serial: u64,
}

impl Default for Saying {
    fn default() -> Self {
        Self {
            status: CertStatus::Good(Null),
            this_update: NOW - Duration::HOUR,
            next_update: Some(NOW + Duration::HOUR),
            nonce: Some(NONCE),
            by_sha_256: false,
            serial: 7,
        }
    }
}

fn link_of(root: &Authority) -> Link {
    let chain = [leaf(root, &client_params("client"))];
    let path = at(&store(root), &chain, NOW).unwrap();
    revocation::links(&path).unwrap().remove(0)
}

fn general(at: Timestamp) -> OcspGeneralizedTime {
    let since = std::time::Duration::from_secs(u64::try_from(at.unix_timestamp()).unwrap());
    OcspGeneralizedTime(GeneralizedTime::from_unix_duration(since).unwrap())
}

fn oid(text: &str) -> ObjectIdentifier {
    ObjectIdentifier::new(text).unwrap()
}

/// The answer of whoever holds a key, with certificates of delegates.
fn answer(link: &Link, saying: &Saying, key: &KeyPair, certificates: &[Vec<u8>]) -> Vec<u8> {
    let (algorithm, hash) = if saying.by_sha_256 {
        (&aws_lc_rs::digest::SHA256, "2.16.840.1.101.3.4.2.1")
    } else {
        (&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, "1.3.14.3.2.26")
    };
    let digest =
        |bytes: &[u8]| OctetString::new(aws_lc_rs::digest::digest(algorithm, bytes).as_ref()).unwrap();
    let info = x509_cert::spki::SubjectPublicKeyInfoOwned::from_der(link.authority.key()).unwrap();
    let cert_id = CertId {
        hash_algorithm: AlgorithmIdentifierOwned { oid: oid(hash), parameters: Some(Any::null()) },
        issuer_name_hash: digest(link.authority.name()),
        issuer_key_hash: digest(info.subject_public_key.as_bytes().unwrap()),
        serial_number: Serial::from(saying.serial),
    };
    let nonce = saying.nonce.map(|nonce| {
        let value = OctetString::new(nonce).unwrap().to_der().unwrap();
        let extn_value = OctetString::new(value).unwrap();
        vec![Extension { extn_id: oid("1.3.6.1.5.5.7.48.1.2"), critical: false, extn_value }]
    });
    let tbs_response_data = ResponseData {
        version: Version::V1,
        responder_id: ResponderId::ByKey(digest(b"whoever")),
        produced_at: general(NOW),
        responses: vec![SingleResponse {
            cert_id,
            cert_status: saying.status,
            this_update: general(saying.this_update),
            next_update: saying.next_update.map(general),
            single_extensions: None,
        }],
        response_extensions: nonce,
    };
    let signature = key.sign(&tbs_response_data.to_der().unwrap()).unwrap();
    let read = |der: &Vec<u8>| x509_cert::Certificate::from_der(der).unwrap();
    let basic = BasicOcspResponse {
        tbs_response_data,
        signature_algorithm: AlgorithmIdentifierOwned { oid: oid("1.2.840.10045.4.3.2"), parameters: None },
        signature: BitString::from_bytes(&signature).unwrap(),
        certs: (!certificates.is_empty()).then(|| certificates.iter().map(read).collect()),
    };
    OcspResponse {
        response_status: x509_ocsp::OcspResponseStatus::Successful,
        response_bytes: Some(basic.to_response_bytes().unwrap()),
    }
    .to_der()
    .unwrap()
}

fn judged(link: &Link, answer: &[u8], lists: &[Box<RevocationList>]) -> Result<Option<Reason>, AnswerFault> {
    Question::about(link, NONCE).judge(answer, lists, NOW).map(|answer| answer.revoked)
}

fn revoked() -> CertStatus {
    let info = RevokedInfo {
        revocation_time: general(LAST_MONTH),
        revocation_reason: Some(CrlReason::KeyCompromise),
    };
    CertStatus::Revoked(info)
}

#[test]
fn an_answer_counts_if_it_is_about_the_certificate_and_of_now() {
    let root = root();
    let link = link_of(&root);
    let (good, far, short) = (Saying::default, NOW + Duration::days(2), NOW + Duration::minutes(4));
    let rows: [(Saying, Result<Option<Reason>, AnswerFault>); 13] = [
        (good(), Ok(None)),
        (Saying { by_sha_256: true, ..good() }, Ok(None)),
        (Saying { nonce: None, ..good() }, Ok(None)),
        (Saying { nonce: Some([8; 32]), ..good() }, Err(AnswerFault::Another)),
        (Saying { serial: 8, ..good() }, Err(AnswerFault::Another)),
        (Saying { status: CertStatus::Unknown(Null), ..good() }, Err(AnswerFault::Unknown)),
        (Saying { status: revoked(), ..good() }, Ok(Some(Reason::KeyCompromise))),
        (Saying { next_update: Some(NOW), ..good() }, Err(AnswerFault::NotCurrent)),
        (Saying { status: revoked(), next_update: Some(NOW), ..good() }, Ok(Some(Reason::KeyCompromise))),
        (Saying { next_update: None, ..good() }, Err(AnswerFault::NotCurrent)),
        (Saying { next_update: None, this_update: NOW, ..good() }, Ok(None)),
        (Saying { this_update: far, next_update: Some(far), ..good() }, Err(AnswerFault::NotCurrent)),
        (Saying { this_update: short, next_update: Some(far), ..good() }, Ok(None)),
    ];
    for (at, (saying, expected)) in rows.into_iter().enumerate() {
        assert_eq!(judged(&link, &answer(&link, &saying, root.key(), &[]), &[]), expected, "row {at}");
    }
    let untold = OcspResponse::unauthorized().to_der().unwrap();
    assert_eq!(judged(&link, &untold, &[]), Err(AnswerFault::Unanswered));
}

#[test]
fn an_answer_is_signed_by_the_authority_or_by_its_delegate() {
    let root = root();
    let link = link_of(&root);
    let key = KeyPair::generate().unwrap();
    let no_check = CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 48, 1, 5], vec![5, 0]);
    let delegate = |issuer: &Authority, change: &dyn Fn(&mut CertificateParams)| {
        let mut params = params("Responder");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::OcspSigning];
        params.custom_extensions = vec![no_check.clone()];
        params.serial_number = Some(SerialNumber::from(9_u64));
        change(&mut params);
        params.signed_by(&key, issuer).unwrap().der().to_vec()
    };
    let said = |certificates: &[Vec<u8>], lists: &[Vec<u8>]| {
        let lists: Vec<_> =
            lists.iter().map(|der| Box::new(RevocationList::parse(der.clone()).unwrap())).collect();
        judged(&link, &answer(&link, &Saying::default(), &key, certificates), &lists)
    };
    let (stranger, clean) = (root_of(authority_params("Root")), list(&root, &[]));
    let checked = delegate(&root, &|params| params.custom_extensions.clear());
    let (good, bad) = (Ok(None), Err(AnswerFault::Signature));
    let rows = [
        (vec![delegate(&root, &|_| {})], vec![], good),
        (vec![leaf(&root, &client_params("other")), delegate(&root, &|_| {})], vec![], good),
        (vec![], vec![], bad),
        (vec![delegate(&stranger, &|_| {})], vec![], bad),
        (vec![delegate(&root, &|params| params.extended_key_usages.clear())], vec![], bad),
        (
            vec![delegate(&root, &|params| {
                params.extended_key_usages = client_params("x").extended_key_usages;
            })],
            vec![],
            bad,
        ),
        (vec![delegate(&root, &|params| params.not_after = LAST_MONTH)], vec![], bad),
        (vec![delegate(&root, &|_| {})], vec![list(&root, &[9])], bad),
        // Without word that it need not be checked, a list must speak of it.
        (vec![checked.clone()], vec![], bad),
        (vec![checked.clone()], vec![clean], good),
        (vec![checked], vec![list(&root, &[9])], bad),
    ];
    for (at, (certificates, lists, expected)) in rows.into_iter().enumerate() {
        assert_eq!(said(&certificates, &lists), expected, "row {at}");
    }
}

#[test]
fn a_question_names_the_certificate_and_brings_chance() {
    let root = root();
    let link = link_of(&root);
    let der = Question::about(&link, NONCE).to_der().unwrap();
    let read = OcspRequest::from_der(&der).unwrap();
    assert_eq!(read.nonce().unwrap().0.as_bytes(), NONCE);
    let asked = &read.tbs_request.request_list[0].req_cert;
    assert_eq!(
        (asked.serial_number.clone(), asked.issuer_key_hash.as_bytes().len()),
        (Serial::from(7_u64), 20)
    );
}

#[test]
fn lists_and_answers_complete_each_other_and_revoked_wins() {
    let root = root();
    let chain = [leaf(&root, &client_params("client"))];
    let path = at(&store(&root), &chain, NOW).unwrap();
    let link = revocation::links(&path).unwrap().remove(0);
    let told = |saying| {
        Question::about(&link, NONCE).judge(&answer(&link, &saying, root.key(), &[]), &NONE, NOW).unwrap()
    };
    let (good, bad) = (told(Saying::default()), told(Saying { status: revoked(), ..Saying::default() }));
    let read = |der: Vec<u8>| Box::new(RevocationList::parse(der).unwrap());
    let mut stale = list_params(&[]);
    stale.next_update = NOW;
    let stale = || stale.clone().signed_by(&root).unwrap().der().to_vec();
    let rows = [
        (vec![], vec![good.clone()], "trusted"),
        (vec![stale()], vec![good.clone()], "trusted"),
        (vec![stale()], vec![], "revocation_stale"),
        (vec![], vec![bad.clone()], "revoked"),
        (vec![list(&root, &[])], vec![bad], "revoked"),
        (vec![list(&root, &[7])], vec![good], "revoked"),
        (vec![], vec![], "revocation_unknown"),
    ];
    for (at, (lists, answers, expected)) in rows.into_iter().enumerate() {
        let lists: Vec<_> = lists.into_iter().map(read).collect();
        assert_eq!(refused(revocation::judge(&path, &lists, &answers, NOW)), expected, "row {at}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_changed_byte_makes_an_answer_good(place in any::<prop::sample::Index>(), flip in 1..=255_u8) {
        let root = root();
        let link = link_of(&root);
        let mut shown = answer(&link, &Saying { status: revoked(), ..Saying::default() }, root.key(), &[]);
        let place = place.index(shown.len());
        shown[place] ^= flip;
        prop_assert_ne!(judged(&link, &shown, &[]), Ok(None));
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), cut in any::<prop::sample::Index>()) {
        let root = root();
        let link = link_of(&root);
        prop_assert!(judged(&link, &bytes, &[]).is_err());
        let whole = answer(&link, &Saying::default(), root.key(), &[]);
        prop_assert!(judged(&link, &whole[..cut.index(whole.len())], &[]).is_err());
    }
}
