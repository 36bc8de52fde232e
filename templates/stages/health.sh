#!/bin/bash
# Waits until everything is healthy, and prints the host's health as one line of JSON, last.
# shellcheck source=common.sh
. "$CODE/stages/common.sh"

health=$(python3 "$CODE/host/health.py" --wait 300)
echo "$health"
printf '%s\n' "$health" >&3
