# Read by login shells, so that `su - ray -c 'ray …'` finds Ray. Any sh reads it, also one with `set -eu`.
# shellcheck shell=sh
if [ "${USE_CONDA_ENV:-false}" = true ]; then
  ray_bin=/opt/conda/envs/py/bin
else
  ray_bin=/home/ray/anaconda3/bin
fi
case ${PATH-} in
  "$ray_bin" | "$ray_bin":*) ;;
  *) export PATH="$ray_bin${PATH:+:$PATH}" ;;
esac
unset ray_bin
