// The EHR's side of a launch: its back-end hands over what is open in it.
import { fetch } from 'undici';
import { agentOf, fixture, grantTo, issuer } from './peer.mjs';

/** What `POST /launch` answers to the EHR, which shows a token of its own for the FHIR server. */
export async function handOver(name, user, context) {
  const { access_token: token } = await grantTo('ehr', 'launch.write');
  const answer = await fetch(new URL('/launch', issuer), {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ client_id: fixture(name).client_id, user, ...context }),
    dispatcher: agentOf('ehr'),
  });
  return { status: answer.status, body: await answer.json() };
}

/** What the EHR opens an app with: `iss` and `launch`, out of the address it is given. */
export async function launchOf(name, user, context) {
  const { status, body } = await handOver(name, user, context);
  if (status !== 201) throw new Error(`no launch: ${status} ${JSON.stringify(body)}`);
  return Object.fromEntries(new URL(body.launch_url).searchParams);
}
