//! The pages that people see, and their forms.

use hilum::discovery::endpoints as at;

use super::endpoints::{Endpoint, Life, Param, Place, Told, p};

const fn form(name: &'static str, path: &'static str, params: &'static [&'static [Param]]) -> Endpoint {
    Endpoint {
        name,
        method: "POST",
        path,
        place: Place::Form,
        told: Told::Page,
        life: Life::UntilGranted,
        good: 303,
        twice: "page 400",
        unreadable: "page 400",
        headers: ("fine", "fine"),
        params,
    }
}

const fn page(name: &'static str, path: &'static str, params: &'static [&'static [Param]]) -> Endpoint {
    Endpoint {
        method: "GET",
        place: Place::Query,
        life: Life::Lasts,
        good: 200,
        twice: "fine|page 400|page 303",
        unreadable: "fine|page 400|page 403|page 303",
        ..form(name, path, params)
    }
}

const CSRF: &[Param] = &[p("csrf", "page 403", "page 403")];
const UNKNOWN: &[Param] = &[p("unknown", "fine", "fine")];
const OF: &[Param] = &[p("interaction", "page 403", "page 403")];
const NAMED: &[Param] = &[p("i", "page 400|page 403", "page 400|page 403")];

/// The pages.
pub const PAGES: &[Endpoint] = &[
    Endpoint { life: Life::UntilTried, ..form("login form", at::LOGIN, &[CSRF, OF, SIGN_IN, UNKNOWN]) },
    page("login page", at::LOGIN, &[NAMED, UNKNOWN]),
    form("consent form", at::CONSENT, &[CSRF, OF, CONSENT, UNKNOWN]),
    page("consent page", at::CONSENT, &[NAMED, UNKNOWN]),
    form("patient form", at::PATIENT, &[CSRF, OF, &[p("patient", "page 400", "page 400|page 403")], UNKNOWN]),
    page("patient page", at::PATIENT, &[NAMED, UNKNOWN]),
    form(
        "encounter form",
        at::ENCOUNTER,
        &[CSRF, OF, &[p("encounter", "page 400", "page 400|page 403")], UNKNOWN],
    ),
    page("encounter page", at::ENCOUNTER, &[NAMED, UNKNOWN]),
    Endpoint { life: Life::UntilTried, ..form("device form", at::DEVICE, &[CSRF, DEVICE, UNKNOWN]) },
    page("device page", at::DEVICE, &[&[p("user_code", "fine", "fine")], UNKNOWN]),
    form("account form", at::ACCOUNT, &[CSRF, ENDED, UNKNOWN]),
    page("account page", at::ACCOUNT, &[&[p("ended", "fine", "fine")], UNKNOWN]),
    Endpoint { good: 200, ..form("logout form", at::LOGOUT, &[LEAVE, UNKNOWN]) },
    Endpoint { life: Life::Lasts, ..form("logout of an app by form", at::LOGOUT, &[LOGOUT, UNKNOWN]) },
    Endpoint {
        good: 303,
        twice: "page 400",
        unreadable: "page 400",
        ..page("logout of an app", at::LOGOUT, &[LOGOUT, UNKNOWN])
    },
    Endpoint { good: 303, ..page("continue", at::CONTINUE, &[NAMED, UNKNOWN]) },
];

/// What is not there is ended already.
const ENDED: &[Param] = &[p("client", "page 400", "page 400|fine")];
const SIGN_IN: &[Param] = &[
    p("username", "page 400", "page 400|page 401"),
    p("password", "page 400", "page 400|page 401"),
    p("to", "fine", "page 403"),
];
const CONSENT: &[Param] = &[
    p("about", "page 403|page 400", "page 403|page 400"),
    p("decision", "page 400", "page 400"),
    p("scope", "page 400|fine", "page 400|fine"),
];
const DEVICE: &[Param] = &[p("user_code", "page 400", "page 400")];
const LEAVE: &[Param] = &[p("csrf", "page 403", "page 403"), p("scope_of", "page 400", "page 400")];
const LOGOUT: &[Param] = &[
    p("id_token_hint", "page 200", "page 400"),
    p("client_id", "fine", "page 400"),
    p("post_logout_redirect_uri", "page 200", "page 400"),
    p("state", "fine", "fine|page 400"),
    p("logout_hint", "fine", "fine"),
    p("ui_locales", "fine", "fine"),
];
