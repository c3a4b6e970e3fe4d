// Needs a running `hilum dev`, HILUM_FIXTURES (the path of its fixtures.json) and CHROMIUM (the path of a Chromium):
// `npm ci && npm test`.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import * as oidc from 'openid-client';
import { requestOf } from './app.mjs';
import { Browser, Page, answerTo } from './browser.mjs';
import { arrival, complaintsOf, launch, pageOf } from './chromium.mjs';
import { discoverAs, fixture, grantTo, hangUp, introspect, person } from './peer.mjs';

const axe = readFileSync(new URL('node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');

let browser;

before(async () => {
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await hangUp();
});

/** What a browser brings to the callback, as openid-client reads it. */
function brought(url, body) {
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  return new Request(url, { method: 'POST', headers, body });
}

for (const name of ['app-public', 'app-secret', 'app-asymmetric']) {
  test(`${name} redeems the code of a signed answer`, async () => {
    const { url, redeem } = await requestOf(name, { prompt: 'consent' }, oidc.useJwtResponseMode);
    assert.equal(url.searchParams.get('response_mode'), 'jwt');

    const { callback } = await answerTo(url, new Browser());

    assert.deepEqual([...callback.searchParams.keys()], ['response']);
    const tokens = await redeem(callback);
    assert.equal(tokens.patient, 'rivera');
  });
}

test('an app learns of a refusal by a signed answer', async () => {
  const { url, redeem } = await requestOf('app-public', { prompt: 'consent' }, oidc.useJwtResponseMode);

  const { callback } = await answerTo(url, new Browser(), { decision: 'deny' });

  await assert.rejects(redeem(callback), ({ error, cause }) => (error ?? cause?.get?.('error')) === 'access_denied');
});

test('a signed answer for another client is not believed', async () => {
  const { url, state } = await requestOf('app-public', { prompt: 'consent' }, oidc.useJwtResponseMode);
  const { callback } = await answerTo(url, new Browser());
  const other = await requestOf('app-secret', {}, oidc.useJwtResponseMode);

  await assert.rejects(other.redeem(callback, { expectedState: state }), ({ cause }) => /"aud"/.test(cause.message));
});

test('an app redeems the code of a form, without a script', async () => {
  const { url, redeem } = await requestOf('app-public', { prompt: 'consent', response_mode: 'form_post' });
  const { page, form } = await formOf(url);

  const tokens = await redeem(brought(form.action, new URLSearchParams(form.entries())));

  assert.equal(page.status, 200);
  assert.equal(tokens.patient, 'rivera');
});

for (const javaScriptEnabled of [true, false]) {
  const by = javaScriptEnabled ? 'at once' : 'by its button where no script runs';
  test(`Chromium sends the form ${by}, and the state byte for byte`, async () => {
    const state = '"><script>alert(1)</script>&lt;\' ünï→\u{1f512}+%20 ';
    const more = { prompt: 'consent', response_mode: 'form_post', state };
    const { url, redeem } = await requestOf('app-public', more);
    const page = await pageOf(browser, { javaScriptEnabled, viewport: { width: 320, height: 640 } });
    const callback = url.searchParams.get('redirect_uri');
    await page.route(callback, (route) => route.fulfill({ contentType: 'text/html', body: '<title>app</title>' }));
    await arriveAtConsent(page, url);

    const sent = page.waitForRequest((request) => request.method() === 'POST' && request.url() === callback);
    await page.locator('button[name=decision][value=allow]').click();
    if (!javaScriptEnabled) {
      const button = page.getByRole('button', { name: 'Continue' });
      await button.waitFor();
      const { x, width } = await button.boundingBox();
      assert.ok(x >= 0 && x + width <= 320, `${x} ${width}`);
      await button.click();
    }
    const request = await sent;

    assert.equal(request.headers().referer, undefined);
    assert.equal(new URLSearchParams(request.postData()).get('state'), state);
    await page.waitForURL(callback);
    const tokens = await redeem(brought(callback, request.postData()), { expectedState: state });
    assert.equal(tokens.patient, 'rivera');
    assert.deepEqual(complaintsOf(page), []);
    await page.context().close();
  });
}

test('axe finds nothing amiss on the page that brings a form, narrow or wide, light or dark', async () => {
  const { url } = await requestOf('app-public', { prompt: 'none', response_mode: 'form_post' });
  const page = await pageOf(browser, { bypassCSP: true });
  // The page is looked at before its script sends the form.
  await page.route(/\/assets\/form-post-/, (route) => route.fulfill({ contentType: 'text/javascript', body: '' }));
  const response = await arrival(page, () => page.goto(url.href));
  assert.equal(response.status(), 200);
  await page.evaluate(axe);

  for (const width of [320, 1280]) {
    for (const colorScheme of ['light', 'dark']) {
      await page.setViewportSize({ width, height: 800 });
      await page.emulateMedia({ colorScheme });
      const { violations } = await page.evaluate(() => globalThis.axe.run());
      const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
      assert.deepEqual(found, [], `${width} px, ${colorScheme}`);
      const [needed, given] = await page.evaluate(() => {
        const { scrollWidth, clientWidth } = document.documentElement;
        return [scrollWidth, clientWidth];
      });
      assert.ok(needed <= given, `at ${width} px the page is ${needed} px wide`);
    }
  }
  await page.context().close();
});

test('the FHIR server is told of a token in a signed answer', async () => {
  const tokens = await grantTo('payer-es384', fixture('payer-es384').scope);
  const config = await discoverAs('fhir-server', { metadata: { introspection_signed_response_alg: 'RS256' } });
  oidc.enableNonRepudiationChecks(config);

  const told = await oidc.tokenIntrospection(config, tokens.access_token);

  assert.deepEqual(told, await introspect(tokens.access_token));
  assert.equal(told.active, true);
  assert.deepEqual(await oidc.tokenIntrospection(config, 'garbage'), { active: false });
});

/** The page that brings an answer by form, once a person has agreed to all. */
async function formOf(url) {
  const { username, password, patients } = person('pat.rivera');
  const steps = {
    password: () => ({ texts: { username, password } }),
    patient: () => ({ marks: ({ name, value }) => name === 'patient' && value === patients[0] }),
    decision: () => ({ marks: ({ checked }) => checked, press: { name: 'decision', value: 'allow' } }),
  };
  const visitor = new Browser();
  let page = await visitor.visit(url);
  for (const name of Object.keys(steps)) {
    assert.ok(page instanceof Page, `${page}`);
    const form = page.formWith(name);
    assert.ok(form, `no ${name} in ${page.text}`);
    page = await visitor.submit(page, form, form.entries(steps[name]()));
  }
  return { page, form: page.formWith('code') };
}

/** Signs in as pat.rivera and chooses the patient. */
async function arriveAtConsent(page, url) {
  const { username, password } = person('pat.rivera');
  await arrival(page, () => page.goto(url.href));
  await page.locator('input[name=username]').fill(username);
  await page.locator('input[name=password]').fill(password);
  await arrival(page, () => page.keyboard.press('Enter'));
  await page.locator('input[name=patient][value=rivera]').check();
  await arrival(page, () => page.locator('form:has(input[name=patient]) button.first').click());
}
