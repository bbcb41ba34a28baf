#!/bin/sh
# What tini runs. Without words, or with words that begin with `-`: the entrypoint. Other words are a command of the
# user's, which takes this process's place, so that signals, the terminal and the exit code are its own.
export RAY_EP_ALIVE_FILE="${RAY_EP_ALIVE_FILE:-/opt/ray-entrypoint/state/alive}"
case ${1-} in
  '' | -*)
    export RAY_EP_STATE_DIR="${RAY_EP_STATE_DIR:-/opt/ray-entrypoint/state}"
    export RAY_EP_STATUS_FILE="${RAY_EP_STATUS_FILE:-/opt/ray-entrypoint/state/status.json}"
    if ! [ -e /lib64/ld-linux-x86-64.so.2 ] && ! [ -e /lib/ld-linux-aarch64.so.1 ]; then
      echo "✗ This image has no glibc (Alpine, for one, has musl), which Ray and this program need. → Use a base such as Debian, Ubuntu or Red Hat" >&2
      exit 78
    fi
    if ! [ -x /bin/bash ]; then
      echo "✗ This image has no /bin/bash, without which nothing ends Ray when this program is killed. → Install bash in it" >&2
      exit 78
    fi
    # A first heap that a decision fits into: no garbage is collected before Ray starts (bench/decide.ts).
    exec /opt/ray-entrypoint/bin/node --min-semi-space-size=4 --require /opt/ray-entrypoint/compile-cache.cjs \
      /opt/ray-entrypoint/entrypoint.js "$@"
    ;;
esac
# shellcheck source-path=SCRIPTDIR source=profile.sh
. /opt/ray-entrypoint/profile.sh
# The image's health check is about a Ray node, and here is none.
# Makes a new file, so that root does not follow a link that a Ray job made there before a restart of this container.
(rm -f "$RAY_EP_ALIVE_FILE" && set -C && echo "inf This container runs $1 and no Ray node" > "$RAY_EP_ALIVE_FILE") 2>/dev/null
exec "$@"
