// oidc-provider set up as Hilum is for the same requests: TLS, JWT access tokens signed with ES256,
// refresh tokens that rotate, PKCE, certificate-bound tokens on a listener that asks for a certificate.
// Usage: node server.mjs SETTINGS.json
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { Provider } from 'oidc-provider';
import { connect } from './adapter.mjs';

const settings = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const { issuer, resource, opaqueResource, scope } = settings;

const lifetime = { AccessToken: 900, ClientCredentials: 300, AuthorizationCode: 60, RefreshToken: 100 * 24 * 3600,
  Session: 12 * 3600, Interaction: 600, Grant: 100 * 24 * 3600, IdToken: 300 };

// Reading a certificate out of the connection is dear in Node: once for each connection, not request.
const certificates = new WeakMap();
function certificateOf({ socket }) {
  if (!certificates.has(socket)) certificates.set(socket, socket.getPeerX509Certificate?.());
  return certificates.get(socket);
}

/** The one decision of the one person: what was asked for is granted, once for each session and client. */
async function grantOf(provider, { session, params, grantId }) {
  const accountId = session?.accountId ?? 'person';
  const grant = (grantId && await provider.Grant.find(grantId))
    || new provider.Grant({ accountId, clientId: params.client_id });
  grant.addOIDCScope(params.scope);
  grant.addResourceScope(resource, params.scope);
  return { login: { accountId }, consent: { grantId: await grant.save() } };
}

const Adapter = await connect(settings.database);
const provider = new Provider(issuer, {
  adapter: Adapter,
  clients: settings.clients,
  clientDefaults: { id_token_signed_response_alg: 'ES256' },
  jwks: { keys: settings.keys },
  cookies: { keys: [settings.cookieSecret] },
  scopes: ['openid', 'offline_access', ...scope.split(' ')],
  ttl: lifetime,
  pkce: { required: () => true },
  rotateRefreshToken: true,
  issueRefreshToken: async (ctx, client) => client.grantTypeAllowed('refresh_token'),
  expiresWithSession: async () => false,
  findAccount: async (ctx, accountId) => ({ accountId, claims: async () => ({ sub: accountId }) }),
  interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
  enabledJWA: { clientAuthSigningAlgValues: ['ES384', 'RS384'], idTokenSigningAlgValues: ['ES256'] },
  clientAuthMethods: ['client_secret_basic', 'private_key_jwt'],
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: { enabled: true, allowedPolicy: () => true },
    revocation: { enabled: true },
    mTLS: { enabled: true, certificateBoundAccessTokens: true, getCertificate: certificateOf },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => resource,
      useGrantedResource: () => true,
      // Structured tokens cannot be introspected here: the tokens of that measurement are opaque.
      getResourceServerInfo: (ctx, asked) => ({
        scope,
        audience: asked,
        ...(asked === opaqueResource
          ? { accessTokenFormat: 'opaque' }
          : { accessTokenFormat: 'jwt', jwt: { sign: { alg: 'ES256' } } }),
      }),
    },
  },
});

const answer = provider.callback();
async function serve(request, response) {
  if (!request.url.startsWith('/interaction/')) return answer(request, response);
  try {
    const details = await provider.interactionDetails(request, response);
    await provider.interactionFinished(request, response, await grantOf(provider, details));
  } catch (error) {
    response.writeHead(500).end(String(error));
  }
}

const tls = { cert: readFileSync(settings.certificate), key: readFileSync(settings.key) };
const patience = { keepAliveTimeout: 30_000 };
createServer({ ...tls, ...patience }, serve).listen(settings.port, '127.0.0.1');
createServer({ ...tls, ...patience, requestCert: true, rejectUnauthorized: false }, serve)
  .listen(settings.mtlsPort, '127.0.0.1');
