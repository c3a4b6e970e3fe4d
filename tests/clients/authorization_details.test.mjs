// Needs a running `hilum dev` and HILUM_FIXTURES, the path of its fixtures.json: `npm ci && npm test`.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, test } from 'node:test';
import * as oidc from 'openid-client';
import { fetch } from 'undici';
import { Browser } from './browser.mjs';
import { agreed, asking, clientOf } from './fapi.mjs';
import { agentOf, discoverAs, fixtures, grantTo, hangUp, introspect, issuer, refusal, verified } from './peer.mjs';

after(hangUp);

const TYPES = { authorization_details_types: ['prior_authorization'] };

/** One request for prior authorization, of an order that no other test has. */
const requestFor = (patient, more) => ({
  type: 'prior_authorization',
  patient,
  coverage: 'Coverage/c-1',
  order: `ServiceRequest/${randomUUID()}`,
  actions: ['$submit', '$inquire'],
  ...more,
});

const said = (...details) => ({ authorization_details: JSON.stringify(details) });

/** What a back-end is given for these details, with the scope beside them. */
async function grantedFor(scope, ...details) {
  const config = await discoverAs('payer-es384');
  return oidc.clientCredentialsGrant(config, { ...(scope && { scope }), ...said(...details) });
}

/** The payer's FHIR server reports a decision. */
async function decide({ patient, order }) {
  const { access_token: token } = await grantTo('fhir-server', 'authorization_decision.write');
  const answer = await fetch(new URL('/authorization-decisions', issuer), {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ type: 'prior_authorization', patient, order }),
    dispatcher: agentOf('fhir-server'),
  });
  assert.equal(answer.status, 204, await answer.text());
}

async function isRefused(answer) {
  const { status, error } = await refusal(answer);
  assert.deepEqual([status, error], [400, 'invalid_authorization_details']);
}

/** What the answer, the access token and the introspection say was granted: the same. */
async function detailsOf(tokens) {
  const { authorization_details: granted } = tokens;
  assert.deepEqual((await verified(tokens.access_token)).claims.authorization_details, granted);
  const told = await introspect(tokens.access_token);
  assert.equal(told.active, true);
  assert.deepEqual(told.authorization_details, granted);
  return granted;
}

test('the metadata name the type', async () => {
  const metadata = (await discoverAs('payer-es384')).serverMetadata();

  assert.ok(metadata.authorization_details_types_supported.includes('prior_authorization'));
});

for (const scope of [undefined, 'system/Claim.cruds']) {
  test(`a back-end is granted a detail ${scope ? 'beside' : 'without'} scopes until it is decided`, async () => {
    const [detail, other] = [requestFor('p-7'), requestFor('p-7', { actions: ['$inquire'] })];
    const tokens = await grantedFor(scope, detail, other);
    assert.deepEqual(await detailsOf(tokens), [detail, other]);

    await decide(detail);

    const left = await introspect(tokens.access_token);
    assert.deepEqual(left.authorization_details, [other]);
    await isRefused(grantedFor(scope, detail));
    await decide(other);
    const nothing = await introspect(tokens.access_token);
    assert.equal(nothing.authorization_details, undefined);
    assert.equal(nothing.active, Boolean(scope), 'a token for nothing is dead');
  });
}

for (const [called, pushed] of [['in the browser', false], ['pushed', true]]) {
  test(`a person's app asks for a detail ${called}, has it, and keeps it until it is decided`, async () => {
    const client = await clientOf(TYPES, { algorithm: 'ES384' });
    const { config } = client;
    const detail = requestFor('rivera');
    const { parameters, redeem } = await asking(client, said(detail));
    const url = pushed
      ? await oidc.buildAuthorizationUrlWithPAR(config, parameters)
      : oidc.buildAuthorizationUrl(config, parameters);

    const tokens = await redeem(await agreed(url));
    assert.equal(tokens.patient, 'rivera');
    assert.deepEqual(await detailsOf(tokens), [detail]);
    const less = { ...detail, actions: ['$inquire'] };
    const narrowed = await oidc.refreshTokenGrant(config, tokens.refresh_token, said(less));
    assert.deepEqual(await detailsOf(narrowed), [less]);
    const whole = await oidc.refreshTokenGrant(config, narrowed.refresh_token);
    assert.deepEqual(await detailsOf(whole), [detail]);
    await isRefused(oidc.refreshTokenGrant(config, whole.refresh_token, said(requestFor('rivera'))));

    await decide(detail);

    const told = await introspect(whole.access_token);
    assert.deepEqual([told.active, told.authorization_details], [true, undefined]);
    const after = await oidc.refreshTokenGrant(config, whole.refresh_token);
    assert.equal(after.authorization_details, undefined);
    assert.equal((await verified(after.access_token)).claims.authorization_details, undefined);
  });
}

test('a detail is signed as a list in a request object', async () => {
  const client = await clientOf({ ...TYPES, require_signed_request_object: true }, { algorithm: 'ES256' });
  const detail = requestFor('rivera');
  const { parameters, redeem } = await asking(client, said(detail));

  const url = await oidc.buildAuthorizationUrlWithJAR(client.config, parameters, client.key);

  assert.deepEqual(await detailsOf(await redeem(await agreed(url))), [detail]);
});

for (const [called, details] of [
  ['an unknown type', [{ type: 'notes' }]],
  ['a detail without a patient', [requestFor('rivera', { patient: undefined })]],
  ['a member that nobody knows', [requestFor('rivera', { amount: 5 })]],
  ['no detail at all', []],
]) {
  test(`${called} is refused with invalid_authorization_details wherever it is asked for`, async () => {
    const client = await clientOf(TYPES, { algorithm: 'ES256' });
    const { config } = client;
    const { parameters, redeem } = await asking(client, said(...details));

    await isRefused(grantedFor('system/Claim.cruds', ...details));
    await isRefused(oidc.buildAuthorizationUrlWithPAR(config, parameters));
    const callback = await new Browser().visit(oidc.buildAuthorizationUrl(config, parameters));
    assert.ok(callback instanceof URL, callback.text);
    await assert.rejects(redeem(callback), ({ error }) => error === 'invalid_authorization_details');
  });
}

test('a client that is not registered for a type is refused it', async () => {
  const client = await clientOf({}, { algorithm: 'ES256' });
  const { parameters } = await asking(client, said(requestFor('rivera')));

  await isRefused(oidc.buildAuthorizationUrlWithPAR(client.config, parameters));
});

test('details are about one patient, whom the person may act for', async () => {
  const client = await clientOf(TYPES, { algorithm: 'ES256' });
  const { config } = client;
  const two = await asking(client, said(requestFor('rivera'), requestFor('rivera-child')));
  await isRefused(oidc.buildAuthorizationUrlWithPAR(config, two.parameters));

  const { parameters, redeem } = await asking(client, said(requestFor('nguyen')));
  const callback = await agreed(oidc.buildAuthorizationUrl(config, parameters));
  await assert.rejects(redeem(callback), ({ error }) => error === 'access_denied');
});
