# Read by login shells, so that `su - ray -c 'ray …'` finds Ray, and by our own scripts. Any sh reads it, also one with `set -eu`.
# The places are those of src/entrypoint/config/local.ts.
# shellcheck shell=sh
# The entrypoint accepts the same words as true, also with blanks or a carriage return around them.
case ${USE_CONDA_ENV:-false} in
  *1* | *[Tt][Rr][Uu][Ee]* | *[Yy][Ee][Ss]* | *[Oo][Nn]*) ray_bin=/opt/conda/envs/py/bin ;;
  *) ray_bin=/home/ray/anaconda3/bin ;;
esac
if ! [ -x "$ray_bin/ray" ] && ! command -v ray > /dev/null; then
  for ray_bin in /opt/venv/bin /usr/local/bin /opt/conda/bin /opt/conda/envs/*/bin; do
    if [ -x "$ray_bin/ray" ]; then break; fi
  done
fi
if [ -x "$ray_bin/ray" ]; then
  case ${PATH-} in
    "$ray_bin" | "$ray_bin":*) ;;
    *) export PATH="$ray_bin${PATH:+:$PATH}" ;;
  esac
fi
unset ray_bin
