#!/bin/sh
# Runs once, while a node's image is built: `install.sh [RAY_VERSION]`. Looks for Ray, installs that version where there is
# none, and gives the login shells of the user `ray` its PATH.
set -eu
version=${1-}

# COPY of one folder keeps the modes of what is in it, and not its own.
install -d -m 1777 /opt/ray-entrypoint/state

. /opt/ray-entrypoint/profile.sh
if command -v ray > /dev/null; then
  [ -z "$version" ] || echo "→ RAY_VERSION=$version is not installed: the base has $(command -v ray)"
elif [ -z "$version" ]; then
  echo "✗ No Ray in this image: use a base with Ray, or --build-arg RAY_VERSION=2.60.0" >&2
  exit 1
elif command -v uv > /dev/null; then
  # The packages of the base stay visible to Ray's tasks.
  uv venv --quiet --system-site-packages /opt/venv
  UV_DEFAULT_INDEX=${PIP_INDEX_URL:-https://pypi.org/simple} UV_INSECURE_HOST=${PIP_TRUSTED_HOST-} \
    uv pip install --quiet --no-cache --python /opt/venv/bin/python "ray[default]==$version"
elif command -v python3 > /dev/null; then
  python3 -m venv --system-site-packages /opt/venv
  # An empty variable would be an empty address.
  [ -n "${PIP_INDEX_URL-}" ] || unset PIP_INDEX_URL
  /opt/venv/bin/pip install --quiet --no-cache-dir --disable-pip-version-check "ray[default]==$version"
else
  echo "✗ No Python in this image, which Ray needs: use a base with Python 3.10 or later, or one with Ray" >&2
  exit 1
fi

home=$(getent passwd ray | cut -d : -f 6)
[ -n "$home" ] || exit 0
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
