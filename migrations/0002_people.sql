-- People have a name, can be stopped and let go on, and are changed in versions.

alter table person
    add column name       text check (length(name) between 1 and 200),
    add column status     text not null default 'active' check (status in ('active', 'disabled')),
    add column version    bigint not null default 1 check (version > 0),
    add column not_before timestamptz not null default 'epoch',
    add column updated_at timestamptz;
update person set updated_at = created_at;
alter table person
    alter column updated_at set not null,
    add check (username ~ '^[a-z0-9._@+-]{1,64}$'),
    add check (roles <@ array['clinician', 'patient', 'security-officer']);
comment on column person.not_before is 'What began before is dead: sessions, grants, tokens. Disabling and a new password move it, nothing moves it back.';
comment on table person is 'Rows are never deleted: a subject is never given to another person.';
