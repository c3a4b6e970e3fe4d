//! The browser's way to a code: what may be asked, what people see, and where they are sent.

mod authorization_details;
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
mod jarm;
mod logout;
mod native_app;
mod parameters;
mod pkce_at_authorize;
mod posted;
mod prompt;
mod pushed;
mod redirect_uri;
mod request_object;
mod response_modes;

pub use cast::{PATIENT_SCOPE, field, names, posted, reasons, told_by_form, verified};
