//! What responders tell one process counts on all; and the room that each community has for lists.

use super::*;

impl Scene {
    /// For how many certificates an answer is kept.
    async fn kept(&self) -> i64 {
        self.database.count("select count(*) from responder_answer where answer is not null").await
    }
}

#[tokio::test]
async fn m05_f23_what_a_responder_tells_one_process_counts_on_all_and_one_of_them_asks_again() {
    let mut scene = Scene::begin().await;
    let folder = scene.folder.path().to_owned();
    scene.host.publish("ocsp", Publishing::Responder(folder.clone()));
    // One that stays good, one whose answer is forged, one that gets another's answer, and one that will be revoked.
    let certificates = [12, 13, 14, 15].map(|serial| scene.told_of(serial, "ocsp"));
    let mut tokens = Vec::new();
    for identity in &certificates {
        tokens.push(scene.granted("a responder", &scene.dev.mtls_as(identity)).await);
    }
    eventually("the answers are kept for all", SOON, || async { (scene.kept().await == 4).then_some(()) })
        .await;

    // While the responder is away, another process believes what the first was answered, and nothing else that
    // stands in the table: whoever can write that is not the authority.
    scene.host.publish("ocsp", Publishing::Bytes(Vec::new()));
    // What was asked before may be answered still, and would take the place of what is forged: of each certificate one
    // question is under way at a time, so that after one that failed none is answered.
    scene.database.execute("update responder_answer set failures = 0").await;
    eventually("none is answered any more", SOON, || async {
        let failed = "select count(*) from responder_answer where failures > 0";
        (scene.database.count(failed).await == 4).then_some(())
    })
    .await;
    let [good, forged, swapped, _] = certificates.each_ref().map(Identity::thumbprint);
    let forge = format!(
        "update responder_answer
            set answer = set_byte(answer, length(answer) - 1, 255 - get_byte(answer, length(answer) - 1))
          where thumbprint = '{forged}';
         update responder_answer o set answer = a.answer, nonce = a.nonce from responder_answer a
          where o.thumbprint = '{swapped}' and a.thumbprint = '{good}'"
    );
    scene.database.execute(&forge).await;
    let beside = TempDir::new().unwrap();
    let other = scene.dev.beside(beside.path()).await;
    let ask_other = async |identity| scene.ask(&other.mtls_as(identity)).await;
    scene.granted("what the first was answered", &other.mtls_as(&certificates[0])).await;
    for identity in &certificates[1..3] {
        ask_other(identity).await.invalid_client();
        assert_eq!(scene.last_refusal(), "revocation_unknown");
    }

    // The process that it was used at is gone; the other has never seen the certificate.
    let public = other.public();
    scene.introspect_at(&public, &tokens[3]).await.active();
    scene.dev.child.kill().unwrap();
    scene.dev.child.wait().unwrap();
    // What it was about to ask is its own for a minute.
    scene.database.execute("update responder_answer set next_question_at = now()").await;
    responder(&folder, &scene.authorities["told"], &[15]);
    scene.host.publish("ocsp", Publishing::Responder(folder.clone()));
    eventually("its token dies without a request of it", SOON, || async {
        let said = scene.introspect_at(&public, &tokens[3]).await;
        (said.text == r#"{"active":false}"#).then_some(())
    })
    .await;
    scene.introspect_at(&public, &tokens[0]).await.active();
    let records = scene.records(&["list", "--action", "certificate.revoked"]);
    assert_eq!(records.len(), 1, "{records:?}");
    assert_eq!(records[0]["target"], certificates[3].thumbprint());
    eventually("it is asked about no more", SOON, || async {
        let revoked = "select count(*) from responder_answer where revoked";
        (scene.database.count(revoked).await == 1).then_some(())
    })
    .await;

    // Where the job is behind, whoever needs an answer asks once what is known is older than the interval.
    scene.database.execute("update responder_answer set next_question_at = now() + interval '1 day'").await;
    responder(&folder, &scene.authorities["told"], &[12, 15]);
    eventually("what is old is asked for anew", SOON, || async {
        (scene.ask(&other.mtls_as(&certificates[0])).await.status == 401).then_some(())
    })
    .await;
}

#[tokio::test]
async fn f23_a_community_that_names_a_thousand_lists_keeps_no_others_away() {
    let scene = Scene::begin().await;
    let named = "insert into revocation_list (url, community, first_wanted_at, next_fetch_at)
                 select 'http://crowd.example/' || n, 'crowd', now(), now() + interval '1 year'
                   from generate_series(1, 1000) n";
    scene.database.execute(named).await;
    for name in ["good", "new"] {
        let list = scene.authorities[name].list_with(&[7], |_| {});
        scene.host.publish(name, Publishing::Bytes(list));
    }
    eventually("another community's list is fetched", SOON, || async {
        let peer = scene.dev.mtls_as(&scene.listed(6, "good", &["good"]));
        (scene.ask(&peer).await.status == 200).then_some(())
    })
    .await;
    scene.database.execute("update revocation_list set community = 'payers' where community = 'crowd'").await;
    scene.ask(&scene.dev.mtls_as(&scene.listed(6, "new", &["new"]))).await.invalid_client();
    assert_eq!(scene.last_refusal(), "revocation_unknown");
    let metrics = format!("http://127.0.0.1:{}/metrics", scene.dev.ports()[2]);
    eventually("how many there are is measured", SOON, || async {
        let said = plain_client().get(&metrics).send().await.unwrap().text().await.unwrap();
        said.contains("hilum_revocation_lists{community=\"payers\"} 1001").then_some(())
    })
    .await;
    // It is told a moment after it is measured.
    eventually("it is told", SOON, || async {
        scene.dev.log().contains("no further revocation list is fetched").then_some(())
    })
    .await;
}
