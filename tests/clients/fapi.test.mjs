// Needs a running `hilum dev` and HILUM_FIXTURES, the path of its fixtures.json: `npm ci && npm test`.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import * as jose from 'jose';
import * as oidc from 'openid-client';
import { Browser, Page } from './browser.mjs';
import { agreed, answersOf, asking, clientOf, configOf, keyOf, pushSigned } from './fapi.mjs';
import { fixtures, hangUp, introspect, refusal, verified } from './peer.mjs';

after(hangUp);

const [PAR, TOKEN, USERINFO] = ['/oauth2/par', '/oauth2/token', '/oauth2/userinfo'];
const PATIENT = new URL(`${fixtures.fhir}/Patient/rivera`);

/** What a FHIR server says of the patient, and with which status. */
async function readPatient({ config }, token, options) {
  const answer = await oidc.fetchProtectedResource(config, token, PATIENT, 'GET', null, new Headers(), options);
  return { status: answer.status, body: await answer.json() };
}

/** Refused with this status and error. */
async function isRefused(answer, status, error) {
  const told = await refusal(answer);
  assert.deepEqual([told.status, told.error], [status, error]);
  return told;
}

/** Refused in the answer that the browser brings. */
async function isRefusedAt(url, redeem, error) {
  const callback = await new Browser().visit(url);
  assert.ok(callback instanceof URL, `a page: ${callback.text}`);
  await assert.rejects(redeem(callback), (refused) => {
    assert.equal(refused.error, error);
    return true;
  });
}

for (const [called, algorithm] of [['a public app', undefined], ['an app with a key', 'ES384']]) {
  test(`${called} pushes its request, and no more than a name for it passes through the browser`, async () => {
    const client = await clientOf({ require_pushed_authorization_requests: true }, { algorithm });
    const { parameters, redeem } = await asking(client);

    const url = await oidc.buildAuthorizationUrlWithPAR(client.config, parameters);

    assert.deepEqual(answersOf(client, PAR), [201]);
    assert.deepEqual([...url.searchParams.keys()].sort(), ['client_id', 'request_uri']);
    assert.match(url.searchParams.get('request_uri'), /^urn:ietf:params:oauth:request_uri:./);
    const tokens = await redeem(await agreed(url));
    assert.equal(tokens.patient, 'rivera');
    const again = await new Browser().visit(url);
    assert.ok(again instanceof Page, 'a name for a request is good once');
    assert.equal(again.status, 400);
  });
}

test('an app that pushes is told what is wrong before a browser is sent anywhere', async () => {
  const client = await clientOf({}, { algorithm: 'ES256' });
  const { parameters } = await asking(client);
  const push = (more) => oidc.buildAuthorizationUrlWithPAR(client.config, { ...parameters, ...more });

  await isRefused(push({ redirect_uri: 'https://elsewhere.example/' }), 400, 'invalid_request');
  await isRefused(push({ code_challenge_method: 'plain' }), 400, 'invalid_request');
  await isRefused(push({ scope: 'system/*.cruds' }), 400, 'invalid_scope');
  const config = await configOf(client.told, oidc.PrivateKeyJwt((await keyOf('ES256')).private));
  await isRefused(oidc.buildAuthorizationUrlWithPAR(config, parameters), 401, 'invalid_client');
});

test('a pushed request is opened in the name of its own client alone', async () => {
  const [client, other] = await Promise.all([clientOf(), clientOf()]);
  const { parameters } = await asking(client);
  const url = await oidc.buildAuthorizationUrlWithPAR(client.config, parameters);
  url.searchParams.set('client_id', other.id);

  const page = await new Browser().visit(url);

  assert.ok(page instanceof Page);
  assert.equal(page.status, 400);
});

test('an app that must push is refused in what it does not push', async () => {
  const client = await clientOf({ require_pushed_authorization_requests: true });
  const { parameters, redeem } = await asking(client);

  await isRefusedAt(oidc.buildAuthorizationUrl(client.config, parameters), redeem, 'invalid_request');
});

for (const algorithm of ['ES256', 'PS256', 'RS384', 'EdDSA']) {
  test(`a request signed by ${algorithm} is good in the browser`, async () => {
    const client = await clientOf({ require_signed_request_object: true }, { algorithm });
    const { parameters, redeem } = await asking(client, { max_age: '600' });

    const url = await oidc.buildAuthorizationUrlWithJAR(client.config, parameters, client.key);

    assert.deepEqual([...url.searchParams.keys()].sort(), ['client_id', 'request']);
    const tokens = await redeem(await agreed(url));
    assert.equal(tokens.patient, 'rivera');
  });
}

test('a signed request is pushed, too', async () => {
  const client = await clientOf({ require_signed_request_object: true }, { algorithm: 'ES256' });
  const { parameters, redeem } = await asking(client);

  const url = await pushSigned(client, parameters);

  assert.deepEqual([...url.searchParams.keys()].sort(), ['client_id', 'request_uri']);
  const tokens = await redeem(await agreed(url));
  assert.equal(tokens.patient, 'rivera');
});

test('an app that must sign is refused in what it does not sign, or others did', async () => {
  const client = await clientOf({ require_signed_request_object: true }, { algorithm: 'ES256' });
  const { parameters, redeem } = await asking(client);
  const { private: strange } = await keyOf('ES256');

  await isRefusedAt(oidc.buildAuthorizationUrl(client.config, parameters), redeem, 'invalid_request');
  await isRefused(oidc.buildAuthorizationUrlWithPAR(client.config, parameters), 400, 'invalid_request');
  await isRefused(pushSigned({ ...client, key: strange }, parameters), 400, 'invalid_request_object');
  const forged = await oidc.buildAuthorizationUrlWithJAR(client.config, parameters, strange);
  const page = await new Browser().visit(forged);
  assert.ok(page instanceof Page, 'nobody is sent where a forged request says');
  assert.equal(page.status, 400);
});

for (const [called, algorithm] of [['a public app', undefined], ['an app with a key', 'ES384']]) {
  test(`${called} is told a nonce once, and shows its DPoP proofs from the push to the refresh`, async () => {
    const client = await clientOf({ dpop_bound_access_tokens: true }, { algorithm });
    const DPoP = oidc.getDPoPHandle(client.config, await oidc.randomDPoPKeyPair('ES256'));
    const { parameters, redeem } = await asking(client);

    const url = await oidc.buildAuthorizationUrlWithPAR(client.config, parameters, { DPoP });
    const tokens = await redeem(await agreed(url), { DPoP });
    const told = await oidc.fetchUserInfo(client.config, tokens.access_token, tokens.claims().sub, { DPoP });
    const next = await oidc.refreshTokenGrant(client.config, tokens.refresh_token, undefined, { DPoP });

    assert.deepEqual(answersOf(client, PAR), ['use_dpop_nonce', 201]);
    assert.deepEqual(answersOf(client, TOKEN), [200, 200]);
    assert.deepEqual(answersOf(client, USERINFO), [200]);
    assert.deepEqual([tokens.token_type, next.token_type], ['dpop', 'dpop']);
    assert.equal(told.fhirUser, `${fixtures.fhir}/Patient/rivera`);
    assert.notEqual(next.refresh_token, tokens.refresh_token);
    const jkt = await DPoP.calculateThumbprint();
    for (const { access_token: token } of [tokens, next]) {
      assert.deepEqual((await verified(token)).claims.cnf, { jkt });
      const { active, cnf, token_type: type } = await introspect(token);
      assert.deepEqual([active, cnf, type], [true, { jkt }, 'DPoP']);
    }
  });
}

test('whoever knows no nonce is told one wherever a proof is shown, and nothing is used up by that', async () => {
  const client = await clientOf({ dpop_bound_access_tokens: true });
  const { config } = client;
  const keys = await oidc.randomDPoPKeyPair('ES256');
  const fresh = () => ({ DPoP: oidc.getDPoPHandle(config, keys) });
  const { parameters, redeem } = await asking(client);

  const callback = await agreed(await oidc.buildAuthorizationUrlWithPAR(config, parameters, fresh()));
  const tokens = await redeem(callback, fresh());
  assert.deepEqual(answersOf(client, TOKEN), ['use_dpop_nonce', 200]);
  await oidc.fetchUserInfo(config, tokens.access_token, tokens.claims().sub, fresh());
  assert.deepEqual(answersOf(client, USERINFO), ['use_dpop_nonce', 200]);
  const { status, body } = await readPatient(client, tokens.access_token, fresh());
  assert.deepEqual([status, body.id], [200, 'rivera']);
  assert.deepEqual(answersOf(client, PATIENT.pathname), ['use_dpop_nonce', 200]);
  await oidc.refreshTokenGrant(config, tokens.refresh_token, undefined, fresh());
  assert.deepEqual(answersOf(client, TOKEN), ['use_dpop_nonce', 200]);
});

test('what is bound to a key is good with a proof of that key alone', async () => {
  const client = await clientOf({ dpop_bound_access_tokens: true });
  const { config } = client;
  const handle = async () => ({ DPoP: oidc.getDPoPHandle(config, await oidc.randomDPoPKeyPair('ES256')) });
  const [own, other] = [await handle(), await handle()];
  const { parameters, redeem } = await asking(client);
  const callback = await agreed(await oidc.buildAuthorizationUrlWithPAR(config, parameters, own));

  await isRefused(redeem(callback, other), 400, 'invalid_grant');
  const { access_token: token, refresh_token: refresh, ...told } = await redeem(callback, own);
  const subject = jose.decodeJwt(told.id_token).sub;
  for (const proof of [undefined, other]) {
    const { challenge } = await isRefused(oidc.fetchUserInfo(config, token, subject, proof), 401, 'invalid_token');
    assert.match(challenge, proof ? /^DPoP / : /^Bearer /);
  }
  const { status, challenge } = await refusal(readPatient(client, token));
  assert.equal(status, 401);
  assert.match(challenge, /^Bearer /);
  await isRefused(oidc.refreshTokenGrant(config, refresh), 400, 'invalid_grant');
  await isRefused(oidc.refreshTokenGrant(config, refresh, undefined, other), 400, 'invalid_grant');
  await oidc.refreshTokenGrant(config, refresh, undefined, own);
});
