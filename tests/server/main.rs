//! The server as an outsider meets it: the built binary, over TLS, on a real PostgreSQL.
//!
//! Run with `scripts/test`, which gives each run a PostgreSQL of its own.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says so by failing")]
#![expect(clippy::indexing_slicing, reason = "an answer without the member fails the test")]
#![expect(unreachable_pub, reason = "a test binary has no outside")]
#![expect(clippy::similar_names, clippy::needless_pass_by_value, reason = "tests are read one by one")]

mod harness;

mod account;
mod admin;
mod authorize;
mod certificates;
mod commands;
mod conformance;
mod cors;
mod database_tls;
mod device;
mod discovery;
mod errors;
mod est;
mod faults;
mod fhir_bases;
mod framing;
mod health;
mod hsm;
mod http;
mod introspection;
mod introspection_signed;
mod journeys;
mod jwks_uri;
mod openid;
mod proxies;
mod logout;
mod matrix;
mod people;
mod pki;
mod registration;
mod restore;
mod revoked_certificates;
mod revocation;
mod rotation;
mod sandbox;
mod secrecy;
mod sealing;
mod sign_in;
mod smart;

mod token;
mod userinfo;
