// The choice of a patient where there are many. Needs what pages.test.mjs needs.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { MANY, registered } from './admin.mjs';
import { requestOf } from './app.mjs';
import { arrival, complaintsOf, launch, pageOf } from './chromium.mjs';
import { hangUp, issuer } from './peer.mjs';

let browser, robin;

before(async () => {
  browser = await launch();
  robin = await registered({ fhirUser: 'Practitioner/reyes', roles: ['clinician'], patients: MANY });
});

after(async () => {
  await browser?.close();
  await hangUp();
});

/** The picker, before somebody who may act for a dozen patients. */
async function arriveAtPicker(options) {
  const page = await pageOf(browser, options);
  const { url, redeem } = await requestOf('app-public', { prompt: 'consent' });
  await page.goto(url.href);
  await page.locator('input[name=username]').fill(robin.username);
  await page.locator('input[name=password]').fill(robin.password);
  await arrival(page, () => page.keyboard.press('Enter'));
  return { page, redeem };
}

function choices(page) {
  return page.locator('label:has(input[name=patient]) .title');
}

/** Waits until just these are offered. */
async function offered(page, names) {
  await page.waitForFunction((wanted) => {
    const titles = [...document.querySelectorAll('label:has(input[name=patient]) .title')];
    return JSON.stringify(titles.map((title) => title.textContent)) === JSON.stringify(wanted);
  }, names);
}

/** Goes on with the patient who is chosen, and consents. */
async function allow(page) {
  await arrival(page, () => page.locator('form:has(input[name=patient]) button.first').click());
  const answered = page.waitForRequest((request) => new URL(request.url()).origin !== issuer.origin);
  await page.locator('button[name=decision][value=allow]').click();
  return new URL((await answered).url());
}

test('the picker offers every patient of a care team, and none of anybody else', async () => {
  const { page } = await arriveAtPicker();

  const names = await choices(page).allTextContents();

  assert.deepEqual(names.sort(), MANY.map(({ name }) => name).sort());
  await page.context().close();
});

for (const [what, words, found] of [
  ['name', 'castillo', ['Marisol Castillo']],
  ['beginning of a name', 'cast', ['Marisol Castillo']],
  ['birth date', '1961-04-02', ['Leila Ahmed']],
  ['record number', 'M30003', ['Marisol Castillo']],
  ['name of two people', 'Maria Silva', ['Maria Silva', 'Maria Silva']],
  ['name without its accents', 'garcia', ['Ana García']],
]) {
  test(`the picker searches as one types: by a ${what}`, async () => {
    const { page } = await arriveAtPicker();
    const address = page.url();

    await page.locator('#q').pressSequentially(words);

    await offered(page, found);
    assert.equal(page.url(), address, 'the page has stayed');
    assert.deepEqual(complaintsOf(page), []);
    await page.context().close();
  });

  test(`the picker searches without JavaScript: by a ${what}`, async () => {
    const { page } = await arriveAtPicker({ javaScriptEnabled: false });
    await page.locator('#q').fill(words);

    await arrival(page, () => page.keyboard.press('Enter'));

    assert.deepEqual(await choices(page).allTextContents(), found);
    assert.equal(await page.locator('#q').inputValue(), words);
    await page.context().close();
  });
}

test('two patients of one name differ in the picker by birth date and record number', async () => {
  const { page } = await arriveAtPicker();
  await page.locator('#q').pressSequentially('silva');
  await offered(page, ['Maria Silva', 'Maria Silva']);

  const rows = await page.locator('label:has(input[name=patient])').allInnerTexts();

  assert.equal(rows.filter((row) => row.includes('20 April 1961') && row.includes('M30009')).length, 1, rows.join('\n'));
  assert.equal(rows.filter((row) => row.includes('5 November 1994') && row.includes('M30010')).length, 1, rows.join('\n'));
  await page.context().close();
});

test('a search that finds nobody says so, and the next one finds again', async () => {
  const { page } = await arriveAtPicker();

  await page.locator('#q').fill('zzz');
  await offered(page, []);
  assert.match(await page.locator('#status[role=status]').textContent(), /\S/);
  await page.locator('#q').fill('walker');

  await offered(page, ['Grace Walker']);
  await page.context().close();
});

for (const javaScriptEnabled of [true, false]) {
  test(`who was found is the patient in context, ${javaScriptEnabled ? 'with' : 'without'} JavaScript`, async () => {
    const { page, redeem } = await arriveAtPicker({ javaScriptEnabled });
    await page.locator('#q').fill('M30010');
    if (javaScriptEnabled) await offered(page, ['Maria Silva']);
    else await arrival(page, () => page.keyboard.press('Enter'));
    await page.locator('input[name=patient][value=silva-1994]').check();

    const tokens = await redeem(await allow(page));

    assert.equal(tokens.patient, 'silva-1994');
    await page.context().close();
  });
}

test('a choice that was made stays made while the list changes around it', async () => {
  const { page } = await arriveAtPicker();
  await page.locator('input[name=patient][value=silva-1994]').check();

  await page.locator('#q').fill('silva');

  await offered(page, ['Maria Silva', 'Maria Silva']);
  assert.ok(await page.locator('input[name=patient][value=silva-1994]').isChecked());
  await page.context().close();
});
