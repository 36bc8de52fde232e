import { LabError } from '../core/error.js'
import { type Files, tarball, templates } from './archive.js'
import type { Host } from './host.js'

/** What Run Command is asked to carry at most; its own limit is 64 KB with everything around it. */
const limit = 48 * 1024

/** The word that ends the archive; no line of base64 is it. */
const end = '----'

/**
 * A script for `sh` that unpacks the files and runs `command` with CODE as their directory. Everything that varies is
 * inside the archive, so that neither a shell nor Run Command, which fills in `{{ssm:...}}`, ever reads it as text.
 * Python unpacks, for Amazon Linux always has it (dnf is made of it) and not always tar.
 */
export function script(files: Files, command: string): string {
  const archive = tarball(files).toString('base64').replace(/.{76}/g, '$&\n')
  return `set -eu
umask 077
mkdir -p /run/librechat-lab
find /run/librechat-lab -mindepth 1 -maxdepth 1 -mmin +1440 -exec rm -rf -- '{}' +
CODE=$(mktemp -d /run/librechat-lab/XXXXXXXX)
export CODE
trap 'rm -rf -- "$CODE"' EXIT
base64 -d >"$CODE/archive.tar.gz" <<'${end}'
${archive}
${end}
python3 -W ignore -m tarfile -e "$CODE/archive.tar.gz" "$CODE"
${command}
`
}

/** What a Run Command carries: every template, what this one adds to them (under `input/`), and what to run. */
export function payload(host: Host, input: Readonly<Record<string, string>>, command: string): string {
  const added = Object.entries(input).map(([name, text]): [string, string] => [`input/${name}`, text])
  const text = script(new Map([...templates(host.templates), ...added]), command)
  if (Buffer.byteLength(text) > limit) {
    throw new LabError({
      code: 'payload-too-large',
      what: `What would be sent to the host has ${Math.ceil(text.length / 1024)} KiB.`,
      why: 'Run Command carries 48 KiB at most; a very long list of models can do that.',
      fix: ['Choose fewer models: librechat-lab models'],
    })
  }
  return text
}
