#!/bin/bash
# Secrets, configuration, containers. The proxy comes last, so that the first user, who becomes the admin, is
# there before anybody can reach the page. Expects in INPUT: settings.env, librechat.yaml, release, and
# request.json when a first user is wanted; proof.sh, which asks the models after an update, and try-again; open-later,
# where the stage open comes as another command, so that the models are asked while the proxy starts.
# shellcheck source=common.sh
. "$CODE/stages/common.sh"
# shellcheck source=fetch.sh
. "$CODE/stages/fetch.sh"
# shellcheck source=services.sh
. "$CODE/stages/services.sh"

cd "$LAB"
step "writing the configuration"
need_space 1024 "starting the stack" "$(docker info -f '{{.DockerRootDir}}')"

# Which volumes and secrets serve: bin/dump changes it when it restores a dump.
data=$(sed -n 's/^LAB_DATA=//p' .env 2>/dev/null || true)
# Made once, here, and never again: losing them would make what they encrypt unreadable.
secrets=secrets/env$data
secret() { grep -q "^$1=" "$secrets" 2>/dev/null || printf '%s=%s\n' "$1" "$(openssl rand -hex "$2")" >>"$secrets"; }
touch "$secrets"
secret CREDS_KEY 32
secret CREDS_IV 16
secret JWT_SECRET 32
secret JWT_REFRESH_SECRET 32
secret MEILI_MASTER_KEY 32
[ -s secrets/portainer-admin-password ] || printf '%s' "$(openssl rand -hex 12)" >secrets/portainer-admin-password
chmod 600 secrets/*
sync secrets/*

# A host that is set up is not one whose place another takes (src/host/close.ts), even if it was to be.
rm -f state/closed

# Other versions of LibreChat and its databases: dumps the data first. Whatever fails after that puts everything back.
ended() {
  local status=$?
  [ $status -eq 0 ] || update rollback || true
  exit $status
}
trap ended EXIT
# What goes on with an interrupted update at the next boot is there before the update begins.
if put "$CODE/units/librechat-lab-update.service" /etc/systemd/system/librechat-lab-update.service 644; then
  systemctl daemon-reload
fi
enable_units librechat-lab-update.service
update begin

put "$CODE/compose.yaml" compose.yaml 644 || true
put "$INPUT/librechat.yaml" librechat.yaml 644 || true
install -d -m 755 caddy caddy/limit
for file in Caddyfile address.caddy domain.caddy trusted.caddy; do put "$CODE/caddy/$file" "caddy/$file" 644 || true; done

# The address that the network mapping of port 80 binds: the instance's own, which stays with it.
host_ip=$(ip -4 route get 192.0.2.1 | grep -oE 'src [0-9.]+' | cut -d ' ' -f 2)
# The digest that an image was resolved to, or its tag before it is there.
image() { if [ -s "images/$1" ]; then sed -n 2p "images/$1"; else echo "${!1}"; fi; }
write_env() {
  local env image
  env=$(mktemp)
  {
    echo "# Written by librechat-lab's stack stage. Settings come from the command line, secrets from secrets/env."
    cat "$INPUT/settings.env"
    for image in LIBRECHAT_IMAGE MONGODB_IMAGE MEILISEARCH_IMAGE CADDY_IMAGE; do echo "$image=$(image "$image")"; done
    echo "PORTAINER_IMAGE=$PORTAINER_IMAGE"
    echo "MEILISEARCH_VOLUME=$MEILISEARCH_VOLUME"
    echo "LAB_HOST_IP=$host_ip"
    echo "LAB_LIBRECHAT_YAML=$(sha256sum <librechat.yaml | cut -c 1-16)"
    echo "LAB_CADDYFILES=$(cat caddy/*.caddy caddy/Caddyfile | sha256sum | cut -c 1-16)"
    echo "LAB_DATA=$data"
    cat "$secrets"
  } >"$env"
  put "$env" .env 600 || true
  rm -f "$env"
}
write_env
docker compose config -q
# What the proxy serves for the address, before it starts.
install -d -m 700 served
put "$CODE/bin/certificate" "$LAB/bin/certificate" 755 || true
timeout 180 bin/certificate || say "the certificate could not be laid out; the host tries again every minute"

# Dumps: every night, and started again after a power cut has left LibreChat stopped in the middle of one.
put "$CODE/bin/dump" "$LAB/bin/dump" 755 || true
put "$CODE/host/answer.cjs" "$LAB/bin/answer.cjs" 644 || true
install -d -m 700 /var/lib/librechat-lab/dumps

# On a new host LibreChat's image is still on its way: what doesn't need it starts meanwhile.
if [ ! -s state/release ]; then
  step "starting MongoDB, Meilisearch and Portainer"
  start mongodb meilisearch portainer
  # It stays closed: Docker starts no container at a boot that was never started.
  docker compose create --pull never proxy || true
  place_units
  follow=LibreChat
  step "downloading LibreChat"
  fetch LIBRECHAT_IMAGE "$LIBRECHAT_IMAGE" "$LIBRECHAT_IMAGE_FALLBACK" || refused "$LIBRECHAT_IMAGE"
  write_env
fi
update migrate
step "starting LibreChat"
# Whether a new host has users takes LibreChat's script seconds, and MongoDB alone.
if [ ! -s state/release ] && [ -f "$INPUT/request.json" ] && timeout 120 docker compose up -d --pull never librechat; then
  timeout 60 python3 "$CODE/host/user.py" look 3>&- 9>&- & look=$!
fi
up librechat
[ -z "${look-}" ] || wait "$look" || true
update prove
say "LibreChat answers"

# Another version of Meilisearch starts with an empty volume: LibreChat rebuilds its index, which it
# does when it starts. Without it only the search in old conversations is lost, so it never stops the stage.
if [ -s state/meilisearch-volume ] && [ "$(cat state/meilisearch-volume)" != "$MEILISEARCH_VOLUME" ]; then
  if printf '[["advanced options? (y/N)", "n"]]' | docker compose exec -T librechat \
    node -e "$(cat "$CODE/host/answer.cjs")" config/reset-meili-sync.js; then
    docker compose restart librechat
    up librechat
  else
    say "the search index of old conversations could not be rebuilt; see the log"
  fi
fi
printf '%s' "$MEILISEARCH_VOLUME" >state/meilisearch-volume

if [ -f "$INPUT/request.json" ]; then
  step "creating the first user"
  python3 "$CODE/host/user.py"
fi
update finish
# shellcheck source=open.sh
if [ ! -e "$INPUT/open-later" ]; then . "$CODE/stages/open.sh"; fi
