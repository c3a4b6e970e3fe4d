-- What the server derives its other keys from, sealed: it stays when the master key changes.
create table server_secret (
    name        text primary key check (name in ('root')),
    sealed      bytea not null,
    created_at  timestamptz not null
);
