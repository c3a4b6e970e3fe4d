//! What an app may do for a person, as the person is told.

use std::cmp::Reverse;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use crate::moment::Timestamp;
use crate::protocol::authorization_details::AuthorizationDetails;
use crate::scope::lattice::union;
use crate::scope::set::ScopeSet;

use super::consent::Consent;
use super::delegation::Endurance;
use super::family::Family;

/// What an app may do at one resource server, for one patient.
#[derive(Clone, Debug)]
pub struct Extent {
    /// The resource server.
    pub audience: String,
    /// The patient.
    pub patient: Option<String>,
    /// All that it was allowed there.
    pub scope: ScopeSet,
    /// What of the person it is told beside that, claim by claim.
    pub claims: BTreeSet<String>,
    /// What else it was allowed there.
    pub details: AuthorizationDetails,
    /// Since when.
    pub since: Timestamp,
    /// When it was used last, if it can be used now.
    pub used_at: Option<Timestamp>,
    /// How long the app may go on; `None` when it has nothing now, but need not ask to begin again.
    pub endurance: Option<Endurance>,
}

/// A family that lives, and when it was used last.
#[derive(Clone, Debug)]
pub struct Held {
    /// The family.
    pub family: Family,
    /// When it was used last.
    pub used_at: Timestamp,
}

/// What is told as one: a resource server and a patient there.
type Place = (String, Option<String>);

/// What one app may do: by the families that it holds, and by the consents that are remembered for it. What was
/// allowed last comes first.
#[must_use]
pub fn extents(held: &[Held], remembered: &[Consent]) -> Vec<Extent> {
    let mut found = BTreeMap::new();
    for Held { family, used_at } in held {
        let allowed = &family.delegation;
        add(
            &mut found,
            Extent {
                audience: allowed.audience.clone(),
                patient: allowed.context.patient.clone(),
                scope: allowed.scope.clone(),
                claims: allowed.particulars.claims.agreed.iter().cloned().collect(),
                details: allowed.particulars.authorization_details.clone(),
                since: family.created_at,
                used_at: Some(*used_at),
                endurance: Some(allowed.endurance()),
            },
        );
    }
    for consent in remembered {
        add(
            &mut found,
            Extent {
                audience: consent.audience.clone(),
                patient: consent.patient.clone(),
                scope: consent.scope.clone(),
                claims: consent.claims.iter().cloned().collect(),
                details: consent.details.clone(),
                since: consent.given_at,
                used_at: None,
                endurance: None,
            },
        );
    }
    let mut found: Vec<Extent> = found.into_values().collect();
    found.sort_by_key(|extent| Reverse(extent.since));
    found
}

/// Adds to what is known of the same place, or as a place of its own.
fn add(found: &mut BTreeMap<Place, Extent>, more: Extent) {
    match found.entry((more.audience.clone(), more.patient.clone())) {
        Entry::Vacant(place) => {
            place.insert(more);
        }
        Entry::Occupied(mut place) => {
            let known = place.get_mut();
            if known.scope != more.scope {
                known.scope = union(&known.scope, &more.scope);
            }
            known.claims.extend(more.claims);
            known.details = known.details.and(&more.details);
            known.since = known.since.min(more.since);
            known.used_at = known.used_at.max(more.used_at);
            known.endurance = longer(known.endurance, more.endurance);
        }
    }
}

/// Of two, the one that lasts longer.
fn longer(one: Option<Endurance>, other: Option<Endurance>) -> Option<Endurance> {
    let rank = |endurance: &Option<Endurance>| match endurance {
        None => 0,
        Some(Endurance::Token) => 1,
        Some(Endurance::Session) => 2,
        Some(Endurance::Offline) => 3,
    };
    [one, other].into_iter().max_by_key(rank).flatten()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::model::delegation::{Delegation, Particulars, SignIn, Voucher};
    use crate::protocol::ids::ClientId;
    use crate::protocol::launch_context::LaunchContext;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_timestamp(1_800_000_000 + seconds).unwrap()
    }

    fn consent(audience: &str, scope: &str, seconds: i64) -> Consent {
        Consent {
            id: Uuid::nil(),
            subject: Uuid::nil(),
            client: ClientId::parse("app").unwrap(),
            audience: audience.to_owned(),
            patient: Some("rivera".to_owned()),
            scope: ScopeSet::parse(scope).unwrap(),
            claims: Vec::new(),
            details: AuthorizationDetails::default(),
            given_at: at(seconds),
            by_policy: false,
            withdrawn_at: None,
        }
    }

    fn held(audience: &str, scope: &str, (begun, used): (i64, i64)) -> Held {
        let Consent { id, subject, client, audience, patient, scope, given_at, .. } =
            consent(audience, scope, begun);
        let sign_in = SignIn { session: Uuid::nil(), methods: vec!["pwd".to_owned()], at: given_at };
        let (context, voucher) = (LaunchContext::of_patient(patient), Voucher::Relationship);
        let delegation = Delegation {
            client,
            subject,
            consent: id,
            scope,
            audience,
            context,
            voucher,
            sign_in,
            particulars: Particulars::default(),
        };
        let family = Family {
            id: Uuid::nil(),
            epoch: 1,
            grant: Uuid::nil(),
            delegation,
            binding: None,
            generation: 1,
            rotated_at: None,
            created_at: given_at,
            expires_at: at(9_000),
            ends_at: None,
            revoked_at: None,
        };
        Held { family, used_at: at(used) }
    }

    #[test]
    fn on_04_what_was_allowed_for_one_place_is_told_as_one() {
        let found = extents(
            &[held("a", "openid online_access", (20, 50)), held("a", "openid offline_access", (30, 40))],
            &[consent("a", "fhirUser openid", 10)],
        );
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].scope.to_string(), "openid online_access offline_access fhirUser");
        assert_eq!((found[0].since, found[0].used_at), (at(10), Some(at(50))));
        assert_eq!(found[0].endurance, Some(Endurance::Offline));
    }

    #[test]
    fn on_04_what_was_allowed_in_several_steps_is_told_in_the_shortest_form() {
        let found = extents(
            &[held("a", "patient/Goal.r openid", (20, 50)), held("a", "patient/Goal.s", (30, 40))],
            &[consent("a", "patient/*.r", 40)],
        );
        assert_eq!(found[0].scope.to_string(), "patient/Goal.rs openid patient/*.r");
    }

    #[test]
    fn on_04_another_server_or_another_patient_is_told_apart() {
        let mut child = held("a", "patient/*.rs", (5, 6));
        child.family.delegation.context.patient = Some("child".to_owned());
        let found = extents(&[held("a", "openid", (20, 20)), child], &[consent("b", "openid", 10)]);
        let told: Vec<_> = found
            .iter()
            .map(|extent| (extent.audience.as_str(), extent.patient.as_deref(), extent.endurance))
            .collect();
        let now = Some(Endurance::Token);
        assert_eq!(
            told,
            [("a", Some("rivera"), now), ("b", Some("rivera"), None), ("a", Some("child"), now)]
        );
        assert!(extents(&[], &[]).is_empty());
    }
}
