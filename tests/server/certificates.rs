//! The ends of certificates are watched, and files that are replaced are read again.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use time::Duration as Span;

use crate::harness::{Authority, Identity, Raw, World, eventually, plain_client, registration};

const PATIENCE: Duration = Duration::from_secs(30);

/// Replaces a file as careful people do: by renaming.
fn replace(world: &World, name: &str, content: &str) {
    let next = world.file("next");
    std::fs::write(&next, content).unwrap();
    std::fs::set_permissions(&next, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::rename(next, world.file(name)).unwrap();
}

/// A certificate for the server that ends after a while.
fn server(world: &World, left: Span) -> Identity {
    world.authority.client_with("https://unused.example/", |params| {
        params.subject_alt_names = vec![rcgen::SanType::DnsName("localhost".try_into().unwrap())];
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
        params.not_after = params.not_before + Span::days(1) + left;
    })
}

async fn metrics(world: &World, index: usize) -> String {
    let url = format!("http://127.0.0.1:{}/metrics", world.processes[index].operations);
    plain_client().get(url).send().await.unwrap().text().await.unwrap()
}

/// The value of a measurement with these labels, in any order.
async fn measured(world: &World, name: &str, labels: &[&str]) -> Option<f64> {
    let text = metrics(world, 0).await;
    let lines = text.lines().filter(|line| line.starts_with(name));
    let mut ours = lines.filter(|line| labels.iter().all(|label| line.contains(label)));
    // What was replaced is measured no more, and says so.
    ours.find_map(|line| line.rsplit(' ').next()?.parse().ok().filter(|value: &f64| !value.is_nan()))
}

const GET: &[u8] = b"GET /oauth2/jwks HTTP/1.1\r\nHost: localhost\r\n\r\n";

#[tokio::test]
async fn f_21_certificates_that_are_replaced_are_shown_within_seconds_and_no_connection_ends() {
    let world = World::start().await;
    let (port, authority) = (world.processes[0].public, world.authority.pem.clone());
    let shown = || Raw::connect(port, &authority).certificate();
    let refused = async || measured(&world, "hilum_files_refused", &["server certificate"]).await;
    let mut open = Raw::connect(port, &authority);
    let statuses = |open: &mut Raw| open.send(GET).answer().statuses();
    assert_eq!(statuses(&mut open), [200]);
    assert_eq!(refused().await, Some(0.0));
    let first = shown();
    let mut next = server(&world, Span::days(5));
    // The key comes later than the certificate: for a moment they do not match.
    replace(&world, "server.pem", &next.certificate);
    replace(&world, "server.key", &next.key);
    eventually("the new certificate is shown", PATIENCE, || async { (shown() == next.der).then_some(()) })
        .await;
    assert_eq!(statuses(&mut open), [200], "the open connection goes on");
    assert_eq!(open.certificate(), first, "and is the one it was");
    assert_eq!(refused().await, Some(0.0));

    let (other, ended) = (server(&world, Span::days(6)), server(&world, Span::days(-1)));
    let foreign = Authority::new("another").server();
    let bad = [
        ("no certificate", "nonsense".to_owned(), next.key.clone()),
        ("another key", other.certificate.clone(), foreign.key.clone()),
        ("no key", other.certificate.clone(), String::new()),
        ("expired", ended.certificate.clone(), ended.key.clone()),
    ];
    for (times, (name, certificate, key)) in (1..).zip(bad) {
        replace(&world, "server.pem", &certificate);
        replace(&world, "server.key", &key);
        let told = || world.processes[0].log().matches("changed files cannot be used").count();
        eventually(name, PATIENCE, || async { (told() >= times).then_some(()) }).await;
        assert_eq!((shown(), refused().await), (next.der.clone(), Some(1.0)), "{name}");
        assert_eq!(told(), times, "{name}: told once");
        // Nor does it rest for so long that it is closed for that.
        assert_eq!(statuses(&mut open), [200], "{name}");
    }
    // What others may read is refused in production, and a missing file takes nothing away.
    std::fs::remove_file(world.file("server.pem")).unwrap();
    assert_eq!(shown(), next.der);
    next = server(&world, Span::days(4));
    replace(&world, "server.pem", &next.certificate);
    replace(&world, "server.key", &next.key);
    // It is measured a moment after it is in force.
    eventually("it is healed", PATIENCE, || async {
        (shown() == next.der && refused().await == Some(0.0)).then_some(())
    })
    .await;
    assert_eq!(statuses(&mut open), [200], "through all of it");
    lists_and_anchors(&world).await;
}

/// Revocation lists and anchors too, on open connections.
async fn lists_and_anchors(world: &World) {
    let uri = "https://payer.example/system";
    let certificate = world.authority.client_with(uri, |params| params.serial_number = Some(4711.into()));
    let id = world.register(registration("tls_client_auth", json!({"tls_client_auth_san_uri": uri}))).await;
    let form =
        [("grant_type", "client_credentials"), ("client_id", id.as_str()), ("scope", "system/Claim.rs")];
    let peer = world.mtls(&certificate);
    peer.post("/oauth2/token", &form).await.granted();
    replace(world, "anchors.crl", &world.authority.revoke(&[4711]));
    let status = async |wanted: u16| (peer.post("/oauth2/token", &form).await.status == wanted).then_some(());
    eventually("a revoked certificate is refused", PATIENCE, || status(401)).await;
    replace(world, "anchors.crl", "nonsense");
    let told = || world.processes[0].log().contains("revocation lists");
    eventually("a broken list is told", PATIENCE, || async { told().then_some(()) }).await;
    assert_eq!(peer.post("/oauth2/token", &form).await.status, 401, "the last good list stays in force");
    // What was revoked stays so, whatever is published after; another certificate is good until it is on a list.
    replace(world, "anchors.crl", &world.authority.revoke(&[666]));
    let peer =
        world.mtls(&world.authority.client_with(uri, |params| params.serial_number = Some(4712.into())));
    let status = async |wanted: u16| (peer.post("/oauth2/token", &form).await.status == wanted).then_some(());
    eventually("another is good", PATIENCE, || status(200)).await;
    replace(world, "anchors.pem", &Authority::new("another").pem);
    eventually("nobody is trusted any more", PATIENCE, || status(401)).await;
    replace(world, "anchors.pem", &world.authority.pem);
    eventually("the anchors are back", PATIENCE, || status(200)).await;
}

/// The alerts about certificates, the oldest first: kind of certificate, client, and what is said.
async fn alerts(world: &World) -> Vec<(String, Value)> {
    let answer = world.administer(Method::GET, "/admin/v1/alerts?limit=200", None).await;
    let items = answer.json()["items"].as_array().unwrap().clone();
    let ours = items.iter().rev().filter(|item| item["kind"] == "certificate_expires");
    ours.map(|item| (item["detail"].as_str().unwrap().to_owned(), item["client"].clone())).collect()
}

#[tokio::test]
async fn f_21_the_end_of_every_certificate_is_listed_measured_and_told_once_by_one_of_two_processes() {
    let world = World::with_processes(2).await;
    let mut ids = Vec::new();
    // Left, whole life, and whether it is told.
    let lives = [(3, 90), (20, 90), (45, 90), (80, 90), (1, 2), (5, 90), (15, 90)];
    for (at, (left, whole)) in lives.into_iter().enumerate() {
        let uri = format!("https://client-{at}.example/");
        let id =
            world.register(registration("tls_client_auth", json!({"tls_client_auth_san_uri": uri}))).await;
        let now = crate::harness::now();
        let at = |days: i64| time::OffsetDateTime::from_unix_timestamp(now + days * 86_400 - 3_600).unwrap();
        let mut show = vec![(at(left), at(left - whole))];
        // One is renewed before anybody is told; beside another stands one in the registration, which renews nothing.
        if left == 5 || left == 15 {
            show.insert(0, (at(70), at(-20)));
        }
        for (not_after, not_before) in show {
            let certificate = world.authority.client_with(&uri, |params| {
                (params.not_before, params.not_after) = (not_before, not_after);
            });
            let form = [
                ("grant_type", "client_credentials"),
                ("client_id", id.as_str()),
                ("scope", "system/Claim.rs"),
            ];
            world.mtls(&certificate).post("/oauth2/token", &form).await.granted();
            let registered = format!(
                "update certificate set origin = 'registered' where client_id = '{id}' and not_after > now() + interval '60 days'"
            );
            if left == 15 {
                world.database.execute(&registered).await;
            }
        }
        ids.push(id);
    }
    let of = |told: &[(String, Value)], id: &str| -> Vec<String> {
        told.iter().filter(|(_, client)| *client == id).map(|(says, _)| says.clone()).collect()
    };
    let told = eventually("four clients are told of", PATIENCE, || async {
        let told = alerts(&world).await;
        ids[..3].iter().chain(&ids[6..]).all(|id| !of(&told, id).is_empty()).then_some(told)
    })
    .await;
    for (at, days) in [(0, "in 2 days"), (1, "in 19 days"), (2, "in 44 days"), (6, "in 14 days")] {
        let says = of(&told, &ids[at]);
        assert!(says.len() == 1 && says[0].contains(days), "{says:?}");
    }
    // Every other run comes upon the same, and tells nothing twice.
    let renewed = server(&world, Span::days(6));
    replace(&world, "server.pem", &renewed.certificate);
    replace(&world, "server.key", &renewed.key);
    replace(&world, "anchors.pem", &format!("{}{}", world.authority.pem, Authority::ending("old", 30)));
    let anchor = "the anchor certificate of default expires in 29 days";
    let own = ["the server certificate expires in 5 days", "the server certificate expires in 6 days"];
    let told = eventually("the server's own and an anchor are told of", PATIENCE, || async {
        let told = alerts(&world).await;
        let is_told = |of: &str| told.iter().any(|(says, _)| says.starts_with(of));
        let both = is_told(anchor) && own.iter().any(|says| is_told(says));
        both.then_some(told)
    })
    .await;
    let counts: Vec<usize> = ids.iter().map(|id| of(&told, id).len()).collect();
    assert_eq!(counts, [1, 1, 1, 0, 0, 0, 1], "{told:?}");
    let mut says: Vec<&String> = told.iter().map(|(says, _)| says).collect();
    says.sort();
    assert!(says.windows(2).all(|pair| pair[0] != pair[1]), "{says:?}");
    let records = world.audit("certificate.watch").await;
    let of_server: Vec<_> =
        records.iter().filter(|record| record["target"] == json!(renewed.thumbprint())).collect();
    assert_eq!(of_server.len(), 1);
    assert_eq!(of_server[0]["outcome"], json!("granted"));

    // The other process may have told of it first.
    eventually("the server's own is measured", PATIENCE, || async {
        let left =
            measured(&world, "hilum_certificate_expiry_seconds", &["kind=\"server\"", "O=Tests"]).await?;
        (4.0 * 86_400.0..=6.0 * 86_400.0).contains(&left).then_some(())
    })
    .await;
    let left = measured(&world, "hilum_certificate_expiry_seconds", &["kind=\"client\""]).await.unwrap();
    assert!((0.0..=86_400.0).contains(&left), "the first that was not replaced: {left}");
    listed(&world, &ids).await;
    registered(world).await;
}

/// A certificate that stands in a registration is known before it is shown, while it stands there.
async fn registered(mut world: World) {
    let ending = |days: i64| {
        let at = crate::harness::now() + days * 86_400 - 3_600;
        let not_after = time::OffsetDateTime::from_unix_timestamp(at).unwrap();
        world.authority.client_with("https://registered.example/", |params| {
            (params.not_before, params.not_after) = (params.not_before - Span::days(60), not_after);
        })
    };
    let (first, second) = (ending(20), ending(90));
    let keys = |identity: &Identity| json!({"keys": [identity.jwk()]});
    let document = registration("self_signed_tls_client_auth", json!({"jwks": keys(&first)}));
    let id = world.register(document).await;
    let path = format!("/admin/v1/certificates?client_id={id}");
    let shown = async |world: &World| {
        let items = world.administer(Method::GET, &path, None).await.json()["items"].clone();
        let names =
            items.as_array().unwrap().iter().map(|one| one["thumbprint"].as_str().unwrap().to_owned());
        names.collect::<Vec<_>>()
    };
    assert_eq!(shown(&world).await, [first.thumbprint()]);
    eventually("the end of a registered certificate is told", PATIENCE, || async {
        let told = alerts(&world).await;
        told.iter().any(|(says, client)| *client == id && says.contains("in 19 days")).then_some(())
    })
    .await;
    let change = json!({"jwks": keys(&second)});
    let client = format!("/admin/v1/clients/{id}");
    assert_eq!(world.administer(Method::PATCH, &client, Some(change)).await.status, 200);
    assert_eq!(shown(&world).await, [second.thumbprint()]);
    // What a former release has registered is noted at the next start.
    world.database.execute("delete from certificate where origin = 'registered'").await;
    assert!(shown(&world).await.is_empty());
    world.processes[0].kill();
    world.restart(0).await;
    eventually("it is known again", PATIENCE, || async {
        (shown(&world).await == [second.thumbprint()]).then_some(())
    })
    .await;
    assert_eq!(world.administer(Method::DELETE, &client, None).await.status, 204);
    assert!(shown(&world).await.is_empty());
}

/// The list in the order of ends, in pages, by client and by time; and at the terminal.
async fn listed(world: &World, ids: &[String]) {
    let get = async |path: String| world.administer(Method::GET, &path, None).await;
    let whole = get("/admin/v1/certificates?limit=200".to_owned()).await.json()["items"].clone();
    let whole = whole.as_array().unwrap();
    let ends: Vec<&str> = whole.iter().map(|one| one["not_after"].as_str().unwrap()).collect();
    assert!(ends.is_sorted(), "{ends:?}");
    let mut kinds: Vec<&str> = whole.iter().map(|one| one["kind"].as_str().unwrap()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    assert_eq!(kinds, ["anchor", "client", "server"]);
    let mut path = "/admin/v1/certificates?limit=3".to_owned();
    let mut paged = Vec::new();
    loop {
        let answer = get(path.clone()).await;
        paged.extend(answer.json()["items"].as_array().unwrap().clone());
        let Some(next) = answer.header("link").and_then(|link| link.strip_prefix('<')?.split('>').next())
        else {
            break;
        };
        next.clone_into(&mut path);
    }
    assert_eq!(&paged, whole, "pages hold everything once");
    let of = get(format!("/admin/v1/certificates?client_id={}", ids[5])).await.json()["items"].clone();
    assert_eq!(
        (of[0]["days_left"].as_i64(), of[1]["days_left"].as_i64(), of.as_array().unwrap().len()),
        (Some(4), Some(69), 2)
    );
    assert_eq!((&of[0]["revoked"], &of[0]["community"]), (&json!(false), &json!("default")));
    let before = whole[2]["not_after"].as_str().unwrap();
    let soon = get(format!("/admin/v1/certificates?expires_before={before}&limit=1")).await;
    assert_eq!(soon.json()["items"][0], whole[0]);
    assert!(soon.header("link").unwrap().contains("expires_before="), "a next page asks the same");
    for wrong in ["expires_before=tomorrow", "client_id=%20", "cursor=AAAA", "limit=0", "kind=client"] {
        assert_eq!(get(format!("/admin/v1/certificates?{wrong}")).await.status, 400, "{wrong}");
    }
    let token = world.admin_token("admin/audit.read").await;
    let answer =
        world.mtls(&world.admin).send(Method::GET, "/admin/v1/certificates", Some(&token), None).await;
    assert_eq!(answer.status, 403);
    let shown = world.command(&["pki", "certificates", "--json"], "").expect_success();
    let shown: Value = serde_json::from_str(&shown).unwrap();
    let names =
        |list: &[Value]| -> Vec<String> { list.iter().map(|one| one["thumbprint"].to_string()).collect() };
    assert_eq!(names(shown.as_array().unwrap()), names(whole));
    let shown = world.command(&["pki", "certificates", "--client", &ids[0]], "").expect_success();
    assert!(shown.starts_with("kind ") && shown.contains(&ids[0]) && shown.lines().count() == 2, "{shown}");
}
