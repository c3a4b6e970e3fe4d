// Needs a running `hilum dev`, HILUM_FIXTURES (the path of its fixtures.json) and CHROMIUM (the path
// of a Chromium): `npm ci && npm test`. With HILUM_DEVICE_SCREENSHOTS set, pictures of the pages are put there.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import * as oidc from 'openid-client';
import { registered, selfOf } from './admin.mjs';
import { arrival, complaintsOf, launch, pageOf } from './chromium.mjs';
import { discoverAs, fixture, fixtures, hangUp, issuer, verifiedIdToken } from './peer.mjs';

const axe = readFileSync(new URL('node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');
const SCOPE = 'openid fhirUser launch/patient patient/Observation.rs offline_access';

let browser, kim;

before(async () => {
  browser = await launch();
  kim = await registered({ fhirUser: 'Patient/rivera', patients: [selfOf('rivera')] });
});

after(async () => {
  await browser?.close();
  await hangUp();
});

/** The device asks for its codes, as a client that others wrote. */
async function started() {
  const config = await discoverAs('device-app');
  const codes = await oidc.initiateDeviceAuthorization(config, { scope: SCOPE, resource: fixtures.fhir });
  return { config, codes };
}

/** Types the code with the keyboard, as people do, and goes on. */
async function enter(page, code) {
  await page.locator('input[name=user_code]').fill('');
  await page.keyboard.type(code);
  return arrival(page, () => page.keyboard.press('Enter'));
}

/** Signs in where that comes next; the question for consent follows. */
async function signIn(page) {
  await page.locator('input[name=username]').fill(kim.username);
  await page.locator('input[name=password]').fill(kim.password);
  await arrival(page, () => page.locator('button.first').click());
  assert.equal(new URL(page.url()).pathname, '/consent');
}

const decide = (page, decision) =>
  arrival(page, () => page.locator(`button[name=decision][value=${decision}]`).click());

test('a device waits while a person enters its code in a browser, and goes on for that person', async () => {
  const { config, codes } = await started();
  assert.equal(codes.verification_uri, new URL('/device', issuer).href);
  assert.match(codes.user_code, /^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/);
  const waiting = oidc.pollDeviceAuthorizationGrant(config, codes);

  const page = await pageOf(browser, { javaScriptEnabled: false });
  await page.goto(codes.verification_uri);
  await enter(page, codes.user_code.toLowerCase().replace('-', ' '));
  await signIn(page);
  assert.match(await page.locator('main').innerText(), new RegExp(`${codes.user_code}[^]*Waiting Room Screen`));
  await decide(page, 'allow');
  assert.equal(await page.locator('h1').innerText(), 'Go back to your device');
  assert.deepEqual(complaintsOf(page), []);
  await page.context().close();

  const tokens = await waiting;
  assert.equal(tokens.patient, 'rivera');
  const { claims } = await verifiedIdToken(tokens.id_token, fixture('device-app').client_id);
  assert.equal(claims.iss, fixtures.issuer);
  const next = await oidc.refreshTokenGrant(config, tokens.refresh_token);
  assert.equal(next.patient, 'rivera');
});

test('a link brings the code along, but the person sends it, and may refuse', async () => {
  const { config, codes } = await started();
  const waiting = oidc.pollDeviceAuthorizationGrant(config, codes).catch((error) => error);

  const page = await pageOf(browser);
  await page.goto(codes.verification_uri_complete);
  assert.equal(await page.locator('input[name=user_code]').inputValue(), codes.user_code);
  await arrival(page, () => page.locator('button.first').click());
  await signIn(page);
  await decide(page, 'deny');
  assert.equal(await page.locator('h1').innerText(), 'Nothing was given');
  assert.deepEqual(complaintsOf(page), []);
  await page.context().close();

  assert.equal((await waiting).error, 'access_denied');
});

/** The pages that a person meets, and how a browser that has no cookie comes to each. */
const pages = {
  device: (page) => page.goto(new URL('/device', issuer).href),
  'device-brought': async (page) => page.goto((await started()).codes.verification_uri_complete),
  'device-wrong': async (page) => {
    await page.goto(new URL('/device', issuer).href);
    await enter(page, 'bbbb-cccc');
  },
  'device-consent': (page) => arriveAtConsent(page),
  'device-allowed': async (page) => {
    await arriveAtConsent(page);
    await decide(page, 'allow');
  },
  'device-refused': async (page) => {
    await arriveAtConsent(page);
    await decide(page, 'deny');
  },
};

async function arriveAtConsent(page) {
  await page.goto((await started()).codes.verification_uri_complete);
  await arrival(page, () => page.locator('button.first').click());
  await signIn(page);
}

for (const [name, open] of Object.entries(pages)) {
  test(`axe finds nothing amiss on the ${name} page, and it fits a narrow screen`, async () => {
    // axe is brought in from outside, which the page's own policy would not let a script do.
    const page = await pageOf(browser, { bypassCSP: true });
    await open(page);
    await page.evaluate(axe);
    for (const width of [320, 1280]) {
      for (const colorScheme of ['light', 'dark']) {
        await page.setViewportSize({ width, height: 800 });
        await page.emulateMedia({ colorScheme });
        const { violations } = await page.evaluate(() => globalThis.axe.run());
        const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
        assert.deepEqual(found, [], `${width} px, ${colorScheme}`);
      }
      const [needed, given] = await page.evaluate(() => {
        const { scrollWidth, clientWidth } = document.documentElement;
        return [scrollWidth, clientWidth];
      });
      assert.ok(needed <= given, `at ${width} px the page is ${needed} px wide`);
      const folder = process.env.HILUM_DEVICE_SCREENSHOTS;
      if (folder) {
        await page.emulateMedia({ colorScheme: 'light' });
        await page.screenshot({ path: join(folder, `${name}-${width}.png`), fullPage: true });
      }
    }
    await page.context().close();
  });
}
