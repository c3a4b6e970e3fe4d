// Needs a running `hilum dev`, HILUM_FIXTURES (the path of its fixtures.json) and CHROMIUM (the path
// of a Chromium): `npm ci && npm test`. With HILUM_SCREENSHOTS set, the pictures in docs/screenshots
// are taken anew.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { MANY, registered, selfOf } from './admin.mjs';
import { SCOPE, requestOf } from './app.mjs';
import { answerTo, Browser } from './browser.mjs';
import { arrival, complaintsOf, launch, pageOf } from './chromium.mjs';
import { fixture, hangUp, issuer, person } from './peer.mjs';

const axe = readFileSync(new URL('node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');
const widths = [320, 1280];
/** Of these there are pictures. */
const pictured = ['sign-in', 'picker', 'consent', 'account'];

let browser, pictures, robin, team;

before(async () => {
  browser = await launch();
  pictures = process.env.HILUM_SCREENSHOTS
    ? fileURLToPath(new URL('../../docs/screenshots', import.meta.url))
    : await mkdtemp(join(tmpdir(), 'hilum-screenshots-'));
  await mkdir(pictures, { recursive: true });
  robin = await registered({ fhirUser: 'Patient/haddad', patients: [selfOf('haddad')] });
  team = await registered({ fhirUser: 'Practitioner/reyes', roles: ['clinician'], patients: MANY });
});

after(async () => {
  await browser?.close();
  if (!process.env.HILUM_SCREENSHOTS) await rm(pictures, { recursive: true, force: true });
  await hangUp();
});

/** The pages that a person meets, and how a browser that has no cookie comes to each. */
const pages = {
  'sign-in': (page) => authorize(page),
  'wrong-password': async (page) => {
    await authorize(page);
    // A name of its own each time, so that no delay for failures falls on anybody else.
    return signIn(page, { username: `nobody-${randomUUID()}`, password: 'not the password' });
  },
  picker: (page) => arriveAtPicker(page, person('dr.adams')),
  'picker-of-many': (page) => arriveAtPicker(page, team),
  'picker-searched': async (page) => {
    await arriveAtPicker(page, team);
    return search(page, 'silva');
  },
  'picker-nobody-found': async (page) => {
    await arriveAtPicker(page, team);
    return search(page, 'nobody is called so');
  },
  encounter: (page) => arriveAtEncounter(page),
  consent: (page) => arriveAtConsent(page),
  'consent-unfolded': async (page) => {
    const response = await arriveAtConsent(page, { scope: SCOPE.replace('patient/Patient.rs', 'patient/*.cruds') });
    assert.ok(await page.locator('details').count(), 'there is something to unfold');
    for (const folded of await page.locator('details > summary').all()) await folded.click();
    return response;
  },
  'account-sign-in': (page) => arrival(page, () => page.goto(new URL('/account', issuer).href)),
  account: (page) => arriveAtAccount(page),
  'account-ended': async (page) => {
    await arriveAtAccount(page);
    return endFirst(page);
  },
  'account-empty': async (page) => {
    let response = await arriveAtAccount(page);
    while (await page.locator('button[name=revoke]').count()) response = await endFirst(page);
    return response;
  },
  error: (page) => authorize(page, { client_id: randomUUID() }),
  'error-not-permitted': async (page) => {
    await arriveAtPicker(page, person('pat.rivera'));
    const choice = page.locator('input[name=patient]').first();
    await choice.evaluate((element) => { element.value = 'okafor'; });
    await choice.check();
    return press(page, 'form:has(input[name=patient]) button.first');
  },
  'error-too-old': (page) => arrival(page, () => page.goto(new URL(`/consent?i=${randomUUID()}`, issuer).href)),
  'sign-out': (page) => arriveAtSignOut(page),
  'sign-out-asked': async (page) => {
    await arriveAtSignOut(page);
    const { client_id: client } = fixture('app-public');
    return arrival(page, () => page.goto(new URL(`/oauth2/logout?client_id=${client}`, issuer).href));
  },
  'error-sign-out': (page) => arrival(page, () => page.goto(new URL('/oauth2/logout?id_token_hint=a.b.c', issuer).href)),
  'signed-out': async (page) => {
    await arriveAtSignOut(page);
    return arrival(page, () => page.locator('form button').first().click());
  },
};

for (const [name, open] of Object.entries(pages)) {
  test(`axe finds nothing amiss on the ${name} page, narrow or wide, light or dark`, async () => {
    // axe is brought in from outside, which the page's own policy would not let a script do.
    const { page } = await openedBy(open, { bypassCSP: true });
    await page.evaluate(axe);

    for (const width of widths) {
      for (const colorScheme of ['light', 'dark']) {
        await page.setViewportSize({ width, height: 800 });
        await page.emulateMedia({ colorScheme });
        const { violations } = await page.evaluate(() => globalThis.axe.run());
        const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
        assert.deepEqual(found, [], `${width} px, ${colorScheme}`);
      }
    }
    await page.context().close();
  });

  test(`the ${name} page fits a width of 320 px, and the console stays silent`, async () => {
    const { page } = await openedBy(open);

    for (const width of widths) {
      await page.setViewportSize({ width, height: 800 });
      const [needed, given] = await page.evaluate(() => {
        const { scrollWidth, clientWidth } = document.documentElement;
        return [scrollWidth, clientWidth];
      });
      assert.ok(needed <= given, `at ${width} px the page is ${needed} px wide`);
      if (pictured.includes(name)) await takePicture(page, `${name}-${width}.png`);
    }
    assert.deepEqual(complaintsOf(page), []);
    await page.context().close();
  });

  test(`the ${name} page cannot be framed, stored, scripted from outside or followed`, async () => {
    const { page, response } = await openedBy(open);

    const headers = await response.allHeaders();
    const policy = directives(headers['content-security-policy'] ?? '');
    assert.deepEqual(policy.get('frame-ancestors'), ["'none'"]);
    assert.deepEqual(policy.get('default-src'), ["'none'"]);
    assert.doesNotMatch(headers['content-security-policy'], /unsafe-/);
    assert.equal(headers['x-frame-options'], 'DENY');
    assert.equal(headers['x-content-type-options'], 'nosniff');
    assert.equal(headers['referrer-policy'], 'no-referrer');
    assert.match(headers['cache-control'] ?? '', /\bno-store\b/);
    assert.equal(headers['access-control-allow-origin'], undefined);
    assert.match(headers['content-type'] ?? '', /^text\/html;\s*charset=utf-8$/i);
    if (name.startsWith('error')) assert.equal(response.status(), name === 'error-not-permitted' ? 403 : 400);
    for (const cookie of await page.context().cookies()) {
      assert.match(cookie.name, /^__Host-/);
      assert.ok(cookie.secure && cookie.httpOnly, `${cookie.name} is for this server alone`);
      assert.equal(cookie.sameSite, 'Lax', cookie.name);
    }
    await page.context().close();
  });
}

test('somebody who signs in gets a cookie, and another than before', async () => {
  const { page } = await openedBy(pages['sign-in']);
  const before = await page.context().cookies();

  await signIn(page, person('pat.rivera'));

  const now = await page.context().cookies();
  const fresh = now.filter(({ name, value }) => !before.some((old) => old.name === name && old.value === value));
  assert.ok(fresh.length > 0, `the cookies are ${now.map(({ name }) => name)}`);
  await page.context().close();
});

/** One of the pages in a browser of its own, and the answer that brought it. */
async function openedBy(open, options) {
  const page = await pageOf(browser, options);
  const response = await open(page);
  return { page, response };
}

async function authorize(page, more) {
  const { url } = await requestOf('app-public', { prompt: 'consent', ...more });
  return arrival(page, () => page.goto(url.href));
}

async function signIn(page, { username, password }) {
  await page.locator('input[name=username]').fill(username);
  await page.locator('input[name=password]').fill(password);
  return arrival(page, () => page.keyboard.press('Enter'));
}

/** Signs in as somebody who has to choose a patient. */
async function arriveAtPicker(page, who, more) {
  await authorize(page, more);
  const response = await signIn(page, who);
  await page.locator('input[name=patient]').first().waitFor();
  return response;
}

async function search(page, words) {
  await page.locator('#q').fill(words);
  return arrival(page, () => page.keyboard.press('Enter'));
}

/** Signs in as a clinician, who chooses a patient of two visits. */
async function arriveAtEncounter(page) {
  await arriveAtPicker(page, person('dr.adams'), { scope: `launch/encounter ${SCOPE}` });
  await page.locator('input[name=patient][value=nguyen]').check();
  const response = await press(page, 'form:has(input[name=patient]) button.first');
  await page.locator('input[name=encounter]').first().waitFor();
  return response;
}

/** Signs in as pat.rivera and chooses the patient. */
async function arriveAtConsent(page, more) {
  await arriveAtPicker(page, person('pat.rivera'), more);
  await page.locator('input[name=patient][value=rivera]').check();
  const response = await press(page, 'form:has(input[name=patient]) button.first');
  await page.locator('button[name=decision][value=allow]').waitFor();
  return response;
}

async function arriveAtSignOut(page) {
  await arriveAtConsent(page);
  return arrival(page, () => page.goto(new URL('/oauth2/logout', issuer).href));
}

/** Lets two apps have tokens, in another browser, and signs in to see them: a person of whom no other test knows. */
async function arriveAtAccount(page) {
  const elsewhere = new Browser();
  for (const name of ['app-public', 'app-secret']) {
    const { url, redeem } = await requestOf(name, { prompt: 'consent' });
    const { callback } = await answerTo(url, elsewhere, { as: robin });
    await redeem(callback);
  }
  await arrival(page, () => page.goto(new URL('/account', issuer).href));
  return signIn(page, robin);
}

function endFirst(page) {
  return press(page, 'button[name=revoke]');
}

function press(page, button) {
  return arrival(page, () => page.locator(button).first().click());
}

/** The same picture of the same page, whatever the request was called and whenever it was made. */
async function takePicture(page, file) {
  const path = join(pictures, file);
  await page.evaluate((host) => {
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const uuid = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;
    for (const time of document.querySelectorAll('time')) {
      time.textContent = time.textContent.includes('UTC') ? '2 March 2026, 09:41 UTC' : '2 March 2026';
    }
    while (texts.nextNode()) {
      texts.currentNode.data = texts.currentNode.data.replaceAll(host, 'localhost:8443')
        .replace(/robin-[0-9a-f-]{36}/g, 'robin.reyes').replace(uuid, '017f22e2-79b0-7cc3-98c4-dc0c0c07398f');
    }
  }, issuer.host);
  await page.screenshot({ path, fullPage: true, animations: 'disabled', caret: 'hide' });
  assert.ok((await stat(path)).size > 0, path);
}

function directives(policy) {
  return new Map(policy.split(';').map((directive) => {
    const [name, ...values] = directive.trim().split(/\s+/);
    return [name.toLowerCase(), values];
  }));
}
