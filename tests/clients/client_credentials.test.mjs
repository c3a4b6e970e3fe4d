// Needs a running `hilum dev` and HILUM_FIXTURES, the path of its fixtures.json: `npm ci && npm test`.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import * as oidc from 'openid-client';
import {
  confirmationOf, discoverAs, fixture, fixtures, grantTo, hangUp, refusal, scopes, signingKey, verified,
} from './peer.mjs';

after(hangUp);

/** What every token of a back-end system keeps to (SMART Backend Services; RFC 6749, 4.4.3). */
function isSystemToken(tokens, scope) {
  assert.equal(tokens.token_type, 'bearer');
  assert.deepEqual(scopes(tokens.scope), scopes(scope));
  assert.ok(tokens.expires_in > 0 && tokens.expires_in <= 300, `expires_in is ${tokens.expires_in}`);
  assert.ok(!('refresh_token' in tokens), 'client credentials bring no refresh token');
  assert.ok(!('id_token' in tokens), 'client credentials bring no id token');
}

test('a client with a secret is granted its scope by HTTP Basic', async () => {
  isSystemToken(await grantTo('partner-secret', 'capacity.read'), 'capacity.read');
});

test('a wrong secret is refused with 401 invalid_client and a Basic challenge', async () => {
  const { status, error, challenge } = await refusal(
    grantTo('partner-secret', 'capacity.read', { clientAuth: oidc.ClientSecretBasic('not the secret') }),
  );

  assert.equal(status, 401);
  assert.equal(error, 'invalid_client');
  assert.match(challenge ?? '', /^Basic\b/i);
});

test('an ES384 assertion over mutual TLS is granted a token bound to the certificate', async () => {
  const { scope } = fixture('payer-es384');
  const tokens = await grantTo('payer-es384', scope);

  isSystemToken(tokens, scope);
  const { header, claims } = await verified(tokens.access_token);
  assert.equal(header.typ, 'at+jwt');
  assert.equal(header.alg, 'ES256');
  assert.deepEqual(claims.cnf, confirmationOf('payer-es384'));
  assert.deepEqual([claims.aud].flat(), [fixtures.fhir]);
  assert.equal(claims.client_id, fixture('payer-es384').client_id);
});

test('an RS384 assertion over the public listener is granted a token that is not bound', async () => {
  const tokens = await grantTo('payer-rs384', 'system/Patient.rs');

  isSystemToken(tokens, 'system/Patient.rs');
  const { claims } = await verified(tokens.access_token);
  assert.equal(claims.cnf, undefined);
});

test('an assertion whose audience is the token endpoint is accepted', async () => {
  const config = await discoverAs('payer-rs384');
  const audience = config.serverMetadata().token_endpoint;
  const key = await signingKey(fixture('payer-rs384'));

  const tokens = await grantTo('payer-rs384', 'system/Patient.rs', {
    clientAuth: oidc.PrivateKeyJwt(key, {
      [oidc.modifyAssertion]: (_header, payload) => { payload.aud = audience; },
    }),
  });

  isSystemToken(tokens, 'system/Patient.rs');
});

for (const [name, method] of [
  ['payer-mtls', 'tls_client_auth'],
  ['payer-self-signed', 'self_signed_tls_client_auth'],
]) {
  test(`${method} is granted a token bound to the certificate it was shown`, async () => {
    const registered = fixture(name);
    assert.equal(registered.method, method);
    const tokens = await grantTo(name, registered.scope);

    isSystemToken(tokens, registered.scope);
    const { claims } = await verified(tokens.access_token);
    assert.deepEqual(claims.cnf, confirmationOf(name));
  });
}

for (const [name, scope] of [
  ['partner-secret', 'capacity.write'],
  ['payer-rs384', 'system/Patient.d'],
]) {
  test(`${scope} is outside the registration of ${name} and refused with 400 invalid_scope`, async () => {
    const { status, error } = await refusal(grantTo(name, scope));

    assert.equal(status, 400);
    assert.equal(error, 'invalid_scope');
  });
}
