#!/usr/bin/env bash
# Starts one service in its container: service.sh auth. Its settings were written by the setup job.
set -euo pipefail
source "/run/penguin/env/$1"
# Each replica has a name of its own, the same after a restart of its container.
export SERVICE_INSTANCE=$HOSTNAME
exec "/usr/local/bin/${1^}"
