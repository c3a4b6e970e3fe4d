-- What else was asked for and agreed to, beside what every authorization says. The checks are not validated, so that
-- no lock is held for long: each row begins with the default.

alter table authorization_code
    add column particulars jsonb not null default '{}',
    add constraint authorization_code_particulars_check check (jsonb_typeof(particulars) = 'object') not valid;
alter table family
    add column particulars jsonb not null default '{}',
    add constraint family_particulars_check check (jsonb_typeof(particulars) = 'object') not valid;
