//! What breaks: processes that die, clients that hang up, connections that are cut, clocks that move.

mod cancelled;
mod changed;
mod clock;
mod cut;
mod ending;
mod killed;
mod proxy;
mod within;

/// How many granted records of a client have no proof, or proofs no granted record, seen at one moment.
fn unmatched(client: &str) -> String {
    format!(
        "select abs((select count(*) from audit_event where action = 'token.issue' and outcome = 'granted'
                        and client_id = '{client}')
                  - (select count(*) from proof where owner = 'assertion {client}'))"
    )
}
