#!/bin/sh
# Brings a fresh clone to the point where it can run: dependencies (with a Node that is new enough) and bundles.
# Does nothing when both are up to date, and can run twice at once: the second waits for the first.
# Whatever moment it is interrupted at, the next run goes on: each step's mark is written when the step is done.
set -eu
CDPATH='' cd -- "$(dirname "$0")/.."

least_node=20
own_node=24

fail() {
  printf '✗ %s\n  → %s\n' "$1" "$2" >&2
  exit 69
}

dependencies_are_current() {
  cmp -s package-lock.json node_modules/.setup-lock 2>/dev/null
}

bundles_are_current() {
  [ -f dist/.built ] && [ dist/.built -nt package-lock.json ] &&
    [ -z "$(find src proto package.json tsup.config.ts scripts/page.ts -newer dist/.built -print 2>/dev/null | head -n 1)" ]
}

if dependencies_are_current && bundles_are_current; then
  exit 0
fi

if [ -z "${WS_SETUP_LOCKED:-}" ] && command -v flock >/dev/null 2>&1; then
  flock -n package.json true || echo "→ Another set-up is running here; waiting for it" >&2
  WS_SETUP_LOCKED=1 exec flock package.json sh scripts/setup.sh "$@"
fi

require_tools() {
  command -v node >/dev/null 2>&1 || fail "Node is not installed." "Install Node $least_node or later, with npm."
  major=$(node -p 'process.versions.node.split(".")[0]')
  [ "$major" -ge "$least_node" ] ||
    fail "Node $least_node or later is needed, got $(node --version)." "Install a current Node (LTS), with npm."
  command -v npm >/dev/null 2>&1 || fail "npm is not installed." "Install it; most systems bring it with Node."
}

# npm does not print an address that contains a password.
registry() {
  npm config get registry 2>/dev/null || echo "the registry that npm is set to"
}

# If the network drops all packets, npm prints nothing until it gives up.
still_waiting() {
  # Without the trap the sleep would outlive this function and keep the lock.
  sleep 20 &
  trap 'kill $!' TERM
  wait $! && echo "→ Still waiting for packages from $(registry); npm gives up within two minutes if no answer comes" >&2
}

# Installs into .setup, because `npm ci` removes the old packages before it knows whether it can get the new ones.
install_dependencies() {
  echo "→ Installing dependencies (about 20 s the first time)" >&2
  rm -rf .setup
  mkdir .setup
  cp package.json package-lock.json .npmrc .setup/
  still_waiting &
  waiting=$!
  installed=0
  # The build needs the development packages also where NODE_ENV=production is set.
  (cd .setup && npm ci --include=dev --loglevel=error >&2) || installed=$?
  kill "$waiting" 2>/dev/null && wait "$waiting" || :
  [ "$installed" -eq 0 ] ||
    fail "npm ci failed; see its output above." \
      "Check the network ($(registry)) and the free disk space, then run the command again."
  # npm's package `node` fetches its binary in an install script, which a .npmrc may forbid.
  [ -x .setup/node_modules/.bin/node ] || [ "$major" -ge "$own_node" ] ||
    fail "npm installed no Node $own_node (node_modules/.bin/node), and this machine's own is $(node --version)." \
      "Allow install scripts (npm config get ignore-scripts says whether they are off), or install Node $own_node or later."
  cp package-lock.json .setup/node_modules/.setup-lock
  [ ! -e node_modules ] || mv node_modules .setup/former
  mv .setup/node_modules node_modules
  rm -rf .setup
}

# Built beside and moved into place file by file, so that a running program never loses its bundle.
build_bundles() {
  echo "→ Building dist/" >&2
  started=$(mktemp)
  PATH="$PWD/node_modules/.bin:$PATH" tsup --silent --out-dir dist/.new >&2 || {
    rm -f "$started"
    fail "The build failed; see its output above." "Correct the sources, then run the command again."
  }
  rm -rf dist/.cache
  mv dist/.new/*.js dist/
  rmdir dist/.new
  # The time of the start: a source that changed during the build makes the next run build again.
  touch -r "$started" dist/.built
  rm -f "$started"
}

require_tools
dependencies_are_current || install_dependencies
bundles_are_current || build_bundles
