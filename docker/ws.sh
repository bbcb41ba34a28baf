#!/bin/sh
# What the carrier runs: ws, on the Docker engine whose socket is mounted.
case " $* " in
  *' --help '* | *' -h '* | *' --version '* | *' -V '*) ;;
  *)
    missing=
    [ -n "${DOCKER_HOST-}" ] || [ -S /var/run/docker.sock ] || missing=' -v /var/run/docker.sock:/var/run/docker.sock'
    mkdir -p "$WS_STATE_DIR"
    # The engine looks on the host for the files that it mounts into nodes.
    [ "$(stat -c %m "$WS_STATE_DIR")" != / ] || missing="$missing -v $WS_STATE_DIR:$WS_STATE_DIR"
    if [ -n "$missing" ]; then
      echo "✗ ws needs the engine's socket, and a folder of the host, under the same path, for its tokens and logs
→ Add to docker run, before the image:$missing" >&2
      exit 78
    fi
    ;;
esac
exec node /opt/ws/dist/ws.js --runtime docker "$@"
