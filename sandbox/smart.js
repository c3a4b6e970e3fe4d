// SMART App Launch 2.2 as an app speaks it.
import { accessTokenHash, challengeOf, isSigned, random, read, sign } from './crypto.js';
import { keep } from './dom.js';
import { mistakeOf } from './mistakes.js';
import { call, judge, record } from './wire.js';

let loaded;

/** What the server tells its sandbox. */
export async function config() {
  loaded ??= fetch('/sandbox/config.json', { cache: 'no-store' }).then(async (answer) => {
    const body = await answer.json();
    if (!answer.ok) throw new Error(body.title);
    return body;
  });
  return loaded;
}

/** The address to which answers come. */
export function callback() {
  return new URL('/sandbox/app/callback', location.href).href;
}

/** The SMART configuration of a FHIR server. */
export async function discover(iss) {
  const own = await call({
    title: 'The app looks up where to ask',
    why: 'SMART App Launch 2.2, conformance: the configuration is below the FHIR server’s address.',
    url: `${iss.replace(/\/$/, '')}/.well-known/smart-configuration`,
  });
  if (own.status !== 200 || !own.body?.token_endpoint) throw new Error(`${iss} has no SMART configuration`);
  return own.body;
}

/** How a client authenticates: the headers and parameters that it adds to a request. */
export async function credentials(name) {
  const { clients, token_endpoint: audience } = await config();
  const client = clients[name];
  // The audience is the token endpoint, at whichever endpoint the assertion is shown.
  if (client.private_jwk) return { headers: {}, params: await assertion(client, audience) };
  if (client.client_secret) {
    const both = [client.client_id, client.client_secret].map(encodeURIComponent).join(':');
    return { headers: { authorization: `Basic ${btoa(both)}` }, params: [] };
  }
  return { headers: {}, params: [['client_id', client.client_id]] };
}

async function assertion(client, audience) {
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: client.client_id, sub: client.client_id, aud: audience, jti: random(), iat: now, exp: now + 240 };
  return [
    ['client_assertion_type', 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'],
    ['client_assertion', await sign(client.private_jwk, claims)],
  ];
}

/** A form to an endpoint, with the credentials of a client. */
export async function post(name, url, form, told) {
  const { headers, params } = await credentials(name);
  return call({ ...told, method: 'POST', url, headers, form: [...form, ...params] });
}

/** Makes an authorization request, keeps what its answer needs, and goes there, or says why it stays. */
export async function authorize(plan, { iss, launch, again }) {
  const mistake = mistakeOf(plan.mistake);
  const found = await discover(iss);
  const client = (await config()).clients[plan.app];
  const flow = {
    plan, iss, launch, again, found, state: random(), nonce: random(), verifier: random(), callback: callback(), client: client.client_id,
  };
  const params = {
    response_type: 'code', client_id: client.client_id, redirect_uri: flow.callback, scope: plan.scope, aud: iss,
    state: flow.state, code_challenge: await challengeOf(flow.verifier), code_challenge_method: 'S256',
  };
  if (plan.scope.split(' ').includes('openid')) params.nonce = flow.nonce;
  if (launch) params.launch = launch;
  if (plan.hint && !launch) params.login_hint = plan.hint;
  if (plan.prompt) params.prompt = plan.prompt;
  mistake?.change?.(params, flow);
  keep('flow', flow);
  if (mistake?.probe) return probe(found.authorization_endpoint, params);
  record({
    kind: 'navigation', title: 'The browser goes to the authorization server', why: 'SMART App Launch 2.2: code, PKCE with S256, state, aud.',
    method: plan.method, url: found.authorization_endpoint, form: Object.entries(params),
  });
  return leave(plan.method, found.authorization_endpoint, params);
}

/** Asks without going there: an answer that is a page stays readable, a redirect would not be. */
async function probe(endpoint, params) {
  const url = `${endpoint}?${new URLSearchParams(params)}`;
  const answer = await call({ title: 'The authorization request, asked from here', why: 'Going there would leave you on that page.', url, headers: { accept: 'text/html' } });
  const good = answer.status === 400;
  judge(answer.n, good, good ? 'as expected: a page, and no redirect' : `unexpected: ${answer.status}`);
  return { page: url, good };
}

function leave(method, endpoint, params) {
  if (method !== 'POST') {
    location.assign(`${endpoint}?${new URLSearchParams(params)}`);
    return null;
  }
  const form = document.createElement('form');
  Object.assign(form, { method: 'post', action: endpoint, hidden: true });
  for (const [name, value] of Object.entries(params)) {
    form.append(Object.assign(document.createElement('input'), { type: 'hidden', name, value }));
  }
  document.body.append(form);
  form.submit();
  return null;
}

/** Redeems a code. */
export async function redeem(flow, code, { verifier = flow.verifier, title = 'The app redeems the code', why } = {}) {
  const form = [['grant_type', 'authorization_code'], ['code', code], ['redirect_uri', flow.callback], ['code_verifier', verifier]];
  return post(flow.plan.app, flow.found.token_endpoint, form, { title, why });
}

/** Goes on without the person. */
export async function refresh(session, { token = session.tokens.refresh_token, title = 'The app refreshes', why } = {}) {
  return post(session.plan.app, session.found.token_endpoint, [['grant_type', 'refresh_token'], ['refresh_token', token]], { title, why });
}

/** Asks about a token as the FHIR server would. */
export async function introspect(token, title = 'The FHIR server asks about the access token') {
  const { introspection_endpoint: url } = await config();
  return post('fhir-server', url, [['token', token]], { title, why: 'RFC 7662, with the context as SMART says.' });
}

/** Ends a token (RFC 7009). */
export async function revoke(session, token, title) {
  const url = session.found.revocation_endpoint ?? (await config()).revocation_endpoint;
  return post(session.plan.app ?? session.plan.system, url, [['token', token]], { title, why: 'RFC 7009.' });
}

/** A request with the access token. */
export async function withToken(token, url, told) {
  return call({ ...told, url, headers: { accept: 'application/fhir+json, application/json', authorization: `Bearer ${token}` } });
}

/** Judges an id token as OpenID Connect Core, 3.1.3.7, asks: a list of checks. */
export async function examineIdToken(flow, tokens) {
  const token = read(tokens.id_token);
  if (!token) return [{ says: 'It is a JWT', good: false }];
  const { header, claims } = token;
  const jwks = await call({ title: 'The app fetches the keys of the server', why: 'OpenID Connect Core, 10.1.', url: flow.found.jwks_uri ?? (await config()).jwks_uri });
  const now = Date.now() / 1000;
  const audience = [claims.aud].flat();
  const hash = claims.at_hash === undefined || claims.at_hash === await accessTokenHash(tokens.access_token, header.alg);
  return [
    { says: `signed with ${header.alg} by a key of the server`, good: await isSigned(tokens.id_token, jwks.body.keys ?? []) },
    { says: 'iss is the issuer', good: claims.iss === (flow.found.issuer ?? (await config()).issuer) },
    { says: 'aud is this app', good: audience.length === 1 && audience[0] === flow.client },
    { says: 'not expired, and not from the future', good: now < claims.exp && claims.iat < now + 60 },
    { says: 'nonce is the one sent', good: flow.nonce === undefined || claims.nonce === flow.nonce },
    { says: 'at_hash fits the access token', good: hash },
  ];
}
