-- What took the place of a certificate: asked for at each renewal, and when those are told of that should be renewed.
-- The table was made by a migration of this same release: it is empty, and nothing waits for this.
create index certificate_renews on certificate (renews) where renews is not null;
create index certificate_asked_with on certificate (asked_with) where asked_with is not null;
