#!/bin/sh
# Runs while the carrier is built, on Debian: an init and a Node that run in any image with glibc.
set -eu

if ! command -v tini-static > /dev/null; then
  apt-get update
  DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends tini
  rm -rf /var/lib/apt/lists/*
fi
# Not on PATH: what the base brings for its users stays theirs.
install -d /opt/ray-entrypoint/bin
cp "$(command -v tini-static)" /opt/ray-entrypoint/bin/tini
cp "$(command -v node)" /opt/ray-entrypoint/bin/node
# For the notes of the node, whatever its user; a new volume on it takes its mode.
install -d -m 1777 /opt/ray-entrypoint/state
