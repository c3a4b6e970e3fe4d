//! The public keys that stand in a client's registration.

use serde_json::{Value, json};

use crate::jose::jwk::Jwk;
use crate::model::client::Client;
use crate::protocol::client_metadata::{ClientMetadata, Keys};
use crate::protocol::error::{ErrorCode, Failure, FieldProblem, Reason, Refusal};

use super::actor::Caller;
use super::clients::{Change, Judged, Target};
use super::{Administration, not_found, registration};

impl Administration {
    /// Adds a public key to a client whose keys stand in its registration.
    pub async fn add_key(&self, caller: &Caller, target: Target, key: &Value) -> Result<Client, Failure> {
        let mut event = self.event(caller, "client.add_key")?;
        event.target = Some(target.id.to_string());
        let key = match Jwk::parse(key) {
            Ok(key) => key.to_json(),
            Err(error) => {
                return self
                    .refuse(event, registration::refusal(vec![field("jwk", &error.to_string())]).into())
                    .await;
            }
        };
        let change: Change = Box::new(move |client, _| {
            with_keys(client, |keys| {
                keys.push(key);
                Ok(())
            })
        });
        self.change_client(caller, event, target, (Judged::Anew, change)).await
    }

    /// Removes a public key from a client's registration.
    pub async fn remove_key(&self, caller: &Caller, target: Target, kid: String) -> Result<Client, Failure> {
        let mut event = self.event(caller, "client.remove_key")?;
        event.target = Some(target.id.to_string());
        event.detail = Some(kid.clone());
        let change: Change = Box::new(move |client, _| {
            with_keys(client, |keys| {
                let before = keys.len();
                keys.retain(|key| key.get("kid").and_then(Value::as_str) != Some(&kid));
                if keys.len() == before { Err(not_found("key_unknown")) } else { Ok(()) }
            })
        });
        self.change_client(caller, event, target, (Judged::Anew, change)).await
    }
}

/// Edits the keys that stand in a registration; the last one cannot go.
fn with_keys(
    client: Client,
    edit: impl FnOnce(&mut Vec<Value>) -> Result<(), Refusal>,
) -> Result<Client, Refusal> {
    let mut keys = match &client.metadata.keys {
        Keys::Inline(set) => set.keys().iter().map(Jwk::to_json).collect(),
        Keys::None => Vec::new(),
        Keys::At(_) => {
            let told = "this client publishes its keys at its jwks_uri";
            return Err(Refusal::new(ErrorCode::Conflict, told, Reason::new("keys_at_jwks_uri")));
        }
    };
    edit(&mut keys)?;
    let mut document = client.metadata.to_json();
    if keys.is_empty() {
        document.remove("jwks");
    } else {
        document.insert("jwks".to_owned(), json!({ "keys": keys }));
    }
    let metadata = ClientMetadata::parse(&document).map_err(registration::refusal)?;
    Ok(client.with_metadata(metadata))
}

fn field(name: &str, says: &str) -> FieldProblem {
    FieldProblem { field: name.to_owned(), says: says.to_owned() }
}
