// What the journeys share: the fixtures of a running `hilum dev` and clients made from them.
import { X509Certificate, createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import * as jose from 'jose';
import * as oidc from 'openid-client';
import { Agent, fetch } from 'undici';

const path = process.env.HILUM_FIXTURES;
if (!path) {
  throw new Error('HILUM_FIXTURES is not set: the path of data/dev/fixtures.json of a running `hilum dev`');
}

export const fixtures = JSON.parse(readFileSync(path, 'utf8'));
export const issuer = new URL(fixtures.issuer);

const agents = new Map();

/** The fixture of this name, which must be there. */
export function fixture(name) {
  const found = fixtures.clients[name];
  if (!found) throw new Error(`the fixtures have no client ${name}`);
  return found;
}

/** How the person of this name signs in, who must be in the fixtures; somebody registered since is who it is. */
export function person(username) {
  if (typeof username === 'object') return username;
  const found = fixtures.users.find((user) => user.username === username);
  if (!found) throw new Error(`the fixtures have no person ${username}`);
  return found;
}

/** Ends every connection, so that the test process ends too. */
export async function hangUp() {
  await Promise.all([...agents.values()].map((agent) => agent.close()));
  agents.clear();
}

/**
 * Discovers the server as the client of this name, with the method it is registered for and, where
 * it has one, its certificate. `clientAuth` takes the place of that method, `algorithm` says which
 * metadata document is read, `metadata` what else the client was registered for.
 */
export async function discoverAs(name, { clientAuth, algorithm = 'oidc', metadata } = {}) {
  const registered = fixture(name);
  return oidc.discovery(
    issuer,
    registered.client_id,
    { use_mtls_endpoint_aliases: Boolean(registered.certificate), ...metadata },
    clientAuth ?? (await methodOf(registered)),
    { algorithm, [oidc.customFetch]: fetchAs(name) },
  );
}

/** A client credentials request as this client, with the `resource` its fixture names, if any. */
export async function grantTo(name, scope, options) {
  const { resource } = fixture(name);
  const config = await discoverAs(name, options);
  return oidc.clientCredentialsGrant(config, { scope, ...(resource && { resource }) });
}

/** The fixture's private key, in the algorithm its type stands for here. */
export async function signingKey({ private_jwk: jwk }) {
  const algorithm = jwk.alg ?? (jwk.kty === 'RSA' ? 'RS384' : 'ES384');
  return { key: await jose.importJWK(jwk, algorithm), kid: jwk.kid };
}

/** What a refusal said, whether the client library read a challenge or an error body. */
export async function refusal(answer) {
  const error = await answer.then(
    () => { throw new Error('granted where a refusal was due'); },
    (refused) => refused,
  );
  if (error instanceof oidc.ResponseBodyError) {
    return { status: error.status, error: error.error, challenge: null };
  }
  if (error instanceof oidc.WWWAuthenticateChallengeError) {
    const body = await error.response.json();
    return { status: error.status, error: body.error, challenge: error.response.headers.get('www-authenticate') };
  }
  throw error;
}

/** An access token's header and claims, once signature, issuer, audience and type have held. */
export async function verified(accessToken) {
  return verify(accessToken, { audience: fixtures.fhir, typ: 'at+jwt', algorithms: ['ES256'] });
}

/** An id token's header and claims, once signature, issuer, audience and times have held. */
export async function verifiedIdToken(idToken, clientId) {
  return verify(idToken, { audience: clientId, algorithms: ['RS256'] });
}

/** What the FHIR server is told of an access token. */
export async function introspect(token) {
  return oidc.tokenIntrospection(await discoverAs('fhir-server'), token);
}

/** The confirmation that binds a token to this client's certificate (RFC 8705, 3.1). */
export function confirmationOf(name) {
  const { raw } = new X509Certificate(pem(fixture(name).certificate));
  return { 'x5t#S256': createHash('sha256').update(raw).digest('base64url') };
}

/** A scope string as a set, in an order that can be compared. */
export function scopes(text) {
  return [...new Set(text.split(' '))].sort();
}

async function verify(token, expected) {
  const config = await discoverAs('fhir-server');
  const keys = jose.createRemoteJWKSet(new URL(config.serverMetadata().jwks_uri), {
    [jose.customFetch]: fetchAs('fhir-server'),
  });
  const { protectedHeader, payload } = await jose.jwtVerify(token, keys, { issuer: fixtures.issuer, ...expected });
  return { header: protectedHeader, claims: payload };
}

async function methodOf(registered) {
  switch (registered.method) {
    case 'none':
      return oidc.None();
    case 'client_secret_basic':
      return oidc.ClientSecretBasic(registered.client_secret);
    case 'private_key_jwt':
      return oidc.PrivateKeyJwt(await signingKey(registered));
    case 'tls_client_auth':
    case 'self_signed_tls_client_auth':
      return oidc.TlsClientAuth();
    default:
      throw new Error(`no client authentication here for ${registered.method}`);
  }
}

function fetchAs(name) {
  return (url, options) => fetch(url, { ...options, dispatcher: agentOf(name) });
}

/** The connections of this client, with its certificate; those of anybody else have none. */
export function agentOf(name) {
  if (!agents.has(name)) {
    const { certificate, key } = fixtures.clients[name] ?? {};
    const connect = { ca: pem(fixtures.ca) };
    if (certificate) Object.assign(connect, { cert: pem(certificate), key: pem(key) });
    agents.set(name, new Agent({ connect }));
  }
  return agents.get(name);
}

/** A file that the fixtures name. */
export function pem(file) {
  return readFileSync(resolve(dirname(path), file));
}
