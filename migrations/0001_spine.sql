-- Registrations, keys, single-use proofs, token states and the audit trail.
-- All times are the database's, given by the server as arguments; nothing here reads a clock.

create table resource (
    name        text primary key check (name ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
    url         text not null unique check (length(url) between 8 and 2048),
    metadata    jsonb not null check (jsonb_typeof(metadata) = 'object'),
    version     bigint not null check (version > 0),
    created_at  timestamptz not null,
    updated_at  timestamptz not null
);

create table client (
    client_id         text primary key check (length(client_id) between 1 and 64),
    status            text not null check (status in ('active', 'disabled')),
    metadata          jsonb not null check (jsonb_typeof(metadata) = 'object'),
    version           bigint not null check (version > 0),
    tokens_not_before timestamptz not null,
    created_at        timestamptz not null,
    updated_at        timestamptz not null
);
comment on column client.tokens_not_before is 'Tokens that were issued before are dead: disabling moves it, enabling does not move it back.';

create table client_secret (
    id          uuid primary key,
    client_id   text not null references client on delete cascade,
    digest      bytea not null unique check (octet_length(digest) = 32),
    created_at  timestamptz not null,
    expires_at  timestamptz check (expires_at >= created_at)
);
create index client_secret_client on client_secret (client_id);

create table proof (
    owner       text not null,
    key         bytea not null check (octet_length(key) = 32),
    entry_id    uuid not null,
    expires_at  timestamptz not null,
    primary key (owner, key)
);
create index proof_expiry on proof (expires_at);
comment on table proof is 'What was shown once and may not be shown again until it expires, such as the jti of an assertion.';

create table revoked_token (
    token_id    uuid primary key,
    revoked_at  timestamptz not null,
    expires_at  timestamptz not null
);
create index revoked_token_expiry on revoked_token (expires_at);

create table opaque_token (
    digest      bytea primary key check (octet_length(digest) = 32),
    token_id    uuid not null unique,
    claims      jsonb not null check (jsonb_typeof(claims) = 'object'),
    expires_at  timestamptz not null
);
create index opaque_token_expiry on opaque_token (expires_at);

create table introspected_token (
    token_id    uuid not null,
    audience    text not null,
    expires_at  timestamptz not null,
    primary key (token_id, audience)
);
create index introspected_token_expiry on introspected_token (expires_at);
comment on table introspected_token is 'Which introspections have their audit record: one for a token and a resource server.';

create table signing_key (
    kid                 text primary key check (length(kid) between 1 and 64),
    algorithm           text not null check (algorithm in ('RS256', 'ES256')),
    public_jwk          jsonb not null,
    sealed_private_key  bytea not null,
    announced_at        timestamptz not null,
    activates_at        timestamptz not null check (activates_at >= announced_at),
    retires_at          timestamptz check (retires_at >= activates_at),
    withdrawn_at        timestamptz
);
create index signing_key_activation on signing_key (algorithm, activates_at);

create table person (
    subject         uuid primary key,
    username        text not null unique check (username = lower(username)),
    password_hash   text not null check (password_hash like '$argon2id$%'),
    organization    text not null,
    roles           text[] not null,
    fhir_user       text,
    patients        text[] not null,
    sealed_totp     bytea,
    created_at      timestamptz not null
);

create table audit_event (
    id                      uuid primary key,
    at                      timestamptz not null,
    action                  text not null,
    outcome                 text not null check (outcome in ('granted', 'refused')),
    reason                  text check (outcome = 'granted' or reason is not null),
    detail                  text,
    occurrences             bigint not null check (occurrences > 0),
    client_id               text,
    client_organization     text,
    person                  text,
    person_organization     text,
    patient                 text,
    target                  text,
    scopes_asked            text,
    scopes_granted          text,
    audience                text,
    token_id                uuid,
    purpose_of_use          text,
    grant_type              text,
    rule                    text,
    peer_address            inet,
    certificate_thumbprint  text,
    request_id              uuid not null,
    process                 text not null
);
create index audit_event_at on audit_event (at, id);
create index audit_event_client on audit_event (client_id, at);
create index audit_event_person on audit_event (person, at) where person is not null;
create index audit_event_patient on audit_event (patient, at) where patient is not null;
create index audit_event_token on audit_event (token_id) where token_id is not null;
comment on table audit_event is 'One record of each grant and each refusal. The server''s role may insert and read, never change.';
