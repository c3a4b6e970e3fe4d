//! Trust communities: whose certificates are believed for which clients, and by which rules (RFC 8705, 2.1).

use std::time::Duration;

use hilum::jose::algorithm::Algorithm;
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa,
    KeyPair, KeyUsagePurpose, NameConstraints, SanType,
};
use reqwest::Method;
use serde_json::{Value, json};

use super::{claims, reasons};
use crate::harness::{Answer, Authority, Backend, Identity, World, eventually, registration};

const URI: &str = "https://payer.example/system";
const COMMUNITIES: &str = "/admin/v1/communities";

/// The policy of one of the communities: 1.2.3.4, and as DER.
const POLICY: (&str, &[u8]) = ("1.2.3.4", &[0x30, 0x07, 0x30, 0x05, 0x06, 0x03, 0x2a, 3, 4]);

async fn community(world: &World, name: &str, authority: &Authority, members: Value) {
    let mut document = json!({"name": name, "anchors": authority.pem, "revocation": "none"});
    for (member, value) in members.as_object().unwrap() {
        document[member] = value.clone();
    }
    let answer = world.administer(Method::POST, COMMUNITIES, Some(document)).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
}

async fn client_of(world: &World, community: &str) -> String {
    let members = json!({"tls_client_auth_san_uri": URI, "trust_community": community});
    world.register(registration("tls_client_auth", members)).await
}

async fn ask(world: &World, identity: &Identity, id: &str) -> Answer {
    let form = [("grant_type", "client_credentials"), ("client_id", id), ("scope", "system/Claim.rs")];
    world.mtls(identity).post("/oauth2/token", &form).await
}

/// The detail of each refusal, the oldest first.
async fn details(world: &World) -> Vec<String> {
    let records = world.audit("token.issue").await;
    let refused = records.iter().rev().filter(|record| record["outcome"] == "refused");
    refused.map(|record| record["detail"].as_str().unwrap_or_default().to_owned()).collect()
}

fn policy(params: &mut CertificateParams) {
    let extension = CustomExtension::from_oid_content(&[2, 5, 29, 32], POLICY.1.to_vec());
    params.custom_extensions.push(extension);
}

fn mail(params: &mut CertificateParams) {
    params.extended_key_usages.push(ExtendedKeyUsagePurpose::EmailProtection);
}

/// A certificate that says its signature is over SHA-1.
fn by_sha_1(identity: &Identity) -> Identity {
    let mut der = identity.der.clone();
    let sha256 = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b];
    let places: Vec<usize> =
        der.windows(9).enumerate().filter(|(_, found)| *found == sha256).map(|(at, _)| at).collect();
    assert_eq!(places.len(), 2, "in the body and beside the signature");
    for at in places {
        der[at + 8] = 0x05;
    }
    let text = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &der);
    let certificate = format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n");
    Identity { certificate, key: identity.key.clone(), der }
}

#[expect(clippy::too_many_lines, reason = "one table")]
#[tokio::test]
async fn m01_m03_m04_m06_mt_02_each_client_is_vouched_for_by_its_own_community_alone() {
    let world = World::start().await;
    let payers = Authority::new("Payers");
    let large = Authority::of_key("Large", KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap());
    let old = Authority::of_key("Old", KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap());
    community(&world, "payers", &payers, json!({"names": ["san_uri"]})).await;
    let strict = json!({"policies": [POLICY.0], "key_usages": ["digitalSignature"],
        "extended_key_usages": ["1.3.6.1.5.5.7.3.4"]});
    community(&world, "strict", &payers, strict).await;
    community(&world, "large", &large, json!({"least_curve_bits": 384})).await;
    community(&world, "old", &old, json!({})).await;
    // Nothing tells of revocation there.
    community(&world, "careful", &payers, json!({"revocation": "required"})).await;
    let [of_payers, of_strict, of_large, of_old, of_careful, of_default] = [
        client_of(&world, "payers").await,
        client_of(&world, "strict").await,
        client_of(&world, "large").await,
        client_of(&world, "old").await,
        client_of(&world, "careful").await,
        client_of(&world, "default").await,
    ];

    let with = |change: fn(&mut CertificateParams)| payers.client_with(URI, change);
    let through = |name: &str, change: fn(&mut CertificateParams)| payers.under(name, change).client(URI);
    let vouching = |change: fn(&mut CertificateParams)| payers.under("Vouching", change);
    let anywhere = |p: &mut CertificateParams| {
        policy(p);
        mail(p);
    };
    let short = payers.under("Short", |p| p.is_ca = IsCa::Ca(BasicConstraints::Constrained(0)));
    let odd = |p: &mut CertificateParams| {
        let mut unknown = CustomExtension::from_oid_content(&[1, 2, 3, 4], vec![5, 0]);
        unknown.set_criticality(true);
        p.custom_extensions.push(unknown);
    };
    let elsewhere = |p: &mut CertificateParams| {
        let permitted_subtrees = vec![GeneralSubtree::DnsName("example.org".to_owned())];
        p.name_constraints = Some(NameConstraints { permitted_subtrees, excluded_subtrees: vec![] });
    };
    let constrained = payers.under("Constrained", elsewhere).client_with(URI, |p| {
        p.subject_alt_names.push(SanType::DnsName("example.com".try_into().unwrap()));
    });

    let refused: Vec<(&str, &String, Identity)> = vec![
        // The same subject from another community's authority is nobody.
        ("unknown_issuer", &of_payers, world.authority.client(URI)),
        ("unknown_issuer", &of_payers, large.client(URI)),
        ("unknown_issuer", &of_payers, Authority::new("Payers").client(URI)),
        ("unknown_issuer", &of_default, payers.client(URI)),
        // M03, M04
        ("expired", &of_payers, with(|p| p.not_after = p.not_before + time::Duration::hours(1))),
        ("not_yet_valid", &of_payers, with(|p| p.not_before = p.not_after - time::Duration::hours(1))),
        ("expired", &of_payers, through("Ended", |p| p.not_after = p.not_before + time::Duration::HOUR)),
        (
            "wrong_usage",
            &of_payers,
            with(|p| p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth]),
        ),
        ("wrong_usage", &of_payers, with(|p| p.key_usages = vec![KeyUsagePurpose::KeyEncipherment])),
        ("wrong_usage", &of_payers, through("Mute", |p| p.key_usages = vec![KeyUsagePurpose::CrlSign])),
        (
            "wrong_usage",
            &of_payers,
            through("Servers", |p| p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth]),
        ),
        ("wrong_usage", &of_payers, through("A client", |p| p.is_ca = IsCa::NoCa)),
        ("authority_as_leaf", &of_payers, with(|p| p.is_ca = IsCa::Ca(BasicConstraints::Unconstrained))),
        ("path_length", &of_payers, short.under("Below", |_| {}).client(URI)),
        ("critical_extension", &of_payers, through("Odd", odd)),
        // M06
        ("name_constraint", &of_payers, constrained),
        (
            "name_type",
            &of_payers,
            with(|p| p.subject_alt_names = vec![SanType::DnsName("payer.example".try_into().unwrap())]),
        ),
        // What the communities ask for beyond that.
        ("missing_policy", &of_strict, with(mail)),
        ("missing_policy", &of_strict, payers.under("Silent", |_| {}).client_with(URI, anywhere)),
        ("wrong_usage", &of_strict, with(policy)),
        (
            "wrong_usage",
            &of_strict,
            payers.client_with(URI, |p| {
                anywhere(p);
                p.key_usages.clear();
            }),
        ),
        ("weak_key", &of_large, large.client(URI)),
        ("weak_signature", &of_old, by_sha_1(&old.client(URI))),
        ("revocation_unknown", &of_careful, payers.client(URI)),
    ];
    let mut told = Vec::new();
    for (fault, id, identity) in &refused {
        let answer = ask(&world, identity, id).await;
        assert_eq!(answer.status, 401, "{fault}: {}", answer.text);
        answer.invalid_client();
        told.push(answer.text);
    }
    told.dedup();
    assert_eq!(told.len(), 1, "one answer for all: {told:?}");
    let expected: Vec<&str> = refused.iter().map(|(fault, ..)| *fault).collect();
    assert_eq!(details(&world).await, expected);
    assert!(reasons(&world, "token.issue").await.iter().all(|reason| reason == "certificate_refused"));

    // The leaf whose key the handshake has shown counts, whatever stands beside it.
    let (thief, victim) = (payers.client("https://thief.example/"), payers.client(URI));
    let both = Identity { certificate: format!("{}{}", thief.certificate, victim.certificate), ..thief };
    ask(&world, &both, &of_payers).await.invalid_client();
    assert_eq!(reasons(&world, "token.issue").await.last().unwrap(), "certificate_of_another");

    let p384 = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
    let granted = [
        (&of_payers, payers.client(URI)),
        (&of_payers, payers.under("Upper", |_| {}).under("Lower", |_| {}).client(URI)),
        (&of_payers, with(|p| p.not_before -= time::Duration::DAY)),
        (&of_strict, payers.client_with(URI, anywhere)),
        (&of_strict, vouching(policy).client_with(URI, anywhere)),
        (&of_large, large.client_of_key(URI, &p384)),
        (&of_old, old.client(URI)),
        (&of_default, world.authority.client(URI)),
    ];
    for (id, identity) in &granted {
        let said = claims(&ask(&world, identity, id).await.token());
        assert_eq!(said["cnf"]["x5t#S256"], identity.thumbprint());
    }
}

#[tokio::test]
async fn mt_01_mt_05_a_registration_names_a_community_that_is_there_for_a_certificate_that_others_issue() {
    let world = World::start().await;
    let payers = Authority::new("Payers");
    community(&world, "payers", &payers, json!({"names": ["san_uri"]})).await;
    let own = json!({"jwks": {"keys": [Identity::self_signed("payer").jwk()]}});
    let rows = [
        (
            "tls_client_auth",
            json!({"tls_client_auth_san_uri": URI, "trust_community": "nobody"}),
            "trust_community",
        ),
        (
            "tls_client_auth",
            json!({"tls_client_auth_san_uri": URI, "trust_community": "No Name"}),
            "trust_community",
        ),
        (
            "tls_client_auth",
            json!({"tls_client_auth_san_dns": "payer.example", "trust_community": "payers"}),
            "tls_client_auth_san_dns",
        ),
        (
            "client_secret_basic",
            json!({"scope": "capacity.read", "trust_community": "payers"}),
            "trust_community",
        ),
        (
            "self_signed_tls_client_auth",
            json!({"trust_community": "payers", "jwks": own["jwks"], "tls_client_certificate_bound_access_tokens": true}),
            "trust_community",
        ),
    ];
    for (method, members, field) in rows {
        let document = Some(registration(method, members));
        let answer = world.administer(Method::POST, "/admin/v1/clients", document).await;
        let problem = answer.json();
        assert_eq!((answer.status, &problem["error"]), (400, &json!("invalid_client_metadata")), "{problem}");
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    }
    // Tokens may be bound to a certificate that nobody vouches for, unless the registration says who does.
    let members = json!({"tls_client_certificate_bound_access_tokens": true, "trust_community": "payers"});
    let backend = Backend::register(&world, Algorithm::Es256, members).await;
    let (good, nobody) = (payers.client("https://any.example/"), Identity::self_signed("anybody"));
    let answer = backend.ask(&world, &world.mtls(&nobody), "system/Claim.rs").await;
    assert_eq!(answer.status, 401, "{}", answer.text);
    answer.invalid_client();
    assert_eq!(details(&world).await, ["unknown_issuer"]);
    let said = claims(&backend.ask(&world, &world.mtls(&good), "system/Claim.rs").await.token());
    assert_eq!(said["cnf"]["x5t#S256"], good.thumbprint());

    // The certificate is known from then on, once.
    let anybody = json!({"tls_client_certificate_bound_access_tokens": true});
    let anybody = Backend::register(&world, Algorithm::Es256, anybody).await;
    for _ in 0..2 {
        backend.ask(&world, &world.mtls(&good), "system/Claim.rs").await.token();
        anybody.ask(&world, &world.mtls(&nobody), "system/Claim.rs").await.token();
    }
    let noted = "select string_agg(concat_ws(' ', origin, client_id, community), ', ' order by community)
                   from certificate where thumbprint in ";
    let (one, other) = (good.thumbprint(), nobody.thumbprint());
    let noted = world.database.text(&format!("{noted} ('{one}', '{other}')")).await;
    assert_eq!(noted, format!("seen {} payers, seen {}", backend.id, anybody.id));
}

#[tokio::test]
async fn what_one_process_changes_of_a_community_is_in_force_in_all() {
    let world = World::with_processes(2).await;
    let (payers, others) = (Authority::new("Payers"), Authority::new("Others"));
    community(&world, "payers", &payers, json!({})).await;
    let id = client_of(&world, "payers").await;
    let both = payers.client_with(URI, |p| {
        p.subject_alt_names.push(SanType::Rfc822Name("ops@payer.example".try_into().unwrap()));
    });
    let form =
        [("grant_type", "client_credentials"), ("client_id", id.as_str()), ("scope", "system/Claim.rs")];
    let there = world.mtls_of(1, Some(&both));
    // A community that was registered elsewhere is known as soon as it is asked for.
    there.post("/oauth2/token", &form).await.granted();
    let replace =
        |document: Value| world.administer(Method::PUT, "/admin/v1/communities/payers", Some(document));
    let until = |status: u16| {
        let there = &there;
        eventually(
            "the change is in force in the other process",
            Duration::from_secs(20),
            move || async move { (there.post("/oauth2/token", &form).await.status == status).then_some(()) },
        )
    };
    for (document, status, detail) in [
        (json!({"anchors": payers.pem, "revocation": "none", "names": ["san_email"]}), 401, "name_type"),
        (json!({"anchors": payers.pem, "revocation": "none"}), 200, ""),
        (json!({"anchors": others.pem, "revocation": "none"}), 401, "unknown_issuer"),
    ] {
        let answer = replace(document).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(
            world.mtls(&both).post("/oauth2/token", &form).await.status,
            status,
            "at once in its own process"
        );
        if status == 401 {
            assert_eq!(details(&world).await.last().unwrap(), detail);
        }
        until(status).await;
    }
}
