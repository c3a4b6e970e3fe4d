// Needs a running `hilum dev`, HILUM_FIXTURES (the path of its fixtures.json) and CHROMIUM (the path
// of a Chromium): `npm ci && npm test`.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { fetch } from 'undici';
import { SCOPE, requestOf } from './app.mjs';
import { complaintsOf, launch, pageOf, walkByKeyboard } from './chromium.mjs';
import { agentOf, discoverAs, fixture, fixtures, hangUp, issuer, scopes } from './peer.mjs';

let app, browser, metadata;

before(async () => {
  app = await serveApp();
  browser = await launch();
  metadata = (await discoverAs('app-public')).serverMetadata();
});

after(async () => {
  await browser?.close();
  await app?.close();
  await hangUp();
});

test('fhirclient launches standalone, and pat.rivera signs in and consents by keyboard alone', async () => {
  const page = await pageOf(browser);
  await discoverFromHilum(page);
  await Promise.all([page.waitForURL((url) => url.origin === issuer.origin), page.goto(app.origin)]);
  // Playwright answers the preflights of a page that it routes for: from here on the server does.
  await page.unrouteAll();

  const shown = await walkByKeyboard(page);

  await page.locator('body[data-state]').waitFor();
  assert.ok(shown.includes('sign-in') && shown.includes('consent'), `shown were ${shown}`);
  assert.equal(await page.locator('#error').textContent(), '');
  assert.equal(await page.locator('#patient').textContent(), 'rivera');
  assert.match(await page.locator('#user').textContent(), /Patient\/rivera$/);
  assert.deepEqual(scopes(await page.locator('#scope').textContent()), scopes(SCOPE));
  assert.equal(new URL(page.url()).origin, app.origin);
  assert.deepEqual(complaintsOf(page), []);
  await page.context().close();
});

test('every page works without JavaScript', async () => {
  const page = await pageOf(browser, { javaScriptEnabled: false });
  const { url, redeem } = await requestOf('app-public', { redirect_uri: `${app.origin}/callback` });
  await page.goto(url.href);

  const shown = await walkByKeyboard(page);

  assert.ok(shown.includes('sign-in') && shown.includes('consent'), `shown were ${shown}`);
  const tokens = await redeem(new URL(page.url()));
  assert.equal(tokens.patient, 'rivera');
  await page.context().close();
});

test('an app that was consented to before has its answer straight from the sign-in page', async () => {
  const page = await pageOf(browser, { javaScriptEnabled: false });
  // A form's answer may send people only where the page's policy lets its forms go: both pages' must.
  const asked = { redirect_uri: `${app.origin}/callback` };
  const first = await requestOf('app-secret', { ...asked, prompt: 'consent' });
  await page.goto(first.url.href);
  await walkByKeyboard(page);
  const second = await requestOf('app-secret', { ...asked, prompt: 'login' });
  await page.goto(second.url.href);

  const shown = await walkByKeyboard(page);

  assert.ok(shown.includes('sign-in') && !shown.includes('consent'), `shown were ${shown}`);
  assert.equal((await second.redeem(new URL(page.url()))).patient, 'rivera');
  await page.context().close();
});

test('the token endpoint lets an app ask from its registered origin, with every header that apps send', async () => {
  const asked = ['authorization', 'content-type', 'dpop'];

  const answer = await preflight(metadata.token_endpoint, app.origin, asked);

  assert.ok(answer.ok, `the status is ${answer.status}`);
  assert.equal(answer.headers.get('access-control-allow-origin'), app.origin);
  assert.match(answer.headers.get('access-control-allow-methods') ?? '', /\bPOST\b/);
  const allowed = (answer.headers.get('access-control-allow-headers') ?? '').toLowerCase().split(/\s*,\s*/);
  assert.deepEqual(asked.filter((name) => !allowed.includes(name)), []);
});

test('the token endpoint shares nothing with an origin that no app has registered', async () => {
  const origin = 'https://elsewhere.example';

  const asked = await preflight(metadata.token_endpoint, origin, ['content-type']);
  const posted = await get(metadata.token_endpoint, {
    method: 'POST',
    headers: { origin },
    body: new URLSearchParams({
      grant_type: 'refresh_token', refresh_token: 'garbage', client_id: fixture('app-public').client_id,
    }),
  });

  for (const answer of [asked, posted]) assert.equal(answer.headers.get('access-control-allow-origin'), null);
});

test('the authorization endpoint is for navigation alone: no origin may read it', async () => {
  const { url } = await requestOf('app-public', { redirect_uri: `${app.origin}/callback` });

  const answer = await get(url, { redirect: 'manual', headers: { origin: app.origin } });

  assert.equal(answer.headers.get('access-control-allow-origin'), null);
});

/**
 * fhirclient reads the configuration below the FHIR server's address. The demonstration FHIR server
 * does not answer yet, so that one request is given the document that Hilum serves for it.
 */
async function discoverFromHilum(page) {
  await page.route(`${fixtures.fhir}/.well-known/smart-configuration`, async (route) => {
    const answer = await get(new URL('/r/sandbox/.well-known/smart-configuration', issuer));
    const { 'content-encoding': _coding, 'content-length': _length, ...headers } = Object.fromEntries(answer.headers);
    await route.fulfill({ status: answer.status, headers, body: await answer.text() });
  });
}

function preflight(url, origin, headers) {
  return get(url, {
    method: 'OPTIONS',
    headers: {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': headers.join(','),
    },
  });
}

function get(url, options) {
  return fetch(url, { ...options, dispatcher: agentOf('an app') });
}

/** The app: fhirclient as its authors built it, served at a port of its own. */
async function serveApp() {
  const library = await readFile(new URL('node_modules/fhirclient/build/fhir-client.pure.js', import.meta.url));
  const options = {
    clientId: fixture('app-public').client_id,
    scope: SCOPE,
    redirectUri: '/callback',
    iss: fixtures.fhir,
    pkceMode: 'required',
  };
  const answers = {
    '/fhir-client.js': ['text/javascript', library],
    '/': ['text/html', html(`FHIR.oauth2.authorize(${JSON.stringify(options)}).catch(failed);`)],
    '/callback': ['text/html', html('FHIR.oauth2.ready().then(ready, failed);')],
  };
  const server = createServer((request, response) => {
    const found = answers[new URL(request.url, 'http://app').pathname];
    if (!found) return response.writeHead(404).end();
    return response.writeHead(200, { 'content-type': `${found[0]}; charset=utf-8` }).end(found[1]);
  });
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  return {
    origin: `http://127.0.0.1:${server.address().port}`,
    close: () => new Promise((resolve) => { server.close(resolve); server.closeAllConnections(); }),
  };
}

function html(script) {
  return `<!doctype html><html lang="en"><title>An app</title><link rel="icon" href="data:,">
<p id="patient"></p><p id="user"></p><p id="scope"></p><p id="error"></p>
<script src="/fhir-client.js"></script>
<script>
  function show(values) {
    for (const [id, value] of Object.entries(values)) document.getElementById(id).textContent = value;
    document.body.dataset.state = 'done';
  }
  function ready(client) {
    show({ patient: client.patient.id, user: client.getFhirUser(), scope: client.getState('tokenResponse.scope') });
  }
  function failed(error) { show({ error: String(error.stack ?? error) }); }
  ${script}
</script>`;
}
