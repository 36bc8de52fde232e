#!/bin/bash
# The proxy, which opens the lab, and the timers: the end of the stage stack, or on a new host a stage of its own, beside
# the first question to the models. Expects in INPUT: release.
# shellcheck source=common.sh
. "$CODE/stages/common.sh"
# shellcheck source=services.sh
. "$CODE/stages/services.sh"

cd "$LAB"
step "starting the proxy and Portainer"
# A new host has started everything else a moment ago.
if [ -s state/release ]; then up --remove-orphans; else up proxy; fi
if grep -q '^LAB_CERTIFICATE=trusted$' .env; then
  say "$(timeout 180 bin/certificate --wait 45 || echo "the certificate could not be laid out; the host tries again every minute")"
fi

# The timers, now that there is something to update, to dump, to stop and to sum.
place_units
# The command line has seen to it that a shutdown stops the instance, or it would have left this file. A boot has not.
if [ "$CODE" != "$LAB/update" ]; then rm -f state/idle-stop-held; fi
on=(librechat-lab-{portainer,dump,money}.timer librechat-lab-finish.service) off=()
if grep -q '^LAB_IDLE_STOP=' .env; then on+=(librechat-lab-idle.timer); else off+=(librechat-lab-idle.timer); fi
if grep -q '^LAB_CERTIFICATE=trusted$' .env; then on+=(librechat-lab-certificate.timer); else off+=(librechat-lab-certificate.timer); fi
enable_units --now "${on[@]}"
[ ${#off[@]} -eq 0 ] || systemctl disable --no-reload --now "${off[@]}"
# The models' cost is summed once here, so that a changed allowance or limit counts at once. A new host has none to wait for.
later=()
[ -s state/release ] || later=(--no-block)
systemctl start "${later[@]}" librechat-lab-money.service || say "what the models cost could not be summed; the host tries again every 3 minutes"

put "$INPUT/release" state/release 600 || true
update keep
