//! `[tls]`: the server's certificate, and what judges those of clients.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::source::Section;

/// The section `[tls]`. All files are PEM but that of the OCSP answer, and read again at HUP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// The server's certificate, then its chain: `tls.certificate_file`. `hilum serve` needs it.
    pub certificate_file: Option<PathBuf>,
    /// The certificate's private key: `tls.key_file`. `hilum serve` needs it.
    pub key_file: Option<PathBuf>,
    /// What the responder of its authority has answered of the certificate, in DER: `tls.ocsp_file`. It is told to
    /// whoever asks in the handshake (RFC 6066, 8).
    pub ocsp_file: Option<PathBuf>,
    /// Whose client certificates are trusted for `tls_client_auth`: `tls.client_anchors_file`.
    pub client_anchors_file: Option<PathBuf>,
    /// Revocation lists for them, beside those that their authorities publish: `tls.client_crl_files`.
    pub client_crl_files: Vec<PathBuf>,
    /// Whether their revocation is judged: `tls.client_revocation`, `lists` or `none`.
    pub client_revocation: Revocation,
}

/// Whether the revocation of client certificates is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revocation {
    /// By the lists of `tls.client_crl_files`, those that authorities publish, and their responders; what none of
    /// them tells is refused.
    Lists,
    /// Not at all: said in so many words, since a revoked certificate then stays good until it expires.
    None,
}

impl Revocation {
    fn parse(text: &str) -> Result<Self, &'static str> {
        match text {
            "lists" => Ok(Self::Lists),
            "none" => Ok(Self::None),
            _ => Err("give lists or none"),
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Lists => "lists",
            Self::None => "none",
        }
    }
}

impl Tls {
    pub(super) fn parse(section: &mut Section<'_>) -> Self {
        let certificate_file = section.file("certificate_file");
        let key_file = section.file("key_file");
        match (&certificate_file, &key_file) {
            (Some(_), None) => section.refuse("key_file", "is missing; give the key of tls.certificate_file"),
            (None, Some(_)) => {
                section.refuse("certificate_file", "is missing; give the certificate of tls.key_file");
            }
            (Some(_), Some(_)) | (None, None) => {}
        }
        Self {
            certificate_file,
            key_file,
            ocsp_file: section.file("ocsp_file"),
            client_anchors_file: section.file("client_anchors_file"),
            client_crl_files: section
                .list("client_crl_files", |text| Ok(PathBuf::from(text)))
                .unwrap_or_default(),
            client_revocation: section
                .parsed("client_revocation", Revocation::parse)
                .unwrap_or(Revocation::Lists),
        }
    }

    pub(super) fn to_table(&self) -> Table {
        let mut table = Table::new();
        let files = [
            ("certificate_file", &self.certificate_file),
            ("key_file", &self.key_file),
            ("ocsp_file", &self.ocsp_file),
            ("client_anchors_file", &self.client_anchors_file),
        ];
        for (key, file) in files {
            if let Some(file) = file {
                table.insert(key.to_owned(), path(file));
            }
        }
        let lists: Vec<Value> = self.client_crl_files.iter().map(|file| path(file)).collect();
        table.insert("client_crl_files".to_owned(), lists.into());
        table.insert("client_revocation".to_owned(), Value::from(self.client_revocation.as_str()));
        table
    }
}

pub(super) fn path(path: &Path) -> Value {
    Value::from(path.to_string_lossy().into_owned())
}
