-- no-transaction
-- EHRs name people by it.
create index concurrently if not exists person_fhir_user on person (fhir_user) where fhir_user is not null;
