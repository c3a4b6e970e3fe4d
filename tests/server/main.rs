//! The server as an outsider meets it: the built binary, over TLS, on a real PostgreSQL.
//!
//! Run with `scripts/test`, which gives each run a PostgreSQL of its own.

mod harness;

mod admin;
mod commands;
mod discovery;
mod framing;
mod http;
mod journeys;
mod jwks_uri;
mod secrecy;
