// A real browser: the Chromium that CHROMIUM names, driven by Playwright.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { connect } from 'node:tls';
import { chromium } from 'playwright-core';
import { fixtures, issuer, pem, person } from './peer.mjs';

/** Starts it. It believes the server's own key, which this process has judged by the development CA. */
export async function launch() {
  const executablePath = process.env.CHROMIUM;
  if (!executablePath) throw new Error('CHROMIUM is not set: the path of a Chromium');
  return chromium.launch({
    executablePath,
    // It opens this machine's own pages only, and containers often allow no sandbox; root never has one.
    chromiumSandbox: false,
    args: [`--ignore-certificate-errors-spki-list=${await serverKey()}`],
  });
}

/** A page of a browser that knows nothing of the others. Closing its context ends it. */
export async function pageOf(browser, options) {
  const context = await browser.newContext({
    locale: 'en-US', timezoneId: 'UTC', colorScheme: 'light', reducedMotion: 'reduce', ...options,
  });
  // What hangs ends; what is only slow does not.
  context.setDefaultTimeout(60_000);
  const page = await context.newPage();
  await listen(page);
  return page;
}

const complaints = new WeakMap();

/** What the console said of the pages seen so far, what their policy held back, what did not load. */
export function complaintsOf(page) {
  return complaints.get(page);
}

/** Does what leads to another document; the answer is that document's response, once it has loaded. */
export async function arrival(page, act) {
  const from = page.url();
  const all = Promise.all([
    page.waitForResponse((found) => found.request().isNavigationRequest() && !isRedirect(found)),
    page.waitForEvent('load'),
    act(),
  ]);
  const [response] = await all.catch((cause) => {
    throw new Error(`no way on from ${from}; ${complaintsOf(page).join('; ')}`, { cause });
  });
  return response;
}

/**
 * Walks from an authorization request to its answer by keyboard alone, as this person, who chooses this
 * patient and this visit where a page asks, and allows it or does not. Gives the pages that were shown.
 */
export async function walkByKeyboard(page, { as = 'pat.rivera', patient, encounter, decision = 'allow' } = {}) {
  const who = person(as);
  const steps = {
    'sign-in': ['input[name=password]', () => signInByKeyboard(page, who)],
    patient: ['input[name=patient]', () => chooseByKeyboard(page, 'patient', patient ?? who.patients[0])],
    encounter: ['input[name=encounter]', () => chooseByKeyboard(page, 'encounter', encounter)],
    consent: ['button[name=decision]', () => consentByKeyboard(page, decision)],
  };
  const shown = [];
  while (new URL(page.url()).origin === issuer.origin) {
    const step = await stepOf(page, steps);
    assert.ok(step && !shown.includes(step), `no way on from ${page.url()} after ${shown}`);
    shown.push(step);
    await steps[step][1]();
    await arrival(page, () => page.keyboard.press('Enter'));
  }
  return shown;
}

async function stepOf(page, steps) {
  for (const [name, [selector]] of Object.entries(steps)) {
    if (await page.locator(selector).count()) return name;
  }
  return undefined;
}

async function signInByKeyboard(page, { username, password }) {
  await tabTo(page, 'input[name=username]');
  // The name stands there already when somebody must sign in again.
  await page.keyboard.press('Control+A');
  await page.keyboard.type(username);
  await tabTo(page, 'input[name=password]');
  await page.keyboard.type(password);
}

/** One Tab enters a group of radio buttons, wherever in it; the arrows lead on. */
async function chooseByKeyboard(page, name, value) {
  await tabTo(page, `input[name=${name}]`, 0, true);
  await page.keyboard.press('Space');
  const wanted = page.locator(`input[name=${name}][value="${value}"]`);
  for (let pressed = 0; pressed < 20 && !(await wanted.isChecked()); pressed += 1) {
    await page.keyboard.press('ArrowDown');
  }
  assert.ok(await wanted.isChecked(), `the arrows do not lead to ${name} ${value}`);
}

async function consentByKeyboard(page, decision) {
  // What could be given instead is folded away, where Tab does not lead, and is not ticked.
  const boxes = page.locator('input[type=checkbox][name=scope]:checked');
  for (let at = 0; at < (await boxes.count()); at += 1) {
    await tabTo(page, 'input[type=checkbox][name=scope]:checked', at);
  }
  await tabTo(page, `button[name=decision][value=${decision}]`);
}

/** Presses Tab until the element has the focus, or any like it; the first one may have it from the start. */
async function tabTo(page, selector, index = 0, any = false) {
  const wanted = page.locator(selector).nth(index);
  for (let pressed = 0; pressed < 60; pressed += 1) {
    if (await wanted.evaluate((element) => element === document.activeElement)) return;
    if (any && (await page.locator(`${selector}:focus`).count())) return;
    await page.keyboard.press('Tab');
  }
  throw new Error(`Tab does not lead to ${selector} at ${page.url()}`);
}

async function listen(page) {
  const heard = [];
  complaints.set(page, heard);
  await page.addInitScript(() => {
    addEventListener('securitypolicyviolation', ({ effectiveDirective, blockedURI }) => {
      console.error(`policy: ${effectiveDirective} ${blockedURI}`);
    });
  });
  page.on('console', (message) => {
    // Chromium remarks on a document whose status is that of an error, as it may be meant to be.
    const remark = message.text().startsWith('Failed to load resource') && message.location().url === page.url();
    if (['error', 'warning'].includes(message.type()) && !remark) heard.push(message.text());
  });
  page.on('pageerror', (error) => heard.push(String(error)));
  page.on('requestfailed', (request) => {
    // A page may think better of what it asks for: a search as one types gives way to the next.
    const isGivenUp = request.resourceType() === 'fetch' && request.failure()?.errorText === 'net::ERR_ABORTED';
    if (!isGivenUp) heard.push(`not loaded: ${request.url()}`);
  });
}

function isRedirect(response) {
  return response.status() >= 300 && response.status() <= 399;
}

/** The SHA-256 of the public key that the server shows, where its chain ends at the development CA. */
async function serverKey() {
  const port = Number(issuer.port || 443);
  const socket = connect({ host: issuer.hostname, port, servername: issuer.hostname, ca: pem(fixtures.ca) });
  await new Promise((resolve, reject) => {
    socket.once('secureConnect', resolve).once('error', reject);
  });
  const key = socket.getPeerX509Certificate().publicKey.export({ type: 'spki', format: 'der' });
  socket.destroy();
  return createHash('sha256').update(key).digest('base64');
}
