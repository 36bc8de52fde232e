import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { inject } from 'vitest'
import type { Account } from './account.js'
import type { Fault } from './gateway/faults.js'
import { runWarm } from './warm.js'

/** How a run of the program ended. */
export interface Ended {
  /** The exit code, or the signal that ended it. */
  readonly code: number | NodeJS.Signals
  readonly stdout: string
  readonly stderr: string
  /** Milliseconds from start to end. */
  readonly took: number
  /** stdout as JSON; throws where it is none. */
  json<T = Record<string, unknown>>(): T
}

export interface Running {
  readonly child: ChildProcess
  /** What it has said so far. */
  readonly stdout: () => string
  readonly stderr: () => string
  signal(signal: NodeJS.Signals): void
  readonly ended: Promise<Ended>
}

export interface RunOptions {
  env?: Record<string, string | undefined>
  /** What it reads on standard input; nothing by default. */
  input?: string
  /** A home folder to keep between runs; a fresh one by default. */
  home?: string
  /** A process of its own, for what a process keeps: its number in a lock, connections, files that it has read. */
  alone?: boolean
}

/** To be imported by Node before the program: at SIGUSR2 an hour has passed. */
export const clockJump = new URL('clockjump.mjs', import.meta.url).href

/** A fresh, empty home folder, removed with the program's copy at the end. */
export const newHome = (): string => mkdtempSync(join(inject('program'), 'home-'))

/** Starts the built program as its own process, with nothing of this machine's configuration. */
export function start(account: Account, args: readonly string[], options: RunOptions = {}): Running {
  const began = Date.now()
  const child = spawn(process.execPath, [join(inject('program'), 'bin/librechat-lab.js'), ...args], {
    env: environment(account, options),
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  child.stdin.on('error', () => {}) // a program that ends without reading is no fault of the test
  child.stdin.end(options.input ?? '')
  const out = collected(child.stdout)
  const err = collected(child.stderr)
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => {
      resolve({
        code: code ?? signal ?? -1,
        stdout: out(),
        stderr: err(),
        took: Date.now() - began,
        json: () => JSON.parse(out()),
      })
    })
  })
  return { child, stdout: out, stderr: err, signal: (signal) => void child.kill(signal), ended }
}

/**
 * Runs the built program to its end: in a process that has run it before, where nothing of the machine's
 * configuration differs, and otherwise in a new one.
 */
export async function run(
  account: Account,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Ended> {
  const alone =
    options.alone || options.home || Object.keys(options.env ?? {}).some((name) => !ours.test(name))
  if (alone) return await start(account, args, options).ended
  const began = Date.now()
  const env = environment(account, options)
  const said = await runWarm({ program: inject('program'), args, env, input: options.input })
  return { ...said, took: Date.now() - began, json: () => JSON.parse(said.stdout) }
}

/** Runs the program; at the call that `match` names an hour passes for it, and every deadline with it. */
export function anHourLater(
  account: Account,
  args: readonly string[],
  match: Omit<Fault, 'effect'>,
): Promise<Ended> {
  const running = start(account, args, { env: { NODE_OPTIONS: `--import=${clockJump}` } })
  const act = () => running.signal('SIGUSR2')
  account.gateway.faults.add({ ...match, effect: { kind: 'run', when: 'before', act } })
  return running.ended
}

/** What the program reads at each run. Libraries read others, such as NO_COLOR, when they are loaded. */
const ours = /^LIBRECHAT_LAB_/

function environment(account: Account, { env, home }: RunOptions): NodeJS.ProcessEnv {
  return {
    PATH: process.env.PATH,
    HOME: home ?? newHome(),
    AWS_ENDPOINT_URL: account.endpoint,
    AWS_ACCESS_KEY_ID: account.credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: account.credentials.secretAccessKey,
    AWS_REGION: 'us-east-1',
    AWS_EC2_METADATA_DISABLED: 'true',
    LIBRECHAT_LAB_CHECKIP_URL: `${account.endpoint}/checkip`,
    // A factor on every wait between two looks at AWS: a test needs not wait as AWS makes a person wait.
    LIBRECHAT_LAB_POLL_SCALE: '0.02',
    ...env,
  }
}

function collected(stream: NodeJS.ReadableStream): () => string {
  let text = ''
  stream.setEncoding('utf8').on('data', (part: string) => {
    text += part
  })
  return () => text
}
