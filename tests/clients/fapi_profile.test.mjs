// Needs a running `hilum dev` and HILUM_FIXTURES, the path of its fixtures.json: `npm ci && npm test`.
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { after, test } from 'node:test';
import * as jose from 'jose';
import * as oidc from 'openid-client';
import { Browser } from './browser.mjs';
import { agreed, answersOf, asking, clientOf, configOf, pushSigned } from './fapi.mjs';
import { confirmationOf, fixture, fixtures, hangUp, introspect, pem, refusal, verified } from './peer.mjs';

after(hangUp);

/** A client of FAPI 2.0 that signs all it says, by this algorithm, and is answered by it. */
function signing(algorithm) {
  return clientOf({
    profile: 'fapi2',
    dpop_bound_access_tokens: true,
    require_signed_request_object: true,
    request_object_signing_alg: algorithm,
    token_endpoint_auth_signing_alg: algorithm,
    authorization_signed_response_alg: algorithm,
    id_token_signed_response_alg: algorithm,
    userinfo_signed_response_alg: algorithm,
  }, { algorithm });
}

async function isRefused(answer, status, error) {
  const told = await refusal(answer);
  assert.deepEqual([told.status, told.error], [status, error]);
}

for (const algorithm of ['ES256', 'PS256']) {
  test(`a FAPI 2.0 client that signs by ${algorithm} goes all the way, and its refresh token stays`, async () => {
    const client = await signing(algorithm);
    const { config } = client;
    oidc.useJwtResponseMode(config);
    const DPoP = oidc.getDPoPHandle(config, await oidc.randomDPoPKeyPair(algorithm));
    const { parameters, redeem } = await asking(client);

    const url = await pushSigned(client, parameters, { DPoP });
    assert.deepEqual(answersOf(client, '/oauth2/par'), ['use_dpop_nonce', 201]);
    const callback = await agreed(url);
    assert.deepEqual([...callback.searchParams.keys()], ['response']);
    assert.equal(jose.decodeProtectedHeader(callback.searchParams.get('response')).alg, algorithm);
    const tokens = await redeem(callback, { DPoP });
    assert.deepEqual([tokens.token_type, tokens.patient], ['dpop', 'rivera']);
    assert.equal(jose.decodeProtectedHeader(tokens.id_token).alg, algorithm);
    const { claims } = await verified(tokens.access_token);
    assert.deepEqual(claims.cnf, { jkt: await DPoP.calculateThumbprint() });
    const told = await oidc.fetchUserInfo(config, tokens.access_token, tokens.claims().sub, { DPoP });
    assert.equal(told.fhirUser, `${fixtures.fhir}/Patient/rivera`);
    await isRefused(oidc.fetchUserInfo(config, tokens.access_token, tokens.claims().sub), 401, 'invalid_token');

    for (let round = 0; round < 3; round += 1) {
      const next = await oidc.refreshTokenGrant(config, tokens.refresh_token, undefined, { DPoP });
      assert.equal(next.refresh_token ?? tokens.refresh_token, tokens.refresh_token);
      assert.equal((await introspect(next.access_token)).active, true);
    }
    assert.deepEqual(answersOf(client, '/oauth2/token'), [200, 200, 200, 200]);
  });
}

test('a FAPI 2.0 client must push, sign, and be named by the issuer', async () => {
  const client = await signing('ES256');
  const { config, key } = client;
  oidc.useJwtResponseMode(config);
  const { parameters, redeem } = await asking(client);

  await isRefused(oidc.buildAuthorizationUrlWithPAR(config, parameters), 400, 'invalid_request');
  const unpushed = await oidc.buildAuthorizationUrlWithJAR(config, parameters, key);
  const callback = await new Browser().visit(unpushed);
  assert.ok(callback instanceof URL, callback.text);
  assert.deepEqual([...callback.searchParams.keys()], ['response'], 'it is told nothing unsigned');
  await assert.rejects(redeem(callback), ({ error, cause }) => (error ?? cause?.get?.('error')) === 'invalid_request');
  const audience = config.serverMetadata().token_endpoint;
  const elsewhere = await configOf(client.told, oidc.PrivateKeyJwt(key, {
    [oidc.modifyAssertion]: (_header, payload) => { payload.aud = audience; },
  }));
  await isRefused(pushSigned({ config: elsewhere, key }, parameters), 401, 'invalid_client');
});

test('a FAPI 2.0 client without a proof gets no token', async () => {
  const client = await signing('ES256');
  oidc.useJwtResponseMode(client.config);
  const { parameters, redeem } = await asking(client);
  const callback = await agreed(await pushSigned(client, parameters));

  await isRefused(redeem(callback), 400, 'invalid_request');
});

for (const [name, about] of [
  ['payer-es384', { token_endpoint_auth_method: 'private_key_jwt' }],
  ['payer-mtls', { token_endpoint_auth_method: 'tls_client_auth', tls_client_auth_san_uri: 'https://payer.example/mtls' }],
  ['payer-self-signed', { token_endpoint_auth_method: 'self_signed_tls_client_auth' }],
]) {
  test(`a FAPI 2.0 client of ${about.token_endpoint_auth_method} has its tokens bound to its certificate`, async () => {
    const metadata = { profile: 'fapi2', tls_client_certificate_bound_access_tokens: true, ...about };
    if (name === 'payer-self-signed') metadata.jwks = { keys: [await certificateKey(name)] };
    const keyed = about.token_endpoint_auth_method === 'private_key_jwt';
    const client = await clientOf(metadata, { certificate: name, algorithm: keyed ? 'ES256' : undefined });
    const { config, seen } = client;
    const { parameters, redeem } = await asking(client);

    const url = await oidc.buildAuthorizationUrlWithPAR(config, parameters);
    const { origin } = seen.find(({ path }) => path === '/oauth2/par');
    assert.equal(origin, new URL(fixtures.mtls).origin);
    const tokens = await redeem(await agreed(url));

    assert.deepEqual([tokens.token_type, tokens.patient], ['bearer', 'rivera']);
    assert.deepEqual((await verified(tokens.access_token)).claims.cnf, confirmationOf(name));
    assert.deepEqual((await introspect(tokens.access_token)).cnf, confirmationOf(name));
    const { sub } = tokens.claims();
    assert.equal((await oidc.fetchUserInfo(config, tokens.access_token, sub)).sub, sub);
    for (const certificate of [undefined, 'admin-cli']) {
      const stranger = await configOf(client.told, oidc.None(), { certificate });
      await isRefused(oidc.fetchUserInfo(stranger, tokens.access_token, sub), 401, 'invalid_token');
    }
    for (let round = 0; round < 2; round += 1) {
      const next = await oidc.refreshTokenGrant(config, tokens.refresh_token);
      assert.equal(next.refresh_token ?? tokens.refresh_token, tokens.refresh_token);
      assert.deepEqual((await verified(next.access_token)).claims.cnf, confirmationOf(name));
    }
  });
}

/** What is registered of a certificate that nobody else has signed (RFC 8705, 2.2.2). */
async function certificateKey(name) {
  const { publicKey, raw } = new X509Certificate(pem(fixture(name).certificate));
  return { ...(await jose.exportJWK(publicKey)), kid: name, x5c: [raw.toString('base64')] };
}
