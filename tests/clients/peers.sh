#!/usr/bin/env bash
# TLS and certificates as curl and OpenSSL see them. Needs a running `hilum dev`, HILUM_FIXTURES
# (the path of its fixtures.json), and curl, openssl and node.
# shellcheck disable=SC2317 # most functions are called through `check`
set -uo pipefail
: "${HILUM_FIXTURES:?the path of data/dev/fixtures.json of a running hilum dev}"

folder=$(cd "$(dirname "$HILUM_FIXTURES")" && pwd)
answer=$(mktemp) heard=$(mktemp)
trap 'rm -f "$answer" "$heard"' EXIT
failed=0

fixture() { # KEY… : the member of the fixtures under these keys
  node -p 'process.argv.slice(2).reduce((v, k) => v[k], JSON.parse(fs.readFileSync(process.argv[1], "utf8")))' \
    "$HILUM_FIXTURES" "$@"
}
host_of() { node -p 'const u = new URL(process.argv[1]); u.hostname + ":" + (u.port || 443)' "$1"; }
member() { # KEY : a member of the JSON object in $answer; empty where there is none
  node -p 'try { JSON.parse(fs.readFileSync(process.argv[1], "utf8"))[process.argv[2]] ?? "" } catch { "" }' "$answer" "$1"
}

issuer=$(fixture issuer) && mtls=$(fixture mtls) && ca=$folder/$(fixture ca) || exit 1
public_host=$(host_of "$issuer") && mtls_host=$(host_of "$mtls") || exit 1
payer=$(fixture clients payer-mtls client_id) || exit 1
payer_scope=$(fixture clients payer-mtls scope) || exit 1
payer_pem=$folder/$(fixture clients payer-mtls certificate)
payer_key=$folder/$(fixture clients payer-mtls key)

check() { # NAME COMMAND… : one line, by the command's exit status
  local name=$1
  shift
  if "$@"; then
    echo "ok - $name"
  else
    echo "not ok - $name"
    failed=1
  fi
}

handshake() { # HOST:PORT OPTIONS… : every message of one handshake
  local address=$1
  shift
  timeout 60 openssl s_client -connect "$address" -servername "${address%:*}" -CAfile "$ca" \
    -verify_return_error -verify_hostname "${address%:*}" -msg "$@" </dev/null 2>&1
}
agreed() { # PATTERN HOST:PORT OPTIONS… : the handshake ends, on a cipher like this
  local pattern=$1 seen
  shift
  seen=$(handshake "$@") && grep -Eq "$pattern" <<<"$seen"
}
# A hello must have gone out: an OpenSSL that cannot speak the version at all proves nothing.
refused() { # HOST:PORT OPTIONS… : our hello is answered without a server hello
  local seen
  seen=$(handshake "$@")
  [ $? -ne 124 ] && grep -q '^>>> .*ClientHello' <<<"$seen" && ! grep -q '^<<< .*ServerHello' <<<"$seen"
}
asks_certificate() { # HOST:PORT OPTIONS… : the handshake ends, and held a CertificateRequest
  local seen
  seen=$(handshake "$@") && grep -q '^<<< .*CertificateRequest' <<<"$seen"
}
asks_no_certificate() {
  local seen
  seen=$(handshake "$@") && grep -q '^<<< .*ServerHello' <<<"$seen" && ! grep -q '^<<< .*CertificateRequest' <<<"$seen"
}

request() { # URL OPTIONS… : leaves the body in $answer, prints status and HTTP version
  : >"$answer"
  curl --silent --noproxy '*' --max-time 60 --cacert "$ca" --output "$answer" --write-out '%{http_code} %{http_version}' "$@"
}
token_for_payer() { # BASE-URL OPTIONS…
  local base=$1
  shift
  request "$base/oauth2/token" --data-urlencode grant_type=client_credentials \
    --data-urlencode "client_id=$payer" --data-urlencode "scope=$payer_scope" "$@"
}
# RFC 8705, 3.1: the confirmation is the SHA-256 of the certificate's DER.
bound_token() { # HTTP-VERSION CURL-OPTION
  [ "$(token_for_payer "$mtls" "$2" --cert "$payer_pem" --key "$payer_key")" = "200 $1" ] || return 1
  node -e '
    const { X509Certificate, createHash } = require("node:crypto");
    const [token, file] = process.argv.slice(1);
    const { cnf } = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url"));
    const { raw } = new X509Certificate(fs.readFileSync(file));
    const expected = createHash("sha256").update(raw).digest("base64url");
    process.exit(cnf?.["x5t#S256"] === expected ? 0 : 1);
  ' "$(member access_token)" "$payer_pem"
}
other_pem=$folder/$(fixture clients payer-es384 certificate)
other_key=$folder/$(fixture clients payer-es384 key)
# The first certificate is the one whose key the handshake shows; what stands beside it names nobody.
answered() { # STATUS CERTIFICATE KEY CHAIN : OpenSSL asks for the payer's token
  local status=$1 certificate=$2 key=$3 chain=$4 body said
  body="grant_type=client_credentials&client_id=$payer&scope=system/Claim.rs"
  # All of it is read: an OpenSSL whose last words nobody takes ends badly.
  said=$(printf 'POST /oauth2/token HTTP/1.1\r\nHost: %s\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s' \
    "$mtls_host" "${#body}" "$body" |
    timeout 60 openssl s_client -quiet -connect "$mtls_host" -servername "${mtls_host%:*}" -CAfile "$ca" \
      -cert "$certificate" -key "$key" -cert_chain "$chain" 2>/dev/null) || true
  [[ ${said%%$'\r'*} == *" $status "* ]]
}
# A ticket that lets data be sent before the handshake has ended would say how much.
takes_no_early_data() { # HOST:PORT
  local tries=0
  : >"$heard"
  # The connection is held until the ticket has come.
  # shellcheck disable=SC2094 # what is written is what is waited for
  until grep -q 'Max Early Data:' "$heard" || [ $((tries += 1)) -gt 300 ]; do sleep 0.1; done |
    timeout 60 openssl s_client -tls1_3 -connect "$1" -servername "${1%:*}" -CAfile "$ca" >"$heard" 2>&1
  grep -q 'Max Early Data: 0' "$heard" && ! grep -q 'Max Early Data: [1-9]' "$heard"
}
spoof_refused() { # HEADER…
  local options=() header status
  for header in "$@"; do options+=(--header "$header"); done
  status=$(token_for_payer "$issuer" "${options[@]}")
  [ "${status%% *}" = 401 ] && [ "$(member error)" = invalid_client ]
}
not_served() { # HOST:PORT
  local status
  status=$(request "http://$1/.well-known/openid-configuration")
  [ "${status%% *}" != 200 ]
}

cbc='ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA384:ECDHE-RSA-AES128-SHA256:AES128-SHA:@SECLEVEL=0'
for listener in "public $public_host" "mutual-TLS $mtls_host"; do
  read -r name address <<<"$listener"
  check "the $name listener refuses TLS 1.1" refused "$address" -tls1_1 -cipher 'ALL:@SECLEVEL=0'
  check "the $name listener refuses CBC ciphers of TLS 1.2" refused "$address" -tls1_2 -cipher "$cbc"
  check "the $name listener speaks TLS 1.2 with an AEAD cipher" \
    agreed 'Cipher is ECDHE-.*(GCM|CHACHA20)' "$address" -tls1_2 -cipher 'ECDHE+AESGCM:ECDHE+CHACHA20'
  check "the $name listener speaks TLS 1.3" agreed 'New, TLSv1.3, Cipher is TLS_' "$address" -tls1_3
  check "nothing is served in the clear on the port of the $name listener" not_served "$address"
done

for version in 1_2 1_3; do
  check "the public listener never asks for a certificate in TLS ${version/_/.}" \
    asks_no_certificate "$public_host" "-tls$version"
  check "the mutual-TLS listener asks for a certificate in TLS ${version/_/.}" \
    asks_certificate "$mtls_host" "-tls$version"
done

check "curl over HTTP/1.1 is granted a token bound to its certificate" bound_token 1.1 --http1.1
check "curl over HTTP/2 is granted a token bound to its certificate" bound_token 2 --http2

check "OpenSSL is granted a token with the payer's certificate, whatever stands beside it" \
  answered 200 "$payer_pem" "$payer_key" "$other_pem"
check "OpenSSL is refused with the payer's certificate beside its own" \
  answered 401 "$other_pem" "$other_key" "$payer_pem"
for address in "$public_host" "$mtls_host"; do
  check "no ticket of $address allows early data" takes_no_early_data "$address"
done

# A header that a proxy might have set proves nothing (RFC 9440; RFC 8705, 6.5).
encoded=$(node -p 'encodeURIComponent(fs.readFileSync(process.argv[1], "utf8"))' "$payer_pem")
der=$(openssl x509 -in "$payer_pem" -outform DER | openssl base64 -A)
digest=$(openssl x509 -in "$payer_pem" -outform DER | openssl dgst -sha256 -r | cut -d' ' -f1)
spoofed=(
  "X-Client-Cert: $encoded"
  "X-SSL-Client-Cert: $encoded"
  "X-Forwarded-Client-Cert: Hash=$digest;Cert=\"$encoded\""
  "Client-Cert: :$der:"
)
for header in "${spoofed[@]}"; do
  check "a certificate in ${header%%:*} is not believed on the public listener" spoof_refused "$header"
done
check "no certificate is believed from all those headers at once" spoof_refused "${spoofed[@]}" \
  'X-SSL-Client-Verify: SUCCESS' 'X-Client-Verify: SUCCESS'

exit "$failed"
