// Clients of FAPI 2.0 and of what it is made of: an administrator registers them, openid-client speaks for them.
import * as jose from 'jose';
import * as oidc from 'openid-client';
import { fetch } from 'undici';
import { registeredClient } from './admin.mjs';
import { Browser, answerTo } from './browser.mjs';
import { agentOf, fixtures, issuer } from './peer.mjs';

export const CALLBACK = 'https://app.example/callback';
export const SCOPE = 'openid fhirUser launch/patient patient/Patient.rs offline_access';

/** A key pair of this algorithm: the private key as openid-client signs by it, and what is registered of it. */
export async function keyOf(algorithm) {
  const { privateKey, publicKey } = await jose.generateKeyPair(algorithm);
  const kid = `${algorithm}-1`;
  return { private: { key: privateKey, kid }, jwk: { ...(await jose.exportJWK(publicKey)), kid, alg: algorithm, use: 'sig' } };
}

/**
 * A client with this in its registration: public, or with a key of `algorithm`, and with the certificate of the
 * fixture `certificate`, if any. `seen` is what it has asked, and how each was answered.
 */
export async function clientOf(metadata = {}, { algorithm, certificate } = {}) {
  const keys = algorithm && (await keyOf(algorithm));
  const told = await registeredClient({
    client_name: 'Care Compass',
    grant_types: ['authorization_code', 'refresh_token'],
    redirect_uris: [CALLBACK],
    scope: SCOPE,
    token_endpoint_auth_method: keys ? 'private_key_jwt' : 'none',
    ...(keys && { jwks: { keys: [keys.jwk] } }),
    ...metadata,
  });
  const seen = [];
  const key = keys?.private;
  const { token_endpoint_auth_method: method } = told;
  const authentication = { none: oidc.None, private_key_jwt: () => oidc.PrivateKeyJwt(key) }[method] ?? oidc.TlsClientAuth;
  const config = await configOf(told, authentication(), { certificate, seen });
  return { id: told.client_id, told, key, config, seen };
}

/** What openid-client works with for a client as it was registered. */
export async function configOf(told, authentication, { certificate, seen = [] } = {}) {
  const metadata = { ...told, use_mtls_endpoint_aliases: Boolean(certificate) };
  const noting = async (url, options) => {
    const answer = await fetch(url, { ...options, dispatcher: agentOf(certificate ?? 'an app') });
    const { pathname, origin } = new URL(url);
    seen.push({ path: pathname, origin, status: answer.status, error: await errorOf(answer.clone()) });
    return answer;
  };
  const config = await oidc.discovery(issuer, told.client_id, metadata, authentication, { [oidc.customFetch]: noting });
  oidc.enableNonRepudiationChecks(config);
  return config;
}

/** The parameters of an authorization request, and what redeems its answer by all the checks there are. */
export async function asking({ config }, more = {}) {
  const [state, nonce, verifier] = [oidc.randomState(), oidc.randomNonce(), oidc.randomPKCECodeVerifier()];
  const parameters = {
    redirect_uri: CALLBACK,
    scope: SCOPE,
    // Not `aud`, which in a request object is this server (RFC 9101, 4).
    resource: fixtures.fhir,
    state,
    nonce,
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    prompt: 'consent',
    ...more,
  };
  const checks = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true };
  const redeem = (callback, options) => oidc.authorizationCodeGrant(config, callback, checks, undefined, options);
  return { parameters, redeem };
}

/** Where the browser comes back to the app once the person has agreed. */
export async function agreed(url) {
  return (await answerTo(url, new Browser())).callback;
}

/** A request object, pushed (RFC 9126, 3): the address at which the person begins. */
export async function pushSigned({ config, key }, parameters, options) {
  const { searchParams } = await oidc.buildAuthorizationUrlWithJAR(config, parameters, key);
  return oidc.buildAuthorizationUrlWithPAR(config, { request: searchParams.get('request') }, options);
}

/** How what was asked of a path was answered, since this was asked last; `[200]`, or `['use_dpop_nonce', 200]`. */
export function answersOf({ seen }, path) {
  const answers = seen.filter((one) => one.path === path).map(({ status, error }) => error ?? status);
  seen.splice(0, seen.length, ...seen.filter((one) => one.path !== path));
  return answers;
}

async function errorOf(answer) {
  if (answer.ok) return undefined;
  const { error } = await answer.json().catch(() => ({}));
  return error ?? /error="([^"]+)"/.exec(answer.headers.get('www-authenticate') ?? '')?.[1];
}
