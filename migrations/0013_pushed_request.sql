-- Authorization requests that clients have pushed (RFC 9126).

create table pushed_request (
    pushed_id   uuid primary key,
    digest      bytea not null unique check (octet_length(digest) = 32),
    client_id   text not null references client on delete cascade,
    parameters  text not null,
    created_at  timestamptz not null,
    expires_at  timestamptz not null check (expires_at > created_at),
    used_at     timestamptz
);
create index pushed_request_expiry on pushed_request (expires_at);
create index pushed_request_client on pushed_request (client_id);
comment on column pushed_request.digest is 'SHA-256 of the request_uri: a copy of this table begins nothing.';
comment on column pushed_request.used_at is 'When it was answered with a code: from then on it is no good.';
