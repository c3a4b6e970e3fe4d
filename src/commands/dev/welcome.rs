//! What `hilum dev` prints once it is ready: less than a screen, and what to type next.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::Options;
use super::files::Files;
use crate::commands::output;

/// Prints the welcome.
pub fn print(options: &Options, files: &Files, fixtures: &Value) {
    let folder = from_here(&files.path(""));
    let mtls = options.issuer.at_port(options.mtls.port());
    let program = program();
    output::print(&format!(
        "\nHilum is ready.\n\n\
         \x20 issuer       {issuer}\n\
         \x20 mutual TLS   {mtls}\n\
         \x20 operations   http://{ops}/readyz\n\
         \x20 fixtures     {folder}/fixtures.json   (clients, people, secrets)\n\n\
         Every kind of launch, in a browser on this machine; the key in the address is yours alone:\n\n\
         \x20 {sandbox}\n\n\
         In another terminal, a first token, bound to a client certificate:\n\n\
         \x20 CLIENT=$(sed -n '/\"payer-mtls\"/,/}}/s/.*\"client_id\": \"\\(.*\\)\".*/\\1/p' {folder}/fixtures.json)\n\
         \x20 curl --cacert {folder}/ca.pem --cert {folder}/payer-mtls.pem --key {folder}/payer-mtls.key \\\n\
         \x20   -d grant_type=client_credentials -d scope=system/Claim.rs -d client_id=$CLIENT \\\n\
         \x20   {mtls}/oauth2/token\n\n\
         What it left behind in the audit trail, and the clients there are:\n\n\
         \x20 {program} audit list --config {folder}/hilum.toml\n\
         \x20 {program} client list --config {folder}/hilum.toml\n\n\
         To sign a person in, pat.rivera, open the sandbox, or follow \"Sign a person in\" in the README.\n\n\
         Ctrl-C stops it; the data stays in {data}.\n",
        issuer = options.issuer.as_str(),
        mtls = mtls.as_str(),
        sandbox = fixtures.get("sandbox").and_then(Value::as_str).unwrap_or_default(),
        ops = options.ops,
        data = options.data.display(),
    ));
}

/// A path as it is typed where the program was started.
#[must_use]
pub fn from_here(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    let path = path.strip_prefix(&here).unwrap_or(path).display().to_string();
    path.trim_end_matches('/').to_owned()
}

/// This program as it is typed.
#[must_use]
pub fn program() -> String {
    from_here(&std::env::current_exe().unwrap_or_else(|_| PathBuf::from("hilum")))
}
