// What goes over the wire, and the record of it that the inspector shows. The record lives in this tab.
import { keep, kept } from './dom.js';

const MOST_STEPS = 150;
const listeners = new Set();

/** All steps so far, the oldest first. */
export function steps() {
  return kept('timeline') ?? [];
}

/** Calls a function at each new or changed step, and when all are forgotten (with nothing). */
export function onStep(listener) {
  listeners.add(listener);
}

/** Forgets every step. */
export function forget() {
  keep('timeline', null);
  for (const listener of listeners) listener(null);
}

/** Records a step; the answer is its number. */
export function record(step) {
  const all = steps();
  const made = { n: (all.at(-1)?.n ?? 0) + 1, at: Date.now() / 1000, ...step };
  write([...all, made].slice(-MOST_STEPS));
  for (const listener of listeners) listener(made);
  return made.n;
}

/** Writes beside a step whether it went as it should. */
export function judge(n, good, text) {
  const all = steps();
  const step = all.find((found) => found.n === n);
  if (!step) return;
  step.verdict = { good, text };
  write(all);
  for (const listener of listeners) listener(step);
}

/** A headline between the steps: a journey begins. */
export function headline(title) {
  record({ kind: 'headline', title });
}

/** A request of this page, recorded with its answer. `form` is a list of pairs, `json` a value. */
export async function call({ title, why, method = 'GET', url, headers = {}, form, json, quiet }) {
  const begun = performance.now();
  const sent = { accept: 'application/json', ...headers };
  const options = { method, headers: sent, cache: 'no-store', credentials: 'omit', redirect: 'manual' };
  if (form) {
    sent['content-type'] = 'application/x-www-form-urlencoded';
    options.body = new URLSearchParams(form).toString();
  } else if (json !== undefined) {
    sent['content-type'] = 'application/json';
    options.body = JSON.stringify(json);
  }
  const answer = await answerTo(url, options);
  const ms = Math.round(performance.now() - begun);
  const { n } = quiet ? {} : { n: record({ kind: 'call', title, why, method, url, headers: sent, form, json, ms, answer }) };
  return { n, ...answer };
}

async function answerTo(url, options) {
  try {
    const response = await fetch(url, options);
    const text = await response.text();
    return {
      status: response.type === 'opaqueredirect' ? 303 : response.status,
      headers: Object.fromEntries(response.headers),
      body: parsed(text) ?? text,
    };
  } catch (error) {
    return { status: 0, headers: {}, body: `No answer: ${error.message}` };
  }
}

function write(all) {
  for (let at = 0; at < all.length; at += 20) {
    try {
      keep('timeline', all.slice(at));
      return;
    } catch {
      // There is no more room: the oldest steps go first.
    }
  }
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
