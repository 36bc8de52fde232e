# How services are started, for the stages that do. Read after common.sh, in $LAB.
# shellcheck shell=bash

start() {
  docker compose up -d --pull never "$@" || fail stack-unhealthy \
    "The services did not become healthy within 10 minutes." \
    "$(docker compose ps -a --format '{{.Service}}: {{.Status}}' | sort | paste -sd ';')" \
    "Read the log of the unhealthy service in Portainer or on the host: docker compose logs" \
    "Then run the command again."
}
up() { start --wait --wait-timeout 600 "$@"; }

# One step of a change of versions.
update() { python3 "$CODE/host/update.py" "$1"; }
