-- no-transaction
-- What policy gave is removed after a while.
create index concurrently if not exists consent_by_policy on consent (given_at) where by_policy;
