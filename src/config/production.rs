//! What stops `hilum serve`: combinations that are right on a developer's machine alone.

use std::fs::{self, Metadata};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use nix::unistd::geteuid;
use x509_parser::pem::Pem;
use x509_parser::x509::X509Name;

use super::Config;
use super::problem::{Problem, because};
use super::proxy::Proxy;
use super::secrets::{MasterKeySource, Secrets};
use super::tls::Tls;

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
    problems.extend(master_keys(&config.secrets));
    problems.extend(config.hsm.as_ref().and_then(|hsm| secret_file("hsm.pin_file", &hsm.pin_file)));
    problems.extend(of_files(&config.tls, config.proxy.as_ref()));
    problems
}

/// What is wrong with the files of certificates and keys, which may be replaced at any time.
pub(super) fn of_files(tls: &Tls, proxy: Option<&Proxy>) -> Vec<Problem> {
    let mut problems = Vec::new();
    match &tls.key_file {
        Some(file) => problems.extend(secret_file("tls.key_file", file)),
        None => problems.push(Problem::new("tls.key_file", "is missing; give the certificate's private key")),
    }
    match &tls.certificate_file {
        Some(file) => problems.extend(certificate_file("tls.certificate_file", file)),
        None => {
            problems.push(Problem::new("tls.certificate_file", "is missing; give the server's certificate"));
        }
    }
    if let Some(file) = &tls.client_anchors_file {
        problems.extend(certificate_file("tls.client_anchors_file", file));
    }
    if let Some(proxy) = proxy {
        problems.extend(certificate_file("proxy.anchors_file", &proxy.anchors_file));
    }
    problems
}

/// The files and programs of master keys.
fn master_keys(secrets: &Secrets) -> Vec<Problem> {
    let former = secrets.former.iter().map(|source| (source.former_key(), source));
    let all = std::iter::once((secrets.master_key.key(), &secrets.master_key)).chain(former);
    all.filter_map(|(key, source)| {
        let key = format!("secrets.{key}");
        match source {
            MasterKeySource::File(file) => secret_file(&key, file),
            MasterKeySource::Command(words) => program(&key, Path::new(words.first()?)),
            MasterKeySource::Variable(_) | MasterKeySource::Token(_) => None,
        }
    })
    .collect()
}

/// A program that is given keys: nobody else may put another in its place.
fn program(key: &str, file: &Path) -> Option<Problem> {
    let shown = file.display();
    let found = match fs::metadata(file) {
        Err(error) => {
            return Some(Problem::new(key, format!("{shown} cannot be found: {}", because(&error))));
        }
        Ok(found) => found,
    };
    let mode = found.permissions().mode();
    if !found.is_file() || mode & 0o111 == 0 {
        return Some(Problem::new(key, format!("{shown} is not a program")));
    }
    if mode & 0o022 != 0 {
        return Some(Problem::new(key, format!("others may change {shown}; run chmod go-w {shown}")));
    }
    if is_of_another(&found) {
        let says = format!("{shown} belongs to another account, which may change it; run chown root {shown}");
        return Some(Problem::new(key, says));
    }
    let folder = file.parent()?;
    let found = fs::metadata(folder).ok()?;
    let (mode, folder) = (found.permissions().mode(), folder.display());
    // Where the sticky bit is set, others may not replace what is not theirs.
    if mode & 0o022 != 0 && mode & 0o1000 == 0 {
        return Some(Problem::new(key, format!("others may replace {shown}; run chmod go-w {folder}")));
    }
    let says = || {
        format!(
            "the owner of {folder} is another account, which may replace {shown}; run chown root {folder}"
        )
    };
    is_of_another(&found).then(|| Problem::new(key, says()))
}

/// Whether something belongs neither to root nor to this process, whatever its mode: owners may change that.
fn is_of_another(found: &Metadata) -> bool {
    found.uid() != 0 && found.uid() != geteuid().as_raw()
}

fn secret_file(key: &str, file: &Path) -> Option<Problem> {
    let shown = file.display();
    match fs::metadata(file) {
        Err(error) => Some(Problem::new(key, format!("{shown} cannot be read: {}", because(&error)))),
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
        Err(error) => return Some(Problem::new(key, format!("{shown} cannot be read: {}", because(&error)))),
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
