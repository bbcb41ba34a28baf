#!/bin/sh
# Run once, while the image is built: tini, the PATH of login shells, and a folder for the note that a node is ALIVE.
set -eu

if ! command -v tini >/dev/null; then
  apt-get update
  DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends tini
  rm -rf /var/lib/apt/lists/*
fi
# An image that was built here before may be the base: everything below finds its own work and leaves it.
ln -sf "$(command -v tini)" /opt/ray-entrypoint/tini

home=$(getent passwd ray | cut -d : -f 6)
install -d -o ray -g "$(id -g ray)" /run/ray-entrypoint

# A login shell starts with the PATH of /etc/login.defs, which /etc/profile sets anew and the user's own file may set again.
# So it is put right after each of them. bash reads the first of the three that exists; without one, profile.d is the last.
# The user's own file is read by ours, so that also one that returns early is followed by the right PATH.
cp /opt/ray-entrypoint/profile.sh /etc/profile.d/zz-ray-entrypoint.sh
chmod 0644 /etc/profile.d/zz-ray-entrypoint.sh
for file in "$home/.bash_profile" "$home/.bash_login" "$home/.profile"; do
  [ -f "$file" ] || continue
  # Ours already: a copy of it would read itself without end.
  if grep -q '^\. /opt/ray-entrypoint/profile.sh$' "$file"; then continue; fi
  cp -p "$file" "$file.base"
  printf '. %s.base\n. /opt/ray-entrypoint/profile.sh\n' "$file" > "$file"
done
