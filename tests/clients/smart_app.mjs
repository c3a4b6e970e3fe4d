// A SMART app at a port of its own: fhirclient as its authors built it, in a page that does nothing else.
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { fixture, fixtures, issuer } from './peer.mjs';

/** The app, which is each of the demonstration apps, by the path it is opened at: `/{name}`. */
export async function serveApp() {
  const library = await readFile(new URL('node_modules/fhirclient/build/fhir-client.pure.js', import.meta.url));
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url, 'http://app');
    const [type, body] = answerOf(pathname, searchParams, library);
    response.writeHead(body ? 200 : 404, { 'content-type': `${type}; charset=utf-8` }).end(body);
  });
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  const origin = `http://127.0.0.1:${server.address().port}`;
  return {
    origin,
    callback: `${origin}/callback`,
    /** Where this app is opened, to ask for this scope: by itself, or by an EHR with `iss` and `launch`. */
    opens: (name, { scope, ...by }) => `${origin}/${name}?${new URLSearchParams({ scope, ...by })}`,
    close: () => new Promise((resolve) => { server.close(resolve); server.closeAllConnections(); }),
  };
}

/** Opens the app at its own page and comes with it to the server's first, or straight to the answer. */
export async function openApp(page, url) {
  const arrived = page.waitForURL((at) => at.origin === issuer.origin || at.pathname === '/callback');
  await Promise.all([arrived, page.goto(url)]);
}

/** Waits until the app has its answer. What is returned is the token response, as fhirclient keeps it. */
export async function granted(page) {
  const told = await outcome(page);
  if (told.failure) throw new Error(`the app was told: ${told.failure}`);
  return told.tokens;
}

/** Waits until the app has its answer, which is a refusal, and gives what fhirclient makes of it. */
export async function refused(page) {
  const told = await outcome(page);
  if (told.tokens) throw new Error('granted where a refusal was due');
  return told.failure;
}

async function outcome(page) {
  await page.locator('body[data-state]').waitFor({ state: 'attached' });
  return page.evaluate(() => ({ failure: globalThis.failure, tokens: globalThis.client?.state.tokenResponse }));
}

/** Reads at the FHIR server by fhirclient: the resource, or the status with which it was refused. */
export function read(page, path) {
  return page.evaluate(async (asked) => {
    try {
      return { resource: await globalThis.client.request(asked) };
    } catch (error) {
      return { status: error.status, told: String(error.message) };
    }
  }, path);
}

/** Reads the patient in context, as apps do: `client.patient.read()`. */
export function readPatient(page) {
  return page.evaluate(() => globalThis.client.patient.read());
}

/**
 * Refreshes. Both the token response as fhirclient then keeps it and the answer itself come back.
 * fhirclient signs no assertion at a refresh, so the form of an asymmetric client is completed on its
 * way out, by the functions that fhirclient signs its first one with.
 */
export async function refresh(page, name) {
  const { method, private_jwk: key } = fixture(name);
  const { token_endpoint: endpoint } = await page.evaluate(async (iss) => {
    const answer = await fetch(`${iss}/.well-known/smart-configuration`);
    return answer.json();
  }, fixtures.fhir);
  const arrived = page.waitForResponse((found) => found.url() === endpoint && found.request().method() === 'POST');
  const [answer, kept] = await Promise.all([arrived, page.evaluate(refreshHere, method === 'private_key_jwt' ? key : null)]);
  return { kept, answer: await answer.json() };
}

/** In the page. */
async function refreshHere(key) {
  const { client } = globalThis;
  if (key) {
    const { environment: { security }, state: { clientId, tokenUri } } = client;
    const claims = {
      iss: clientId, sub: clientId, aud: tokenUri, jti: crypto.randomUUID(), exp: Math.floor(Date.now() / 1000) + 120,
    };
    const signed = await security.signCompactJws(key.alg, await security.importJWK(key), { typ: 'JWT', kid: key.kid }, claims);
    globalThis.proof = `&${new URLSearchParams({
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer', client_assertion: signed,
    })}`;
  }
  return (await client.refresh()).tokenResponse;
}

function answerOf(pathname, searchParams, library) {
  const [, name] = pathname.split('/');
  if (name === 'fhir-client.js') return ['text/javascript', library];
  if (name === 'callback') return ['text/html', html('FHIR.oauth2.ready().then(ready, failed);')];
  if (!fixtures.clients[name]) return ['text/plain', ''];
  const settings = JSON.stringify(settingsOf(name, searchParams.get('scope')));
  return ['text/html', html(`
  const settings = ${settings.replaceAll('<', String.raw`\u003c`)};
  // Opened by an EHR, the app takes the FHIR server that the EHR names.
  if (!new URL(location).searchParams.has('launch')) settings.iss = ${JSON.stringify(fixtures.fhir)};
  FHIR.oauth2.authorize(settings).catch(failed);`)];
}

/** A demonstration has no secrets: what the documentation of fhirclient keeps for servers may stand here. */
function settingsOf(name, scope) {
  const { client_id: clientId, method, client_secret: clientSecret, private_jwk: clientPrivateJwk } = fixture(name);
  const proof = {
    none: {}, client_secret_basic: { clientSecret }, private_key_jwt: { clientPrivateJwk },
  }[method];
  return { clientId, scope, redirectUri: '/callback', pkceMode: 'required', ...proof };
}

function html(script) {
  return `<!doctype html><html lang="en"><title>An app</title><link rel="icon" href="data:,"><body>
<script>
  // fhirclient keeps the fetch that it finds: what is to be added to a form is added here.
  const send = fetch.bind(globalThis);
  globalThis.fetch = (url, options) => send(url, globalThis.proof && options?.body
    ? { ...options, body: options.body + globalThis.proof } : options);
</script>
<script src="/fhir-client.js"></script>
<script>
  function ready(client) {
    // A public client says at a refresh who it is; the others prove it.
    const { clientSecret, clientPrivateJwk } = client.state;
    FHIR.oauth2.settings.refreshTokenWithClientId = !clientSecret && !clientPrivateJwk;
    globalThis.client = client;
    document.body.dataset.state = 'ready';
  }
  function failed(error) { globalThis.failure = String(error.message ?? error); document.body.dataset.state = 'failed'; }
  ${script}
</script>`;
}
