//! Every endpoint, every parameter, every way to get it wrong: generated from a table of right requests. A cell that
//! is answered in another way than the table says fails, and so does a route that the table does not have.

mod cells;
mod endpoints;
mod judge;
mod pages;
mod requests;
mod right;
mod scene;

use std::collections::BTreeSet;

use endpoints::{Endpoint, HELD_ELSEWHERE, Life, Place};
use pages::PAGES;
use requests::{AUTHORIZATION, POSTED, SHOWN, TOKEN};
use scene::Scene;

/// Sends a right request, which must be answered as such: nothing before it has used anything up.
async fn still_right(scene: &mut Scene, endpoint: &Endpoint, after: &str, failed: &mut Vec<String>) {
    let ask = scene.right(endpoint);
    let answer = scene.send(endpoint, &ask).await;
    let seen = judge::seen(endpoint, &ask, &answer);
    if seen != "fine" {
        failed.push(format!("{} after {after}: the right request is {seen}: {answer:.600?}", endpoint.name));
    }
    scene.renew(endpoint).await;
}

/// All cells of an endpoint; the answer is how many there were.
async fn all_cells(scene: &mut Scene, endpoint: &Endpoint, failed: &mut Vec<String>) -> usize {
    let mut count = 0;
    scene.renew(endpoint).await;
    still_right(scene, endpoint, "nothing", failed).await;
    for row in cells::rows(endpoint) {
        for cell in &row.cells {
            let mut ask = scene.right(endpoint);
            cell.apply(&mut ask);
            let answer = scene.send(endpoint, &ask).await;
            if let Err(wrong) = judge::judge(endpoint, (&ask, &row), (cell, &answer)) {
                failed.push(wrong);
            }
            let is_granted = judge::seen(endpoint, &ask, &answer) == "fine";
            let is_spent = match endpoint.life {
                Life::Lasts | Life::OneCell => false,
                Life::UntilGranted => is_granted,
                Life::UntilTried => is_granted || [400, 401, 429].contains(&answer.status),
            };
            if is_spent {
                scene.renew(endpoint).await;
            }
            count += 1;
        }
        still_right(scene, endpoint, &row.name, failed).await;
    }
    count
}

/// All cells of one part of the table, in a world of its own.
async fn part(endpoints: impl IntoIterator<Item = &'static Endpoint>, least: usize) {
    let mut scene = Scene::start().await;
    let (mut failed, mut count) = (Vec::new(), 0);
    for endpoint in endpoints {
        count += all_cells(&mut scene, endpoint, &mut failed).await;
    }
    assert!(failed.is_empty(), "{} of {count} cells:\n{}", failed.len(), failed.join("\n"));
    assert!(count >= least, "the matrix has shrunk to {count} cells");
}

#[tokio::test]
async fn x05_oa_01_oa_02_every_cell_of_the_token_endpoint() {
    part(TOKEN, 900).await;
}

#[tokio::test]
async fn x05_oa_01_oa_02_every_cell_of_the_other_endpoints_that_clients_post_to() {
    part(POSTED, 500).await;
}

#[tokio::test]
async fn x05_oa_01_every_cell_of_the_authorization_endpoint() {
    part(AUTHORIZATION, 900).await;
}

#[tokio::test]
async fn x05_oa_01_oa_02_every_cell_of_the_endpoints_that_are_shown_a_token() {
    part(SHOWN, 900).await;
}

#[tokio::test]
async fn x05_every_cell_of_the_forms_of_people() {
    part(PAGES.iter().filter(|page| page.place == Place::Form), 700).await;
}

#[tokio::test]
async fn x05_every_cell_of_the_pages() {
    part(PAGES.iter().filter(|page| page.place == Place::Query), 500).await;
}

#[test]
fn a_route_that_the_matrix_does_not_have_fails() {
    let parts = [TOKEN, POSTED, AUTHORIZATION, SHOWN, PAGES];
    let mut known: BTreeSet<&str> = parts.iter().copied().flatten().map(|endpoint| endpoint.path).collect();
    known.extend(HELD_ELSEWHERE.iter().map(|(path, _)| *path));
    let list = std::fs::read_to_string("src/discovery/endpoints.rs").unwrap();
    let constants = list.lines().filter_map(|line| line.strip_prefix("pub const "));
    let of_list = constants.filter_map(|line| line.split_once(": &str = \"")?.1.strip_suffix("\";"));
    let paths: Vec<&str> = of_list.collect();
    assert!(paths.len() > 15, "{paths:?}");
    for path in &paths {
        assert!(known.contains(path), "{path} is not in the matrix");
    }
    // What is routed without standing in the list.
    let routes = std::fs::read_to_string("src/http/routes.rs").unwrap();
    for (at, _) in routes.match_indices("(\"/") {
        let path = routes[at + 2..].split('"').next().unwrap();
        assert!(known.contains(path), "{path} is not in the matrix");
    }
    for called in ["called(", "posted(", "read(", "got(", "both(", "web::resource("] {
        for (at, _) in routes.match_indices(called) {
            let argument = &routes[at + called.len()..].split([')', '\n']).next().unwrap();
            let is_known = ["endpoints::", "\"/", "page::", "form_post::", "path", "one"];
            assert!(
                is_known.iter().any(|known| argument.starts_with(known)) || argument.is_empty(),
                "{argument}"
            );
        }
    }
}
