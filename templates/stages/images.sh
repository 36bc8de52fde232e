#!/bin/bash
# Downloads the images, all concurrently. A tag is resolved at its first pull and its digest kept, so that the same
# bytes come back if an image is ever removed; a changed pin is resolved again.
# shellcheck source=common.sh
. "$CODE/stages/common.sh"

kept=$LAB/images
install -d -m 755 "$kept"
# What runs, for a host that an older release has set up.
if [ -s "$LAB/state/release" ] && [ ! -d "$LAB/state/applied/images" ]; then python3 "$CODE/host/update.py" keep; fi

# have <image>: it is on this host.
have() { docker image inspect "$1" >/dev/null 2>&1; }

# The digest under which a tag was pulled; the name itself where it has one already, or where the image has none
# (it was built here).
digest_of() {
  [[ $1 != *@* ]] || { echo "$1" && return; }
  docker image inspect -f '{{range .RepoDigests}}{{println .}}{{end}}' "$1" |
    grep -F -m 1 "${1%:*}@" || echo "$1"
}

# A registry that accepts a connection and then says nothing would hold the stage for ever. What it refuses is kept
# beside the log, for the reason that a user reads.
pull() {
  local said
  if said=$(timeout 1800 docker pull -q "$1" 2>&1); then
    echo "$said"
  else
    tee -a "$words" <<<"${said:-$1: no answer within 30 minutes}" >&2
    return 1
  fi
}
words=$(mktemp)
trap 'rm -f "$words"' EXIT

# Ends the stage with what the registries said. Docker Hub's limit: docs.docker.com/docker-hub/usage.
refused() {
  if grep -qi 'toomanyrequests\|rate limit' "$words"; then
    fail image-limit "These images could not be downloaded: ${failed[*]}." \
      "Docker Hub allows 100 downloads in 6 hours for each address without an account, and this address has used them up; an earlier owner of the Elastic IP may have used some." \
      "Run the command again later, at most 6 hours from now: downloaded images are kept." \
      "Or sign in on the host, as root, and run the command again: docker login"
  fi
  fail image-pull "These images could not be downloaded: ${failed[*]}." \
    "The registry said: $(grep -v '^$' "$words" | tail -n 1 | cut -c 1-300)" \
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

# fetch <name> <tag> [<fallback>]: leaves in $kept/<name> the tag asked for and what it was resolved to.
fetch() {
  local name=$1 tag=$2 source='' resolved=''
  if [ -f "$kept/$name" ]; then
    { read -r source && read -r resolved; } <"$kept/$name" || true
    if [ "$source" = "$tag" ] && { have "$resolved" || pull "$resolved"; }; then return 0; fi
  fi
  source=$(retry either "$tag" ${3:+"$3"}) || return 1
  printf '%s\n%s\n' "$tag" "$(digest_of "$source")" >"$kept/$name.new"
  sync "$kept/$name.new"
  mv -f "$kept/$name.new" "$kept/$name"
}

# Portainer follows its tag by a timer of its own: here it is only fetched when there is none.
fetch_portainer() { have "$PORTAINER_IMAGE" || retry pull "$PORTAINER_IMAGE"; }

# LibreChat alone unpacks to 3.5 GB.
if ! [ -f "$kept/LIBRECHAT_IMAGE" ] || [ "$(head -n 1 "$kept/LIBRECHAT_IMAGE")" != "$LIBRECHAT_IMAGE" ]; then
  need_space 7168 "fetching the images" "$(docker info -f '{{.DockerRootDir}}')"
fi

declare -A pulls
fetch LIBRECHAT_IMAGE "$LIBRECHAT_IMAGE" "$LIBRECHAT_IMAGE_FALLBACK" & pulls[$!]=$LIBRECHAT_IMAGE
fetch MONGODB_IMAGE "$MONGODB_IMAGE" "$MONGODB_IMAGE_FALLBACK" & pulls[$!]=$MONGODB_IMAGE
fetch MEILISEARCH_IMAGE "$MEILISEARCH_IMAGE" & pulls[$!]=$MEILISEARCH_IMAGE
fetch CADDY_IMAGE "$CADDY_IMAGE" "$CADDY_IMAGE_FALLBACK" & pulls[$!]=$CADDY_IMAGE
fetch_portainer & pulls[$!]=$PORTAINER_IMAGE
failed=()
for pid in "${!pulls[@]}"; do
  wait "$pid" || failed+=("${pulls[$pid]}")
done
[ ${#failed[@]} -eq 0 ] || refused

say "images: $(sed -n 2p "$kept/LIBRECHAT_IMAGE")"
