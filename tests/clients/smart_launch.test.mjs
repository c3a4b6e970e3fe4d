// Standalone launches (SMART App Launch 2.2), by fhirclient in a browser, and what pages of other origins
// may read. Needs a running `hilum dev`, HILUM_FIXTURES (the path of its fixtures.json) and CHROMIUM (the
// path of a Chromium): `npm ci && npm test`.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { fetch } from 'undici';
import { SCOPE, requestOf } from './app.mjs';
import { arrival, complaintsOf, launch, pageOf, walkByKeyboard } from './chromium.mjs';
import { agentOf, discoverAs, fixture, fixtures, hangUp, introspect, person, scopes } from './peer.mjs';
import { granted, openApp, read, readPatient, refresh, refused, serveApp } from './smart_app.mjs';

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

/** Opens the app by itself, and has this person do what the server's pages ask for. */
async function opened(name, { scope = SCOPE, ...choices } = {}) {
  const page = await pageOf(browser);
  await openApp(page, app.opens(name, { scope }));
  const shown = await walkByKeyboard(page, choices);
  return { page, shown };
}

for (const name of ['app-public', 'app-secret', 'app-asymmetric']) {
  test(`${name} launches standalone: pat.rivera signs in, chooses and consents by keyboard alone`, async () => {
    const page = await pageOf(browser);
    await openApp(page, app.opens(name, { scope: SCOPE }));

    const shown = await walkByKeyboard(page, { patient: 'rivera-child' });

    const tokens = await granted(page);
    assert.deepEqual(shown.slice(0, 2), ['sign-in', 'patient']);
    assert.deepEqual(scopes(tokens.scope), scopes(SCOPE));
    assert.equal(tokens.patient, 'rivera-child');
    assert.equal(await page.evaluate(() => globalThis.client.patient.id), 'rivera-child');
    assert.match(await page.evaluate(() => globalThis.client.getFhirUser()), /Patient\/rivera$/);
    assert.equal((await introspect(tokens.access_token)).patient, 'rivera-child');
    assert.equal(new URL(page.url()).origin, app.origin);
    assert.deepEqual(complaintsOf(page), []);
    await page.context().close();
  });

  test(`${name}, launched standalone, reads the patient who was chosen and no other`, async () => {
    const { page } = await opened(name, { patient: 'rivera' });
    await granted(page);

    const patient = await readPatient(page);
    const own = await read(page, 'Observation?patient=rivera');
    // The person may act for this patient too, but has not chosen her for this app.
    const childs = await read(page, 'Patient/rivera-child');
    const others = await read(page, 'Patient/okafor');

    assert.equal(patient.resourceType, 'Patient');
    assert.equal(patient.id, 'rivera');
    assert.ok(own.resource?.entry.length > 0, JSON.stringify(own));
    for (const { resource } of own.resource.entry) assert.equal(resource.subject.reference, 'Patient/rivera');
    assert.deepEqual([childs.status, others.status], [403, 403]);
    await page.context().close();
  });

  test(`${name}, launched standalone, refreshes in the context of the patient who was chosen`, async () => {
    const { page } = await opened(name, { patient: 'rivera-child' });
    const first = await granted(page);

    const { kept, answer } = await refresh(page, name);

    assert.equal(answer.patient, 'rivera-child');
    assert.notEqual(kept.access_token, first.access_token);
    assert.notEqual(kept.refresh_token, first.refresh_token);
    assert.equal((await readPatient(page)).id, 'rivera-child');
    await page.context().close();
  });
}

test('an app that asks for launch/encounter is told the visit that was chosen', async () => {
  const scope = `launch/encounter ${SCOPE} patient/Encounter.rs`;

  const { page, shown } = await opened('app-public', { scope, patient: 'rivera', encounter: 'rivera-encounter-1' });

  const tokens = await granted(page);
  assert.deepEqual(shown.slice(0, 3), ['sign-in', 'patient', 'encounter']);
  assert.deepEqual([tokens.patient, tokens.encounter], ['rivera', 'rivera-encounter-1']);
  const visit = await page.evaluate(() => globalThis.client.encounter.read());
  assert.equal(visit.subject.reference, 'Patient/rivera');
  await page.context().close();
});

test('an app is told no visit where no visit in particular is meant', async () => {
  const scope = `launch/encounter ${SCOPE}`;

  const { page } = await opened('app-public', { scope, encounter: '*' });

  const tokens = await granted(page);
  assert.equal(tokens.patient, 'rivera');
  assert.ok(!('encounter' in tokens), tokens.encounter);
  await page.context().close();
});

test('a clinician tells two patients of one name apart by birth date and record number', async () => {
  const page = await pageOf(browser);
  await openApp(page, app.opens('app-public', { scope: SCOPE }));
  const { username, password, patients } = person('dr.adams');
  await page.locator('input[name=username]').fill(username);
  await page.locator('input[name=password]').fill(password);
  await arrival(page, () => page.keyboard.press('Enter'));

  const offered = await page.locator('label:has(input[name=patient])').evaluateAll((labels) => labels.map((label) => ({
    id: label.querySelector('input').value,
    title: label.querySelector('.title').textContent,
    details: [...label.querySelectorAll('.detail')].map((detail) => detail.textContent),
  })));
  assert.deepEqual(offered.map(({ id }) => id).sort(), [...patients].sort());
  const smiths = offered.filter(({ id }) => id.startsWith('smith-')).sort((one, other) => (one.id < other.id ? -1 : 1));
  assert.equal(smiths[0].title, smiths[1].title);
  assert.deepEqual(smiths.map(({ details }) => details.slice(0, 2)), [
    ['born 17 January 1950', 'M10005'],
    ['born 30 August 1991', 'M10006'],
  ]);

  await walkByKeyboard(page, { as: 'dr.adams', patient: 'smith-1991' });
  assert.equal((await granted(page)).patient, 'smith-1991');
  assert.equal((await readPatient(page)).birthDate, '1991-08-30');
  await page.context().close();
});

test('a patient whom the page did not offer is refused, and stays unread', async () => {
  const page = await pageOf(browser);
  await openApp(page, app.opens('app-public', { scope: SCOPE }));
  const { username, password } = person('pat.rivera');
  await page.locator('input[name=username]').fill(username);
  await page.locator('input[name=password]').fill(password);
  await arrival(page, () => page.keyboard.press('Enter'));
  const choice = page.locator('input[name=patient]').first();
  await choice.evaluate((element) => { element.value = 'okafor'; });
  await choice.check();

  const answer = await arrival(page, () => page.locator('form:has(input[name=patient]) button').first().click());

  assert.equal(answer.status(), 403);
  assert.match(await page.locator('main').textContent(), /may not open the record/);
  await page.context().close();
});

test('an app is told that the person did not allow it', async () => {
  const page = await pageOf(browser);
  await openApp(page, app.opens('app-public', { scope: `${SCOPE} patient/Condition.rs` }));

  await walkByKeyboard(page, { decision: 'deny' });

  assert.match(await refused(page), /^access_denied\b/);
  await page.context().close();
});

test('every page works without JavaScript', async () => {
  const page = await pageOf(browser, { javaScriptEnabled: false });
  const { url, redeem } = await requestOf('app-public', {
    redirect_uri: app.callback, scope: `launch/encounter ${SCOPE}`, prompt: 'consent',
  });
  await page.goto(url.href);

  const shown = await walkByKeyboard(page, { encounter: 'rivera-encounter-1' });

  assert.deepEqual(shown, ['sign-in', 'patient', 'encounter', 'consent']);
  const tokens = await redeem(new URL(page.url()));
  assert.deepEqual([tokens.patient, tokens.encounter], ['rivera', 'rivera-encounter-1']);
  await page.context().close();
});

test('an app that was consented to before has its answer without being consented to again', async () => {
  const page = await pageOf(browser, { javaScriptEnabled: false });
  // A form's answer may send people only where the page's policy lets its forms go: every page's must.
  const asked = { redirect_uri: app.callback };
  const first = await requestOf('app-secret', { ...asked, prompt: 'consent' });
  await page.goto(first.url.href);
  await walkByKeyboard(page);
  const second = await requestOf('app-secret', { ...asked, prompt: 'login' });
  await page.goto(second.url.href);

  const shown = await walkByKeyboard(page);

  assert.deepEqual(shown, ['sign-in', 'patient']);
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
  const { url } = await requestOf('app-public', { redirect_uri: app.callback });

  const answer = await get(url, { redirect: 'manual', headers: { origin: app.origin } });

  assert.equal(answer.headers.get('access-control-allow-origin'), null);
});

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
