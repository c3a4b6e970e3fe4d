// An app's side of an authorization request, by openid-client.
import * as oidc from 'openid-client';
import { discoverAs, fixture, fixtures } from './peer.mjs';

/** What the demonstration apps are registered for. */
export const SCOPE = 'launch/patient patient/Patient.rs patient/Observation.rs openid fhirUser offline_access';

/**
 * An authorization request of the app of this name, with state, nonce and PKCE of its own; `more`
 * adds parameters, takes the place of some or, where undefined, leaves one out. `redeem` hands the answer's address to openid-client,
 * which judges `state` and `iss`, exchanges the code and judges the id token, its signature too. `prepare` is given
 * the configuration before it is used.
 */
export async function requestOf(name, more = {}, prepare = () => {}) {
  const config = await discoverAs(name);
  prepare(config);
  oidc.enableNonRepudiationChecks(config);
  const [state, nonce, verifier] = [oidc.randomState(), oidc.randomNonce(), oidc.randomPKCECodeVerifier()];
  const parameters = {
    redirect_uri: redirectOf(name),
    scope: SCOPE,
    aud: fixtures.fhir,
    state,
    nonce,
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    ...more,
  };
  const said = Object.entries(parameters).filter(([, value]) => value !== undefined);
  const url = oidc.buildAuthorizationUrl(config, Object.fromEntries(said));
  const redeem = (callback, checks) => oidc.authorizationCodeGrant(config, callback, {
    pkceCodeVerifier: verifier,
    expectedState: state,
    expectedNonce: nonce,
    idTokenExpected: true,
    ...checks,
  });
  return { config, url, state, nonce, redeem };
}

/** A public app is on the person's device and takes a port of its own (RFC 8252, 7.3). */
function redirectOf(name) {
  const { method, redirect_uris: [web, loopback] } = fixture(name);
  return method === 'none' ? loopback.replace('127.0.0.1', '127.0.0.1:53682') : web;
}
