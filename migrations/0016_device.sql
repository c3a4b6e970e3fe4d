-- Devices without a browser (RFC 8628): their codes, and the interactions that answer them.

create table device_code (
    digest            bytea primary key check (octet_length(digest) = 32),
    user_code         bytea not null unique check (octet_length(user_code) = 32),
    client_id         text not null,
    request           jsonb not null check (jsonb_typeof(request) = 'object'),
    asked_from        inet,
    network           inet,
    interval_seconds  bigint not null check (interval_seconds > 0),
    polled_at         timestamptz,
    issued_at         timestamptz not null,
    expires_at        timestamptz not null check (expires_at > issued_at),
    approved_at       timestamptz,
    epoch             bigint check (epoch > 0),
    subject           uuid,
    session_id        uuid,
    consent_id        uuid,
    scope             text,
    audience          text,
    patient           text,
    context           jsonb,
    particulars       jsonb,
    vouched_by        text,
    methods           text[],
    authenticated_at  timestamptz,
    denied_at         timestamptz,
    redeemed_at       timestamptz check (redeemed_at is null or (approved_at is not null and denied_at is null)),
    family_id         uuid check ((family_id is null) = (redeemed_at is null)),
    constraint device_code_says_something
        check (scope <> '' or particulars -> 'authorization_details' is not null),
    check (num_nulls(approved_at, epoch, subject, session_id, consent_id, scope, audience, context, particulars,
                     vouched_by, methods, authenticated_at) in (0, 12))
);
create index device_code_expiry on device_code (expires_at);
create index device_code_subject on device_code (subject, client_id) where subject is not null;
-- What waits for an answer is held to a bound, for each client and for each network of those who prove nothing.
create index device_code_client on device_code (client_id, expires_at) where approved_at is null and denied_at is null;
create index device_code_network on device_code (network, expires_at)
    where network is not null and approved_at is null and denied_at is null;
comment on column device_code.digest is 'SHA-256 of the device code.';
comment on column device_code.user_code is 'A keyed digest of the code that the person enters: it is too short for any other.';
comment on column device_code.asked_from is 'The address of the peer that asked, which the record of the answer repeats.';
comment on column device_code.network is 'The network of a peer that asked and proved nothing.';

alter table interaction alter column callback drop not null;
alter table interaction
    add column device bytea check (octet_length(device) = 32),
    add column sealed_user_code bytea check ((sealed_user_code is null) = (device is null)),
    add constraint interaction_destination check ((callback is null) <> (device is null));
comment on column interaction.device is 'The digest of the device code that the answer is for, where it does not go to a callback.';
