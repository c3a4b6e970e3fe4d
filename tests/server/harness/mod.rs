//! The cast of the tests. Actors speak HTTP over TLS to the built binary; only the harness's own
//! set-up touches the database and the command line.

mod answer;
mod app;
mod assertion;
mod backend;
mod browser;
mod cast;
mod certificates;
mod database;
mod dev;
mod directory;
mod ehr;
mod enrollee;
mod fhir_server;
mod key_host;
mod list_host;
mod page;
mod postgres;
mod process;
mod prover;
mod raw;
mod wait;
mod world;

pub use answer::Answer;
pub use app::{App, Credential, query};
pub use assertion::{Assertion, now};
pub use backend::{ASSERTION_TYPE, Backend};
pub use browser::{Browser, Person};
pub use cast::{ADMIN_SCOPES, APPROVER_SCOPES, FHIR, OPAQUE, PASSWORD, key, registration};
pub use certificates::{Authority, Identity};
pub use database::Database;
pub use dev::Dev;
pub use directory::Directory;
pub use ehr::{Ehr, LAUNCH_URL};
pub use enrollee::{Enrollee, Said, Shows, openssl};
pub use fhir_server::FhirServer;
pub use key_host::{KeyHost, Saying};
pub use list_host::{ListHost, Publishing, ocsp};
pub use page::{Page, escaped};
pub use postgres::Postgres;
pub use process::{HILUM, Process, Ran, free_ports, run_briefly};
pub use prover::Prover;
pub use raw::Raw;
pub use wait::eventually;
pub use world::{Peer, World, encoded, plain_client};
