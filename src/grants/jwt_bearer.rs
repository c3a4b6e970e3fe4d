//! `urn:ietf:params:oauth:grant-type:jwt-bearer` (RFC 7523, 2.1): an issuer whom this server trusts says who the
//! person is. It says nothing of what the client may do: that is what the person has agreed to here.

use async_trait::async_trait;
use time::Duration;
use uuid::Uuid;

use crate::clients::assertion;
use crate::clients::authenticate::AuthenticatedClient;
use crate::jose::claims::Claims;
use crate::jose::jws::UnverifiedJws;
use crate::ledger::{Attempt, Beginning, Proof};
use crate::model::authorization::{Authorization, Companions, OnBehalf, SenderDemand, Subject};
use crate::model::binding::Binding;
use crate::model::consent::{Consent, Wish};
use crate::model::delegation::{Delegation, Particulars, SignIn, Voucher};
use crate::model::family::Family;
use crate::model::person::{Person, Username};
use crate::model::standing::Standing;
use crate::model::trusted_issuer::{TrustedIssuer, not_valid};
use crate::moment::{Timestamp, seconds};
use crate::policy::Strength;
use crate::protocol::authorization_details::AuthorizationDetails;
use crate::protocol::client_metadata::Profile;
use crate::protocol::error::{Doing, Failure, Refusal};
use crate::protocol::launch_context::{LaunchContext, needs_patient};
use crate::protocol::params::Params;
use crate::protocol::resource_metadata::ResourceMetadata;
use crate::protocol::trusted_issuer::Naming;
use crate::scope::set::ScopeSet;
use crate::store;

use super::{Grant, GrantCx, audience, details, named_scope, proves_itself, without_sign_in};

/// The types that an assertion may have, besides none (RFC 7523bis). That of a client's own is none of them.
const TYPES: [&str; 2] = ["JWT", "authorization-grant+jwt"];
/// How much longer a family is kept than the one access token that it consists of.
const MARGIN: Duration = Duration::minutes(5);

pub(super) struct JwtBearer;

#[async_trait]
impl Grant for JwtBearer {
    fn grant_type(&self) -> &'static str {
        "urn:ietf:params:oauth:grant-type:jwt-bearer"
    }

    fn least_strength(&self) -> Strength {
        Strength::SharedSecret
    }

    async fn authorize(
        &self,
        cx: &mut GrantCx<'_>,
        client: &AuthenticatedClient,
        _: Option<&Binding>,
        params: &Params,
    ) -> Result<Authorization, Failure> {
        proves_itself(client)?;
        details::not_taken(params)?;
        let said = believe(cx, client, params.require("assertion")?).await?;
        let person = find_person(cx, &said).await?;
        let asked = named_scope(params)?.map(|asked| without_sign_in(&asked));
        let resource = audience::of_another(cx, client, params).await?;
        let agreed = Agreed::find(cx, client, &person, (asked, &resource)).await?;
        let family = begin(cx, client, (&agreed, said.at), &resource).await?;
        cx.name_person(&agreed.standing, &family.delegation);
        cx.entry.event_mut().detail = Some(format!("vouched for by {}", said.issuer.name));
        let authorization = Authorization {
            grant_type: self.grant_type(),
            subject: Subject::Person(Box::new(OnBehalf {
                standing: agreed.standing.clone(),
                context: family.delegation.context.clone(),
                sign_in: family.delegation.sign_in.clone(),
                grant: family.grant,
                particulars: Particulars::default(),
            })),
            asked: agreed.scope,
            details: AuthorizationDetails::default(),
            resource,
            sender: SenderDemand::AsRegistered,
            companions: Companions::default(),
            descent: None,
        };
        cx.entry.attempt(Attempt::BeginFamily(Box::new(Beginning { person: agreed.standing, family })));
        Ok(authorization)
    }
}

/// What an assertion says that was believed.
struct Said {
    issuer: TrustedIssuer,
    /// `sub`.
    subject: String,
    /// Until when it is known that the person was signed in there.
    at: Timestamp,
}

/// Believes an assertion: of an issuer that is trusted for this client, for this server, in time, and shown once
/// (RFC 7523, 3).
async fn believe(cx: &mut GrantCx<'_>, client: &AuthenticatedClient, text: &str) -> Result<Said, Failure> {
    let unverified = UnverifiedJws::parse(text)
        .map_err(|error| not_valid("assertion_malformed").detail(error.to_string()))?;
    let named = unverified.unverified_claims().text("iss").ok().flatten();
    let named = named.ok_or_else(|| not_valid("assertion_iss"))?;
    let issuer = store::trusted_issuer::find_by_issuer(cx.db, named).await?;
    let issuer = issuer.ok_or_else(|| not_valid("issuer_not_trusted"))?;
    cx.entry.event_mut().target = Some(issuer.name.to_string());
    if !issuer.metadata.clients.contains(&client.record().id) {
        return Err(not_valid("issuer_not_trusted_for_client").into());
    }
    let header = unverified.header();
    if header.typ.is_some() && !TYPES.iter().any(|name| header.is_type(name)) {
        return Err(not_valid("assertion_typ").into());
    }
    let key =
        cx.judges.keys.choose(&issuer.metadata.keys, header).await.map_err(|refusal| as_grant(&refusal))?;
    let claims = unverified
        .verify(&key)
        .map_err(|error| not_valid("assertion_signature").detail(error.to_string()))?;
    let (subject, at) = examine(cx, &issuer, &claims)?;
    Ok(Said { issuer, subject, at })
}

/// Judges what a verified assertion says, and uses it up.
fn examine(
    cx: &mut GrantCx<'_>,
    issuer: &TrustedIssuer,
    claims: &Claims,
) -> Result<(String, Timestamp), Refusal> {
    let (rules, now) = (cx.judges.rules, cx.entry.now());
    assertion::audience(claims, Profile::Smart, rules).map_err(|refusal| as_grant(&refusal))?;
    let most_ahead = issuer.metadata.assertion_seconds.min(rules.most_ahead);
    let expires_at = assertion::times(claims, (most_ahead, rules.skew), seconds(now))
        .map_err(|refusal| as_grant(&refusal))?;
    let key = assertion::jti(claims).map_err(|refusal| as_grant(&refusal))?;
    let subject = claims.text("sub").ok().flatten().filter(|subject| !subject.is_empty());
    let subject = subject.ok_or_else(|| not_valid("assertion_sub"))?.to_owned();
    let end = Timestamp::from_unix_timestamp(expires_at).unwrap_or(Timestamp::UNIX_EPOCH);
    cx.entry.use_up(Proof {
        owner: format!("grant {}", issuer.metadata.issuer),
        key,
        expires_at: end + Duration::seconds(rules.skew + 1),
        refusal: not_valid("assertion_replayed"),
        is_credential: true,
    });
    // `iat` is a whole second, and what was said in it counts until its end.
    let said = claims.time("iat").ok().flatten().and_then(|at| Timestamp::from_unix_timestamp(at).ok());
    let at = said.map_or(now, |at| now.min(at + Duration::SECOND - Duration::NANOSECOND));
    Ok((subject, at))
}

/// The refusal of a client's assertion as that of a grant: the same fault is another error here (RFC 7523, 3.1).
fn as_grant(refusal: &Refusal) -> Refusal {
    let reason = match refusal.reason().code() {
        "client_keys_unavailable" => "issuer_keys_unavailable",
        code => code,
    };
    let detail = refusal.reason().detail().map(str::to_owned);
    detail.into_iter().fold(not_valid(reason), Refusal::detail)
}

/// The person whom an assertion names, as the issuer names people. Whoever may not act is nobody.
async fn find_person(cx: &mut GrantCx<'_>, said: &Said) -> Result<Person, Failure> {
    let found = match said.issuer.metadata.naming {
        Naming::Username => match Username::parse(&said.subject) {
            Some(name) => store::person::find_by_username(cx.db, &name).await?,
            None => None,
        },
        // One spelling of a subject, as this server writes it.
        Naming::Subject => {
            match Uuid::try_parse(&said.subject).ok().filter(|id| id.to_string() == said.subject) {
                Some(subject) => store::person::find(cx.db, &subject).await?,
                None => None,
            }
        }
    };
    let person = found.ok_or_else(|| not_valid("person_unknown"))?;
    cx.entry.event_mut().name_person(&Standing::from(&person));
    if !Standing::from(&person).keeps_alive(said.at) {
        return Err(not_valid("person_disabled").into());
    }
    Ok(person)
}

/// What a person has agreed to that is asked for now.
struct Agreed {
    standing: Standing,
    consent: Consent,
    scope: ScopeSet,
    patient: Option<String>,
}

impl Agreed {
    /// Finds a decision of the person that is remembered, and covers what is asked: nobody else can ask the person
    /// now. Where several patients could be meant, none is.
    async fn find(
        cx: &mut GrantCx<'_>,
        client: &AuthenticatedClient,
        person: &Person,
        (asked, resource): (Option<ScopeSet>, &ResourceMetadata),
    ) -> Result<Self, Failure> {
        let mut found: Option<Self> = None;
        for consent in store::consent::find_newest(cx.db, person.subject, &client.record().id).await? {
            let scope = asked.clone().unwrap_or_else(|| without_sign_in(&consent.scope));
            let wish = Wish {
                audience: &resource.url,
                patient: consent.patient.as_deref(),
                scope: &scope,
                claims: &[],
                details: &AuthorizationDetails::default(),
            };
            if !client.record().keeps_alive(consent.given_at)
                || !client.record().stands_since(consent.given_at)
                || !consent.covers(&wish, &Standing::from(person))
            {
                continue;
            }
            let patient = consent.patient.clone().filter(|_| needs_patient(&scope));
            let Some(standing) = standing_for(cx, person, (&resource.url, patient.as_deref())).await? else {
                continue;
            };
            match &found {
                Some(newer) if newer.patient.is_some() && patient.is_some() && newer.patient != patient => {
                    return Err(not_valid("several_patients").into());
                }
                Some(_) => {}
                None => found = Some(Self { standing, consent, scope, patient }),
            }
        }
        found.ok_or_else(|| not_valid("consent_missing").into())
    }
}

/// How the person stands to a patient; `None` when they may not act for that one. What an EHR or a directory
/// vouched for has ended with the launch.
async fn standing_for(
    cx: &GrantCx<'_>,
    person: &Person,
    (audience, patient): (&str, Option<&str>),
) -> Result<Option<Standing>, Failure> {
    let mut standing = Standing::from(person);
    let Some(patient) = patient else { return Ok(Some(standing)) };
    let known = store::relationship::find(cx.db, &person.subject, (audience, patient)).await?;
    standing.acts_for = known.map(|known| known.patient);
    let may = standing.may_act_for(patient, audience);
    Ok(may.then_some(standing))
}

/// The family of the one token: with it the person ends what the issuer began.
async fn begin(
    cx: &GrantCx<'_>,
    client: &AuthenticatedClient,
    (agreed, at): (&Agreed, Timestamp),
    resource: &ResourceMetadata,
) -> Result<Family, Failure> {
    let (terms, now) = (cx.terms, cx.entry.now());
    let doing = "naming a family";
    Ok(Family {
        id: Uuid::from_bytes(terms.entropy.bytes().doing(doing)?),
        epoch: store::epoch::find(cx.db).await?,
        grant: terms.entropy.id(now).doing(doing)?,
        delegation: Delegation {
            client: client.record().id.clone(),
            subject: agreed.consent.subject,
            consent: agreed.consent.id,
            scope: agreed.scope.clone(),
            audience: resource.url.clone(),
            context: LaunchContext::of_patient(agreed.patient.clone()),
            voucher: Voucher::Relationship,
            // Nobody signed in here: there is no session, and no method that this server has seen.
            sign_in: SignIn { session: Uuid::nil(), methods: Vec::new(), at },
            particulars: Particulars::default(),
        },
        binding: None,
        generation: 1,
        rotated_at: None,
        created_at: now,
        expires_at: now + Duration::seconds(terms.lifetimes.person) + MARGIN,
        ends_at: None,
        revoked_at: None,
    })
}
