-- The end of certificates is told a few times before it comes, once for each threshold, by one process of all.
-- The nearest number of days before the end of a client's certificate that was told; 366 while none was.
alter table certificate
    add column warned_days smallint not null default 366;
-- The table was made by a migration of this same release: it is empty, and nothing waits for this.
create index certificate_warned on certificate (warned_days, not_after) where revoked_at is null;

-- The same of certificates that are not clients': the server's own, and those of whom it trusts.
create table certificate_warning (
    thumbprint  text primary key check (length(thumbprint) = 43),
    days        smallint not null,
    at          timestamptz not null
);
comment on table certificate_warning is 'The nearest number of days before its end that was told of a certificate.';
