//! `/admin/v1/certificates` and `/admin/v1/certificate-requests`.

use serde_json::{Map, Value, json};
use time::format_description::well_known::Rfc3339;

use crate::ca::{Asked, IssuedCertificate, Overview, Terms, list_url, responder_url};
use crate::model::authority::{Authority, RevocationReason, Standing};
use crate::model::certificate::KnownCertificate;
use crate::model::certificate_request::{CertificateRequest, Eyes};
use crate::moment::Timestamp;
use crate::pki::pem;
use crate::pki::thumbprint::Thumbprint;
use crate::protocol::error::{ErrorCode, FieldProblem, Reason, Refusal};
use crate::protocol::fields::Fields;
use crate::protocol::ids::ClientId;

use super::call::{Answer, Call, Unanswered};
use super::initial_tokens::target;
use super::paging;

const PATH: &str = "/admin/v1/certificate-requests";

pub(super) async fn request(call: Call) -> Result<Answer, Unanswered> {
    let document = call.document()?;
    let asked = asked(&document)?;
    let request = call.state.administration.request_certificate(&call.caller, asked).await?;
    let location = format!("{PATH}/{}", request.id);
    Ok(Answer::accepted(show_request(&request, call.state.clock.now()), location))
}

pub(super) async fn list(call: Call) -> Result<Answer, Unanswered> {
    call.only_query(&["cursor", "limit"])?;
    let page = paging::page(&call.query, |text| text.parse().ok())?;
    let requests = call.state.administration.list_certificate_requests(&page).await?;
    let last = requests.last().filter(|_| paging::is_full(requests.len(), page.limit));
    let cursor = last.map(|request| paging::cursor(&request.id.to_string()));
    let next = cursor.as_ref().map(|cursor| format!("{PATH}?limit={}&cursor={cursor}", page.limit));
    let now = call.state.clock.now();
    let items: Vec<Value> = requests.iter().map(|request| show_request(request, now)).collect();
    Ok(Answer::ok(json!({"items": items, "next": cursor})).next(next))
}

pub(super) async fn read(call: Call) -> Result<Answer, Unanswered> {
    let request = call.state.administration.find_certificate_request(target(&call)?).await?;
    Ok(Answer::ok(show_request(&request, call.state.clock.now())))
}

pub(super) async fn approve(call: Call) -> Result<Answer, Unanswered> {
    let issued = call.state.administration.approve_certificate(&call.caller, target(&call)?).await?;
    Ok(Answer::ok(show_issued(&issued)))
}

pub(super) async fn deny(call: Call) -> Result<Answer, Unanswered> {
    let request = call.state.administration.deny_certificate(&call.caller, target(&call)?).await?;
    Ok(Answer::ok(show_request(&request, call.state.clock.now())))
}

pub(super) async fn revoke(call: Call) -> Result<Answer, Unanswered> {
    let unknown = || {
        let reason = Reason::new("certificate_unknown");
        Refusal::new(ErrorCode::NotFound, "there is no such certificate", reason)
    };
    let thumbprint = Thumbprint::parse(call.path("thumbprint")).ok_or_else(unknown)?;
    let reason = reason(&call.document_or_empty()?)?;
    let known = call.state.administration.revoke_certificate(&call.caller, thumbprint, reason).await?;
    Ok(Answer::ok(show_certificate(&known)))
}

/// What a document asks for.
fn asked(document: &Map<String, Value>) -> Result<Asked, Refusal> {
    let mut fields = Fields::of(document);
    let client = fields.parsed("client_id", |text| {
        ClientId::parse(text).ok_or("must be the client_id of a registered client")
    });
    let csr = fields.value("csr").and_then(Value::as_str);
    if csr.is_none() {
        fields.problem("csr", "must be given: PKCS #10 in PEM, as a text");
    }
    if fields.value("client_id").is_none() {
        fields.problem("client_id", "must be given");
    }
    let problems = fields.finish();
    match (client, csr) {
        (Some(client), Some(csr)) if problems.is_empty() => {
            Ok(Asked { client, csr: csr.as_bytes().to_vec(), asked_with: None })
        }
        _ => Err(unreadable(problems)),
    }
}

/// Why a certificate is revoked, as a document says.
fn reason(document: &Map<String, Value>) -> Result<RevocationReason, Refusal> {
    let mut fields = Fields::of(document);
    let reason = fields.parsed("reason", |text| {
        let says = "must be unspecified, keyCompromise, affiliationChanged, superseded, cessationOfOperation or \
                    privilegeWithdrawn";
        RevocationReason::parse(text).ok_or(says)
    });
    let problems = fields.finish();
    if problems.is_empty() {
        Ok(reason.unwrap_or(RevocationReason::Unspecified))
    } else {
        Err(unreadable(problems))
    }
}

fn unreadable(problems: Vec<FieldProblem>) -> Refusal {
    Refusal::invalid_request("the request cannot be accepted as it is", "certificate_request_unreadable")
        .fields(problems)
}

fn at(time: Timestamp) -> String {
    time.format(&Rfc3339).unwrap_or_default()
}

/// A request as it stands at a time.
#[must_use]
pub fn show_request(request: &CertificateRequest, now: Timestamp) -> Value {
    let decision = request.decision.as_ref();
    json!({
        "id": request.id,
        "client_id": request.client.as_str(),
        "state": request.state(now).as_str(),
        "requested_by": request.requested_by,
        "requested_at": at(request.requested_at),
        "expires_at": at(request.expires_at),
        "decided_by": decision.map(|decision| &decision.by),
        "decided_at": decision.map(|decision| at(decision.at)),
        "thumbprint": decision.and_then(|decision| decision.thumbprint.as_ref()),
        "asked_with": request.asked_with,
        "csr": pem::write(pem::REQUEST, &request.csr),
    })
}

/// A certificate that was just issued, with those above it.
#[must_use]
pub fn show_issued(issued: &IssuedCertificate) -> Value {
    let mut shown = show_certificate(&issued.known);
    if let Some(members) = shown.as_object_mut() {
        members.insert("chain".to_owned(), json!(pem::write(pem::CERTIFICATE, &issued.chain.issuing)));
        members.insert("root".to_owned(), json!(pem::write(pem::CERTIFICATE, &issued.chain.root)));
    }
    shown
}

/// A certificate that the server knows.
#[must_use]
pub fn show_certificate(known: &KnownCertificate) -> Value {
    json!({
        "thumbprint": known.thumbprint.as_base64url(),
        "client_id": known.client.as_str(),
        "community": known.community,
        "subject": known.subject,
        "issuer": known.issuer,
        "serial": known.serial,
        "not_before": at(known.not_before),
        "not_after": at(known.not_after),
        "origin": known.origin.as_str(),
        "renews": known.renews.map(|renewed| renewed.as_base64url()),
        "revoked_at": known.revocation.as_ref().map(|(time, _)| at(*time)),
        "revocation_reason": known.revocation.as_ref().map(|(_, reason)| reason),
        "certificate": pem::write(pem::CERTIFICATE, &known.der),
    })
}

/// The authorities, where what they publish is to be had, and what is to be done about them.
#[must_use]
pub fn show_authorities(terms: &Terms, overview: &Overview, now: Timestamp) -> Value {
    let Overview { root, issuing, standings } = overview;
    let each = standings.iter().map(|(authority, standing)| {
        let until = match standing {
            Standing::Issuing | Standing::Ended | Standing::Revoked => None,
            Standing::Retired(last) => Some(at(*last)),
        };
        json!({
            "name": authority.name.to_string(),
            "state": standing.as_str(),
            "until": until,
            "not_after": at(authority.not_after),
            "to_do": to_do(terms, (authority, *standing), now),
            "thumbprint": thumbprint(authority),
            "crl": list_url(terms, authority.name),
            "revoked_at": authority.revocation.as_ref().map(|(time, _)| at(*time)),
            "revocation_reason": authority.revocation.as_ref().map(|(_, reason)| reason),
            "certificate": pem::write(pem::CERTIFICATE, &authority.certificate),
        })
    });
    json!({
        "root_thumbprint": thumbprint(root),
        "root_not_after": at(root.not_after),
        "root_crl": list_url(terms, root.name),
        "issuing_thumbprint": thumbprint(issuing),
        "issuing_not_after": at(issuing.not_after),
        "issuing_crl": list_url(terms, issuing.name),
        "ocsp": responder_url(terms),
        "four_eyes": terms.eyes == Eyes::Four,
        "root": pem::write(pem::CERTIFICATE, &root.certificate),
        "issuing": pem::write(pem::CERTIFICATE, &issuing.certificate),
        "authorities": each.collect::<Vec<Value>>(),
    })
}

fn thumbprint(authority: &Authority) -> String {
    Thumbprint::of_der(&authority.certificate).as_base64url()
}

/// What whoever looks after the PKI does about an authority.
fn to_do(terms: &Terms, (authority, standing): (&Authority, Standing), now: Timestamp) -> String {
    // From then on its certificates would outlast it.
    let cut = authority.not_after - terms.certificate;
    match standing {
        Standing::Issuing if now >= cut => {
            "run `hilum pki rollover` now: the certificates that it issues end with it".to_owned()
        }
        Standing::Issuing => format!("run `hilum pki rollover` before {}", cut.date()),
        Standing::Retired(last) => {
            format!("nothing: its certificates end by {}, and their holders renew them", last.date())
        }
        Standing::Ended => "nothing: there are no certificates of it any more".to_owned(),
        Standing::Revoked => "have the holders of its certificates ask for new ones".to_owned(),
    }
}
