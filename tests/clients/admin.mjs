// People and clients whom the fixtures do not have: an administrator registers them.
import { randomUUID } from 'node:crypto';
import { fetch } from 'undici';
import { agentOf, fixtures, grantTo } from './peer.mjs';

/** A person of a name and password of their own, in the form of the fixtures' people. */
export async function registered({ name = 'Robin Reyes', fhirUser = null, roles = ['patient'], patients }) {
  const username = `robin-${randomUUID()}`;
  const asked = { username, name, organization: 'Demonstration', roles, fhir_user: fhirUser, patients };
  const { password } = await create('users', asked);
  return { username, password, patients: patients.map(({ patient }) => patient) };
}

/** A client of this registration, as the answer tells it, with its id. */
export function registeredClient(metadata) {
  return create('clients', { organization: 'Demonstration', resources: [fixtures.fhir], ...metadata });
}

async function create(kind, body) {
  const { access_token: token } = await grantTo('admin-cli', `admin/${kind}.write`);
  const answer = await fetch(new URL(`/admin/v1/${kind}`, fixtures.mtls), {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
    dispatcher: agentOf('admin-cli'),
  });
  const told = await answer.json();
  if (answer.status !== 201) throw new Error(`not registered: ${answer.status} ${JSON.stringify(told)}`);
  return told;
}

/** A person's own record, as an administrator says whose it is. */
export function selfOf(patient) {
  return { resource: fixtures.fhir, patient, relation: 'self', name: 'Robin Reyes', birthDate: '1979-05-06', identifier: 'M20000' };
}

/** A care team of more patients than are seen at a glance; two have one name. */
export const MANY = [
  ['ahmed', 'Leila Ahmed', '1961-04-02'],
  ['brandt', 'Jonas Brandt', '1948-12-24'],
  ['castillo', 'Marisol Castillo', '1990-07-19'],
  ['dubois', 'Hélène Dubois', '1955-02-11'],
  ['eriksen', 'Nora Eriksen', '2001-10-30'],
  ['fischer', 'Karl Fischer', '1938-06-17'],
  ['garcia', 'Ana García', '1983-03-08'],
  ['hughes', 'Owen Hughes', '2012-09-01'],
  ['silva-1961', 'Maria Silva', '1961-04-20'],
  ['silva-1994', 'Maria Silva', '1994-11-05'],
  ['tanaka', 'Yui Tanaka', '1976-01-28'],
  ['walker', 'Grace Walker', '1969-08-14'],
].map(([patient, name, birthDate], at) => ({
  resource: fixtures.fhir, patient, relation: 'care-team', name, birthDate, identifier: `M${30001 + at}`,
}));
