//! `[hsm]`: the token of a hardware security module, by PKCS#11. Without the section keys are sealed instead.

use std::path::PathBuf;
use std::time::Duration;

use toml::Table;

use super::source::Section;

/// The section `[hsm]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hsm {
    /// The vendor's PKCS#11 library: `hsm.module_file`.
    pub module_file: PathBuf,
    /// The label of the token that keys are made in: `hsm.token`.
    pub token: String,
    /// The file that holds the PIN of the token's user: `hsm.pin_file`.
    pub pin_file: PathBuf,
    /// How many sessions are open at most, each used by one operation at a time: `hsm.sessions`.
    pub sessions: usize,
    /// How long an answer is waited for: `hsm.timeout_ms`.
    pub timeout: Duration,
}

impl Hsm {
    /// `None` where the section gives nothing.
    pub(super) fn parse(section: &mut Section<'_>) -> Option<Self> {
        if section.is_empty() {
            return None;
        }
        let file = |text: &str| Ok(PathBuf::from(text));
        let module_file = section.needed("module_file", "the vendor's PKCS#11 library", file);
        let token = section.needed("token", "the label of the token", label);
        let pin_file = section.needed("pin_file", "the name of a file that holds the PIN", file);
        let sessions = section.number("sessions", 1..=256, 8);
        let timeout = Duration::from_millis(section.number("timeout_ms", 100..=60_000, 2_000));
        Some(Self { module_file: module_file?, token: token?, pin_file: pin_file?, sessions, timeout })
    }

    pub(super) fn to_table(&self) -> Table {
        Table::from_iter([
            ("module_file".to_owned(), super::tls::path(&self.module_file)),
            ("token".to_owned(), self.token.clone().into()),
            ("pin_file".to_owned(), super::tls::path(&self.pin_file)),
            ("sessions".to_owned(), super::whole(self.sessions)),
            ("timeout_ms".to_owned(), super::whole(self.timeout.as_millis())),
        ])
    }
}

/// A token's label has at most 32 bytes, padded with blanks (PKCS#11, 3.2).
fn label(text: &str) -> Result<String, &'static str> {
    let text = text.trim_end();
    if text.len() > 32 { Err("give the label of the token: at most 32 bytes") } else { Ok(text.to_owned()) }
}
