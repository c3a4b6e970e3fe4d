// Needs a running `hilum dev` and HILUM_FIXTURES, the path of its fixtures.json: `npm ci && npm test`.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { discoverAs, fixtures, hangUp } from './peer.mjs';

after(hangUp);

for (const algorithm of ['oidc', 'oauth2']) {
  test(`the ${algorithm} metadata names the issuer it was asked for`, async () => {
    const config = await discoverAs('fhir-server', { algorithm });

    assert.equal(config.serverMetadata().issuer, fixtures.issuer);
  });

  test(`the ${algorithm} metadata gives token, introspection and revocation an alias for mutual TLS`, async () => {
    const config = await discoverAs('fhir-server', { algorithm });

    const aliases = config.serverMetadata().mtls_endpoint_aliases;
    for (const endpoint of ['token_endpoint', 'introspection_endpoint', 'revocation_endpoint']) {
      assert.equal(new URL(aliases[endpoint]).origin, new URL(fixtures.mtls).origin, endpoint);
    }
  });
}
