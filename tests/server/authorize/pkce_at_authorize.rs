//! Every client commits to a verifier (RFC 7636; SMART App Launch 2.2).

use serde_json::json;

use super::{PATIENT_SCOPE, reasons};
use crate::harness::{App, Browser, World};

#[tokio::test]
async fn p01_p04_p05_sm_a_09_10_11_every_client_commits_with_s256() {
    let world = World::start().await;
    let mut browser = Browser::new(&world);
    let public = App::public(&world, json!({})).await;
    let secret = App::secret(&world, json!({})).await;
    let asymmetric = App::asymmetric(&world, json!({})).await;
    let good = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    let cases: [(&[(&str, &str)], &str); 10] = [
        (&[("code_challenge", "")], "pkce_missing"),
        (&[("code_challenge", ""), ("code_challenge_method", "")], "pkce_missing"),
        (&[("code_challenge_method", "plain")], "pkce_method"),
        (&[("code_challenge_method", "")], "pkce_method"),
        (&[("code_challenge_method", "s256")], "pkce_method"),
        (&[("code_challenge_method", "S256 ")], "pkce_method"),
        (&[("code_challenge_method", "none")], "pkce_method"),
        (&[("code_challenge", &good[..42])], "pkce_challenge_malformed"),
        (&[("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw+cM=")], "pkce_challenge_malformed"),
        (&[("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-c~")], "pkce_challenge_malformed"),
    ];
    for app in [&public, &secret, &asymmetric] {
        for (change, _) in cases {
            let page = browser.get(&app.authorize_with(PATIENT_SCOPE, change)).await;
            page.told(&app.callback, "invalid_request", Some(&app.state));
        }
    }
    let expected: Vec<&str> = [(); 3].iter().flat_map(|()| cases.map(|(_, reason)| reason)).collect();
    assert_eq!(reasons(&world, "authorize.begin").await, expected);
}
