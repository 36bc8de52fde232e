# Functions that fetch images, for stages. Read after common.sh.
# shellcheck shell=bash

kept=$LAB/images
install -d -m 755 "$kept"
# Errors of registries, for the reason that a user reads.
words=$LAB/state/refused
rm -rf "$words"
install -d -m 700 "$words"

# have <image>: whether it is on this host.
have() { docker image inspect "$1" >/dev/null 2>&1; }

# The digest under which a tag was pulled; the name itself where it has one already, or where the image has none
# (it was built here).
digest_of() {
  [[ $1 != *@* ]] || { echo "$1" && return; }
  docker image inspect -f '{{range .RepoDigests}}{{println .}}{{end}}' "$1" |
    grep -F -m 1 "${1%:*}@" || echo "$1"
}

# Passes on the output of `docker pull`, and reports the progress of the image that `follow` names.
follow=''
followed() {
  local line all=0 unpacked=0
  while IFS= read -r line; do
    printf '%s\n' "$line"
    case $line in
      *': Pulling fs layer') all=$((all + 1)) ;;
      *': Pull complete')
        unpacked=$((unpacked + 1))
        [ -z "$follow" ] || step "downloading $follow, $unpacked of $all layers done"
        ;;
    esac
  done
}

# A registry that accepts a connection and then doesn't answer would block the stage forever. An image that is being
# pulled already is waited for: Docker fetches each layer once for all requests (moby, distribution/xfer/transfer.go).
pull() {
  local said=$words/$BASHPID
  if timeout 1800 docker pull "$1" 2>"$said" | followed; then
    rm -f "$said"
    return 0
  fi
  [ -s "$said" ] || echo "$1: no answer within 30 minutes" >"$said"
  cat "$said" >&2
  return 1
}

# Fails with the registries' errors for the failed images. Docker Hub's limit: docs.docker.com/docker-hub/usage.
refused() {
  local failed=("$@")
  if cat "$words"/* | grep -qi 'toomanyrequests\|rate limit'; then
    fail image-limit "These images could not be downloaded: ${failed[*]}." \
      "Docker Hub allows 100 downloads in 6 hours for each address without an account, and this address has used them up; an earlier owner of the Elastic IP may have used some." \
      "Run the command again later, at most 6 hours from now: downloaded images are kept." \
      "Or sign in on the host, as root, and run the command again: docker login"
  fi
  fail image-pull "These images could not be downloaded: ${failed[*]}." \
    "The registry said: $(cat "$words"/* | grep -v '^$' | tail -n 1 | cut -c 1-300)" \
    "Run the command again: downloaded images are kept." \
    "Check that the subnet has a route to an internet gateway and that the security group allows all outbound traffic."
}

# either <tag> [<fallback>]: pulls the first that is given; prints which.
either() {
  local source
  for source in "$@"; do
    if have "$source" || pull "$source" >&2; then echo "$source" && return 0; fi
  done
  return 1
}

# fetch <name> <tag> [<fallback>]: writes the requested tag and its digest to $kept/<name>.
fetch() {
  local name=$1 tag=$2 source='' resolved=''
  if [ -f "$kept/$name" ]; then
    { read -r source && read -r resolved; } <"$kept/$name" || true
    if [ "$source" = "$tag" ] && { have "$resolved" || pull "$resolved"; }; then return 0; fi
  fi
  source=$(retry either "$tag" ${3:+"$3"}) || return 1
  # Docker does not write an image's layers through to the disk, and after a power cut it would take damaged ones for
  # whole: https://github.com/moby/moby/issues/42964. The first set-up has no time for that, and no data yet.
  if [ -s "$LAB/state/release" ]; then sync; fi
  printf '%s\n%s\n' "$tag" "$(digest_of "$source")" >"$kept/$name.new"
  sync "$kept/$name.new"
  mv -f "$kept/$name.new" "$kept/$name"
}
