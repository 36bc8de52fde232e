import { setMaxListeners } from 'node:events'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Writable } from 'node:stream'
import { CommanderError } from 'commander'
import type { Connection } from '../../src/aws/connect.js'
import { buildParser, withoutHelpOfNothing } from '../../src/cli/parser.js'
import { runCommand, showFailure } from '../../src/cli/run.js'
import { usageErrors } from '../../src/cli/usage-errors.js'
import type { Clock } from '../../src/core/clock.js'
import { Interrupted, LabError } from '../../src/core/error.js'
import type { Account } from '../../src/rehearsal/account.js'
import { rehearsalConnection } from '../../src/rehearsal/clients.js'

// The build puts the version in its place.
Object.assign(globalThis, { __VERSION__: '0.0.0' })

/**
 * A clock without waiting: time goes on to the next wait that is over as soon as nothing else is to be done. Waits end
 * in their order, however slow the machine is.
 */
export function quickClock(now = Date.parse('2026-11-26T08:00:00Z')): Clock {
  const waits: { at: number; end: () => void }[] = []
  let turning = false
  const turn = () => {
    waits.sort((one, other) => one.at - other.at)
    const next = waits.shift()
    turning = waits.length > 0
    if (next) {
      now = Math.max(now, next.at)
      next.end()
    }
    if (turning) setTimeout(turn, 1)
  }
  return {
    now: () => now,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        const wait = {
          at: now + ms,
          end: () => {
            signal?.removeEventListener('abort', stop)
            resolve()
          },
        }
        const stop = () => {
          const place = waits.indexOf(wait)
          if (place >= 0) waits.splice(place, 1)
          reject(new Interrupted())
        }
        if (signal?.aborted) return stop()
        signal?.addEventListener('abort', stop, { once: true })
        waits.push(wait)
        if (turning) return
        turning = true
        setTimeout(turn, 1)
      }),
  }
}

export interface Ran {
  code: number
  stdout: string
  stderr: string
}

export interface RunOptions {
  /** The folder in which the rehearsed account is kept. */
  folder: string
  clock?: Clock
  /** What it reads on standard input. */
  input?: string
  /** Aborted as soon as this stands in its output, as Ctrl-C does. */
  stopAt?: RegExp
  /** What its calls go through; `interrupt` does what Ctrl-C does. */
  through?: (connection: Connection, interrupt: () => void) => Connection
}

/** Runs a command line in a rehearsal, in this process and without a terminal. */
export async function runHere(words: readonly string[], options: RunOptions): Promise<Ran> {
  const { folder, clock = quickClock(), input = '', stopAt, through = (direct) => direct } = options
  const interruption = new AbortController()
  setMaxListeners(0, interruption.signal)
  const said = { stdout: '', stderr: '' }
  const stream = (name: 'stdout' | 'stderr') =>
    Object.assign(
      new Writable({
        write(chunk, _, done) {
          said[name] += String(chunk)
          if (stopAt?.test(said[name])) interruption.abort()
          done()
        },
      }),
      { isTTY: false, columns: 0 },
    )
  const env = { XDG_STATE_HOME: folder, HOME: folder, LIBRECHAT_LAB_POLL_SCALE: '1' }
  const surroundings = {
    process: { stdin: new PassThrough().end(input), stdout: stream('stdout'), stderr: stream('stderr'), env },
    signal: interruption.signal,
    clock,
    shown: () => {},
    connect: async (given: { region?: string; scenario?: string }, known?: Connection) =>
      known ?? through(await rehearsalConnection(given, env, clock), () => interruption.abort()),
  } as never
  let code = 0
  const root = buildParser(
    '0.0.0',
    async (command, given, args) => {
      code = await runCommand(command, given, args, surroundings)
    },
    async () => {},
  )
  const argv = withoutHelpOfNothing(root, words)
  const misuse = usageErrors(root, argv)
  try {
    await root.parseAsync(argv, { from: 'user' })
  } catch (error) {
    const json = words.includes('--json')
    const shown = error instanceof LabError ? error : misuse(error, json)
    if (shown) code = await showFailure(shown, { json }, surroundings)
    else if (!(error instanceof CommanderError)) throw error
  }
  return { code, ...said }
}

export const newFolder = () => mkdtempSync(join(tmpdir(), 'librechat-lab-here-'))
const stateIn = (folder: string) => join(folder, 'librechat-lab/rehearsal.json')

/** Runs commands one after the other in one rehearsed account. */
export function account() {
  const folder = newFolder()
  const clock = quickClock()
  return {
    run: (line: string, options: Partial<RunOptions> = {}) =>
      runHere([...line.split(' '), '--rehearse'], { folder, clock, ...options }),
    /** The same, where a word has spaces. */
    words: (words: readonly string[]) => runHere([...words, '--rehearse'], { folder, clock }),
    there: () => JSON.parse(readFileSync(stateIn(folder), 'utf8')) as Account,
    change(how: (account: Account) => void) {
      const changed = JSON.parse(readFileSync(stateIn(folder), 'utf8')) as Account
      how(changed)
      writeFileSync(stateIn(folder), JSON.stringify(changed))
    },
  }
}
