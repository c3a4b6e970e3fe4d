-- Whose certificates are believed for which clients: sets of anchors, each with rules of its own.
create table trust_community (
    name        text primary key check (name ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$' and name <> 'default'),
    terms       jsonb not null,
    version     bigint not null default 1 check (version > 0),
    created_at  timestamptz not null,
    updated_at  timestamptz not null
);
