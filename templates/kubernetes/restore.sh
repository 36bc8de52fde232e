#!/bin/bash
# Restores a backup of a lab into an empty database and an empty volume. The Job librechat-restore runs it in MongoDB's
# own image, which has OpenSSL, tar, jq and MongoDB's tools. `kubectl cp` brings the backup while it waits.
# Safe to run again: a restore that was interrupted starts again, and one that is complete does nothing.
set -euo pipefail
umask 077
BACKUP=${BACKUP:-/backup} FILES=${FILES:-/files} PASSPHRASE=${PASSPHRASE:-/passphrase/passphrase}
work=$BACKUP/work
say() { echo "restore: $*"; }
fail() {
  say "failed: $*" >&2
  exit 1
}

if [ ! -e "$BACKUP/complete" ]; then say "waiting for the backup"; fi
until [ -e "$BACKUP/complete" ]; do sleep 1; done

say "unpacking"
rm -rf "$work"
mkdir -p "$work"
tar -xf "$BACKUP/lab.backup" -C "$work" || fail "the backup is damaged: bring it again"
cd "$work"

say "checking"
openssl pkey -in key.pem -passin "file:$PASSPHRASE" -out opened.pem 2>/dev/null || fail "the passphrase does not open the backup"
openssl pkey -in opened.pem -pubout -out public.pem
openssl dgst -sha256 -verify public.pem -signature index.sig index.json >/dev/null || fail "the signature of the index does not match"
jq -r 'to_entries[] | "\(.value)  \(.key)"' index.json | sha256sum --check --quiet --strict || fail "a part is not what it was"
for name in mongodb.archive.gz files.tar allowances.json manifest.json; do
  # Only parts that the signed index names, in their order.
  jq -r --arg name "$name." 'keys[] | select(startswith($name) and endswith(".cms"))' index.json |
    while read -r part; do
      openssl cms -decrypt -binary -inform DER -inkey opened.pem -in "$part"
      rm "$part"
    done >"$name"
done
jq -r '.files[] | select(.name == ("mongodb.archive.gz", "files.tar", "allowances.json")) | "\(.sha256)  \(.name)"' manifest.json |
  sha256sum --check --quiet --strict || fail "a file is not what it was"
rm -f opened.pem
id=$(jq -r .id manifest.json)

# The state of this restore is a document in the database itself.
cat >state.js <<'END'
const there = connect(process.env.MONGO_URI).getSiblingDB(process.env.DATABASE)
const states = there.getCollection('librechat_lab_restore')
const [state] = states.find({ _id: 'state' }).toArray()
if (process.env.STEP === 'begin') {
  const others = there.getCollectionNames().filter((name) => name !== 'librechat_lab_restore')
  if (state?.done) print(state.backup === process.env.BACKUP_ID ? 'done' : 'other')
  else if (!state && others.length > 0) print('full')
  else {
    states.updateOne({ _id: 'state' }, { $set: { backup: process.env.BACKUP_ID, done: false } }, { upsert: true })
    print('begun')
  }
} else {
  states.updateOne({ _id: 'state' }, { $set: { done: true } })
  print('ended')
}
END
state() { STEP=$1 BACKUP_ID=$id DATABASE=$DATABASE mongosh --nodb --quiet --norc state.js | tail -n 1; }
begun=$(state begin) || fail "the database does not answer: see its URI and its network rules"
case $begun in
  done)
    say "this backup is restored already"
    exit 0
    ;;
  other) fail "the database $DATABASE holds another backup: use an empty one" ;;
  full) fail "the database $DATABASE is not empty: use an empty one" ;;
  begun) ;;
  *) fail "MongoDB's shell answered: $begun" ;;
esac

say "restoring the files"
mkdir -p "$FILES"
tar -xf files.tar -C "$FILES" --no-same-owner --no-same-permissions

say "restoring the database"
# In a file, so that the URI with its password is no argument of a process. JSON is YAML.
jq -n '{uri: env.MONGO_URI}' >tools.yaml
mongorestore --config=tools.yaml --archive=mongodb.archive.gz --gzip --nsInclude='LibreChat.*' \
  --nsFrom='LibreChat.*' --nsTo="$DATABASE.*" --drop --stopOnError

[ "$(state end)" = ended ] || fail "the end of the restore could not be written to the database"
cd "$BACKUP"
rm -rf "$work" "$BACKUP/lab.backup"
say "done: $id"
