-- What requests may name a resource server by: its URL, and the further audiences of its registration.
-- One key over all of them: no two resource servers answer to the same name, however they are written at once.

create table resource_audience (
    audience  text primary key check (length(audience) between 8 and 2048),
    resource  text not null references resource on delete cascade
);
create index resource_audience_resource on resource_audience (resource);
insert into resource_audience (audience, resource) select url, name from resource;
