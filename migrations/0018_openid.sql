-- What people are known by beside their name (OpenID Connect Core, 5.1), the claims that were agreed to one by one
-- (5.5), and keys that sign with PS256. The check of people is not validated, so that no lock is held for long.

alter table person
    add column claims jsonb not null default '{}',
    add constraint person_claims_check check (jsonb_typeof(claims) = 'object') not valid;
alter table consent
    add column claims text[] not null default '{}';
alter table signing_key
    drop constraint signing_key_algorithm_check,
    add constraint signing_key_algorithm_check check (algorithm in ('RS256', 'ES256', 'PS256'));
