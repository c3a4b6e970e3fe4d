//! Who the client is: what a request shows of it, and how that is believed.

pub mod assertion;
pub mod authenticate;
pub mod evidence;
pub mod key_source;
pub mod methods;
pub mod origins;
pub mod proxies;
pub mod registered;
pub mod secrets;
pub mod vouching;
