//! What `hilum dev` prints once it is ready: less than a screen, and what to type next.

use std::path::PathBuf;

use super::Options;
use super::files::Files;
use crate::commands::output;

/// Prints the welcome.
pub fn print(options: &Options, files: &Files) {
    let folder = files.path("");
    let here = std::env::current_dir().unwrap_or_default();
    let folder = folder.strip_prefix(&here).unwrap_or(&folder).display().to_string();
    let folder = folder.trim_end_matches('/');
    let mtls = options.issuer.at_port(options.mtls.port());
    let program = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("hilum"));
    let program = program.strip_prefix(&here).unwrap_or(&program).display();
    output::print(&format!(
        "\nHilum is ready.\n\n\
         \x20 issuer       {issuer}\n\
         \x20 mutual TLS   {mtls}\n\
         \x20 operations   http://{ops}/readyz\n\
         \x20 fixtures     {folder}/fixtures.json   (clients, people, secrets)\n\n\
         In another terminal, a first token, bound to a client certificate:\n\n\
         \x20 CLIENT=$(sed -n '/\"payer-mtls\"/,/}}/s/.*\"client_id\": \"\\(.*\\)\".*/\\1/p' {folder}/fixtures.json)\n\
         \x20 curl --cacert {folder}/ca.pem --cert {folder}/payer-mtls.pem --key {folder}/payer-mtls.key \\\n\
         \x20   -d grant_type=client_credentials -d scope=system/Claim.rs -d client_id=$CLIENT \\\n\
         \x20   {mtls}/oauth2/token\n\n\
         What it left behind in the audit trail, and the clients there are:\n\n\
         \x20 {program} audit list --config {folder}/hilum.toml\n\
         \x20 {program} client list --config {folder}/hilum.toml\n\n\
         To sign a person in, pat.rivera, follow \"Sign a person in\" in the README.\n\n\
         Ctrl-C stops it; the data stays in {data}.\n",
        issuer = options.issuer.as_str(),
        mtls = mtls.as_str(),
        ops = options.ops,
        data = options.data.display(),
    ));
}
