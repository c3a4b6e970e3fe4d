//! A client registers itself (RFC 7591, 3.1): an initial access token or a software statement opens the door.

use serde_json::{Map, Value};

use crate::admin::{openid, registration};
use crate::clients::evidence::Evidence;
use crate::jose::thumbprint::sha256;
use crate::ledger::{Done, Entry, Work};
use crate::model::client::{Client, ClientStatus};
use crate::model::registration::{InitialToken, Provenance, RegisteredBy, SelfRegistration};
use crate::moment::{Timestamp, seconds};
use crate::protocol::allowance::Allowance;
use crate::protocol::client_registration::{Around, translate};
use crate::protocol::error::{Doing, ErrorCode, Failure, Reason, Refusal};
use crate::protocol::ids::ClientId;
use crate::protocol::secret::Secret;
use crate::store::client_secret::NewSecret;
use crate::store::{self, Tx};

use super::statement::Vouched;
use super::{PREFIX, Registered, RegistrationEndpoint, Request, not_authorized, shown};

const SECONDS_OF_A_DAY: i64 = 86_400;

/// A registration that is ready to be written.
struct Prepared {
    registered: Registered,
    stored: Option<NewSecret>,
    kept: SelfRegistration,
}

impl RegistrationEndpoint {
    /// Registers a client.
    pub async fn create(&self, request: Request) -> Result<Registered, Failure> {
        let mut entry = self.entry("registration.create", &request.evidence.origin)?;
        let Prepared { registered, stored, kept } = match self.prepare(&mut entry, request).await {
            Ok(prepared) => prepared,
            Err(failure) => return self.refuse(entry, failure).await,
        };
        let now = entry.now();
        let client = registered.client.clone();
        self.administration
            .ledger
            .transact(entry.event().clone(), move |tx, _| -> Work<'_, ()> {
                Box::pin(async move {
                    use_up(tx, client.provenance.by, now).await?;
                    store::client::insert(tx, &client).await?;
                    if let Some(stored) = stored {
                        store::client_secret::insert(tx, &client.id, &stored).await?;
                    }
                    store::self_registration::insert(tx, &client.id, &kept).await?;
                    Ok(Done::Changed(()))
                })
            })
            .await?;
        Ok(registered)
    }

    /// Judges who asks and for what; nothing is written yet.
    async fn prepare(&self, entry: &mut Entry, request: Request) -> Result<Prepared, Failure> {
        let now = entry.now();
        let invited = self.invited(&request.evidence, now).await?;
        let document = request.document?;
        let vouched = match document.get("software_statement").filter(|statement| !statement.is_null()) {
            Some(statement) => Some(self.vouched(statement, now).await?),
            None => None,
        };
        let (by, allowance) = door(invited, vouched.as_ref())?;
        let client = self.judged(&document, (by, &allowance, vouched.as_ref()), now).await?;
        let event = entry.event_mut();
        event.name_client(&client);
        event.target = Some(client.id.to_string());
        event.scopes_granted = Some(client.metadata.scope.to_string()).filter(|scope| !scope.is_empty());
        event.detail = by.with().map(|id| format!("by {} {id}", by.as_str()));
        let administration = &self.administration;
        let made = administration.secret_for(&client.metadata, &client.id, now)?;
        let (secret, stored) = made.unzip();
        let text = administration.entropy.token().doing("making a registration access token")?;
        let token = Secret::new(format!("{PREFIX}{text}"));
        let software_statement = vouched.map(|vouched| vouched.text);
        let kept = SelfRegistration {
            digest: sha256(token.expose().as_bytes()),
            allowance,
            software_statement: software_statement.clone(),
        };
        Ok(Prepared { registered: Registered { client, secret, token, software_statement }, stored, kept })
    }

    /// The initial access token that a request shows, if it is good; without any, a statement may open the door.
    async fn invited(&self, evidence: &Evidence, now: Timestamp) -> Result<Option<InitialToken>, Failure> {
        if evidence.authorization.is_none() {
            return Ok(None);
        }
        let (_, digest) = shown(evidence)?;
        let found = store::initial_token::find_by_digest(&self.administration.db, &digest).await?;
        match found {
            Some(token) if token.is_open(now) => Ok(Some(token)),
            Some(_) => Err(not_authorized("initial_access_token_spent").into()),
            None => Err(not_authorized("initial_access_token_unknown").into()),
        }
    }

    /// The client that comes of what is asked, held to all that an administrator's registrations are.
    async fn judged(
        &self,
        document: &Map<String, Value>,
        (by, allowance, vouched): (RegisteredBy, &Allowance, Option<&Vouched>),
        now: Timestamp,
    ) -> Result<Client, Failure> {
        let administration = &self.administration;
        let id = ClientId::new(administration.entropy.id(now).doing("naming a client")?);
        let claims = vouched.map(|vouched| &vouched.claims);
        let around = Around { allowance, vouched: claims, name: id.as_str(), before: None };
        let metadata = translate(document, &around).map_err(registration::refusal)?;
        let known = administration.known().await?;
        registration::judge(&metadata, &known, &administration.rules, &administration.features)?;
        openid::check_sector(&metadata, None, (&administration.outbound, &administration.rules)).await?;
        Ok(Client {
            id,
            status: ClientStatus::Active,
            metadata,
            version: 1,
            tokens_not_before: now.replace_microsecond(0).doing("rounding a time")?,
            created_at: now,
            updated_at: now,
            provenance: Provenance { by, approved_at: None },
        })
    }
}

/// What opens the door, and what the client may be for that: where both are shown, it is the token of this server's
/// administrator that says.
fn door(
    invited: Option<InitialToken>,
    vouched: Option<&Vouched>,
) -> Result<(RegisteredBy, Allowance), Refusal> {
    match (invited, vouched) {
        (Some(token), _) => Ok((RegisteredBy::InitialToken(token.id), token.allowance)),
        (None, Some(vouched)) => Ok((RegisteredBy::StatementIssuer(vouched.issuer.id), vouched.allowance())),
        (None, None) => Err(not_authorized(crate::tokens::bearer::MISSING)),
    }
}

/// Counts a registration, if one is left: of two at once that want the last, one is refused.
async fn use_up(tx: &mut Tx, by: RegisteredBy, now: Timestamp) -> Result<(), Failure> {
    match by {
        RegisteredBy::Administrator => Ok(()),
        RegisteredBy::InitialToken(id) => {
            if store::initial_token::mark_used(tx, id, now).await? {
                return Ok(());
            }
            Err(not_authorized("initial_access_token_spent").into())
        }
        RegisteredBy::StatementIssuer(id) => {
            let day = seconds(now).div_euclid(SECONDS_OF_A_DAY);
            if store::statement_issuer::mark_used(tx, id, day).await? {
                return Ok(());
            }
            let told = "too many clients have registered by statements of this issuer: try again tomorrow";
            Err(Refusal::new(ErrorCode::TooManyAttempts, told, Reason::new("statements_used_up")).into())
        }
    }
}
