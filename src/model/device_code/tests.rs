use super::*;
use crate::model::delegation::{Particulars, SignIn, Voucher};
use crate::model::person::{PersonStatus, Role};
use crate::protocol::launch_context::LaunchContext;
use crate::scope::set::ScopeSet;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_timestamp(1_800_000_000 + seconds).unwrap()
}

fn client(id: &str) -> ClientId {
    ClientId::parse(id).unwrap()
}

fn code(state: DeviceState) -> DeviceCode {
    DeviceCode {
        digest: [1; 32],
        client: client("tv"),
        polling: Polling { interval: INTERVAL, last_at: None },
        issued_at: at(0),
        asked_from: None,
        expires_at: at(600),
        state,
    }
}

fn approval() -> Approval {
    Approval {
        delegation: Delegation {
            client: client("tv"),
            subject: Uuid::nil(),
            consent: Uuid::nil(),
            scope: ScopeSet::parse("openid").unwrap(),
            audience: "https://fhir.example".to_owned(),
            context: LaunchContext::default(),
            voucher: Voucher::Relationship,
            sign_in: SignIn { session: Uuid::nil(), methods: vec!["pwd".to_owned()], at: at(0) },
            particulars: Particulars::default(),
        },
        epoch: 1,
        person: Standing {
            subject: Uuid::nil(),
            organization: "o".to_owned(),
            roles: vec![Role::Patient],
            fhir_user: None,
            status: PersonStatus::Active,
            not_before: at(0),
            version: 1,
            acts_for: None,
        },
        session_ended_at: None,
    }
}

fn refused(code: &DeviceCode, now: i64) -> (ErrorCode, &'static str, Option<Consequence>) {
    let refusal = code.poll((&client("tv"), None), at(now)).unwrap_err();
    (refusal.code(), refusal.reason().code(), refusal.consequence())
}

#[test]
fn dv_02_a_device_that_asks_too_fast_waits_five_seconds_more_each_time() {
    let asked = |interval, last: Option<i64>, now| {
        let polling = Polling { interval, last_at: last.map(at) };
        let (word, _, kept) = refused(&DeviceCode { polling, ..code(DeviceState::Pending) }, now);
        (word, kept)
    };
    let note = |interval| Some(Consequence::NotePoll { code: [1; 32], interval });
    assert_eq!(asked(5, None, 0), (ErrorCode::AuthorizationPending, note(5)));
    assert_eq!(asked(5, Some(10), 15), (ErrorCode::AuthorizationPending, note(5)));
    assert_eq!(asked(5, Some(10), 14), (ErrorCode::AuthorizationPending, note(5)), "the way here varies");
    assert_eq!(asked(5, Some(10), 13), (ErrorCode::SlowDown, note(10)));
    assert_eq!(asked(10, Some(13), 18), (ErrorCode::SlowDown, note(15)));
    assert_eq!(asked(15, Some(18), 33), (ErrorCode::AuthorizationPending, note(15)));
    assert_eq!(asked(58, Some(18), 19), (ErrorCode::SlowDown, note(60)));
    assert_eq!(asked(60, Some(18), 19), (ErrorCode::SlowDown, None), "a flood writes nothing");
}

#[test]
fn dv_02_each_state_has_its_word() {
    let approved = || DeviceState::Approved(Box::new(approval()));
    assert!(code(approved()).poll((&client("tv"), None), at(599)).is_ok());
    let expired = (ErrorCode::ExpiredToken, "device_code_expired", None);
    for state in [approved(), DeviceState::Pending, DeviceState::Denied] {
        assert_eq!(refused(&code(state), 600), expired);
    }
    assert_eq!(refused(&code(DeviceState::Denied), 1), (ErrorCode::AccessDenied, "device_denied", None));
    let ended = Approval { session_ended_at: Some(at(1)), ..approval() };
    let ended = code(DeviceState::Approved(Box::new(ended)));
    assert_eq!(refused(&ended, 2), (ErrorCode::InvalidGrant, "session_ended", None));
    let mut stopped = approval();
    stopped.person.status = PersonStatus::Disabled;
    let stopped = code(DeviceState::Approved(Box::new(stopped)));
    assert_eq!(refused(&stopped, 2), (ErrorCode::InvalidGrant, "person_disabled", None));
}

#[test]
fn f13_another_client_changes_nothing_and_a_replay_ends_what_came_of_it() {
    let family = Uuid::from_bytes([9; 16]);
    let states = [
        DeviceState::Pending,
        DeviceState::Denied,
        DeviceState::Redeemed { family, binding: None },
        DeviceState::Approved(Box::new(approval())),
    ];
    for state in states {
        let refusal = code(state).poll((&client("other"), None), at(1)).unwrap_err();
        assert_eq!(
            (refusal.code(), refusal.reason().code()),
            (ErrorCode::InvalidGrant, "device_code_of_another_client")
        );
        assert_eq!(refusal.consequence(), None);
    }
    let spent = code(DeviceState::Redeemed { family, binding: None });
    for now in [1, 3600] {
        let revoked = Some(Consequence::RevokeFamily(family));
        assert_eq!(refused(&spent, now), (ErrorCode::InvalidGrant, "device_code_replayed", revoked));
    }
}

#[test]
fn f13_a_replay_without_the_key_of_the_tokens_ends_nothing() {
    let family = Uuid::from_bytes([9; 16]);
    let holder = Binding::to_key("0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
    let stranger = Binding::to_key("2ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
    let spent = code(DeviceState::Redeemed { family, binding: Some(holder.clone()) });
    let refused = |key| {
        let refusal = spent.poll((&client("tv"), key), at(1)).unwrap_err();
        (refusal.reason().code(), refusal.consequence())
    };
    for key in [None, Some(&stranger)] {
        assert_eq!(refused(key), ("device_code_replayed_without_key", None));
    }
    assert_eq!(refused(Some(&holder)), ("device_code_replayed", Some(Consequence::RevokeFamily(family))));
}
