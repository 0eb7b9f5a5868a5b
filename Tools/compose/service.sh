#!/usr/bin/env bash
# Starts one service in its container: service.sh auth. Its settings were written by the setup job.
set -euo pipefail
source "/run/penguin/env/$1"
exec "/usr/local/bin/${1^}"
