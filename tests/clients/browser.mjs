// A browser at the level of HTTP: cookies, redirects and plain HTML forms, without a script.
import assert from 'node:assert/strict';
import { parse } from 'parse5';
import { Headers, getSetCookies, request } from 'undici';
import { agentOf, issuer, person } from './peer.mjs';

/** One browser of one person. It stays with the server and stops where an app would take over. */
export class Browser {
  #cookies = new Map();

  /** Goes where an app sends it: to a page, or to the address at which the server sends it away. */
  visit(url) {
    return this.#follow(new URL(url), { method: 'GET', site: 'cross-site' });
  }

  /** Sends a form of this page, as `Form.entries` wrote it down. */
  submit(page, form, entries) {
    return this.#follow(new URL(form.action || page.url, page.url), {
      method: 'POST',
      site: 'same-origin',
      // Fetch, 3.2: a form of a page whose policy is no-referrer has the origin null.
      origin: page.headers.get('referrer-policy') === 'no-referrer' ? 'null' : issuer.origin,
      body: new URLSearchParams(entries).toString(),
    });
  }

  async #follow(url, { method, site, origin, body }) {
    const { statusCode, headers, body: content } = await request(url, {
      method,
      body,
      dispatcher: agentOf('a browser'),
      headers: {
        accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
        'sec-fetch-dest': 'document',
        'sec-fetch-mode': 'navigate',
        'sec-fetch-site': site,
        'sec-fetch-user': '?1',
        'upgrade-insecure-requests': '1',
        ...(origin && { origin }),
        ...(body !== undefined && { 'content-type': 'application/x-www-form-urlencoded' }),
        ...(this.#cookies.size > 0 && { cookie: [...this.#cookies].map((pair) => pair.join('=')).join('; ') }),
      },
    });
    const answer = headersOf(headers);
    const text = await content.text();
    this.#keep(answer);
    if (statusCode < 300 || statusCode > 399) return new Page(url, statusCode, answer, text);

    // Any other redirect might send the form, password and all, once more (RFC 9700, 4.12).
    assert.equal(statusCode, 303, `${method} ${url.pathname} redirects`);
    const next = new URL(answer.get('location'), url);
    return isServers(next) ? this.#follow(next, { method: 'GET', site }) : next;
  }

  #keep(headers) {
    for (const cookie of getSetCookies(headers)) {
      const { name, value, secure, path, domain, maxAge, expires } = cookie;
      // RFC 6265bis, 4.1.3.2: a browser takes a cookie of this prefix on these terms alone.
      if (name.startsWith('__Host-') && !(secure && path === '/' && !domain)) continue;
      const gone = maxAge !== undefined ? maxAge <= 0 : expires !== undefined && expires <= new Date();
      if (gone) this.#cookies.delete(name);
      else this.#cookies.set(name, value);
    }
  }
}

/** A page as a program reads it. */
export class Page {
  constructor(url, status, headers, text) {
    Object.assign(this, { url, status, headers, text });
    this.forms = [...elements(parse(text))].filter((e) => e.tagName === 'form').map((e) => new Form(e));
  }

  /** The form that has a control of this name. */
  formWith(name) {
    return this.forms.find((form) => form.controls.some((control) => control.name === name));
  }
}

class Form {
  constructor(element) {
    const { action = '', method = 'get' } = attributes(element);
    this.action = action;
    this.method = method.toLowerCase();
    this.controls = [...elements(element)].filter((e) => ['input', 'button'].includes(e.tagName)).map(control);
  }

  /**
   * The name and value pairs that this form sends with these texts written, with the boxes and radio
   * buttons marked for which `marks` is true, and with this button pressed, if it has a name.
   */
  entries({ texts = {}, marks = (found) => found.checked, press } = {}) {
    const sent = [];
    for (const found of this.controls) {
      const { name, type, value, disabled } = found;
      if (!name || disabled) continue;
      if (type === 'checkbox' || type === 'radio') {
        if (marks(found)) sent.push([name, value]);
      } else if (type === 'submit' || type === 'button') {
        if (press?.name === name && press.value === value) sent.push([name, value]);
      } else {
        sent.push([name, texts[name] ?? value]);
      }
    }
    for (const name of [...Object.keys(texts), ...(press ? [press.name] : [])]) {
      assert.ok(sent.some(([found]) => found === name), `the form has no usable ${name}`);
    }
    return sent;
  }
}

/**
 * What a person does between an authorization request and its answer: signs in, chooses the patient
 * and consents to every scope but those in `without`, and to what else the page offers. Gives the answer's address and the pages shown.
 */
export async function answerTo(url, browser, { as = 'pat.rivera', decision = 'allow', without = [] } = {}) {
  const { username, password, patients } = person(as);
  const steps = {
    password: () => ({ texts: { username, password } }),
    patient: () => ({ marks: ({ name, value }) => name === 'patient' && value === patients[0] }),
    decision: () => ({
      marks: ({ name, value, checked }) => (name === 'scope' ? !without.includes(value) : checked),
      press: { name: 'decision', value: decision },
    }),
  };
  const shown = [];
  let at = await browser.visit(url);
  while (at instanceof Page) {
    const { text, status } = at;
    const step = Object.keys(steps).find((name) => at.formWith(name));
    assert.ok(step && !shown.includes(step), `no way on from ${at.url} (${status}) after ${shown}:\n${text}`);
    shown.push(step);
    const form = at.formWith(step);
    assert.equal(form.method, 'post', step);
    at = await browser.submit(at, form, form.entries(steps[step]()));
  }
  return { callback: at, shown };
}

/** The demonstration app lives below the issuer, too. */
function isServers(url) {
  return url.origin === issuer.origin && !url.pathname.startsWith('/sandbox/');
}

function headersOf(raw) {
  const headers = new Headers();
  for (const [name, values] of Object.entries(raw)) {
    for (const value of [values].flat()) headers.append(name, value);
  }
  return headers;
}

function* elements(node) {
  for (const child of node.childNodes ?? []) {
    yield child;
    yield* elements(child);
  }
}

function attributes({ attrs }) {
  return Object.fromEntries(attrs.map(({ name, value }) => [name, value]));
}

function control(element) {
  const { name, type, value, checked, disabled } = attributes(element);
  const plain = element.tagName === 'button' ? 'submit' : 'text';
  const marked = ['checkbox', 'radio'].includes(type);
  return {
    name,
    type: type?.toLowerCase() ?? plain,
    value: value ?? (marked ? 'on' : ''),
    checked: checked !== undefined,
    disabled: disabled !== undefined,
  };
}
