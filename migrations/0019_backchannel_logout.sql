-- What clients are told when a session ends in which they had tokens (OpenID Connect Back-Channel Logout).

-- Who proves again who they are goes on in another session; clients of the one before are told when that ends.
alter table session add column continues uuid;
comment on column session.continues is 'The session of the same person in the same browser that this one took the place of.';

-- No foreign keys: the session may be purged and the client deleted before the last attempt.
create table backchannel_logout (
    session_id    uuid not null,
    client_id     text not null,
    subject       uuid not null,
    attempts      integer not null default 0 check (attempts >= 0),
    next_at       timestamptz not null,
    under_way     boolean not null default false,
    delivered_at  timestamptz,
    failed_at     timestamptz check (failed_at is null or delivered_at is null),
    last_answer   text,
    created_at    timestamptz not null,
    primary key (session_id, client_id)
);
create index backchannel_logout_due on backchannel_logout (next_at) where delivered_at is null and failed_at is null;
create index backchannel_logout_of_client on backchannel_logout (client_id, next_at, session_id)
    where delivered_at is null and failed_at is null;
create index backchannel_logout_under_way on backchannel_logout (client_id) where under_way;
create index backchannel_logout_created on backchannel_logout (created_at);
comment on table backchannel_logout is 'A client that is to be told of the end of a session. Where and in which words is found out at each attempt, from its registration.';
comment on column backchannel_logout.next_at is 'From when an attempt may be made: while one is under way, when another process may take it for lost.';
comment on column backchannel_logout.under_way is 'Whether an attempt has begun of which nobody has kept what came of it.';
