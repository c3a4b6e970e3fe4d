//! What stops `hilum serve`: combinations that are right on a developer's machine alone.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use x509_parser::pem::Pem;
use x509_parser::x509::X509Name;

use super::Config;
use super::problem::Problem;
use super::tls::Revocation;

/// The organization (O) of every certificate that `hilum dev` makes.
const DEVELOPMENT: &str = "Hilum development";

pub(super) fn problems(config: &Config) -> Vec<Problem> {
    let mut problems = Vec::new();
    let issuer = &config.issuer.url;
    if !issuer.is_https() && !issuer.is_loopback() {
        problems.push(Problem::new("issuer.url", "give an https URL; http is for a proxy on this machine"));
    }
    if !config.outbound.allow.is_empty() {
        let says = "leave it out: it opens addresses that are not public to whoever may register a client";
        problems.push(Problem::new("outbound.allow", says));
    }
    match &config.database.url {
        None => problems.push(Problem::new("database.url", "is missing; set DATABASE_URL")),
        Some(url) if !url.is_protected() => {
            let says = "crosses the network unproved: add ?sslmode=verify-full (and sslrootcert=FILE), or use a socket";
            problems.push(Problem::new("database.url", says));
        }
        Some(_) => {}
    }
    problems.extend(secret_file("secrets.master_key_file", &config.secrets.master_key_file));
    match &config.tls.key_file {
        Some(file) => problems.extend(secret_file("tls.key_file", file)),
        None => problems.push(Problem::new("tls.key_file", "is missing; give the certificate's private key")),
    }
    match &config.tls.certificate_file {
        Some(file) => problems.extend(certificate_file("tls.certificate_file", file)),
        None => {
            problems.push(Problem::new("tls.certificate_file", "is missing; give the server's certificate"));
        }
    }
    if let Some(file) = &config.tls.client_anchors_file {
        problems.extend(certificate_file("tls.client_anchors_file", file));
        if config.tls.client_revocation == Revocation::Lists && config.tls.client_crl_files.is_empty() {
            let says = "is empty: give the revocation lists of tls.client_anchors_file, or set tls.client_revocation to none";
            problems.push(Problem::new("tls.client_crl_files", says));
        }
    }
    problems
}

fn secret_file(key: &str, file: &Path) -> Option<Problem> {
    let shown = file.display();
    match fs::metadata(file) {
        Err(error) => Some(Problem::new(key, format!("{shown} cannot be read: {error}"))),
        Ok(found) if !found.is_file() => Some(Problem::new(key, format!("{shown} is not a file"))),
        Ok(found) if found.permissions().mode() & 0o077 != 0 => {
            Some(Problem::new(key, format!("others may read {shown}; run chmod 600 {shown}")))
        }
        Ok(_) => None,
    }
}

fn certificate_file(key: &str, file: &Path) -> Option<Problem> {
    let shown = file.display();
    let content = match fs::read(file) {
        Ok(content) => content,
        Err(error) => return Some(Problem::new(key, format!("{shown} cannot be read: {error}"))),
    };
    let blocks: Result<Vec<Pem>, _> = Pem::iter_from_buffer(&content).collect();
    let Some(blocks) = blocks.ok().filter(|blocks| !blocks.is_empty()) else {
        return Some(Problem::new(key, format!("{shown} holds no PEM certificate")));
    };
    for block in &blocks {
        let Ok(certificate) = block.parse_x509() else {
            return Some(Problem::new(key, format!("{shown} holds something that is not a certificate")));
        };
        if is_development(certificate.issuer()) || is_development(certificate.subject()) {
            let says = format!("{shown} comes from the development CA, whose key lies on a developer's disk");
            return Some(Problem::new(key, says));
        }
    }
    None
}

fn is_development(name: &X509Name<'_>) -> bool {
    name.iter_organization().any(|organization| organization.as_str() == Ok(DEVELOPMENT))
}
