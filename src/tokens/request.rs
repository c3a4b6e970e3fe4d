//! A request to one of the endpoints that back-ends call.

use crate::clients::evidence::Evidence;
use crate::protocol::params::Params;

/// Parameters, and what the request shows of its sender.
#[derive(Debug)]
pub struct Request {
    /// The parameters of the form.
    pub params: Params,
    /// What the request shows of its sender.
    pub evidence: Evidence,
}
