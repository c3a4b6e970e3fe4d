//! What breaks: processes that die, clients that hang up, connections that are cut, clocks that move.

mod cancelled;
mod changed;
mod clock;
mod code_life;
mod cut;
mod ending;
mod kept;
mod killed;
mod proxy;
mod spent;
mod stopped;
pub mod within;

/// How many granted records of a client have no proof, or proofs no granted record, seen at one moment.
fn unmatched(client: &str) -> String {
    format!(
        "select abs((select count(*) from audit_event where action = 'token.issue' and outcome = 'granted'
                        and client_id = '{client}')
                  - (select count(*) from proof where owner = 'assertion {client}'))"
    )
}

/// How far the changes of an app and their records differ, seen at one moment: each redeemed code has its
/// family, and each of these, and each rotation, its granted record; so has each answer that was given again.
fn unbalanced(client: &str, given_again: usize) -> String {
    format!(
        "with code as (select count(*) as spent from authorization_code
                        where client_id = '{client}' and redeemed_at is not null),
              family as (select count(*) as begun, coalesce(sum(generation - 1), 0)::bigint as rotated
                           from family where client_id = '{client}'),
              record as (select count(*) filter (where grant_type = 'authorization_code') as redeemed,
                                count(*) filter (where grant_type = 'refresh_token') as refreshed
                           from audit_event where action = 'token.issue' and outcome = 'granted'
                            and client_id = '{client}'),
              token as (select count(*) as written from opaque_token join audit_event using (token_id)
                         where action = 'token.issue' and client_id = '{client}')
         select abs(spent - begun) + abs(spent - redeemed) + abs(rotated + {given_again} - refreshed)
              + abs(redeemed + refreshed - written)
           from code, family, record, token"
    )
}
