#!/bin/bash
# Docker from the distribution, configured before its first start; the firewall that keeps the instance's credentials
# from every container but one, and the host's ports from all. Compose comes with the images, which it is needed after.
# shellcheck source=common.sh
. "$CODE/stages/common.sh"

step "installing Docker"
command -v dockerd >/dev/null || retry dnf -y install docker
command -v iptables >/dev/null || retry dnf -y install iptables-nft

# The user whose numbers a container's users become. Docker would add it; not every distribution gives it a
# range of numbers of its own, so do it here, above every range that is taken.
getent passwd dockremap >/dev/null || useradd --system --no-create-home --shell /sbin/nologin dockremap
for file in /etc/subuid /etc/subgid; do
  touch "$file"
  chmod 644 "$file"
  grep -q '^dockremap:' "$file" && continue
  start=$(awk -F: 'BEGIN { start = 100000 } $2 + $3 > start { start = $2 + $3 } END { print start }' "$file")
  echo "dockremap:$start:65536" >>"$file"
done

# Merges our settings into existing ones. The user has to resolve conflicts: nothing is overwritten.
install -d -m 755 /etc/docker
merged=$(mktemp)
if ! problem=$(python3 "$CODE/host/merge_daemon_json.py" "$CODE/daemon.json" /etc/docker/daemon.json 2>&1 >"$merged"); then
  fail docker-config-conflict "This host's /etc/docker/daemon.json conflicts with the settings that the lab needs." \
    "$problem" "Change or remove that setting on the host, then run the command again."
fi
restart=no
if ! cmp -s "$merged" /etc/docker/daemon.json; then
  # With remapping Docker uses another directory, so existing data would seem to be gone.
  if systemctl -q is-active docker && [[ $(docker info -f '{{.SecurityOptions}}') != *name=userns* ]] &&
    [ -n "$(docker ps -aq)" ]; then
    fail docker-in-use "Docker on this host already runs containers that are not the lab's." \
      "The lab switches on user-namespace remapping, which would hide them." \
      "Use an instance of the lab's own, or remove those containers on the host."
  fi
  if [ -s /etc/docker/daemon.json ]; then cp -p /etc/docker/daemon.json "/etc/docker/daemon.json.before-librechat-lab"; fi
  put "$merged" /etc/docker/daemon.json 644
  restart=yes
fi
rm -f "$merged"

# Active before Docker starts, now and at every boot.
put "$CODE/bin/firewall" "$LAB/bin/firewall" 755 || true
mkdir -p /etc/systemd/system/docker.service.d
units=same
if put "$CODE/units/librechat-lab-metadata.service" /etc/systemd/system/librechat-lab-metadata.service 644; then units=new; fi
if put "$CODE/units/docker-firewall.conf" /etc/systemd/system/docker.service.d/librechat-lab.conf 644; then units=new; fi
if [ $units = new ]; then systemctl daemon-reload; fi
enable_units librechat-lab-metadata.service
systemctl restart librechat-lab-metadata.service
# Its name in the first version.
rm -f "$LAB/bin/metadata-rule"

step "starting Docker"
enable_units docker.service
if [ $restart = yes ]; then systemctl restart docker.service; else systemctl start docker.service; fi
for _ in $(seq 60); do
  docker info >/dev/null 2>&1 && break
  sleep 1
done
options=$(docker info -f '{{.SecurityOptions}} {{.CgroupDriver}} {{.LiveRestoreEnabled}}' 2>&1) || true
case $options in
  *name=userns*" systemd true") ;;
  *)
    fail docker-config "Docker doesn't run as configured." "It says: $options" \
      "Check the daemon's options on the host: systemctl cat docker"
    ;;
esac

# Docker's options can also stand on its command line, and another program may rule the firewall.
if ! problem=$(python3 "$CODE/host/firewall.py"); then
  fail docker-firewall "The host's firewall doesn't keep containers from the instance's credentials and ports." \
    "$problem" "Check Docker's options and the firewall on the host: systemctl cat docker; iptables -S" \
    "Then run the command again."
fi

say "Docker $(docker version -f '{{.Server.Version}}')"
