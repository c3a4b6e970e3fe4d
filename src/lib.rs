//! Hilum: a standalone OAuth 2.0, OpenID Connect and SMART on FHIR authorization server.
//!
//! The modules stand in the order of their bands; each imports only from those above it, which
//! `tests/architecture.rs` holds.

// Words: pure, no clock, no I/O, no framework.
/// Points in time, as arguments.
pub mod moment;
/// JSON Web Keys, Signatures and Tokens.
pub mod jose;
/// X.509 certificates, names, paths.
pub mod pki;
/// What scopes mean and how they are written.
pub mod scope;
/// The words of OAuth.
pub mod protocol;

// Records: states and their transitions, time as an argument.
/// What is stored.
pub mod model;

// Ground: effects without OAuth opinions.
/// The configuration file and the environment.
pub mod config;
/// Clock, chance, the door out, logs, TLS.
pub mod platform;
/// PostgreSQL.
pub mod store;

// Rules: what every flow obeys.
/// The leave to issue.
pub mod policy;
/// The only door through which state changes.
pub mod ledger;
/// The signing keys.
pub mod keys;
/// Whom the server believes to vouch for clients.
pub mod trust;

// Flows: what the server does, still without HTTP.
/// Who the client is.
pub mod clients;
/// What ties a token to a key.
pub mod sender;
/// What a client may ask for.
pub mod grants;
/// Access tokens.
pub mod tokens;
/// Launches by EHRs, and the choice of a patient.
pub mod smart;
/// The browser's way to a code.
pub mod authorize;
/// What OpenID Connect adds.
pub mod oidc;
/// The metadata documents.
pub mod discovery;
/// The built-in client PKI.
pub mod ca;
/// What administrators do.
pub mod admin;
/// Clients that register themselves.
pub mod registration;
/// Clients that ask for certificates.
pub mod enrollment;
/// What `hilum dev` has beside the server.
pub mod sandbox;

// Surface.
/// How all of it is spoken.
pub mod http;

// Assembly.
/// What happens without a request.
pub mod jobs;
/// The composition of the server.
pub mod app;
/// The commands of the terminal.
pub mod commands;
