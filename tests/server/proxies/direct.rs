//! A proxy of the tests' own, which says whatever it likes.

use std::time::Duration;

use hilum::jose::algorithm::Algorithm;
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, KeyPair};
use reqwest::Method;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};

use super::{PROXY, Scene, escaped, sequence};
use crate::harness::{
    APPROVER_SCOPES, Answer, Authority, Backend, Identity, Peer, encoded, eventually, registration,
};

/// What comes of a request.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Comes {
    /// A token, bound to the client's own certificate.
    Token,
    /// The client has shown no certificate, or not the right one.
    NoClient,
    /// The request is refused before anything is asked of it.
    Refused(&'static str),
}

use Comes::{NoClient, Refused, Token};

/// Asks with headers, each of which may stand there more than once.
async fn ask(scene: &Scene, peer: &Peer, headers: &[(&str, String)]) -> Answer {
    let request = peer.request(Method::POST, "/oauth2/token");
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, value));
    Answer::read(encoded(request, &scene.form()).send().await.unwrap()).await
}

async fn judge(scene: &Scene, peer: &Peer, rows: Vec<(Vec<(&str, String)>, Comes)>) {
    for (headers, comes) in rows {
        let answer = ask(scene, peer, &headers).await;
        match comes {
            Token => {
                let token = answer.token();
                let bound = crate::token::claims(&token)["cnf"]["x5t#S256"].clone();
                assert_eq!(bound, json!(scene.client.thumbprint()), "{headers:?}");
            }
            NoClient => {
                assert_eq!(answer.status, 401, "{headers:?} {}", answer.text);
                answer.invalid_client();
            }
            Refused(why) => {
                assert_eq!(answer.status, 400, "{headers:?} {}", answer.text);
                assert_eq!(answer.json()["error"], "invalid_request");
                let records = scene.world.audit("proxy.hand_on").await;
                let last = &records[0];
                assert_eq!((&last["reason"], &last["detail"]), (&json!("proxied_certificate"), &json!(why)));
            }
        }
    }
}

#[tokio::test]
async fn mt_09_m08_a_certificate_is_believed_from_a_proxy_alone_and_in_one_header_alone() {
    let mut scene = Scene::start("client-cert").await;
    let proxy = scene.world.mtls(&scene.proxy(|_| {}));
    let (right, cert) = (sequence(&scene.client), |value: &str| ("Client-Cert", value.to_owned()));
    let chain = |value: &str| ("Client-Cert-Chain", value.to_owned());
    let xfcc = format!("Cert=\"{}\"", escaped(&scene.client));
    let stranger = sequence(&Authority::new("Another authority").client(super::URI));
    let expired = scene
        .world
        .authority
        .client_with(super::URI, |p| p.not_after = p.not_before + time::Duration::hours(1));
    let revoked = scene.world.authority.client_with(super::URI, |p| p.serial_number = Some(666.into()));
    let rows = vec![
        (vec![cert(&right)], Token),
        (vec![("client-CERT", right.clone())], Token),
        (vec![cert(&right), chain(&stranger)], Token),
        // What is configured counts, and nothing beside it.
        (vec![cert(&right), ("X-Forwarded-Client-Cert", "nonsense".to_owned())], Token),
        (vec![("X-Forwarded-Client-Cert", xfcc.clone())], NoClient),
        (vec![("X-SSL-Client-Cert", escaped(&scene.client))], NoClient),
        (vec![("Client_Cert", right.clone())], NoClient),
        (vec![], NoClient),
        // Everything about the certificate is judged as ever.
        (vec![cert(&stranger)], NoClient),
        (vec![cert(&sequence(&expired))], NoClient),
        (vec![cert(&sequence(&revoked))], NoClient),
        (vec![cert(&sequence(&scene.world.authority.client("https://other.example/")))], NoClient),
        (vec![cert(&right), cert(&right)], Refused("several_headers")),
        (vec![cert(&right), cert("")], Refused("several_headers")),
        (vec![cert(&format!("{right}, {right}"))], Refused("several_certificates")),
        (vec![cert("")], Refused("malformed")),
        (vec![cert(&escaped(&scene.client))], Refused("malformed")),
        (vec![cert(&right.replace(':', ""))], Refused("malformed")),
        (vec![cert(":MAA=:")], Refused("not_a_certificate")),
        (vec![chain(&right)], Refused("foreign_chain")),
        (vec![cert(&sequence(&scene.proxy(|_| {})))], Refused("certificate_of_a_proxy")),
    ];
    judge(&scene, &proxy, rows).await;
    others_are_not_believed(&scene).await;
    addresses(&scene, &proxy).await;
    of_the_own_pki(&scene, &proxy).await;

    scene.restart_with("client-cert", "x-forwarded-client-cert").await;
    let proxy = scene.world.mtls(&scene.proxy(|_| {}));
    let header = |value: String| ("x-forwarded-client-cert", value);
    let rows = vec![
        (vec![header(format!("By=spiffe://x/y;{xfcc};Subject=\"CN=a,O=b\""))], Token),
        (vec![header(format!("{xfcc},{xfcc}"))], Refused("several_certificates")),
        (vec![header(format!("By=a,{xfcc}"))], Refused("several_certificates")),
        (vec![header(xfcc.clone()), header(xfcc.clone())], Refused("several_headers")),
        (
            vec![header("Hash=00;Subject=\"CN=payer\";URI=https://payer.example/system".to_owned())],
            Refused("malformed"),
        ),
        (vec![("client-cert", right.clone())], NoClient),
    ];
    judge(&scene, &proxy, rows).await;

    scene.restart_with("x-forwarded-client-cert", "x-ssl-client-cert").await;
    let proxy = scene.world.mtls(&scene.proxy(|_| {}));
    let header = |value: String| ("x-ssl-client-cert", value);
    let both = format!("{0}{0}", escaped(&scene.client));
    let rows = vec![
        (vec![header(escaped(&scene.client))], Token),
        (vec![header(both)], Refused("several_certificates")),
        (vec![header("SUCCESS".to_owned())], Refused("malformed")),
    ];
    judge(&scene, &proxy, rows).await;
    anchors_are_replaced(&scene, &proxy).await;
    revoked_proxies(&mut scene).await;
}

/// Where revocation is judged, a proxy is one by a list of its authority alone.
async fn revoked_proxies(scene: &mut Scene) {
    scene.restart_where("revocation", "none", "required").await;
    let scene = &*scene;
    let good = scene.proxy(|p| p.serial_number = Some(100.into()));
    let revoked = scene.proxy(|p| p.serial_number = Some(777.into()));
    let header = vec![("X-SSL-Client-Cert", escaped(&scene.client))];
    judge(scene, &scene.world.mtls(&good), vec![(header.clone(), NoClient)]).await;
    assert_eq!(last_refusal(scene).await, ("certificate_missing".into(), "proxy: revocation_unknown".into()));
    let file = scene.world.config().with_file_name("anchors.crl");
    let lists = std::fs::read_to_string(&file).unwrap() + &scene.proxies.revoke(&[777]);
    std::fs::write(file, lists).unwrap();
    eventually("the list of the proxies is read", Duration::from_mins(1), || async {
        (ask(scene, &scene.world.mtls(&good), &header).await.status == 200).then_some(())
    })
    .await;
    judge(scene, &scene.world.mtls(&revoked), vec![(header.clone(), NoClient)]).await;
    judge(scene, &scene.world.mtls(&good), vec![(header, Token)]).await;
}

/// Why a token was refused last, and its particulars.
async fn last_refusal(scene: &Scene) -> (String, String) {
    let records = scene.world.audit("token.issue").await;
    let record = records.iter().find(|record| record["outcome"] == "refused").expect("a refusal");
    let text = |name: &str| record[name].as_str().unwrap_or_default().to_owned();
    (text("reason"), text("detail"))
}

/// The headers of whoever is no proxy are nothing but text, and what only looks like a proxy shows nothing at all.
async fn others_are_not_believed(scene: &Scene) {
    let world = &scene.world;
    let header = vec![("Client-Cert", sequence(&scene.client))];
    let broken = vec![("Client-Cert", "nonsense".to_owned())];
    let another = Authority::new("Proxies");
    let named = |p: &mut rcgen::CertificateParams| {
        p.subject_alt_names = vec![rcgen::SanType::DnsName(PROXY.try_into().unwrap())];
    };
    let impostors = [
        another.client_with("https://unused.example/", named),
        world.authority.client_with("https://unused.example/", named),
        scene.proxy(|p| p.not_after = p.not_before + time::Duration::hours(1)),
        scene.proxy(|p| p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth]),
    ];
    // A client may be registered by the very name of the proxy: it is nobody's client.
    let by_name = json!({"tls_client_auth_san_dns": PROXY});
    let by_name = world.register(registration("tls_client_auth", by_name)).await;
    let bound = json!({"tls_client_certificate_bound_access_tokens": true});
    let bound = Backend::register(world, Algorithm::Es256, bound).await;
    let form =
        [("grant_type", "client_credentials"), ("client_id", by_name.as_str()), ("scope", "system/Claim.rs")];
    for identity in impostors.iter().chain([&scene.proxy(|_| {})]) {
        let peer = world.mtls(identity);
        peer.post("/oauth2/token", &form).await.invalid_client();
        // Nor is anything bound to a certificate that everybody behind a proxy would share.
        bound.ask(world, &peer, "system/Claim.rs").await.refused(400, "invalid_request");
    }
    let unnamed = scene.proxies.client("https://proxy.example.org/");
    let others = impostors.iter().chain([&unnamed]).map(|identity| world.mtls(identity));
    for peer in others.chain([world.public(), world.mtls_of(0, None)]) {
        judge(scene, &peer, vec![(header.clone(), NoClient), (broken.clone(), NoClient)]).await;
    }
    // A client that shows its own certificate is that client, whatever it writes.
    let own = world.mtls(&scene.client);
    let thief = sequence(&world.authority.client("https://thief.example/"));
    judge(scene, &own, vec![(vec![("Client-Cert", thief)], Token), (broken, Token)]).await;
}

/// The address is the last that the proxy wrote, and the peer's where nobody may write one.
async fn addresses(scene: &Scene, proxy: &Peer) {
    let written = |values: &[&str]| -> Vec<(&'static str, String)> {
        values.iter().map(|value| ("X-Forwarded-For", (*value).to_owned())).collect()
    };
    let rows: [(&[&str], &str); 8] = [
        (&["198.51.100.7"], "198.51.100.7"),
        (&["203.0.113.9, 198.51.100.8"], "198.51.100.8"),
        (&["198.51.100.9", "203.0.113.1, 198.51.100.10"], "198.51.100.10"),
        (&["2001:db8::7"], "2001:db8::7"),
        (&["[2001:db8::8]:443"], "2001:db8::8"),
        (&["198.51.100.11:4711"], "198.51.100.11"),
        (&["198.51.100.12, unknown"], "127.0.0.1"),
        (&[], "127.0.0.1"),
    ];
    let seen = async |peer: &Peer, values: &[&str]| -> Value {
        ask(scene, peer, &written(values)).await.invalid_client();
        scene.world.audit("token.issue").await[1]["peer_address"].clone()
    };
    for (values, address) in rows {
        assert_eq!(seen(proxy, values).await, json!(address), "{values:?}");
    }
    let outside = [
        scene.world.public(),
        scene.world.mtls_of(0, None),
        scene.world.mtls(&scene.proxies.client("https://a.example/")),
    ];
    for peer in outside {
        assert_eq!(seen(&peer, &["198.51.100.7"]).await, json!("127.0.0.1"));
    }
    let forwarded = vec![("Forwarded", "for=198.51.100.7".to_owned())];
    ask(scene, proxy, &forwarded).await.invalid_client();
    assert_eq!(scene.world.audit("token.issue").await[1]["peer_address"], json!("127.0.0.1"));
}

/// A client of the built-in PKI is known by its certificate alone: proxies hand on no more, and the server has what is
/// above it.
async fn of_the_own_pki(scene: &Scene, proxy: &Peer) {
    let world = &scene.world;
    world.command(&["pki", "init"], "").expect_success();
    let own = json!({"trust_community": "hilum-pki"});
    let id = world.register(registration("tls_client_auth", own)).await;
    let key = KeyPair::generate().unwrap();
    let csr = CertificateParams::default().serialize_request(&key).unwrap().pem().unwrap();
    let body = json!({"client_id": id, "csr": csr});
    let asked = world.administer(Method::POST, "/admin/v1/certificates", Some(body)).await.json();
    let approval = format!("/admin/v1/certificate-requests/{}/approval", asked["id"].as_str().unwrap());
    let request = (Method::POST, approval.as_str(), None);
    let shown = world.administer_as(&world.approver(), APPROVER_SCOPES, request).await.json();
    let certificate = shown["certificate"].as_str().unwrap().to_owned();
    let der = CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap().to_vec();
    let leaf = Identity { certificate, key: key.serialize_pem(), der };
    let form = [("grant_type", "client_credentials"), ("client_id", &id), ("scope", "system/Claim.rs")];
    let handed_on = proxy.request(Method::POST, "/oauth2/token").header("Client-Cert", sequence(&leaf));
    Answer::read(encoded(handed_on, &form).send().await.unwrap()).await.granted();
    world.mtls(&leaf).post("/oauth2/token", &form).await.granted();
}

/// Other anchors hold on open connections too.
async fn anchors_are_replaced(scene: &Scene, proxy: &Peer) {
    let file = scene.folder.path().join("proxy-anchors.pem");
    let header = [("X-SSL-Client-Cert", escaped(&scene.client))];
    ask(scene, proxy, &header).await.granted();
    std::fs::write(&file, Authority::new("Other proxies").pem).unwrap();
    eventually("the proxy is none any more", Duration::from_mins(1), || async {
        (ask(scene, proxy, &header).await.status == 401).then_some(())
    })
    .await;
    std::fs::write(&file, &scene.proxies.pem).unwrap();
    eventually("the proxy is one again", Duration::from_mins(1), || async {
        (ask(scene, proxy, &header).await.status == 200).then_some(())
    })
    .await;
}
