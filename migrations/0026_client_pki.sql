-- The built-in client PKI: its authorities, and what clients and administrators have asked of them.

create table authority (
    name                text primary key check (name ~ '^(root|issuing(-([2-9]|[1-9][0-9]{1,3}))?)$'),
    subject             text not null unique,
    certificate         bytea not null,
    not_after           timestamptz not null,
    algorithm           text not null check (algorithm in ('ES256', 'ES384')),
    sealed_private_key  bytea,
    token_key           text,
    created_at          timestamptz not null,
    revocations         bigint not null default 0 check (revocations >= 0),
    revoked_at          timestamptz,
    revocation_reason   text check ((revocation_reason is null) = (revoked_at is null)),
    check ((sealed_private_key is null) <> (token_key is null))
);
comment on table authority is 'The root, and the authorities that issue under it, one after the other: the last issues.';
comment on column authority.subject is 'Its name in the text form of RFC 4514: the issuer of its certificates.';
comment on column authority.sealed_private_key is 'The private key, sealed under the master key.';
comment on column authority.token_key is 'The CKA_ID, in hexadecimal, of a private key that an HSM holds.';
comment on column authority.revocations is 'How many certificates of this authority have been revoked: a list that covers fewer is out of date.';

create table issued_list (
    authority    text primary key references authority on delete cascade,
    number       bigint not null check (number > 0),
    covers       bigint not null check (covers >= 0),
    der          bytea not null,
    this_update  timestamptz not null,
    next_update  timestamptz not null check (next_update > this_update)
);
comment on table issued_list is 'The newest list of each authority; its number only grows (RFC 5280, 5.2.3).';

create table certificate_request (
    request_id    uuid primary key,
    client_id     text not null references client on delete cascade,
    csr           bytea not null,
    requested_by  text not null,
    requested_at  timestamptz not null,
    expires_at    timestamptz not null check (expires_at > requested_at),
    state         text not null default 'pending' check (state in ('pending', 'approved', 'denied')),
    decided_by    text,
    decided_at    timestamptz,
    thumbprint    text,
    asked_with    text check (length(asked_with) = 43),
    check ((state = 'pending') = (decided_by is null)),
    check ((state = 'pending') = (decided_at is null)),
    check ((state = 'approved') = (thumbprint is not null))
);
comment on column certificate_request.csr is 'PKCS #10 in DER. Its names are not believed.';
comment on column certificate_request.requested_by is 'Who asked: client:ID or terminal:ACCOUNT. Somebody else decides.';
comment on column certificate_request.asked_with is 'The thumbprint of the certificate by which the client proved who it is.';
comment on column certificate_request.expires_at is 'A request that is still pending then is as good as denied.';
create index certificate_request_by_client on certificate_request (client_id);

-- The serial numbers of the built-in authority are asked for by anybody (RFC 6960).
create index certificate_issued_serial on certificate (serial) where origin = 'issued';
-- When the last certificate of an authority ends, and which are not marked yet of one that was revoked.
create index certificate_of_issuer on certificate (issuer, not_after) where origin = 'issued' and revoked_at is null;
