-- no-transaction
-- From a session to the one that took its place: what was agreed to in the first goes on in the last.
create index concurrently if not exists session_continues on session (continues) where continues is not null;
