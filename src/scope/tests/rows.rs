//! The rows of the standard about the grammar of scopes, one test for each.

use super::{meaning, reader, set, token};
use crate::scope::{DIALECTS, Level, Permission, ScopeSet, covers_all, explain, narrow};

/// What a text means, in words that are easy to compare: level, type, letters, parameters.
fn told(text: &str) -> Option<String> {
    let (permission, _) = crate::scope::read(&token(text))?;
    Some(match permission {
        Permission::Named(name) => name,
        Permission::Resource { level, resource, interactions, filter } => {
            let letters = interactions.letters();
            let filter: Vec<_> = filter.iter().map(|(name, value)| format!(" {name} {value}")).collect();
            format!("{} {} {letters}{}", level.as_str(), resource.as_str(), filter.concat())
        }
    })
}

fn table(rows: &[(&str, Option<&str>)]) {
    for (text, meaning) in rows {
        assert_eq!(told(text).as_deref(), *meaning, "{text}");
    }
}

#[test]
fn sm_s_01_version_2_is_level_type_letters_in_order_and_parameters() {
    table(&[
        ("patient/Observation.c", Some("patient Observation c")),
        ("patient/Observation.cruds", Some("patient Observation cruds")),
        ("user/Patient.rs", Some("user Patient rs")),
        ("system/*.cud", Some("system * cud")),
        ("patient/*.s?_tag=a&status=b", Some("patient * s _tag a status b")),
        ("patient/Observation.", None),
        ("patient/Observation.sr", None),
        ("patient/Observation.dus", None),
        ("patient/Observation.rr", None),
        ("patient/Observation.RS", None),
        ("Patient/..", None),
        ("patient/observation.rs", None),
        ("patient/Unicorn.rs", None),
        // No level, so a name that means itself and reaches nothing.
        ("practitioner/Observation.rs", Some("practitioner/Observation.rs")),
        ("patient/.rs", None),
        ("/Observation.rs", None),
        ("patient/Observation.rs?", None),
    ]);
    // What is not understood is dropped and told, also where the other side has the same text.
    let asked = set("patient/Observation.sr patient/Observation.rs");
    let narrowed = narrow(&asked, &asked);
    assert_eq!(narrowed.granted.to_string(), "patient/Observation.rs");
    assert_eq!(narrowed.dropped, [token("patient/Observation.sr")]);
}

#[test]
fn sm_s_02_no_prefix_of_a_text_is_read() {
    let whole = "patient/Observation.cruds?category=laboratory";
    // A shorter value, or fewer letters, is another scope that reads as itself; nothing reads as a prefix.
    for text in ["patient/Observation.read", "patient/Observation.write", "patient/Observation.readable"] {
        for end in "patient/Observation.".len() + 1..text.len() {
            let part = &text[..end];
            let letters = &part["patient/Observation.".len()..];
            let expected = matches!(letters, "r" | "read").then_some(());
            assert_eq!(told(part).map(|_| ()), expected, "{part}");
        }
    }
    table(&[
        ("patient/Observation.read", Some("patient Observation rs")),
        ("patient/Observation.readable", None),
        ("patient/Observation.rsx", None),
        ("patient/Observation.rs.read", None),
        ("patient/Observation.rs/x", None),
        ("patient/Observation.rs#", None),
        ("patient/Observation.rs&category=a", None),
        ("patient/ObservationDefinitio.rs", None),
        ("xpatient/Observation.rs", Some("xpatient/Observation.rs")),
        ("launch/patientx", None),
        ("launch/patient/x", None),
        ("offline_accessx", Some("offline_accessx")),
    ]);
    assert_eq!(told(whole).as_deref(), Some("patient Observation cruds category laboratory"));
    assert!(!covers_all(&set("offline_access"), &set("offline_accessx")));
}

#[test]
fn sm_s_03_version_1_is_read_as_version_2_and_written_as_version_1() {
    for (old, new, meaning) in [
        ("patient/Observation.read", "patient/Observation.rs", "patient Observation rs"),
        ("patient/*.read", "patient/*.rs", "patient * rs"),
        ("user/Patient.write", "user/Patient.cud", "user Patient cud"),
        ("system/*.*", "system/*.cruds", "system * cruds"),
    ] {
        assert_eq!([told(old), told(new)].map(Option::unwrap), [meaning; 2], "{old}");
        for asked in [old, new] {
            assert_eq!(narrow(&set(asked), &set(new)).granted, set(asked));
            assert_eq!(narrow(&set(asked), &set(old)).granted, set(asked));
        }
    }
    table(&[
        ("patient/Observation.read?category=a", None),
        ("patient/Observation.Read", None),
        ("patient/Observation.read,write", None),
    ]);
}

#[test]
fn sm_s_04_each_scope_of_a_mixed_request_stays_in_its_notation() {
    let asked = set("patient/Observation.read patient/Goal.rs user/*.write");
    assert_eq!(narrow(&asked, &set("patient/*.cruds user/*.*")).granted, asked);
}

#[test]
fn sm_s_05_parameters_are_read_raw_and_encoded() {
    let lab = "patient Observation rs category http://terminology.hl7.org/CodeSystem/observation-category|laboratory";
    let stem = "patient/Observation.rs?category=";
    for value in [
        "http://terminology.hl7.org/CodeSystem/observation-category|laboratory",
        "http%3A%2F%2Fterminology.hl7.org%2FCodeSystem%2Fobservation-category%7Claboratory",
        "http%3a%2f%2fterminology.hl7.org%2fCodeSystem%2fobservation-category%7claboratory",
        "http://terminology.hl7.org/CodeSystem/observation-category%7Claboratory",
        "http:%2F%2Fterminology.hl7.org/CodeSystem/observation-category|laboratory",
    ] {
        assert_eq!(told(&format!("{stem}{value}")).as_deref(), Some(lab), "{value}");
    }
    table(&[
        // Parameters are all to be met.
        ("patient/Goal.rs?status=a&category=b", Some("patient Goal rs category b status a")),
        ("patient/Goal.rs?a=1&b=2&c=3&d=4", Some("patient Goal rs a 1 b 2 c 3 d 4")),
        ("patient/Goal.rs?status=a%20b", Some("patient Goal rs status a b")),
        ("patient/Goal.rs?status=a,b", Some("patient Goal rs status a,b")),
        ("patient/Goal.rs?status=A", Some("patient Goal rs status A")),
        ("patient/Goal.rs?status=a+b", None),
        ("patient/Goal.rs?status=a&status=b", None),
        ("patient/Goal.rs?status=a&", None),
        ("patient/Goal.rs?status=%7", None),
    ]);
    assert_ne!(meaning("patient/Goal.rs?status=A"), meaning("patient/Goal.rs?status=a"));
    // Scopes are alternatives: either is enough, and two parameters are not the same as two scopes.
    let either = set("patient/Goal.rs?status=a patient/Goal.rs?category=b");
    assert!(covers_all(&either, &set("patient/Goal.rs?status=a&category=b")));
    assert!(!covers_all(&set("patient/Goal.rs?status=a&category=b"), &either));
}

#[test]
fn sm_s_06_experimental_searches_are_not_read() {
    for parameter in [
        "code:in=http://example.org/codes",
        "code:not=a",
        "code%3Ain=a",
        "subject.name=peter",
        "subject:Patient.name=peter",
        "_has:Group:member:_id=1",
        "_filter=status%20eq%20final",
        "_include=Observation:subject",
        "_sort=date",
    ] {
        assert_eq!(told(&format!("patient/Observation.rs?{parameter}")), None, "{parameter}");
        assert_eq!(told(&format!("patient/Observation.rs?status=final&{parameter}")), None, "{parameter}");
    }
}

#[test]
fn sm_s_07_a_wildcard_is_every_type_now_and_in_future() {
    for scope in ["patient/*.rs", "patient/*.read", "user/*.r", "patient/*.rs?_tag=a"] {
        let caution = explain(&token(scope)).caution.unwrap();
        assert!(caution.contains("now and in future"), "{scope}: {caution}");
    }
    assert_eq!(explain(&token("patient/Goal.rs")).caution, None);
    let every = crate::scope::resource_types::RESOURCE_TYPES.iter();
    let list = ScopeSet::from_tokens(every.map(|name| token(&format!("patient/{name}.rs"))));
    assert!(covers_all(&set("patient/*.rs"), &list) && !covers_all(&list, &set("patient/*.rs")));
}

#[test]
fn sm_s_14_uri_forms_mean_what_follows_the_prefix() {
    const SMART: &str = "http://smarthealthit.org/fhir/scopes/";
    const OPENID: &str = "http://openid.net/specs/openid-connect-core-1_0#";
    for text in [
        "patient/Observation.rs",
        "patient/*.read",
        "user/Goal.cruds",
        "patient/Observation.rs?category=http://example.org/c|a",
        "launch",
        "launch/patient",
        "launch/list?role=to-do",
        "fhirUser",
        "online_access",
    ] {
        assert_eq!(told(&format!("{SMART}{text}")), told(text), "{text}");
    }
    for text in ["openid", "profile", "email", "offline_access"] {
        assert_eq!(told(&format!("{OPENID}{text}")).as_deref(), Some(text));
    }
    for text in [
        "http://smarthealthit.org/fhir/scopes/",
        "http://smarthealthit.org/fhir/scopes/patient/Observation.sr",
        "http://smarthealthit.org/fhir/scopes/launch.write",
        "http://openid.net/specs/openid-connect-core-1_0#openid.",
        "http://openid.net/specs/openid-connect-core-1_0#patient/*.rs",
        "http://smarthealthit.org/fhir/scopes/http://smarthealthit.org/fhir/scopes/launch",
    ] {
        assert_eq!(told(text), None, "{text}");
    }
    // Another prefix is another server's scope, and means itself.
    let other = "https://smarthealthit.org/fhir/scopes/patient/Observation.rs";
    assert_eq!((told(other).as_deref(), reader(other)), (Some(other), Some("plain")));
}

#[test]
fn sm_l_06_context_is_asked_for_by_type_with_one_role() {
    for text in [
        "launch",
        "launch/patient",
        "launch/encounter",
        "launch/imagingstudy",
        "online_access",
        "offline_access",
    ] {
        assert_eq!((told(text).as_deref(), reader(text)), (Some(text), Some("openid")), "{text}");
    }
    table(&[
        ("launch/", None),
        ("launch/Patient", None),
        ("launch/imagingStudy", None),
        ("launch/unicorn", None),
        ("launch/questionnaire?role=http://example.org/role|form", Some("launch/questionnaire")),
        ("launch/list?role=to-do%20list", Some("launch/list")),
        ("launch/patient?role=unheard-of", Some("launch/patient")),
        ("launch/patient.r", None),
        ("launch/patient?", None),
        ("launch/patient?role", None),
        ("launch/patient?role=", None),
        ("launch/patient?role=a&role=b", None),
        ("launch/patient?role=a&note=b", None),
        ("launch/patient?Role=a", None),
        ("launch?role=a", None),
        ("Online_access", Some("Online_access")),
    ]);
    // It is granted as it was written.
    let asked = set("launch/patient?role=unheard-of openid");
    assert_eq!(narrow(&asked, &set("launch/patient openid")).granted, asked);
    // A role that nobody knows is still a wish for that type, and told as such.
    assert_eq!(explain(&token("launch/list?role=x")), explain(&token("launch/list")));
}

#[test]
fn sm_s_15_more_than_32_kilobytes_of_scopes_are_read() {
    let one = |n: usize| format!("patient/Observation.rs?code=http://loinc.org|{n:05}-0");
    let text = (0..800).map(one).collect::<Vec<_>>().join(" ");
    assert!(text.len() > 32_768, "{}", text.len());
    let asked = set(&text);
    assert_eq!(asked.len(), 800);
    assert_eq!(narrow(&asked, &set("patient/*.rs")).granted, asked);
    assert!(asked.iter().all(|token| told(token.as_str()).is_some()));
}

#[test]
fn sm_s_09_no_level_is_another() {
    for [one, other] in [["patient", "user"], ["user", "system"], ["system", "patient"]] {
        let [one, other] = [one, other].map(|level| set(&format!("{level}/*.cruds")));
        assert!(!covers_all(&one, &other) && !covers_all(&other, &one));
    }
    assert_eq!(Level::parse("Patient"), None);
    assert_eq!(DIALECTS.len(), 8);
}
