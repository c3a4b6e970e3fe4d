-- The revocation lists that authorities publish, fetched by one process for all. Where one is published is learnt
-- from a certificate that a trusted authority has issued, or from the registration of a trust community.
create table revocation_list (
    url              text primary key check (length(url) <= 2048),
    community        text not null,
    first_wanted_at  timestamptz not null,
    next_fetch_at    timestamptz not null,
    failures         integer not null default 0 check (failures >= 0),
    failure          text,
    failed_at        timestamptz,
    fetched_at       timestamptz,
    digest           bytea check (length(digest) = 32),
    this_update      timestamptz,
    next_update      timestamptz,
    check (num_nulls(digest, this_update, next_update, fetched_at) in (0, 4))
);
comment on column revocation_list.community is 'The trust community that named it first, whose room it takes.';
create index revocation_list_due on revocation_list (next_fetch_at);
create index revocation_list_community on revocation_list (community);

-- The lists themselves, in parts that are small enough for short transactions: a list may have many megabytes. They
-- do not pack well, and packing them would keep a transaction open.
create table revocation_list_part (
    digest      bytea not null check (length(digest) = 32),
    part        integer not null check (part >= 0),
    bytes       bytea not null,
    written_at  timestamptz not null,
    primary key (digest, part)
);
alter table revocation_list_part alter column bytes set storage external;

-- The authorities on the paths of certificates that were judged, by which lists are verified.
create table issuing_authority (
    thumbprint     text primary key check (length(thumbprint) = 43),
    der            bytea not null,
    not_after      timestamptz not null,
    first_seen_at  timestamptz not null
);

-- Those that are looked at when there is a new list.
create index certificate_seen on certificate (thumbprint) where origin = 'seen' and revoked_at is null;
