//! One renderer for each dialect of the wire. An error does not know where it will be shown.

pub mod bearer;
pub mod est;
pub mod oauth_json;
pub mod page;
pub mod problem;
pub mod redirect;
