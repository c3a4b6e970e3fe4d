-- Why a signing key was revoked. Rows of before say nothing.
alter table signing_key add column withdrawal_reason text;
