//! What a registration of the profile `fapi2` must say besides (FAPI 2.0 Security Profile, 5.3 and 5.4).

use crate::protocol::client_metadata::ClientMetadata;
use crate::protocol::error::FieldProblem;
use crate::protocol::redirect_uri::RedirectUri;

/// The methods by which a client of FAPI 2.0 may authenticate (5.3.2.1).
const METHODS: [&str; 3] = ["private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth"];

/// What keeps a registration from the profile.
pub(super) fn problems(metadata: &ClientMetadata) -> Vec<FieldProblem> {
    let mut problems = Vec::new();
    let mut problem = |field: &str, says: &str| {
        problems.push(FieldProblem { field: field.to_owned(), says: says.to_owned() });
    };
    if !METHODS.contains(&metadata.token_endpoint_auth_method.as_str()) {
        problem(
            "token_endpoint_auth_method",
            "profile fapi2 needs private_key_jwt, tls_client_auth or self_signed_tls_client_auth",
        );
    }
    if !metadata.certificate_bound && !metadata.dpop_bound {
        problem(
            "profile",
            "fapi2 needs tls_client_certificate_bound_access_tokens or dpop_bound_access_tokens: tokens are bound \
             to a key",
        );
    }
    let algorithms = [
        ("token_endpoint_auth_signing_alg", metadata.token_endpoint_auth_signing_alg),
        ("request_object_signing_alg", metadata.request_object_signing_alg),
        ("authorization_signed_response_alg", metadata.authorization_signed_response_alg),
        ("introspection_signed_response_alg", metadata.introspection_signed_response_alg),
        ("userinfo_signed_response_alg", metadata.userinfo_signed_response_alg),
        ("id_token_signed_response_alg", Some(metadata.id_token_signed_response_alg)),
    ];
    for (field, algorithm) in algorithms {
        if algorithm.is_some_and(|algorithm| !algorithm.is_of_fapi()) {
            problem(field, "profile fapi2 allows PS256, ES256 and EdDSA");
        }
    }
    for (index, uri) in metadata.redirect_uris.iter().enumerate() {
        if !is_https(uri) {
            problem(&format!("redirect_uris[{index}]"), "profile fapi2 wants https");
        }
    }
    problems
}

fn is_https(uri: &RedirectUri) -> bool {
    uri.as_str().starts_with("https://")
}
