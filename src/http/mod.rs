//! How it is spoken: HTTP requests in, flows, HTTP answers out. No rule lives here.

pub mod accept;
pub mod admin;
pub mod authorize;
pub mod cookies;
pub mod cors;
pub mod device;
pub mod discovery;
pub mod evidence;
pub mod form;
pub mod health;
pub mod introspect;
pub mod decisions;
pub mod launch;
pub mod middleware;
pub mod pages;
pub mod pushed;
pub mod register;
pub mod render;
pub mod revoke;
pub mod routes;
pub mod sandbox;
pub mod server;
pub mod state;
pub mod token;
pub mod userinfo;
