# Read by login shells, so that `su - ray -c 'ray …'` finds Ray. Any sh reads it, also one with `set -eu`.
# shellcheck shell=sh
# The entrypoint accepts the same words as true, also with blanks or a carriage return around them.
case ${USE_CONDA_ENV:-false} in
  *1* | *[Tt][Rr][Uu][Ee]* | *[Yy][Ee][Ss]* | *[Oo][Nn]*) ray_bin=/opt/conda/envs/py/bin ;;
  *) ray_bin=/home/ray/anaconda3/bin ;;
esac
case ${PATH-} in
  "$ray_bin" | "$ray_bin":*) ;;
  *) export PATH="$ray_bin${PATH:+:$PATH}" ;;
esac
unset ray_bin
