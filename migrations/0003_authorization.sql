-- Signed-in browsers, authorization requests on their way, decisions, codes, and the families of tokens
-- that come of them.

create table session (
    session_id        uuid primary key,
    digest            bytea not null unique check (octet_length(digest) = 32),
    epoch             bigint not null check (epoch > 0),
    subject           uuid not null references person on delete cascade,
    methods           text[] not null check (cardinality(methods) > 0),
    authenticated_at  timestamptz not null,
    used_at           timestamptz not null check (used_at >= authenticated_at),
    ends_at           timestamptz not null check (ends_at > authenticated_at),
    ended_at          timestamptz
);
create index session_subject on session (subject);
create index session_end on session (ends_at);
comment on column session.digest is 'SHA-256 of the cookie: a copy of this table signs nobody in.';
comment on column session.methods is 'How the person proved who they are, in the words of RFC 8176.';

create table sign_in_attempts (
    key            bytea primary key check (octet_length(key) = 32),
    kind           text not null check (kind in ('place', 'device', 'account', 'network')),
    failures       bigint not null check (failures >= 0),
    blocked_until  timestamptz not null,
    last_at        timestamptz not null
);
create index sign_in_attempts_last on sign_in_attempts (last_at);
comment on table sign_in_attempts is 'Attempts without success, by digest of account, of account and place, of network. Counted before the password is looked at.';

create table consent (
    consent_id  uuid primary key,
    subject     uuid not null references person on delete cascade,
    client_id   text not null references client on delete cascade,
    audience    text not null,
    patient     text,
    scope       text not null check (scope <> ''),
    given_at    timestamptz not null
);
create index consent_subject on consent (subject, client_id, given_at);
create index consent_client on consent (client_id);

create table interaction (
    interaction_id  uuid primary key,
    browser         bytea not null check (octet_length(browser) = 32),
    client_id       text not null references client on delete cascade,
    callback        text not null,
    request         jsonb not null check (jsonb_typeof(request) = 'object'),
    session_id      uuid references session on delete cascade deferrable initially deferred,
    consent_id      uuid references consent on delete cascade deferrable initially deferred
                        check (consent_id is null or session_id is not null),
    denied_at       timestamptz check (denied_at is null or (session_id is not null and consent_id is null)),
    finished_at     timestamptz check (finished_at is null or session_id is not null),
    created_at      timestamptz not null,
    expires_at      timestamptz not null check (expires_at > created_at)
);
create index interaction_expiry on interaction (expires_at);
-- For what cascades to them.
create index interaction_client on interaction (client_id);
create index interaction_session on interaction (session_id) where session_id is not null;
create index interaction_consent on interaction (consent_id) where consent_id is not null;
comment on column interaction.browser is 'SHA-256 of the cookie of the browser that began: no other may go on.';

-- Codes and families refer to people, clients and consents without foreign keys: person and client are read
-- when a token is used, so nothing outlives them, and no token request takes a lock on the row of a busy client.

create table authorization_code (
    digest            bytea primary key check (octet_length(digest) = 32),
    epoch             bigint not null check (epoch > 0),
    client_id         text not null,
    subject           uuid not null,
    session_id        uuid not null,
    consent_id        uuid not null,
    callback          text not null,
    challenge         text not null check (length(challenge) = 43),
    scope             text not null check (scope <> ''),
    audience          text not null,
    patient           text,
    nonce             text,
    methods           text[] not null,
    authenticated_at  timestamptz not null,
    issued_at         timestamptz not null,
    expires_at        timestamptz not null check (expires_at > issued_at),
    wrong_verifiers   integer not null default 0 check (wrong_verifiers >= 0),
    revoked_at        timestamptz,
    redeemed_at       timestamptz check (redeemed_at is null or revoked_at is null),
    family_id         uuid check ((family_id is null) = (redeemed_at is null))
);
create index authorization_code_expiry on authorization_code (expires_at);

create table family (
    family_id         uuid primary key,
    epoch             bigint not null check (epoch > 0),
    grant_id          uuid not null unique,
    client_id         text not null,
    subject           uuid not null,
    session_id        uuid not null,
    consent_id        uuid not null,
    scope             text not null check (scope <> ''),
    audience          text not null,
    patient           text,
    methods           text[] not null,
    authenticated_at  timestamptz not null,
    binding           jsonb,
    generation        bigint not null default 1 check (generation > 0),
    rotated_at        timestamptz check ((rotated_at is null) = (generation = 1)),
    created_at        timestamptz not null,
    expires_at        timestamptz not null,
    ends_at           timestamptz,
    revoked_at        timestamptz
);
create index family_expiry on family (expires_at);
comment on table family is 'All tokens that descend from one authorization; they are revoked as one.';
comment on column family.family_id is 'Stands in refresh tokens alone. What others see is grant_id.';
comment on column family.generation is 'The number of the newest refresh token; those before it are spent.';

create table epoch (
    is_one  boolean primary key default true check (is_one),
    number  bigint not null check (number > 0)
);
insert into epoch (number) values (1);
comment on table epoch is 'Raised when the database was restored from a backup: sessions, codes and tokens in people''s names of before are dead, since some may have been ended or spent after the backup.';

create table alert (
    alert_id   uuid primary key,
    at         timestamptz not null,
    kind       text not null,
    event_id   uuid not null,
    client_id  text,
    person     text,
    detail     text
);
comment on table alert is 'What a security officer should look at; event_id is the audit record of it.';

-- The origins of redirect URIs, from which browser apps call; on the loopback without the port (RFC 8252, 7.3).
create function redirect_origins(metadata jsonb) returns text[] language sql immutable as $$
    select coalesce(array_agg(distinct regexp_replace(substring(uri from '^https?://[^/?]+'),
                                                      '^(http://(127[.]0[.]0[.]1|\[::1\])):[0-9]+$', '\1')), '{}')
      from jsonb_array_elements_text(coalesce(metadata -> 'redirect_uris', '[]'::jsonb)) as uri
     where uri ~ '^https?://'
$$;
alter table client add column origins text[] not null generated always as (redirect_origins(metadata)) stored;
create index client_origins on client using gin (origins);

-- Few people keep the server among many who do not.
create index person_roles on person using gin (roles);
