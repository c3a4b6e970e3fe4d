// The launch page: a tiny EHR and a tiny app store.
import { chart, run } from './backend.js';
import { APPS, KINDS, OTHER, PRESETS, SWITCHES, SYSTEMS, defaults, list, scopeOf } from './choices.js';
import { byId, copyButton, el, fill, keep, kept } from './dom.js';
import { launchUrl, problemsOf } from './ehr.js';
import { inspect } from './inspector.js';
import { MISTAKES, expected, mistakeOf } from './mistakes.js';
import { quoted, recipes, registration, word } from './recipe.js';
import { authorize, config } from './smart.js';
import { headline, record as written } from './wire.js';

const plan = { ...defaults(), ...kept('plan') };
let known;
let record = { patients: [], encounters: [] };
/** What is wrong with what was typed, by the name of the field. */
let problems = {};

/** Changes the plan, and all that the page shows of it. */
function choose(change) {
  Object.assign(plan, change);
  keep('plan', plan);
  draw();
}

function chooseKind(kind) {
  const { preset, hint } = KINDS.find(({ id }) => id === kind);
  const { system } = plan;
  const fits = !plan.mistake || isPossible(mistakeOf(plan.mistake), kind);
  const scopes = kind === 'backend' ? SYSTEMS.find(({ id }) => id === system).preset : preset;
  const app = kind !== 'ehr' && isOther() ? APPS[0].id : plan.app;
  choose({ kind, app, preset: scopes, scope: scopeOf(kind, scopes), hint: hint ?? plan.hint, mistake: fits ? plan.mistake : '' });
}

/** Whether the EHR is to open an app that is not the sandbox's. */
function isOther() {
  return plan.app === OTHER.id;
}

/** The patient with whom a user of the EHR begins: the first of the user's; null while none is known. */
function firstPatientOf(user) {
  const [first = ''] = known.users.find(({ username }) => username === user)?.patients ?? [];
  if (record.patients.length === 0) return null;
  return record.patients.some(({ id }) => id === first) ? first : '';
}

function isPossible({ kind }, chosen) {
  return chosen !== 'backend' && (!kind || kind === chosen);
}

/** A group of radio buttons that look like cards. */
function cards(place, name, options, chosen, pick) {
  fill(byId(place), options.map(({ id, title, says }) => el('label', { class: 'card' },
    el('input', { type: 'radio', name, value: id, checked: id === chosen, onchange: () => pick(id) }),
    el('span', {}, el('b', {}, title), el('span', { class: 'soft' }, says)))));
}

function field(label, name, { options, says, type = 'text', placeholder, wide, pick = (value) => choose({ [name]: value }) } = {}) {
  const id = `field-${name}`;
  const problem = problems[name];
  const described = [says && `${id}-says`, problem && `${id}-problem`].filter(Boolean).join(' ');
  const common = { id, 'aria-describedby': described || null, 'aria-invalid': problem ? 'true' : null };
  const control = options
    ? el('select', { ...common, onchange: ({ target }) => pick(target.value) },
      options.map(([value, text]) => el('option', { value, selected: value === plan[name] }, text)))
    : el('input', { ...common, type, value: plan[name], placeholder, spellcheck: 'false', autocapitalize: 'none', autocomplete: 'off', oninput: ({ target }) => write(name, target) });
  return el('div', { class: wide ? 'field wide' : 'field' }, el('label', { for: id }, label), control,
    says && el('p', { id: `${id}-says`, class: 'soft small' }, says),
    problem && el('p', { id: `${id}-problem`, class: 'wrong small' }, problem));
}

/** What is typed changes the plan without drawing anew, which would take the cursor away. */
function write(name, control) {
  plan[name] = control.value;
  keep('plan', plan);
  delete problems[name];
  control.removeAttribute('aria-invalid');
  document.getElementById(`${control.id}-problem`)?.remove();
  drawExplain();
}

function draw() {
  const focused = focusedNow();
  const isBackend = plan.kind === 'backend';
  cards('kinds', 'kind', KINDS, plan.kind, chooseKind);
  if (isBackend) cards('apps', 'app', SYSTEMS, plan.system, (system) => { plan.system = system; chooseKind('backend'); });
  else cards('apps', 'app', plan.kind === 'ehr' ? [...APPS, OTHER] : APPS, plan.app, (app) => choose(app === OTHER.id ? { app, mistake: '' } : { app }));
  drawOther();
  drawContext();
  drawScopes(isBackend);
  fill(byId('finer-fields'),
    !isOther() && field('Authorization request by', 'method', { options: [['GET', 'GET'], ['POST', 'POST (a form)']] }),
    !isOther() && field('prompt', 'prompt', { options: [['', 'not said'], ['login', 'login'], ['consent', 'consent'], ['select_account', 'select_account'], ['none', 'none']] }),
    field('Opens in', 'tab', { options: [['same', 'this tab'], ['new', 'a new tab']] }));
  byId('finer').hidden = isBackend;
  byId('mistakes').hidden = isBackend || isOther();
  drawMistakes();
  byId('summary').textContent = summary();
  byId('launch').textContent = isBackend ? 'Get a token' : 'Launch';
  focused?.();
}

/** Drawing replaces what has the focus: this gives it back to the same control. */
function focusedNow() {
  const { id, name, value, type } = document.activeElement ?? {};
  const selector = type === 'radio' ? `input[name="${name}"][value="${value}"]` : id && `#${id}`;
  if (!selector || id === 'scope') return null;
  return () => document.querySelector(selector)?.focus();
}

function drawOther() {
  const shown = isOther() && plan.kind === 'ehr';
  byId('other').hidden = !shown;
  byId('scope-says').hidden = !shown;
  fill(byId('other-fields'), shown && [
    field('client_id', 'client', { says: 'As it was registered, for this FHIR server and with the scope launch.' }),
    field('launch_url', 'launch_url', { type: 'url', says: 'Needed only when several are registered.' }),
  ]);
}

function drawContext() {
  const users = known.users.map(({ username, name }) => [username, `${name ?? username} (${username})`]);
  const patients = [['', 'not said'], ...record.patients.map(({ id, name, birthDate }) => [id, [name, birthDate, id !== name && id].filter(Boolean).join(' · ')])];
  const encounters = record.encounters.filter(({ patient }) => patient === plan.patient);
  byId('record').hidden = plan.kind === 'backend';
  fill(byId('context'), plan.kind !== 'ehr'
    ? field('Who will sign in', 'hint', { options: [['', 'not said'], ...users], says: 'Sent as login_hint. The server asks for the password, and for whom.' })
    : [
      field('User of the EHR', 'user', { options: users, pick: (user) => choose({ user, patient: firstPatientOf(user), encounter: '' }) }),
      field('Patient', 'patient', { options: patients }),
      field('Encounter', 'encounter', { options: [['', 'not said'], ...encounters.map(({ id, name }) => [id, `${name} · ${id}`])] }),
      field('Patient banner', 'banner', { options: [['', 'not said'], ['true', 'the app must show one'], ['false', 'the EHR shows one']] }),
      field('intent', 'intent', { placeholder: 'reconcile-medications' }),
      field('tenant', 'tenant', { placeholder: 'mercy-west' }),
      field('smart_style_url', 'style', { type: 'url', wide: true, placeholder: 'https://ehr.example/style.json' }),
      field('fhirContext', 'fhirContext', { wide: true, placeholder: '[{"reference": "ImagingStudy/123"}]', says: 'JSON: a list of objects.' }),
    ]);
}

function drawScopes(isBackend) {
  fill(byId('presets'), PRESETS.filter(({ backend }) => Boolean(backend) === isBackend).map(({ id, title }) => el('button', {
    type: 'button', class: 'chip', id: `preset-${id}`, 'aria-pressed': String(id === plan.preset),
    onclick: () => choose({ preset: id, scope: scopeOf(plan.kind, id) }),
  }, title)));
  byId('switches').hidden = isBackend;
  const asked = list(plan.scope);
  fill(byId('switches'), SWITCHES.map(({ scope, says }) => el('button', {
    type: 'button', class: 'chip mono', id: `switch-${scope.replace('/', '-')}`, title: says, 'aria-pressed': String(asked.includes(scope)),
    onclick: () => choose({ scope: (asked.includes(scope) ? asked.filter((one) => one !== scope) : [scope, ...asked]).join(' ') }),
  }, scope)));
  const area = byId('scope');
  if (document.activeElement !== area) area.value = plan.scope;
  drawExplain();
}

function drawExplain() {
  const command = explain();
  fill(byId('explain'), command ? [el('pre', { class: 'command' }, command), copyButton('Copy', () => command)] : el('p', {}, 'Say first which app, by its client_id, and which scopes.'));
}

function explain() {
  const { folder, program, clients, fhir } = known;
  const isBackend = plan.kind === 'backend';
  const client = isOther() && !isBackend ? plan.client.trim() : clients[isBackend ? plan.system : plan.app].client_id;
  const user = !isBackend && (plan.kind === 'ehr' ? plan.user : plan.hint);
  const patient = plan.kind === 'ehr' && plan.patient;
  const scope = list(plan.scope).join(' ');
  if (!client || !scope) return '';
  return [
    `${word(program)} scope explain --config ${word(`${folder}/hilum.toml`)} --client ${word(client)}`,
    user && `--user ${word(user)}`, `--resource ${word(fhir)}`, patient && `--patient ${word(patient)}`, quoted(scope),
  ].filter(Boolean).join(' ');
}

function drawMistakes() {
  const chosen = mistakeOf(plan.mistake);
  byId('mistake-chosen').textContent = chosen?.title ?? 'none';
  byId('mistake-chosen').className = chosen ? 'badge bad' : 'badge';
  const none = { id: '', title: 'None', says: 'Everything is done right.' };
  fill(byId('mistake-list'), [none, ...MISTAKES.filter((mistake) => isPossible(mistake, plan.kind))].map((mistake) => el('label', { class: 'row' },
    el('input', { type: 'radio', name: 'mistake', value: mistake.id, checked: mistake.id === plan.mistake, onchange: () => choose({ mistake: mistake.id }) }),
    el('span', {}, el('b', {}, mistake.title), el('span', { class: 'soft' }, mistake.says), mistake.id && el('span', { class: 'due' }, `Expected: ${expected(mistake)}`)))));
}

function summary() {
  const { title } = KINDS.find(({ id }) => id === plan.kind);
  if (plan.kind === 'backend') return `${title}: ${plan.system}`;
  const app = [...APPS, OTHER].find(({ id }) => id === plan.app).title;
  const patient = plan.kind === 'ehr' && record.patients.find(({ id }) => id === plan.patient)?.name;
  const mistake = mistakeOf(plan.mistake)?.title;
  return [`${title} of ${app}`, patient && `for ${patient}`, plan.kind === 'ehr' && `as ${plan.user}`, mistake && `with a mistake: ${mistake}`].filter(Boolean).join(' ');
}

async function launch() {
  const asked = { ...plan, scope: list(plan.scope).join(' '), encounter: record.encounters.some(({ id, patient }) => id === plan.encounter && patient === plan.patient) ? plan.encounter : '' };
  if (plan.kind === 'backend') {
    await run(asked, known);
    return;
  }
  problems = plan.kind === 'ehr' ? problemsOf(asked) : {};
  const [wrong] = Object.keys(problems);
  if (wrong) {
    draw();
    byId(`field-${wrong}`).focus();
    trouble('Nothing was sent: what is typed above is not right yet.');
    return;
  }
  headline(summary());
  keep('plan', plan);
  if (!isOther()) keep('asked', asked);
  if (plan.kind === 'ehr') {
    const url = await launchUrl(asked, known);
    if (isOther()) written({ kind: 'navigation', title: 'The browser goes to the app', why: 'SMART App Launch 2.2: iss and launch, at the launch URL that the app registered.', method: 'GET', url });
    open(url, plan.tab);
  } else if (plan.tab === 'new' && !mistakeOf(plan.mistake)?.probe) {
    open('/sandbox/app/launch?begin', 'new');
  } else {
    const stayed = await authorize(asked, { iss: known.fhir });
    if (stayed?.page) trouble('The server answered with a page of its own, as you see beside.', stayed.good);
  }
}

/** A tab that this one opens begins with a copy of what this one keeps: plan and record. */
function open(url, tab) {
  if (tab === 'new') window.open(url, '_blank', new URL(url, location.href).origin === location.origin ? '' : 'noopener');
  else location.assign(url);
}

function trouble(text, good = false) {
  const place = byId('trouble');
  place.hidden = !text;
  place.className = `notice ${good ? 'good' : 'bad'}`;
  place.textContent = text;
}

/** What does not change with the choices. */
function drawFixed() {
  const command = registration(known);
  fill(byId('register'), el('pre', { class: 'command' }, command), copyButton('Copy', () => command, { 'aria-label': 'Copy: how to register an app' }));
  fill(byId('people'), known.users.map(({ username, name, password, roles = [] }) => el('li', {},
    el('span', {}, el('b', {}, name ?? username), ' ', el('span', { class: 'soft' }, `${username} · ${roles.join(', ')}`)),
    el('span', { class: 'tools' }, copyButton('Copy name', () => username, { 'aria-label': `Copy name of ${username}` }), copyButton('Copy password', () => password, { 'aria-label': `Copy password of ${username}` })))));
  fill(byId('recipes'), recipes(known).map(({ title, says, commands }) => el('section', {}, el('h3', {}, title), el('p', { class: 'soft' }, says), el('pre', { class: 'command' }, commands), copyButton('Copy', () => commands, { 'aria-label': `Copy: ${title}` }))));
}

async function begin() {
  known = await config();
  inspect(known.folder);
  drawFixed();
  draw();
  byId('scope').addEventListener('input', ({ target }) => { choose({ scope: target.value, preset: '' }); });
  byId('desk').addEventListener('submit', async (event) => {
    event.preventDefault();
    trouble('');
    byId('launch').disabled = true;
    await launch().catch((error) => trouble(error.message));
    byId('launch').disabled = false;
  });
  document.getElementById(location.hash.slice(1))?.scrollIntoView();
  record = await chart(known);
  // "Not said" is a choice too, and stays.
  if (plan.patient !== '' && !record.patients.some(({ id }) => id === plan.patient)) plan.patient = firstPatientOf(plan.user);
  draw();
  document.body.dataset.ready = 'yes';
}

begin().catch((error) => trouble(error.message));
