// A back-end, and what the sandbox itself reads as one: who is in the record.
import { keep, kept } from './dom.js';
import { credentials, introspect, post, withToken } from './smart.js';
import { call, headline, judge } from './wire.js';

/** The backend flow: a token, what it opens, and what is told of it. */
export async function run(plan, { token_endpoint: url, fhir }) {
  headline(`Backend service: ${plan.system}`);
  const form = [['grant_type', 'client_credentials'], ['scope', plan.scope]];
  const granted = await post(plan.system, url, form, { title: 'The system asks for a token', why: 'SMART Backend Services.' });
  const good = granted.status === 200;
  judge(granted.n, good, good ? `a token for ${granted.body.expires_in} s` : `no token: ${granted.body?.error}`);
  if (!good) return false;
  const told = await introspect(granted.body.access_token);
  judge(told.n, told.body?.active === true, told.body?.active ? 'active' : 'not active');
  if (/(^| )system\/(Patient|\*)\./.test(granted.body.scope ?? plan.scope)) {
    const read = await withToken(granted.body.access_token, `${fhir}/Patient?_count=5`, { title: 'It reads patients' });
    judge(read.n, read.status === 200, read.status === 200 ? `${read.body.entry?.length ?? 0} patients` : `${read.status}`);
  }
  return true;
}

/** The patients and encounters of the FHIR server, asked once for each tab and not recorded. */
export async function chart({ users, fhir, token_endpoint: url }) {
  const before = kept('chart');
  if (before) return before;
  const { headers, params } = await credentials('payer-rs384');
  const form = [['grant_type', 'client_credentials'], ['scope', 'system/Patient.rs system/Encounter.rs'], ...params];
  const granted = await call({ method: 'POST', url, headers, form, quiet: true });
  const search = async (what) => {
    if (granted.status !== 200) return [];
    const authorization = `Bearer ${granted.body.access_token}`;
    const answer = await call({ url: `${fhir}/${what}`, headers: { authorization, accept: 'application/fhir+json' }, quiet: true });
    return answer.status === 200 ? (answer.body.entry ?? []).map(({ resource }) => resource) : [];
  };
  const patients = (await search('Patient?_count=100')).map(patient);
  if (patients.length === 0) return { patients: fromUsers(users), encounters: [] };
  const encounters = (await search('Encounter?_count=200')).map(encounter);
  const found = { patients: patients.sort((a, b) => a.name.localeCompare(b.name)), encounters };
  keep('chart', found);
  return found;
}

/** A Patient as a page shows it. */
export function patient({ id, name = [], birthDate = '', identifier = [] }) {
  const [{ given = [], family = '', text } = {}] = name;
  return { id, name: text ?? [...given, family].join(' ').trim() ?? id, birthDate, identifier: identifier[0]?.value ?? '' };
}

function encounter({ id, subject, period, type = [], class: kind }) {
  const what = type[0]?.text ?? type[0]?.coding?.[0]?.display ?? kind?.display ?? kind?.code ?? 'Encounter';
  return { id, patient: subject?.reference?.split('/').at(-1), name: `${what}, ${(period?.start ?? '').slice(0, 10)}` };
}

/** Without a FHIR server, those whom people may act for are known all the same. */
function fromUsers(users) {
  const ids = new Set(users.flatMap(({ patients }) => patients ?? []));
  return [...ids].map((id) => ({ id, name: id, birthDate: '', identifier: '' }));
}
