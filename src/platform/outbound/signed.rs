//! What authorities publish and answer: it bears their signature, so it may come by http, and it is not JSON.

use std::time::Duration;

use reqwest::RequestBuilder;
use reqwest::header::{ACCEPT, CONTENT_TYPE};

use super::{Outbound, OutboundError, OutboundUrl, body, found, unreachable};

/// The most bytes of an answer of a responder.
const MOST_OF_ANSWER: usize = 65_536;

/// How much is waited and taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// How long it may take in all.
    pub time: Duration,
    /// How many bytes may come, unpacked.
    pub bytes: usize,
}

impl Outbound {
    /// Fetches a revocation list, within bounds of its own.
    pub async fn fetch_list(&self, url: &OutboundUrl, bounds: Bounds) -> Result<Vec<u8>, OutboundError> {
        let request = self.client(url.reach).get(url.url.clone()).header(ACCEPT, "application/pkix-crl, */*");
        self.bytes_in_time(url, request, bounds).await
    }

    /// Asks a responder whether a certificate was revoked (RFC 6960, A.1).
    pub async fn ask_responder(
        &self,
        url: &OutboundUrl,
        question: Vec<u8>,
        time: Duration,
    ) -> Result<Vec<u8>, OutboundError> {
        let request = self.client(url.reach).post(url.url.clone());
        let request = request.header(CONTENT_TYPE, "application/ocsp-request");
        let request = request.header(ACCEPT, "application/ocsp-response").body(question);
        self.bytes_in_time(url, request, Bounds { time, bytes: MOST_OF_ANSWER }).await
    }

    async fn bytes_in_time(
        &self,
        url: &OutboundUrl,
        request: RequestBuilder,
        bounds: Bounds,
    ) -> Result<Vec<u8>, OutboundError> {
        let fetched = async {
            let host = self.host(url.authority())?;
            let _place = host.acquire().await.map_err(|_| OutboundError::Busy)?;
            let answer = request.send().await.map_err(|error| unreachable(&error))?;
            body(found(answer)?, bounds.bytes).await
        };
        tokio::time::timeout(bounds.time, fetched).await.unwrap_or(Err(OutboundError::TooSlow))
    }
}
