#!/bin/bash
# Runs stages as root, one after another: run.sh <stage>..., with their input in INPUT. One at a time on a host; everything
# a stage prints goes to its log, and only a few lines to the caller, because Run Command shows no more than the
# beginning of an output.
# On failure: a line of JSON that says what, why and what to do, then the end of the log.
set -euo pipefail
umask 077

export LAB=/opt/librechat-lab RUN=/run/librechat-lab LC_ALL=C.UTF-8 HOME=/root
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
CODE=$(cd "$(dirname "$0")" && pwd)
INPUT=${INPUT:-$CODE/input}
export CODE INPUT

install -d -m 755 "$LAB" "$LAB/bin"
install -d -m 700 "$LAB/state" "$LAB/secrets" /var/log/librechat-lab "$RUN" "$RUN/keys"

# The process with the open file has the lock: a killed stage releases it when its last child has ended,
# and a second run waits for the first, then finds its work done.
exec 9>>"$LAB/lock"
if ! flock -n 9; then
  echo "waiting for the running stage: $(cat "$LAB/state/running" 2>/dev/null || echo unknown)"
  if ! flock -w 3000 9; then
    echo '{"error":{"code":"host-busy","what":"Another stage has been running on the host for 50 minutes.","why":"It may hang: its log is in /var/log/librechat-lab.","fix":["Reboot the instance and run the command again."]}}'
    exit 1
  fi
fi
# What the first boot does is not done again a minute later: the command line's first stages pass on what was said,
# once, if each file that the first boot had is the same here, and no disk has grown. Whatever runs ends that, and as it
# is in memory, another boot knows nothing of it.
first=$RUN/first-boot
disks() { lsblk -bdnro NAME,SIZE; }
done_at_boot() {
  [ -e "$first/$1" ] && disks | cmp -s - "$first/disks" && (cd "$CODE" && sha256sum --status -c "$first/files" 2>/dev/null)
}
if [ -n "${FIRST_BOOT-}" ]; then
  # The disk comes from a host that is set up, perhaps by a newer version: only the command line changes it.
  if [ -s "$LAB/state/release" ]; then exit 0; fi
  rm -rf "$first"
  install -d -m 700 "$first"
  disks >"$first/disks"
  (cd "$CODE" && sha256sum ./run.sh ./pins.env ./daemon.json ./*/*) >"$first/files"
fi
for stage in "$@"; do
  # bin/finish waits for what runs, and nothing new begins.
  if [ "$(systemctl is-system-running 2>/dev/null)" = stopping ]; then
    echo '{"error":{"code":"host-stopping","what":"The host is shutting down.","why":"Nothing was done.","fix":[{"code":"start"}]}}'
    exit 1
  fi
  if [ -z "${FIRST_BOOT-}" ]; then
    if done_at_boot "$stage"; then
      cat "$first/$stage"
      rm "$first/$stage"
      continue
    fi
    rm -rf "$first"
  fi
  # How long the first set-up takes, from the boot to the first health, for `status` (health.py).
  times=$LAB/state/first-setup
  # Who holds the lock and still finds this file: the stage before was killed.
  if [ -s "$LAB/state/running" ] && [ -e "$times" ] && ! grep -q '^health ' "$times"; then echo "failed 0 0" >>"$times"; fi
  echo "$stage since $(date -u +%FT%TZ)" >"$LAB/state/running"
  rm -f "$LAB/state/error.json" "$LAB/state/step"
  # Keys that a command requested and never used.
  find "$RUN/keys" -type f -mmin +120 -delete

  log=/var/log/librechat-lab/$stage.log
  # Two files of a megabyte at most.
  if [ -f "$log" ] && [ "$(stat -c %s "$log")" -gt 1000000 ]; then mv -f "$log" "$log.1"; fi
  echo "=== $stage $(date -u +%FT%TZ)" >>"$log"

  [ -s "$LAB/state/release" ] || [ -e "$times" ] || echo "boot 0 $(awk '/^btime/ { print $2 }' /proc/stat)" >"$times"
  begun=$(date +%s)
  code=0
  if [ -n "${FIRST_BOOT-}" ]; then exec 3>"$first/said"; else exec 3>&1; fi
  case $stage in
    user | portainer | key | backup | usage | allowance | graduate) python3 "$CODE/host/$stage.py" >>"$log" 2>&1 </dev/null || code=$? ;;
    *) bash "$CODE/stages/$stage.sh" >>"$log" 2>&1 </dev/null || code=$? ;;
  esac
  echo "=== $stage ended with $code" >>"$log"
  if [ -n "${FIRST_BOOT-}" ] && [ "$code" -eq 0 ]; then mv "$first/said" "$first/$stage" && cat "$first/$stage"; fi
  rm -f "$LAB/state/running" "$LAB/state/step"
  if [ "$code" -eq 0 ] && grep -qs "\"stage\":\"$stage\"" "$LAB/state/interrupted.json"; then rm -f "$LAB/state/interrupted.json"; fi
  if [ -e "$times" ] && ! grep -q '^health ' "$times"; then
    echo "$([ "$code" -eq 0 ] && echo "$stage" || echo failed) $(($(date +%s) - begun)) $(date +%s)" >>"$times"
  fi

  if [ "$code" -ne 0 ]; then
    if [ -s "$LAB/state/error.json" ]; then
      printf '{"error":%s}\n' "$(cat "$LAB/state/error.json")"
      # After a refusal nothing has gone wrong, so the log is not shown.
      if grep -q '"refused": true' "$LAB/state/error.json"; then exit 1; fi
    fi
    echo "--- the end of $log"
    tail -n 40 "$log" | cut -c 1-300 | tail -c 5000
    # Always 1, so that no code is mistaken for one of Run Command's own.
    exit 1
  fi
done
