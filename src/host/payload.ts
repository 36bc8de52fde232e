import { LabError } from '../core/error.js'
import { digest, type Files, tarball, templates } from './archive.js'
import type { Host } from './host.js'

/** The largest script for one Run Command, in bytes; AWS's limit is 64 KB for the whole request. */
const limit = 48 * 1024

/** The line that ends the archive; it can't occur in base64. */
const end = '----'

/** Where the host unpacks files: in memory, so that a restart clears it. */
const directory = '/run/librechat-lab'

/** The exit code and output of a script on a host that doesn't have this version's files. */
export const filesMissing = { code: 79, word: 'librechat-lab: files missing' } as const

/**
 * A script for `sh` that unpacks the files into a new directory and then runs `commands`. Everything that varies is
 * inside the archive, so that neither a shell nor Run Command, which fills in `{{ssm:...}}`, ever reads it as text.
 * Python unpacks, because Amazon Linux always has it (dnf needs it), but not always tar.
 */
function unpacking(files: Files, commands: string): string {
  const archive = tarball(files).toString('base64').replace(/.{76}/g, '$&\n')
  return `set -eu
umask 077
mkdir -p ${directory}
find ${directory} -mindepth 1 -maxdepth 1 ! -name keys ! -name keep-awake -mmin +1440 -exec rm -rf -- '{}' +
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

/** How much base64 one Run Command carries, without what a stage adds in the last one. */
const parcelSize = { leading: 45 * 1024, last: 34 * 1024 }

/** Divides the files into as few parcels as possible. `run.sh` is in the last one, which is filled first. */
function parcels(files: Files): Files[] {
  const parts: Map<string, string>[] = [new Map()]
  const inOrder = [...files].sort(([a], [b]) => Number(b === 'run.sh') - Number(a === 'run.sh'))
  for (const [path, text] of inOrder) {
    const part = parts.at(-1) as Map<string, string>
    const size = (tarball(new Map([...part, [path, text]])).length * 4) / 3
    const most = parts.length === 1 ? parcelSize.last : parcelSize.leading
    if (size > most && part.size > 0) parts.push(new Map([[path, text]]))
    else part.set(path, text)
  }
  return parts.reverse()
}

const under = (folder: string, files: Iterable<[string, string]>) =>
  [...files].map(([path, text]): [string, string] => [`${folder}/${path}`, text])

/**
 * What Run Commands carry, one after another: what this one adds (under `input/`), and what to run with INPUT and CODE
 * set. The host keeps each version's files in a directory of their digest until it restarts, so they are sent only
 * `withFiles`; without them, and on a host that doesn't have them, it ends as `filesMissing` says, having done nothing.
 * They are moved into place at once: a run that is killed leaves them there or not, and two versions don't meet.
 */
export function payloads(
  host: Host,
  input: Readonly<Record<string, string>>,
  command: string,
  { withFiles = false }: { withFiles?: boolean } = {},
): string[] {
  const all = templates(host.templates)
  const code = `${directory}/${digest(all)}`
  const parts = withFiles ? parcels(all) : []
  const leading = parts.slice(0, -1).map((part, i) =>
    unpacking(
      new Map(under('code', part)),
      `CODE=${code} PART=${code}.${i}
[ -d "$PART" ] || mv -T "$SENT/code" "$PART" || [ -d "$PART" ]
true`,
    ),
  )
  const last = unpacking(
    new Map([...under('code', parts.at(-1) ?? []), ...under('input', Object.entries(input))]),
    `CODE=${code} INPUT=$SENT/input
export CODE INPUT
if [ -d "$SENT/code" ] && [ ! -d "$CODE" ]; then
for part in "$CODE".[0-9]*; do if [ -d "$part" ]; then cp -r "$part/." "$SENT/code"; fi; done
if [ "$(find "$SENT/code" -type f | wc -l)" -eq ${all.size} ]; then mv -T "$SENT/code" "$CODE" || [ -d "$CODE" ]; fi
rm -rf -- "$CODE".[0-9]*
fi
if [ ! -d "$CODE" ]; then echo '${filesMissing.word}'; exit ${filesMissing.code}; fi
touch "$CODE"
${command}`,
  )
  for (const text of [...leading, last]) checkSize(text)
  return [...leading, last]
}

function checkSize(text: string): void {
  if (Buffer.byteLength(text) <= limit) return
  throw new LabError({
    code: 'payload-too-large',
    what: `The payload for the host has ${Math.ceil(text.length / 1024)} KiB.`,
    why: 'Run Command accepts at most 48 KiB; a very long list of models can exceed that.',
    fix: [{ command: { path: 'up', flags: { models: '<ids>' } }, text: 'sets up fewer models' }],
  })
}
