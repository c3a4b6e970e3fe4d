// The mistakes that an app makes after its person has agreed.
import { random, tampered } from './crypto.js';
import { introspect, redeem, refresh, withToken } from './smart.js';
import { judge } from './wire.js';

/** How long a code is good, and some seconds more. */
const CODE_LIFE = 63;

/** Redeems a code with the mistake of the plan. The answer is that to the right request, if there was one. */
export async function redeemWith(mistake, flow, code, tell) {
  if (mistake?.id === 'wrong_verifier') {
    refused(await redeem(flow, code, { verifier: random(), title: 'A mistake: another code_verifier' }), 400, 'invalid_grant');
    const right = await redeem(flow, code, { title: 'The app redeems the code with the right verifier', why: 'A wrong verifier is counted, not punished: a thief must not be able to spend the code.' });
    judge(right.n, right.status === 200, right.status === 200 ? 'as expected: tokens' : 'unexpected: no tokens');
    return right;
  }
  if (mistake?.id === 'expired_code') {
    await countdown(CODE_LIFE, tell);
    const late = await redeem(flow, code, { title: 'A mistake: the code is shown too late' });
    refused(late, 400, 'invalid_grant');
    return late;
  }
  const first = await redeem(flow, code, { why: 'RFC 6749, 4.1.3, with the verifier that only this app knows.' });
  if (mistake?.id === 'code_twice' && first.status === 200) {
    refused(await redeem(flow, code, { title: 'A mistake: the same code once more' }), 400, 'invalid_grant');
    await isDead(first.body.access_token, 'Are the tokens of the first time dead?');
  }
  return first;
}

/** The mistakes with the tokens that a session holds. */
export async function after(mistake, session, fhir) {
  const { tokens } = session;
  if (mistake?.id === 'tampered_token') {
    const url = `${fhir}/Patient/${tokens.patient ?? ''}`;
    const answer = await withToken(tampered(tokens.access_token), url, { title: 'A mistake: the signature is not the server’s' });
    refused(answer, 401);
    return { ended: false };
  }
  if (mistake?.id !== 'refresh_reuse') return { ended: false };
  if (!tokens.refresh_token) throw new Error('There is no refresh token: was offline access given?');
  const second = await refresh(session, { title: 'The app refreshes' });
  const third = await refresh(session, { token: second.body.refresh_token, title: 'The app refreshes again' });
  refused(await refresh(session, { title: 'A mistake: the first refresh token once more', why: 'RFC 9700, 4.14.2: one of the two who hold it is a thief.' }), 400, 'invalid_grant');
  refused(await refresh(session, { token: third.body.refresh_token, title: 'And the newest one?' }), 400, 'invalid_grant');
  await isDead(third.body.access_token, 'And the newest access token?');
  return { ended: true };
}

/** Judges whether a refusal is the one that was due. */
export function refused({ n, status, body }, due, error) {
  const good = status === due && (!error || body?.error === error);
  const had = [status || 'no answer', body?.error].filter(Boolean).join(' ');
  judge(n, good, good ? `as expected: ${had}` : `unexpected: ${had} in place of ${[due, error].filter(Boolean).join(' ')}`);
  return good;
}

async function isDead(token, title) {
  const told = await introspect(token, title);
  const good = told.body?.active === false;
  judge(told.n, good, good ? 'as expected: dead' : 'unexpected: still alive');
}

function countdown(seconds, tell) {
  const end = Date.now() + seconds * 1000;
  return new Promise((resolve) => {
    const tick = () => {
      const left = Math.ceil((end - Date.now()) / 1000);
      if (left <= 0) {
        clearInterval(timer);
        tell('');
        resolve();
      } else tell(`The app lets the code grow old: ${left} s to go.`);
    };
    const timer = setInterval(tick, 500);
    tick();
  });
}
