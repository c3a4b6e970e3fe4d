// The app: launched by an EHR or by itself, it asks, comes back, and uses what it was given.
import { patient } from './backend.js';
import { APPS, defaults } from './choices.js';
import { byId, el, fill, keep, kept } from './dom.js';
import { inspect } from './inspector.js';
import { expected, judgeAnswer, mistakeOf } from './mistakes.js';
import { compare, covers } from './scopes.js';
import { authorize, config, examineIdToken, introspect, refresh, revoke, withToken } from './smart.js';
import { after, redeemWith } from './trials.js';
import { headline, judge, record, steps } from './wire.js';

const CONTEXT = ['patient', 'encounter', 'fhirContext', 'intent', 'need_patient_banner', 'tenant', 'smart_style_url'];

let known;

async function begin() {
  known = await config();
  inspect(known.folder);
  const said = new URLSearchParams(location.search);
  if (location.pathname.endsWith('/callback')) await arrive(said);
  else if (said.has('launch') || said.has('iss')) await launched(said);
  else if (said.has('begin')) await go(kept('asked') ?? asDefault(), {});
  else show(kept('session'));
  document.body.dataset.ready = 'yes';
}

/** Without choices of a tester: the app that the launch is for is not known, so the public one. */
function asDefault() {
  return { ...defaults(), kind: 'ehr', scope: 'launch openid fhirUser patient/Patient.rs patient/Observation.rs' };
}

async function launched(said) {
  const [iss, launch] = [said.get('iss') ?? known.fhir, said.get('launch') ?? undefined];
  lead('The EHR opened the app.');
  record({ kind: 'answer', title: 'The EHR opens the app', why: 'SMART App Launch 2.2: iss and launch, nothing else.', method: 'GET', url: location.href });
  const asked = kept('asked');
  await go(asked?.kind === 'ehr' ? asked : asDefault(), { iss, launch });
}

async function go(plan, { iss = known.fhir, launch }) {
  keep('session', null);
  const stayed = await authorize(plan, { iss, launch });
  if (stayed?.page) {
    lead('The server answered with a page of its own.');
    verdict(stayed.good, stayed.good ? 'as expected' : 'unexpected', mistakeOf(plan.mistake));
  }
}

/** The answer of the authorization server. */
async function arrive(said) {
  const flow = kept('flow');
  if (![...said.keys()].length) return show(kept('session'));
  const url = location.href;
  // A code does not stay in the address bar, nor in the history.
  history.replaceState(null, '', location.pathname);
  const n = record({ kind: 'answer', title: 'The browser comes back to the app', why: 'RFC 6749, 4.1.2, with iss (RFC 9207).', method: 'GET', url });
  if (!flow) return trouble('This tab did not ask for anything: begin at the launch page.');
  const mistake = mistakeOf(flow.plan.mistake);
  const second = flow.again ? { ...mistake, trial: false } : mistake;
  const judged = judgeAnswer(second, said);
  if (judged) {
    judge(n, judged.good, judged.text);
    verdict(judged.good, judged.text, mistake);
  }
  if (said.get('error')) {
    lead(`No access: ${said.get('error')}`);
    if (!judged?.good) trouble(said.get('error_description') ?? said.get('error'));
    return undefined;
  }
  if (flow.used) return trouble('This answer was used already.');
  keep('flow', { ...flow, used: true });
  const own = said.get('state') === flow.state || mistake?.id === 'no_state';
  const fromIssuer = said.get('iss') === flow.found.issuer;
  if (!own || !fromIssuer) return trouble(own ? 'iss is not the issuer: the answer is thrown away.' : 'state is not the one sent: the answer is thrown away.');
  if (!judged) judge(n, true, 'state and iss fit');
  return exchange(flow, mistake, said.get('code'));
}

async function exchange(flow, mistake, code) {
  lead('The app redeems its code.');
  const answer = await redeemWith(mistake, flow, code, lead);
  if (answer.status !== 200) {
    lead('The app has no tokens.');
    return concluded(mistake);
  }
  const session = { plan: flow.plan, found: flow.found, client: flow.client, iss: flow.iss, launch: flow.launch, tokens: answer.body };
  session.checks = answer.body.id_token ? await examineIdToken(flow, answer.body) : null;
  if (!mistake) session.patient = await whose(answer.body, flow.plan);
  keep('session', session);
  show(session);
  if (!mistake) return undefined;
  if (mistake.id === 'launch_without_scope') {
    const leaks = ['patient', 'encounter', 'intent', 'fhirContext'].filter((name) => name in answer.body);
    return verdict(leaks.length === 0, leaks.length ? `unexpected: context was given (${leaks})` : 'as expected: no context', mistake);
  }
  if (mistake.id === 'launch_twice') lead('It worked. Now press “The same launch once more”.');
  const { ended } = await after(mistake, session, known.fhir);
  if (ended) keep('session', null);
  return concluded(mistake);
}

/** The patient in context, for the banner, where the app may read it and the EHR shows none itself. */
async function whose({ access_token: token, patient: id, need_patient_banner: needed, scope }, plan) {
  const opens = (one) => covers(one, 'patient/Patient.r') || covers(one, 'user/Patient.r');
  if (!id || needed === false || !(scope ?? plan.scope).split(' ').some(opens)) return null;
  const answer = await withToken(token, `${known.fhir}/Patient/${encodeURIComponent(id)}`, { title: 'The app reads whose record it is', why: 'SMART App Launch 2.2, need_patient_banner: name and birth date are shown, unless the EHR shows them.' });
  if (answer.status !== 200) return null;
  judge(answer.n, true, 'for the banner');
  return patient(answer.body);
}

/** Sums up what was judged beside the steps of this journey. */
function concluded(mistake) {
  if (!mistake || mistake.id === 'launch_twice') return;
  const all = steps();
  const from = all.findLastIndex(({ kind }) => kind === 'headline');
  const judged = all.slice(from + 1).filter((step) => step.verdict && step.title !== 'The browser comes back to the app');
  const good = judged.length > 0 && judged.every((step) => step.verdict.good);
  verdict(good, good ? 'as expected' : judged.find((step) => !step.verdict.good)?.verdict.text ?? 'unexpected', mistake);
}

function verdict(good, text, mistake) {
  fill(byId('verdict'), el('div', { class: `notice ${good ? 'good' : 'bad'}`, role: 'alert' },
    el('p', {}, el('b', {}, `${good ? '✓' : '✗'} ${mistake ? `${mistake.title}: ` : ''}${text}`)),
    mistake && el('p', { class: 'small' }, `Expected: ${expected(mistake)}`)));
}

function show(session) {
  const app = APPS.find(({ id }) => id === session?.plan.app);
  byId('title').textContent = app?.title ?? 'The app';
  for (const id of ['banner', 'actions', 'granted', 'identity']) byId(id).hidden = !session;
  if (!session) return lead('Nobody is signed in. Start at the launch page, or give this address to an EHR as the launch URL.');
  const { tokens } = session;
  lead(`Launched${app ? ` as ${app.says}` : ''}.`);
  const shown = CONTEXT.filter((name) => name in tokens);
  const { name, birthDate } = session.patient ?? {};
  fill(byId('banner'), name && el('p', { class: 'whose' }, el('b', {}, name), birthDate && ` born ${birthDate}`), shown.length
    ? el('dl', {}, shown.map((name) => [el('dt', {}, name), el('dd', {}, typeof tokens[name] === 'string' ? tokens[name] : JSON.stringify(tokens[name]))]))
    : el('p', {}, 'No context: no patient, no encounter.'));
  drawScopes(session);
  byId('identity').hidden = !session.checks;
  fill(byId('checks'), (session.checks ?? []).map(({ says, good }) => el('li', { class: good ? 'good' : 'bad' }, el('span', { 'aria-hidden': 'true' }, good ? '✓' : '✗'), ` ${says}${good ? '' : ': no'}`)));
  drawActions(session);
  return undefined;
}

function drawScopes({ plan, tokens }) {
  const [asked, granted] = [plan.scope, tokens.scope ?? plan.scope].map((text) => text.split(' ').filter(Boolean));
  fill(byId('granted-list'),
    el('ul', { class: 'scopes' }, compare([...new Set(asked)], granted).map(({ scope, given, says, parts }) => el('li', { class: given ? '' : 'gone' },
      el('code', {}, scope), ' ', el('span', { class: 'soft' }, says),
      parts.length > 0 && el('ul', { class: 'parts' }, parts.map((part) => el('li', {}, el('code', {}, part))))))),
    el('p', { class: 'soft' }, `The access token is good for ${tokens.expires_in} s.${tokens.refresh_token ? ' There is a refresh token.' : ''}`));
}

function drawActions(session) {
  const { tokens, plan } = session;
  const base = known.fhir;
  const others = known.users.flatMap(({ patients }) => patients ?? []).concat((kept('chart')?.patients ?? []).map(({ id }) => id));
  const other = others.find((id) => id !== tokens.patient);
  const labs = 'category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory';
  const actions = [
    tokens.patient && ['Read the patient', () => fhir(`Patient/${encodeURIComponent(tokens.patient)}`)],
    tokens.patient && ['Observations', () => fhir(`Observation?patient=${encodeURIComponent(tokens.patient)}`)],
    tokens.patient && ['Laboratory only', () => fhir(`Observation?patient=${encodeURIComponent(tokens.patient)}&${encodeURI(labs)}`)],
    !tokens.patient && ['Search patients', () => fhir('Patient?_count=5')],
    tokens.patient && other && ['Another patient (refused)', () => elsewhere(other)],
    tokens.scope?.split(' ').includes('openid') && ['Userinfo', () => asked(withToken(tokens.access_token, session.found.userinfo_endpoint ?? known.userinfo_endpoint, { title: 'The app asks who it is', why: 'OpenID Connect Core, 5.3.' }))],
    ['Introspect', () => asked(introspect(tokens.access_token))],
    tokens.refresh_token && ['Refresh', () => renew(session)],
    ['Revoke the access token', () => end(session, tokens.access_token, 'access token')],
    tokens.refresh_token && ['Revoke the refresh token', () => end(session, tokens.refresh_token, 'refresh token')],
    session.launch && plan.kind === 'ehr' && ['The same launch once more', () => relaunch(session)],
  ];
  fill(byId('buttons'), actions.filter(Boolean).map(([label, act]) => el('button', {
    type: 'button',
    onclick: async ({ target }) => {
      target.disabled = true;
      await act().catch((error) => trouble(error.message));
      target.disabled = false;
    },
  }, label)));

  async function fhir(path) {
    return asked(withToken(tokens.access_token, `${base}/${path}`, { title: `The app reads ${path.split(/[?/]/)[0]}` }));
  }

  async function elsewhere(id) {
    const answer = await withToken(tokens.access_token, `${base}/Patient/${encodeURIComponent(id)}`, { title: 'The app reads another patient', why: 'The token is for the patient in context alone.' });
    const good = [403, 404].includes(answer.status) && answer.body?.resourceType === 'OperationOutcome';
    judge(answer.n, good, good ? 'as expected: refused' : `unexpected: ${answer.status}`);
  }
}

async function asked(call) {
  const answer = await call;
  const good = answer.status === 200;
  judge(answer.n, good, good ? told(answer.body) : `${answer.status || 'no answer'}`);
  return answer;
}

function told(body) {
  if (body?.resourceType === 'Bundle') return `${body.total ?? body.entry?.length ?? 0} found`;
  // A Patient has a member `active` too.
  if (!body?.resourceType && typeof body?.active === 'boolean') return body.active ? 'active' : 'not active';
  return 'answered';
}

async function renew(session) {
  const answer = await asked(refresh(session, { why: 'RFC 6749, 6: the refresh token changes at every use.' }));
  if (answer.status !== 200) return;
  const next = { ...session, tokens: { ...session.tokens, ...answer.body } };
  keep('session', next);
  show(next);
}

async function end(session, token, name) {
  const answer = await revoke(session, token, `The app revokes its ${name}`);
  judge(answer.n, answer.status === 200, answer.status === 200 ? 'revoked' : `${answer.status}`);
  const now = await introspect(session.tokens.access_token, 'Is the access token dead?');
  judge(now.n, now.body?.active === false, now.body?.active === false ? 'as expected: dead' : 'unexpected: still alive');
}

/** A handle works once: this asks with it again, and must come back with an error. */
async function relaunch(session) {
  headline('The same launch once more');
  await authorize({ ...session.plan, mistake: 'launch_twice' }, { iss: session.iss, launch: session.launch, again: true });
}

function lead(text) {
  byId('lead').textContent = text;
}

function trouble(text) {
  byId('trouble').textContent = text;
  byId('trouble').hidden = false;
}

begin().catch((error) => {
  lead('');
  trouble(error.message);
  document.body.dataset.ready = 'yes';
});
