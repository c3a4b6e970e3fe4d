//! That the trace says what the rules do, whatever is asked.

use std::collections::HashSet;

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::json;

use super::{Case, case};
use crate::policy::{Denial, Extent, Fate, Strength, decide, offer};
use crate::scope::lattice::shortest;
use crate::scope::narrow::covers_all;
use crate::scope::set::ScopeSet;
use crate::scope::token::ScopeToken;

fn scopes() -> impl Strategy<Value = String> {
    let all = vec![
        "openid",
        "fhirUser",
        "profile",
        "offline_access",
        "online_access",
        "launch",
        "launch/patient",
        "launch/encounter",
        "email",
        "capacity.read",
        "patient/*.rs",
        "patient/Patient.r",
        "patient/Patient.s",
        "patient/Patient.cu",
        "patient/Observation.rs",
        "patient/Observation.s?category=a",
        "patient/Observation.c?category=b",
        "patient/Claim.read",
        "patient/*.*",
        "user/Patient.rs",
        "user/*.cruds",
        "system/Patient.rs",
        "system/Patient.cruds",
        "http://openid.net/specs/openid-connect-core-1_0#openid",
        "system/*.read",
        "admin/clients.read",
        "patient/Observation.sr",
        "fhiruser",
        "http://smarthealthit.org/fhir/scopes/patient/Patient.rs",
    ];
    subsequence(all.clone(), 0..=all.len()).prop_shuffle().prop_flat_map(|scopes| {
        let most = scopes.len();
        (Just(scopes), 0..=most).prop_map(|(scopes, count)| scopes[..count].join(" "))
    })
}

/// All, or those without which least can be told, and some of the others.
fn capabilities() -> impl Strategy<Value = Option<Vec<String>>> {
    let all = vec![
        "launch-ehr",
        "launch-standalone",
        "client-confidential-asymmetric",
        "permission-patient",
        "permission-user",
        "permission-v1",
        "permission-v2",
        "sso-openid-connect",
    ];
    let some = subsequence(all.clone(), 5..=all.len());
    prop::option::of(some.prop_map(|some| some.into_iter().map(str::to_owned).collect()))
}

/// What a real request for a person's app meets: it is judged before anybody has signed in, and then for whoever has.
fn offered(case: &Case, asked: &ScopeSet) -> Result<ScopeSet, Denial> {
    let asked = || Extent::of_scope(asked.clone());
    let anybodys = offer(&case.client, None, asked(), &case.resource)?;
    match case.speaker {
        "somebody" => Ok(anybodys.scope),
        _ => offer(&case.client, Some(&case.person()), asked(), &case.resource).map(|offered| offered.scope),
    }
}

fn cases() -> impl Strategy<Value = Case> {
    let speakers = select(vec!["client", "somebody", "patient", "clinician"]);
    let strengths = select(vec![Strength::Named, Strength::SharedSecret, Strength::PrivateKey]);
    (scopes(), scopes(), speakers, strengths, any::<bool>(), capabilities()).prop_map(
        |(client, resource, speaker, strength, refreshes, capabilities)| {
            let grants = if refreshes {
                json!(["authorization_code", "refresh_token"])
            } else {
                json!(["authorization_code"])
            };
            let mut found = case(
                &json!({"grant_types": grants, "redirect_uris": ["https://app.example/cb"]}),
                "capacity.read",
                speaker,
            );
            found.client.metadata.scope = ScopeSet::parse(&client).unwrap();
            found.resource.scope = ScopeSet::parse(&resource).unwrap();
            found.resource.capabilities = capabilities;
            Case { strength, ..found }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn what_is_told_is_what_is_decided(case in cases(), asked in scopes()) {
        let asked = ScopeSet::parse(&asked).unwrap();
        let trace = case.trace(&asked);
        let granted = trace.scope.to_string();
        let refused = trace.denial.as_ref().map(|denial| (denial.rule, denial.refusal.clone()));
        let same = |denial: Denial| Some((denial.rule, denial.refusal));
        let is_person = case.speaker != "client";
        // A person's token is decided on what was offered.
        match is_person.then(|| offered(&case, &asked)).transpose() {
            Err(denial) => prop_assert_eq!(same(denial), refused),
            Ok(offered) => match decide(&case.question(), case.authorization(offered.as_ref().unwrap_or(&asked))) {
                Ok(permit) => {
                    prop_assert_eq!(refused, None);
                    prop_assert_eq!((permit.scope().to_string(), permit.seconds()), (granted, trace.seconds));
                    prop_assert_eq!(&shortest(permit.scope()), permit.scope());
                }
                Err(denial) => prop_assert_eq!(same(denial), refused),
            },
        }
        if let Ok(permit) = decide(&case.question(), case.authorization(&asked)) {
            let last = trace.rules.iter().rev().find(|visit| visit.did == "narrowed").map(|visit| visit.rule);
            // Whoever only may sign in is judged less narrowly than a person.
            if case.speaker != "somebody" && trace.denial.is_none() {
                prop_assert_eq!(permit.rule(), last.unwrap_or("granted_as_asked"));
            }
        }
        // The ways together are the grant, and none says more than was asked.
        let of_ways: HashSet<&ScopeToken> = trace.ways.iter().flat_map(|way| &way.granted).collect();
        prop_assert_eq!(of_ways, trace.scope.iter().collect::<HashSet<_>>());
        prop_assert_eq!(trace.ways.iter().map(|way| &way.asked).collect::<Vec<_>>(), asked.iter().collect::<Vec<_>>());
        for way in &trace.ways {
            let granted = ScopeSet::from_tokens(way.granted.iter().cloned());
            let whole = covers_all(&granted, &ScopeSet::from_tokens([way.asked.clone()]));
            prop_assert_eq!(way.fate == Fate::Granted, whole, "{:?}", way);
            prop_assert_eq!(way.fate == Fate::Dropped, granted.is_empty(), "{:?}", way);
            prop_assert!(!way.because.is_empty());
        }
    }
}
