// Needs a running `hilum dev` and HILUM_FIXTURES, the path of its fixtures.json: `npm ci && npm test`.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import * as oidc from 'openid-client';
import { fetch } from 'undici';
import { Browser, answerTo } from './browser.mjs';
import { agentOf, fixtures, grantTo, hangUp, issuer, scopes } from './peer.mjs';

after(hangUp);

const CALLBACK = 'http://127.0.0.1/cb';
const SCOPE = 'openid launch/patient patient/Patient.rs offline_access';

/** The connections of whoever is not registered yet. */
const fetchAsAnybody = (url, options) => fetch(url, { ...options, dispatcher: agentOf('nobody') });

/** The leave of an administrator to register so many clients. */
async function invited(registrations = 1) {
  const { access_token: token } = await grantTo('admin-cli', 'admin/clients.write');
  const answer = await fetch(new URL('/admin/v1/initial-access-tokens', fixtures.mtls), {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ organization: 'Demonstration', scope: SCOPE, resources: [fixtures.fhir], registrations }),
    dispatcher: agentOf('admin-cli'),
  });
  const told = await answer.json();
  if (answer.status !== 201) throw new Error(`no leave: ${answer.status} ${JSON.stringify(told)}`);
  return told.token;
}

function register(metadata, initialAccessToken) {
  const usual = { client_name: 'Registered Chart', redirect_uris: [CALLBACK], grant_types: ['authorization_code', 'refresh_token'] };
  return oidc.dynamicClientRegistration(issuer, { ...usual, ...metadata }, undefined, {
    initialAccessToken,
    [oidc.customFetch]: fetchAsAnybody,
  });
}

/** What a client asks of its own registration. */
async function own(client, method, body) {
  const answer = await fetchAsAnybody(client.registration_client_uri, {
    method,
    headers: {
      authorization: `Bearer ${client.registration_access_token}`,
      ...(body && { 'content-type': 'application/json' }),
    },
    body: body && JSON.stringify(body),
  });
  return { status: answer.status, told: answer.status === 204 ? null : await answer.json() };
}

test('nobody registers without leave', async () => {
  await assert.rejects(register({}), (error) => {
    assert.ok(error instanceof oidc.WWWAuthenticateChallengeError, `${error}`);
    assert.equal(error.status, 401);
    return true;
  });
});

test('a client that registered itself signs people in, looks after its registration, and ends it', async () => {
  // What openid-client does unless it is told otherwise; unless it is registered, HTTP Basic would be (RFC 7591, 2).
  const method = 'client_secret_post';
  const asked = { scope: SCOPE, software_id: 'chart', token_endpoint_auth_method: method };
  const config = await register(asked, await invited());
  const client = config.clientMetadata();
  assert.equal(client.token_endpoint_auth_method, method);
  assert.equal(client.software_id, 'chart');
  assert.deepEqual(client.response_types, ['code']);

  const verifier = oidc.randomPKCECodeVerifier();
  const state = oidc.randomState();
  const url = oidc.buildAuthorizationUrl(config, {
    redirect_uri: CALLBACK, scope: SCOPE, aud: fixtures.fhir, state,
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
  });
  const { callback, shown } = await answerTo(url, new Browser());
  assert.ok(shown.includes('decision'), 'the person was asked for consent');
  const checks = { pkceCodeVerifier: verifier, expectedState: state, idTokenExpected: true };
  const tokens = await oidc.authorizationCodeGrant(config, callback, checks);
  assert.deepEqual(scopes(tokens.scope), scopes(SCOPE));

  const read = await own(client, 'GET');
  assert.equal(read.status, 200);
  assert.equal(read.told.client_id, client.client_id);
  assert.ok(!('client_secret' in read.told), 'a secret is shown once');
  const { client_id, client_name, redirect_uris, grant_types, scope, token_endpoint_auth_method } = read.told;
  const whole = { client_id, client_name, redirect_uris, grant_types, scope, token_endpoint_auth_method };
  const weaker = await own(client, 'PUT', { ...whole, token_endpoint_auth_method: 'none' });
  assert.equal(weaker.status, 400);
  assert.equal(weaker.told.error, 'invalid_client_metadata');
  const renamed = await own(client, 'PUT', { ...whole, client_name: 'Renamed Chart' });
  assert.equal(renamed.status, 200);
  assert.equal(renamed.told.client_name, 'Renamed Chart');

  await oidc.refreshTokenGrant(config, tokens.refresh_token);
  assert.equal((await own(client, 'DELETE')).status, 204);
  await assert.rejects(oidc.refreshTokenGrant(config, tokens.refresh_token), (error) => error.status === 401);
  assert.equal((await own(client, 'GET')).status, 401);
});

test('what cannot be registered is named', async () => {
  const token = await invited();
  for (const [metadata, error, member] of [
    [{ redirect_uris: ['https://app.example/*'] }, 'invalid_redirect_uri', 'redirect_uris[0]'],
    [{ response_types: ['code id_token'] }, 'invalid_client_metadata', 'response_types'],
    [{ logo_uri: 'javascript:alert(1)' }, 'invalid_client_metadata', 'logo_uri'],
  ]) {
    await assert.rejects(register(metadata, token), (refused) => {
      assert.equal(refused.error, error);
      assert.ok(refused.error_description.startsWith(`${member}: `), refused.error_description);
      return true;
    });
  }
});
