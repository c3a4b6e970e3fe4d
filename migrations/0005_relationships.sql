-- The patients that people may act for, at each FHIR server. The column person.patients, which nothing ever
-- relied on, is neither written nor read any more; it goes when no release that reads it may still run.

alter table person alter column patients set default '{}';

create table relationship (
    subject     uuid not null references person on delete cascade,
    audience    text not null check (length(audience) between 8 and 2048),
    patient     text not null check (patient ~ '^[A-Za-z0-9.-]{1,64}$'),
    relation    text not null check (relation in ('self', 'proxy', 'care_team')),
    name        text not null check (length(name) between 1 and 200),
    birth_date  date,
    identifier  text check (length(identifier) between 1 and 100),
    encounters  jsonb not null default '[]' check (jsonb_typeof(encounters) = 'array'),
    folded      text not null,
    primary key (subject, audience, patient)
);
-- A page of the patients of one person is read in the order of their names.
create index relationship_name on relationship (subject, folded);
comment on table relationship is 'What a token in a person''s name may be used for is judged by these rows at each use: a row that goes ends its tokens.';
comment on column relationship.audience is 'The URL of the FHIR server, as tokens name it.';
comment on column relationship.folded is 'Name, identifier and birth date in lower case without accents, as they are searched.';
