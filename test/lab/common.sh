# Sourced by up and down: the names of this lab and how it talks.
# shellcheck shell=bash disable=SC2034

lab_cache=${LAB_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/ray-entrypoint-lab}
mkdir -p "$lab_cache"
lab_cache=$(cd "$lab_cache" && pwd -P)

# A lab for each cache folder: two of them on one machine share no name, and each has its own network namespace.
lab_id=$(printf %s "$lab_cache" | cksum | cut -d ' ' -f 1)
lab_name=ray-ep-lab-$lab_id
lab_netns=/run/netns/$lab_name
# Short, since a socket's path may hold 107 bytes, and the engine puts more than one below it.
lab_run=/run/$lab_name
lab_socket=$lab_run/docker.sock

lab_root=$lab_cache/root # Debian packages, unpacked and not installed
lab_bin=$lab_cache/bin   # what goes first on PATH
lab_data=$lab_cache/engine
host_ip=172.29.99.1

say() { printf '→ %s\n' "$*"; }
good() { printf '✓ %s\n' "$*"; }
fail() {
  printf '✗ %s\n  → %s\n' "$1" "$2" >&2
  exit 1
}

need_root() {
  [ "$(id -u)" -eq 0 ] || fail "The lab needs root, got user $(id -un)." "Run it as root: it makes a network namespace and starts an engine in it."
}

# One `up` or `down` at a time; the second waits.
lock_lab() {
  exec 9> "$lab_cache/lock"
  flock -n 9 || { say "Another up or down is at work in $lab_cache; waiting for it"; flock 9; }
}

# The client, talking to the lab's engine and to no other.
lab_docker() {
  env -u DOCKER_CONTEXT -u DOCKER_TLS_VERIFY DOCKER_HOST="unix://$lab_socket" DOCKER_CONFIG="$lab_cache/docker-config" \
    PATH="$lab_bin:$PATH" docker "$@" 9>&-
}
