// The sandbox in a real browser: as a tester uses it. Needs what pages.test.mjs needs.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { complaintsOf, launch, pageOf } from './chromium.mjs';
import { fixtures, hangUp, issuer, person } from './peer.mjs';

const axe = readFileSync(new URL('node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');
const widths = [320, 1280];
/** The tallest picture. */
const TALLEST = 2600;

let browser, pictures;

before(async () => {
  browser = await launch();
  pictures = process.env.HILUM_SCREENSHOTS
    ? fileURLToPath(new URL('../../docs/screenshots', import.meta.url))
    : await mkdtemp(join(tmpdir(), 'hilum-sandbox-'));
  await mkdir(pictures, { recursive: true });
});

after(async () => {
  await browser?.close();
  if (!process.env.HILUM_SCREENSHOTS) await rm(pictures, { recursive: true, force: true });
  await hangUp();
});

for (const app of ['app-public', 'app-secret', 'app-asymmetric']) {
  test(`${app} is launched standalone from the sandbox, refreshes and is revoked`, async () => {
    const page = await deskOf();
    await choose(page, { kind: 'standalone', app, switches: ['offline_access'] });

    await launchAndAgree(page);

    await judged(page, 'The browser comes back to the app', 'state and iss fit');
    assert.equal(await page.locator('#banner dd').first().textContent(), 'rivera');
    assert.equal(await page.locator('#banner .whose').textContent(), 'Pat Rivera born 1984-02-29');
    const checks = await page.locator('#checks li').allTextContents();
    assert.equal(checks.length, 6);
    assert.ok(checks.every((check) => check.startsWith('✓')), checks.join('\n'));
    await press(page, 'Read the patient', 'The app reads Patient', 'answered');
    await press(page, 'Another patient', 'The app reads another patient', 'as expected: refused');
    await press(page, 'Userinfo', 'The app asks who it is', 'answered');
    await press(page, 'Introspect', 'The FHIR server asks about the access token', 'active');
    await press(page, 'Refresh', 'The app refreshes', 'answered');
    await press(page, 'Revoke the refresh token', 'Is the access token dead?', 'as expected: dead');
    await page.context().close();
  });
}

test('an app is launched for a visit', async () => {
  const page = await deskOf();
  await choose(page, { kind: 'encounter', app: 'app-public' });

  await launchAndAgree(page);

  assert.deepEqual(await page.locator('#banner dt').allTextContents(), ['patient', 'encounter']);
  await page.context().close();
});

test('a clinician opens an app without a patient, and searches', async () => {
  const page = await deskOf();
  await choose(page, { kind: 'provider', app: 'app-secret' });

  await launchAndAgree(page, 'dr.adams');

  assert.equal(await page.locator('#banner dt').count(), 0);
  await press(page, 'Search patients', 'The app reads Patient', 'found');
  await page.context().close();
});

test('a system gets a token from the sandbox, and the server tells what it is for', async () => {
  const page = await deskOf();
  await choose(page, { kind: 'backend' });

  await page.locator('#launch').click();

  await judged(page, 'The system asks for a token', 'a token for 300 s');
  await judged(page, 'The FHIR server asks about the access token', 'active');
  await judged(page, 'It reads patients', '5 patients');
  await page.context().close();
});

/** The mistakes that need no EHR, and none that takes a minute. */
const atOnce = ['wrong_aud', 'no_state', 'no_pkce', 'plain_pkce', 'unregistered_scope'];
for (const mistake of atOnce) {
  test(`the mistake ${mistake} ends as the sandbox says it must`, async () => {
    const page = await deskOf();
    await choose(page, { kind: 'standalone', app: 'app-public', mistake });

    await page.locator('#launch').click();

    await page.locator('#verdict .notice.good').waitFor();
    await page.context().close();
  });
}

test('a wrong redirect_uri leads to a page of the server, which the sandbox shows', async () => {
  const page = await deskOf();
  await choose(page, { kind: 'standalone', app: 'app-public', mistake: 'wrong_redirect' });

  await page.locator('#launch').click();

  await judged(page, 'The authorization request, asked from here', 'as expected: a page, and no redirect');
  await page.context().close();
});

for (const [mistake, app] of [['wrong_verifier', 'app-public'], ['code_twice', 'app-secret'], ['tampered_token', 'app-asymmetric'], ['refresh_reuse', 'app-public'], ['refresh_reuse', 'app-secret']]) {
  test(`the mistake ${mistake} of ${app} ends as the sandbox says it must`, async () => {
    const page = await deskOf();
    await choose(page, { kind: 'standalone', app, mistake });

    await launchAndAgree(page);

    await page.locator('#verdict .notice').waitFor();
    assert.match(await page.locator('#verdict').textContent(), /✓ .*: as expected/);
    await page.context().close();
  });
}

for (const app of ['app-public', 'app-asymmetric']) {
  test(`the EHR of the sandbox launches ${app} with a patient, and the handle works once`, async () => {
    const page = await deskOf();
    await choose(page, { kind: 'ehr', app });
    await page.locator('#field-user').selectOption('dr.adams');
    const patient = await page.locator('#field-patient').inputValue();
    assert.equal(patient, person('dr.adams').patients[0]);

    await launchAndAgree(page, 'dr.adams');

    await judged(page, 'The browser comes back to the app', 'state and iss fit');
    assert.equal(await page.locator('#banner dd').first().textContent(), patient);
    await page.locator('#buttons button', { hasText: 'The same launch once more' }).click();
    await page.locator('#verdict .notice.good').waitFor();
    await page.context().close();
  });
}

/** The mistakes around a launch, and who signs in: the EHR names dr.adams. */
const launches = [['launch_other_app', 'dr.adams'], ['another_user', 'pat.rivera'], ['launch_without_scope', 'dr.adams'], ['launch_twice', 'dr.adams']];
for (const [mistake, as] of launches) {
  test(`the mistake ${mistake} of a launch ends as the sandbox says it must`, async () => {
    const page = await deskOf();
    await choose(page, { kind: 'ehr', app: 'app-public', mistake });
    await page.locator('#field-user').selectOption('dr.adams');

    await launchAndAgree(page, as);
    if (mistake === 'launch_twice') await page.locator('#buttons button', { hasText: 'The same launch once more' }).click();

    await page.locator('#verdict .notice.good').waitFor();
    await page.context().close();
  });
}

test('an authorization request by POST works as one by GET does', async () => {
  const page = await deskOf();
  await page.locator('#finer summary').click();
  await page.locator('#field-method').selectOption('POST');

  await launchAndAgree(page);

  assert.equal(await page.locator('#banner dd').first().textContent(), 'rivera');
  await page.context().close();
});

test('the terminal recipes work as they are shown', async () => {
  const page = await deskOf();
  const commands = await page.locator('#recipes pre').allTextContents();
  assert.equal(commands.length, 3);

  const [byCertificate, byAssertion] = await Promise.all(commands.map((command) => typed(page, command)));

  const [claims, opened, refused] = byCertificate.trim().split('\n').map((line) => JSON.parse(line));
  assert.ok(claims.cnf['x5t#S256'], byCertificate);
  assert.ok(opened.resourceType === 'Bundle' && opened.total > 0, byCertificate);
  assert.equal(refused.issue[0].code, 'login', byCertificate);
  const [found, told] = byAssertion.trim().split('\n').map((line) => JSON.parse(line));
  assert.equal(found.total, opened.total, byAssertion);
  assert.ok(told.active && told.cnf['x5t#S256'] && told.scope === 'system/Claim.rs', byAssertion);

  await page.context().close();
});

for (const kind of ['standalone', 'ehr', 'backend']) {
  test(`what would be granted is told by the command that is shown, ${kind}`, async () => {
    const page = await deskOf();
    await choose(page, { kind });
    const command = await page.locator('#explain pre').textContent();

    const told = JSON.parse(await typed(page, `${command} --json`));

    assert.equal(told.outcome, 'granted', JSON.stringify(told, null, 1));
    await page.context().close();
  });
}

test('the EHR launches another app, registered as the page shows', async () => {
  const page = await deskOf();
  await choose(page, { kind: 'ehr', app: 'other' });
  const [, id] = /client_id +(\S+)/.exec(await typed(page, await page.locator('#register pre').textContent()));
  await page.locator('#launch').click();
  assert.match(await page.locator('#field-client-problem').textContent(), /client_id is missing/);
  assert.equal(await page.locator('#timeline details').count(), 0);
  await page.locator('#field-client').fill(id);
  await page.route('http://localhost:3000/**', (route) => route.fulfill({ contentType: 'text/plain', body: 'the app' }));

  await page.locator('#launch').click();

  await page.waitForURL('http://localhost:3000/launch?**');
  const opened = new URL(page.url()).searchParams;
  assert.deepEqual([...opened.keys()], ['iss', 'launch']);
  assert.equal(opened.get('iss'), fixtures.fhir);
  // Another launch URL than those registered is refused, and the page says so.
  await page.goto(new URL('/sandbox', issuer).href);
  await page.locator('body[data-ready]').waitFor();
  await page.locator('#field-launch_url').fill('http://localhost:3000/elsewhere');
  await page.locator('#launch').click();
  await page.locator('#trouble', { hasText: 'launch_url is not registered for this client' }).waitFor();
  await page.context().close();
});

test('the patient of the EHR is the first of its user, until another is chosen', async () => {
  const page = await deskOf();
  await choose(page, { kind: 'ehr' });
  const patient = page.locator('#field-patient');
  assert.equal(await patient.inputValue(), 'rivera');
  for (const chosen of ['nguyen', '']) {
    await patient.selectOption(chosen);
    await page.reload();
    await page.locator('body[data-ready]').waitFor();
    assert.equal(await patient.inputValue(), chosen);
  }

  await page.locator('#field-user').selectOption('pat.rivera');

  assert.equal(await patient.inputValue(), 'rivera');
  await page.context().close();
});

test('a fhirContext that cannot be sent is told beside its field, before anything is sent', async () => {
  const page = await deskOf();
  await choose(page, { kind: 'ehr' });
  const field = page.locator('#field-fhirContext');
  const rows = [['[{', 'This is not JSON'], ['{"reference": "Task/1"}', 'put [ and ] around it'], ['["Task/1"]', 'Number 1 of the list must be an object'], ['[{"type": "Task"}]', 'needs a reference']];
  for (const [text, words] of rows) {
    await field.fill(text);
    await page.locator('#launch').click();
    const problem = page.locator('#field-fhirContext-problem');
    await problem.filter({ hasText: words }).waitFor();
    assert.equal(await field.getAttribute('aria-invalid'), 'true');
    assert.ok((await field.getAttribute('aria-describedby')).includes('field-fhirContext-problem'));
    assert.ok(await field.evaluate((element) => element === document.activeElement));
  }
  assert.equal(await page.locator('#timeline details').count(), 0);
  await field.fill('[{"reference": "Task/1"}]');
  assert.equal(await page.locator('#field-fhirContext-problem').count(), 0);

  await launchAndAgree(page, 'dr.adams');

  assert.ok((await page.locator('#banner dt').allTextContents()).includes('fhirContext'));
  await page.context().close();
});

test('whatever stands after # in the address, the page works', async () => {
  for (const hash of ['#foo%20bar', '#%zz', '#1', '#terminal']) {
    const page = await deskOf();
    await page.goto(new URL(`/sandbox${hash}`, issuer).href);
    await page.reload();
    await page.locator('body[data-ready]').waitFor();
    assert.deepEqual(complaintsOf(page), [], hash);
    await page.context().close();
  }
});

test('a browser without the key is told to open the address that hilum dev printed', async () => {
  for (const path of ['/sandbox', '/sandbox?key=wrong', '/sandbox/app/launch']) {
    const page = await pageOf(browser);
    await page.goto(new URL(path, issuer).href);
    await page.locator('#trouble', { hasText: 'Open the address that hilum dev printed' }).waitFor();
    assert.ok(!page.url().includes('key='));
    await page.context().close();
  }
});

test('each part that was given stands under the scope that was asked for', async () => {
  const page = await deskOf();
  const lab = 'patient/Observation.rs?category=laboratory';
  const rows = [
    [['openid'], ['openid'], ['openid given']],
    [['openid', 'patient/Patient.r'], ['openid'], ['openid given', 'patient/Patient.r not given']],
    [['patient/Observation.rs'], [lab], [`patient/Observation.rs only some of it: > ${lab}`]],
    [['patient/*.read'], [lab, 'patient/Patient.r'], [`patient/*.read only some of it: > ${lab} patient/Patient.r`]],
    [['patient/*.write'], ['patient/Patient.r'], ['patient/*.write not given', 'patient/Patient.r given, though not asked for']],
    [['patient/Task.r', 'patient/Task.s'], ['patient/Task.rs'], ['patient/Task.r given, within patient/Task.rs', 'patient/Task.s given, within patient/Task.rs', 'patient/Task.rs given for those within it']],
    [['user/Task.rs', lab], ['patient/Task.rs', 'patient/Observation.rs'], ['user/Task.rs not given', `${lab} given, within patient/Observation.rs`, 'patient/Task.rs given, though not asked for', 'patient/Observation.rs given for those within it']],
  ];

  const told = await page.evaluate(async (all) => {
    const { compare } = await import('/sandbox/scopes.js');
    return all.map(([asked, granted]) => compare(asked, granted).map(({ scope, says, parts }) => [`${scope} ${says}`, ...(parts.length ? ['>'] : []), ...parts].join(' ')));
  }, rows);

  assert.deepEqual(told, rows.map(([, , due]) => due));
  await page.context().close();
});

test('an app that is given only a part shows it under what it asked for', async () => {
  const page = await deskOf();
  await page.locator('#scope').fill('launch/patient openid patient/Patient.rs patient/Observation.rs');

  await launchAndAgree(page, 'pat.rivera', async () => {
    await page.locator('input[type=checkbox][name=scope][value="patient/Observation.rs"]').uncheck();
    for (const folded of await page.locator('details:not([open]) > summary').all()) await folded.click();
    await page.locator('input[type=checkbox][name=scope][value^="patient/Observation.rs?"]').first().check();
  });

  const row = page.locator('.scopes > li', { has: page.locator(':scope > code', { hasText: /^patient\/Observation\.rs$/ }) });
  assert.match(await row.textContent(), /only some of it:.*patient\/Observation\.rs\?category=/);
  await page.context().close();
});

const pages = {
  launch: async () => deskOf({ bypassCSP: true }),
  mistakes: async () => {
    const page = await deskOf({ bypassCSP: true });
    await page.locator('#kinds input[value=ehr]').check();
    for (const id of ['finer', 'mistakes']) await page.locator(`#${id} > summary`).click();
    return page;
  },
  'another-app': async () => {
    const page = await deskOf({ bypassCSP: true });
    await choose(page, { kind: 'ehr', app: 'other' });
    await page.locator('#field-fhirContext').fill('[');
    await page.locator('#launch').click();
    for (const id of ['other', 'scope']) await page.locator(`fieldset:has(#${id}) details > summary`).click();
    return page;
  },
  app: async () => {
    const page = await deskOf({ bypassCSP: true });
    await choose(page, { kind: 'standalone', app: 'app-public' });
    await launchAndAgree(page);
    await page.locator('#step-2 summary').first().click();
    await step(page, 'The app redeems the code').locator('summary').first().click();
    return page;
  },
  'app-without-launch': async () => {
    const page = await deskOf({ bypassCSP: true });
    await page.goto(new URL('/sandbox/app/launch', issuer).href);
    await page.locator('body[data-ready]').waitFor();
    return page;
  },
};

for (const [name, open] of Object.entries(pages)) {
  test(`axe finds nothing amiss on the sandbox page ${name}, narrow or wide, light or dark`, async () => {
    const page = await open();
    await page.evaluate(axe);

    for (const width of widths) {
      await page.setViewportSize({ width, height: 800 });
      for (const colorScheme of ['light', 'dark']) {
        await page.emulateMedia({ colorScheme });
        const { violations } = await page.evaluate(() => globalThis.axe.run());
        const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
        assert.deepEqual(found, [], `${width} px, ${colorScheme}`);
      }
      await page.emulateMedia({ colorScheme: 'light' });
      const [needed, given] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
      assert.ok(needed <= given, `at ${width} px the page is ${needed} px wide`);
    }
    if (['launch', 'app'].includes(name)) {
      for (const width of widths) await takePicture(page, width, `sandbox-${name}-${width}.png`);
    }
    await page.context().close();
  });
}

test('the console of the sandbox stays silent, and its policy holds nothing back', async () => {
  const page = await deskOf();
  await choose(page, { kind: 'standalone', app: 'app-asymmetric', switches: ['offline_access'] });

  await launchAndAgree(page);

  assert.deepEqual(complaintsOf(page), []);
  await page.context().close();
});

/** The launch page, ready, in a browser of its own. */
async function deskOf(options) {
  const page = await pageOf(browser, options);
  await page.goto(fixtures.sandbox);
  await page.locator('body[data-ready]').waitFor();
  return page;
}

async function choose(page, { kind, app, switches = [], mistake }) {
  await page.locator(`#kinds input[value=${kind}]`).check();
  if (app) await page.locator(`#apps input[value=${app}]`).check();
  for (const scope of switches) await page.locator(`#switch-${scope}`).click();
  if (!mistake) return;
  await page.locator('#mistakes > summary').click();
  await page.locator(`#mistake-list input[value=${mistake}]`).check();
}

/** Launches, and does at each page of the server what a person would. */
async function launchAndAgree(page, as = 'pat.rivera', atConsent = async () => {}) {
  const { username, password, patients } = person(as);
  await page.locator('#launch').click();
  const arrived = page.locator('body[data-ready] #lead, input[name=password], input[name=patient], input[name=encounter], button[name=decision]');
  for (let shown = 0; shown < 6; shown += 1) {
    await page.waitForURL((url) => url.pathname !== '/sandbox');
    await arrived.first().waitFor({ state: 'attached' });
    if (new URL(page.url()).pathname.startsWith('/sandbox/app/')) return;
    const before = page.url();
    if (await page.locator('input[name=password]').count()) {
      await page.locator('input[name=username]').fill(username);
      await page.locator('input[name=password]').fill(password);
      await page.keyboard.press('Enter');
    } else if (await page.locator('input[name=patient]').count()) {
      await page.locator(`input[name=patient][value="${patients[0]}"]`).check();
      await page.locator('form:has(input[name=patient]) button[type=submit]').first().click();
    } else if (await page.locator('input[name=encounter]').count()) {
      await page.locator('input[name=encounter]').first().check();
      await page.locator('form:has(input[name=encounter]) button[type=submit]').first().click();
    } else {
      await atConsent();
      await page.locator('button[name=decision][value=allow]').click();
    }
    await page.waitForURL((url) => url.href !== before);
  }
  throw new Error(`the journey does not end: ${page.url()}`);
}

function step(page, title) {
  return page.locator('#timeline > li', { has: page.locator('summary b', { hasText: title }) }).last();
}

/** Waits until the newest step of this title is judged good, and so. */
async function judged(page, title, verdict) {
  await step(page, title).locator('.badge', { hasText: new RegExp(`^✓ (\\d+ )?${verdict}`) }).waitFor();
}

async function press(page, button, title, verdict) {
  await page.locator('#buttons button', { hasText: button }).first().click();
  await judged(page, title, verdict);
}

/** What a command prints, typed with the files and the program where this run has them. */
async function typed(page, command) {
  const { folder, program } = await page.evaluate(async () => (await fetch('/sandbox/config.json')).json());
  const files = resolve(dirname(process.env.HILUM_FIXTURES));
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const here = command.replaceAll(`${folder}/`, `${files}/`).replaceAll(`${program} `, `${resolve(root, program)} `);
  // What only these tests read is no configuration of the program.
  const { HILUM_SCREENSHOTS: _pictures, HILUM_FIXTURES: _fixtures, ...env } = process.env;
  return execFileSync('bash', ['-c', here], { encoding: 'utf8', env });
}

/** The same picture of the same page, whatever was random in it. */
async function takePicture(page, width, file) {
  const path = join(pictures, file);
  await page.setViewportSize({ width, height: 800 });
  await page.mouse.move(0, 0);
  // The longest answer is folded away, which nobody reads in a picture.
  for (const unfolded of await page.locator('#step-2 details[open] > summary').all()) await unfolded.click();
  // As tall as the page, or what of it a picture has room for: the bar that launches stands where it ends.
  const tall = await page.evaluate(() => document.documentElement.scrollHeight);
  await page.setViewportSize({ width, height: Math.min(tall, TALLEST) });
  await page.evaluate(() => scrollTo(0, 0));
  await page.evaluate(async ({ origin, mtls }) => {
    const { folder, program } = await (await fetch('/sandbox/config.json')).json();
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      texts.currentNode.data = texts.currentNode.data
        .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '017f22e2-79b0-7cc3-98c4-dc0c0c07398f')
        .replaceAll(/"[\w-]{43}"/g, '"wLwHp2LtYNKt018fUq_t1IugNbklM1sCY-VuL_6dFtI"').replaceAll(/"(?=[\w-]*[A-Z])[\w-]{22}"/g, '"jHCnIaGVWOzlSfrXhCV4RA"')
        .replaceAll(/\b1\d{9}\b/g, '1767225600').replaceAll(/[\d/]+, [\d:]+ [AP]M/g, '1/1/2026, 12:00:00 AM')
        .replaceAll(/ · \d+ ms/g, ' · 12 ms').replaceAll(/^\S{6}… show$/g, '•••••• show')
        .replaceAll(folder, 'data/dev').replaceAll(program, 'hilum')
        .replaceAll(mtls, 'https://localhost:8444').replaceAll(origin, 'https://localhost:8443');
    }
  }, { origin: issuer.origin, mtls: fixtures.mtls });
  await page.screenshot({ path, animations: 'disabled', caret: 'hide' });
  assert.ok((await stat(path)).size > 0, path);
}
