// What is typed into a terminal. Every command works as it stands, in the folder of `hilum dev`.

/** A text as one word of a command, in quotes where it needs them. */
export function word(text) {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : quoted(text);
}

/** A text as one word of a command, in quotes. */
export function quoted(text) {
  return `'${String(text).replaceAll("'", "'\\''")}'`;
}

/** How to register an app that the EHR can launch. */
export function registration({ folder, program, fhir }) {
  return `${word(program)} client create - --config ${word(`${folder}/hilum.toml`)} <<'END'
{"client_name": "My app", "organization": "My team",
 "token_endpoint_auth_method": "none",
 "grant_types": ["authorization_code", "refresh_token"],
 "redirect_uris": ["http://localhost:3000/callback"],
 "launch_urls": ["http://localhost:3000/launch"],
 "scope": "launch launch/patient openid fhirUser offline_access patient/*.rs",
 "resources": ["${fhir}"]}
END`;
}

/** The recipes: a title, what to know, and the commands. */
export function recipes({ folder, mtls, issuer, clients, program, introspection_endpoint: introspection }) {
  const [place, url, claims] = [word(folder), `${mtls}/oauth2/token`, `${mtls}/sandbox/fhir/Claim`];
  return [
    {
      title: 'A token by certificate, and what it opens (payer-mtls)',
      says: 'Mutual TLS (RFC 8705): the certificate is the credential, and the token is bound to it. A bound token is shown where its certificate is shown: at the mutual-TLS listener.',
      commands: `TOKEN=$(curl -s --cacert ${place}/ca.pem --cert ${place}/payer-mtls.pem --key ${place}/payer-mtls.key \\
  -d grant_type=client_credentials -d scope=system/Claim.rs -d client_id=${clients['payer-mtls'].client_id} \\
  ${url} | sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/')
# What it says: cnf is the certificate
echo $TOKEN | cut -d. -f2 | tr _- /+ | base64 -d 2>/dev/null; echo
# The FHIR server, with the token and its certificate
curl -s --cacert ${place}/ca.pem --cert ${place}/payer-mtls.pem --key ${place}/payer-mtls.key \\
  -H "Authorization: Bearer $TOKEN" ${claims}; echo
# Whoever has the token alone is refused
curl -s --cacert ${place}/ca.pem -H "Authorization: Bearer $TOKEN" ${issuer}/sandbox/fhir/Claim; echo`,
    },
    {
      title: 'A token by a signed assertion, and what is told of it (payer-es384)',
      says: 'private_key_jwt (RFC 7523) with openssl alone; the token is bound to the certificate too. Then the FHIR server asks about it (RFC 7662).',
      commands: `${signing(place)}
TOKEN=$(curl -s --cacert ${place}/ca.pem --cert ${place}/payer-es384.pem --key ${place}/payer-es384.key \\
  -d grant_type=client_credentials -d scope=system/Claim.rs ${asserted(clients['payer-es384'], url)} \\
  ${url} | sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/')
# The FHIR server, with the token and its certificate
curl -s --cacert ${place}/ca.pem --cert ${place}/payer-es384.pem --key ${place}/payer-es384.key \\
  -H "Authorization: Bearer $TOKEN" ${claims}; echo
# What the FHIR server is told when it asks
curl -s --cacert ${place}/ca.pem -d token=$TOKEN ${asserted(clients['fhir-server'], url)} \\
  ${introspection}; echo`,
    },
    {
      title: 'What was recorded',
      says: `Every grant and refusal of ${issuer}, the newest first.`,
      commands: `${word(program)} audit list --config ${word(`${folder}/hilum.toml`)}`,
    },
  ];
}

/** The parameters of a client that signs. */
function asserted({ client_id: id, private_jwk: { kid } }, audience) {
  return `\\
  -d client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer \\
  -d client_assertion=$(assertion ${id} ${kid} ${audience})`;
}

/** A function of the shell: the assertion of a client. */
function signing(place) {
  return `b64() { basenc --base64url -w0 | tr -d =; }
assertion() { # CLIENT_ID KID AUDIENCE
  # The private key: RFC 5915 around the member d of the JWK in fixtures.json
  { printf '\\060\\076\\002\\001\\001\\004\\060'
    sed -n '/"client_id": "'$1'"/,/"y"/s/.*"d": "\\(.*\\)".*/\\1/p' ${place}/fixtures.json | basenc -d --base64url
    printf '\\240\\007\\006\\005\\053\\201\\004\\000\\042'; } > ${place}/$1.der
  HEAD=$(printf '{"alg":"ES384","typ":"JWT","kid":"%s"}' $2 | b64)
  BODY=$(printf '{"iss":"%s","sub":"%s","aud":"%s","jti":"%s","exp":%s}' $1 $1 $3 $(openssl rand -hex 16) $(($(date +%s) + 240)) | b64)
  # openssl writes r and s as DER; a JWT has them side by side, 48 bytes each
  SIGNATURE=$(printf %s "$HEAD.$BODY" | openssl dgst -sha384 -keyform DER -sign ${place}/$1.der \\
    | openssl asn1parse -inform DER | sed -n 's/.*INTEGER *://p' | while read n; do printf '%96s' $n; done | tr ' ' 0 | basenc -d --base16 | b64)
  echo $HEAD.$BODY.$SIGNATURE
}`;
}
