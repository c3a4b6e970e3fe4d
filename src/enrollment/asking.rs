//! What a client sends.

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::clients::evidence::Evidence;
use crate::pki::requested_names::RequestedNames;
use crate::pki::signing_request::{SigningRequest, SigningRequestError};
use crate::protocol::error::{ErrorCode, FieldProblem, Reason, Refusal};

/// What a request shows, and says.
pub struct Asking {
    /// What it shows of its sender.
    pub evidence: Evidence,
    /// What it says, or why that cannot be read.
    pub body: Result<Vec<u8>, Refusal>,
}

impl Asking {
    /// The certification request: DER in base64, in which space means nothing (RFC 7030, 4.2.1; RFC 8951, 3.1).
    pub(super) fn request(&self) -> Result<SigningRequest, Refusal> {
        let body = self.body.as_ref().map_err(Clone::clone)?;
        let text: Vec<u8> = body.iter().copied().filter(|octet| !octet.is_ascii_whitespace()).collect();
        let der = STANDARD.decode(text).map_err(|_| {
            Refusal::invalid_request("the body must be PKCS #10, in DER and base64", "body_not_base64")
        })?;
        SigningRequest::parse(&der).map_err(unacceptable)
    }
}

/// The client that a request names: the common name that its certificate will have.
pub(super) fn named(request: &SigningRequest) -> Option<String> {
    RequestedNames::of_request(request.der())?.common_name().map(str::to_owned)
}

fn unacceptable(error: SigningRequestError) -> Refusal {
    let told = "the certification request cannot be accepted as it is";
    let problem = FieldProblem { field: "request".to_owned(), says: error.to_string() };
    Refusal::new(ErrorCode::InvalidRequest, told, Reason::new(error.as_str())).fields(vec![problem])
}
