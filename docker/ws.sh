#!/bin/sh
# What the carrier runs: ws, with the Docker engine whose socket is mounted.
case " $* " in
  *' --help '* | *' -h '* | *' --version '* | *' -V '*) ;;
  *)
    mkdir -p "$WS_STATE_DIR"
    # The engine would look for its files on the host, where they are not.
    if [ "$(stat -c %m "$WS_STATE_DIR")" = / ]; then
      echo "✗ $WS_STATE_DIR, in which ws keeps tokens and logs, is no folder of the host
→ Add to docker run, before the image: -v $WS_STATE_DIR:$WS_STATE_DIR" >&2
      exit 78
    fi
    ;;
esac
exec node /opt/ws/dist/ws.js "$@"
