//! The browser's way to a code: what may be asked, what people see, and where they are sent.

mod cast;
mod choices;
mod consent;
mod cookies;
mod csrf;
mod faults;
mod flow;
mod headers;
mod injection;
mod iss;
mod logout;
mod native_app;
mod parameters;
mod pkce_at_authorize;
mod posted;
mod prompt;
mod redirect_uri;

pub use cast::{PATIENT_SCOPE, reasons};
