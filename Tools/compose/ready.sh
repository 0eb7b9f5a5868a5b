#!/usr/bin/env bash
# Whether the service in this container is ready; without curl, which the image does not have.
set -euo pipefail
exec 3<>/dev/tcp/127.0.0.1/9090
printf 'GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' >&3
read -r -t 3 _ status _ <&3
[[ $status == 200 ]]
