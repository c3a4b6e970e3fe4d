//! The endpoints that clients call.

use hilum::discovery::endpoints as at;

use super::endpoints::{Endpoint, Life, Param, Place, Told, p};

const SECRET: &[Param] = &[
    p("client_id", "invalid_client", "invalid_client"),
    p("client_secret", "invalid_client", "invalid_client"),
    p("client_assertion_type", "fine", "invalid_request|invalid_client|fine"),
    p("client_assertion", "fine", "invalid_request|invalid_client"),
];
const ASSERTION: &[Param] = &[
    p("client_assertion_type", "invalid_request|invalid_client", "invalid_request|invalid_client"),
    p("client_assertion", "invalid_request|invalid_client", "invalid_client"),
    p("client_id", "fine", "invalid_client|invalid_request"),
    p("client_secret", "fine", "invalid_request|invalid_client"),
];
/// RFC 6749, 3.2: what is not known is passed over, but stands once all the same.
const UNKNOWN: &[Param] = &[p("unknown", "fine", "fine")];
const GRANT: &[Param] = &[p("grant_type", "invalid_request", "unsupported_grant_type")];
const SCOPE: &[Param] = &[p("scope", "invalid_scope", "invalid_scope")];
const LESS: &[Param] = &[p("scope", "fine", "invalid_scope")];
const RESOURCE: &[Param] = &[p("resource", "fine", "invalid_target")];
const DETAILS: &[Param] = &[p("authorization_details", "fine", "invalid_authorization_details")];

const fn token(name: &'static str, life: Life, params: &'static [&'static [Param]]) -> Endpoint {
    Endpoint {
        name,
        method: "POST",
        path: at::TOKEN,
        place: Place::Form,
        told: Told::OAuth,
        life,
        good: 200,
        twice: "invalid_request",
        unreadable: "invalid_request",
        headers: ("invalid_request|invalid_client", "invalid_dpop_proof"),
        params,
    }
}

/// The grants of the token endpoint.
pub const TOKEN: &[Endpoint] = &[
    token("client_credentials", Life::Lasts, &[GRANT, SCOPE, RESOURCE, DETAILS, SECRET, UNKNOWN]),
    token("client_credentials by assertion", Life::OneCell, &[GRANT, SCOPE, RESOURCE, DETAILS, ASSERTION]),
    token("authorization_code", Life::UntilGranted, &[GRANT, CODE, RESOURCE, SECRET, UNKNOWN]),
    token("authorization_code: the verifier", Life::UntilTried, &[VERIFIER]),
    token("refresh_token", Life::UntilGranted, &[GRANT, REFRESH, LESS, RESOURCE, SECRET, UNKNOWN]),
    token("device_code", Life::UntilGranted, &[GRANT, DEVICE_CODE, RESOURCE, SECRET, UNKNOWN]),
    token("token_exchange", Life::OneCell, &[GRANT, EXCHANGE, LESS, ASSERTION, UNKNOWN]),
    token("jwt_bearer", Life::OneCell, &[GRANT, JWT_BEARER, AGREED, RESOURCE, SECRET, UNKNOWN]),
];

const CODE: &[Param] =
    &[p("code", "invalid_request", "invalid_grant"), p("redirect_uri", "invalid_request", "invalid_grant")];
const VERIFIER: &[Param] = &[p("code_verifier", "invalid_grant", "invalid_grant")];
const REFRESH: &[Param] = &[p("refresh_token", "invalid_request", "invalid_grant")];
const DEVICE_CODE: &[Param] = &[p("device_code", "invalid_request", "invalid_grant")];
const EXCHANGE: &[Param] = &[
    p("subject_token", "invalid_request", "invalid_request"),
    p("subject_token_type", "invalid_request", "invalid_request"),
    p("requested_token_type", "fine", "invalid_request"),
    p("actor_token", "fine", "invalid_request"),
    p("actor_token_type", "fine", "invalid_request"),
    p("resource", "invalid_request|invalid_target|fine", "invalid_target"),
    p("audience", "fine", "invalid_target"),
];
const JWT_BEARER: &[Param] = &[p("assertion", "invalid_request", "invalid_grant")];
/// What nobody has agreed to is no grant (RFC 7523, 3.1); what is no scope is none.
const AGREED: &[Param] = &[p("scope", "fine", "invalid_scope|invalid_grant")];
const LOOKED_AT: &[Param] = &[p("token", "invalid_request", "fine"), p("token_type_hint", "fine", "fine")];

/// What an authorization request says, wherever it is said.
const ASKED: &[Param] = &[
    p("response_type", "invalid_request", "unsupported_response_type"),
    p("scope", "invalid_scope", "invalid_scope"),
    p("state", "invalid_request", "fine|invalid_request"),
    p("aud", "invalid_request", "invalid_request"),
    p("code_challenge", "invalid_request", "invalid_request"),
    p("code_challenge_method", "invalid_request", "invalid_request"),
    p("resource", "fine", "invalid_target"),
    p("nonce", "fine", "fine|invalid_request"),
    p("prompt", "fine", "fine|invalid_request"),
    p("max_age", "fine", "invalid_request"),
    p("response_mode", "fine", "invalid_request"),
    p("login_hint", "fine", "fine"),
    p("id_token_hint", "fine", "invalid_request"),
    p("claims", "fine", "invalid_request|fine"),
    p("dpop_jkt", "fine", "invalid_request"),
    p("authorization_details", "fine", "invalid_authorization_details"),
    p("launch", "fine", "fine"),
    p("acr_values", "fine", "fine|invalid_request"),
    p("ui_locales", "fine", "fine"),
    p("display", "fine", "fine"),
];
const PUSHED: &[Param] = &[
    p("redirect_uri", "invalid_request", "invalid_request"),
    p("request", "fine", "invalid_request_object"),
    p("request_uri", "fine", "invalid_request"),
];

/// The other endpoints that clients post a form to.
pub const POSTED: &[Endpoint] = &[
    Endpoint {
        path: at::INTROSPECTION,
        headers: ("invalid_request|invalid_client|invalid_token", "fine"),
        ..token("introspection", Life::Lasts, &[LOOKED_AT, SECRET, UNKNOWN])
    },
    Endpoint {
        path: at::REVOCATION,
        headers: ("invalid_request|invalid_client", "fine"),
        ..token("revocation", Life::Lasts, &[LOOKED_AT, SECRET, UNKNOWN])
    },
    Endpoint {
        path: at::PUSHED,
        good: 201,
        ..token("pushed", Life::Lasts, &[ASKED, PUSHED, SECRET, UNKNOWN])
    },
    Endpoint {
        path: at::DEVICE_AUTHORIZATION,
        headers: ("invalid_request|invalid_client", "fine|invalid_dpop_proof"),
        ..token("device authorization", Life::Lasts, &[DEVICE_ASKED, RESOURCE, DETAILS, SECRET, UNKNOWN])
    },
];
const DEVICE_ASKED: &[Param] =
    &[p("scope", "invalid_scope", "invalid_scope"), p("aud", "invalid_request", "invalid_request")];

/// What decides where the answer goes: told on a page.
const NAMED: &[Param] = &[
    p("client_id", "page 400", "page 400"),
    p("redirect_uri", "page 400", "page 400"),
    p("request", "fine", "invalid_request_object"),
    p("request_uri", "fine", "request_uri_not_supported|page 400"),
];

const fn authorize(name: &'static str, method: &'static str, place: Place) -> Endpoint {
    Endpoint {
        name,
        method,
        path: at::AUTHORIZE,
        place,
        told: Told::Callback,
        life: Life::Lasts,
        good: 303,
        twice: "invalid_request",
        unreadable: "page 400",
        headers: ("fine", "fine"),
        params: &[NAMED, ASKED, UNKNOWN],
    }
}

/// The authorization endpoint.
pub const AUTHORIZATION: &[Endpoint] = &[
    authorize("authorize by link", "GET", Place::Query),
    authorize("authorize by form", "POST", Place::Form),
];

const fn shown(name: &'static str, method: &'static str, place: Place) -> Endpoint {
    Endpoint {
        name,
        method,
        path: at::USERINFO,
        place,
        told: Told::Bearer,
        life: Life::Lasts,
        good: 200,
        twice: "invalid_request",
        unreadable: "invalid_request",
        headers: (
            "401 invalid_token|401 invalid_dpop_proof|invalid_request",
            "fine|401 invalid_token|401 invalid_dpop_proof|invalid_request",
        ),
        params: &[],
    }
}

/// The endpoints that are shown a token, and a document with it.
pub const SHOWN: &[Endpoint] = &[
    shown("userinfo", "GET", Place::Nowhere),
    shown("userinfo by POST", "POST", Place::Nowhere),
    Endpoint {
        headers: (
            "401 invalid_token|401 invalid_dpop_proof|invalid_request",
            "fine|401 invalid_token|401 invalid_dpop_proof|invalid_request",
        ),
        params: &[&[p("access_token", "invalid_token", "invalid_token")], UNKNOWN],
        ..shown("userinfo by form", "POST", Place::Form)
    },
    Endpoint {
        path: at::REGISTRATION,
        good: 201,
        twice: "invalid_client_metadata",
        unreadable: "invalid_client_metadata",
        params: &[METADATA, &[p("software_statement", "fine", "invalid_software_statement")]],
        ..shown("registration", "POST", Place::Json)
    },
    Endpoint {
        path: "/oauth2/register/{client_id}",
        life: Life::Lasts,
        ..shown("registration: read", "GET", Place::Nowhere)
    },
    Endpoint {
        path: "/oauth2/register/{client_id}",
        twice: "invalid_client_metadata",
        unreadable: "invalid_client_metadata",
        life: Life::UntilGranted,
        params: &[
            METADATA,
            OWN,
            &[p(
                "client_id",
                "invalid_request|invalid_client_metadata",
                "invalid_client_metadata|invalid_request",
            )],
        ],
        ..shown("registration: replace", "PUT", Place::Json)
    },
    Endpoint {
        path: "/oauth2/register/{client_id}",
        life: Life::UntilGranted,
        good: 204,
        ..shown("registration: delete", "DELETE", Place::Nowhere)
    },
    Endpoint {
        path: at::LAUNCH,
        told: Told::Problem,
        good: 201,
        params: &[LAUNCH],
        ..shown("launch", "POST", Place::Json)
    },
    Endpoint {
        path: at::DECISIONS,
        told: Told::Problem,
        good: 204,
        params: &[DECISION],
        ..shown("decisions", "POST", Place::Json)
    },
];

const BAD: &str = "invalid_client_metadata";
const METADATA: &[Param] = &[
    p("client_name", "fine", "fine|invalid_client_metadata"),
    p("redirect_uris", "invalid_redirect_uri", "invalid_redirect_uri|invalid_client_metadata"),
    p("grant_types", "fine", BAD),
    p("response_types", "fine", BAD),
    p("token_endpoint_auth_method", "fine", BAD),
    p("scope", "fine", "fine|invalid_client_metadata"),
    p("contacts", "fine", "fine|invalid_client_metadata"),
    p("client_uri", "fine", BAD),
    p("logo_uri", "fine", BAD),
    p("policy_uri", "fine", BAD),
    p("tos_uri", "fine", BAD),
    p("jwks", "fine", BAD),
    p("jwks_uri", "fine", BAD),
    p("application_type", "fine", BAD),
    p("subject_type", "fine", BAD),
    p("default_max_age", "fine", "fine|invalid_client_metadata"),
    p("require_auth_time", "fine", "fine|invalid_client_metadata"),
    p("dpop_bound_access_tokens", "fine", "fine|invalid_client_metadata"),
    p("id_token_signed_response_alg", "fine", BAD),
    p("post_logout_redirect_uris", "fine", BAD),
    p("backchannel_logout_uri", "fine", BAD),
    p("software_id", "fine", "fine|invalid_client_metadata"),
    p("authorization_details_types", "fine", BAD),
    p("unheard_of", "fine", "fine"),
];

const OWN: &[Param] = &[p("software_statement", "fine", "unapproved_software_statement")];

const LAUNCH: &[Param] = &[
    p("client_id", "invalid_request", "invalid_request"),
    p("user", "invalid_request", "invalid_request"),
    p("patient", "fine", "invalid_request"),
    p("encounter", "fine", "invalid_request"),
    p("intent", "fine", "fine|invalid_request"),
    p("need_patient_banner", "fine", "fine|invalid_request"),
    p("fhirContext", "fine", "fine|invalid_request"),
    p("launch_url", "fine", "invalid_request"),
    p("unheard_of", "fine|invalid_request", "invalid_request|fine"),
];
const DECISION: &[Param] = &[
    p("type", "invalid_request", "invalid_request"),
    p("patient", "invalid_request", "invalid_request"),
    p("order", "invalid_request", "invalid_request"),
    p("unheard_of", "fine|invalid_request", "invalid_request|fine"),
];
