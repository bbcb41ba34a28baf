# Sourced by up: the programs of the lab. Nothing is installed: Debian packages are unpacked into the cache.
# shellcheck shell=bash

debian_packages=(docker.io docker-compose iptables mmdebstrap tini prometheus etcd-server etcd-client)
compose_version=v5.5.1
# For the tests of the page, where the machine has no browser of its own.
browser_packages=(chromium fonts-dejavu-core)

install_tools() {
  unpack_debian_packages
  link_tools
  unpack_browser || say "No chromium: the tests of the page will fail"
  build_compose_plugin || say "No current docker compose: needs Go 1.26.3 or later; docker-compose 1.29 is there"
}

# apt finds out what this machine lacks; packages that it has already are used where they are.
unpack_debian_packages() {
  unpacked "$lab_root" "${debian_packages[@]}" && return 0
  command -v apt-get >/dev/null || fail "No apt-get on this machine." "The lab takes its engine from Debian 12: run it there."
  say "Fetching Debian's docker.io, docker-compose, iptables and mmdebstrap (70 MB)"
  unpack_into "$lab_root" "${debian_packages[@]}" ||
    fail "apt-get could not fetch ${debian_packages[*]}." "See its output above; check the network and the package sources."
}

# The machine's own is kept.
unpack_browser() {
  local root=$lab_cache/browser
  if PATH=${PATH//"$lab_bin:"/} command -v chromium >/dev/null; then
    rm -f "$lab_bin/chromium"
    return 0
  fi
  if ! unpacked "$root" "${browser_packages[@]}"; then
    say "Fetching Debian's chromium (100 MB)"
    unpack_into "$root" "${browser_packages[@]}" || return 1
  fi
  local libraries=$root/usr/lib/x86_64-linux-gnu
  cat > "$lab_bin/chromium" <<EOF
#!/bin/sh
# chromium, unpacked from Debian's package. libpulse has a part in a folder of its own.
export LD_LIBRARY_PATH=$libraries:$libraries/pulseaudio FONTCONFIG_SYSROOT=$root
exec $root/usr/lib/chromium/chromium "\$@"
EOF
  chmod 755 "$lab_bin/chromium"
}

unpacked() { [ "$(cat "$1/.done" 2>/dev/null)" = "${*:2}" ]; }

# The folder, and the packages; with them comes what this machine lacks of what they need.
unpack_into() {
  local root=$1 package
  shift
  rm -rf "$root" "$lab_cache/debs"
  mkdir -p "$lab_cache/debs/partial" "$root"
  download_packages "$@" || { apt-get -qq update && download_packages "$@"; } || return 1
  for package in "$lab_cache"/debs/*.deb; do dpkg-deb -x "$package" "$root" || return 1; done
  rm -rf "$lab_cache/debs"
  printf %s "$*" > "$root/.done"
}

download_packages() {
  apt-get -qq -y --no-install-recommends --download-only --reinstall \
    -o Debug::NoLocking=1 -o Dir::Cache::archives="$lab_cache/debs" install "$@" > "$lab_cache/apt.log" 2>&1 ||
    { cat "$lab_cache/apt.log" >&2; return 1; }
}

link_tools() {
  mkdir -p "$lab_bin" "$lab_cache/engine-bin" "$lab_cache/docker-config/cli-plugins"
  # Debian makes these two when it installs the package.
  ln -sf "$lab_root/usr/sbin/xtables-nft-multi" "$lab_cache/engine-bin/iptables"
  ln -sf "$lab_root/usr/sbin/xtables-nft-multi" "$lab_cache/engine-bin/ip6tables"
  [ -f "$lab_cache/docker-config/config.json" ] || echo '{}' > "$lab_cache/docker-config/config.json"
  # The machine's own client is kept, if it has one: an old engine under a current client is what users have, too.
  if PATH=${PATH//"$lab_bin:"/} command -v docker >/dev/null; then rm -f "$lab_bin/docker"; else ln -sf "$lab_root/usr/bin/docker" "$lab_bin/docker"; fi
  local tool
  for tool in prometheus promtool etcd etcdctl; do
    if PATH=${PATH//"$lab_bin:"/} command -v "$tool" >/dev/null; then rm -f "$lab_bin/$tool"; else ln -sf "$lab_root/usr/bin/$tool" "$lab_bin/$tool"; fi
  done
  cat > "$lab_bin/docker-compose" <<EOF
#!/bin/sh
# docker-compose 1.29, unpacked from Debian's package.
PYTHONPATH=$lab_root/usr/lib/python3/dist-packages exec /usr/bin/python3 $lab_root/usr/bin/docker-compose "\$@"
EOF
  chmod 755 "$lab_bin/docker-compose"
}

# The exclude and replace lines of a module hold only for itself, so that a build from outside has to repeat them.
build_compose_plugin() {
  local plugin=$lab_cache/docker-config/cli-plugins/docker-compose
  [ "$(cat "$plugin.version" 2>/dev/null)" != "$compose_version" ] || return 0
  local go=go
  command -v go >/dev/null || go=/usr/local/go/bin/go
  command -v "$go" >/dev/null || return 1
  say "Building docker compose $compose_version from its Go module (about 100 s)"
  local module=github.com/docker/compose/v5 work=$lab_cache/compose-build source
  mkdir -p "$work"
  (
    cd "$work" && rm -f go.mod go.sum && export GOTOOLCHAIN=local GOFLAGS=-mod=mod
    source=$("$go" mod download -json "$module@$compose_version" | sed -n 's/.*"Dir": "\(.*\)".*/\1/p') && [ -n "$source" ] &&
      {
        echo "module lab"
        grep '^go ' "$source/go.mod"
        echo "require $module $compose_version"
        sed -n '/^\(exclude\|replace\)/,/^)/p' "$source/go.mod"
      } > go.mod &&
      "$go" build -trimpath -ldflags "-s -w -X $module/internal.Version=$compose_version" -o docker-compose "$module/cmd"
  ) > "$lab_cache/compose-build.log" 2>&1 || { tail -n 5 "$lab_cache/compose-build.log" >&2; return 1; }
  mv "$work/docker-compose" "$plugin"
  printf %s "$compose_version" > "$plugin.version"
  rm -rf "$work"
}
