//! The server as an outsider meets it: the built binary, over TLS, on a real PostgreSQL.
//!
//! Run with `scripts/test`, which gives each run a PostgreSQL of its own.

mod faults;
mod harness;
mod introspection;
mod journeys;
mod revocation;
mod token;
