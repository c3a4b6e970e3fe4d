//! What a token is bound to when a proof is shown, a certificate, or both (RFC 9449, 5; RFC 8705, 3).

use hilum::jose::algorithm::Algorithm;
use serde_json::json;

use super::{SCOPE, Scene, ask_at, refusals, with_certificate};
use crate::harness::{App, Backend, Browser, FHIR, OPAQUE, Prover, registration};
use crate::token::{claims, fhir_server};

#[tokio::test]
async fn dp_04_a_token_is_bound_to_the_key_in_every_form_and_is_told_so() {
    let scene = Scene::start(json!({"resources": [FHIR, OPAQUE]})).await;
    let fhir =
        Backend::register(&scene.world, Algorithm::Es256, json!({"introspects": [FHIR, OPAQUE]})).await;
    let (public, confirmed) = (scene.world.public(), json!({"jkt": scene.prover.jkt()}));
    for resource in [FHIR, OPAQUE] {
        let assertion = scene.backend.assertion(&scene.world).sign(&scene.backend.key);
        let mut form = Backend::form(&assertion, SCOPE);
        form.push(("resource", resource));
        let answer = scene.prover.token(&public).post("/oauth2/token", &form).await;
        assert_eq!(answer.granted()["token_type"], "DPoP");
        let token = answer.token();
        if resource == FHIR {
            assert_eq!(claims(&token)["cnf"], confirmed);
        }
        let told = fhir.introspect(&scene.world, &public, &token).await.active();
        assert_eq!((&told["cnf"], &told["token_type"]), (&confirmed, &json!("DPoP")));
        assert_eq!(scene.backend.revoke(&scene.world, &public, &token).await.status, 200);
        fhir.introspect(&scene.world, &public, &token).await.inactive();
    }
    let assertion = scene.backend.assertion(&scene.world).sign(&scene.backend.key);
    let mut form = Backend::form(&assertion, SCOPE);
    form.push(("resource", FHIR));
    let plain = public.post("/oauth2/token", &form).await.granted();
    assert_eq!(plain["token_type"], "Bearer", "without a proof nothing is bound");
    let told = fhir.introspect(&scene.world, &public, plain["access_token"].as_str().unwrap()).await.active();
    assert_eq!((told.get("cnf"), &told["token_type"]), (None, &json!("Bearer")));
}

#[tokio::test]
async fn dp_05_a_client_registered_for_bound_tokens_gets_no_other() {
    let scene = Scene::start(json!({"dpop_bound_access_tokens": true})).await;
    let certificate = scene.world.authority.client("https://payer.example/");
    for peer in [scene.world.public(), scene.world.mtls(&certificate)] {
        scene.backend.ask(&scene.world, &peer, SCOPE).await.refused(400, "invalid_request");
    }
    assert_eq!(refusals(&scene.world).await, ["proof_required_by_registration"; 2]);
    for peer in [scene.world.public(), scene.world.mtls(&certificate)] {
        let token = ask_at(&scene, &peer).await.token();
        assert_eq!(claims(&token)["cnf"], json!({"jkt": scene.prover.jkt()}));
    }
}

#[tokio::test]
async fn dp_05_no_token_is_tied_to_two_keys_and_the_registration_decides() {
    let scene = Scene::start(with_certificate(json!({}))).await;
    let certificate = scene.world.authority.client("https://payer.example/");
    let (held, confirmed) = (scene.world.mtls(&certificate), json!({"jkt": scene.prover.jkt()}));
    let thumbprint = json!({"x5t#S256": certificate.thumbprint()});
    // Registered for certificates: a proof is one too many, and none in the place of one.
    ask_at(&scene, &held).await.refused(400, "invalid_request");
    ask_at(&scene, &scene.world.public()).await.refused(400, "invalid_request");
    let expected = ["two_bindings", "certificate_required_by_registration"];
    assert_eq!(refusals(&scene.world).await, expected);
    let token = scene.backend.ask(&scene.world, &held, SCOPE).await.token();
    assert_eq!(claims(&token)["cnf"], thumbprint);

    // Registered for both: the key.
    let members = with_certificate(json!({"dpop_bound_access_tokens": true}));
    let both = Backend::register(&scene.world, Algorithm::Es256, members).await;
    let token = both.ask(&scene.world, &scene.prover.token(&held), SCOPE).await.token();
    assert_eq!(claims(&token)["cnf"], confirmed);
    both.ask(&scene.world, &held, SCOPE).await.refused(400, "invalid_request");

    // A certificate that authenticates and a proof: the proof was shown for this.
    let members = json!({"tls_client_auth_san_uri": "https://payer.example/"});
    let id = scene.world.register(registration("tls_client_auth", members)).await;
    let form = [("grant_type", "client_credentials"), ("client_id", id.as_str()), ("scope", SCOPE)];
    let token = scene.prover.token(&held).post("/oauth2/token", &form).await.token();
    assert_eq!(claims(&token)["cnf"], confirmed);
    assert_eq!(claims(&held.post("/oauth2/token", &form).await.token())["cnf"], thumbprint);
}

#[tokio::test]
async fn fp_03_fp_04_a_fapi_client_is_bound_by_a_strong_proof_or_by_its_certificate() {
    let scene = Scene::start(json!({})).await;
    let (world, public) = (&scene.world, scene.world.public());
    let app = App::fapi_with_proofs(world).await;
    let pat = world.patient_person().await;
    let fhir = fhir_server(world).await;
    for (algorithm, good) in [
        (Algorithm::Rs256, false),
        (Algorithm::Es384, false),
        (Algorithm::Ps256, true),
        (Algorithm::Es256, true),
        (Algorithm::EdDsa, true),
    ] {
        let prover = Prover::of(algorithm, &public).await;
        let scope = "openid launch/patient patient/Observation.rs";
        let pushed = app.push(&prover.at(&public, "/oauth2/par"), scope, &[]).await;
        if !good {
            pushed.refused(400, "invalid_dpop_proof");
            continue;
        }
        let code = Browser::new(world).authorize(&app.pushed_url(&pushed), &pat).await.code();
        let weak = Prover::of(Algorithm::Rs256, &public).await;
        app.redeem(&weak.token(&public), &code).await.refused(400, "invalid_dpop_proof");
        let token = app.redeem(&prover.token(&public), &code).await.token();
        let told = fhir.introspect(world, &public, &token).await.active();
        assert_eq!(told["cnf"], json!({"jkt": prover.jkt()}));
    }
}
