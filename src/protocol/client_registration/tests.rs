use super::*;

fn allowance() -> Allowance {
    let document = json!({"organization": "Acme", "scope": "openid patient/*.rs offline_access",
        "grant_types": ["authorization_code", "refresh_token"], "resources": ["https://f.example/r4"]});
    Allowance::parse(document.as_object().unwrap()).unwrap()
}

fn translated(asked: &Value, vouched: Option<&Value>) -> Result<Map<String, Value>, Vec<String>> {
    let around = Around {
        allowance: &allowance(),
        vouched: vouched.and_then(Value::as_object),
        name: "the-id",
        before: None,
    };
    let translated = translate(asked.as_object().unwrap(), &around);
    let named = |problems: Vec<FieldProblem>| problems.into_iter().map(|problem| problem.field).collect();
    translated.map(|metadata| metadata.to_json()).map_err(named)
}

fn refused(asked: &Value) -> Vec<String> {
    translated(asked, None).unwrap_err()
}

#[test]
fn dc_01_what_is_not_said_has_the_default_of_the_standard() {
    let found = translated(&json!({"redirect_uris": ["https://app.example/cb"]}), None).unwrap();
    assert_eq!(found["client_name"], "the-id");
    assert_eq!(found["token_endpoint_auth_method"], "client_secret_basic");
    assert_eq!(found["grant_types"], json!(["authorization_code"]));
    assert_eq!(found["scope"], "openid patient/*.rs offline_access");
    assert_eq!(found["resources"], json!(["https://f.example/r4"]));
}

#[test]
fn what_is_unknown_is_left_out_and_what_is_an_administrators_is_not_heard() {
    let asked = json!({"client_name": "A", "client_name#de": "Ä", "organization": "Mercy", "profile": "udap",
        "introspects": ["https://f.example/r4"], "clinician_consent": "preapproved", "verified": true,
        "refresh_token_max_days": 3650, "purpose_of_use": "TREAT", "client_id": "mine", "contacts": null});
    let found = translated(&asked, None).unwrap();
    assert_eq!((&found["organization"], &found["profile"]), (&json!("Acme"), &json!("smart")));
    assert_eq!(found["introspects"], json!([]));
    for absent in ["clinician_consent", "verified", "refresh_token_max_days", "purpose_of_use", "client_id"] {
        assert!(found.get(absent).is_none(), "{absent}");
    }
}

#[test]
fn what_goes_beyond_the_allowance_is_cut_and_refused_when_nothing_is_left() {
    let asked = json!({"grant_types": ["authorization_code", "client_credentials", "implicit"],
        "scope": "openid admin/clients.write system/*.cruds patient/*.cruds launch.write unheard",
        "resources": ["https://f.example/r4", "https://as.example/admin"],
        "authorization_details_types": []});
    let found = translated(&asked, None).unwrap();
    assert_eq!(found["grant_types"], json!(["authorization_code"]));
    assert_eq!(found["scope"], "openid patient/*.rs");
    assert_eq!(found["resources"], json!(["https://f.example/r4"]));
    for (member, value) in [
        ("grant_types", json!(["client_credentials"])),
        ("scope", json!("admin/clients.write")),
        ("resources", json!(["https://as.example/admin"])),
        ("authorization_details_types", json!(["payment"])),
    ] {
        assert_eq!(refused(&json!({member: value})), [member]);
    }
}

#[test]
fn a10_a_member_of_another_type_is_refused_by_its_name() {
    let rows = [
        ("redirect_uris", json!("https://app.example/cb"), "redirect_uris"),
        ("redirect_uris", json!([["https://app.example/cb"]]), "redirect_uris[0]"),
        ("redirect_uris", json!({"0": "https://app.example/cb"}), "redirect_uris"),
        ("grant_types", json!("authorization_code"), "grant_types"),
        ("grant_types", json!([7]), "grant_types[0]"),
        ("scope", json!(["openid"]), "scope"),
        ("scope", json!("a\"b"), "scope"),
        ("token_endpoint_auth_method", json!(["none"]), "token_endpoint_auth_method"),
        ("response_types", json!("code"), "response_types"),
        ("response_types", json!(["token"]), "response_types"),
        ("response_types", json!(["code", "token"]), "response_types"),
        ("response_types", json!([]), "response_types"),
        ("client_name", json!(["A"]), "client_name"),
        ("client_name", json!("a\u{0}"), "client_name"),
        ("jwks", json!([]), "jwks"),
        ("contacts", json!("me"), "contacts"),
        ("application_type", json!("desktop"), "application_type"),
        ("client_uri", json!("http://app.example"), "client_uri"),
        ("logo_uri", json!("javascript:alert(1)"), "logo_uri"),
        ("policy_uri", json!("https://app.example/\"><script>"), "policy_uri"),
        ("tos_uri", json!("data:text/html,x"), "tos_uri"),
        ("policy_uri", json!("https://bank.example@evil.test/"), "policy_uri"),
        ("dpop_bound_access_tokens", json!("true"), "dpop_bound_access_tokens"),
    ];
    for (member, value, named) in rows {
        assert_eq!(refused(&json!({member: value})), [named], "{member}");
    }
    let both = json!({"jwks": {"keys": []}, "jwks_uri": "https://app.example/jwks"});
    assert_eq!(refused(&both), ["jwks_uri"], "DC-03");
}

#[test]
fn a10_what_tokens_and_assertions_say_too_names_no_software() {
    for (claims, names_some) in [
        (json!({"software_id": "chart"}), true),
        (json!({"client_name": "Chart"}), true),
        (json!({"jwks_uri": "https://app.example/jwks"}), true),
        (json!({}), false),
        (json!({"iss": "https://v.example", "aud": "https://as.example", "exp": 1, "jti": "x"}), false),
        (json!({"client_id": "x", "client_secret": "x", "scope": "openid"}), false),
        (json!({"client_name": null, "organization": "Acme", "name": "Pat"}), false),
    ] {
        assert_eq!(names_software(claims.as_object().unwrap()), names_some, "{claims}");
    }
}

#[test]
fn what_a_statement_says_wins() {
    let asked = json!({"client_name": "Mine", "redirect_uris": ["https://evil.test/cb"], "contacts": ["me"]});
    let vouched = json!({"iss": "https://v.example", "client_name": "Theirs", "scope": "openid admin/keys.write",
        "redirect_uris": ["https://app.example/cb"], "exp": 1, "organization": "Elsewhere"});
    let found = translated(&asked, Some(&vouched)).unwrap();
    assert_eq!((&found["client_name"], &found["contacts"]), (&json!("Theirs"), &json!(["me"])));
    assert_eq!(
        (&found["redirect_uris"], &found["scope"]),
        (&json!(["https://app.example/cb"]), &json!("openid"))
    );
    assert_eq!(found["organization"], "Acme");
}

#[test]
fn a10_an_update_keeps_what_an_administrator_said_and_takes_no_safety_back() {
    let before = json!({"client_name": "A", "organization": "Acme", "token_endpoint_auth_method": "none",
        "purpose_of_use": "TREAT", "dpop_bound_access_tokens": true, "contacts": ["me"]});
    let before = ClientMetadata::parse(before.as_object().unwrap()).unwrap();
    let around = Around { allowance: &allowance(), vouched: None, name: "x", before: Some(&before) };
    let asked = json!({"organization": "Mercy", "token_endpoint_auth_method": "none"});
    let found = translate(asked.as_object().unwrap(), &around).unwrap().to_json();
    assert_eq!((&found["organization"], &found["purpose_of_use"]), (&json!("Acme"), &json!("TREAT")));
    assert_eq!((&found["dpop_bound_access_tokens"], &found["contacts"]), (&json!(true), &json!([])));
    let asked = json!({"token_endpoint_auth_method": "none", "dpop_bound_access_tokens": false});
    let problems = translate(asked.as_object().unwrap(), &around).unwrap_err();
    assert_eq!(problems.first().unwrap().field, "dpop_bound_access_tokens");
    for own in SERVERS_OWN {
        assert_eq!(not_for_updates(json!({own: "x"}).as_object().unwrap()).len(), 1);
    }
}
