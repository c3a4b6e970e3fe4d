// What oidc-provider keeps, in PostgreSQL: one table, one statement for each call, one commit for
// each write. Every statement has a name, so that PostgreSQL plans it once for each connection.
import pg from 'pg';

const TABLE = `
  create table if not exists stored (
    model text not null,
    id text not null,
    payload jsonb not null,
    grant_id text,
    uid text,
    user_code text,
    consumed_at timestamptz,
    expires_at timestamptz,
    primary key (model, id)
  );
  create index if not exists stored_by_grant on stored (grant_id) where grant_id is not null;
  create index if not exists stored_by_uid on stored (model, uid) where uid is not null;
  create index if not exists stored_by_user_code on stored (model, user_code) where user_code is not null;
`;

// What is expired is not there. The time of consumption goes back to where oidc-provider looks for it.
const FOUND = `select payload, extract(epoch from consumed_at)::bigint::int as consumed
  from stored where (expires_at is null or expires_at > now()) and model = $1`;

/** Connects and answers with the class of adapters that oidc-provider asks for. */
export async function connect(database) {
  const pool = new pg.Pool(database);
  await pool.query(TABLE);

  const run = (name, text, values) => pool.query({ name, text, values });
  const one = async (name, text, values) => {
    const { rows: [row] } = await run(name, text, values);
    if (!row) return undefined;
    return row.consumed === null ? row.payload : { ...row.payload, consumed: row.consumed };
  };

  return class Adapter {
    constructor(model) {
      this.model = model;
    }

    async upsert(id, payload, expiresIn) {
      await run('upsert', `insert into stored (model, id, payload, grant_id, uid, user_code, expires_at)
        values ($1, $2, $3, $4, $5, $6, now() + make_interval(secs => $7))
        on conflict (model, id) do update set payload = excluded.payload, grant_id = excluded.grant_id,
          uid = excluded.uid, user_code = excluded.user_code, expires_at = excluded.expires_at`,
      [this.model, id, payload, payload.grantId ?? null, payload.uid ?? null, payload.userCode ?? null,
        expiresIn ?? null]);
    }

    find(id) {
      return one('find', `${FOUND} and id = $2`, [this.model, id]);
    }

    findByUid(uid) {
      return one('find_by_uid', `${FOUND} and uid = $2`, [this.model, uid]);
    }

    findByUserCode(userCode) {
      return one('find_by_user_code', `${FOUND} and user_code = $2`, [this.model, userCode]);
    }

    async consume(id) {
      await run('consume', 'update stored set consumed_at = now() where model = $1 and id = $2', [this.model, id]);
    }

    async destroy(id) {
      await run('destroy', 'delete from stored where model = $1 and id = $2', [this.model, id]);
    }

    async revokeByGrantId(grantId) {
      await run('revoke', 'delete from stored where model = $1 and grant_id = $2', [this.model, grantId]);
    }
  };
}
