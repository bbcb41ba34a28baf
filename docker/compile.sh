#!/bin/sh
# Runs at the end of the carrier's build: sets the file modes, and lets V8 compile the entrypoint. Root owns all of it, so that
# no Ray job can change what the next start runs.
set -eu

# COPY keeps the modes of the checkout: with a umask of 077 nobody else can read the files, and on a file system without modes
# everybody can write them.
find /opt/ray-entrypoint -type f -name '*.sh' -exec chmod 0755 {} +
find /opt/ray-entrypoint -type f -name '*js' -exec chmod 0644 {} +

cache=/opt/ray-entrypoint/cache
install -d -m 0755 "$cache"
# With the flags of entrypoint.sh: V8 takes what was made with the same ones.
/opt/ray-entrypoint/bin/node --min-semi-space-size=4 /opt/ray-entrypoint/compile-cache.cjs ||
  echo "→ V8 kept nothing of the entrypoint, whose start is a little slower for it"
chmod -R u=rwX,go=rX "$cache"
