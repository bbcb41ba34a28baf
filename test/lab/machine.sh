# Sourced by machines: one machine, as namespaces (network, name, mounts, processes) around an engine.
# shellcheck shell=bash

machines=$lab_cache/machines
switch=$lab_name-switch
gateway=10.88.0.254
machine_images=(rayproject/ray:latest node:24-bookworm-slim)

# Two networks. The gateway has no way out either: it says so, and answers "no such name" to every question.
make_switch() {
  local card
  ip netns add "$switch"
  ip -n "$switch" link set lo up
  for card in data mgmt; do
    ip -n "$switch" link add "$card" type bridge
    ip -n "$switch" link set "$card" up
  done
  ip -n "$switch" address add "$gateway/24" dev mgmt
  nsenter --net="/run/netns/$switch" sysctl --quiet --write net.ipv4.ip_forward=1
  setsid nsenter --net="/run/netns/$switch" python3 "$lab/names.py" "$switch" "$gateway" < /dev/null > /dev/null 2>&1 9>&- &
  disown
}

# The layers of the lab's images, once: nobody writes to a layer of an image.
make_template() {
  local wanted
  wanted=$(lab_docker image inspect --format '{{.Id}}' "${machine_images[@]}")
  [ "$(cat "$machines/template.done" 2>/dev/null)" != "$wanted" ] || return 0
  say "Copying the lab's images for the machines (about 30 s)"
  rm -rf "$machines/template" "$machines/template.done"
  mkdir -p "$machines/template"
  new_machine m0
  launch_machine m0
  wait_for_machine m0
  lab_docker save "${machine_images[@]}" | run_on m0 docker load --quiet > /dev/null
  end_machine TERM m0
  mv "$machines/m0/data/image" "$machines/m0/data/overlay2" "$machines/template"
  rm -rf "$machines/m0"
  printf %s "$wanted" > "$machines/template.done"
}

# Gives a machine that has never run the images, as links to their layers.
link_images() {
  local data=$machines/$1/data
  mkdir "$data/overlay2"
  cp --archive "$machines/template/image" "$data"
  cp --archive "$machines/template/overlay2/l" "$data/overlay2"
  find "$machines/template/overlay2" -mindepth 1 -maxdepth 1 ! -name l -exec ln -s -t "$data/overlay2" {} +
}

# Makes the files of a machine that has never run.
new_machine() {
  local home=$machines/$1/home libraries
  libraries=$lab_root/usr/lib/$(uname -m)-linux-gnu
  mkdir -p "$machines/$1/data" "$home/.docker" "$home/bin"
  ln -s "$lab_cache/docker-config/cli-plugins" "$home/.docker/cli-plugins"
  echo '{}' > "$machines/$1/daemon.json"
  # As Debian writes them.
  printf '127.0.0.1 localhost\n127.0.1.1 %s\n' "$1" > "$machines/$1/hosts"
  echo "nameserver $gateway" > "$machines/$1/resolv.conf"
  cat > "$machines/$1/env" << END
unset DOCKER_HOST DOCKER_CONTEXT DOCKER_TLS_VERIFY DOCKER_CERT_PATH DOCKER_CONFIG LAB_NETNS HOST_IP
export HOME=$home WS_STATE_DIR=$home/.ws PATH="$home/bin:$lab_bin:\$PATH" LC_ALL=C.UTF-8
END
  cat > "$home/bin/iptables" << END
#!/bin/sh
LD_LIBRARY_PATH=$libraries XTABLES_LIBDIR=$libraries/xtables exec $lab_cache/engine-bin/iptables "\$@"
END
  chmod +x "$home/bin/iptables"
}

# Switches it on: its first process is tini, and whatever runs there ends with that.
launch_machine() {
  local name=$1 number=${1#m}
  unplug "$name"
  ip netns add "$lab_name-$name"
  ip -n "$lab_name-$name" link set lo up
  plug "$name" data "10.77.0.$number"
  plug "$name" mgmt "10.88.0.$number"
  ip -n "$lab_name-$name" route add default via "$gateway" dev mgmt0
  (
    cd /
    exec setsid nsenter --net="/run/netns/$lab_name-$name" unshare --uts --mount --pid --fork --mount-proc \
      "$lab_root/usr/bin/tini-static" -- "$lab/machine-boot" "$machines/$name" "$name" "$lab_root" "$lab_cache/engine-bin" "/$lab_name-$name"
  ) < /dev/null > "$machines/$name/dockerd.log" 2>&1 9>&- &
  disown
}

plug() {
  local name=$1 card=$2 address=$3
  ip -n "$switch" link add "$card-$name" type veth peer name "${card}0" netns "$lab_name-$name"
  ip -n "$switch" link set "$card-$name" master "$card" up
  ip -n "$lab_name-$name" address add "$address/24" dev "${card}0"
  ip -n "$lab_name-$name" link set "${card}0" up
}

unplug() {
  local card
  for card in data mgmt; do ip -n "$switch" link delete "$card-$1" 2>/dev/null || true; done
  ip netns delete "$lab_name-$1" 2>/dev/null || true
}

wait_for_machine() {
  local deadline=$((SECONDS + 60))
  until [ -n "$(init_of "$1")" ] && (run_on "$1" timeout 5 docker info > /dev/null 2>&1); do
    [ "$SECONDS" -lt "$deadline" ] || {
      tail -n 15 "$machines/$1/dockerd.log" >&2
      fail "The engine of $1 did not answer within 60 s." "See the last lines of $machines/$1/dockerd.log above."
    }
    sleep 0.1
  done
}

# The process that is number 1 on that machine, or on each that matches.
init_of() {
  { grep --files-with-matches --text --perl-regexp "^\\Q$lab_root\\E/usr/bin/tini-static\\x00.*\\x00\\Q$machines\\E/$1\\x00" /proc/[0-9]*/cmdline 2>/dev/null || true; } | cut -d / -f 3
}

# In the caller's folder, and with its environment but for what belongs to the machine.
run_on() {
  local name=$1
  shift
  # shellcheck disable=SC2016
  nsenter --target "$(init_of "$name")" --net --uts --mount --pid -- \
    bash -c '. "$0"; cd "$1"; shift; exec "$@"' "$machines/$name/env" "$PWD" "$@" 9>&-
}

# TERM: the engine stops its containers first. The kernel kills all that is left together with the first process.
end_machine() {
  end_processes "$1" 60 "$(init_of "$2")"
  end_processes KILL 10 "$(init_of "$2")"
  unplug "$2"
  find /sys/fs/cgroup -depth -type d -path "*/$lab_name-$2*" -exec rmdir {} + 2>/dev/null || true
}

# Also what is left of machines whose run was cut off.
down_machines() {
  local name
  end_processes KILL 10 "$(init_of 'm\d+')"
  end_processes KILL 5 "$(names_pids "$switch")"
  for name in $(ip netns list | sed -nE "s/^$lab_name-(m[0-9]+).*/\\1/p"); do end_machine KILL "$name"; done
  ip netns delete "$switch" 2>/dev/null || true
  find "$machines" -maxdepth 1 -name 'm[0-9]*' -exec rm -rf --one-file-system {} + 2>/dev/null || true
}
