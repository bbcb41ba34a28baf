#!/bin/sh
# Runs once, at the end of the image build: sets the file modes, and lets V8 compile the code that a decision runs, for
# both users that the entrypoint may run as (Node keeps one cache for each). Root owns all of it, so that no Ray job can
# change what the next start runs.
set -eu

# COPY keeps the modes of the checkout: with a umask of 077 `ray` cannot read the files, and on a file system without modes everybody can write them.
# Only where they differ, since each changed file is stored in the image twice.
find /opt/ray-entrypoint -type f -name '*.sh' ! -perm 0755 -exec chmod 0755 {} +
find /opt/ray-entrypoint -type f -name '*js' ! -perm 0644 -exec chmod 0644 {} +

cache=/opt/ray-entrypoint/cache
rm -rf "$cache"
install -d -m 1777 "$cache"
for user in root ray; do
  # Nothing is there, so the look is over at once; a base without Ray ends it sooner, and keeps less.
  su -s /bin/sh "$user" -c 'HEAD_WHITELIST=127.0.0.1:9 HEALTH_URL=http://127.0.0.1:9 HEALTH_MAX_RETRIES=1 DISCOVERY_TIMEOUT=1 \
    /opt/ray-entrypoint/node --require /opt/ray-entrypoint/compile-cache.cjs /opt/ray-entrypoint/entrypoint.js --dry-run' \
    > /dev/null 2>&1 || :
done
chown -R root:root "$cache"
chmod -R u=rwX,go=rX "$cache"
[ -n "$(find "$cache" -type f)" ] || echo "→ V8 kept nothing of the entrypoint, whose start is a little slower for it"
