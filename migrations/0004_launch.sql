-- Launches: what EHRs hand over, what people choose, and the context that codes and families carry.

create table launch (
    launch_id       uuid primary key,
    digest          bytea not null unique check (octet_length(digest) = 32),
    ehr             text not null references client on delete cascade,
    client_id       text not null references client on delete cascade,
    audience        text not null,
    subject         uuid not null references person on delete cascade,
    context         jsonb not null check (jsonb_typeof(context) = 'object'),
    created_at      timestamptz not null,
    expires_at      timestamptz not null check (expires_at > created_at),
    used_at         timestamptz
);
create index launch_expiry on launch (expires_at);
-- How many of an EHR are open is counted for each that it makes.
create index launch_ehr on launch (ehr, expires_at);
-- For what cascades to them.
create index launch_client on launch (client_id);
create index launch_subject on launch (subject);
comment on column launch.digest is 'SHA-256 of the handle: a copy of this table opens no app.';

alter table interaction
    add column launch jsonb check (launch is null or jsonb_typeof(launch) = 'object'),
    add column choice jsonb check (choice is null or jsonb_typeof(choice) = 'object');
comment on column interaction.launch is 'What the EHR handed over, taken once.';
comment on column interaction.choice is 'The patient and the encounter that the person chose; forgotten when another person signs in.';

alter table consent add column by_policy boolean not null default false;
comment on column consent.by_policy is 'Given by the registration of the client for clinicians, not by the person; it is never remembered.';

-- The patient stands in a column of its own, as before; the context is what goes with it.
alter table authorization_code
    add column context jsonb not null default '{}' check (jsonb_typeof(context) = 'object'),
    add column vouched_by text not null default 'relationship' check (vouched_by in ('relationship', 'launch', 'directory'));
alter table family
    add column context jsonb not null default '{}' check (jsonb_typeof(context) = 'object'),
    add column vouched_by text not null default 'relationship' check (vouched_by in ('relationship', 'launch', 'directory'));
comment on column family.vouched_by is 'Who says that the person may act for the patient: a relationship that is read again at each use, the EHR that launched, or the directory in which the patient was found.';
