//! What SMART capabilities rest on: nobody can use one that says what an app gets, where no app can be opened.

/// The launches in which a person lets an app act.
const LAUNCHES: &[&str] = &["launch-ehr", "launch-standalone"];

/// The capabilities of which one must hold before this one can be used; none where it stands alone.
pub(super) fn foundations(capability: &str) -> &'static [&'static str] {
    match capability {
        "authorize-post" | "sso-openid-connect" | "context-style" | "permission-patient"
        | "permission-user" | "permission-offline" | "permission-online" => LAUNCHES,
        "context-banner" | "context-ehr-patient" => &["launch-ehr"],
        // An encounter in context is one of the patient in context.
        "context-ehr-encounter" => &["context-ehr-patient"],
        "context-standalone-patient" => &["launch-standalone"],
        "context-standalone-encounter" => &["context-standalone-patient"],
        _ => &[],
    }
}
