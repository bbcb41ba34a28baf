# Sourced by up and down: the engine, in a network namespace of its own.
# shellcheck shell=bash

start_engine() {
  make_network
  if engine_answers; then
    good "The engine is up already"
    return 0
  fi
  sweep_engine
  say "Starting dockerd"
  mkdir -p "$lab_run" "$lab_data"
  # Not the machine's own settings of an engine.
  echo '{}' > "$lab_cache/daemon.json"
  answer_names
  launch_dockerd
  wait_for_engine
  clear_engine
  good "The engine answers: $(lab_docker version --format '{{.Server.Version}} (API {{.Server.APIVersion}}), client {{.Client.Version}}'), storage $(lab_docker info --format '{{.Driver}}')"
}

# Everything that Docker does to interfaces, routes and iptables stays inside; containers have no way out.
make_network() {
  mkdir -p /run/netns
  if ! nsenter --net="$lab_netns" true 2>/dev/null; then
    rm -f "$lab_netns"
    ip netns add "$lab_name"
  fi
  ip -n "$lab_name" link set lo up
  ip -n "$lab_name" link show host0 >/dev/null 2>&1 || ip -n "$lab_name" link add host0 type bridge
  ip -n "$lab_name" address replace "$host_ip/32" dev host0
  ip -n "$lab_name" link set host0 up
}

answer_names() {
  setsid nsenter --net="$lab_netns" python3 "$lab/names.py" "$lab_name" "$host_ip" < /dev/null > "$lab_cache/names.log" 2>&1 9>&- &
}

# nsenter, since `ip netns exec` mounts a new /sys and so hides the cgroups.
launch_dockerd() {
  (
    cd /
    PATH="$lab_cache/engine-bin:$lab_root/usr/bin:$lab_root/usr/sbin:$PATH" \
      LD_LIBRARY_PATH="$lab_root/usr/lib/$(uname -m)-linux-gnu" XTABLES_LIBDIR="$lab_root/usr/lib/$(uname -m)-linux-gnu/xtables" \
      exec setsid nsenter --net="$lab_netns" dockerd --config-file "$lab_cache/daemon.json" \
      --data-root "$lab_data" --exec-root "$lab_run/exec" -p "$lab_run/docker.pid" -H "unix://$lab_socket" \
      --cgroup-parent "/$lab_name" --bip 172.27.0.1/16 --dns "$host_ip" --init-path "$lab_root/usr/bin/tini-static" --userland-proxy-path "$lab_root/usr/sbin/docker-proxy" \
      < /dev/null > "$lab_cache/dockerd.log" 2>&1 9>&-
  ) &
  dockerd_pid=$!
}

wait_for_engine() {
  local deadline=$((SECONDS + 60))
  until engine_answers; do
    kill -0 "$dockerd_pid" 2>/dev/null || engine_failed "dockerd ended while starting."
    [ "$SECONDS" -lt "$deadline" ] || engine_failed "dockerd did not answer within 60 s."
    sleep 0.1
  done
}

engine_failed() {
  tail -n 15 "$lab_cache/dockerd.log" >&2
  sweep_engine
  fail "$1" "See the last lines of $lab_cache/dockerd.log above."
}

engine_answers() {
  [ -S "$lab_socket" ] && timeout 5 env DOCKER_HOST="unix://$lab_socket" "$lab_root/usr/bin/docker" info >/dev/null 2>&1 9>&-
}

# Everything of this engine is the lab's. Only images stay: a container with a restart policy would rise again with the
# next engine, also after a run that was cut off before it could stop the lab.
clear_engine() {
  local containers
  mapfile -t containers < <(lab_docker ps --all --quiet)
  [ "${#containers[@]}" -eq 0 ] || lab_docker rm --force --volumes "${containers[@]}" >/dev/null
  lab_docker network prune --force >/dev/null
  lab_docker volume prune --force >/dev/null
}

stop_engine() {
  if engine_answers; then clear_engine || true; fi
  sweep_engine
  ip netns del "$lab_name" 2>/dev/null || true
  rm -rf "$lab_run"
}

# Ends what is left of an engine of this lab, also of one that was killed: programs, containers, mounts, pid files.
sweep_engine() {
  end_processes TERM 30 "$(engine_pids dockerd)"
  end_processes KILL 5 "$(engine_pids containerd containerd-shim-runc-v2 docker-proxy dockerd)"
  end_processes KILL 5 "$(container_pids) $(names_pids "$lab_name")"
  awk '{ print $2 }' /proc/mounts | { grep -E "^($lab_run|$lab_data)(/|\$)" || true; } | sort -r | while read -r mount; do
    umount -l "$mount" 2>/dev/null || true
  done
  find /sys/fs/cgroup -depth -type d -path "*/$lab_name*" -exec rmdir {} + 2>/dev/null || true
  rm -rf "$lab_run"
}

# The processes that run these programs of this lab's own folder. Those of its machines have a PID namespace of their own.
engine_pids() {
  local program pid here
  here=$(readlink /proc/self/ns/pid)
  for program; do
    for pid in $(find /proc -maxdepth 2 -path '/proc/[0-9]*/exe' -lname "$lab_root/usr/*bin/$program*" 2>/dev/null | cut -d / -f 3); do
      [ "$(readlink "/proc/$pid/ns/pid")" != "$here" ] || echo "$pid"
    done
  done
}

# The processes of containers outlive a shim that is killed; their cgroups lie below the one that the engine was given.
container_pids() {
  { grep --files-with-matches ":/$lab_name/" /proc/[0-9]*/cgroup 2>/dev/null || true; } | cut -d / -f 3
}

names_pids() {
  { grep --files-with-matches --text --perl-regexp "names\\.py\\x00$1\\x00" /proc/[0-9]*/cmdline 2>/dev/null || true; } | cut -d / -f 3
}

# Sends the signal to the processes (numbers with blanks between), and waits for their end, at most so many seconds.
end_processes() {
  local signal=$1 deadline=$((SECONDS + $2)) pids
  read -r -d '' -a pids <<< "$3" || true
  [ "${#pids[@]}" -gt 0 ] || return 0
  kill -s "$signal" "${pids[@]}" 2>/dev/null || true
  while kill -0 "${pids[@]}" 2>/dev/null && [ "$SECONDS" -lt "$deadline" ]; do sleep 0.1; done
}
