#!/bin/sh
# What the carrier runs: ws, on the Docker engine whose socket is mounted.
socket=/var/run/docker.sock
case " $* " in
  *' --help '* | *' -h '* | *' --version '* | *' -V '*) ;;
  *)
    if [ -z "${DOCKER_HOST-}" ] && ! [ -S $socket ]; then
      echo "✗ ws needs the engine's socket, and there is none at $socket
→ Add to docker run, before the image: -v $socket:$socket" >&2
      exit 78
    fi
    # This container, as its engine calls it: by the files that it mounts into each.
    self=$(sed -n 's|.*/containers/\([0-9a-f]\{64\}\)/.*|\1|p' /proc/self/mountinfo | head -n 1)
    WS_CARRIER=$(docker inspect --format '{{.Config.Image}}' "$self" 2> /dev/null)
    export WS_CARRIER
    mkdir -p "$WS_STATE_DIR"
    # The engine looks on the host for the files that it mounts into nodes.
    if [ "$(stat -c %m "$WS_STATE_DIR")" = / ]; then
      if [ -z "$WS_CARRIER" ]; then
        echo "✗ ws needs a folder of the host, under the same path, for its tokens and logs
→ Add to docker run, before the image: -v $WS_STATE_DIR:$WS_STATE_DIR" >&2
        exit 78
      fi
      tty=
      if [ -t 0 ]; then tty=-t; fi
      # shellcheck disable=SC2046,SC2086
      exec docker run --rm -i $tty --network host --volumes-from "$self" -v "$WS_STATE_DIR:$WS_STATE_DIR" -w "$PWD" \
        $(env | sed -n 's/^\(\(WS\|RAY\|DOCKER\)_[A-Z_]*\)=.*/-e \1/p') "$WS_CARRIER" "$@"
    fi
    ;;
esac
exec node /opt/ws/dist/ws.js --runtime docker "$@"
