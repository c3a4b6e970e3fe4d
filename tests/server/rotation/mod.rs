//! Signing keys: announced, active, retiring, retired; revoked in an emergency.

mod resource_server;
mod revoked;
mod running;
mod scene;
mod scheduled;

pub use resource_server::ResourceServer;
