// JSON Web Tokens and PKCE with what every browser has.

const ALGORITHMS = {
  ES256: { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' },
  ES384: { name: 'ECDSA', namedCurve: 'P-384', hash: 'SHA-384' },
  RS256: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
  RS384: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-384' },
  PS256: { name: 'RSA-PSS', saltLength: 32, hash: 'SHA-256' },
};

const text = new TextEncoder();

/** Base64url without padding (RFC 7515, 2). */
export function encode(bytes) {
  const binary = Array.from(new Uint8Array(bytes), (byte) => String.fromCharCode(byte)).join('');
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

export function decode(encoded) {
  const binary = atob(encoded.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(binary, (sign) => sign.charCodeAt(0));
}

/** A text of 256 random bits: a state, a nonce, a code verifier, a `jti`. */
export function random() {
  return encode(crypto.getRandomValues(new Uint8Array(32)));
}

/** The S256 challenge of a verifier (RFC 7636, 4.2). */
export async function challengeOf(verifier) {
  return encode(await crypto.subtle.digest('SHA-256', text.encode(verifier)));
}

/** The algorithm that a demonstration key is for. */
export function algorithmOf(jwk) {
  if (jwk.kty === 'RSA') return 'RS384';
  return jwk.crv === 'P-384' ? 'ES384' : 'ES256';
}

/** A signed JWT (RFC 7519). */
export async function sign(jwk, claims) {
  const alg = algorithmOf(jwk);
  const { kty, crv, x, y, d, n, e, p, q, dp, dq, qi } = jwk;
  // Only the key itself: some browsers refuse keys whose other members they do not expect.
  const key = await crypto.subtle.importKey(
    'jwk', { kty, crv, x, y, d, n, e, p, q, dp, dq, qi }, ALGORITHMS[alg], false, ['sign'],
  );
  const header = { typ: 'JWT', alg, kid: jwk.kid };
  const signed = [header, claims].map((part) => encode(text.encode(JSON.stringify(part)))).join('.');
  const signature = await crypto.subtle.sign(ALGORITHMS[alg], key, text.encode(signed));
  return `${signed}.${encode(signature)}`;
}

/** Header and claims of a JWT, unverified, or null for any other text. */
export function read(token) {
  const parts = typeof token === 'string' ? token.split('.') : [];
  if (parts.length !== 3 || !token.startsWith('eyJ')) return null;
  try {
    const [header, claims] = parts.slice(0, 2).map((part) => JSON.parse(new TextDecoder().decode(decode(part))));
    return { header, claims };
  } catch {
    return null;
  }
}

/** Whether the signature of a JWT is that of the key of its `kid` in a set. */
export async function isSigned(token, keys) {
  const { header } = read(token);
  const jwk = keys.find((key) => key.kid === header.kid);
  const algorithm = ALGORITHMS[header.alg];
  if (!jwk || !algorithm) return false;
  const { kty, crv, x, y, n, e } = jwk;
  const key = await crypto.subtle.importKey('jwk', { kty, crv, x, y, n, e }, algorithm, false, ['verify']);
  const [signed, signature] = [token.slice(0, token.lastIndexOf('.')), token.split('.')[2]];
  return crypto.subtle.verify(algorithm, key, decode(signature), text.encode(signed));
}

/** What an id token calls `at_hash` (OpenID Connect Core, 3.1.3.6). */
export async function accessTokenHash(accessToken, alg) {
  const digest = await crypto.subtle.digest(`SHA-${alg.slice(2)}`, text.encode(accessToken));
  return encode(new Uint8Array(digest).slice(0, digest.byteLength / 2));
}

/** The same token with one sign of its signature changed. */
export function tampered(token) {
  const at = token.lastIndexOf('.') + 5;
  return token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1);
}
