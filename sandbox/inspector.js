// The inspector: each step of a journey, what was sent, what came back, and what the tokens in it say.
import { read } from './crypto.js';
import { byId, copyButton, el, fill, inWords } from './dom.js';
import { quoted, word } from './recipe.js';
import { forget, onStep, steps } from './wire.js';

const SECRET = /^(authorization|client_secret|client_assertion|code|code_verifier|token|access_token|refresh_token|id_token|password|launch)$/;
const CONTEXT = /^(patient|encounter|fhirContext|intent|need_patient_banner|smart_style_url|tenant|fhirUser|scope)$/;
const TIMES = /^(exp|iat|nbf|auth_time)$/;

const opened = new Set();
let folder = 'data/dev';
let revealed = false;

/** Shows the record in `#inspector` from now on. Files for curl are below `place`. */
export function inspect(place) {
  folder = place ?? folder;
  fill(byId('inspector-tools'),
    el('label', { class: 'switch' }, el('input', { type: 'checkbox', onchange: ({ target }) => { revealed = target.checked; all(); } }), ' Show secrets'),
    copyButton('Copy all', () => JSON.stringify(steps(), null, 2)),
    el('button', { type: 'button', class: 'small quiet', onclick: forget }, 'Clear'));
  onStep((step) => {
    if (!step) return all();
    const now = document.getElementById(`step-${step.n}`);
    if (now) return now.replaceWith(item(step));
    if (byId('timeline').dataset.empty) all();
    else byId('timeline').append(item(step));
    return undefined;
  });
  all();
}

function all() {
  const found = steps();
  const timeline = byId('timeline');
  if (found.length === 0) {
    timeline.dataset.empty = 'yes';
    fill(timeline, el('li', { class: 'empty' }, 'Nothing yet. Start a launch, and every request and answer is listed here, with the tokens decoded.'));
  } else {
    delete timeline.dataset.empty;
    fill(timeline, found.map(item));
  }
}

function item(step) {
  const { n, kind, title, verdict } = step;
  if (kind === 'headline') return el('li', { class: 'headline', id: `step-${n}` }, title);
  const details = el('details', {
    open: opened.has(n),
    ontoggle: ({ target }) => { if (target.open) opened.add(n); else opened.delete(n); },
  },
  el('summary', {},
    el('span', { class: 'n' }, String(n)),
    el('span', { class: 'what' }, el('b', {}, title), el('code', {}, line(step))),
    el('span', { class: 'marks' }, status(step), verdict && el('span', { class: `badge ${verdict.good ? 'good' : 'bad'}` }, `${verdict.good ? '✓' : '✗'} ${verdict.text}`))),
  el('div', { class: 'inside' }, ...inside(step)));
  return el('li', { id: `step-${n}` }, details);
}

function line({ method, url }) {
  if (!url) return '';
  const at = new URL(url, location.href);
  return `${method ?? ''} ${at.origin === location.origin ? at.pathname : at.origin + at.pathname}`;
}

function status({ kind, answer, ms }) {
  if (kind === 'navigation') return el('span', { class: 'badge' }, 'in the browser');
  if (!answer) return null;
  const text = answer.status === 0 ? 'no answer' : `${answer.status}`;
  return el('span', { class: `badge status-${String(answer.status)[0]}` }, `${text} · ${ms} ms`);
}

function* inside(step) {
  const { why, url, headers, form, json, answer, at, kind } = step;
  if (why) yield el('p', { class: 'why' }, why);
  if (url) yield el('p', { class: 'address' }, el('code', {}, `${step.method} ${shortened(url, kind)}`));
  if (kind === 'call') yield el('p', {}, copyButton('Copy as curl', () => curl(step)));
  const sent = Object.entries(headers ?? {}).filter(([name]) => !['accept', 'content-type'].includes(name));
  if (sent.length) yield* part('Sent headers', table(sent));
  const query = !form && url ? [...new URL(url, location.href).searchParams] : [];
  const pairs = form ?? query;
  if (pairs.length) yield* part(kind === 'answer' ? 'Came back' : 'Sent parameters', table(pairs));
  if (json !== undefined) yield* part('Sent JSON', tree(json));
  yield* tokens('sent', pairs.concat(sent.map(([name, value]) => [name, value.replace(/^Bearer /, '')])), at);
  if (!answer) return;
  yield* part(`Answer: ${answer.status || 'none'}`, typeof answer.body === 'string' ? text(answer.body) : tree(answer.body));
  const told = Object.entries(answer.headers).filter(([name]) => ['www-authenticate', 'cache-control', 'location', 'retry-after', 'x-request-id', 'content-type'].includes(name));
  if (told.length) yield* part('Answer headers', table(told));
  if (answer.body && typeof answer.body === 'object') yield* tokens('in the answer', Object.entries(answer.body), at);
}

function shortened(url, kind) {
  const at = new URL(url, location.href);
  return kind === 'call' && at.search && [...at.searchParams].length > 3 ? at.origin + at.pathname : at.origin + at.pathname + (kind === 'call' ? at.search : '');
}

function* part(title, ...content) {
  yield el('h3', {}, title);
  yield* content;
}

function text(body) {
  const short = body.length > 1500 ? `${body.slice(0, 1500)} …` : body;
  return el('pre', {}, short || '(empty)');
}

function table(pairs) {
  return el('dl', { class: 'pairs' }, pairs.map(([name, value]) => [
    el('dt', {}, name),
    el('dd', { class: CONTEXT.test(name) ? 'context' : null }, SECRET.test(name) ? secret(value) : String(value)),
  ]));
}

/** A secret shows only how it begins until it is clicked. */
function secret(value) {
  if (revealed) return String(value);
  const button = el('button', {
    type: 'button', class: 'secret', title: 'Show',
    onclick: () => { button.replaceWith(document.createTextNode(value)); },
  }, `${String(value).slice(0, 6)}… show`);
  return button;
}

/** JSON, indented, with the members that carry context marked. */
function tree(value) {
  const signs = [];
  const write = (part, indent, name) => {
    if (part === null || typeof part !== 'object') {
      const shown = JSON.stringify(part);
      if (name && SECRET.test(name) && typeof part === 'string') signs.push('"', secret(part), '"');
      else signs.push(el('span', { class: typeof part === 'string' ? 'string' : 'atom' }, shown));
      return;
    }
    const isList = Array.isArray(part);
    const entries = Object.entries(part);
    signs.push(isList ? '[' : '{');
    entries.forEach(([key, inner], at) => {
      signs.push(`\n${'  '.repeat(indent + 1)}`);
      if (!isList) signs.push(el(CONTEXT.test(key) && indent === 0 ? 'mark' : 'span', { class: 'key' }, JSON.stringify(key)), ': ');
      write(inner, indent + 1, isList ? undefined : key);
      if (at < entries.length - 1) signs.push(',');
    });
    signs.push(entries.length ? `\n${'  '.repeat(indent)}` : '', isList ? ']' : '}');
  };
  write(value, 0);
  const whole = JSON.stringify(value);
  if (whole.length < 8000) return el('pre', {}, signs);
  return el('details', { class: 'long' }, el('summary', {}, `${Math.round(whole.length / 1024)} kB of JSON`), el('pre', {}, signs));
}

/** What the tokens among these pairs say. */
function* tokens(where, pairs, at) {
  for (const [name, value] of pairs) {
    const token = read(value);
    if (token) {
      yield el('h3', {}, `${name} ${where}, decoded`);
      yield el('div', { class: 'token' }, el('p', { class: 'half' }, 'Header'), tree(token.header), el('p', { class: 'half' }, 'Claims'), tree(token.claims), times(token.claims, at));
    }
  }
}

function times(claims, at) {
  const found = Object.entries(claims).filter(([name, value]) => TIMES.test(name) && typeof value === 'number');
  return found.length > 0 && el('ul', { class: 'times' }, found.map(([name, value]) => el('li', {},
    el('b', {}, name), ` ${inWords(value, at)} `, el('span', { class: 'soft' }, new Date(value * 1000).toLocaleString()))));
}

/** The request as a command, with its secrets. */
export function curl({ method, url, headers, form, json }) {
  const parts = [`curl --cacert ${word(`${folder}/ca.pem`)}`];
  if (method !== 'GET' && method !== 'POST') parts.push(`-X ${method}`);
  for (const [name, value] of Object.entries(headers)) parts.push(`-H ${quoted(`${name}: ${value}`)}`);
  for (const [name, value] of form ?? []) parts.push(`--data-urlencode ${quoted(`${name}=${value}`)}`);
  if (json !== undefined) parts.push(`-d ${quoted(JSON.stringify(json))}`);
  return `${parts.join(' \\\n  ')} \\\n  ${quoted(url)}`;
}
