import { LabError } from '../core/error.js'
import { digest, type Files, tarball, templates } from './archive.js'
import type { Host } from './host.js'

/** What Run Command is asked to carry at most; its own limit is 64 KB with everything around it. */
const limit = 60 * 1024

/** The word that ends the archive; no line of base64 is it. */
const end = '----'

/** Where the host unpacks what it was sent: in memory, so that a restart clears it. */
const directory = '/run/librechat-lab'

/** How a script ends, and what it prints, on a host that doesn't have this version's files. */
export const filesMissing = { code: 79, word: 'librechat-lab: files missing' } as const

/**
 * A script for `sh` that unpacks the files into a new directory and then runs `commands`. Everything that varies is
 * inside the archive, so that neither a shell nor Run Command, which fills in `{{ssm:...}}`, ever reads it as text.
 * Python unpacks, for Amazon Linux always has it (dnf is made of it) and not always tar.
 */
function unpacking(files: Files, commands: string): string {
  const archive = tarball(files).toString('base64').replace(/.{76}/g, '$&\n')
  return `set -eu
umask 077
mkdir -p ${directory}
find ${directory} -mindepth 1 -maxdepth 1 ! -name keys -mmin +1440 -exec rm -rf -- '{}' +
SENT=$(mktemp -d ${directory}/sent.XXXXXXXX)
trap 'rm -rf -- "$SENT"' EXIT
base64 -d >"$SENT/archive.tar.gz" <<'${end}'
${archive}
${end}
python3 -W ignore -m tarfile -e "$SENT/archive.tar.gz" "$SENT"
${commands}
`
}

/** A script that runs `command` with CODE as the directory of the files, which are gone afterwards. */
export const script = (files: Files, command: string): string =>
  unpacking(files, `CODE=$SENT\nexport CODE\n${command}`)

/**
 * What a Run Command carries: what this one adds (under `input/`), and what to run with INPUT and CODE set. The host
 * keeps each version's files in a directory of their digest until it restarts, so they are sent only `withFiles`;
 * without them, and on a host that doesn't have them, it ends as `filesMissing` says, having done nothing. They are
 * moved into place at once: a run that is killed leaves them there or not, and two versions don't meet.
 */
export function payload(
  host: Host,
  input: Readonly<Record<string, string>>,
  command: string,
  { withFiles = false }: { withFiles?: boolean } = {},
): string {
  const all = templates(host.templates)
  const code = `${directory}/${digest(all)}`
  const under = (folder: string, files: Iterable<[string, string]>) =>
    [...files].map(([path, text]): [string, string] => [`${folder}/${path}`, text])
  const sent = new Map([...(withFiles ? under('code', all) : []), ...under('input', Object.entries(input))])
  const text = unpacking(
    sent,
    `CODE=${code} INPUT=$SENT/input
export CODE INPUT
if [ -d "$SENT/code" ] && [ ! -d "$CODE" ]; then mv -T "$SENT/code" "$CODE" || [ -d "$CODE" ]; fi
if [ ! -d "$CODE" ]; then echo '${filesMissing.word}'; exit ${filesMissing.code}; fi
touch "$CODE"
${command}`,
  )
  if (Buffer.byteLength(text) > limit) {
    throw new LabError({
      code: 'payload-too-large',
      what: `The payload for the host has ${Math.ceil(text.length / 1024)} KiB.`,
      why: 'Run Command carries at most 60 KiB of it; a very long list of models can exceed that.',
      fix: [{ command: { path: 'up', flags: { models: '<ids>' } }, text: 'sets up fewer models' }],
    })
  }
  return text
}
