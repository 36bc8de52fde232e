# What every stage needs; each begins by reading this file. The runner (../run.sh) has set LAB and CODE, holds
# the lock, sends what is printed to the stage's log, and shows a user only what goes through `say`.
# shellcheck shell=bash
set -euo pipefail
umask 077

: "${LAB:?}" "${CODE:?}"
# shellcheck source=../pins.env
. "$CODE/pins.env"
# Versions that were rolled back are tried again by `librechat-lab update` alone; until then the ones before stay.
# shellcheck source=/dev/null
if [ -s "$LAB/state/held" ] && [ ! -e "${INPUT:-}/try-again" ]; then . "$LAB/state/held"; fi

# Prints one short line for the user.
say() {
  echo "$*"
  printf '%s\n' "$*" >&3
}

# Says what the stage is doing, for a command line that waits for it, or for the first boot: step <words>.
step() {
  echo "$*" >"$LAB/state/step.new"
  mv -f "$LAB/state/step.new" "$LAB/state/step"
}

# Ends the stage: fail <code> <what happened> <why> [<what to do>...]. The runner passes it on. What to do is a text,
# or the code of a step with a command of librechat-lab, as @up: see src/host/steps.ts.
fail() {
  python3 - "$@" >"$LAB/state/error.json" <<'PYTHON'
import json, sys
code, what, why, *fix = sys.argv[1:]
steps = [{"code": step[1:]} if step.startswith("@") else step for step in fix]
print(json.dumps({"code": code, "what": what, "why": why, "fix": steps}))
PYTHON
  echo "failed: $2 $3"
  exit 1
}

# Tries a command that may fail in passing, five times within a minute or so.
retry() {
  local attempt
  for attempt in 1 2 3 4; do
    "$@" && return 0
    echo "attempt $attempt failed: $*" >&2
    sleep $((attempt * 5))
  done
  "$@"
}

# Replaces a file atomically: a reader, and a machine that lost its power, has the old one or the new one. Leaves an
# equal one alone, and says by its exit code whether anything changed: put <source> <target> <mode>.
put() {
  if cmp -s "$1" "$2"; then
    chmod "$3" "$2"
    return 1
  fi
  install -m "$3" "$1" "$2.new"
  sync "$2.new"
  mv -f "$2.new" "$2"
}

# Enables units for the next boots, for which systemd needn't read all of its units again:
# enable_units [--now] <unit>...
enable_units() { systemctl enable --no-reload "$@"; }

# Stops before the disk is full: need_space <MiB> <what for> <directory>.
need_space() {
  local free
  free=$(df -Pm "$3" | awk 'NR == 2 { print $4 }')
  [ "$free" -ge "$1" ] || fail disk-full \
    "The disk has $free MiB left, and $2 needs $1 MiB." \
    "Nothing was changed by this stage: a full disk would have stopped the database." \
    @see-status \
    "Remove unused images on the host: docker image prune -a" \
    @larger-disk
}
