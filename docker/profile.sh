# Read by login shells, so that `su - ray -c 'ray …'` finds Ray, and by our own scripts. Any sh reads it, also one with `set -eu`.
# The places are those of src/entrypoint/config/local.ts.
# shellcheck shell=sh
# The entrypoint accepts the same words as true, also with blanks or a carriage return around them.
case ${USE_CONDA_ENV:-false} in
  *1* | *[Tt][Rr][Uu][Ee]* | *[Yy][Ee][Ss]* | *[Oo][Nn]*) ray_bin=/opt/conda/envs/py/bin ;;
  *)
    ray_bin=
    for ray_at in /home/ray/anaconda3/bin/ray "$(command -v ray || :)" /opt/venv/bin/ray /usr/local/bin/ray \
      /opt/conda/bin/ray /opt/conda/envs/*/bin/ray; do
      if [ -z "$ray_bin" ] && [ -x "$ray_at" ]; then ray_bin=${ray_at%/*}; fi
    done
    ray_bin=${ray_bin:-/home/ray/anaconda3/bin}
    unset ray_at
    ;;
esac
case ${PATH-} in
  "$ray_bin" | "$ray_bin":*) ;;
  *) export PATH="$ray_bin${PATH:+:$PATH}" ;;
esac
unset ray_bin
# `su -` drops the variables that lead to the cluster's token; ws mounts it there (src/ws/config/tokens.ts).
if [ -z "${RAY_AUTH_MODE-}" ] && [ -r /run/secrets/ray_auth_token ]; then
  export RAY_AUTH_MODE=token RAY_AUTH_TOKEN_PATH=/run/secrets/ray_auth_token
fi
# A node of several machines has the cluster's token, and the keys of a Ray that speaks TLS, in its state folder
# (src/entrypoint/membership, src/gcs/tls.ts).
ray_state=${RAY_EP_STATE_DIR:-/opt/ray-entrypoint/state}
if [ -z "${RAY_AUTH_MODE-}" ] && [ -r "$ray_state/ray-token" ]; then
  export RAY_AUTH_MODE=token RAY_AUTH_TOKEN_PATH="$ray_state/ray-token"
fi
if [ -z "${RAY_USE_TLS-}" ] && [ -r "$ray_state/ray-tls.key" ]; then
  export RAY_USE_TLS=1 RAY_TLS_SERVER_CERT="$ray_state/ray-tls.crt" RAY_TLS_SERVER_KEY="$ray_state/ray-tls.key"
  export RAY_TLS_CA_CERT="$ray_state/ray-tls-ca.crt"
fi
unset ray_state
