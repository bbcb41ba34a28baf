#!/bin/sh
# Runs a command where the Docker engine's published ports are seen: `sh scripts/in-lab.sh COMMAND …`.
# With a lab in use (LAB_NETNS, from its env file) that is the lab's network namespace, and RAY_VERSION lets the lab make
# that Ray's images first. Without one it is here, and the engine pulls the images of RAY_VERSION.
set -eu
[ -n "${LAB_NETNS:-}" ] || exec "$@"

if [ -n "${RAY_VERSION:-}" ] && [ "$RAY_VERSION" != "${LAB_RAY_VERSION:-}" ]; then
  if [ "$(stat -Lc %i "$LAB_NETNS")" = "$(stat -Lc %i /proc/self/ns/net)" ]; then
    printf '✗ %s\n  → %s\n' "Ray $RAY_VERSION cannot be fetched from within the lab's network namespace." \
      "Run the same command outside of it: it enters by itself." >&2
    exit 69
  fi
  # It may be read by whoever takes our output for a result.
  "$(dirname "$0")/../test/lab/up" >&2
  # shellcheck source=/dev/null
  . "${LAB_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/ray-entrypoint-lab}/env"
fi
exec nsenter --net="$LAB_NETNS" "$@"
