import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const code = new URL('../../templates', import.meta.url).pathname
const mongosh = new URL('mongosh.mjs', import.meta.url).pathname

export interface Transaction {
  _id: string
  user: string
  model: string
  tokenType: string
  rawAmount: number
  tokenValue: number
  writeTokens?: number
  readTokens?: number
}

export interface Collections {
  transactions: Transaction[]
  users: { _id: string; email: string }[]
  schedules?: { _id: string; enabled: boolean; leaseUntil?: string | null; leaseBy?: string }[]
  balances?: { _id: string; user: string; tokenCredits: number; autoRefillEnabled?: boolean }[]
}

let ids = 0
/** An id of this moment; ids of the same second come in their order. */
export const idAt = (date: string): string =>
  Math.floor(Date.parse(date) / 1000)
    .toString(16)
    .padStart(8, '0') + (ids++).toString(16).padStart(16, '0')
export const idOf = (user: number): string => user.toString(16).padStart(24, '0')

/** A host whose programs ask a database: `docker exec` runs MongoDB's shell, here mongosh.mjs over a file. */
export function hostWithDatabase(collections: Collections | undefined) {
  const work = mkdtempSync(join(tmpdir(), 'librechat-lab-money-'))
  for (const name of ['bin', 'state', 'input', 'caddy']) mkdirSync(join(work, name))
  writeFileSync(
    join(work, 'bin/docker'),
    `#!/bin/bash\n[ "$1 $2 $3" = "exec librechat-lab-mongodb-1 mongosh" ] || exit 1\n[ -e "$MONGO_DOCUMENTS" ] || exit 1\nshift 3\nexec '${process.execPath}' '${mongosh}' "$@"\n`,
  )
  chmodSync(join(work, 'bin/docker'), 0o755)
  const documents = join(work, 'documents.json')
  const keep = (now: Collections) => writeFileSync(documents, JSON.stringify(now))
  if (collections) keep(collections)
  const read = (name: string) => (existsSync(join(work, name)) ? readFileSync(join(work, name), 'utf8') : '')
  const env = {
    ...process.env,
    PATH: `${work}/bin:${process.env.PATH}`,
    MONGO_DOCUMENTS: documents,
    LAB: work,
    CODE: code,
    RUN: work,
    INPUT: `${work}/input`,
    PYTHONDONTWRITEBYTECODE: '1',
  }
  return {
    /** What LibreChat writes meanwhile. */
    change(with_: (now: Collections) => void): void {
      const now = JSON.parse(readFileSync(documents, 'utf8'))
      with_(now)
      keep(now)
    },
    collections: (): Collections => JSON.parse(readFileSync(documents, 'utf8')),
    settings: (lines: string) => writeFileSync(join(work, '.env'), lines),
    read,
    write: (name: string, text: string) => writeFileSync(join(work, name), Buffer.from(text, 'latin1')),
    /** Runs a program of the host: what it answered, and the error that it left. */
    run(name: string, { request, args = [] }: { request?: object; args?: readonly string[] } = {}) {
      if (request) writeFileSync(join(work, 'input/request.json'), JSON.stringify(request))
      const line = `python3 '${code}/host/${name}.py' ${args.join(' ')} 3>'${work}/answer' >>'${work}/log' 2>&1`
      const { status } = spawnSync('bash', ['-c', `umask 077; ${line}`], { env })
      return { status, output: read('answer'), error: JSON.parse(read('state/error.json') || 'null') }
    },
    remove: () => rmSync(work, { recursive: true, force: true }),
  }
}
