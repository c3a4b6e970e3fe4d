//! What a decision rests on: the version of the client's registration that was read.

use crate::model::client::Client;
use crate::protocol::error::Refusal;
use crate::protocol::ids::ClientId;

/// Decides again on the registration as it stands now.
type Again = Box<dyn FnOnce(&Client) -> Result<(), Refusal> + Send + Sync>;

/// A client's registration as it was read; if it has changed since, the decision is made again on
/// what stands there now, by the same pure function.
pub struct Condition {
    pub(super) client: ClientId,
    pub(super) version: i64,
    pub(super) again: Again,
}

impl Condition {
    /// The decision rests on this version of the registration; `again` makes it anew.
    pub fn on(
        client: &Client,
        again: impl FnOnce(&Client) -> Result<(), Refusal> + Send + Sync + 'static,
    ) -> Self {
        Self { client: client.id.clone(), version: client.version, again: Box::new(again) }
    }

    /// What is decided on the registration as it stands now.
    pub(super) fn judge(self, changed: Option<&Client>) -> Result<(), Refusal> {
        match changed {
            None => Err(Refusal::invalid_client("client_deleted")),
            Some(client) if !client.is_active() => Err(Refusal::invalid_client("client_disabled")),
            Some(client) => (self.again)(client),
        }
    }
}
