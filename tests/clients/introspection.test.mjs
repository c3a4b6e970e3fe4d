// Needs a running `hilum dev` and HILUM_FIXTURES, the path of its fixtures.json: `npm ci && npm test`.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import * as oidc from 'openid-client';
import {
  confirmationOf, discoverAs, fixture, grantTo, hangUp, introspect, scopes, verified,
} from './peer.mjs';

after(hangUp);

test('the FHIR server is told scope, client, expiry and confirmation of a bound token', async () => {
  const { client_id: clientId, scope } = fixture('payer-es384');
  const tokens = await grantTo('payer-es384', scope);

  const told = await introspect(tokens.access_token);

  const { claims } = await verified(tokens.access_token);
  assert.equal(told.active, true);
  assert.deepEqual(scopes(told.scope), scopes(tokens.scope));
  assert.equal(told.client_id, clientId);
  assert.equal(told.exp, claims.exp);
  assert.deepEqual(told.cnf, confirmationOf('payer-es384'));
});

test('a token that is none is inactive, and nothing else is said of it', async () => {
  assert.deepEqual(await introspect('garbage'), { active: false });
});

test('a token revoked by the client that owns it is inactive at once', async () => {
  const owner = await discoverAs('payer-es384');
  const { access_token: token } = await grantTo('payer-es384', fixture('payer-es384').scope);
  assert.equal((await introspect(token)).active, true);

  await oidc.tokenRevocation(owner, token);

  assert.deepEqual(await introspect(token), { active: false });
});
