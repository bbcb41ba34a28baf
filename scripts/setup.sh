#!/bin/sh
# Brings a fresh clone to the point where it can run: dependencies (with a Node that is new enough) and bundles.
# Does nothing when both are up to date, and can run twice at once: the second waits for the first.
set -eu
cd "$(dirname "$0")/.."

if command -v flock >/dev/null 2>&1 && [ -z "${RAY_EP_SETUP_LOCKED:-}" ]; then
  RAY_EP_SETUP_LOCKED=1 exec flock "$PWD/package.json" sh "$PWD/scripts/setup.sh" "$@"
fi

if ! cmp -s package-lock.json node_modules/.setup-lock 2>/dev/null; then
  echo "→ Installing dependencies (npm ci, about 20 s the first time)" >&2
  npm ci --loglevel=error >&2
  cp package-lock.json node_modules/.setup-lock
fi

if [ ! -f dist/.built ] || [ -n "$(find src proto package.json tsup.config.ts -newer dist/.built -print | head -n 1)" ]; then
  echo "→ Building dist/" >&2
  PATH="$PWD/node_modules/.bin:$PATH" npm run --silent build >&2
  touch dist/.built
fi
