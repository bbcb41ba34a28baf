#!/bin/sh
# The image's HEALTHCHECK: is this node ALIVE in its cluster? The entrypoint asks the cluster's GCS each second, and notes
# until when its answer holds, in seconds since the machine's boot, with words. Reading that costs no start of Node.
file=${RAY_EP_ALIVE_FILE:-/opt/ray-entrypoint/state/alive}

if ! { read -r until words < "$file"; } 2>/dev/null; then
  folder=$(dirname "$file")
  [ -w "$folder" ] || { echo "✗ $folder cannot be written to, so nobody can say whether this node is ALIVE. → Mount it writable"; exit 1; }
  echo "✗ The cluster does not list this node as ALIVE. → The container's log says what it is doing"
  exit 1
fi
case $until in
  inf) ;;
  '' | *[!0-9]*) echo "✗ Expected a note of the entrypoint in $file, got other text. → Find out which program writes to that file"; exit 1 ;;
esac
read -r now _ < /proc/uptime
if [ "$until" != inf ] && [ "${now%.*}" -gt "$until" ]; then
  echo "✗ The cluster last listed this node as ALIVE $((${now%.*} - until)) s too long ago: $words"
  exit 1
fi
echo "✓ $words"
