// Deliberate mistakes: what is done wrong, what must come of it, and whether it did.

const ELSEWHERE = 'https://elsewhere.example/fhir';

/**
 * `change` spoils the authorization request; `errors` are the words that may come back for it. Those with
 * a `trial` are made later, at the app (see trials.js). `kind` is where a mistake makes sense alone.
 */
export const MISTAKES = [
  { id: 'wrong_aud', title: 'Wrong aud', says: 'aud names another FHIR server.', errors: ['invalid_request', 'invalid_target'], change: (p) => { p.aud = ELSEWHERE; } },
  { id: 'no_state', title: 'No state', says: 'The request has no state.', errors: ['invalid_request'], change: (p) => { delete p.state; } },
  { id: 'no_pkce', title: 'No PKCE', says: 'No code_challenge at all.', errors: ['invalid_request'], change: (p) => { delete p.code_challenge; delete p.code_challenge_method; } },
  { id: 'plain_pkce', title: 'Plain PKCE', says: 'The verifier itself is the challenge.', errors: ['invalid_request'], change: (p, flow) => { p.code_challenge = flow.verifier; p.code_challenge_method = 'plain'; } },
  { id: 'wrong_redirect', title: 'Wrong redirect_uri', says: 'An address that is not registered.', expect: 'A page of this server says so; nobody is sent anywhere.', probe: true, change: (p) => { p.redirect_uri += '/../../evil'; } },
  { id: 'unregistered_scope', title: 'A scope never registered', says: 'Asks for capacity.read alone.', errors: ['invalid_scope'], change: (p) => { p.scope = 'capacity.read'; } },
  { id: 'launch_without_scope', title: 'launch without its scope', kind: 'ehr', says: 'A handle from the EHR, but the scope launch is not asked for.', expect: 'invalid_scope, or tokens without the EHR’s context', errors: ['invalid_scope', 'invalid_request'], change: (p) => { p.scope = 'openid fhirUser user/Patient.rs'; } },
  { id: 'launch_other_app', title: 'launch of another app', kind: 'ehr', says: 'The EHR meant another app than the one that asks.', errors: ['invalid_request'] },
  { id: 'another_user', title: 'Another user', kind: 'ehr', says: 'The EHR named one person; sign in as the other.', errors: ['access_denied'], change: (p) => { p.prompt = 'login'; } },
  { id: 'launch_twice', title: 'launch used twice', kind: 'ehr', says: 'After it worked, the app asks once more with the same handle.', expect: 'First tokens; then back with error=invalid_request', trial: true, errors: ['invalid_request'] },
  { id: 'wrong_verifier', title: 'Wrong verifier', says: 'A verifier that does not fit; then the right one.', expect: '400 invalid_grant, then 200 with tokens', trial: true },
  { id: 'code_twice', title: 'Code used twice', says: 'The same code once more after it worked.', expect: '400 invalid_grant, and the tokens of the first time are dead', trial: true },
  { id: 'expired_code', title: 'Expired code', says: 'The app waits for more than 60 s.', expect: '400 invalid_grant', trial: true },
  { id: 'tampered_token', title: 'Tampered token', says: 'One sign of the token’s signature is changed.', expect: '401 from the FHIR server', trial: true },
  { id: 'refresh_reuse', title: 'Refresh token reuse', says: 'The first refresh token again, after two newer ones. Asks for offline_access.', expect: '400 invalid_grant, and the newest one is dead too', trial: true, change: (p) => { if (!/\b(offline|online)_access\b/.test(p.scope)) p.scope += ' offline_access'; } },
];

/** The mistake of this id, or nothing. */
export function mistakeOf(id) {
  return MISTAKES.find((mistake) => mistake.id === id);
}

/** What must come of a mistake, in words. */
export function expected({ expect, errors }) {
  return expect ?? `Back at the app with error=${errors.join(' or ')}`;
}

/** Judges what came back to the app: an error that was due, or none where one was. */
export function judgeAnswer(mistake, answer) {
  const error = answer.get('error');
  if (!mistake) {
    return error ? { good: false, text: `unexpected: ${error}` } : null;
  }
  if (mistake.trial) {
    return error ? { good: false, text: `unexpected: ${error} before the mistake was made` } : null;
  }
  if (mistake.id === 'launch_without_scope' && !error) return null;
  return mistake.errors?.includes(error)
    ? { good: true, text: `as expected: ${error}` }
    : { good: false, text: `unexpected: ${error ?? 'a code'} in place of ${mistake.errors?.join(' or ')}` };
}
