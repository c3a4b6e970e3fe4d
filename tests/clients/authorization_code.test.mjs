// Needs a running `hilum dev` and HILUM_FIXTURES, the path of its fixtures.json: `npm ci && npm test`.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import * as oidc from 'openid-client';
import { registered, selfOf } from './admin.mjs';
import { SCOPE, requestOf } from './app.mjs';
import { Browser, answerTo } from './browser.mjs';
import {
  fixture, fixtures, hangUp, introspect, person, refusal, scopes, verified, verifiedIdToken,
} from './peer.mjs';

after(hangUp);

/** Pat's own browser, signed in by whichever test comes first. */
const pats = new Browser();

/** One whole authorization; every scope is put before the person, whatever was consented to before. */
async function grantOf(name, { browser = pats, more, checks, ...choices } = {}) {
  const asked = await requestOf(name, { prompt: 'consent', ...more });
  const { callback, shown } = await answerTo(asked.url, browser, choices);
  return { ...asked, shown, tokens: await asked.redeem(callback, checks) };
}

/** What every answer of the token endpoint to these apps keeps to (SMART App Launch 2.2). */
function isForRivera(tokens, scope = SCOPE) {
  assert.equal(tokens.token_type, 'bearer');
  assert.equal(tokens.expires_in, 900);
  assert.deepEqual(scopes(tokens.scope), scopes(scope));
  assert.equal(tokens.patient, 'rivera');
}

/** OpenID Connect Core, 3.1.3.6: the left half of the hash that the algorithm's name gives. */
function atHash(accessToken) {
  return createHash('sha256').update(accessToken).digest().subarray(0, 16).toString('base64url');
}

for (const name of ['app-public', 'app-secret', 'app-asymmetric']) {
  const { client_id: clientId } = fixture(name);

  test(`${name} is told in which patient's context it runs, and for how long`, async () => {
    const { tokens, shown } = await grantOf(name);

    assert.ok(shown.includes('decision'), 'the person was asked for consent');
    isForRivera(tokens);
    assert.equal(typeof tokens.refresh_token, 'string');
  });

  test(`${name} is told who signed in, in an id token for itself`, async () => {
    const { tokens, nonce } = await grantOf(name);

    const { header, claims } = await verifiedIdToken(tokens.id_token, clientId);
    assert.equal(header.alg, 'RS256');
    assert.equal(claims.iss, fixtures.issuer);
    assert.equal(claims.aud, clientId);
    assert.match(claims.sub, /^[!-~]{1,255}$/);
    assert.equal(claims.nonce, nonce);
    assert.equal(claims.at_hash, atHash(tokens.access_token));
    assert.equal(claims.exp - claims.iat, 300);
    assert.ok(Number.isInteger(claims.auth_time) && claims.auth_time <= claims.iat, `${claims.auth_time}`);
    const { protocol, pathname } = new URL(claims.fhirUser);
    assert.equal(protocol, 'https:');
    assert.ok(pathname.endsWith(`/${person('pat.rivera').fhirUser}`), pathname);
  });

  test(`${name} is granted an access token for the FHIR server and the patient in context`, async () => {
    const { tokens } = await grantOf(name);

    const { header, claims } = await verified(tokens.access_token);
    assert.equal(header.typ, 'at+jwt');
    assert.equal(header.alg, 'ES256');
    assert.deepEqual([claims.aud].flat(), [fixtures.fhir]);
    assert.equal(claims.client_id, clientId);
    assert.equal(claims.sub, tokens.claims().sub);
    assert.deepEqual(scopes(claims.scope), scopes(SCOPE));
    assert.equal(claims.patient, 'rivera');
    assert.equal(claims.exp - claims.iat, 900);

    const told = await introspect(tokens.access_token);
    assert.equal(told.active, true);
    assert.equal(told.patient, 'rivera');
    assert.equal(told.client_id, clientId);
  });

  test(`${name} reads at userinfo of the person that the id token names`, async () => {
    const { config, tokens } = await grantOf(name);
    const { sub, fhirUser } = tokens.claims();

    const told = await oidc.fetchUserInfo(config, tokens.access_token, sub);

    assert.equal(told.sub, sub);
    assert.equal(told.fhirUser, fhirUser);
  });

  test(`${name} refreshes: another refresh token, the same context, the same sign-in`, async () => {
    const { config, tokens: first, nonce } = await grantOf(name);

    const second = await oidc.refreshTokenGrant(config, first.refresh_token);

    isForRivera(second);
    assert.notEqual(second.refresh_token, first.refresh_token);
    assert.notEqual(second.access_token, first.access_token);
    const { claims } = await verifiedIdToken(second.id_token, clientId);
    for (const kept of ['iss', 'sub', 'aud', 'auth_time', 'fhirUser']) {
      assert.deepEqual(claims[kept], first.claims()[kept], kept);
    }
    assert.equal(claims.at_hash, atHash(second.access_token));
    // OpenID Connect Core, 12.2: none, or the one of the request.
    assert.ok([undefined, nonce].includes(claims.nonce), claims.nonce);
  });

  test(`${name} narrows one access token at refresh, not the grant, and never widens it`, async () => {
    const { config, tokens: first } = await grantOf(name);
    const less = 'launch/patient patient/Patient.rs openid';

    const second = await oidc.refreshTokenGrant(config, first.refresh_token, { scope: less });

    isForRivera(second, less);
    const { claims } = await verified(second.access_token);
    assert.deepEqual(scopes(claims.scope), scopes(less));

    for (const more of ['patient/Patient.cruds', 'patient/Encounter.rs', 'user/Patient.rs', 'system/Patient.rs']) {
      const widening = oidc.refreshTokenGrant(config, second.refresh_token, { scope: `${less} ${more}` });
      const { status, error } = await refusal(widening);
      assert.deepEqual([status, error], [400, 'invalid_scope'], more);
    }

    isForRivera(await oidc.refreshTokenGrant(config, second.refresh_token));
  });

  test(`${name} revokes its refresh token, and with it all that came of the grant`, async () => {
    const { config, tokens } = await grantOf(name);
    assert.equal((await introspect(tokens.access_token)).active, true);

    await oidc.tokenRevocation(config, tokens.refresh_token);

    const { status, error } = await refusal(oidc.refreshTokenGrant(config, tokens.refresh_token));
    assert.deepEqual([status, error], [400, 'invalid_grant']);
    assert.deepEqual(await introspect(tokens.access_token), { active: false });
  });

  test(`a refresh token of ${name} that was used and replaced ends the grant when it is used again`, async () => {
    const { config, tokens: first } = await grantOf(name);
    const second = await oidc.refreshTokenGrant(config, first.refresh_token);
    let newest = second;
    if (fixture(name).method !== 'none') {
      // A lost answer may be asked for again, until its refresh token is used: the same one returns.
      const again = await oidc.refreshTokenGrant(config, first.refresh_token);
      assert.equal(again.refresh_token, second.refresh_token);
      newest = await oidc.refreshTokenGrant(config, second.refresh_token);
    }

    for (const spent of [first, newest]) {
      const { status, error } = await refusal(oidc.refreshTokenGrant(config, spent.refresh_token));
      assert.deepEqual([status, error], [400, 'invalid_grant']);
    }
    for (const { access_token: token } of [first, second, newest]) {
      assert.deepEqual(await introspect(token), { active: false });
    }
  });

  test(`${name} is told that the person said no`, async () => {
    const { url, state, redeem } = await requestOf(name, { prompt: 'consent' });

    const { callback } = await answerTo(url, pats, { decision: 'deny' });

    const answer = Object.fromEntries(callback.searchParams);
    assert.equal(answer.error, 'access_denied');
    assert.equal(answer.state, state);
    assert.equal(answer.iss, fixtures.issuer);
    assert.ok(!('code' in answer), 'no code where consent was denied');
    await assert.rejects(redeem(callback), (refused) => {
      assert.ok(refused instanceof oidc.AuthorizationResponseError, refused);
      return refused.error === 'access_denied';
    });
  });

  test(`${name} is granted what the person left of its scopes, and told so`, async () => {
    const without = 'patient/Patient.rs';

    const { tokens } = await grantOf(name, { without: [without] });

    isForRivera(tokens, SCOPE.replace(` ${without}`, ''));
    const { claims } = await verified(tokens.access_token);
    assert.deepEqual(scopes(claims.scope), scopes(tokens.scope));
  });
}

test('prompt=none for somebody who is not signed in is answered login_required, without a page', async () => {
  const { url, state } = await requestOf('app-secret', { prompt: 'none' });

  const { callback, shown } = await answerTo(url, new Browser());

  assert.deepEqual(shown, []);
  const { error, iss, ...others } = Object.fromEntries(callback.searchParams);
  assert.equal(error, 'login_required');
  assert.equal(iss, fixtures.issuer);
  assert.equal(others.state, state);
  assert.ok(!('code' in others), 'no code where nobody signed in');
});

test('prompt=none for somebody who has signed in and consented is answered with a code', async () => {
  const one = await registered({ fhirUser: 'Patient/haddad', patients: [selfOf('haddad')] });
  const browser = new Browser();
  const before = await grantOf('app-secret', { browser, as: one });

  const now = await grantOf('app-secret', { browser, more: { prompt: 'none' } });

  assert.deepEqual(now.shown, []);
  assert.deepEqual(scopes(now.tokens.scope), scopes(SCOPE));
  assert.equal(now.tokens.patient, 'haddad');
  assert.equal(now.tokens.claims().sub, before.tokens.claims().sub);
  assert.equal(now.tokens.claims().auth_time, before.tokens.claims().auth_time);
});

test('prompt=none where a patient has to be chosen is answered interaction_required, without a page', async () => {
  await grantOf('app-secret');
  const { url, state } = await requestOf('app-secret', { prompt: 'none' });

  const { callback, shown } = await answerTo(url, pats);

  assert.deepEqual(shown, []);
  const { error, iss, ...others } = Object.fromEntries(callback.searchParams);
  assert.equal(error, 'interaction_required');
  assert.equal(iss, fixtures.issuer);
  assert.equal(others.state, state);
  assert.ok(!('code' in others), 'no code where nobody chose');
});

for (const [asked, more, checks] of [
  ['prompt=login', { prompt: 'login' }, {}],
  ['max_age=0', { prompt: undefined, max_age: '0' }, { maxAge: 0 }],
]) {
  test(`${asked} has somebody sign in again who is signed in`, async () => {
    const browser = new Browser();
    const before = (await grantOf('app-secret', { browser })).tokens.claims();
    await secondAfter(before.auth_time);

    const { tokens, shown } = await grantOf('app-secret', { browser, more, checks });

    assert.ok(shown.includes('password'), `the pages shown were ${shown}`);
    assert.ok(tokens.claims().auth_time > before.auth_time);
    assert.equal(tokens.claims().sub, before.sub);
  });
}

/** `auth_time` counts whole seconds, so two sign-ins within one could not be told apart. */
async function secondAfter(time) {
  while (Date.now() < (time + 1) * 1000) await setTimeout(20);
}
