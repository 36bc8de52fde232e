# Starts the services of the stack, for the stages that do. Read after common.sh, in $LAB.
# shellcheck shell=bash

unhealthy() {
  fail stack-unhealthy "$1" "$(docker compose ps -a --format '{{.Service}}: {{.Status}}' | sort | paste -sd ';')" \
    "Read the log of the unhealthy service in Portainer or on the host: docker compose logs" \
    "Then run the command again."
}

start() { docker compose up -d --pull never "$@" || unhealthy "The services could not be started."; }

# Starts services and waits until all are healthy.
up() {
  local waiting watching ended=0
  docker compose up -d --pull never --wait --wait-timeout 600 "$@" & waiting=$!
  end_early $waiting 3>&- 9>&- & watching=$!
  wait $waiting || ended=$?
  kill $watching 2>/dev/null || true
  [ $ended -eq 0 ] || unhealthy "The services did not become healthy."
}

# Compose goes on waiting for a service that ends as soon as it has started. Ends it after the third restart.
end_early() {
  local -A before=()
  local id count
  while read -r id count; do before[$id]=$count; done < <(restarts)
  while sleep 10 && kill -0 "$1"; do
    while read -r id count; do
      if [ $((count - ${before[$id]:-0})) -ge 3 ]; then
        # Its plugin does the work.
        pkill -P "$1" || true
        kill "$1"
        return
      fi
    done < <(restarts)
  done
}

restarts() {
  docker ps -aq --filter label=com.docker.compose.project=librechat-lab |
    xargs -r docker inspect -f '{{.Id}} {{.RestartCount}}'
}

# One step of a change of versions.
update() { python3 "$CODE/host/update.py" "$1"; }

# Lays out what the timers run. A new host does it while it waits for LibreChat's image.
place_units() {
  local file program unit changed=no
  install -d -m 700 "$LAB/money/host"
  for file in lab.py money.py spending.js guard.js; do put "$CODE/host/$file" "$LAB/money/host/$file" 600 || true; done
  for program in update-portainer idle-stop finish; do put "$CODE/bin/$program" "$LAB/bin/$program" 755 || true; done
  for unit in librechat-lab-{portainer,dump,idle,money,certificate}.{service,timer} librechat-lab-{recover,finish}.service; do
    if put "$CODE/units/$unit" "/etc/systemd/system/$unit" 644; then changed=yes; fi
  done
  if [ $changed = yes ]; then systemctl daemon-reload; fi
  if [ $changed = yes ] || ! systemctl -q is-enabled librechat-lab-recover.service; then
    enable_units librechat-lab-recover.service
  fi
}
