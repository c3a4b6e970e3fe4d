// Needs a running `hilum dev`, HILUM_FIXTURES (the path of its fixtures.json) and CHROMIUM (the path
// of a Chromium): `npm ci && npm test`.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import * as oidc from 'openid-client';
import { fetch } from 'undici';
import { arrival, complaintsOf, launch, pageOf, walkByKeyboard } from './chromium.mjs';
import { agentOf, fixtures, grantTo, hangUp, issuer } from './peer.mjs';

const widths = [320, 1280];

let app, back, browser, callback, config;

before(async () => {
  browser = await launch();
  // The app's own pages, of another site than the server; one of them sends a form.
  app = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url, 'http://app');
    const inputs = [...searchParams].map(([name, value]) => `<input type="hidden" name="${name}" value="${value}">`);
    const form = `<form method="post" action="${new URL('/oauth2/logout', issuer)}">${inputs.join('')}<button>Leave</button></form>`;
    response.setHeader('content-type', 'text/html').end(pathname === '/leave' ? form : 'the app');
  });
  await once(app.listen(0, '127.0.0.1'), 'listening');
  const origin = `http://127.0.0.1:${app.address().port}`;
  [callback, back] = [`${origin}/cb`, `${origin}/signed-out?of=app`];
  const { access_token: token } = await grantTo('admin-cli', 'admin/clients.write');
  const answer = await fetch(new URL('/admin/v1/clients', fixtures.mtls), {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      client_name: 'Step Counter', organization: 'Demonstration', grant_types: ['authorization_code'],
      redirect_uris: [callback], post_logout_redirect_uris: [back], scope: 'openid',
      resources: [fixtures.fhir], token_endpoint_auth_method: 'none',
    }),
    dispatcher: agentOf('admin-cli'),
  });
  const { client_id: client, ...told } = await answer.json();
  assert.equal(answer.status, 201, JSON.stringify(told));
  const others = { [oidc.customFetch]: (url, options) => fetch(url, { ...options, dispatcher: agentOf('anybody') }) };
  config = await oidc.discovery(issuer, client, undefined, oidc.None(), others);
  oidc.enableNonRepudiationChecks(config);
});

after(async () => {
  await browser?.close();
  app?.closeAllConnections();
  app?.close();
  await hangUp();
});

/** A page of a browser in which somebody is signed in with the app, and the app's id token. */
async function signedIn() {
  const page = await pageOf(browser);
  const idToken = await authorize(page);
  return { page, idToken };
}

async function authorize(page, more) {
  const [state, nonce, verifier] = [oidc.randomState(), oidc.randomNonce(), oidc.randomPKCECodeVerifier()];
  const url = oidc.buildAuthorizationUrl(config, {
    redirect_uri: callback, scope: 'openid', state, nonce,
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256', ...more,
  });
  await arrival(page, () => page.goto(url.href));
  await walkByKeyboard(page);
  const checks = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true };
  const tokens = await oidc.authorizationCodeGrant(config, new URL(page.url()), checks);
  return tokens.id_token;
}

/** Whether an app would find somebody signed in. */
async function isSignedIn(page) {
  const { error } = await authorize(page, { prompt: 'none' }).then(() => ({}), (refused) => refused);
  // Whoever listens on the loopback is asked about once more, but then somebody is signed in.
  assert.ok([undefined, 'consent_required', 'login_required'].includes(error), error);
  return error !== 'login_required';
}

const arrived = (page, state) => {
  const { origin, pathname, searchParams } = new URL(page.url());
  assert.equal(origin + pathname, back.split('?')[0]);
  assert.deepEqual([...searchParams], [['of', 'app'], ['state', state]]);
};

test('an app signs somebody out by its id token and has them back, without a question', async () => {
  const { page, idToken } = await signedIn();
  assert.ok(await isSignedIn(page));
  const state = oidc.randomState();
  const url = oidc.buildEndSessionUrl(config, { id_token_hint: idToken, post_logout_redirect_uri: back, state });
  assert.equal(url.origin + url.pathname, new URL('/oauth2/logout', issuer).href);

  await arrival(page, () => page.goto(url.href));

  arrived(page, state);
  assert.equal(await isSignedIn(page), false);
  await page.context().close();
});

test('the form of another site comes without cookies, and one button later somebody is signed out', async () => {
  const { page, idToken } = await signedIn();
  const state = oidc.randomState();
  const request = new URLSearchParams({ id_token_hint: idToken, post_logout_redirect_uri: back, state });
  await arrival(page, () => page.goto(new URL(`/leave?${request}`, back).href));

  await arrival(page, () => page.locator('button').click());
  assert.equal(page.url(), new URL('/oauth2/logout', issuer).href, 'the id token stands in no address');
  await fits(page, 'logout-onward');
  await arrival(page, () => page.locator('button').click());

  arrived(page, state);
  assert.equal(await isSignedIn(page), false);
  assert.deepEqual(complaintsOf(page), []);
  await page.context().close();
});

test('an app without an id token has the person asked, who goes back when they have agreed', async () => {
  const { page } = await signedIn();
  const state = oidc.randomState();
  const url = oidc.buildEndSessionUrl(config, { post_logout_redirect_uri: back, state });

  await arrival(page, () => page.goto(url.href));
  assert.match(await page.locator('main').innerText(), /Step Counter asks to sign you out/);
  await fits(page, 'logout-question');
  assert.ok(await isSignedIn(page), 'nothing was ended');
  await arrival(page, () => page.goto(url.href));
  await arrival(page, () => page.locator('button[value=here]').click());

  arrived(page, state);
  await arrival(page, () => page.goto(url.href));
  await fits(page, 'logout-signed-out');
  assert.equal(await page.getByRole('link').getAttribute('href'), `${back}&state=${state}`);
  assert.deepEqual(complaintsOf(page), []);
  await page.context().close();
});

test('an address that is not registered is told on a page, from which one can sign out all the same', async () => {
  const { page, idToken } = await signedIn();
  const request = { id_token_hint: idToken, post_logout_redirect_uri: `${back}&more=1` };

  const response = await arrival(page, () => page.goto(oidc.buildEndSessionUrl(config, request).href));
  assert.equal(response.status(), 400);
  await fits(page, 'logout-refused');
  await arrival(page, () => page.getByRole('link').click());

  assert.match(await page.locator('h1').innerText(), /Sign out\?/);
  await page.context().close();
});

async function fits(page, name) {
  for (const width of widths) {
    await page.setViewportSize({ width, height: 800 });
    const [needed, given] = await page.evaluate(() => {
      const { scrollWidth, clientWidth } = document.documentElement;
      return [scrollWidth, clientWidth];
    });
    assert.ok(needed <= given, `at ${width} px the page is ${needed} px wide`);
    if (process.env.HILUM_SCREENSHOTS) {
      await page.screenshot({ path: `${process.env.HILUM_SCREENSHOTS}/${name}-${width}.png`, fullPage: true });
    }
  }
}
