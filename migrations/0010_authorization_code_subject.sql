-- no-transaction
-- All that an app is about to hold in the name of a person.
create index concurrently if not exists authorization_code_subject on authorization_code (subject, client_id);
