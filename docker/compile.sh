#!/bin/sh
# Run once, while the image is built, when everything is there: sets the modes, and has V8 compile what a decision runs,
# for the two users that the entrypoint may be (Node keeps one form for each). Root owns all of it, so that no job of Ray's changes what the next start runs.
set -eu

# COPY keeps the modes of the checkout: a umask of 077 closes them to `ray`, a file system without modes opens them to all.
# Only where they differ, for each file that is touched is in the image twice.
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
