//! `tls_client_auth`, `self_signed_tls_client_auth`, and tokens bound to a certificate (RFC 8705).

use hilum::jose::algorithm::Algorithm;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, DnValue, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose,
    SanType,
};
use reqwest::Method;
use serde_json::{Value, json};
use time::Duration;

use super::{claims, reasons};
use crate::harness::{Answer, Authority, Backend, FHIR, Identity, Peer, World, encoded, registration};

const URI: &str = "https://payer.example/system";

async fn register(world: &World, member: &str, value: &str) -> String {
    world.register(registration("tls_client_auth", json!({member: value}))).await
}

fn form(id: &str) -> [(&str, &str); 3] {
    [("grant_type", "client_credentials"), ("client_id", id), ("scope", "system/Claim.rs")]
}

async fn ask(peer: &Peer, id: &str) -> Answer {
    peer.post("/oauth2/token", &form(id)).await
}

#[tokio::test]
async fn m03_m04_m05_mt_02_a_certificate_that_is_not_valid_now_and_for_clients_is_refused() {
    let world = World::start().await;
    let id = register(&world, "tls_client_auth_san_uri", URI).await;
    let with = |change: fn(&mut CertificateParams)| world.authority.client_with(URI, change);
    let cases = [
        (with(|p| p.not_after = p.not_before + Duration::hours(1)), "expired"),
        (with(|p| p.not_before = p.not_after - Duration::hours(1)), "not_yet_valid"),
        (with(|p| p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth]), "wrong_usage"),
        (with(|p| p.extended_key_usages.clear()), "wrong_usage"),
        (with(|p| p.extended_key_usages = vec![ExtendedKeyUsagePurpose::Any]), "wrong_usage"),
        (with(|p| p.key_usages = vec![KeyUsagePurpose::KeyEncipherment]), "wrong_usage"),
        (with(|p| p.is_ca = IsCa::Ca(BasicConstraints::Unconstrained)), "authority_as_leaf"),
        (with(|p| p.serial_number = Some(666.into())), "revoked"),
        (Authority::new("Test authority").client(URI), "unknown_issuer"),
        (Authority::new("Another authority").client(URI), "unknown_issuer"),
        (self_signed_with_uri(), "unknown_issuer"),
    ];
    for (identity, fault) in &cases {
        let answer = ask(&world.mtls(identity), &id).await;
        assert_eq!(answer.status, 401, "{fault}: {}", answer.text);
        answer.invalid_client();
    }
    let records = world.audit("token.issue").await;
    let refused = records.iter().rev().filter(|record| record["outcome"] == "refused");
    let found: Vec<_> = refused
        .map(|r| (text(&r["reason"]), text(&r["detail"]), text(&r["certificate_thumbprint"])))
        .collect();
    let expected: Vec<_> = cases
        .iter()
        .map(|(identity, fault)| {
            ("certificate_refused".to_owned(), (*fault).to_owned(), identity.thumbprint())
        })
        .collect();
    assert_eq!(found, expected);
    ask(&world.mtls(&world.authority.client(URI)), &id).await.granted();
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// A certificate that shows the right name and that nobody but itself has issued.
fn self_signed_with_uri() -> Identity {
    let mut params = CertificateParams::default();
    params.subject_alt_names = vec![SanType::URI(URI.try_into().unwrap())];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    Identity { certificate: certificate.pem(), key: key.serialize_pem(), der: certificate.der().to_vec() }
}

#[tokio::test]
async fn m06_mt_01_a_name_counts_in_its_registered_type_with_its_registered_value() {
    let world = World::start().await;
    let dns = |name: &str| SanType::DnsName(name.try_into().unwrap());
    let uri = |name: &str| SanType::URI(name.try_into().unwrap());
    let email = |name: &str| SanType::Rfc822Name(name.try_into().unwrap());
    let ip = |address: &str| SanType::IpAddress(address.parse().unwrap());
    let rows = [
        (
            "tls_client_auth_san_dns",
            "payer.example",
            vec![vec![dns("PAYER.example")], vec![dns("a.example"), dns("payer.example")]],
            vec![dns("*.example"), dns("x.payer.example"), uri("payer.example"), email("payer.example")],
        ),
        (
            "tls_client_auth_san_uri",
            URI,
            vec![vec![uri(URI)], vec![uri("https://other.example"), uri(URI)]],
            vec![
                uri("https://payer.example/system/"),
                uri("https://PAYER.example/system"),
                dns("payer.example"),
            ],
        ),
        (
            "tls_client_auth_san_ip",
            "192.0.2.7",
            vec![vec![ip("192.0.2.7")]],
            vec![ip("192.0.2.8"), ip("::ffff:192.0.2.7"), dns("192.0.2.7"), uri("192.0.2.7")],
        ),
        (
            "tls_client_auth_san_email",
            "ops@payer.example",
            vec![vec![email("ops@PAYER.example")]],
            vec![email("OPS@payer.example"), email("ops@payer.example.org"), uri("mailto:ops@payer.example")],
        ),
    ];
    for (member, value, right, wrong) in rows {
        let id = register(&world, member, value).await;
        let with = |names: Vec<SanType>| world.authority.client_with(URI, |p| p.subject_alt_names = names);
        for name in wrong {
            let shown = format!("{member} {name:?}");
            let answer = ask(&world.mtls(&with(vec![name])), &id).await;
            assert_eq!(answer.status, 401, "{shown}");
            answer.invalid_client();
        }
        for names in right {
            ask(&world.mtls(&with(names)), &id).await.granted();
        }
    }
    let reasons = reasons(&world, "token.issue").await;
    assert!(reasons.iter().all(|reason| reason == "certificate_of_another"), "{reasons:?}");

    let both = json!({"tls_client_auth_san_uri": URI, "tls_client_auth_san_dns": "payer.example"});
    for members in [both, json!({}), json!({"tls_client_auth_san_dns": "*.payer.example"})] {
        let document = Some(registration("tls_client_auth", members));
        let answer = world.administer(Method::POST, "/admin/v1/clients", document).await;
        assert_eq!((answer.status, answer.json()["error"].as_str()), (400, Some("invalid_client_metadata")));
    }
}

#[tokio::test]
async fn m06_mt_02_a_subject_is_compared_as_a_name_and_not_as_a_text() {
    let world = World::start().await;
    // The harness writes O, then CN: the most specific stands last in the certificate, first in the text.
    let id = register(&world, "tls_client_auth_subject_dn", "CN=client,O=Tests").await;
    let spaced = register(&world, "tls_client_auth_subject_dn", "cn = client , 2.5.4.10 = Tests").await;
    let reversed = register(&world, "tls_client_auth_subject_dn", "O=Tests,CN=client").await;
    let subject = |attributes: &[(DnType, DnValue)]| {
        let attributes = attributes.to_vec();
        world.authority.client_with(URI, |p| {
            p.distinguished_name = rcgen::DistinguishedName::new();
            for (kind, value) in attributes {
                p.distinguished_name.push(kind, value);
            }
        })
    };
    let (o, cn) = (DnType::OrganizationName, DnType::CommonName);
    let printable = |text: &str| DnValue::PrintableString(text.try_into().unwrap());
    let right = [
        subject(&[(o.clone(), "Tests".into()), (cn.clone(), "client".into())]),
        subject(&[(o.clone(), printable("Tests")), (cn.clone(), printable("client"))]),
    ];
    let wrong = [
        subject(&[(cn.clone(), "client".into()), (o.clone(), "Tests".into())]),
        subject(&[(cn.clone(), "client".into())]),
        subject(&[(cn.clone(), "client,O=Tests".into())]),
        subject(&[(o.clone(), "Tests".into()), (cn.clone(), "CLIENT".into())]),
        subject(&[
            (o.clone(), "Tests".into()),
            (DnType::OrganizationalUnitName, "x".into()),
            (cn, "client".into()),
        ]),
    ];
    for identity in &right {
        ask(&world.mtls(identity), &id).await.granted();
        ask(&world.mtls(identity), &spaced).await.granted();
        ask(&world.mtls(identity), &reversed).await.invalid_client();
    }
    for identity in &wrong {
        ask(&world.mtls(identity), &id).await.invalid_client();
    }
    ask(&world.mtls(&wrong[0]), &reversed).await.granted();
}

#[tokio::test]
async fn m01_mt_04_a_certificate_speaks_for_its_own_client_alone_which_must_be_named() {
    let world = World::start().await;
    let other = "https://other.example/system";
    let (a, b) = (
        register(&world, "tls_client_auth_san_uri", URI).await,
        register(&world, "tls_client_auth_san_uri", other).await,
    );
    let (of_a, of_b) = (world.authority.client(URI), world.authority.client(other));
    let (peer_a, peer_b) = (world.mtls(&of_a), world.mtls(&of_b));
    ask(&peer_b, &a).await.invalid_client();
    ask(&peer_a, &b).await.invalid_client();
    peer_a.post("/oauth2/token", &form("")).await.invalid_client();
    ask(&world.mtls_of(0, None), &a).await.invalid_client();
    ask(&world.public(), &a).await.invalid_client();
    // An identity of the whole list of another client's names, and one's own first, is still another's.
    let both = world.authority.client_with(other, |p| {
        p.subject_alt_names.push(SanType::DnsName("payer.example".try_into().unwrap()));
    });
    ask(&world.mtls(&both), &a).await.invalid_client();
    let (of_another, missing) = ("certificate_of_another", "certificate_missing");
    let expected = [of_another, of_another, "no_client_named", missing, missing, of_another];
    assert_eq!(reasons(&world, "token.issue").await, expected);
    for (peer, id, identity) in [(&peer_a, &a, &of_a), (&peer_b, &b, &of_b)] {
        let said = claims(&ask(peer, id).await.token());
        assert_eq!(
            (said["client_id"].as_str(), said["cnf"]["x5t#S256"].as_str()),
            (Some(id.as_str()), Some(identity.thumbprint().as_str()))
        );
    }
}

#[tokio::test]
async fn m08_mt_09_headers_that_claim_a_certificate_are_never_read() {
    let world = World::start().await;
    let id = register(&world, "tls_client_auth_san_uri", URI).await;
    let victim = world.authority.client(URI);
    let thief = world.authority.client("https://thief.example/");
    let der = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &victim.der);
    let escaped: String = url::form_urlencoded::byte_serialize(victim.certificate.as_bytes()).collect();
    let xfcc = format!("Cert=\"{escaped}\";URI={URI}");
    let (client_cert, verify) = (format!(":{der}:"), "SUCCESS".to_owned());
    let headers = [
        ("X-Client-Cert", &escaped),
        ("x-CLIENT-cert", &der),
        ("X-SSL-Client-Cert", &escaped),
        ("SSL_CLIENT_CERT", &escaped),
        ("X_SSL_CLIENT_CERT", &escaped),
        ("X-SSL-Client-Verify", &verify),
        ("X-Forwarded-Client-Cert", &xfcc),
        ("X-Forwarded-Client-Cert", &xfcc),
        ("Client-Cert", &client_cert),
        ("client_cert", &client_cert),
        ("Client-Cert-Chain", &client_cert),
    ];
    for peer in [world.public(), world.mtls_of(0, None), world.mtls(&thief)] {
        let mut all = peer.request(Method::POST, "/oauth2/token");
        for (name, value) in headers {
            let one = peer.request(Method::POST, "/oauth2/token").header(name, value);
            Answer::read(encoded(one, &form(&id)).send().await.unwrap()).await.invalid_client();
            all = all.header(name, value);
        }
        Answer::read(encoded(all, &form(&id)).send().await.unwrap()).await.invalid_client();
    }
    // Neither does a header bind a token: the flag asks for a certificate of the connection.
    let members = json!({"tls_client_certificate_bound_access_tokens": true});
    let backend = Backend::register(&world, Algorithm::Es256, members).await;
    let assertion = backend.assertion(&world).sign(&backend.key);
    let request = world.public().request(Method::POST, "/oauth2/token").header("client-cert", &client_cert);
    let answer = encoded(request, &Backend::form(&assertion, "system/Claim.rs")).send().await.unwrap();
    Answer::read(answer).await.refused(400, "invalid_request");
    ask(&world.mtls(&victim), &id).await.granted();
}

#[tokio::test]
async fn m13_mt_03_a_self_signed_certificate_is_the_registered_one_or_none() {
    let world = World::start().await;
    let own = Identity::self_signed("payer");
    let keys = json!({"jwks": {"keys": [own.jwk()]}});
    let id = world.register(registration("self_signed_tls_client_auth", keys.clone())).await;
    let alike = Identity::self_signed("payer");
    ask(&world.mtls(&alike), &id).await.invalid_client();
    ask(&world.mtls(&world.authority.client(URI)), &id).await.invalid_client();
    ask(&world.mtls_of(0, None), &id).await.invalid_client();
    let other = world
        .register(registration("self_signed_tls_client_auth", json!({"jwks": {"keys": [alike.jwk()]}})))
        .await;
    ask(&world.mtls(&own), &other).await.invalid_client();
    let (unknown, missing) = ("certificate_not_registered", "certificate_missing");
    assert_eq!(reasons(&world, "token.issue").await, [unknown, unknown, missing, unknown]);
    let mut strict = keys;
    strict["profile"] = json!("udap");
    let document = Some(registration("self_signed_tls_client_auth", strict));
    assert_eq!(world.administer(Method::POST, "/admin/v1/clients", document).await.status, 400);
    ask(&world.mtls(&own), &id).await.granted();
    ask(&world.mtls(&alike), &other).await.granted();
    // What was revoked here opens nothing, though nobody else vouches for it or publishes lists.
    let path = format!("/admin/v1/certificates/{}/revocation", own.thumbprint());
    assert_eq!(world.administer(Method::POST, &path, None).await.status, 200);
    ask(&world.mtls(&own), &id).await.invalid_client();
    assert_eq!(reasons(&world, "token.issue").await.last().map(String::as_str), Some("certificate_refused"));
}

#[tokio::test]
async fn x9_mt_05_mt_08_mt_10_a_token_is_bound_when_it_is_registered_so_and_never_by_chance() {
    let world = World::start().await;
    // A certificate only binds: nobody need have issued it (RFC 8705, 3).
    let identity = Identity::self_signed("anybody");
    let members = json!({"tls_client_certificate_bound_access_tokens": true});
    let bound = Backend::register(&world, Algorithm::Es256, members).await;
    let free = Backend::register(&world, Algorithm::Es256, json!({})).await;
    for peer in [world.public(), world.mtls_of(0, None)] {
        bound.ask(&world, &peer, "system/Claim.rs").await.refused(400, "invalid_request");
    }
    let reason = "certificate_required_by_registration";
    assert_eq!(reasons(&world, "token.issue").await, [reason, reason]);
    let token = bound.ask(&world, &world.mtls(&identity), "system/Claim.rs").await.token();
    assert_eq!(claims(&token)["cnf"], json!({"x5t#S256": identity.thumbprint()}));
    let token = free.ask(&world, &world.mtls(&identity), "system/Claim.rs").await.token();
    assert_eq!(claims(&token).get("cnf"), None);
    // At the other endpoints the certificate authenticates as well (MT-08).
    let members = json!({"tls_client_auth_san_uri": URI, "introspects": [FHIR]});
    let id = world.register(registration("tls_client_auth", members)).await;
    let peer = world.mtls(&world.authority.client(URI));
    let form = [("token", token.as_str()), ("client_id", &id)];
    peer.post("/oauth2/introspect", &form).await.active();
    world.public().post("/oauth2/introspect", &form).await.invalid_client();
    let own = ask(&peer, &id).await.token();
    let form = [("token", own.as_str()), ("client_id", &id)];
    assert_eq!(peer.post("/oauth2/revoke", &form).await.status, 200);
    peer.post("/oauth2/introspect", &form).await.inactive();
    // The admin API takes bound tokens alone, whatever the client's registration says.
    let members = json!({"resources": [world.issuer_url("/admin")], "scope": "admin/audit.read"});
    let auditor = Backend::register(&world, Algorithm::Es256, members).await;
    auditor.ask(&world, &world.public(), "admin/audit.read").await.refused(400, "invalid_request");
}
