#!/bin/bash
# Waits until everything is healthy, and prints the host's health as one line of JSON, last.
# shellcheck source=common.sh
. "$CODE/stages/common.sh"

step "waiting until everything is healthy"
health=$(python3 "$CODE/host/health.py" --wait 300)
echo "$health"
# A first set-up that did not end well is no time to tell.
[[ $health == *'"healthy":true'* ]] || [ ! -e "$LAB/state/first-setup" ] || echo "failed 0 0" >>"$LAB/state/first-setup"
printf '%s\n' "$health" >&3
