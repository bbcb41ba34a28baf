#!/bin/sh
# The command that users type. Works from any folder and through symbolic links; sets everything up on first use.
set -eu

# All that is made here stays ours to write, where the shell's umask would let every user of the machine do so.
case $(umask) in *[2367]) ;; *) umask 022 ;; esac

self=$0
while [ -L "$self" ]; do
  target=$(readlink "$self")
  case $target in
    /*) self=$target ;;
    *) self=$(dirname "$self")/$target ;;
  esac
done
root=$(CDPATH='' cd -- "$(dirname "$self")" && pwd -P)

sh "$root/scripts/setup.sh" || exit $?

# npm's package `node` brings a Node that is new enough where the machine's own is not.
node=$root/node_modules/.bin/node
[ -x "$node" ] || node=node
# Its own services are on this machine or beside it: no proxy of the shell reaches them for Node's own client.
unset NODE_USE_ENV_PROXY
exec "$node" --require "$root/scripts/compile-cache.cjs" "$root/dist/ws.js" "$@"
