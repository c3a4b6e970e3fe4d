-- People see which apps may act for them, and end it.

alter table consent
    add column withdrawn_at timestamptz check (withdrawn_at >= given_at),
    add column epoch        bigint not null default 1 check (epoch > 0);
comment on column consent.withdrawn_at is 'When the person took it back: it is never remembered again, and no code is issued by it.';
comment on column consent.epoch is 'A decision of before a restore is not remembered: it may have been withdrawn after the backup.';

alter table family
    add column used_at timestamptz;
comment on column family.used_at is 'When it was redeemed, last refreshed, or first introspected with its newest token; people are told.';
