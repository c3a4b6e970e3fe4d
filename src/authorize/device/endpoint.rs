//! The device authorization endpoint (RFC 8628, 3.1): what a device asks for is judged as an authorization request is,
//! and kept until a person has answered.

use crate::authorize::AuthorizationFlow;
use crate::authorize::offer::{extent_of, offered};
use crate::clients::authenticate::AuthenticatedClient;
use crate::grants;
use crate::jose::base64url;
use crate::jose::thumbprint::sha256;
use crate::ledger::{Attempt, Entry};
use crate::model::audit_event::Origin;
use crate::model::device_code::{Asker, GRANT, INTERVAL, LIFE, NewDeviceCode, too_many_wait};
use crate::policy::{self, Strength};
use crate::protocol::device_request;
use crate::protocol::error::{Doing, ErrorCode, Failure, Fault};
use crate::protocol::pkce::Challenge;
use crate::protocol::secret::Secret;
use crate::protocol::user_code::UserCode;
use crate::store;
use crate::tokens::request::Request;

/// How a device code begins, so that scanners of code and logs know it.
const PREFIX: &str = "hdc_";

/// What a device is given (RFC 8628, 3.2), but for the addresses.
#[derive(Debug)]
pub struct DeviceAnswer {
    /// What it asks with.
    pub device_code: Secret,
    /// What it shows.
    pub user_code: UserCode,
    /// For how many seconds both are good.
    pub expires_in: i64,
    /// How many seconds it waits between two questions.
    pub interval: i64,
}

impl AuthorizationFlow {
    /// Answers a device authorization request.
    pub async fn begin_device(&self, request: &Request) -> Result<DeviceAnswer, Failure> {
        let mut entry = self.entry("device.begin", &request.evidence.origin)?;
        let outcome = self.wait_for_answer(&mut entry, request).await;
        self.ledger.settle(entry, outcome).await
    }

    async fn wait_for_answer(
        &self,
        entry: &mut Entry,
        Request { params, evidence }: &Request,
    ) -> Result<DeviceAnswer, Failure> {
        entry.event_mut().grant_type = Some(GRANT.to_owned());
        let authenticated = self.authenticator.authenticate(entry, evidence, params).await?;
        let client = authenticated.record();
        grants::may_use(client, GRANT, &self.features)?;
        let whence = asker(&authenticated, &evidence.origin);
        if !store::device_code::has_room(&self.db, &whence, entry.now()).await? {
            return Err(too_many_wait().into());
        }

        let doing = "making a device code";
        let text = format!("{PREFIX}{}", self.entropy.token().doing(doing)?);
        let digest = sha256(text.as_bytes());
        let challenge = Challenge::from_stored(&base64url::encode(&digest));
        let challenge = challenge.ok_or_else(|| Fault::new(doing, "a digest is no challenge"))?;
        let asked = device_request::parse(params, challenge)?;
        entry.event_mut().scopes_asked = Some(asked.scope.to_string());
        let blame = match params.optional("aud") {
            Some(_) => ErrorCode::InvalidRequest,
            None => ErrorCode::InvalidTarget,
        };
        let resource = self.resource(entry, (client, &asked), blame).await?;
        self.judge_details(entry, (client, &asked), &resource).await?;
        offered(entry, policy::offer(client, None, extent_of(&asked), &resource))?;

        let user_code = UserCode::of_random(&self.entropy.bytes().doing(doing)?);
        let user_code = user_code.ok_or_else(|| Fault::new(doing, "too little chance"))?;
        entry.attempt(Attempt::BeginDevice(Box::new(NewDeviceCode {
            digest,
            user_code: self.marks.user_code(&user_code),
            asker: whence,
            request: asked,
            issued_at: entry.now(),
        })));
        Ok(DeviceAnswer {
            device_code: Secret::new(text),
            user_code,
            expires_in: LIFE.whole_seconds(),
            interval: INTERVAL,
        })
    }
}

/// Who asks, as far as it is known.
fn asker(client: &AuthenticatedClient, origin: &Origin) -> Asker {
    Asker {
        client: client.record().id.clone(),
        address: origin.peer.map(|peer| peer.to_canonical()),
        network: origin.network().filter(|_| client.strength() == Strength::Named),
    }
}
