#!/bin/sh
# Runs at the end of the carrier's build: sets the file modes, and lets V8 compile the code that a decision runs, for the
# two users that most images have (Node keeps one cache for each uid). Root owns all of it, so that no Ray job can change
# what the next start runs.
set -eu

# COPY keeps the modes of the checkout: with a umask of 077 nobody else can read the files, and on a file system without modes
# everybody can write them.
find /opt/ray-entrypoint -type f -name '*.sh' -exec chmod 0755 {} +
find /opt/ray-entrypoint -type f -name '*js' -exec chmod 0644 {} +

cache=/opt/ray-entrypoint/cache
rm -rf "$cache"
install -d -m 1777 "$cache"
for uid in 0 1000; do
  # Nothing is there, so the look is over at once; without Ray it ends sooner, and keeps less.
  setpriv --reuid "$uid" --regid "$uid" --clear-groups env HEAD_WHITELIST=127.0.0.1:9 HEALTH_URL=http://127.0.0.1:9 \
    HEALTH_MAX_RETRIES=1 DISCOVERY_TIMEOUT=1 RAY_EP_USER="$uid" RAY_EP_BIN_DIR=/opt/ray-entrypoint \
    /opt/ray-entrypoint/entrypoint.sh --dry-run > /dev/null 2>&1 || :
done
chown -R root:root "$cache"
chmod -R u=rwX,go=rX "$cache"
[ -n "$(find "$cache" -type f)" ] || echo "→ V8 kept nothing of the entrypoint, whose start is a little slower for it"
