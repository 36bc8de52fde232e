#!/bin/bash
# Fetches the images, all at once. A tag is resolved at its first pull and its digest kept, so that the same
# bytes come back if an image is ever removed; a changed pin is resolved anew.
# shellcheck source=common.sh
. "$CODE/stages/common.sh"

kept=$LAB/images
install -d -m 755 "$kept"

# have <image>: it is on this host.
have() { docker image inspect "$1" >/dev/null 2>&1; }

# The digest under which a tag was pulled; the name itself where it has one already, or where the image has none
# (it was built here).
digest_of() {
  [[ $1 != *@* ]] || { echo "$1" && return; }
  docker image inspect -f '{{range .RepoDigests}}{{println .}}{{end}}' "$1" |
    grep -F -m 1 "${1%:*}@" || echo "$1"
}

# A registry that accepts a connection and then says nothing would hold the stage for ever.
pull() { timeout 1800 docker pull -q "$1"; }

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
fetch MONGODB_IMAGE "$MONGODB_IMAGE" & pulls[$!]=$MONGODB_IMAGE
fetch MEILISEARCH_IMAGE "$MEILISEARCH_IMAGE" & pulls[$!]=$MEILISEARCH_IMAGE
fetch CADDY_IMAGE "$CADDY_IMAGE" & pulls[$!]=$CADDY_IMAGE
fetch_portainer & pulls[$!]=$PORTAINER_IMAGE
failed=()
for pid in "${!pulls[@]}"; do
  wait "$pid" || failed+=("${pulls[$pid]}")
done
[ ${#failed[@]} -eq 0 ] || fail image-pull "These images could not be fetched: ${failed[*]}." \
  "The registry didn't answer, refused, or limits how much an address may fetch; the log has its words." \
  "Wait some minutes and run the command again: what was fetched is kept."

say "images: $(sed -n 2p "$kept/LIBRECHAT_IMAGE")"
