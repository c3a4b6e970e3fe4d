//! `[pki]`: the built-in client PKI, which is off until `hilum pki init`.

use std::time::Duration;

use toml::{Table, Value};

use crate::model::certificate_request::Eyes;

use super::issuer::BaseUrl;
use super::source::Section;

const HOUR: u64 = 60 * 60;
const DAY: u64 = 24 * HOUR;

/// The section `[pki]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pki {
    /// How long a client's certificate is valid: `pki.certificate_days`.
    pub certificate: Duration,
    /// How long a revocation list is: `pki.crl_hours`. A new one is written after half of it, and whenever a
    /// certificate was revoked.
    pub list: Duration,
    /// How long an answer of the OCSP responder may be kept: `pki.ocsp_minutes`.
    pub answer: Duration,
    /// How long a request for a certificate waits for a decision: `pki.request_days`.
    pub request: Duration,
    /// Whether who asks for a certificate and who approves it must be two: `pki.four_eyes`.
    pub eyes: Eyes,
    /// Where certificates say that lists and answers are to be had: `pki.distribution_url`, the issuer's URL unless
    /// given. Some clients read them by http alone.
    pub distribution: Option<BaseUrl>,
}

impl Pki {
    pub(super) fn parse(section: &mut Section<'_>) -> Self {
        Self {
            certificate: Duration::from_secs(section.number("certificate_days", 1..=825, 90) * DAY),
            list: Duration::from_secs(section.number("crl_hours", 1..=168, 24) * HOUR),
            answer: Duration::from_secs(section.number("ocsp_minutes", 1..=1440, 10) * 60),
            request: Duration::from_secs(section.number("request_days", 1..=90, 7) * DAY),
            eyes: if section.flag("four_eyes", true) { Eyes::Four } else { Eyes::Two },
            distribution: section.parsed("distribution_url", BaseUrl::parse),
        }
    }

    pub(super) fn to_table(&self) -> Table {
        let mut table = Table::from_iter([
            ("certificate_days".to_owned(), super::whole(self.certificate.as_secs() / DAY)),
            ("crl_hours".to_owned(), super::whole(self.list.as_secs() / HOUR)),
            ("ocsp_minutes".to_owned(), super::whole(self.answer.as_secs() / 60)),
            ("request_days".to_owned(), super::whole(self.request.as_secs() / DAY)),
            ("four_eyes".to_owned(), (self.eyes == Eyes::Four).into()),
        ]);
        if let Some(url) = &self.distribution {
            table.insert("distribution_url".to_owned(), Value::from(url.as_str()));
        }
        table
    }
}
