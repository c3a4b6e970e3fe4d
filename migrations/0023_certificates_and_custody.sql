-- Every client certificate that the server knows: those that tokens were bound to, those it issued, and those that
-- stand in registrations.
create table certificate (
    thumbprint         text primary key check (length(thumbprint) = 43),
    client_id          text not null,
    community          text,
    der                bytea not null,
    key_thumbprint     text check (length(key_thumbprint) = 43),
    subject            text not null,
    issuer             text not null,
    serial             text not null check (serial ~ '^[0-9a-f]+$'),
    not_before         timestamptz not null,
    not_after          timestamptz not null,
    origin             text not null check (origin in ('seen', 'issued', 'registered')),
    renews             text check (length(renews) = 43),
    asked_with         text check (length(asked_with) = 43),
    first_seen_at      timestamptz not null,
    revoked_at         timestamptz,
    revocation_reason  text check ((revocation_reason is null) = (revoked_at is null))
);
create index certificate_client on certificate (client_id);
create index certificate_end on certificate (not_after);
create index certificate_revoked_key on certificate (key_thumbprint) where revoked_at is not null;
comment on column certificate.asked_with is 'Which certificate its holder showed when they asked for it: what ends that for a stolen key ends this.';
comment on column certificate.key_thumbprint is 'The key, however it is written: one whose certificate was revoked is certified no more.';

-- A private key is here, sealed, or in a hardware security module under this identifier. What has neither column
-- filled was written by no release.
alter table signing_key
    alter column sealed_private_key drop not null,
    add column token_key text,
    add constraint signing_key_kept check ((sealed_private_key is null) <> (token_key is null)) not valid;
