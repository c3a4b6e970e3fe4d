// Needs a running `hilum dev` and HILUM_FIXTURES, the path of its fixtures.json: `npm ci && npm test`.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import * as oidc from 'openid-client';
import { requestOf } from './app.mjs';
import { Browser, answerTo } from './browser.mjs';
import { discoverAs, fixture, grantTo, hangUp, introspect, refusal, scopes, verified } from './peer.mjs';

after(hangUp);

const GRANT = 'urn:ietf:params:oauth:grant-type:token-exchange';
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';
const { client_id: service } = fixture('crd-service');

/** What the CRD service is given for a token that a hook has handed it (RFC 8693, 2.1). */
async function exchange(token, more = {}) {
  const parameters = { subject_token: token, subject_token_type: ACCESS_TOKEN, ...more };
  return oidc.genericGrantRequest(await discoverAs('crd-service'), GRANT, parameters);
}

/** Refused with 400 and this error (RFC 6749, 5.2). */
async function isRefused(answer, expected) {
  const { status, error } = await refusal(answer);
  assert.deepEqual([status, error], [400, expected]);
}

/** A person's token, as an EHR would hand it over with a hook. */
async function hookToken() {
  const { url, redeem } = await requestOf('app-asymmetric', { prompt: 'consent' });
  const { callback } = await answerTo(url, new Browser());
  return redeem(callback);
}

test('the metadata name the grant', async () => {
  const { grant_types_supported: grants } = (await discoverAs('crd-service')).serverMetadata();

  assert.ok(grants.includes(GRANT) && grants.includes('urn:ietf:params:oauth:grant-type:jwt-bearer'));
});

test('a hook\'s token is exchanged for a narrower and shorter one of the same person and patient', async () => {
  const hook = await hookToken();
  const before = (await verified(hook.access_token)).claims;

  const tokens = await exchange(hook.access_token, { scope: 'patient/Observation.r' });

  assert.equal(tokens.issued_token_type, ACCESS_TOKEN);
  assert.equal(tokens.token_type, 'bearer');
  assert.equal(tokens.scope, 'patient/Observation.r');
  assert.ok(tokens.expires_in > 0 && tokens.expires_in <= 60, `expires_in is ${tokens.expires_in}`);
  assert.ok(!('refresh_token' in tokens) && !('id_token' in tokens));
  const { claims } = await verified(tokens.access_token);
  assert.deepEqual([claims.sub, claims.patient], [before.sub, 'rivera']);
  assert.equal(claims.client_id, service);
  assert.deepEqual(claims.act, { sub: service, act: { sub: before.client_id } });
  assert.ok(claims.exp <= before.exp);
  const told = await introspect(tokens.access_token);
  assert.equal(told.active, true);
  assert.deepEqual(told.act, claims.act);
});

test('once the hook\'s token is revoked, what it was exchanged for is dead too', async () => {
  const hook = await hookToken();
  const { access_token: token } = await exchange(hook.access_token);
  assert.equal((await introspect(token)).active, true);

  await oidc.tokenRevocation(await discoverAs('app-asymmetric'), hook.access_token);

  assert.deepEqual(await introspect(token), { active: false });
});

test('a system\'s token stays that system\'s', async () => {
  const { access_token: token } = await grantTo('payer-rs384', 'system/Patient.rs system/Coverage.rs');

  const tokens = await exchange(token);

  assert.deepEqual(scopes(tokens.scope), scopes('system/Patient.rs system/Coverage.rs'));
  const { claims } = await verified(tokens.access_token);
  assert.equal(claims.sub, fixture('payer-rs384').client_id);
  assert.deepEqual(claims.act, { sub: service });
});

for (const [name, more, error] of [
  ['a wider scope', { scope: 'system/Patient.cruds' }, 'invalid_scope'],
  ['another resource server', { resource: 'https://elsewhere.example/fhir' }, 'invalid_target'],
  ['another subject', { requested_subject: 'pat' }, 'invalid_request'],
  ['another type of token', { requested_token_type: 'urn:ietf:params:oauth:token-type:id_token' }, 'invalid_request'],
  ['a token said to be of another type', { subject_token_type: 'urn:ietf:params:oauth:token-type:id_token' }, 'invalid_request'],
]) {
  test(`${name} is refused with ${error}`, async () => {
    const { access_token: token } = await grantTo('payer-rs384', 'system/Patient.rs');

    await isRefused(exchange(token, more), error);
  });
}

test('a bound token is not exchanged for one that anybody could use', async () => {
  const { access_token: token } = await grantTo('payer-es384', 'system/Patient.rs');

  await isRefused(exchange(token), 'invalid_request');
});

test('what is no token is refused with invalid_request', async () => {
  await isRefused(exchange('garbage'), 'invalid_request');
});
