-- What responders (RFC 6960) have answered about certificates of which no list tells, for all processes; and when one
-- of them asks again.
create table responder_answer (
    thumbprint        text primary key check (length(thumbprint) = 43),
    der               bytea not null,
    authority         bytea not null,
    is_authority      boolean not null,
    host              text not null,
    wanted_until      timestamptz not null,
    next_question_at  timestamptz not null,
    failures          integer not null default 0 check (failures >= 0),
    nonce             bytea check (length(nonce) = 32),
    answer            bytea,
    asked_at          timestamptz,
    this_update       timestamptz,
    revoked           boolean not null default false,
    check (num_nulls(nonce, answer, asked_at, this_update) in (0, 4)),
    check (answer is not null or not revoked)
);
comment on column responder_answer.authority is 'Who issued it, as the path had it by which it was judged.';
comment on column responder_answer.wanted_until is 'Until then tokens that it was used for may be alive.';
comment on column responder_answer.answer is 'The answer in DER, to the question with this nonce: verified by whoever reads it.';
create index responder_answer_due on responder_answer (host, next_question_at, wanted_until) where not revoked;
create index responder_answer_end on responder_answer (wanted_until);
create index responder_answer_revoked on responder_answer (thumbprint) where revoked;
create index responder_answer_revoked_authority on responder_answer (thumbprint) where revoked and is_authority;
