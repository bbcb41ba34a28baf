#!/bin/bash
# The health image's HEALTHCHECK: does GET / answer 200? By bash alone: a start of Node every few seconds costs more than
# the service itself.
host=${RAY_EP_HEALTH_HOST:-0.0.0.0}
port=${RAY_EP_HEALTH_PORT:-8080}
[ "$host" != 0.0.0.0 ] || host=127.0.0.1

exec 3<> "/dev/tcp/$host/$port" || exit 1
printf 'GET / HTTP/1.0\r\n\r\n' >&3
read -r _ status _ <&3
echo "GET / on $host:$port: ${status:-no answer}"
[ "$status" = 200 ]
