#!/bin/bash
# Downloads the images and Compose, all concurrently. A tag is resolved at its first pull and its digest kept, so that
# the same bytes come back if an image is ever removed; a changed pin is resolved again. On a new host LibreChat's image,
# by far the largest, goes on in the background: the stack stage starts the databases meanwhile and then waits for it.
# shellcheck source=common.sh
. "$CODE/stages/common.sh"
# shellcheck source=fetch.sh
. "$CODE/stages/fetch.sh"

# The running images, for a host that an older release has set up.
if [ -s "$LAB/state/release" ] && [ ! -d "$LAB/state/applied/images" ]; then python3 "$CODE/host/update.py" keep; fi

# Portainer has its own timer for updates: here it is only fetched if there is none.
fetch_portainer() { have "$PORTAINER_IMAGE" || retry pull "$PORTAINER_IMAGE"; }

# LibreChat alone unpacks to 3.5 GB.
if ! [ -f "$kept/LIBRECHAT_IMAGE" ] || [ "$(head -n 1 "$kept/LIBRECHAT_IMAGE")" != "$LIBRECHAT_IMAGE" ]; then
  need_space 7168 "fetching the images" "$(docker info -f '{{.DockerRootDir}}')"
fi

# A separate service, which doesn't hold the lock and outlives this stage. The stack stage sees whether it succeeds:
# it requests the same image and then has it, shares the download, or starts it again.
begin_librechat() {
  systemctl -q is-active librechat-lab-fetch ||
    systemd-run -q --collect --unit=librechat-lab-fetch --property=RuntimeMaxSec=1800 --setenv=HOME=/root \
      docker pull -q "$LIBRECHAT_IMAGE" || echo "LibreChat's image could not be begun"
}

# Compose as a plugin: downloaded, verified, and only then moved to Docker's folder for plugins.
fetch_compose() {
  local plugin=${DOCKER_PLUGINS:-/usr/local/lib/docker/cli-plugins}/docker-compose version_file=$LAB/state/compose-version asset sum found
  asset=$COMPOSE_URL/$COMPOSE_VERSION/docker-compose-linux-$(uname -m)
  case $(uname -m) in
    x86_64) sum=$COMPOSE_SHA256_X86_64 ;;
    aarch64) sum=$COMPOSE_SHA256_AARCH64 ;;
  esac
  if [ -x "$plugin" ] && [ "$(cat "$version_file" 2>/dev/null)" = "$COMPOSE_VERSION $(sha256sum <"$plugin")" ]; then return; fi
  install -d -m 755 "$(dirname "$plugin")"
  # A server that accepts a connection and then doesn't answer would block the stage forever.
  # shellcheck disable=SC2317 # `retry` calls it.
  download() { curl -fsSL --proto '=https,file' --connect-timeout 20 --speed-limit 1000 --speed-time 60 "$@"; }
  retry download -o "$plugin.new" "$asset" || fail compose-download "Docker Compose could not be downloaded." \
    "$asset doesn't answer, or not with the file." "Run the command again: what was downloaded is kept." \
    "Check that the subnet has a route to an internet gateway and that the security group allows all outbound traffic."
  if [ -z "$sum" ]; then sum=$(retry download "$asset.sha256" | awk '{ print $1 }'); fi
  if ! echo "$sum  $plugin.new" | sha256sum -c -; then
    found=$(sha256sum <"$plugin.new")
    rm -f "$plugin.new"
    fail compose-checksum "The checksum of the downloaded Docker Compose is wrong." \
      "$asset has the SHA-256 ${found%% *}, not $sum." "Run the command again; if that does not help, report it."
  fi
  chmod 755 "$plugin.new"
  mv -f "$plugin.new" "$plugin"
  echo "$COMPOSE_VERSION $(sha256sum <"$plugin")" >"$version_file"
}

declare -A pulls
if [ ! -s "$LAB/state/release" ] && ! have "$LIBRECHAT_IMAGE"; then
  begin_librechat
  outcome="; LibreChat is still downloading"
else
  fetch LIBRECHAT_IMAGE "$LIBRECHAT_IMAGE" "$LIBRECHAT_IMAGE_FALLBACK" & pulls[$!]=$LIBRECHAT_IMAGE
  outcome=" and all images"
fi
fetch MONGODB_IMAGE "$MONGODB_IMAGE" "$MONGODB_IMAGE_FALLBACK" & pulls[$!]=$MONGODB_IMAGE
fetch MEILISEARCH_IMAGE "$MEILISEARCH_IMAGE" & pulls[$!]=$MEILISEARCH_IMAGE
fetch CADDY_IMAGE "$CADDY_IMAGE" "$CADDY_IMAGE_FALLBACK" & pulls[$!]=$CADDY_IMAGE
fetch_portainer & pulls[$!]=$PORTAINER_IMAGE
fetch_compose & compose=$!
failed=()
finished=0
for pid in "${!pulls[@]}"; do
  step "downloading images, $finished of ${#pulls[@]} done"
  wait "$pid" || failed+=("${pulls[$pid]}")
  finished=$((finished + 1))
done
step "downloading Compose"
wait "$compose"
[ ${#failed[@]} -eq 0 ] || refused "${failed[@]}"

say "Compose $(docker compose version --short)$outcome"
