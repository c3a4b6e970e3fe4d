use super::*;

#[test]
fn a_code_has_one_word_and_one_status() {
    let rows = [
        (ErrorCode::InvalidRequest, "invalid_request", 400),
        (ErrorCode::UnsupportedMediaType, "invalid_request", 415),
        (ErrorCode::NotAcceptable, "invalid_request", 406),
        (ErrorCode::ContentTooLarge, "invalid_request", 413),
        (ErrorCode::InvalidClient, "invalid_client", 401),
        (ErrorCode::UnauthorizedClient, "unauthorized_client", 400),
        (ErrorCode::UnsupportedGrantType, "unsupported_grant_type", 400),
        (ErrorCode::InvalidScope, "invalid_scope", 400),
        (ErrorCode::InvalidTarget, "invalid_target", 400),
        (ErrorCode::InvalidToken, "invalid_token", 401),
        (ErrorCode::InsufficientScope, "insufficient_scope", 403),
        (ErrorCode::PreconditionFailed, "precondition_failed", 412),
        (ErrorCode::PreconditionRequired, "precondition_required", 428),
    ];
    for (code, word, status) in rows {
        assert_eq!((code.word(), code.status()), (word, status));
    }
}
