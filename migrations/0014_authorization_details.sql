-- Rich authorization requests (RFC 9396): types that are registered, what consents say of them, and which have ended.

create table authorization_details_type (
    name        text primary key check (name <> ''),
    title       text not null check (title <> ''),
    schema      jsonb not null check (jsonb_typeof(schema) = 'object'),
    version     bigint not null,
    created_at  timestamptz not null,
    updated_at  timestamptz not null
);

-- What a decision has ended stays ended: it is never purged. Nothing of the patient stands here but a digest.
create table ended_authorization (
    audience    text not null,
    type        text not null,
    digest      bytea not null check (length(digest) = 32),
    client_id   text not null,
    ended_at    timestamptz not null,
    primary key (audience, type, digest)
);

-- No check is validated here, so that no lock is held for long: each row begins with the default, and was written
-- under a stricter check of its scope.
alter table consent
    add column authorization_details jsonb not null default '[]',
    add constraint consent_authorization_details_check
        check (jsonb_typeof(authorization_details) = 'array') not valid;

-- Scopes may be absent where details say what is wanted.
alter table consent
    drop constraint consent_scope_check,
    add constraint consent_says_something check (scope <> '' or authorization_details <> '[]') not valid;
alter table authorization_code
    drop constraint authorization_code_scope_check,
    add constraint authorization_code_says_something
        check (scope <> '' or particulars -> 'authorization_details' is not null) not valid;
alter table family
    drop constraint family_scope_check,
    add constraint family_says_something
        check (scope <> '' or particulars -> 'authorization_details' is not null) not valid;
