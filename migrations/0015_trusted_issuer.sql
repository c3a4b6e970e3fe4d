-- Whose word about a person is taken for a token (RFC 7523, 2.1). `issuer` stands in the metadata too; here it is
-- found by, and nobody else's.

create table trusted_issuer (
    name        text primary key check (name ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
    issuer      text not null unique check (length(issuer) between 8 and 2048),
    metadata    jsonb not null,
    version     bigint not null default 1 check (version > 0),
    created_at  timestamptz not null,
    updated_at  timestamptz not null
);
