-- no-transaction
-- All that an app holds in the name of a person.
create index concurrently if not exists family_subject on family (subject, client_id);
