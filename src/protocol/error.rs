//! The two kinds of failure: a *refusal* is the peer's fault and is told, a *fault* is ours and is hidden.

use std::fmt;

use uuid::Uuid;

/// The error codes of the standards that this server speaks; each has one word and one status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorCode {
    /// RFC 6749, 5.2.
    InvalidRequest,
    /// A body that is not a form; told as `invalid_request`.
    UnsupportedMediaType,
    /// An answer in no form that the request accepts; told as `invalid_request`.
    NotAcceptable,
    /// A body larger than any that is right; told as `invalid_request`.
    ContentTooLarge,
    /// RFC 6749, 5.2; 401 always, so that the answers are the same for every method.
    InvalidClient,
    /// RFC 6749, 5.2.
    UnauthorizedClient,
    /// RFC 6749, 5.2: a code, a refresh token or its use is wrong.
    InvalidGrant,
    /// RFC 6749, 5.2.
    UnsupportedGrantType,
    /// RFC 6749, 5.2.
    InvalidScope,
    /// RFC 8707, 2.
    InvalidTarget,
    /// RFC 6749, 4.1.2.1.
    UnsupportedResponseType,
    /// RFC 6749, 4.1.2.1: the person, or policy, said no.
    AccessDenied,
    /// OpenID Connect Core, 3.1.2.6.
    LoginRequired,
    /// OpenID Connect Core, 3.1.2.6.
    ConsentRequired,
    /// The person has to choose, but no page may be shown (OpenID Connect Core, 3.1.2.6).
    InteractionRequired,
    /// OpenID Connect Core, 3.1.2.6.
    RequestUriNotSupported,
    /// A form that was not sent from the page it belongs to.
    Forged,
    /// Too many attempts: come again later (RFC 6585, 4); told as `temporarily_unavailable`.
    TooManyAttempts,
    /// RFC 6750, 3.1.
    InvalidToken,
    /// RFC 6750, 3.1.
    InsufficientScope,
    /// Whoever asked for something cannot be the one who approves it.
    FourEyes,
    /// RFC 7591, 3.2.2.
    InvalidClientMetadata,
    /// RFC 7591, 3.2.2.
    InvalidRedirectUri,
    /// RFC 7591, 3.2.2.
    InvalidSoftwareStatement,
    /// RFC 7591, 3.2.2.
    UnapprovedSoftwareStatement,
    /// RFC 9449, 5.
    InvalidDpopProof,
    /// RFC 9449, 8.
    UseDpopNonce,
    /// RFC 9396, 5.
    InvalidAuthorizationDetails,
    /// RFC 9101, 7.
    InvalidRequestObject,
    /// RFC 9101, 7; RFC 9126, 4.
    InvalidRequestUri,
    /// RFC 8628, 3.5.
    AuthorizationPending,
    /// RFC 8628, 3.5.
    SlowDown,
    /// RFC 8628, 3.5.
    ExpiredToken,
    /// OpenID Connect Core Error Code unmet_authentication_requirements.
    UnmetAuthenticationRequirements,
    /// The admin API was asked for what does not exist.
    NotFound,
    /// The admin API was asked for what contradicts what exists.
    Conflict,
    /// The ETag of the admin request is not the present one (RFC 9110, 13.1.1).
    PreconditionFailed,
    /// The admin request must name an ETag (RFC 6585, 3).
    PreconditionRequired,
}

impl ErrorCode {
    /// The word on the wire.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::InvalidRequest
            | Self::UnsupportedMediaType
            | Self::NotAcceptable
            | Self::ContentTooLarge => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::InvalidGrant => "invalid_grant",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidTarget => "invalid_target",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::AccessDenied | Self::Forged => "access_denied",
            Self::LoginRequired => "login_required",
            Self::ConsentRequired => "consent_required",
            Self::InteractionRequired => "interaction_required",
            Self::RequestUriNotSupported => "request_uri_not_supported",
            Self::TooManyAttempts => "temporarily_unavailable",
            Self::InvalidToken => "invalid_token",
            Self::InsufficientScope => "insufficient_scope",
            Self::FourEyes => "four_eyes",
            Self::InvalidClientMetadata => "invalid_client_metadata",
            Self::InvalidRedirectUri => "invalid_redirect_uri",
            Self::InvalidSoftwareStatement => "invalid_software_statement",
            Self::UnapprovedSoftwareStatement => "unapproved_software_statement",
            Self::InvalidDpopProof => "invalid_dpop_proof",
            Self::UseDpopNonce => "use_dpop_nonce",
            Self::InvalidAuthorizationDetails => "invalid_authorization_details",
            Self::InvalidRequestObject => "invalid_request_object",
            Self::InvalidRequestUri => "invalid_request_uri",
            Self::AuthorizationPending => "authorization_pending",
            Self::SlowDown => "slow_down",
            Self::ExpiredToken => "expired_token",
            Self::UnmetAuthenticationRequirements => "unmet_authentication_requirements",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::PreconditionFailed => "precondition_failed",
            Self::PreconditionRequired => "precondition_required",
        }
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::InvalidClient | Self::InvalidToken => 401,
            Self::InsufficientScope | Self::Forged | Self::FourEyes => 403,
            Self::NotFound => 404,
            Self::NotAcceptable => 406,
            Self::Conflict => 409,
            Self::PreconditionFailed => 412,
            Self::ContentTooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::PreconditionRequired => 428,
            Self::TooManyAttempts => 429,
            Self::InvalidRequest
            | Self::UnauthorizedClient
            | Self::InvalidGrant
            | Self::UnsupportedGrantType
            | Self::UnsupportedResponseType
            | Self::AccessDenied
            | Self::LoginRequired
            | Self::ConsentRequired
            | Self::InteractionRequired
            | Self::RequestUriNotSupported
            | Self::InvalidScope
            | Self::InvalidTarget
            | Self::InvalidClientMetadata
            | Self::InvalidRedirectUri
            | Self::InvalidSoftwareStatement
            | Self::UnapprovedSoftwareStatement
            | Self::InvalidDpopProof
            | Self::UseDpopNonce
            | Self::InvalidAuthorizationDetails
            | Self::InvalidRequestObject
            | Self::InvalidRequestUri
            | Self::AuthorizationPending
            | Self::SlowDown
            | Self::ExpiredToken
            | Self::UnmetAuthenticationRequirements => 400,
        }
    }
}

/// Why something was refused: a fixed code and particulars, both for audit and log alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    code: &'static str,
    detail: Option<String>,
}

impl Reason {
    /// A reason by its code.
    #[must_use]
    pub const fn new(code: &'static str) -> Self {
        Self { code, detail: None }
    }

    /// The code, such as `unknown_client`.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.code
    }

    /// The particulars.
    #[must_use]
    pub fn detail(&self) -> Option<&str> {
        self.detail.as_deref()
    }
}

/// What is wrong with one member of an admin request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldProblem {
    /// The member, such as `redirect_uris[1]`.
    pub field: String,
    /// What is wrong with it and how to mend it.
    pub says: String,
}

/// The one effect that a refusal may leave behind. There is none before client authentication, ownership
/// and binding are proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consequence {
    /// A code or a refresh token was shown again: all tokens of its family die (RFC 9700, 4.14.2).
    RevokeFamily(Uuid),
    /// The verifier of a code was wrong; the code is named by its digest.
    CountWrongVerifier([u8; 32]),
    /// A device was told to come again: when it asked is kept, and how long it waits from now on (RFC 8628, 3.5).
    NotePoll {
        /// The digest of its device code.
        code: [u8; 32],
        /// The interval in seconds.
        interval: i64,
    },
}

/// The peer may not: expected, told in fixed words, audited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    code: ErrorCode,
    told: &'static str,
    reason: Reason,
    fields: Vec<FieldProblem>,
    consequence: Option<Box<Consequence>>,
}

impl Refusal {
    /// A refusal: `told` goes to the peer, `reason` to the audit record.
    #[must_use]
    pub const fn new(code: ErrorCode, told: &'static str, reason: Reason) -> Self {
        Self { code, told, reason, fields: Vec::new(), consequence: None }
    }

    /// The refusal of a client's credentials, whatever was wrong with them (RFC 6749, 5.2): the same
    /// words for all, so that nothing tells whether the client exists.
    #[must_use]
    pub const fn invalid_client(reason: &'static str) -> Self {
        Self::new(ErrorCode::InvalidClient, "client authentication failed", Reason::new(reason))
    }

    /// Adds particulars to the reason.
    #[must_use]
    pub fn detail(mut self, detail: String) -> Self {
        self.reason.detail = Some(detail);
        self
    }

    /// Adds what this refusal leaves behind.
    #[must_use]
    pub fn leaving(mut self, consequence: Consequence) -> Self {
        self.consequence = Some(Box::new(consequence));
        self
    }

    /// What this refusal leaves behind.
    #[must_use]
    pub fn consequence(&self) -> Option<Consequence> {
        self.consequence.as_deref().copied()
    }

    /// Whether it says no more than to come again: nothing was decided (RFC 8628, 3.5).
    #[must_use]
    pub fn is_to_wait(&self) -> bool {
        matches!(self.code, ErrorCode::AuthorizationPending | ErrorCode::SlowDown | ErrorCode::UseDpopNonce)
    }

    /// Adds the members that are at fault; only problem documents show them.
    #[must_use]
    pub fn fields(mut self, fields: Vec<FieldProblem>) -> Self {
        self.fields = fields;
        self
    }

    /// The code.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        self.code
    }

    /// The fixed words for the peer.
    #[must_use]
    pub const fn told(&self) -> &'static str {
        self.told
    }

    /// The reason for audit and log.
    #[must_use]
    pub const fn reason(&self) -> &Reason {
        &self.reason
    }

    /// The members at fault.
    #[must_use]
    pub fn field_problems(&self) -> &[FieldProblem] {
        &self.fields
    }
}

/// We could not: hidden from the peer, logged once, all undone.
#[derive(Debug)]
pub struct Fault {
    doing: &'static str,
    overload: bool,
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl Fault {
    /// A fault by what was being done and what went wrong.
    pub fn new(doing: &'static str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { doing, overload: false, source: source.into() }
    }

    /// A fault that is nothing but too much to do.
    pub fn overload(
        doing: &'static str,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self { overload: true, ..Self::new(doing, source) }
    }

    /// Whether there was too much to do, and nothing else is wrong.
    #[must_use]
    pub const fn is_overload(&self) -> bool {
        self.overload
    }

    /// What was being done.
    #[must_use]
    pub const fn doing(&self) -> &'static str {
        self.doing
    }

    /// What went wrong.
    #[must_use]
    pub fn cause(&self) -> &(dyn std::error::Error + Send + Sync + 'static) {
        self.source.as_ref()
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.doing, self.source)
    }
}

impl std::error::Error for Fault {}

/// Why a request got no answer of the good kind.
#[derive(Debug)]
pub enum Failure {
    /// The peer may not.
    Refusal(Refusal),
    /// We could not.
    Fault(Fault),
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refusal(refusal)
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// Names what was being done when an error came up.
pub trait Doing<T> {
    /// Turns the error into a fault that says what was being done.
    fn doing(self, what: &'static str) -> Result<T, Fault>;
}

impl<T, E: Into<Box<dyn std::error::Error + Send + Sync>>> Doing<T> for Result<T, E> {
    fn doing(self, what: &'static str) -> Result<T, Fault> {
        self.map_err(|source| Fault::new(what, source))
    }
}

#[cfg(test)]
mod tests;
