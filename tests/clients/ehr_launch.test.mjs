// Launches from an EHR (SMART App Launch 2.2), by fhirclient in a browser. Needs a running `hilum dev`,
// HILUM_FIXTURES (the path of its fixtures.json) and CHROMIUM (the path of a Chromium): `npm ci && npm test`.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { complaintsOf, launch, pageOf, walkByKeyboard } from './chromium.mjs';
import { handOver, launchOf } from './ehr.mjs';
import { fixture, fixtures, hangUp, introspect, scopes } from './peer.mjs';
import { granted, openApp, read, readPatient, refresh, refused, serveApp } from './smart_app.mjs';

const SCOPE = 'launch patient/Patient.rs patient/Observation.rs openid fhirUser offline_access';

/** What is open in the EHR, and what an app is told of it, in these JSON types. */
const CONTEXT = {
  patient: 'okafor',
  encounter: 'okafor-encounter-1',
  fhirContext: [
    { reference: 'DiagnosticReport/123' },
    { reference: 'Observation/456', role: 'https://ehr.example/role/reviewed' },
  ],
  need_patient_banner: false,
  intent: 'reconcile-medications',
  tenant: 'mercy-west',
  smart_style_url: 'https://ehr.example/style.json',
};

let app, browser;

before(async () => {
  app = await serveApp();
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await app?.close();
  await hangUp();
});

/** Opens the app as an EHR does, and has this person do what the server's pages ask for. */
async function openedWith(name, by, { as = 'dr.adams', scope = SCOPE } = {}) {
  const page = await pageOf(browser);
  await openApp(page, app.opens(name, { scope, ...by }));
  const shown = await walkByKeyboard(page, { as });
  return { page, shown };
}

for (const name of ['app-public', 'app-secret', 'app-asymmetric']) {
  test(`${name}, launched by an EHR, is told all that is open there, in its JSON types`, async () => {
    const { page, shown } = await openedWith(name, await launchOf(name, 'dr.adams', CONTEXT));

    const tokens = await granted(page);

    assert.deepEqual(contextOf(tokens), CONTEXT);
    assert.deepEqual(scopes(tokens.scope), scopes(SCOPE));
    assert.ok(!shown.includes('patient') && !shown.includes('encounter'), `shown were ${shown}`);
    assert.match(await page.evaluate(() => globalThis.client.getFhirUser()), /Practitioner\/adams$/);
    assert.equal(await page.evaluate(() => globalThis.client.encounter.id), CONTEXT.encounter);
    assert.deepEqual(contextOf(await introspect(tokens.access_token)), CONTEXT);
    assert.deepEqual(complaintsOf(page), []);
    await page.context().close();
  });

  test(`${name}, launched by an EHR, reads the patient who is open there and no other`, async () => {
    const { page } = await openedWith(name, await launchOf(name, 'dr.adams', CONTEXT));
    await granted(page);

    const patient = await readPatient(page);
    const own = await read(page, 'Observation?patient=okafor');
    const others = await read(page, 'Patient/nguyen');

    assert.equal(patient.resourceType, 'Patient');
    assert.equal(patient.id, 'okafor');
    assert.ok(own.resource?.entry.length > 0, JSON.stringify(own));
    for (const { resource } of own.resource.entry) assert.equal(resource.subject.reference, 'Patient/okafor');
    assert.equal(others.status, 403, others.told);
    await page.context().close();
  });

  test(`${name}, launched by an EHR, refreshes in the context that was open there`, async () => {
    const { page } = await openedWith(name, await launchOf(name, 'dr.adams', CONTEXT));
    const first = await granted(page);

    const { kept, answer } = await refresh(page, name);

    assert.deepEqual(contextOf(answer), CONTEXT);
    assert.deepEqual(contextOf(kept), CONTEXT);
    assert.notEqual(kept.access_token, first.access_token);
    assert.notEqual(kept.refresh_token, first.refresh_token);
    assert.equal((await readPatient(page)).id, 'okafor');
    await page.context().close();
  });
}

test('an EHR is given the launch URL that the app registered, with the FHIR server and a handle of five minutes', async () => {
  const { status, body } = await handOver('app-public', 'dr.adams', CONTEXT);

  assert.equal(status, 201, JSON.stringify(body));
  const { origin, pathname, searchParams } = new URL(body.launch_url);
  assert.equal(`${origin}${pathname}`, fixture('app-public').launch_url);
  assert.equal(searchParams.get('iss'), fixtures.fhir);
  assert.equal(searchParams.get('launch'), body.launch);
  assert.equal(body.expires_in, 300);
});

test('an app that is launched with little is told no more', async () => {
  const context = { patient: 'haddad' };
  const { page } = await openedWith('app-public', await launchOf('app-public', 'dr.adams', context));

  assert.deepEqual(contextOf(await granted(page)), context);
  await page.context().close();
});

test('a handle that was used is refused, and the app is told at its callback', async () => {
  const by = await launchOf('app-public', 'dr.adams', CONTEXT);
  const first = await openedWith('app-public', by);
  await granted(first.page);

  const second = await openedWith('app-public', by);

  assert.match(await refused(second.page), /^invalid_request\b/);
  for (const { page } of [first, second]) await page.context().close();
});

test('the handle of another app is refused, and the app that shows it is told at its callback', async () => {
  const by = await launchOf('app-secret', 'dr.adams', CONTEXT);

  const { page } = await openedWith('app-public', by);

  assert.match(await refused(page), /^invalid_request\b/);
  await page.context().close();
});

test('a handle that nobody gave out is refused, and the app is told at its callback', async () => {
  const { launch: handle, ...by } = await launchOf('app-public', 'dr.adams', CONTEXT);

  const { page } = await openedWith('app-public', { ...by, launch: `${handle.slice(0, -6)}AAAAAA` });

  assert.match(await refused(page), /^invalid_request\b/);
  await page.context().close();
});

test('the handle for another person opens nothing for whoever signs in', async () => {
  const by = await launchOf('app-public', 'dr.adams', CONTEXT);

  const { page } = await openedWith('app-public', by, { as: 'pat.rivera' });

  assert.match(await refused(page), /^access_denied\b/);
  await page.context().close();
});

/** The members of an answer that say in what context the app runs. */
function contextOf(answer) {
  return Object.fromEntries(Object.keys(CONTEXT).filter((name) => name in answer).map((name) => [name, answer[name]]));
}
