-- Clients that register themselves (RFC 7591, RFC 7592): what opens the door to them, and what they may then be.

alter table client add column registered_by text not null default 'administrator'
    check (registered_by in ('administrator', 'initial_access_token', 'software_statement'));
alter table client add column registered_with uuid
    check ((registered_with is null) = (registered_by = 'administrator'));
alter table client add column approved_at timestamptz
    check (approved_at is null or registered_by <> 'administrator');
comment on column client.registered_with is 'The initial access token or the statement issuer; kept after that is gone.';
comment on column client.approved_at is 'When an administrator looked at a client that registered itself and found it good. Its own changes take this away.';

create table initial_access_token (
    token_id       uuid primary key,
    digest         bytea not null unique check (octet_length(digest) = 32),
    allowance      jsonb not null check (jsonb_typeof(allowance) = 'object'),
    note           text,
    registrations  bigint not null check (registrations > 0),
    used           bigint not null default 0 check (used between 0 and registrations),
    created_at     timestamptz not null,
    expires_at     timestamptz not null check (expires_at > created_at)
);
comment on column initial_access_token.allowance is 'What a client may be at most that registers with it.';

create table statement_issuer (
    issuer_id    uuid primary key,
    issuer       text not null unique,
    metadata     jsonb not null check (jsonb_typeof(metadata) = 'object'),
    per_day      bigint not null check (per_day > 0),
    day          bigint not null default 0,
    used         bigint not null default 0 check (used >= 0),
    created_at   timestamptz not null,
    updated_at   timestamptz not null
);
comment on column statement_issuer.day is 'The day, counted from 1970, of which used tells how many registrations there were.';

create table client_registration (
    client_id           text primary key references client on delete cascade,
    digest              bytea not null unique check (octet_length(digest) = 32),
    allowance           jsonb not null check (jsonb_typeof(allowance) = 'object'),
    software_statement  text
);
comment on table client_registration is 'The registration access token of a client that registered itself, by digest, and what the client may make of itself.';
