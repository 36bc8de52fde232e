import { execFile } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { onTestFinished } from 'vitest'

/**
 * Plays `docker`: `compose ps` names the container, `exec` runs the command in its folder with nothing of the
 * host's environment, as the real one does.
 */
const DOCKER = `#!/bin/bash
set -eu
home=\${0%/*}
case $1 in
  compose)
    [ "$*" = "compose -p librechat-lab ps -q librechat" ] || { echo "unknown: $*" >&2; exit 1; }
    cat "$home/container"
    ;;
  exec)
    shift
    environment=()
    while [ "\${1#-}" != "$1" ]; do
      case $1 in
        -i) shift ;;
        -e) environment+=("$2"); shift 2 ;;
        -w) folder=$2; shift 2 ;;
        *) echo "unknown: $1" >&2; exit 1 ;;
      esac
    done
    [ -n "$1" ] && [ "$1" = "$(cat "$home/container")" ] || { echo "No such container: $1" >&2; exit 1; }
    shift
    mapfile -t given <"$home/environment"
    cd "$home/root$folder"
    exec env -i "PATH=\${NODE%/*}:/usr/bin:/bin" "\${given[@]}" "\${environment[@]}" "$@"
    ;;
esac
`

export interface Ran {
  stdout: string
  stderr: string
  code: number
}

/** A machine with LibreChat's container on it, as far as the chat proof sees one. */
export function host({
  environment = {},
  running = true,
  modules = true,
}: {
  environment?: Record<string, string>
  running?: boolean
  modules?: boolean
}) {
  const home = mkdtempSync(join(tmpdir(), 'chat-proof-'))
  onTestFinished(() => rmSync(home, { recursive: true, force: true }))
  mkdirSync(join(home, 'root/app/api'), { recursive: true })
  // As npm lays out LibreChat's workspace: the SDK at the root, above the api that asks for it.
  if (modules) symlinkSync(join(process.cwd(), 'node_modules'), join(home, 'root/app/node_modules'))
  writeFileSync(join(home, 'docker'), DOCKER)
  chmodSync(join(home, 'docker'), 0o755)
  writeFileSync(join(home, 'container'), running ? 'a1b2c3\n' : '')
  writeFileSync(
    join(home, 'environment'),
    Object.entries(environment)
      .map(([name, value]) => `${name}=${value}\n`)
      .join(''),
  )
  const record = join(home, 'state/proof.json')
  return {
    record: () => readFileSync(record, 'utf8'),
    forge: (text: string) => {
      mkdirSync(dirname(record), { recursive: true })
      writeFileSync(record, text)
    },
    /** Runs the script as Run Command would, the two fixed addresses of a real host put aside. */
    run(script: string, imds = 'http://127.0.0.1:1'): Promise<Ran> {
      const here = script
        .replaceAll('http://169.254.169.254', imds)
        .replaceAll('/var/lib/librechat-lab', join(home, 'state'))
      return new Promise((done) => {
        const env = { PATH: `${home}:/usr/bin:/bin`, NODE: process.execPath }
        const child = execFile('sh', ['-s'], { env, encoding: 'utf8' }, (error, stdout, stderr) =>
          done({ stdout, stderr, code: typeof error?.code === 'number' ? error.code : 0 }),
        )
        child.stdin?.end(here)
      })
    },
  }
}
