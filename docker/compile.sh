#!/bin/sh
# Runs at the end of the carrier's build: sets the file modes, and lets V8 compile the entrypoint for the two users that
# most images have (Node keeps one cache for each uid). Root owns all of it, so that no Ray job can change what the next
# start runs.
set -eu

# COPY keeps the modes of the checkout: with a umask of 077 nobody else can read the files, and on a file system without modes
# everybody can write them.
find /opt/ray-entrypoint -type f -name '*.sh' -exec chmod 0755 {} +
find /opt/ray-entrypoint -type f -name '*js' -exec chmod 0644 {} +

cache=/opt/ray-entrypoint/cache
install -d -m 1777 "$cache"
for uid in 0 1000; do
  # Node keeps what V8 made of the file as it was loaded, whatever ran of it afterwards.
  setpriv --reuid "$uid" --regid "$uid" --clear-groups /opt/ray-entrypoint/entrypoint.sh --version > /dev/null || :
done
chown -R root:root "$cache"
chmod -R u=rwX,go=rX "$cache"
[ -n "$(find "$cache" -type f)" ] || echo "→ V8 kept nothing of the entrypoint, whose start is a little slower for it"
