//! The files that a configuration names, as the server reads them. A fault names the key, the path, the cause, and
//! what to do.

use std::path::Path;

use crate::config::problem::because;
use crate::config::proxy::Proxy;
use crate::config::tls::{Revocation, Tls};
use crate::model::community::RevocationRule;
use crate::pki::bundle;
use crate::pki::certificate::Certificate;
use crate::pki::chain::TrustStore;
use crate::pki::revocation::is_answer;
use crate::platform::tls::ServerCertificate;
use crate::protocol::error::Fault;
use crate::trust::revocation::RevocationLists;

const CERTIFICATE: &str = "tls.certificate_file";
const KEY: &str = "tls.key_file";
const ANCHORS: &str = "tls.client_anchors_file";
const LISTS: &str = "tls.client_crl_files";
const ANSWER: &str = "tls.ocsp_file";
const PROXIES: &str = "proxy.anchors_file";

/// Reads the trust community of a configuration: its anchors, and how revocation is known there.
pub fn read_trust(tls: &Tls) -> Result<(TrustStore, RevocationRule), Fault> {
    let rule = match tls.client_revocation {
        Revocation::Lists => RevocationRule::Required,
        Revocation::None => RevocationRule::None,
    };
    let Some(file) = &tls.client_anchors_file else { return Ok((TrustStore::empty(), rule)) };
    Ok((read_anchors(ANCHORS, file)?, rule))
}

/// Reads the anchors of proxies.
pub fn read_proxy_anchors(proxy: &Proxy) -> Result<TrustStore, Fault> {
    read_anchors(PROXIES, &proxy.anchors_file)
}

fn read_anchors(key: &'static str, file: &Path) -> Result<TrustStore, Fault> {
    let content = read(key, file, "give the certificates of the authorities in PEM")?;
    TrustStore::parse(&content).map_err(|error| Fault::new(key, format!("{}: {error}", file.display())))
}

/// Reads the revocation lists that a configuration names.
pub fn read_revocations(tls: &Tls) -> Result<RevocationLists, Fault> {
    const OTHERWISE: &str = "leave the key out if you have no list";
    let read = |file| read(LISTS, file, OTHERWISE);
    let contents = tls.client_crl_files.iter().map(|file| read(file)).collect::<Result<Vec<_>, _>>()?;
    RevocationLists::parse(&contents).map_err(|error| {
        let file = error.file.checked_sub(1).and_then(|at| tls.client_crl_files.get(at));
        let shown = file.map(|file| file.display().to_string()).unwrap_or_default();
        Fault::new(LISTS, format!("{shown} cannot be used: {}: {OTHERWISE}", error.cause))
    })
}

/// Reads what is told of the server's certificate in the handshake.
pub fn read_stapled(tls: &Tls) -> Result<Option<Vec<u8>>, Fault> {
    const OTHERWISE: &str = "leave the key out if you have no answer of a responder";
    let Some(file) = &tls.ocsp_file else { return Ok(None) };
    let answer = read(ANSWER, file, OTHERWISE)?;
    if !is_answer(&answer) {
        let shown = file.display();
        return Err(Fault::new(
            ANSWER,
            format!("{shown} is not the answer of a responder in DER: {OTHERWISE}"),
        ));
    }
    Ok(Some(answer))
}

/// Reads the server's own certificate, its key, and what is told of it; and what stands in the certificate and its
/// chain.
pub fn read_own(tls: &Tls) -> Result<(ServerCertificate, Vec<Certificate>), Fault> {
    let missing = |key| Fault::new(key, "is missing");
    let certificate_file = tls.certificate_file.as_ref().ok_or_else(|| missing(CERTIFICATE))?;
    let key_file = tls.key_file.as_ref().ok_or_else(|| missing(KEY))?;
    let chain = read(CERTIFICATE, certificate_file, "give the server's certificate in PEM")?;
    let key = read(KEY, key_file, "give the certificate's private key in PEM")?;
    let own = ServerCertificate::read(&chain, &key).map_err(|fault| {
        let file = if fault.doing() == KEY { key_file } else { certificate_file };
        Fault::new(fault.doing(), format!("{} {}", file.display(), fault.cause()))
    })?;
    Ok((own.stapled(read_stapled(tls)?), bundle::certificates(&chain)))
}

fn read(key: &'static str, file: &Path, otherwise: &str) -> Result<Vec<u8>, Fault> {
    std::fs::read(file).map_err(|error| {
        let (shown, why) = (file.display(), because(&error));
        Fault::new(key, format!("{shown} cannot be read: {why}: {otherwise}"))
    })
}
